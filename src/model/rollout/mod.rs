//! What a manifest says about rolling out: waves, windows, freezes, and what people do beside it.

mod campaign;
mod force;
mod percent;
mod standing;
mod status;
mod wave;
mod window;

use jiff::tz::TimeZone;

pub use campaign::{Audience, Campaign, Check, Goals, Message, Milestone, Owner, Role, Survey, Template};
pub use force::{Force, InForce};
pub use percent::Percent;
pub use standing::{Measure, Standing};
pub use status::{Hold, Phase, RolloutStatus, WaveStatus};
pub use wave::{Conditions, Then, Wave};
pub use window::{Freeze, Span, Weekdays, Window};

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
