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

mod questions;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::explain::Explanation;
use super::{Note, Plan, Target};
use crate::model::{Setting, TenantSetting};
pub use questions::Questions;
use questions::{Answers, Asked};

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
    fn attribution(&self, own: &[&str]) -> Attribution {
        let themselves = own.iter().any(|name| self.names.contains(*name));
        if themselves {
            Attribution { who: Who::Themselves, name: None, at: self.at }
        } else {
            Attribution { who: self.who, name: self.name.clone(), at: self.at }
        }
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
    Plan { left_alone, outside_changes, notes, ..plan }
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
            let inquiry = Inquiry::Told { settings: questions.count(), told: answers.count() };
            (answers, inquiry)
        }
        Err(silence) => (Answers::default(), Inquiry::Silent(silence)),
    }
}

#[cfg(test)]
mod tests;
