//! Describes what people do beside the settings.

use schemars::JsonSchema;

use crate::manifest::schema::words::Text;

/// Who answers for what: a name or an address for each role.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Owners {
    /// Stands for it before the management.
    executive_sponsor: Option<Text>,
}

/// Something to be done before it begins.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Check {
    /// What.
    what: Text,
}

/// What is to be reached.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Goals {
    /// At least this share of those in reach is opted in.
    opted_in: Option<Text>,
}

/// A survey that somebody else runs.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Survey {
    /// What people call it.
    name: Text,
}

/// A day on which something happens.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Milestone {
    /// Its name.
    name: Text,
}
