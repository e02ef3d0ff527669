//! Describes `rollout`.

mod campaign;
mod waves;
mod windows;

use schemars::JsonSchema;

use super::words::Text;

/// What time decides about: waves, windows, and what people do beside them.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Rollout {
    /// Where days begin: an IANA name such as `Europe/Berlin`. Default: `UTC`.
    time_zone: Option<Text>,
    /// How long before a wave begins its people should have the service plan, such as `7 days`. Plans that come later
    /// draw a note.
    licence_lead: Option<waves::Days>,
    /// Which groups are in force, and from when on. A group that no wave names is in force at any time.
    #[schemars(length(min = 1))]
    waves: Option<Vec<waves::Wave>>,
    /// When changes may be made. Without any, at any time.
    #[schemars(length(min = 1))]
    windows: Option<Vec<windows::Window>>,
    /// When none are made, whatever the windows say.
    #[schemars(length(min = 1))]
    freezes: Option<Vec<windows::Freeze>>,
    /// Who answers for what.
    owners: Option<campaign::Owners>,
    /// What is to be done before it begins.
    #[schemars(length(min = 1))]
    checklist: Option<Vec<campaign::Check>>,
    /// What is to be reached; `report adoption` compares with it.
    goals: Option<campaign::Goals>,
    /// What people are asked, and where.
    #[schemars(length(min = 1))]
    surveys: Option<Vec<campaign::Survey>>,
    /// Where people learn: a link.
    training: Option<campaign::Link>,
    /// Days on which something happens, and what people are told then.
    #[schemars(length(min = 1))]
    milestones: Option<Vec<campaign::Milestone>>,
}
