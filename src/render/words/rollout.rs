//! Words for where a rollout stands.

use crate::model::rollout::{Hold, Phase};
use crate::render::number::{count, day};

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

/// Says what holds a wave.
pub(in crate::render) fn hold(hold: &Hold, quote: Quote) -> String {
    match hold {
        Hold::Starts { at } => format!("its day, {}, has not come", day(*at)),
        Hold::After { wave, until: Some(until) } => {
            format!("{} is not over before {}", quote(wave), day(*until))
        }
        Hold::After { wave, until: None } => {
            format!("{} is not over, and no date says when it will be", quote(wave))
        }
        Hold::NotApproved => "nobody has approved it: `approved: true` in a reviewed commit does".to_owned(),
        Hold::NotMeasured { wave } => format!("nobody knows where the people of {} stand", quote(wave)),
        Hold::Converged { want, people, of } => format!(
            "{} of {} people before it have nothing left to be done, and {want} should",
            count(*people),
            count(*of)
        ),
        Hold::Failed { at_most, people, of } => format!(
            "{} of {} people before it could not be changed, and at most {at_most} may",
            count(*people),
            count(*of)
        ),
        Hold::OptedOut { at_most, people, of } => format!(
            "{} of {} people before it opted out by themselves, and at most {at_most} may",
            count(*people),
            count(*of)
        ),
    }
}
