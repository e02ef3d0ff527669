//! Words for what stands against the manifest for a while: accepted deviations, opting in again, quarantine.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::inert::quoted;
use super::number::{day, list, moment};
use super::words::Quote;
use crate::model::{Setting, Value};
use crate::plan::Quarantined;

/// Writes a moment from which something no longer holds: `the end of 2026-04-01`, where it is the end of a day.
pub(super) fn until(until: Timestamp) -> String {
    let is_midnight = until.to_zoned(TimeZone::UTC).time() == jiff::civil::Time::midnight();
    let before = until.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(until);
    if is_midnight { format!("the end of {}", day(before)) } else { moment(until) }
}

/// Says that an accepted deviation ends, or has ended.
pub(super) fn acceptance_ends(
    selector: &str,
    setting: Setting,
    value: Value,
    at: Timestamp,
    ended: bool,
    quote: Quote,
) -> String {
    let (whose, at) = (quote(selector), until(at));
    if ended {
        format!(
            "{setting} {value} of {whose} was accepted until {at}; that is over, and it is handled like any other: \
             remove it from `accept`, or move the date"
        )
    } else {
        format!(
            "{setting} {value} of {whose} is accepted until {at}, and is handled like any other after that"
        )
    }
}

/// Says why a group opts people in again, and how long it does.
pub(super) fn opts_in_again(reason: &str, at: Timestamp, quote: Quote) -> String {
    format!(
        "they had opted out before; the group opts them in again, once, until {}: {}",
        until(at),
        quote(reason)
    )
}

/// Says how a setting that came back too often differs, and when it came back.
pub(super) fn quarantined(held: &Quarantined) -> String {
    let Quarantined { target: _, want, have, returned } = held;
    format!("is\u{a0}{have}, not\u{a0}{want}; {}", came_back(returned))
}

/// Lists when a setting came back.
pub(super) fn came_back(returned: &[Timestamp]) -> String {
    let days: Vec<_> = returned.iter().map(|at| day(*at)).collect();
    format!("came back on {}", list(&days))
}

/// Says that a setting which came back too often may be written again.
pub fn released(setting: &str, whose: &str, returned: &[Timestamp]) -> String {
    format!("released: {setting} of {}, which {}", quoted(whose), came_back(returned))
}

/// Says that there was nothing to release.
pub fn nothing_to_release(setting: Option<&str>, whose: &str) -> String {
    let whose = quoted(whose);
    match setting {
        Some(setting) => format!("{setting} of {whose} is not quarantined, so nothing was released"),
        None => format!("nothing of {whose} is quarantined, so nothing was released"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_counts_to_its_end_and_a_moment_is_a_moment() {
        let at = |text: &str| until(text.parse().expect("a timestamp"));
        assert_eq!(at("2026-04-02T00:00:00Z"), "the end of 2026-04-01");
        assert_eq!(at("2026-04-02T08:30:00Z"), "2026-04-02 08:30 UTC");
    }
}
