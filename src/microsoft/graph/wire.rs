//! The shapes of Graph's answers, as far as they are read.

use std::sync::Arc;

use serde::Deserialize;
use uuid::Uuid;

/// Is one page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next_link: Option<String>,
}

/// Is what `$select` asks of a user: exactly what is used.
pub(super) const USER: &str = "id,userPrincipalName,mail,accountEnabled,userType,licenseAssignmentStates";

/// Is a user. Without the right to read it, Graph gives the id and leaves out or nulls the rest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "these are Graph's names")]
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) user_principal_name: Option<Arc<str>>,
    pub(super) mail: Option<Arc<str>>,
    pub(super) account_enabled: Option<bool>,
    pub(super) user_type: Option<String>,
    pub(super) license_assignment_states: Option<Vec<LicenseAssignmentState>>,
}

/// Is what `$select` and `$expand` ask of a user who is read for what the directory says beside the settings.
pub(super) const PROFILE: &str =
    "$select=id,displayName,mail,department,jobTitle,preferredLanguage&$expand=manager($select=id)";

/// Is a user of whom the profile is read; what is empty in the directory is null.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profiled {
    pub(super) id: Uuid,
    pub(super) display_name: Option<String>,
    pub(super) mail: Option<String>,
    pub(super) department: Option<String>,
    pub(super) job_title: Option<String>,
    pub(super) preferred_language: Option<String>,
    pub(super) manager: Option<Id>,
}

/// Is an object of which only the id is read.
#[derive(Debug, Deserialize)]
pub(super) struct Id {
    pub(super) id: Uuid,
}

/// Is one way in which a user holds one product.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicenseAssignmentState {
    pub(super) sku_id: Uuid,
    pub(super) assigned_by_group: Option<Uuid>,
    #[serde(default)]
    pub(super) disabled_plans: Vec<Uuid>,
    pub(super) state: Option<String>,
}

/// Is a user of whom only the licences are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Licensed {
    pub(super) license_assignment_states: Vec<LicenseAssignmentState>,
}

/// Is a group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) id: Uuid,
    pub(super) display_name: Option<Arc<str>>,
    pub(super) visibility: Option<String>,
}

/// Is a group in a list of all groups.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedGroup {
    pub(super) id: Uuid,
    pub(super) display_name: Option<Arc<str>>,
    pub(super) mail: Option<Arc<str>>,
    pub(super) visibility: Option<String>,
    pub(super) security_enabled: Option<bool>,
    #[serde(default)]
    pub(super) group_types: Vec<String>,
    #[serde(default)]
    pub(super) assigned_licenses: Vec<AssignedLicense>,
}

/// Is a group of which what it hands out is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicensingGroup {
    pub(super) visibility: Option<String>,
    pub(super) assigned_licenses: Option<Vec<AssignedLicense>>,
    pub(super) license_processing_state: Option<LicenseProcessingState>,
    pub(super) has_members_with_license_errors: Option<bool>,
}

/// Is a product that a group hands out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssignedLicense {
    pub(super) sku_id: Uuid,
    #[serde(default)]
    pub(super) disabled_plans: Vec<Uuid>,
}

/// Is how far the directory is with what a group hands out.
#[derive(Debug, Deserialize)]
pub(super) struct LicenseProcessingState {
    pub(super) state: Option<String>,
}

/// Is a user of whom only the name is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Member {
    #[serde(rename = "@odata.type")]
    pub(super) kind: Option<String>,
    pub(super) id: Uuid,
    pub(super) user_principal_name: Option<Arc<str>>,
}

/// Is the tenant.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Organization {
    pub(super) id: Uuid,
    pub(super) display_name: Option<Arc<str>>,
}

/// Is a product of the tenant.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscribedSku {
    pub(super) sku_id: Uuid,
    pub(super) sku_part_number: Arc<str>,
    #[serde(default)]
    pub(super) service_plans: Vec<ServicePlanInfo>,
}

/// Is a part of a product.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServicePlanInfo {
    pub(super) service_plan_id: Uuid,
    pub(super) service_plan_name: Arc<str>,
}
