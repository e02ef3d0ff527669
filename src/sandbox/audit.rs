//! Keeps who changed what: the tenant's audit log.
//!
//! The vendor documents that there are records of type `myAnalyticsSettings`, and the fields that all records have. What
//! these hold besides is the sandbox's own convention: whose settings were changed, and which, in the words of the
//! settings service.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::settings::{Defaults, FIELDS, Stored, mode_name};
use super::tenant::Tenant;

/// The type of the records, as the query API spells it.
pub(super) const TYPE: &str = "myAnalyticsSettings";

/// Says who changes settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The person whose settings they are.
    #[default]
    Themselves,
    /// An administrator, by user principal name.
    Administrator(String),
    /// An application, by client id.
    Application(Uuid),
}

impl FromStr for By {
    type Err = std::convert::Infallible;

    /// Takes an id for an application's, and anything else for an administrator's name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Uuid::try_parse(text).map_or_else(|_| Self::Administrator(text.to_owned()), Self::Application))
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Themselves => f.write_str("themselves"),
            Self::Administrator(name) => f.write_str(name),
            Self::Application(id) => id.fmt(f),
        }
    }
}

impl By {
    /// Gives the administrator who acts where nobody is named.
    pub(super) fn administrator_of(tenant: &Tenant) -> Self {
        Self::Administrator(format!("admin@{}", tenant.organization.name))
    }
}

/// Is one line of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Audited {
    pub(super) id: Uuid,
    /// Epoch seconds.
    pub(super) at: i64,
    pub(super) by: By,
    /// Whose settings; absent for the tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) person: Option<Uuid>,
    /// What was asked for, field by field.
    pub(super) fields: Map<String, Value>,
}

impl Audited {
    /// Records what somebody asked for a person.
    pub(super) fn of_person(person: Uuid, asked: Stored, by: &By, at: i64) -> Self {
        let mut fields = Map::new();
        if let Some(opted_in) = asked.mode {
            fields.insert("PrivacyMode".to_owned(), mode_name(opted_in).into());
        }
        for (field, on) in FIELDS.into_iter().zip(asked.flags()) {
            fields.extend(on.map(|on| (field.to_owned(), on.into())));
        }
        Self { id: Uuid::new_v4(), at, by: by.clone(), person: Some(person), fields }
    }

    /// Records how somebody changed the tenant's defaults.
    pub(super) fn of_defaults(was: &Defaults, is: &Defaults, by: &By, at: i64) -> Self {
        let (was_shown, is_shown) = (was.object(""), is.object(""));
        let mut fields = Map::new();
        for (field, value) in is_shown.as_object().into_iter().flatten() {
            if was_shown[field] != *value {
                fields.insert(field.clone(), value.clone());
            }
        }
        // No object shows this one.
        if was.sampling_rate.to_bits() != is.sampling_rate.to_bits() {
            fields.insert("SamplingRate".to_owned(), is.sampling_rate.into());
        }
        Self { id: Uuid::new_v4(), at, by: by.clone(), person: None, fields }
    }

    /// Gives the user principal name of whoever acted; applications have none.
    pub(super) fn actor<'a>(&'a self, tenant: &'a Tenant) -> Option<&'a str> {
        match &self.by {
            By::Themselves => self.whose(tenant),
            By::Administrator(name) => Some(name),
            By::Application(_) => None,
        }
    }

    fn whose<'a>(&self, tenant: &'a Tenant) -> Option<&'a str> {
        Some(tenant.people[tenant.person_by_id(self.person?)?].upn())
    }

    /// Writes the record as the query API shows it.
    pub(super) fn show(&self, tenant: &Tenant) -> Value {
        let organization = tenant.organization.id;
        let actor = self.actor(tenant);
        let (kind, user) = match &self.by {
            By::Themselves => ("regular", actor.map(str::to_owned)),
            By::Administrator(name) => ("admin", Some(name.clone())),
            By::Application(id) => ("application", Some(id.to_string())),
        };
        let (operation, object) = match self.person {
            Some(_) => ("Set-MyAnalyticsFeatureConfig", self.whose(tenant).map(str::to_owned)),
            None => ("Set-DefaultTenantMyAnalyticsFeatureConfig", Some(organization.to_string())),
        };
        let mut data = self.fields.clone();
        data.insert(
            "@odata.type".to_owned(),
            "#microsoft.graph.security.myAnalyticsSettingsAuditRecord".into(),
        );
        json!({
            "id": self.id,
            "createdDateTime": Timestamp::from_second(self.at).unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
            "auditLogRecordType": TYPE,
            "operation": operation,
            "organizationId": organization,
            "userType": kind,
            "userId": user,
            "userPrincipalName": actor,
            "service": "MyAnalytics",
            "objectId": object,
            "clientIp": "127.0.0.1",
            "administrativeUnits": [],
            "auditData": data,
        })
    }
}
