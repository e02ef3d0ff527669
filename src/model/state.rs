//! What the tenant answered: values, and what could not be read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    BySetting, Catalogue, GroupId, Kind, Licences, LicensingGroup, Mode, PersonId, Setting, Switch, TenantId,
    TenantSetting, Value,
};

/// Is a value, or the reason why it could not be read; unknown is never `false`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known<T> {
    /// It was read.
    Is(T),
    /// It could not be read, and why.
    Unknown(Arc<Refusal>),
}

impl<T> Known<T> {
    /// Gives the value, if it was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Turns the value, if it was read, into another.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Is(value) => Known::Is(with(value)),
            Self::Unknown(why) => Known::Unknown(why),
        }
    }
}

/// Sorts refusals by what one can do about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// It was not asked for: reading it would change nothing.
    NotAsked,
    /// The token is missing, ended or was not accepted (401).
    SignIn,
    /// The caller may not do this (403).
    Forbidden,
    /// It does not exist (404, 410).
    Missing,
    /// The service found the request wrong (400).
    BadRequest,
    /// Somebody else changed the same thing at the same moment (409, 412).
    Conflict,
    /// The service asks for patience, and asked for more of it than we have (429, 503).
    Throttled,
    /// The service failed (5xx).
    Failed,
    /// No answer came: connection, TLS, timeout.
    Unreachable,
    /// An answer came that does not mean anything to us.
    Garbled,
    /// The program that carries the requests cannot be used on this machine.
    NoShell,
    /// It was not sent: a window closed, or a freeze began, while it had to wait.
    Closed,
}

impl RefusalKind {
    /// Says whether the tenant does not let us in: signing in or a permission is what is amiss.
    pub fn denies_access(self) -> bool {
        match self {
            Self::SignIn | Self::Forbidden => true,
            Self::NotAsked
            | Self::Missing
            | Self::BadRequest
            | Self::Conflict
            | Self::Throttled
            | Self::Failed
            | Self::Unreachable
            | Self::Garbled
            | Self::NoShell
            | Self::Closed => false,
        }
    }

    /// Says whether nothing of the tenant can be read, whatever else is asked for.
    pub fn puts_all_out_of_reach(self) -> bool {
        match self {
            Self::SignIn | Self::Unreachable | Self::NoShell => true,
            Self::NotAsked
            | Self::Forbidden
            | Self::Missing
            | Self::BadRequest
            | Self::Conflict
            | Self::Throttled
            | Self::Failed
            | Self::Garbled
            | Self::Closed => false,
        }
    }

    /// Says whether it is about the service, and not about the person or thing that was asked for.
    pub fn is_about_the_service(self) -> bool {
        match self {
            Self::SignIn | Self::Throttled | Self::Failed | Self::Unreachable | Self::NoShell => true,
            Self::NotAsked
            | Self::Forbidden
            | Self::Missing
            | Self::BadRequest
            | Self::Conflict
            | Self::Garbled
            | Self::Closed => false,
        }
    }
}

/// Is a refusal of the tenant, in our words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// What one can do about it.
    pub kind: RefusalKind,
    /// The fact, in lower case, without a full stop; may contain text of the service.
    pub message: String,
    /// The service's own id of the request, for its support.
    pub request_id: Option<String>,
}

impl Refusal {
    /// Makes the refusal that stands for what nobody asked for.
    pub fn not_asked() -> Self {
        let message = "it was not asked for".to_owned();
        Self { kind: RefusalKind::NotAsked, message, request_id: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// Is one answer of `Get-MyAnalyticsFeatureConfig`, all five fields of which are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Settings {
    /// `PrivacyMode`.
    pub mode: Mode,
    /// `IsDashboardEnabled`.
    pub dashboard: Switch,
    /// `IsDigestEmailEnabled`.
    pub digest_email: Switch,
    /// `IsAddInEnabled`.
    pub outlook_add_in: Switch,
}

/// Is what the tenant says of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActualPerson {
    /// `userPrincipalName`, spelt as the directory spells it.
    pub upn: Arc<str>,
    /// Member or guest.
    pub kind: Kind,
    /// `accountEnabled`.
    pub enabled: bool,
    /// Whether the person has a mailbox: a mail address, or a licence that comes with one.
    pub mailbox: bool,
    /// What the person is licensed for, and from where.
    pub licences: Arc<Licences>,
    /// Mode and features.
    pub settings: Known<Settings>,
}

impl ActualPerson {
    /// Gives the values of all settings; the service plan is `None` when no SKU carries it.
    pub fn values(&self, catalogue: &Catalogue) -> BySetting<Known<Option<Value>>> {
        let read = |value: fn(&Settings) -> Value| match &self.settings {
            Known::Is(settings) => Known::Is(Some(value(settings))),
            Known::Unknown(why) => Known::Unknown(Arc::clone(why)),
        };
        BySetting {
            mode: read(|s| Value::Mode(s.mode)),
            dashboard: read(|s| Value::Switch(s.dashboard)),
            digest_email: read(|s| Value::Switch(s.digest_email)),
            outlook_add_in: read(|s| Value::Switch(s.outlook_add_in)),
            service_plan: Known::Is(self.licences.service_plan(catalogue).map(Value::ServicePlan)),
        }
    }
}

impl Settings {
    /// Gives one of the four; `None` for the service plan, which is not a setting of this service.
    pub fn get(&self, setting: Setting) -> Option<Value> {
        match setting {
            Setting::Mode => Some(Value::Mode(self.mode)),
            Setting::Dashboard => Some(Value::Switch(self.dashboard)),
            Setting::DigestEmail => Some(Value::Switch(self.digest_email)),
            Setting::OutlookAddIn => Some(Value::Switch(self.outlook_add_in)),
            Setting::ServicePlan => None,
        }
    }
}

/// Is what the tenant says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActualTenant {
    /// The tenant that answered.
    pub id: TenantId,
    /// `displayName` of the organisation.
    pub name: Arc<str>,
    /// The defaults; a setting that has no read field is absent.
    pub settings: BTreeMap<TenantSetting, Known<Value>>,
    /// How many enabled member accounts the directory holds; what a flip of a default can reach.
    pub people: Known<u64>,
}

/// Is everything that was read, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActualState {
    /// The tenant itself.
    pub tenant: ActualTenant,
    /// Its products.
    pub catalogue: Catalogue,
    /// Everyone who was asked about, is in the directory, and could be read there.
    pub people: BTreeMap<PersonId, ActualPerson>,
    /// Whether an account exists, of people whom the ledger remembers and nothing else asks for; absent for whoever was
    /// not looked up, or could not be.
    pub exists: BTreeMap<PersonId, bool>,
    /// Groups that hand out licences and may have to change as a whole; absent where nothing hangs on them.
    pub licensing: BTreeMap<GroupId, Known<LicensingGroup>>,
    /// When reading began.
    pub read_at: Timestamp,
}
