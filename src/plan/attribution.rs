//! Says who made the changes that others made, as far as the tenant's audit log tells.
//!
//! This is a step after planning: it adds names to a plan and changes no verdict. A choice is a choice whoever made it,
//! and what the log does not tell stays unattributed. A record counts for a setting if
//!
//! 1. it concerns the same person, by object id or user principal name in any case, or for a default the tenant;
//! 2. it names that setting, or names none at all;
//! 3. it was made after the ledger last took note of the value, and not after the tenant was read.
//!
//! Of those that count, the newest tells who it was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::explain::{Decision, Explanation};
use super::{Because, Note, OutsideChange, Plan, Reason, Target};
use crate::model::{Ledger, PersonId, Setting, TenantSetting};

/// Is how far back the audit log goes, unless somebody pays for more.
///
/// Source: "Audit (Standard)" in <https://learn.microsoft.com/purview/audit-solutions-overview>.
pub const LOG_REACHES_BACK: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Says who made a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Attribution {
    /// What kind of somebody.
    pub who: Who,
    /// A user principal name, or the id of an application; absent for the person themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// When, by the log.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// Says what kind of somebody made a change.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The person whose setting it is.
    Themselves,
    /// An administrator.
    Administrator,
    /// An application.
    Application,
    /// Somebody whom the log does not describe.
    Unknown,
}

/// Is one record of the audit log, as far as it was understood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditRecord {
    /// When it was made.
    pub at: Timestamp,
    /// What kind of somebody acted, so far as that can be told without knowing on whom; never `Themselves`.
    pub who: Who,
    /// Everything that the record calls whoever acted, in lower case.
    pub names: BTreeSet<String>,
    /// What to call them.
    pub name: Option<Arc<str>>,
    /// Whom or what it concerns: object ids and addresses, in lower case.
    pub concerns: BTreeSet<String>,
    /// Settings of a person that it names.
    pub settings: BTreeSet<Setting>,
    /// Defaults of the tenant that it names; what names a feature names both.
    pub defaults: BTreeSet<TenantSetting>,
}

/// Says what came of asking the audit log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Inquiry {
    /// It answered.
    #[serde(rename_all = "kebab-case")]
    Told {
        /// How many settings it was asked about.
        settings: u64,
        /// Of how many it told who had changed them.
        told: u64,
    },
    /// It did not.
    Silent(Silence),
}

/// Says why the audit log tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// The application may not ask it.
    NotPermitted,
    /// It did not answer in time.
    #[serde(rename_all = "kebab-case")]
    NotInTime {
        /// How long was waited.
        seconds: u64,
    },
    /// It holds more than it gives out at once, so that the newest record may be among those that are missing.
    CutShort,
    /// It refused, or failed.
    #[serde(rename_all = "kebab-case")]
    Refused {
        /// The fact, as the service put it.
        message: String,
    },
}

/// Is a setting that somebody else changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Tenant(TenantSetting),
    Person(PersonId, Setting),
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
        let mut questions = Self::none(plan.basis.tenant.to_string(), now);
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
                let known = entry.is_some_and(|entry| entry.value == deviation.have);
                if chosen && !known {
                    let since = entry.map(|entry| entry.at);
                    questions.add_person(id, &person.upn, deviation.setting, since, now);
                }
            }
        }
        questions.unless_empty()
    }

    /// Asks about everything that others chose for one person, known to the ledger or not; `None` where that is nothing.
    pub fn about(explanation: &Explanation, tenant: String, now: Timestamp) -> Option<Self> {
        let mut questions = Self::none(tenant, now);
        for explained in &explanation.settings {
            let chosen = match explained.decision {
                Decision::Leave(Reason::OwnChoice | Reason::ConsentFloor | Reason::Quarantined)
                | Decision::Set { to: _, because: Because::Overridden | Because::ReOptIn } => true,
                Decision::Set { .. } | Decision::Leave(_) => false,
            };
            let Some(have) = explained.have.filter(|_| chosen) else { continue };
            let entry = explained.entry.as_ref();
            let (since, until) = match entry {
                // What we wrote is nobody's choice.
                Some(entry) if entry.written() == Some(have) => continue,
                // It was there when it was first seen, so somebody had changed it by then.
                Some(entry) if entry.value == have => (None, entry.at),
                Some(entry) => (Some(entry.at), now),
                None => (None, now),
            };
            questions.add_person(explanation.id, &explanation.upn, explained.setting, since, until);
        }
        questions.unless_empty()
    }

    fn none(tenant: String, now: Timestamp) -> Self {
        Self { windows: BTreeMap::new(), people: BTreeMap::new(), tenant: tenant.to_lowercase(), now }
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

    /// Finds whom a name means; the inner `None` is the tenant.
    fn subject(&self, name: &str) -> Option<Option<PersonId>> {
        if name == self.tenant { Some(None) } else { self.people.get(name).copied().map(Some) }
    }

    /// Finds who changed what, and says how much was found.
    fn answer(&self, records: &[AuditRecord]) -> Answers {
        let mut of: BTreeMap<Option<PersonId>, BTreeSet<&AuditRecord>> = BTreeMap::new();
        for record in records {
            for subject in record.concerns.iter().filter_map(|name| self.subject(name)) {
                of.entry(subject).or_default().insert(record);
            }
        }
        let mut names: BTreeMap<PersonId, Vec<&str>> = BTreeMap::new();
        for (name, id) in &self.people {
            names.entry(*id).or_default().push(name);
        }
        let who = |(asked, (since, until)): (&Asked, &Window)| {
            let (subject, counts): (_, &dyn Fn(&AuditRecord) -> bool) = match asked {
                Asked::Tenant(setting) => (None, &|record| record.names_default(*setting)),
                Asked::Person(id, setting) => (Some(*id), &|record| record.names_setting(*setting)),
            };
            let within = |record: &AuditRecord| *since < record.at && record.at <= *until;
            // Sorted by time, so that the last is the newest.
            let newest = of.get(&subject)?.iter().rev().find(|record| within(record) && counts(record))?;
            let own = subject.and_then(|id| names.get(&id)).map(Vec::as_slice).unwrap_or_default();
            Some((*asked, newest.attribution(own)))
        };
        Answers(self.windows.iter().filter_map(who).collect())
    }
}

