//! Describes `waves`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::schema::words::Text;

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

/// One wave.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Wave {
    /// Name of the wave, unique in this manifest.
    name: Text,
}
