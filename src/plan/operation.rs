//! What a plan is made of: plain data, with no choice left.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    Class, Entry, GroupId, Overlap, PersonId, RefusalKind, ServicePlanId, Setting, SkuId, TenantEntry,
    TenantId, TenantSetting, Value,
};

/// Is the version of the plan file that this program writes.
pub const FORMAT: u32 = 1;

/// Is everything that will happen, everything that will not, and why.
///
/// Sorted; the same inputs give the same bytes. The JSON form is the plan itself: `apply` needs nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[must_use = "a plan does nothing until it is applied"]
pub struct Plan {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// What it was made from.
    pub basis: Basis,
    /// In the order in which they are carried out.
    pub operations: Vec<Operation>,
    /// Everyone in scope who has no operation, with the reason that weighs most, sorted by UPN.
    pub left_alone: Vec<LeftAlone>,
    /// Changes that somebody else made since the last apply, sorted.
    pub outside_changes: Vec<OutsideChange>,
    /// People whom the groups hold no longer, or who moved between groups; counted per group.
    pub leaving: Vec<Leaving>,
    /// Pairs of groups that share people.
    pub overlaps: Vec<Overlap>,
    /// How many people a flip of a default moves, if this plan flips one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves_with_default: Option<MovesWithDefault>,
    /// Things to know before agreeing, sorted.
    pub notes: Vec<Note>,
    /// What apply will store in the ledger about what was seen.
    pub observations: Observations,
    /// Totals.
    pub summary: Summary,
}

/// Is what a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Basis {
    /// The version of insightctl that planned.
    pub version: String,
    /// SHA-256 of the manifest and every file that it names, in hexadecimal.
    pub manifest: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's name.
    pub tenant_name: Arc<str>,
    /// The id of the store whose ledger was used; `None` when there is no store yet, or `store: none`.
    pub store: Option<String>,
    /// The day that decides waves, windows and expiry dates.
    #[schemars(with = "String")]
    pub as_of: Timestamp,
    /// When reading the tenant began.
    #[schemars(with = "String")]
    pub read_at: Timestamp,
}

/// Groups operations into steps, in the order that gives nobody more, and takes from nobody what they should keep.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// People's opt-outs and switch-offs.
    Withdraw,
    /// Values that equal today's default and are written so that they outlive it.
    Pin,
    /// Defaults of the tenant that are switched off.
    DefaultsOff,
    /// Service plans that are removed.
    PlanRemove,
    /// Service plans that are assigned.
    PlanAssign,
    /// Defaults of the tenant that are switched on, and rates.
    DefaultsOn,
    /// People's opt-ins and switch-ons.
    Grant,
}

impl Phase {
    /// Lists every phase in order.
    pub const ALL: [Self; 7] = [
        Self::Withdraw,
        Self::Pin,
        Self::DefaultsOff,
        Self::PlanRemove,
        Self::PlanAssign,
        Self::DefaultsOn,
        Self::Grant,
    ];
}

/// Is one change of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// When it is carried out.
    pub phase: Phase,
    /// What it touches.
    pub target: Target,
    /// What was read; `None` when the setting cannot be read at all.
    pub from: Option<Value>,
    /// What is to be.
    pub to: Value,
    /// Which guard counts it.
    pub class: Class,
    /// Why.
    pub because: Because,
    /// The products to change, for a service plan; empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<LicenceChange>,
    /// Carried out only once the person's opt-out was read back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub after_opt_out: bool,
}

/// Is what an operation touches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A default of the tenant.
    Tenant(#[schemars(with = "String")] TenantSetting),
    /// A setting of a person.
    Person(PersonTarget),
}

/// Is one setting of one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PersonTarget {
    /// `userPrincipalName`, spelt as the directory spells it.
    pub upn: Arc<str>,
    /// Entra object id.
    pub id: PersonId,
    /// The group that decides, or that the person left.
    pub group: Arc<str>,
    /// The setting.
    #[schemars(with = "String")]
    pub setting: Setting,
}

/// Is one product to write, with the list of plans that it replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LicenceChange {
    /// The product.
    pub sku: SkuId,
    /// Its name, for people to read.
    pub name: Arc<str>,
    /// `disabledPlans` as found, sorted.
    pub disabled_before: Vec<ServicePlanId>,
    /// `disabledPlans` to write, sorted; all else that was disabled stays so.
    pub disabled_after: Vec<ServicePlanId>,
}

