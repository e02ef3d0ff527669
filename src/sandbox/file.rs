//! Describes the tenant file: plain JSON in the directory's own words, pleasant to write by hand.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use uuid::Uuid;

use super::settings::{Defaults, Stored};
use super::tenant::Application;

/// Is the whole file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TenantFile {
    /// Tells the reader of the file something; the sandbox does not care what.
    #[serde(default, rename = "about")]
    _about: IgnoredAny,
    pub(super) tenant: Organization,
    /// Empty: the one application that every sandbox knows.
    #[serde(default)]
    pub(super) applications: Vec<Application>,
    #[serde(default)]
    pub(super) defaults: Defaults,
    #[serde(default)]
    pub(super) skus: Vec<SkuFile>,
    #[serde(default)]
    pub(super) groups: Vec<GroupFile>,
    #[serde(default)]
    pub(super) users: Vec<UserFile>,
}

/// Is the tenant itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Organization {
    pub(super) id: Uuid,
    /// The initial domain, such as `contoso.onmicrosoft.com`.
    pub(super) name: String,
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) country_letter_code: Option<String>,
    /// Further verified domains.
    #[serde(default)]
    pub(super) domains: Vec<String>,
}

/// Is a product, as in `subscribedSkus`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SkuFile {
    pub(super) sku_id: Uuid,
    pub(super) sku_part_number: String,
    #[serde(default)]
    pub(super) enabled: u64,
    pub(super) service_plans: Vec<PlanFile>,
}

/// Is a service plan of a product.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PlanFile {
    pub(super) service_plan_id: Uuid,
    pub(super) service_plan_name: String,
}

/// Is a licence, by the product's name or id, with the plans that are switched off.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum LicenceFile {
    Whole(String),
    Partly { sku: String, off: Vec<String> },
}

/// Is a group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GroupFile {
    #[serde(default, rename = "about")]
    _about: IgnoredAny,
    /// Made from the display name when it is missing.
    #[serde(default)]
    pub(super) id: Option<Uuid>,
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) mail: Option<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) visibility: Option<String>,
    #[serde(default = "yes")]
    pub(super) security_enabled: bool,
    /// Given to the direct members, never to nested ones.
    #[serde(default)]
    pub(super) licenses: Vec<LicenceFile>,
    /// Addresses or ids of members who cannot be given these licences, as when there are not enough of them.
    #[serde(default)]
    pub(super) members_with_license_errors: Vec<String>,
    /// Addresses or ids of people; addresses, names or ids of groups.
    #[serde(default)]
    pub(super) members: Vec<String>,
}

/// Is a user.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserFile {
    #[serde(default, rename = "about")]
    _about: IgnoredAny,
    /// Made from the user principal name when it is missing.
    #[serde(default)]
    pub(super) id: Option<Uuid>,
    pub(super) user_principal_name: String,
    #[serde(default)]
    pub(super) mail: Option<String>,
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) given_name: Option<String>,
    #[serde(default)]
    pub(super) surname: Option<String>,
    #[serde(default)]
    pub(super) department: Option<String>,
    #[serde(default)]
    pub(super) job_title: Option<String>,
    #[serde(default)]
    pub(super) company_name: Option<String>,
    #[serde(default)]
    pub(super) office_location: Option<String>,
    #[serde(default)]
    pub(super) city: Option<String>,
    #[serde(default)]
    pub(super) country: Option<String>,
    #[serde(default)]
    pub(super) usage_location: Option<String>,
    #[serde(default)]
    pub(super) employee_type: Option<String>,
    #[serde(default)]
    pub(super) employee_id: Option<String>,
    #[serde(default)]
    pub(super) preferred_language: Option<String>,
    /// The address or id of a person.
    #[serde(default)]
    pub(super) manager: Option<String>,
    #[serde(default)]
    pub(super) on_premises_extension_attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) proxy_addresses: Vec<String>,
    #[serde(default = "yes")]
    pub(super) account_enabled: bool,
    /// `Guest`, or a member of the organisation.
    #[serde(default)]
    pub(super) user_type: Option<String>,
    /// Direct licences.
    #[serde(default)]
    pub(super) licenses: Vec<LicenceFile>,
    /// What somebody chose for the person before the story begins.
    #[serde(default)]
    pub(super) insights: Option<Stored>,
    /// Whether there is a mailbox; members with a mail address have one unless this says otherwise.
    #[serde(default)]
    pub(super) mailbox: Option<bool>,
    /// Whether the settings service refuses to speak of this person.
    #[serde(default)]
    pub(super) refused: bool,
}

fn yes() -> bool {
    true
}
