//! Where each wave stands on a day.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Measure, Percent, Then};

/// Is where all waves stand on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RolloutStatus {
    /// Where days begin: an IANA name.
    pub time_zone: String,
    /// The waves, in the order of the manifest.
    pub waves: Vec<WaveStatus>,
}

/// Is where one wave stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WaveStatus {
    /// Its name.
    pub name: Arc<str>,
    /// The manifest's groups that it names.
    pub groups: Vec<Arc<str>>,
    /// How much of them it takes in.
    pub canary: Percent,
    /// Where it stands.
    pub phase: Phase,
    /// When it began, or begins at the earliest; unknown where that hangs on something without a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub begins: Option<Timestamp>,
    /// When its time is over, or will be at the earliest; `None` where it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ends: Option<Timestamp>,
    /// Whether its groups stay in force after that.
    pub then: Then,
    /// Whether anything but dates decides when it begins, so that the ledger remembers it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gated: bool,
    /// What holds it; empty once it has begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// Where its people stand, if that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
}

impl WaveStatus {
    /// Says whether it has begun, so that its groups came into force.
    pub fn has_begun(&self) -> bool {
        match self.phase {
            Phase::Running | Phase::Done => true,
            Phase::Planned | Phase::Gated => false,
        }
    }
}

/// Says where a wave stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Its day has not come.
    Planned,
    /// Its day has come, and something else holds it.
    Gated,
    /// It is in force, and its time runs.
    Running,
    /// Its time is over.
    Done,
}

/// Says what holds a wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "hold")]
pub enum Hold {
    /// Its day has not come.
    Starts {
        /// When it does.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// The wave before it is not over.
    After {
        /// Which.
        wave: Arc<str>,
        /// When it is, at the earliest, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        until: Option<Timestamp>,
    },
    /// Nobody has approved it.
    NotApproved,
    /// Nobody could say where the people of the wave before it stand.
    NotMeasured {
        /// Which wave.
        wave: Arc<str>,
    },
    /// Too few have nothing left to be done.
    Converged {
        /// At least this share should.
        want: Percent,
        /// How many have.
        people: u64,
        /// Of how many.
        of: u64,
    },
    /// Too many could not be changed.
    Failed {
        /// At most this share should.
        at_most: Percent,
        /// How many could not.
        people: u64,
        /// Of how many.
        of: u64,
    },
    /// Too many opted out by themselves.
    OptedOut {
        /// At most this share should.
        at_most: Percent,
        /// How many have.
        people: u64,
        /// Of how many.
        of: u64,
    },
}

impl Hold {
    /// Says whether it is a condition, which only the day itself answers, and neither a date nor a reviewer.
    pub fn is_condition(&self) -> bool {
        match self {
            Self::NotMeasured { .. }
            | Self::Converged { .. }
            | Self::Failed { .. }
            | Self::OptedOut { .. } => true,
            Self::Starts { .. } | Self::After { .. } | Self::NotApproved => false,
        }
    }
}
