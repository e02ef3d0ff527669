//! Whom something concerns, and how.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Setting, Value};

/// Is how a person is concerned by what their group asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concerned {
    /// `userPrincipalName`, spelt as the directory spells it.
    pub upn: Arc<str>,
    /// The group that decides.
    pub group: Arc<str>,
    /// What changes, or was changed, and to what.
    pub changes: BTreeMap<Setting, Value>,
}
