//! Says what of a plan may not be done without consent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Class, Limit};

/// Is a class of change that goes beyond its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Objection {
    /// The class.
    pub class: Class,
    /// The group, for `leaving`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
    /// How many people the plan changes in this class; `None` when nobody can count them (`defaults`).
    pub people: Option<u64>,
    /// Of how many: the scope, or the group.
    pub of: u64,
    /// The limit that binds.
    pub limit: Limit,
    /// Up to so many people the percentage does not bind.
    pub floor: u64,
}