/// Is who changed what.
struct Answers(BTreeMap<Asked, Box<Attribution>>);

impl Answers {
    fn get(&self, asked: Asked) -> Option<Box<Attribution>> {
        self.0.get(&asked).cloned()
    }
}

impl AuditRecord {
    fn names_nothing(&self) -> bool {
        self.settings.is_empty() && self.defaults.is_empty()
    }

    fn names_setting(&self, setting: Setting) -> bool {
        self.names_nothing() || self.settings.contains(&setting)
    }

    fn names_default(&self, setting: TenantSetting) -> bool {
        self.names_nothing() || self.defaults.contains(&setting)
    }

    /// Says who acted on somebody who bears these names.
    fn attribution(&self, own: &[&str]) -> Box<Attribution> {
        let themselves = own.iter().any(|name| self.names.contains(*name));
        Box::new(if themselves {
            Attribution { who: Who::Themselves, name: None, at: self.at }
        } else {
            Attribution { who: self.who, name: self.name.clone(), at: self.at }
        })
    }
}

/// Adds to a plan who made the changes that others made, and notes what came of asking.
pub fn attribute(plan: Plan, questions: &Questions, heard: Result<&[AuditRecord], Silence>) -> Plan {
    let Plan { mut outside_changes, mut left_alone, mut notes, .. } = plan;
    let (answers, inquiry) = take_in(questions, heard);
    for change in &mut outside_changes {
        change.by = answers.get(match &change.target {
            Target::Tenant(setting) => Asked::Tenant(*setting),
            Target::Person(person) => Asked::Person(person.id, person.setting),
        });
    }
    for person in &mut left_alone {
        let Some(id) = person.id else { continue };
        for deviation in &mut person.settings {
            deviation.by = answers.get(Asked::Person(id, deviation.setting));
        }
    }
    notes.push(Note::WhoChanged { inquiry });
    notes.sort();
    Plan { outside_changes, left_alone, notes, ..plan }
}

/// Adds to an explanation who chose what others chose, and what came of asking.
pub fn attribute_explanation(
    explanation: Explanation,
    questions: &Questions,
    heard: Result<&[AuditRecord], Silence>,
) -> Explanation {
    let (answers, inquiry) = take_in(questions, heard);
    let Explanation { id, mut settings, .. } = explanation;
    for explained in &mut settings {
        explained.by = answers.get(Asked::Person(id, explained.setting));
    }
    Explanation { settings, inquiry: Some(inquiry), ..explanation }
}

fn take_in(questions: &Questions, heard: Result<&[AuditRecord], Silence>) -> (Answers, Inquiry) {
    match heard {
        Ok(records) => {
            let answers = questions.answer(records);
            let (settings, told) = (questions.windows.len() as u64, answers.0.len() as u64);
            (answers, Inquiry::Told { settings, told })
        }
        Err(silence) => (Answers(BTreeMap::new()), Inquiry::Silent(silence)),
    }
}

#[cfg(test)]
mod tests;
