//! Finds what the audit log is to be asked, and what its records answer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Attribution, AuditRecord, LOG_REACHES_BACK};
use crate::model::{Entry, Ledger, PersonId, Setting, TenantId, TenantSetting};
use crate::plan::explain::{Decision, Explanation};
use crate::plan::{Because, OutsideChange, Plan, Reason, Target};

/// Is a setting that somebody else changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    Tenant(TenantSetting),
    Person(PersonId, Setting),
}

/// Is whom a record can concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Tenant,
    Person(PersonId),
}

/// Is when somebody changed it: after the first moment, and not after the last.
type Window = (Timestamp, Timestamp);

/// Is what the audit log is asked: who changed these settings, and when.
#[derive(Clone, Debug)]
pub struct Questions {
    windows: BTreeMap<Asked, Window>,
    /// By object id, and by user principal name in lower case.
    people: BTreeMap<String, PersonId>,
    /// The tenant's id.
    tenant: String,
    now: Timestamp,
}

impl Questions {
    /// Asks about changes that a plan finds others to have made, and choices that the ledger did not know; `None` where
    /// there are none.
    ///
    /// `now` is a moment after the tenant was read.
    pub fn of(plan: &Plan, ledger: &Ledger, now: Timestamp) -> Option<Self> {
        let mut questions = Self::none(&plan.basis.tenant, now);
        for OutsideChange { target, was: _, is: _, by: _ } in &plan.outside_changes {
            match target {
                Target::Tenant(setting) => {
                    let since = ledger.tenant.get(setting).map(|entry| entry.at);
                    questions.add(Asked::Tenant(*setting), since, now);
                }
                Target::Person(person) => {
                    let since = ledger.entry(person.id, person.setting).map(|entry| entry.at);
                    questions.add_person(person.id, &person.upn, person.setting, since, now);
                }
            }
        }
        for person in &plan.left_alone {
            let Some(id) = person.id else { continue };
            for deviation in &person.settings {
                let chosen = matches!(deviation.reason, Reason::OwnChoice | Reason::ConsentFloor);
                let entry = ledger.entry(id, deviation.setting);
                // What we wrote is nobody's choice.
                let ours = entry.and_then(Entry::written) == Some(deviation.have);
                let known = entry.is_some_and(|entry| entry.is_choice_of(deviation.have));
                if chosen && !ours && !known {
                    let since = entry.map(|entry| entry.at);
                    questions.add_person(id, &person.upn, deviation.setting, since, now);
                }
            }
        }
        questions.unless_empty()
    }

    /// Asks about everything that others chose for one person, known to the ledger or not; `None` where that is nothing.
    pub fn about(explanation: &Explanation, tenant: TenantId, now: Timestamp) -> Option<Self> {
        let mut questions = Self::none(&tenant, now);
        for explained in &explanation.settings {
            let chosen = match explained.decision {
                Decision::Leave(Reason::OwnChoice | Reason::ConsentFloor | Reason::Quarantined)
                | Decision::Set { to: _, because: Because::Overridden | Because::ReOptIn } => true,
                Decision::Set { .. } | Decision::Leave(_) => false,
            };
            let Some(have) = explained.have.filter(|_| chosen) else { continue };
            let entry = explained.entry.as_ref();
            let (since, until) = match entry {
                Some(entry) if entry.written() == Some(have) => continue,
                // It was there when it was first seen, so somebody had changed it by then.
                Some(entry) if entry.is_choice_of(have) => (None, entry.at),
                Some(entry) => (Some(entry.at), now),
                None => (None, now),
            };
            questions.add_person(explanation.id, &explanation.upn, explained.setting, since, until);
        }
        questions.unless_empty()
    }

    fn none(tenant: &TenantId, now: Timestamp) -> Self {
        Self { windows: BTreeMap::new(), people: BTreeMap::new(), tenant: tenant.to_string(), now }
    }

    fn unless_empty(self) -> Option<Self> {
        (!self.windows.is_empty()).then_some(self)
    }

    fn add(&mut self, asked: Asked, since: Option<Timestamp>, until: Timestamp) -> bool {
        let earliest = self.now.saturating_sub(LOG_REACHES_BACK).unwrap_or(Timestamp::MIN);
        let since = since.map_or(earliest, |since| since.max(earliest));
        let within = since < until;
        if within {
            self.windows.insert(asked, (since, until));
        }
        within
    }

    fn add_person(
        &mut self,
        id: PersonId,
        upn: &str,
        setting: Setting,
        since: Option<Timestamp>,
        until: Timestamp,
    ) {
        // Licences have records of another kind, which are not asked for.
        if setting != Setting::ServicePlan && self.add(Asked::Person(id, setting), since, until) {
            self.people.insert(id.to_string(), id);
            self.people.insert(upn.to_lowercase(), id);
        }
    }

    /// Counts the settings that are asked about.
    pub(super) fn count(&self) -> u64 {
        self.windows.len() as u64
    }

    /// Gives the moment from which records are of interest.
    pub fn since(&self) -> Timestamp {
        self.windows.values().map(|(since, _)| *since).min().unwrap_or(self.now)
    }

    /// Gives the moment until which records are of interest.
    pub fn until(&self) -> Timestamp {
        self.windows.values().map(|(_, until)| *until).max().unwrap_or(self.now)
    }

    /// Says whether a record is about somebody, or something, that is asked about.
    pub fn concern(&self, record: &AuditRecord) -> bool {
        record.concerns.iter().any(|name| self.subject(name).is_some())
    }

    /// Finds whom a name means.
    fn subject(&self, name: &str) -> Option<Subject> {
        if name == self.tenant {
            Some(Subject::Tenant)
        } else {
            self.people.get(name).copied().map(Subject::Person)
        }
    }

    /// Finds who changed what, and says how much was found.
    pub(super) fn answer(&self, records: &[AuditRecord]) -> Answers {
        let mut of: BTreeMap<Subject, BTreeSet<&AuditRecord>> = BTreeMap::new();
        for record in records {
            for subject in record.concerns.iter().filter_map(|name| self.subject(name)) {
                of.entry(subject).or_default().insert(record);
            }
        }
        let mut names: BTreeMap<Subject, Vec<&str>> = BTreeMap::new();
        for (name, id) in &self.people {
            names.entry(Subject::Person(*id)).or_default().push(name);
        }
        let who = |(asked, (since, until)): (&Asked, &Window)| {
            let (subject, counts): (_, &dyn Fn(&AuditRecord) -> bool) = match asked {
                Asked::Tenant(setting) => (Subject::Tenant, &|record| record.names_default(*setting)),
                Asked::Person(id, setting) => {
                    (Subject::Person(*id), &|record| record.names_setting(*setting))
                }
            };
            let within = |record: &AuditRecord| *since < record.at && record.at <= *until;
            // Sorted by time, so that the last is the newest.
            let newest = of.get(&subject)?.iter().rev().find(|record| within(record) && counts(record))?;
            let own = names.get(&subject).map(Vec::as_slice).unwrap_or_default();
            Some((*asked, newest.attribution(own)))
        };
        Answers(self.windows.iter().filter_map(who).collect())
    }
}

/// Is who changed what.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<Asked, Attribution>);

impl Answers {
    /// Gives who changed one setting, where that was told.
    pub(super) fn get(&self, asked: Asked) -> Option<Box<Attribution>> {
        self.0.get(&asked).cloned().map(Box::new)
    }

    /// Counts them.
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }
}
