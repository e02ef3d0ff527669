//! What a plan is for, where it does not bring about what the manifest asks for.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Reason, Target};
use crate::model::Value;

/// Says what a plan is for, where it does not bring about what the manifest asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// It undoes a run.
    Rollback(Undone),
    /// It remembers what an administrator's script wrote, and writes nothing.
    Recording(Recorded),
}

/// Is a run that is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Undone {
    /// The run's number.
    pub run: u64,
    /// When it began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How many people it wrote to.
    pub people: u64,
    /// What it wrote and what stays all the same, sorted.
    pub left_out: Vec<LeftOut>,
}

/// Is something that a run wrote and that is not undone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LeftOut {
    /// What it is.
    pub target: Target,
    /// What was there before the run, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What the run wrote.
    pub wrote: Value,
    /// What is there now, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<Value>,
    /// Why it stays.
    pub why: Stays,
}

/// Says why something that a run wrote is not undone.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stays {
    /// For a reason for which any plan leaves people alone; a value that somebody changed since is a choice of theirs.
    Because(Reason),
    /// This later run wrote it again.
    WrittenAgain(u64),
    /// Somebody else changed the default since.
    DefaultChanged,
    /// Somebody else changed the licences since.
    OtherLicences,
    /// It comes back in the next round, once the service plan is there.
    AfterThePlan,
    /// Nobody knows what was there before.
    NothingKnown,
    /// The run wrote what was there already, so that it outlives a default.
    WasSo,
    /// It is as it was before the run.
    IsBack,
}

/// Is what somebody says about an administrator's script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Recorded {
    /// Who says so.
    pub by: Arc<str>,
    /// When the script wrote.
    #[schemars(with = "String")]
    pub written_on: Timestamp,
    /// How many opt-outs count as ours from now on.
    pub people: u64,
}
