//! Says where waves stand: which are in force, what holds the next, what somebody waits for.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::{self, Quote};
use crate::model::rollout::{Percent, RolloutStatus, Then, WaveStatus};
use crate::plan::Plan;
use crate::plan::explain::Waits;

/// Says in one line which waves are in force, and what holds the next.
pub(super) fn line(rollout: &RolloutStatus, quote: Quote) -> String {
    let zone = zone(&rollout.time_zone);
    let is_over = |wave: &WaveStatus| {
        let over = wave.phase == crate::model::rollout::Phase::Done;
        over && wave.then == Then::Leave
    };
    let begun = rollout.waves.iter().filter(|wave| wave.has_begun() && !is_over(wave));
    let begun: Vec<String> = begun.map(|wave| in_force(wave, quote)).collect();
    let begun = if begun.is_empty() {
        "no wave is in force yet".to_owned()
    } else {
        format!("waves in force: {}", begun.join(", "))
    };
    let to_come = rollout.waves.iter().filter(|wave| !wave.has_begun());
    let next = to_come.min_by_key(|wave| (wave.begins.is_none(), wave.begins));
    match next {
        Some(next) => format!(
            "{begun}; next is {}: {}",
            quote(&next.name),
            words::rollout::holds(&next.holds, &zone, quote)
        ),
        None => begun,
    }
}

/// Says what somebody waits for.
pub(super) fn waits(waits: &Waits, quote: Quote) -> String {
    let Waits { group, time_zone, wave } = waits;
    let group = quote(group);
    match wave {
        Some(wave) => {
            let zone = zone(time_zone);
            let holds = words::rollout::holds(&wave.holds, &zone, quote);
            format!("for the wave {} of {group}: {holds}", quote(&wave.name))
        }
        None => {
            format!("waves take in a share of {group} only, and this person is not among them")
        }
    }
}

/// Gives the day that a plan is for, unless it is the one on which it was made.
pub(super) fn as_of(plan: &Plan) -> Option<String> {
    let zone = plan.rollout.as_ref().map_or(TimeZone::UTC, |rollout| zone(&rollout.time_zone));
    let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
    let as_of = day(plan.basis.as_of);
    (as_of != day(plan.basis.read_at)).then(|| as_of.to_string())
}

fn in_force(wave: &WaveStatus, quote: Quote) -> String {
    let name = quote(&wave.name);
    if wave.canary == Percent::ALL { name } else { format!("{name} ({})", wave.canary) }
}

/// Finds the time zone that a plan names; one of a later database counts as UTC.
fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}
