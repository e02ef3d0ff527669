//! What a write touches, without a name.

use serde::{Deserialize, Serialize};

use super::{PersonId, Setting, TenantSetting};

/// Is what a write touches, without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A default of the tenant.
    Tenant(TenantSetting),
    /// A setting of a person.
    Person(PersonId, Setting),
}