/// Says why an operation is in the plan: the row of the verdict table, or what stands beside it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// Row 7: equals the default today and would not after this plan.
    Pinned,
    /// Row 9 with consent: a default moved what we had written.
    RePin,
    /// Row 10: we wrote what is there, and the manifest now asks for something else.
    ManifestChanged,
    /// Row 11: our write did not show in time; it is repeated once.
    DidNotTake,
    /// Row 12 under `on-user-choice: override`.
    Overridden,
    /// Row 14: never touched by us and never chosen by anyone.
    FirstTouch,
    /// Stated again because an opt-in leaves the features in no known state.
    WithOptIn,
    /// A tenant setting or service plan that differs from the manifest.
    Differs,
    /// The person left, and gets back what was found.
    Restored,
}

/// Says why nothing is done for a person or a setting, in order of weight: the first weighs most.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Something could not be read.
    Unknown,
    /// The directory does not know the person.
    NotFound,
    /// A guest.
    Guest,
    /// A disabled account.
    Disabled,
    /// `guards.protected`.
    Protected,
    /// No mailbox.
    NoMailbox,
    /// No licence that carries personal insights.
    Unlicensed,
    /// Somebody opted out; nobody is opted in against that.
    ConsentFloor,
    /// Somebody chose otherwise.
    OwnChoice,
    /// The service plan is handed down by a group.
    InheritedLicence,
    /// Features do not matter while the person is opted out.
    OptedOut,
    /// A write has not shown yet.
    Settling,
    /// A change of the default has not shown yet.
    DefaultSettling,
    /// A default moved what we had written.
    DefaultMoved,
    /// The default will bring it about.
    MovesWithDefault,
    /// The service has no field to read it from.
    Unreadable,
    /// No longer asked for.
    Released,
    /// As it should be.
    InSync,
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
    #[serde(default, skip_serializing_if = "is_false")]
    pub ours_released: bool,
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

/// Counts whom a flip of the defaults moves outside the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct MovesWithDefault {
    /// Everyone who may move: enabled member accounts that no operation, choice or pin holds in place; `None` when
    /// the directory's count could not be read.
    pub people: Option<u64>,
    /// Of these, people whom a group holds and who are to move.
    pub in_groups: u64,
    /// Of these, protected people.
    pub protected: u64,
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
    /// A default is held back, since a value that must outlive it cannot be written now.
    #[serde(rename_all = "kebab-case")]
    DefaultSettling {
        /// The default that was written and does not show yet.
        #[schemars(with = "String")]
        setting: TenantSetting,
        /// What was written.
        value: Value,
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
    /// People who left could not all be restored: a pin cannot be unset.
    #[serde(rename_all = "kebab-case")]
    RestoreStays {
        /// How many people.
        people: u64,
    },
}

/// Is what apply stores in the ledger, whether or not anything is written to the tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Observations {
    /// Defaults of the tenant whose entry changes.
    #[schemars(with = "BTreeMap<String, TenantEntry>")]
    pub tenant: BTreeMap<TenantSetting, TenantEntry>,
    /// People whose record changes.
    pub people: BTreeMap<PersonId, Observed>,
}

/// Is what changes in the ledger about one person because of looking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Observed {
    /// The group that holds the person now; `None` when no group does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
    /// Entries to replace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Entry>")]
    pub settings: BTreeMap<Setting, Entry>,
}

/// Totals of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// People whom the manifest's groups hold, whether found or not.
    pub in_scope: u64,
    /// People with at least one operation.
    pub people: u64,
    /// People with an operation, although they are outside the scope (they left).
    pub outside_scope: u64,
    /// Tenant settings with an operation.
    pub tenant_settings: u64,
    /// People by class of operation; pins, which write what is there already, are counted apart.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub by_class: BTreeMap<Class, u64>,
    /// People pinned.
    pub pinned: u64,
    /// People left alone, by reason.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub left_alone: BTreeMap<Reason, u64>,
    /// People in scope, by group.
    pub groups: BTreeMap<Arc<str>, u64>,
    /// Writes that apply sends: cmdlets and licence changes. Reads come on top and are part of `seconds`.
    pub calls: u64,
    /// About how long apply takes.
    pub seconds: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
