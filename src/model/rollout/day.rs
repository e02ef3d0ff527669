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
