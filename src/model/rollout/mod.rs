//! What a manifest says about rolling out: waves, windows, freezes, and what people do beside it.

mod campaign;
mod closed;
mod concerned;
mod day;
mod field;
mod force;
mod percent;
mod standing;
mod status;
mod wave;
mod window;

use jiff::tz::TimeZone;

pub use campaign::{Audience, Campaign, Check, Goals, Message, Milestone, Owner, Role, Survey, Template};
pub use closed::{Closed, ClosedBy};
pub use concerned::Concerned;
pub use day::date_of_day;
pub use field::{Field, Piece, pieces};
pub use force::{Force, InForce};
pub use percent::Percent;
pub use standing::{Measure, Standing, Tally};
pub use status::{Hold, Phase, RolloutStatus, WaveStatus};
pub use wave::{Conditions, Then, Wave};
pub use window::{Freeze, Span, Weekdays, Window};

use super::PersonId;

/// Is the part of a manifest that time decides about.
///
/// Empty by default: everything is in force at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Where its days begin; UTC unless the manifest says otherwise.
    pub time_zone: TimeZone,
    /// In the order of the manifest.
    pub waves: Vec<Wave>,
    /// When changes may be made; always, where there is none.
    pub windows: Vec<Window>,
    /// When none may be made, whatever the windows say.
    pub freezes: Vec<Freeze>,
    /// How many days a service plan should be assigned before the wave that needs it begins.
    pub licence_lead: Option<u32>,
    /// What people do beside it.
    pub campaign: Campaign,
}

impl Rollout {
    /// Gives the wave that a person of a group belongs to, by index: the first of the manifest that takes them in.
    ///
    /// Everybody belongs to at most one, also where several name their group as a canary that grows. Whom the
    /// directory does not know belongs to one that takes in everybody.
    pub fn wave_of(&self, group: u32, person: Option<PersonId>) -> Option<usize> {
        let takes_in = |wave: &Wave| {
            wave.groups.contains(&group)
                && person.map_or(wave.canary == Percent::ALL, |person| wave.canary.takes_in(person))
        };
        self.waves.iter().position(takes_in)
    }
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            time_zone: TimeZone::UTC,
            waves: Vec::new(),
            windows: Vec::new(),
            freezes: Vec::new(),
            licence_lead: None,
            campaign: Campaign::default(),
        }
    }
}
