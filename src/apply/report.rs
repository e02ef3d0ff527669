//! What happened, all told: one row per person and setting.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Why;
use super::licensing::GroupStanding;
use crate::model::rollout::Closed;
use crate::model::{GroupId, PlanHash, Value, Waiver};
use crate::plan::{GroupLicences, Operation, Refused, Summary, Target};
use crate::store::RunId;

/// Is the version of the report file that this program writes.
pub const FORMAT: u32 = 1;

/// Is what one apply did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// The run's id, which names its folder in the store.
    pub run: String,
    /// The hash of its plan, as it was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanHash>,
    /// Who had consented to what a guard objects to, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// When it ended.
    #[schemars(with = "String")]
    pub ended: Timestamp,
    /// What the plan had foreseen.
    pub planned: Summary,
    /// One row per operation, in the plan's order.
    pub rows: Vec<Row>,
    /// One row per licensing group that was to change for all of its members, in the plan's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licensing_groups: Vec<GroupRow>,
    /// Why the run ended before its plan did, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// How many writes were sent, repeats included.
    pub calls: u64,
}

impl Report {
    /// Makes the report of a run that wrote nothing to the tenant, and remembers something all the same.
    pub fn of_nothing(run: RunId, started: Timestamp, ended: Timestamp) -> Self {
        Self {
            format: FORMAT,
            run: run.to_string(),
            plan: None,
            waivers: Vec::new(),
            started,
            ended,
            planned: Summary::default(),
            rows: Vec::new(),
            licensing_groups: Vec::new(),
            stopped: None,
            calls: 0,
        }
    }

    /// Gives a copy that names nobody, for the store: people stand in it by object id alone.
    ///
    /// The service's words go too, since they may contain an address.
    #[must_use]
    pub fn without_names(&self) -> Self {
        let nobody: Arc<str> = Arc::from("");
        let mut report = self.clone();
        for row in &mut report.rows {
            if let Target::Person(person) = &mut row.operation.target {
                person.upn = Arc::clone(&nobody);
            }
            row.why.iter_mut().for_each(Why::forget_names);
        }
        for group in &mut report.licensing_groups {
            group.why.iter_mut().for_each(Why::forget_names);
        }
        if let Some(Stopped::Tenant(refused)) = &mut report.stopped {
            refused.message.clear();
        }
        report
    }
}

/// Is one operation and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// What was planned.
    pub operation: Operation,
    /// What became of it.
    pub outcome: Outcome,
    /// How often it was sent.
    pub attempts: u32,
    /// The service's id of the last request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Why it became that, where the outcome does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// When its outcome was known.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// Is one licensing group and what became of its change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GroupRow {
    /// Its object id.
    pub id: GroupId,
    /// Its name, or its id where the name could not be read.
    pub name: Arc<str>,
    /// What its members were to have.
    pub to: Value,
    /// The names of the products that were to change.
    pub products: Vec<Arc<str>>,
    /// How many direct members it had.
    pub members: u64,
    /// What became of it; `done` says that the directory has worked through its members.
    pub outcome: Outcome,
    /// How often it was sent.
    pub attempts: u32,
    /// The service's id of the last request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Why it became that, where the outcome does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Whether the directory still worked on its members when last looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub processing: bool,
    /// Whether the directory reports licence errors of some of its members.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub errors: bool,
    /// When this was known.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

impl GroupRow {
    /// Puts together what was planned for a group and what became of it.
    pub(super) fn new(group: &GroupLicences, standing: GroupStanding) -> Self {
        let GroupLicences { id, name, to, changes, members } = group;
        let GroupStanding { outcome, attempts, request_id, why, processing, errors, at } = standing;
        Self {
            id: *id,
            name: Arc::clone(name),
            to: *to,
            products: changes.iter().map(|change| Arc::clone(&change.name)).collect(),
            members: members.len() as u64,
            outcome,
            attempts,
            request_id,
            why,
            processing,
            errors,
            at,
        }
    }
}

/// Is what became of an operation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Written and read back.
    Done,
    /// Written, and not to be seen yet; this is no failure.
    Settling,
    /// Sent, and no answer came; the next run looks again.
    Unanswered,
    /// No longer what the plan expected, so it was not written.
    Moved,
    /// Waits for something that is not there yet: an opt-out to show, a pin to hold, the window of its wave.
    Waiting,
    /// Refused by the service.
    Failed,
    /// Not begun: the run ended before.
    NotBegun,
}

impl Outcome {
    /// Lists every outcome in display order.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Settling,
        Self::Unanswered,
        Self::Moved,
        Self::Waiting,
        Self::Failed,
        Self::NotBegun,
    ];

    /// Gives the word used for it in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Settling => "settling",
            Self::Unanswered => "unanswered",
            Self::Moved => "moved",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::NotBegun => "not-begun",
        }
    }
}

/// Says why a run ended before its plan did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// More people failed than `--failure-limit` allows.
    FailureLimit {
        /// How many failed.
        failed: u64,
        /// The limit that this passed.
        limit: u64,
    },
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// The lock on the store was lost to somebody else.
    LockLost,
    /// A window closed, or a freeze began; the next run continues.
    WindowClosed(Closed),
    /// The tenant no longer lets us in, or does not answer.
    Tenant(Refused),
}
