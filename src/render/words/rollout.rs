//! Words for where a rollout stands.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::rollout::{Hold, Phase};
use crate::render::number::count;

use super::Quote;

/// Spells where a wave stands, as the JSON does.
pub(in crate::render) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Planned => "planned",
        Phase::Gated => "gated",
        Phase::Running => "running",
        Phase::Done => "done",
    }
}

/// Says what holds a wave, in days of a time zone.
pub(in crate::render) fn hold(hold: &Hold, zone: &TimeZone, quote: Quote) -> String {
    let share = |people: u64, of: u64| format!("{} of {} before it", count(people), count(of));
    match hold {
        Hold::Starts { at } => format!("it begins on {}", when(*at, zone)),
        Hold::After { wave, until: Some(until) } => {
            format!("{} is not over before {}", quote(wave), when(*until, zone))
        }
        Hold::After { wave, until: None } => {
            format!("{} is not over, and no date says when it will be", quote(wave))
        }
        Hold::NotApproved => "nobody has approved it yet (`approved: true`)".to_owned(),
        Hold::NotMeasured { wave } => format!("nobody knows where the people of {} stand", quote(wave)),
        Hold::Converged { want, people, of } => {
            format!("{} converged, {want} wanted", share(*people, *of))
        }
        Hold::Failed { at_most, people, of } => {
            format!("{} could not be changed, {at_most} at most", share(*people, *of))
        }
        Hold::OptedOut { at_most, people, of } => {
            format!("{} opted out by themselves, {at_most} at most", share(*people, *of))
        }
    }
}

/// Says all that holds a wave, in days of a time zone.
pub(in crate::render) fn holds(holds: &[Hold], zone: &TimeZone, quote: Quote) -> String {
    holds.iter().map(|one| hold(one, zone, quote)).collect::<Vec<_>>().join("; ")
}

/// Writes a day where one begins, and else the moment.
fn when(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    match at.start_of_day() {
        Ok(day) if day == at => at.date().to_string(),
        Ok(_) | Err(_) => at.strftime("%Y-%m-%d %H:%M %Z").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rollout::Percent;
    use crate::render::inert::quoted;

    #[test]
    fn what_holds_a_wave_is_told_with_the_time_where_it_is_no_whole_day() {
        let share = |hundredths| Percent::of_hundredths(hundredths).expect("a share");
        let starts = |at: &str| Hold::Starts { at: at.parse().expect("a moment") };
        let told = [
            starts("2026-03-02T00:00:00Z"),
            starts("2026-03-02T08:30:00Z"),
            Hold::Converged { want: share(9_500), people: 11, of: 12 },
            Hold::OptedOut { at_most: share(2_000), people: 4, of: 12 },
        ];
        assert_eq!(
            holds(&told, &TimeZone::UTC, quoted),
            "it begins on 2026-03-02; it begins on 2026-03-02 08:30 UTC; 11 of 12 before it converged, \
             95% wanted; 4 of 12 before it opted out by themselves, 20% at most"
        );
    }
}
