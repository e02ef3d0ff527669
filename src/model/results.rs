//! The rows of the file that the script of a handed-over plan writes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::{PlanHash, ServicePlan, Settings, Subject, TenantSetting, Value};

/// Is what the script says of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    /// Line of the file, from 1.
    pub line: u32,
    /// The plan that the script carried out.
    pub plan: PlanHash,
    /// The operation's number in the plan, from 1.
    pub operation: u32,
    /// What it touches.
    pub subject: Subject,
    /// What the plan had read; `None` when the setting cannot be read at all.
    pub from: Option<Value>,
    /// What was to be.
    pub to: Value,
    /// What became of it.
    pub ending: StepEnding,
    /// How often it was sent; 0 when it was only looked at.
    pub attempts: u32,
    /// The service's words, or the script's.
    pub message: String,
    /// What was read right before.
    pub before: Sight,
    /// What was read right after.
    pub after: Sight,
    /// When the outcome was known.
    pub at: Timestamp,
}

/// Is what became of an operation, as the script says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepEnding {
    /// Written and read back.
    Done,
    /// Somebody else had brought it about already.
    Already,
    /// Written, and not to be seen yet.
    Settling,
    /// Sent, and no answer came.
    Unanswered,
    /// No longer what the plan expected, so it was not written.
    Moved,
    /// Waits for something else of the plan that is not there yet.
    Waiting,
    /// Refused by the service, or unreadable.
    Failed,
}

impl StepEnding {
    /// Lists every ending in display order.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Already,
        Self::Settling,
        Self::Unanswered,
        Self::Moved,
        Self::Waiting,
        Self::Failed,
    ];

    /// Gives the word used for it in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Already => "already",
            Self::Settling => "settling",
            Self::Unanswered => "unanswered",
            Self::Moved => "moved",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }

    /// Says whether the script never comes back to such an operation.
    pub fn is_final(self) -> bool {
        match self {
            Self::Done | Self::Already | Self::Moved => true,
            Self::Settling | Self::Unanswered | Self::Waiting | Self::Failed => false,
        }
    }
}

impl fmt::Display for StepEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Says that a word is no outcome of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an outcome is done, already, settling, unanswered, moved, waiting or failed")]
pub struct NotAnEnding;

impl FromStr for StepEnding {
    type Err = NotAnEnding;

    fn from_str(text: &str) -> Result<Self, NotAnEnding> {
        Self::ALL.into_iter().find(|ending| ending.word().eq_ignore_ascii_case(text)).ok_or(NotAnEnding)
    }
}

/// Is what the script saw at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// It could not read, or did not.
    #[default]
    Nothing,
    /// A person's mode and features.
    Person(Settings),
    /// A person's service plan.
    ServicePlan(ServicePlan),
    /// The tenant's defaults, those that it could read.
    Tenant(Box<BTreeMap<TenantSetting, Value>>),
}

impl Sight {
    /// Gives what was seen of a setting.
    pub fn of(&self, subject: Subject) -> Option<Value> {
        match (self, subject) {
            (Self::Person(settings), Subject::Person(_, setting)) => settings.get(setting),
            (Self::ServicePlan(plan), Subject::Person(_, super::Setting::ServicePlan)) => {
                Some(Value::ServicePlan(*plan))
            }
            (Self::Tenant(values), Subject::Tenant(setting)) => values.get(&setting).copied(),
            (
                Self::Nothing | Self::Person(_) | Self::ServicePlan(_) | Self::Tenant(_),
                Subject::Person(..) | Subject::Tenant(_),
            ) => None,
        }
    }
}
