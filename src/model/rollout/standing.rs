//! Where each person of a wave stands.

use std::collections::BTreeMap;
use std::sync::Arc;

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

impl Standing {
    /// Lists them in the order in which people read them: what was reached, what was decided, what is under way.
    pub const ALL: [Self; 10] = [
        Self::OptedIn,
        Self::OptedOutThemselves,
        Self::OptedOut,
        Self::Settling,
        Self::Pending,
        Self::Failed,
        Self::Unlicensed,
        Self::Unknown,
        Self::Waiting,
        Self::OutOfReach,
    ];

    /// Lists those of whom nothing can be asked now: no condition and no goal counts them.
    pub const BEYOND_REACH: [Self; 3] = [Self::OutOfReach, Self::Unlicensed, Self::Waiting];
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

    /// Counts so many people.
    pub fn add_people(&mut self, standing: Standing, people: u64) {
        if people > 0 {
            *self.0.entry(standing).or_default() += people;
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

    /// Gives how many something can be asked of: all but those [beyond reach](Standing::BEYOND_REACH).
    pub fn in_reach(&self) -> u64 {
        let beyond: u64 = Standing::BEYOND_REACH.iter().map(|standing| self.of(*standing)).sum();
        self.people() - beyond
    }

    /// Gives how many of those in reach have nothing left to be done, whatever they decided for themselves.
    pub fn converged(&self) -> u64 {
        self.of(Standing::OptedIn) + self.of(Standing::OptedOut) + self.of(Standing::OptedOutThemselves)
    }
}

/// Counts the people of one group who belong to one wave, by where they stand; names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    /// The wave; absent where none takes them in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<Arc<str>>,
    /// The group of the manifest.
    pub group: Arc<str>,
    /// How many stand where.
    pub people: Measure,
}
