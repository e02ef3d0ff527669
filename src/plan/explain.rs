//! Tells what decides for one person.

use std::sync::Arc;

use serde::Serialize;

use super::{Because, Reason};
use crate::model::{Entry, Kind, PersonId, ServicePlan, Setting, Value};

/// Is everything that decides for one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one person")]
pub struct Explanation {
    /// `userPrincipalName`.
    pub upn: Arc<str>,
    /// Entra object id.
    pub id: PersonId,
    /// Every group of the manifest that names the person, in order; the first decides.
    pub groups: Vec<Arc<str>>,
    /// Whether `guards.protected` names the person.
    pub protected: bool,
    /// Whether the deciding group is certain; `false` when something before it could not be read.
    pub certain: bool,
    /// Member or guest.
    pub kind: Kind,
    /// Whether the account is enabled.
    pub enabled: bool,
    /// Whether the person has a mailbox.
    pub mailbox: bool,
    /// The products that carry personal insights.
    pub licences: Vec<LicenceLine>,
    /// The state over all of them; `None` when no product carries it.
    pub service_plan: Option<ServicePlan>,
    /// By setting, in display order.
    pub settings: Vec<SettingExplanation>,
}

/// Is one way in which a person holds a product that carries personal insights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LicenceLine {
    /// The product's name.
    pub sku: Arc<str>,
    /// The group that hands it down; `None` when assigned directly.
    pub by_group: Option<Arc<str>>,
    /// Whether this source has all of its personal-insights plans on.
    pub on: bool,
}

/// Is what decides for one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingExplanation {
    /// The setting.
    pub setting: Setting,
    /// What the manifest asks for.
    pub want: Option<Value>,
    /// What is, if it could be read.
    pub have: Option<Value>,
    /// The tenant's default now.
    pub default: Option<Value>,
    /// The tenant's default after this plan.
    pub default_after: Option<Value>,
    /// What the ledger remembers.
    pub entry: Option<Entry>,
    /// The row of the verdict table that matched, 1 to 14; `None` for the service plan, or when the person as a whole
    /// is left alone.
    pub row: Option<u8>,
    /// What follows.
    pub decision: Decision,
}

/// Is what follows for one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It is written.
    Set {
        /// The new value.
        to: Value,
        /// Why.
        because: Because,
    },
    /// It is left alone.
    Leave(Reason),
}
