//! What the directory says of people and groups beside the settings.

use std::sync::Arc;

use super::{GroupId, PersonId};

/// Is what the directory says of a person, read only where somebody asks for it.
///
/// Many people share a department, a title or a language; each text is kept once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// `displayName`.
    pub name: Option<Arc<str>>,
    /// `mail`: the address that mail goes to.
    pub mail: Option<Arc<str>>,
    /// `department`.
    pub department: Option<Arc<str>>,
    /// `jobTitle`.
    pub title: Option<Arc<str>>,
    /// `preferredLanguage`, such as `de` or `pt-BR`.
    pub language: Option<Arc<str>>,
    /// `manager`.
    pub manager: Option<PersonId>,
}

/// Is a group as the directory calls it, without its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedGroup {
    /// Entra object id.
    pub id: GroupId,
    /// `displayName`, which others may bear as well.
    pub name: Option<Arc<str>>,
    /// `mail`.
    pub mail: Option<Arc<str>>,
    /// Whether it serves for mail alone: neither a security group nor a Microsoft 365 group.
    pub only_mail: bool,
    /// Whether its members are hidden from whoever is not among them.
    pub hidden: bool,
    /// Whether it hands out licences.
    pub licensing: bool,
}
