//! Turns operations into the fewest calls of the services that carry them out.

use std::sync::Arc;

use super::{LicenceChange, Phase};
use crate::model::{Feature, Mode, PersonId, Switch, TenantSetting, Value};

/// Is one `Set-MyAnalyticsFeatureConfig`: a mode, a feature with its switch, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set {
    /// `-PrivacyMode`.
    pub mode: Option<Mode>,
    /// `-Feature` and `-IsEnabled`.
    pub feature: Option<(Which, Switch)>,
}

/// Is what `-Feature` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// One feature.
    One(Feature),
    /// `all`: the three of a person.
    All,
}

/// Is what is to be done to one person, or to the tenant, in one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// When.
    pub phase: Phase,
    /// What.
    pub task: Task,
    /// The operations that it carries out: indices into the plan's operations.
    pub operations: Vec<usize>,
}

/// Is the calls themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// One `Set-DefaultTenantMyAnalyticsFeatureConfig`.
    Tenant {
        /// The default.
        setting: TenantSetting,
        /// Its new value.
        value: Value,
    },
    /// `Set-MyAnalyticsFeatureConfig` for one person, once or more, in this order.
    Settings {
        /// Entra object id.
        id: PersonId,
        /// `userPrincipalName`, the cmdlet's `-Identity`.
        upn: Arc<str>,
        /// One call each.
        sets: Vec<Set>,
    },
    /// One `assignLicense` for one person.
    Licences {
        /// Entra object id.
        id: PersonId,
        /// `userPrincipalName`.
        upn: Arc<str>,
        /// All products at once.
        changes: Vec<LicenceChange>,
    },
}
