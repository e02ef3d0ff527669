//! Who: people, groups, and the ways a manifest points at them.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Is a person's Entra object id, the only key by which people are known.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct PersonId(#[schemars(with = "String")] pub Uuid);

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Is an Entra group's object id.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct GroupId(#[schemars(with = "String")] pub Uuid);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Tells a member of the organisation from a guest (`userType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `Member`.
    Member,
    /// `Guest`.
    Guest,
}

/// Points at people, as a manifest does, without saying who they are now.
///
/// CSV files have already become `User` and `Mail` selectors when one of these is made. Addresses are folded to lower
/// case (ASCII), since the directory compares them so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selector {
    /// One person by object id.
    Id(PersonId),
    /// One person by user principal name, in lower case.
    User(String),
    /// One person by mail address, in lower case.
    Mail(String),
    /// All user members of a group, nested ones too: object id, mail address or unique display name.
    Group(String),
    /// Everyone who matches a Microsoft Graph `$filter` over users.
    Filter(String),
    /// Everyone who holds a SKU or service plan, by name or GUID.
    Licence(String),
    /// Everyone in the directory.
    Everyone,
}
