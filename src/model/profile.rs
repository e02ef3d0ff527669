//! What the directory says of a person beside the settings.

use std::sync::Arc;

use super::PersonId;

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
