//! What stands beside the operations: who is left alone, what others changed, and what to know before agreeing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attribution, Inquiry, Reason, Target};
use crate::model::rollout::Closed;
use crate::model::{GroupId, PersonId, RefusalKind, Setting, TenantSetting, Value};

/// Is a person in scope for whom nothing is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LeftAlone {
    /// `userPrincipalName`, or the address that the directory does not know.
    pub upn: Arc<str>,
    /// Entra object id; absent when not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PersonId>,
    /// The group that decides.
    pub group: Arc<str>,
    /// Why.
    pub reason: Reason,
    /// What was refused, when something could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Box<Refused>>,
    /// The settings that this concerns and their values (want, have), for the reasons in which somebody chose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Deviation>,
}

/// Is a refusal, as a plan remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Refused {
    /// What one can do about it.
    #[schemars(with = "String")]
    pub kind: RefusalKind,
    /// The fact, as the service put it.
    pub message: String,
}

/// Is a setting that differs from the manifest and stays so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Deviation {
    /// The setting.
    #[schemars(with = "String")]
    pub setting: Setting,
    /// What the manifest asks for.
    pub want: Value,
    /// What is.
    pub have: Value,
    /// Why it stays so.
    pub reason: Reason,
    /// An opt-out that we wrote once and have released since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ours_released: bool,
    /// The moment until which the manifest accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Who changed it; absent where nobody was asked, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Box<Attribution>>,
}

/// Is a setting that came back so often after we had written it that it is not written any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Quarantined {
    /// What it is.
    pub target: Target,
    /// What the manifest asks for.
    pub want: Value,
    /// What is.
    pub have: Value,
    /// When it was found changed by somebody else, oldest first.
    #[schemars(with = "Vec<String>")]
    pub returned: Vec<Timestamp>,
}

/// Is a change that somebody else made since we last looked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OutsideChange {
    /// What changed.
    pub target: Target,
    /// What it was when last seen or written.
    pub was: Value,
    /// What it is.
    pub is: Value,
    /// Who changed it; absent where nobody was asked, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Box<Attribution>>,
}

/// Counts the people whom one group of the last apply holds no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Leaving {
    /// The group that held them.
    pub group: Arc<str>,
    /// How many people it held.
    pub held: u64,
    /// How many of them no group holds now.
    pub left: u64,
    /// How many of them another group holds now, by group.
    pub moved: BTreeMap<Arc<str>, u64>,
}

/// Counts whom a flip of the defaults moves; the three parts share nobody, and what remains is in no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct MovesWithDefault {
    /// Everyone who may move: enabled member accounts that no operation, choice or pin holds in place; `None` when
    /// the directory's count could not be read.
    pub people: Option<u64>,
    /// All enabled member accounts of the directory; `None` when the count could not be read.
    pub of: Option<u64>,
    /// Of those who move, people whom a group holds and nothing protects.
    pub in_groups: u64,
    /// Of those who move, protected people.
    pub protected: u64,
}

/// Says why a licensing group is not changed for all of its members at once.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Barrier {
    /// The manifest does not say `licences: { through-groups: true }`.
    #[default]
    NotAllowed,
    /// The group itself, or who is in it, could not be read.
    Unreadable {
        /// What the service said.
        message: String,
    },
    /// People hold its licence whom its list of members does not show.
    Incomplete {
        /// How many of them.
        people: u64,
    },
    /// The directory still works on an earlier change of the group.
    Processing,
    /// The group is as it should be by itself, and its members do not show it.
    AsWanted,
    /// Members would be changed who are not to be, or would keep what they have all the same.
    Members {
        /// How many.
        others: u64,
        /// Of how many.
        of: u64,
        /// The first of them by `userPrincipalName`, at most [`Barrier::NAMED`].
        names: Vec<Arc<str>>,
    },
}

impl Barrier {
    /// Is how many people an objection names.
    pub const NAMED: usize = 3;
}

