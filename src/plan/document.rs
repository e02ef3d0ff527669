//! The plan as a value: what is saved, reviewed and carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Context, GroupLicences, Leaving, LeftAlone, MovesWithDefault, Note, Occasion, Operation, OutsideChange,
    Quarantined, Reason,
};
use crate::model::{
    Class, Entry, Mark, Overlap, PersonId, PlanHash, Setting, Tally, TenantEntry, TenantId, TenantSetting,
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
    /// The hash of the file that this is saved as; all zeros where it was not saved.
    #[serde(default)]
    pub hash: PlanHash,
    /// What it was made from.
    pub basis: Basis,
    /// What it is for, where it does not bring about what the manifest asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<Occasion>,
    /// In the order in which they are carried out.
    pub operations: Vec<Operation>,
    /// What changes in licensing groups, for all of their members at once; sorted by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licensing_groups: Vec<GroupLicences>,
    /// Everyone in scope who has no operation, with the reason that weighs most, sorted by UPN.
    pub left_alone: Vec<LeftAlone>,
    /// Changes that somebody else made since the last apply, sorted.
    pub outside_changes: Vec<OutsideChange>,
    /// Settings that came back so often that they are not written any more, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
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
    /// Where people stood when this was planned, by wave and group; for the trend of `report adoption`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standings: Vec<Tally>,
    /// Totals.
    pub summary: Summary,
}

impl Plan {
    /// Makes a plan that does nothing and says nothing.
    pub fn empty(basis: Basis) -> Self {
        Self {
            format: FORMAT,
            hash: PlanHash::default(),
            basis,
            occasion: None,
            operations: Vec::new(),
            licensing_groups: Vec::new(),
            left_alone: Vec::new(),
            outside_changes: Vec::new(),
            quarantined: Vec::new(),
            leaving: Vec::new(),
            overlaps: Vec::new(),
            moves_with_default: None,
            notes: Vec::new(),
            observations: Observations::default(),
            standings: Vec::new(),
            summary: Summary::default(),
        }
    }
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
    /// The newest run that this ledger knew, 0 before the first: what later runs learnt is newer than this plan.
    pub newest_run: u64,
    /// The day that decides waves, windows and expiry dates.
    #[schemars(with = "String")]
    pub as_of: Timestamp,
    /// When reading the tenant began.
    #[schemars(with = "String")]
    pub read_at: Timestamp,
}

impl Basis {
    /// Says what a plan is made from; the tenant was read from `read_at` on.
    pub fn of(context: &Context, tenant: TenantId, tenant_name: &Arc<str>, read_at: Timestamp) -> Self {
        let Context { now: _, as_of, manifest, store, keeps_ledger: _, newest_run, re_pin: _, speed: _ } =
            context;
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            manifest: manifest.clone(),
            tenant,
            tenant_name: Arc::clone(tenant_name),
            store: store.clone(),
            newest_run: *newest_run,
            as_of: *as_of,
            read_at,
        }
    }
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
    /// Defaults that we had written and that somebody else changed, with the moment of looking.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub returned: BTreeMap<TenantSetting, Timestamp>,
    /// Decisions to opt people in again that the ledger did not know.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub re_opt_ins: BTreeMap<Mark, Timestamp>,
    /// People whose account was deleted for good, and of whom nothing is remembered any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub forgotten: BTreeSet<PersonId>,
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
    /// Values that we had written and that somebody else changed, with the moment of looking.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub returned: BTreeMap<Setting, Timestamp>,
    /// Whether the directory knows the person no longer, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub gone_since: Option<Timestamp>,
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
    /// Writes that apply sends where nothing goes wrong: cmdlets and licence changes.
    pub calls: u64,
    /// Readings of one person or of the defaults that apply sends, right before each write and after it.
    ///
    /// Those of a saved plan's people before its first write come on top, and so do those of what shows late, and the
    /// readings of licensing groups, which are looked at again until Microsoft has worked them off.
    pub reads: u64,
    /// About how many seconds apply takes for both.
    pub seconds: u64,
}
