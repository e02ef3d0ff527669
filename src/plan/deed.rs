//! What one run wrote, as its journal tells it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{GroupLicences, LicenceChange, Scope};
use crate::model::{BySetting, GroupId, PersonId, TenantSetting, Value};

/// Is everything that one run wrote, or may have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deeds {
    /// The run's number.
    pub run: u64,
    /// When it began.
    pub at: Timestamp,
    /// By default of the tenant.
    pub tenant: BTreeMap<TenantSetting, Deed>,
    /// By person.
    pub people: BTreeMap<PersonId, PersonDeeds>,
    /// What was to change in licensing groups, sorted by id.
    pub licensing_groups: Vec<GroupLicences>,
}

/// Is what a run wrote to one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonDeeds {
    /// By setting; features that changed beside a write are among them.
    pub settings: BySetting<Option<Deed>>,
    /// The products that were written for the service plan.
    pub licences: Vec<LicenceChange>,
    /// The licensing groups through which the service plan was changed, sorted.
    pub through: Vec<GroupId>,
}

/// Is what a run wrote to one setting; what the service refused is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deed {
    /// What was there before; `None` where the service has no field to read it from.
    pub from: Option<Value>,
    /// The last write that the service took.
    pub taken: Option<Wrote>,
    /// A write after that of which nothing was heard.
    pub unheard: Option<Wrote>,
    /// The newest later run that wrote here again.
    pub again: Option<u64>,
}

/// Is one write: what, and when it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrote {
    /// The value.
    pub value: Value,
    /// When; the ledger knows the write by it.
    pub at: Timestamp,
}

impl Deeds {
    /// Lists the licensing groups that must be read to undo this.
    pub fn groups(&self) -> BTreeSet<GroupId> {
        self.licensing_groups.iter().map(|group| group.id).collect()
    }

    /// Widens a scope to all that must be seen to undo this.
    pub fn widen(&self, scope: &mut Scope) {
        scope.people.extend(self.people.keys());
        // An opt-in states the features, which may follow a default; a default moves people.
        scope.settings = true;
        scope.tenant_settings = true;
        scope.count_people |= !self.tenant.is_empty();
    }
}

impl Deed {
    /// Gives what the run wanted to be there in the end.
    pub fn to(&self) -> Option<Value> {
        self.unheard.or(self.taken).map(|wrote| wrote.value)
    }

    /// Finds the write that the ledger still knows as ours, by its value and its moment.
    pub(super) fn known_as(&self, ours: Option<Value>, at: Timestamp) -> Option<Wrote> {
        let known = |wrote: &Wrote| Some(wrote.value) == ours && wrote.at == at;
        [self.unheard, self.taken].into_iter().flatten().find(known)
    }
}
