//! The lines of a journal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::RunId;
use crate::model::{
    Mark, PersonId, PlanHash, RefusalKind, Setting, Subject, Tally, TenantEntry, TenantId, TenantSetting,
    Value, Waiver,
};
use crate::plan::Observed;

/// Is one line of a journal: something that a run was about to do, did or saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// The run begins; the first line.
    Started(Started),
    /// Somebody had consented to what a guard objects to in the run's plan.
    Consented(Waiver),
    /// A default of the tenant is remembered as the plan saw it.
    #[serde(rename_all = "kebab-case")]
    ObservedTenant {
        /// The default.
        setting: TenantSetting,
        /// What replaces its entry.
        entry: TenantEntry,
    },
    /// A person is remembered as the plan saw them.
    #[serde(rename_all = "kebab-case")]
    Observed {
        /// Who.
        id: PersonId,
        /// What replaces their entries.
        is: Observed,
    },
    /// A default that we had written was found changed by somebody else.
    #[serde(rename_all = "kebab-case")]
    Returned {
        /// The default.
        setting: TenantSetting,
        /// When it was seen.
        at: Timestamp,
    },
    /// A decision to opt people in again is known from here on.
    #[serde(rename_all = "kebab-case")]
    ReOptInKnown {
        /// Which.
        mark: Mark,
        /// Since when.
        at: Timestamp,
    },
    /// A wave with a gate began, or was held again.
    #[serde(rename_all = "kebab-case")]
    Wave {
        /// Its name.
        name: Arc<str>,
        /// When it began; absent where it was held again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began: Option<Timestamp>,
    },
    /// Somebody let go of a setting that was quarantined.
    #[serde(rename_all = "kebab-case")]
    Released {
        /// Which.
        subject: Subject,
        /// When.
        at: Timestamp,
    },
    /// Drafts were written for people, and none is written for them again.
    #[serde(rename_all = "kebab-case")]
    Announced {
        /// The milestone, by its name.
        milestone: Arc<str>,
        /// Whom they are for.
        people: BTreeSet<PersonId>,
        /// Names the drafts, so that a run which finds some unfinished knows whether these people were told by them.
        drafts: Uuid,
        /// When.
        at: Timestamp,
    },
    /// An account was deleted for good long ago, and nothing is remembered of it any more.
    #[serde(rename_all = "kebab-case")]
    Forgotten {
        /// Whose.
        id: PersonId,
        /// When.
        at: Timestamp,
    },
    /// The tenant's defaults were read; people's values are compared with these from here on.
    #[serde(rename_all = "kebab-case")]
    TenantRead {
        /// Those that could be read.
        values: BTreeMap<TenantSetting, Value>,
        /// When.
        at: Timestamp,
    },
    /// Something is about to be written.
    Intent(Intent),
    /// What became of it.
    #[serde(rename_all = "kebab-case")]
    Outcome {
        /// What was written.
        subject: Subject,
        /// What the service said.
        answer: Answer,
        /// How often it was sent.
        attempts: u32,
        /// The service's id of the last request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// A person was read again after a write.
    #[serde(rename_all = "kebab-case")]
    ReadBack {
        /// Who.
        id: PersonId,
        /// What they have now.
        values: BTreeMap<Setting, Value>,
        /// What they had right before the write, where it differs and the write did not mean to change it.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        before: BTreeMap<Setting, Value>,
        /// When.
        at: Timestamp,
    },
    /// The run has ended, and knows how.
    #[serde(rename_all = "kebab-case")]
    Finished {
        /// When.
        at: Timestamp,
    },
}

/// Is the head of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Started {
    /// The version of this form, [`super::FORMAT`].
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// Whose settings.
    pub tenant: TenantId,
    /// SHA-256 of the manifest and every file that it names, in hexadecimal.
    pub manifest: String,
    /// The version of insightctl.
    pub version: String,
    /// Who carries it out, as they hold the lock; empty in a journal of an earlier version.
    #[serde(default)]
    pub holder: String,
    /// The hash of the plan as the user has it; the plan that is kept beside names nobody, and has other bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanHash>,
    /// Where people stood when the plan was made, by wave and group; names nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standings: Vec<Tally>,
    /// When it began.
    pub at: Timestamp,
}

/// Is a write that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Intent {
    /// Index into the plan's operations.
    pub operation: u32,
    /// What it touches.
    pub subject: Subject,
    /// What was read right before; absent where the service has no field to read it from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What this call leaves there. Not always what the plan wants in the end: of several calls for one person, the
    /// first may switch a feature off before another one switches it on.
    pub to: Value,
    /// It repeats a write that did not take.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
    /// It changes a licensing group, and reaches the person with all other members.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_group: bool,
    /// On whose account it is not an ordinary write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<Under>,
    /// When.
    pub at: Timestamp,
}

/// Says on whose account a write is made that is not an ordinary one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Under {
    /// It undoes a run; it stays undone while this manifest is in force.
    Rollback(Mark),
    /// It opts somebody in again, by this decision.
    ReOptIn(Mark),
}

/// Is what the service said to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It took it.
    Sent,
    /// It surely did not take it, and why.
    Refused(RefusalKind),
    /// Nobody knows: it was sent, and no answer came.
    Unanswered,
}
