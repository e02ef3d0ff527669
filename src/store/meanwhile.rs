//! What the ledger has learnt since a moment, so that an older plan does not write over it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;

use super::record::{Record, Subject};
use super::{StoreError, journal};
use crate::model::{BySetting, PersonId, Setting, TenantId, TenantSetting};

/// Is what later runs have put into the ledger than the moment at which a plan looked.
///
/// What a plan observed is as old as its look at the tenant. A run in between may have written, tried or confirmed the
/// same setting, or seen it later: that is newer, and stays. What nobody touched since may be replaced.
#[derive(Debug, Default)]
pub struct Meanwhile {
    tenant: BTreeSet<TenantSetting>,
    people: BTreeMap<PersonId, Person>,
}

/// Is what was learnt of one person.
#[derive(Clone, Copy, Debug, Default)]
struct Person {
    group: bool,
    settings: BySetting<bool>,
}

/// Is how far one journal has been read.
#[derive(Debug, Default)]
struct Page {
    /// Whether what this run's plan saw is newer than the moment.
    saw_later: bool,
    /// The last time that a line tells.
    last: Option<Timestamp>,
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

    /// Reads the journals of the runs that wrote anything down after a moment, the newest first.
    ///
    /// Runs follow each other, so the first that had ended by then ends the search.
    pub(super) fn since(store: &Path, tenant: TenantId, moment: Timestamp) -> Result<Self, StoreError> {
        let mut meanwhile = Self::default();
        for run in journal::runs(store)?.into_iter().rev() {
            let mut page = Page::default();
            journal::read(store, run, tenant, |record| meanwhile.take(&record, moment, &mut page))?;
            if page.last.is_some_and(|last| last <= moment) {
                break;
            }
        }
        Ok(meanwhile)
    }

    fn take(&mut self, record: &Record, moment: Timestamp, page: &mut Page) {
        let mut at = |at: Timestamp| {
            page.last = page.last.max(Some(at));
            at > moment
        };
        match record {
            Record::Started(started) => {
                at(started.at);
                page.saw_later = started.read_at > moment;
            }
            Record::Finished { at: ended } => {
                at(*ended);
            }
            Record::ObservedTenant { setting, entry: _ } => {
                if page.saw_later {
                    self.tenant.insert(*setting);
                }
            }
            Record::Observed { id, is } => {
                if page.saw_later {
                    self.people.entry(*id).or_default().group = true;
                    self.settings(*id, is.settings.keys());
                }
            }
            Record::TenantRead { values, at: read } => {
                if at(*read) {
                    self.tenant.extend(values.keys());
                }
            }
            Record::Intent(intent) => {
                if at(intent.at) {
                    self.subject(intent.subject);
                }
            }
            Record::Outcome { subject, at: heard, .. } => {
                if at(*heard) {
                    self.subject(*subject);
                }
            }
            Record::ReadBack { id, values, before: _, at: read } => {
                if at(*read) {
                    self.settings(*id, values.keys());
                }
            }
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
