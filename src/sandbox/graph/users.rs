//! Shows users and lets them be filtered.

use serde_json::Value;

use super::error::Refusal;
use super::filter::{Field, Kind, Object, Parts, Type};
use super::query::{Manager, Query};
use crate::sandbox::licence::Look;
use crate::sandbox::tenant::{Person, TEXTS, Tenant};

/// What a user shows unless `$select` says otherwise.
const USUAL: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

/// What else can be selected, beside [`TEXTS`] and [`USUAL`].
const MORE: [&str; 9] = [
    "accountEnabled",
    "assignedLicenses",
    "assignedPlans",
    "createdDateTime",
    "licenseAssignmentStates",
    "onPremisesExtensionAttributes",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "userType",
];

/// What can be selected for one user, but not in a collection.
const SINGLE: [&str; 3] = ["aboutMe", "birthday", "mySite"];

const LICENSE_PARTS: Parts = &[("skuId", Type::Guid)];
const PLAN_PARTS: Parts =
    &[("servicePlanId", Type::Guid), ("capabilityStatus", Type::Text), ("service", Type::Text)];
const SELF: Parts = &[("", Type::Text)];

const ID: usize = 100;
const ENABLED: usize = 101;
const USER_TYPE: usize = 102;
const EXTENSION: usize = 110;
const LICENSES: usize = 200;
const PLANS: usize = 201;
const PROXIES: usize = 202;
const OPAQUE: usize = 203;

/// Is the kind of a filter over users.
pub(super) struct Users;

impl Kind for Users {
    const NAME: &'static str = "User";

    fn property(name: &str) -> Option<(usize, Type)> {
        if let Some(at) = TEXTS.iter().position(|known| *known == name) {
            return Some((at, Type::Text));
        }
        if let Some(number) = name.strip_prefix("onPremisesExtensionAttributes/extensionAttribute") {
            let number = number.parse::<usize>().ok().filter(|number| (1..=15).contains(number))?;
            return Some((EXTENSION + number, Type::Text));
        }
        match name {
            "id" => Some((ID, Type::Guid)),
            "accountEnabled" => Some((ENABLED, Type::Bool)),
            "userType" => Some((USER_TYPE, Type::Text)),
            "assignedLicenses" => Some((LICENSES, Type::Collection(LICENSE_PARTS))),
            "assignedPlans" => Some((PLANS, Type::Collection(PLAN_PARTS))),
            "proxyAddresses" => Some((PROXIES, Type::Collection(SELF))),
            _ if USUAL.contains(&name) || MORE.contains(&name) => Some((OPAQUE, Type::Opaque)),
            _ => None,
        }
    }
}

/// Is one user as a reader sees them at one second.
#[derive(Clone, Copy, Debug)]
pub(super) struct User<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) at: usize,
    pub(super) look: Look,
}

impl<'a> User<'a> {
    fn person(&self) -> &'a Person {
        &self.tenant.people[self.at]
    }

    /// Shows the selected properties, or the usual ones.
    pub(super) fn show(&self, select: Option<&[String]>) -> Value {
        let show = |name: &str| (name.to_owned(), self.property(name));
        Value::Object(match select {
            Some(names) => names.iter().map(|name| show(name)).collect(),
            None => USUAL.into_iter().map(show).collect(),
        })
    }

    /// Shows the selected properties, and the manager if they are expanded; who has none shows nothing of it.
    pub(super) fn show_for(&self, query: &Query) -> Value {
        let mut shown = self.show(query.select.as_deref());
        if let (Some(Manager { select }), Some(manager)) = (&query.manager, self.person().manager) {
            let manager = Self { at: manager as usize, ..*self };
            let mut manager = manager.show(select.as_deref());
            manager["@odata.type"] = "#microsoft.graph.user".into();
            shown["manager"] = manager;
        }
        shown
    }

    fn property(&self, name: &str) -> Value {
        let person = self.person();
        if let Some(at) = TEXTS.iter().position(|known| *known == name) {
            return person.texts[at].as_deref().into();
        }
        match name {
            "id" => person.id.to_string().into(),
            "accountEnabled" => person.enabled.into(),
            "userType" => user_type(person).into(),
            "assignedLicenses" => self.tenant.assigned_licenses(self.at, self.look),
            "assignedPlans" => self.tenant.assigned_plans(self.at, self.look),
            "licenseAssignmentStates" => self.tenant.license_assignment_states(self.at, self.look),
            "proxyAddresses" => {
                let main = person.mail().map(|mail| format!("SMTP:{mail}"));
                main.into_iter().chain(person.proxies.iter().cloned()).collect()
            }
            "onPremisesExtensionAttributes" => {
                let attribute = |number: usize| {
                    let name = format!("extensionAttribute{number}");
                    let value = person.extension.get(&name);
                    (name, value.cloned().into())
                };
                Value::Object((1..=15).map(attribute).collect())
            }
            "businessPhones" => Value::Array(Vec::new()),
            "createdDateTime" => "2020-01-01T08:00:00Z".into(),
            _ => Value::Null,
        }
    }
}

impl Object for User<'_> {
    fn field(&self, property: usize) -> Field<'_> {
        let person = self.person();
        match property {
            ID => Field::Guid(person.id),
            ENABLED => Field::Bool(person.enabled),
            USER_TYPE => Field::Text(user_type(person)),
            EXTENSION.. => {
                let name = format!("extensionAttribute{}", property - EXTENSION);
                let value = person.extension.get(&name);
                value.map_or(Field::Null, |text| Field::Text(text))
            }
            _ => person.texts[property].as_deref().map_or(Field::Null, Field::Text),
        }
    }

    fn elements(&self, property: usize) -> Vec<Vec<Field<'_>>> {
        match property {
            LICENSES => {
                let held = self.tenant.held(self.at, self.look);
                held.into_iter().map(|(sku, _)| vec![Field::Guid(sku.id)]).collect()
            }
            PLANS => {
                let plans = self.tenant.plans(self.at, self.look).into_iter();
                plans
                    .map(|(plan, service, status)| {
                        vec![Field::Guid(plan), Field::Text(status), Field::Text(service)]
                    })
                    .collect()
            }
            _ => {
                let person = self.person();
                let main = person.mail().map(|mail| vec![Field::Smtp(mail)]);
                main.into_iter().chain(person.proxies.iter().map(|proxy| vec![Field::Text(proxy)])).collect()
            }
        }
    }
}

fn user_type(person: &Person) -> &'static str {
    if person.guest { "Guest" } else { "Member" }
}

/// Refuses a `$select` of properties that users do not have; the directory does not ignore them.
pub(super) fn check_select(select: Option<&[String]>, collection: bool) -> Result<(), Refusal> {
    for name in select.unwrap_or_default() {
        let name = name.as_str();
        if SINGLE.contains(&name) {
            if collection {
                let message = format!("The property '{name}' cannot be selected on a collection.");
                return Err(Refusal { status: 501, code: "NotImplemented", message });
            }
        } else if !(TEXTS.contains(&name) || USUAL.contains(&name) || MORE.contains(&name)) {
            return Err(Refusal::odata(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type \
                 'microsoft.graph.user'."
            )));
        }
    }
    Ok(())
}

/// Finds a user by object id or user principal name, as a path names them.
pub(super) fn find(tenant: &Tenant, key: &str) -> Result<usize, Refusal> {
    tenant.person_by_key(key).ok_or_else(|| Refusal::absent(key))
}
