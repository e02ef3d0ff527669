//! Shows groups and lets them be filtered.

use serde_json::{Value, json};
use uuid::Uuid;

use super::error::Refusal;
use super::filter::{Field, Kind, Object, Parts, Type};
use crate::sandbox::licence::Look;
use crate::sandbox::tenant::{Group, Tenant};

/// What a group shows unless `$select` says otherwise.
const USUAL: [&str; 12] = [
    "id",
    "createdDateTime",
    "description",
    "displayName",
    "groupTypes",
    "mail",
    "mailEnabled",
    "mailNickname",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "securityEnabled",
    "visibility",
];

/// What else can be selected.
const MORE: [&str; 3] = ["assignedLicenses", "hasMembersWithLicenseErrors", "licenseProcessingState"];

const SELF: Parts = &[("", Type::Text)];
const LICENSE_PARTS: Parts = &[("skuId", Type::Guid)];

/// Lists the properties by which groups can be filtered; a property's number is its place.
const FILTERED: [(&str, Type); 9] = [
    ("id", Type::Guid),
    ("displayName", Type::Text),
    ("mail", Type::Text),
    ("mailNickname", Type::Text),
    ("mailEnabled", Type::Bool),
    ("securityEnabled", Type::Bool),
    ("groupTypes", Type::Collection(SELF)),
    ("proxyAddresses", Type::Collection(SELF)),
    ("assignedLicenses", Type::Collection(LICENSE_PARTS)),
];

/// Is the kind of a filter over groups.
pub(super) struct Groups;

impl Kind for Groups {
    const NAME: &'static str = "Group";

    fn property(name: &str) -> Option<(usize, Type)> {
        match FILTERED.iter().position(|(known, _)| *known == name) {
            Some(at) => Some((at, FILTERED[at].1)),
            None if USUAL.contains(&name) || MORE.contains(&name) => Some((FILTERED.len(), Type::Opaque)),
            None => None,
        }
    }
}

/// Is one group as a reader sees it at one second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    pub(super) group: &'a Group,
    pub(super) look: Look,
    /// How many seconds later its members learn of a change.
    pub(super) ahead: i64,
}

impl Shown<'_> {
    /// Shows the selected properties, or the usual ones.
    pub(super) fn show(&self, select: Option<&[String]>) -> Value {
        let show = |name: &str| (name.to_owned(), self.property(name));
        Value::Object(match select {
            Some(names) => names.iter().map(|name| show(name)).collect(),
            None => USUAL.into_iter().map(show).collect(),
        })
    }

    fn property(&self, name: &str) -> Value {
        let group = self.group;
        match name {
            "id" => group.id.to_string().into(),
            "displayName" => group.display_name.clone().into(),
            "description" => group.description.clone().into(),
            "mail" => group.mail.clone().into(),
            "mailEnabled" => group.mail.is_some().into(),
            "mailNickname" => nickname(group).into(),
            "securityEnabled" => group.security_enabled.into(),
            "visibility" if group.hidden => "HiddenMembership".into(),
            "groupTypes" => Value::Array(Vec::new()),
            "proxyAddresses" => group.mail.iter().map(|mail| format!("SMTP:{mail}")).collect(),
            "createdDateTime" => "2020-01-01T08:00:00Z".into(),
            "assignedLicenses" => {
                let given = self.look.group_itself(group, self.ahead).iter();
                given.map(|one| json!({ "disabledPlans": one.disabled_plans, "skuId": one.sku_id })).collect()
            }
            "hasMembersWithLicenseErrors" => (!group.failing.is_empty()).into(),
            "licenseProcessingState" => json!({ "state": self.look.processing(group, self.ahead) }),
            _ => Value::Null,
        }
    }
}

impl Object for Shown<'_> {
    fn field(&self, property: usize) -> Field<'_> {
        let group = self.group;
        match FILTERED[property].0 {
            "id" => Field::Guid(group.id),
            "displayName" => Field::Text(&group.display_name),
            "mail" => group.mail.as_deref().map_or(Field::Null, Field::Text),
            "mailNickname" => Field::Text(nickname(group)),
            "mailEnabled" => Field::Bool(group.mail.is_some()),
            _ => Field::Bool(group.security_enabled),
        }
    }

    fn elements(&self, property: usize) -> Vec<Vec<Field<'_>>> {
        match FILTERED[property].0 {
            "assignedLicenses" => {
                let given = self.look.group_itself(self.group, self.ahead).iter();
                given.map(|one| vec![Field::Guid(one.sku_id)]).collect()
            }
            "proxyAddresses" => self.group.mail.iter().map(|mail| vec![Field::Smtp(mail)]).collect(),
            _ => Vec::new(),
        }
    }
}

fn nickname(group: &Group) -> &str {
    let address = group.mail.as_deref().unwrap_or(&group.display_name);
    address.split('@').next().unwrap_or(address)
}

/// Refuses a `$select` of properties that groups do not have.
pub(super) fn check_select(select: Option<&[String]>) -> Result<(), Refusal> {
    let names = select.unwrap_or_default().iter().map(String::as_str);
    match names.into_iter().find(|name| !USUAL.contains(name) && !MORE.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::odata(format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type \
             'microsoft.graph.group'."
        ))),
    }
}

/// Finds a group by object id; a path cannot name it otherwise.
pub(super) fn find(tenant: &Tenant, key: &str) -> Result<usize, Refusal> {
    let id = Uuid::try_parse(key).map_err(|_| Refusal::bad(format!("Invalid object identifier '{key}'.")))?;
    tenant.group_by_id(id).ok_or_else(|| Refusal::absent(key))
}
