//! What the ledger has learnt since a plan was made, so that the plan does not write over it.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::Objects;
use super::record::Record;
use super::{RunId, StoreError, journal};
use crate::model::{BySetting, PersonId, PlanHash, Setting, Subject, TenantId, TenantSetting};

/// Is what runs have put into the ledger that a plan does not know of.
///
/// What a plan observed is as old as its look at the tenant. A run in between may have written, tried or confirmed the
/// same setting, or seen it later: that is newer, and stays. What nobody touched since may be replaced.
#[derive(Debug, Default)]
pub struct Meanwhile {
    tenant: BTreeSet<TenantSetting>,
    people: BTreeMap<PersonId, Person>,
    /// The plans of the runs; `None` where a run's head was lost, or it had no sealed plan.
    plans: BTreeSet<Option<PlanHash>>,
}

/// Is what was learnt of one person.
#[derive(Clone, Copy, Debug, Default)]
struct Person {
    group: bool,
    settings: BySetting<bool>,
}

impl Meanwhile {
    /// Says whether a default of the tenant was written, read back or seen since.
    pub fn of_tenant(&self, setting: TenantSetting) -> bool {
        self.tenant.contains(&setting)
    }

    /// Says whether a setting of a person was written, tried, read back or seen since.
    pub fn of(&self, id: PersonId, setting: Setting) -> bool {
        self.people.get(&id).is_some_and(|person| *person.settings.get(setting))
    }

    /// Says whether the group that holds a person was looked up since.
    pub fn group_of(&self, id: PersonId) -> bool {
        self.people.get(&id).is_some_and(|person| person.group)
    }

    /// Says whether there were runs since, and all of them carried out this one plan.
    pub fn is_all_of(&self, plan: PlanHash) -> bool {
        self.plans.iter().eq([&Some(plan)])
    }

    /// Reads the journals of the runs after one that the plan knew.
    pub(super) async fn since(objects: &Objects, tenant: TenantId, known: RunId) -> Result<Self, StoreError> {
        let mut meanwhile = Self::default();
        for run in journal::runs(objects).await?.into_iter().filter(|run| *run > known) {
            journal::read(objects, run, tenant, |record| meanwhile.take(&record)).await?;
        }
        Ok(meanwhile)
    }

    fn take(&mut self, record: &Record) {
        match record {
            Record::Started(started) => {
                self.plans.insert(started.plan);
            }
            Record::Consented(_)
            | Record::Finished { at: _ }
            | Record::ReOptInKnown { .. }
            | Record::Announced { .. }
            | Record::Wave { .. }
            | Record::Forgotten { .. } => {}
            Record::Returned { setting, at: _ } | Record::ObservedTenant { setting, entry: _ } => {
                self.tenant.insert(*setting);
            }
            Record::Observed { id, is } => {
                self.people.entry(*id).or_default().group = true;
                self.settings(*id, is.settings.keys());
            }
            Record::TenantRead { values, at: _ } => self.tenant.extend(values.keys()),
            Record::Intent(intent) => self.subject(intent.subject),
            Record::Outcome { subject, .. } | Record::Released { subject, at: _ } => self.subject(*subject),
            Record::ReadBack { id, values, .. } => self.settings(*id, values.keys()),
        }
    }

    fn subject(&mut self, subject: Subject) {
        match subject {
            Subject::Tenant(setting) => {
                self.tenant.insert(setting);
            }
            Subject::Person(id, setting) => self.settings(id, [&setting]),
        }
    }

    fn settings<'s>(&mut self, id: PersonId, settings: impl IntoIterator<Item = &'s Setting>) {
        let person = self.people.entry(id).or_default();
        for setting in settings {
            *person.settings.get_mut(*setting) = true;
        }
    }
}
