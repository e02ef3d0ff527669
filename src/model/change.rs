//! Classes of change, and how much of each may happen without consent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Is a class of change that a guard counts and a person can consent to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// People opted in.
    OptIn,
    /// People opted out.
    OptOut,
    /// People whose features are switched.
    Features,
    /// People who get the service plan.
    ServicePlanAssigned,
    /// People who lose the service plan.
    ServicePlanRemoved,
    /// People whom a group holds no longer, per group.
    Leaving,
    /// People who left and get back what was found.
    Restore,
    /// People opted in although they had opted out.
    ReOptIn,
    /// People whose value is written again after a default moved it.
    RePin,
    /// People restored to what they had before a run.
    Rollback,
    /// People who move with a tenant default.
    Defaults,
}

impl Class {
    /// Lists every class in display order.
    pub const ALL: [Self; 11] = [
        Self::OptIn,
        Self::OptOut,
        Self::Features,
        Self::ServicePlanAssigned,
        Self::ServicePlanRemoved,
        Self::Leaving,
        Self::Restore,
        Self::ReOptIn,
        Self::RePin,
        Self::Rollback,
        Self::Defaults,
    ];

    /// Gives the word used for it in manifests, on the command line and in plans.
    pub fn word(self) -> &'static str {
        match self {
            Self::OptIn => "opt-in",
            Self::OptOut => "opt-out",
            Self::Features => "features",
            Self::ServicePlanAssigned => "service-plan-assigned",
            Self::ServicePlanRemoved => "service-plan-removed",
            Self::Leaving => "leaving",
            Self::Restore => "restore",
            Self::ReOptIn => "re-opt-in",
            Self::RePin => "re-pin",
            Self::Rollback => "rollback",
            Self::Defaults => "defaults",
        }
    }

    /// Gives the limit that holds where the manifest sets none.
    ///
    /// The classes that override a person, or reach everyone at once, always need consent: their limit is nobody.
    pub fn default_limit(self) -> Limit {
        match self {
            Self::OptIn | Self::OptOut | Self::Features => Limit { percent: 30, people: 500 },
            Self::ServicePlanAssigned => Limit { percent: 10, people: 100 },
            Self::ServicePlanRemoved => Limit { percent: 5, people: 50 },
            Self::Leaving | Self::Restore | Self::Rollback => Limit { percent: 10, people: 50 },
            Self::ReOptIn | Self::RePin | Self::Defaults => Limit { percent: 0, people: 0 },
        }
    }

    /// Gives the number of people up to which the percentage does not bind, so that small tenants can work.
    ///
    /// Classes that always need consent have no floor.
    pub fn floor(self) -> u64 {
        match self {
            Self::OptIn
            | Self::OptOut
            | Self::Features
            | Self::ServicePlanAssigned
            | Self::ServicePlanRemoved
            | Self::Leaving
            | Self::Restore
            | Self::Rollback => 10,
            Self::ReOptIn | Self::RePin | Self::Defaults => 0,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Class {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|class| class.word().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// Says how much of a class may happen without consent; the smaller of the two binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limit {
    /// Percent of the people in scope (of the group, for `leaving`), 0 to 100.
    pub percent: u32,
    /// Number of people.
    pub people: u64,
}
