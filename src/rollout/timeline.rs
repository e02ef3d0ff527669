//! Says where each wave stands on a day.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::rollout::{InForce, Measure, Percent, Then};

/// Is what is known of a rollout besides what the manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// When waves with a gate began, by name, as the ledger remembers.
    pub began: BTreeMap<Arc<str>, Timestamp>,
    /// Where the people of each wave stand, by index; a wave that is missing was not measured.
    pub measures: BTreeMap<u32, Measure>,
}

/// Is where a rollout stands on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The day, or moment.
    pub as_of: Timestamp,
    /// The waves, in the order of the manifest.
    pub waves: Vec<WaveStatus>,
    /// Which groups that puts in force.
    pub in_force: InForce,
}

/// Is where one wave stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    pub begins: Option<Timestamp>,
    /// When its time is over, or will be at the earliest; `None` where it has no end.
    pub ends: Option<Timestamp>,
    /// Whether its groups stay in force after that.
    #[serde(skip)]
    pub then: Then,
    /// What holds it; empty once it has begun.
    pub holds: Vec<Hold>,
    /// Where its people stand, if that was measured.
    pub measure: Option<Measure>,
}

/// Says where a wave stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "hold")]
pub enum Hold {
    /// Its day has not come.
    Starts {
        /// When it does.
        at: Timestamp,
    },
    /// The wave before it is not over.
    After {
        /// Which.
        wave: Arc<str>,
        /// When it is, at the earliest, where that is known.
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
