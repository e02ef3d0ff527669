//! Where each person of a wave stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Says where one person stands with what their group asks for; the first that fits.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing can be asked of them: not found, a guest, a disabled account, without a mailbox, or protected.
    OutOfReach,
    /// Something could not be read.
    Unknown,
    /// No licence carries personal insights.
    Unlicensed,
    /// They opted out, and nobody asked that of them.
    OptedOutThemselves,
    /// A change could not be brought about: it did not take, came back too often, nobody heard of it, or a group hands
    /// down the licence that it is about.
    Failed,
    /// Something is still to be changed.
    Pending,
    /// A change, theirs or of a default, has not shown yet.
    Settling,
    /// Opted out, as the manifest asks.
    OptedOut,
    /// Opted in, and nothing is left to be done.
    OptedIn,
    /// Their wave has not begun.
    Waiting,
}

/// Counts people by where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Measure(#[schemars(with = "BTreeMap<String, u64>")] BTreeMap<Standing, u64>);

impl Measure {
    /// Counts one person.
    pub fn add(&mut self, standing: Standing) {
        *self.0.entry(standing).or_default() += 1;
    }

    /// Adds everybody of another one.
    pub fn extend(&mut self, other: &Self) {
        for (standing, people) in &other.0 {
            *self.0.entry(*standing).or_default() += people;
        }
    }

    /// Gives how many stand there.
    pub fn of(&self, standing: Standing) -> u64 {
        self.0.get(&standing).copied().unwrap_or(0)
    }

    /// Gives how many people it counts.
    pub fn people(&self) -> u64 {
        self.0.values().sum()
    }

    /// Gives how many something can be asked of: all but those out of reach and those who wait.
    pub fn in_reach(&self) -> u64 {
        self.people() - self.of(Standing::OutOfReach) - self.of(Standing::Waiting)
    }

    /// Gives how many of those in reach have nothing left to be done, whatever they decided for themselves.
    pub fn converged(&self) -> u64 {
        self.of(Standing::OptedIn) + self.of(Standing::OptedOut) + self.of(Standing::OptedOutThemselves)
    }
}
