//! One change of one setting, with no choice left.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Because;
use crate::model::{Class, GroupId, Mark, PersonId, ServicePlanId, Setting, SkuId, TenantSetting, Value};

/// Groups operations into steps, in the order that gives nobody more, and takes from nobody what they should keep.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// People's opt-outs and switch-offs.
    Withdraw,
    /// Values that equal today's default and are written so that they outlive it.
    Pin,
    /// Defaults of the tenant that are switched off.
    DefaultsOff,
    /// Service plans that are removed.
    PlanRemove,
    /// Service plans that are assigned.
    PlanAssign,
    /// Defaults of the tenant that are switched on, and rates.
    DefaultsOn,
    /// People's opt-ins and switch-ons.
    Grant,
}

impl Phase {
    /// Lists every phase in order.
    pub const ALL: [Self; 7] = [
        Self::Withdraw,
        Self::Pin,
        Self::DefaultsOff,
        Self::PlanRemove,
        Self::PlanAssign,
        Self::DefaultsOn,
        Self::Grant,
    ];
}

/// Is one change of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// When it is carried out.
    pub phase: Phase,
    /// What it touches.
    pub target: Target,
    /// What was read; `None` when the setting cannot be read at all.
    pub from: Option<Value>,
    /// What is to be.
    pub to: Value,
    /// Which guard counts it.
    pub class: Class,
    /// Why.
    pub because: Because,
    /// What the ledger is to remember it by: the decision to opt in again, or the manifest under which it is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// The person's own products to change, for a service plan; empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<LicenceChange>,
    /// Carried out only once the person's opt-out was read back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_opt_out: bool,
    /// The licensing groups that bring it about for all of their members, sorted; see [`GroupLicences`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<GroupId>,
}

/// Is one change of what a licensing group hands down, for all of its members at once.
///
/// Every member has an operation through the group, or is as wanted already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GroupLicences {
    /// The group's object id.
    pub id: GroupId,
    /// Its name, or its id where the name could not be read.
    pub name: Arc<str>,
    /// What its members are to have.
    pub to: Value,
    /// Its products, each with the list of disabled plans that replaces the one found.
    pub changes: Vec<LicenceChange>,
    /// Its direct user members as they were read, sorted: with anybody else in it, it is not changed.
    pub members: Vec<PersonId>,
}

impl GroupLicences {
    /// Says when it is carried out.
    pub fn phase(&self) -> Phase {
        if self.to == Value::REMOVED { Phase::PlanRemove } else { Phase::PlanAssign }
    }
}

/// Is what an operation touches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A default of the tenant.
    Tenant(#[schemars(with = "String")] TenantSetting),
    /// A setting of a person.
    Person(PersonTarget),
}

/// Is one setting of one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PersonTarget {
    /// `userPrincipalName`, spelt as the directory spells it.
    pub upn: Arc<str>,
    /// Entra object id.
    pub id: PersonId,
    /// The group that decides, or that the person left.
    pub group: Arc<str>,
    /// The setting.
    #[schemars(with = "String")]
    pub setting: Setting,
}

/// Is one product to write, with the list of plans that it replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LicenceChange {
    /// The product.
    pub sku: SkuId,
    /// Its name, for people to read.
    pub name: Arc<str>,
    /// `disabledPlans` as found, sorted.
    pub disabled_before: Vec<ServicePlanId>,
    /// `disabledPlans` to write, sorted; all else that was disabled stays so.
    pub disabled_after: Vec<ServicePlanId>,
}
