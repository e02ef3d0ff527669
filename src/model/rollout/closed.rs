//! Why nothing may be changed, and until when.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Says that nothing may be changed, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Closed {
    /// What stands against it.
    pub by: ClosedBy,
    /// The next moment at which changes may be made; absent where there is none within reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub opens: Option<Timestamp>,
}

/// Says what stands against a change now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedBy {
    /// A freeze, by name.
    Freeze(Arc<str>),
    /// No window is open; this one, by name, is the next that opens.
    Window(Arc<str>),
}