/// Is something to know before agreeing; structure first, `render` has the words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "note")]
pub enum Note {
    /// A group's licence hands the plan down although it is to be removed; the promise "cannot opt in" is unmet.
    #[serde(rename_all = "kebab-case")]
    PlanInherited {
        /// The licensing group's name, or its id where the name could not be read.
        licensing_group: Arc<str>,
        /// Its object id.
        id: GroupId,
        /// How many people it concerns.
        people: u64,
        /// Whether the plan was to be removed; otherwise it was to be assigned.
        removal: bool,
        /// What stands against changing the group itself.
        #[serde(default)]
        barrier: Barrier,
    },
    /// Everything that hangs on this is unknown.
    #[serde(rename_all = "kebab-case")]
    Unreadable {
        /// The manifest's group, or `protected`.
        group: Arc<str>,
        /// The selector, as the manifest writes it.
        selector: String,
        /// What the service said.
        message: String,
    },
    /// A tenant setting could not be read.
    #[serde(rename_all = "kebab-case")]
    TenantUnreadable {
        /// The setting.
        #[schemars(with = "String")]
        setting: TenantSetting,
        /// What the service said.
        message: String,
    },
    /// A default that was written does not show yet.
    #[serde(rename_all = "kebab-case")]
    DefaultSettling {
        /// The default.
        #[schemars(with = "String")]
        setting: TenantSetting,
        /// What was written.
        value: Value,
    },
    /// A default stays as it is, since somebody who should keep its value could not be read, and so not be pinned.
    #[serde(rename_all = "kebab-case")]
    DefaultHeldBack {
        /// The default.
        #[schemars(with = "String")]
        setting: TenantSetting,
        /// What it stays.
        value: Value,
    },
    /// A default stays as it is, since the windows of somebody who should keep its value are closed.
    #[serde(rename_all = "kebab-case")]
    DefaultOutsideWindow {
        /// The default.
        #[schemars(with = "String")]
        setting: TenantSetting,
        /// What it stays.
        value: Value,
    },
    /// Nothing may be changed now, for one group's people or at all.
    #[serde(rename_all = "kebab-case")]
    Closed {
        /// The manifest's group; absent where nothing at all may be changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<Arc<str>>,
        /// Why, and until when.
        closed: Closed,
    },
    /// A default is not as the manifest asks, since a run was undone under this very manifest.
    #[serde(rename_all = "kebab-case")]
    DefaultRolledBack {
        /// The default.
        #[schemars(with = "String")]
        setting: TenantSetting,
        /// What it stays.
        value: Value,
    },
    /// Opt-outs that a script wrote, as somebody recorded, and that this plan leaves as they are.
    #[serde(rename_all = "kebab-case")]
    RecordedStay {
        /// How many people in scope.
        people: u64,
    },
    /// The manifest protects somebody whom the directory does not know.
    #[serde(rename_all = "kebab-case")]
    ProtectedNotFound {
        /// The address, as the manifest spells it.
        address: Arc<str>,
    },
    /// A write-only setting is as last written, and nobody can check.
    #[serde(rename_all = "kebab-case")]
    TenantWriteOnly {
        /// The setting.
        #[schemars(with = "String")]
        setting: TenantSetting,
    },
    /// A group that held people holds nobody now.
    #[serde(rename_all = "kebab-case")]
    GroupNowEmpty {
        /// The manifest's group.
        group: Arc<str>,
    },
    /// `service-plan: removed` without `mode: opt-out`: these people's data still feed others' statistics.
    #[serde(rename_all = "kebab-case")]
    RemovedStillCounts {
        /// The manifest's group.
        group: Arc<str>,
    },
    /// Microsoft paused the digest in March 2024.
    DigestPaused,
    /// Microsoft may send its own welcome e-mail to these people.
    WelcomeMail,
    /// There is no ledger: only visible choices and the consent floor protect people.
    NoLedger,
    /// The manifest accepts a deviation of somebody whom the directory does not know.
    #[serde(rename_all = "kebab-case")]
    AcceptedNotFound {
        /// The address, as the manifest spells it.
        address: Arc<str>,
    },
    /// A deviation that the manifest accepts ends soon, or has ended.
    #[serde(rename_all = "kebab-case")]
    AcceptanceEnds {
        /// Whose, as the manifest spells it.
        selector: String,
        /// The setting.
        #[schemars(with = "String")]
        setting: Setting,
        /// What is accepted.
        value: Value,
        /// The moment from which it no longer is.
        #[schemars(with = "String")]
        until: Timestamp,
        /// Whether that is over, so that it is handled like any other.
        ended: bool,
    },
    /// A group opts people in again in this plan.
    #[serde(rename_all = "kebab-case")]
    OptsInAgain {
        /// The manifest's group.
        group: Arc<str>,
        /// Why, in the words of the manifest.
        reason: Arc<str>,
        /// The moment from which it no longer does.
        #[schemars(with = "String")]
        until: Timestamp,
    },
    /// A group would opt people in again, and without a ledger nobody knows who had opted out before.
    #[serde(rename_all = "kebab-case")]
    OptsNobodyInAgain {
        /// The manifest's group.
        group: Arc<str>,
    },
    /// People who left could not all be restored: a pin cannot be unset.
    #[serde(rename_all = "kebab-case")]
    RestoreStays {
        /// How many people.
        people: u64,
    },
    /// The audit log was asked who made the changes that others made.
    #[serde(rename_all = "kebab-case")]
    WhoChanged {
        /// What came of it.
        inquiry: Inquiry,
    },
}
