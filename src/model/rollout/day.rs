//! Days of a wave: 1 is the first, -1 the day before it, and there is no day 0.

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Milestone, Survey};

/// Gives the date of a day of a wave that begins on `first`.
///
/// Day 1 is `first` itself and day -1 the day before; a manifest has no day 0, which counts as day 1 here. Days beyond
/// the calendar are its last.
pub fn date_of_day(first: Date, day: i32) -> Date {
    let ahead = if day > 0 { day - 1 } else { day };
    first.saturating_add(ahead.days())
}

impl Milestone {
    /// Gives the first and the last date on which it happens, in a wave that begins on `first`.
    pub fn dates(&self, first: Date) -> (Date, Date) {
        (date_of_day(first, self.day), date_of_day(first, self.until_day.unwrap_or(self.day)))
    }
}

impl Survey {
    /// Gives the survey of a wave that comes next on a day, or else the wave's last one.
    pub fn next(surveys: &[Self], wave: u32, day: i32) -> Option<&Self> {
        let of_wave = || surveys.iter().filter(|survey| survey.wave == wave);
        let next = of_wave().filter(|survey| survey.day >= day).min_by_key(|survey| survey.day);
        next.or_else(|| of_wave().max_by_key(|survey| survey.day))
    }

    /// Gives the date on which it is due, in a wave that begins on `first`.
    pub fn date(&self, first: Date) -> Date {
        date_of_day(first, self.day)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_message_speaks_of_the_survey_that_comes_next() {
        let survey = |wave, day: i32| Survey { name: day.to_string().into(), wave, day, link: None };
        let surveys = [survey(0, 14), survey(0, -3), survey(1, 1), survey(0, 40)];
        let next = |wave, day| Survey::next(&surveys, wave, day).map(|survey| survey.day);
        assert_eq!(
            [next(0, -7), next(0, 1), next(0, 14), next(0, 45)],
            [Some(-3), Some(14), Some(14), Some(40)]
        );
        assert_eq!(next(2, 1), None);
    }

    #[test]
    fn the_day_before_the_first_is_minus_one() {
        let first = date(2026, 3, 2);
        assert_eq!(date_of_day(first, 1), first);
        assert_eq!(date_of_day(first, 2), date(2026, 3, 3));
        assert_eq!(date_of_day(first, 45), date(2026, 4, 15));
        assert_eq!(date_of_day(first, -1), date(2026, 3, 1));
        assert_eq!(date_of_day(first, -7), date(2026, 2, 23));
        assert_eq!(date_of_day(Date::MAX, 7), Date::MAX);
    }
}
