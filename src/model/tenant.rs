//! Which tenant, and what its directory answered about membership.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Known, PersonId, Selector};

/// Is a tenant's directory id.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct TenantId(#[schemars(with = "String")] pub Uuid);

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Is what one selector stands for today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// These people, sorted.
    Are(Vec<PersonId>),
    /// A single person who is not in the directory.
    NoSuchPerson,
    /// A group, SKU or plan that does not exist.
    Gone,
    /// A display name that more than one group bears; the count.
    Ambiguous(usize),
}

/// Is the directory's answer to every selector of a manifest.
///
/// `Known::Unknown` means that the answer could not be read, which never counts as "nobody".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// By selector.
    pub of: BTreeMap<Selector, Known<Members>>,
}

impl Membership {
    /// Gathers everyone whom any selector names.
    pub fn everyone_named(&self) -> BTreeSet<PersonId> {
        self.of
            .values()
            .filter_map(|members| match members {
                Known::Is(Members::Are(people)) => Some(people),
                Known::Is(Members::NoSuchPerson | Members::Gone | Members::Ambiguous(_))
                | Known::Unknown(_) => None,
            })
            .flatten()
            .copied()
            .collect()
    }
}
