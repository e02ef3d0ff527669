//! Describes `windows` and `freezes`.

use schemars::JsonSchema;

use crate::manifest::schema::words::Text;

/// A window that comes back every week.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Window {
    /// What people call it.
    name: Text,
}

/// A time in which nothing is changed.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Freeze {
    /// What people call it.
    name: Text,
}
