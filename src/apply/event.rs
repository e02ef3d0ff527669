//! What an apply tells while it runs, and what one can tell it.

use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Outcome, Stopped};
use crate::plan::Phase;
use crate::store::RunId;

/// Is something that has just happened; whoever shows progress listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The run begins.
    Started {
        /// Its id.
        run: RunId,
        /// How many operations it has.
        operations: u64,
        /// How many writes it will send.
        calls: u64,
    },
    /// Everybody of a saved plan is read before its first write.
    LookingAhead {
        /// How many readings are done.
        done: u64,
        /// In all.
        of: u64,
    },
    /// A phase begins.
    Phase {
        /// Which.
        phase: Phase,
        /// How many operations it has.
        operations: u64,
    },
    /// What became of an operation is known, or known better than before.
    Row {
        /// Index into the plan's operations.
        operation: usize,
        /// What became of it.
        outcome: Outcome,
    },
    /// Some of the work is done.
    Progress {
        /// Operations whose outcome is known.
        done: u64,
        /// All operations of the plan.
        of: u64,
    },
    /// What does not show yet is waited for.
    Waiting {
        /// For how many seconds so far.
        waited: u64,
        /// For how many seconds in all, if need be.
        at_most: u64,
    },
    /// What did not show at once is read again.
    LookingAgain {
        /// How many operations are settling.
        operations: u64,
    },
    /// The run ends before its plan does; what is under way is finished first.
    Stopping(Stopped),
}

/// Asks an apply to stop; what is under way is finished first.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Says whether anybody has asked.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Says how many people may fail before a run stops: the larger of the two.
///
/// A failed person is one of whom an operation was refused, or was sent and never answered. The larger binds because
/// a share alone would stop small runs at the first failure, and a number alone would stop every large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureLimit {
    /// Number of people.
    pub people: u64,
    /// Percent of the people in the plan, 0 to 100.
    pub percent: u32,
}

impl FailureLimit {
    /// Gives the number of people that may fail in a plan for so many.
    pub fn of(self, people: u64) -> u64 {
        self.people.max(people.saturating_mul(u64::from(self.percent)) / 100)
    }
}

impl Default for FailureLimit {
    /// Allows 10 people, or 5 %.
    fn default() -> Self {
        Self { people: 10, percent: 5 }
    }
}

/// Says that a text is no limit of failures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is neither a number of people nor a percentage")]
pub struct NotALimit {
    text: String,
    source: Option<ParseIntError>,
}

impl FromStr for FailureLimit {
    type Err = NotALimit;

    /// Reads `20` as people and `5%` as a share.
    fn from_str(text: &str) -> Result<Self, NotALimit> {
        let refuse = |source| NotALimit { text: text.to_owned(), source };
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim_end().parse().map_err(|source| refuse(Some(source)))?;
                if percent > 100 { Err(refuse(None)) } else { Ok(Self { people: 0, percent }) }
            }
            None => Ok(Self { people: text.parse().map_err(|source| refuse(Some(source)))?, percent: 0 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_limit_binds() {
        let default = FailureLimit::default();
        assert_eq!((default.of(40), default.of(200), default.of(100_000)), (10, 10, 5_000));
    }

    #[test]
    fn a_limit_is_a_number_or_a_percentage() {
        assert_eq!("20".parse(), Ok(FailureLimit { people: 20, percent: 0 }));
        assert_eq!("5%".parse(), Ok(FailureLimit { people: 0, percent: 5 }));
        for wrong in ["", "%", "101%", "-1", "ten"] {
            assert!(wrong.parse::<FailureLimit>().is_err(), "{wrong}");
        }
    }
}
