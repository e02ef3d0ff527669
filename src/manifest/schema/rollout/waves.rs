//! Describes `waves`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::schema::words::{Switch, Text, Then, Until};

/// Is a number of days.
pub(super) struct Days;

impl JsonSchema for Days {
    fn schema_name() -> Cow<'static, str> {
        "Days".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*[0-9]+\\s*([dD]([aA][yY][sS]?)?|[wW]([eE][eE][kK][sS]?)?)\\s*$",
            "examples": ["45 days", "6 weeks"]
        })
    }
}

/// Is a share of people.
pub(super) struct Share;

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*[0-9]+(\\.[0-9]{1,2})?\\s*%\\s*$",
            "examples": ["10%", "0.5%"]
        })
    }
}

/// One wave.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Wave {
    /// Name of the wave, unique in this manifest. The ledger remembers by it when a wave with a gate began.
    name: Text,
    /// Names of groups of this manifest. Until the wave begins, they are as if absent.
    #[schemars(length(min = 1))]
    groups: Vec<Text>,
    /// The day on which the wave begins, in the rollout's time zone, or a moment. With `after`: not before.
    starts: Option<Until>,
    /// How long the wave takes, such as `45 days`. Default: it has no end.
    runs_for: Option<Days>,
    /// What becomes of the wave's groups when its time is over: `stay` (they stay in force) or `leave` (they are as if
    /// absent). Default: `stay`.
    then: Option<Then>,
    /// The wave whose time must be over before; one without `runs-for` only has to have begun.
    after: Option<Text>,
    /// A gate: the wave does not begin while this is `false`.
    approved: Option<Switch>,
    /// How much of its groups the wave takes in, such as `10%`. Always the same people, who stay in when the share grows.
    /// Default: `100%`.
    canary: Option<Share>,
    /// What must hold of the wave named by `after`.
    when: Option<Conditions>,
}

/// What must hold of the wave before.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("minProperties" = 1))]
struct Conditions {
    /// At least this share of its people has nothing left to be done.
    converged: Option<Share>,
    /// At most this share could not be changed.
    failed_at_most: Option<Share>,
    /// At most this share opted out by themselves.
    opted_out_at_most: Option<Share>,
}
