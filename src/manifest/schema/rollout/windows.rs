//! Describes `windows` and `freezes`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::schema::words::Text;

const DAY: &str = "([mM][oO][nN]([dD][aA][yY])?|[tT][uU][eE]([sS][dD][aA][yY])?\
                   |[wW][eE][dD]([nN][eE][sS][dD][aA][yY])?|[tT][hH][uU]([rR][sS][dD][aA][yY])?\
                   |[fF][rR][iI]([dD][aA][yY])?|[sS][aA][tT]([uU][rR][dD][aA][yY])?|[sS][uU][nN]([dD][aA][yY])?)";

/// Is a day of the week, or a range of them.
struct Days;

impl JsonSchema for Days {
    fn schema_name() -> Cow<'static, str> {
        "Weekdays".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let some = serde_json::json!({
            "type": "string",
            "pattern": format!("^\\s*{DAY}(\\s*-\\s*{DAY})?\\s*$"),
            "examples": ["mon", "mon-fri"]
        });
        json_schema!({ "anyOf": [some, { "type": "array", "minItems": 1, "items": some }] })
    }
}

/// Is a time of the day.
struct Time;

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)\\s*$",
            "examples": ["20:00", "06:00", "24:00"]
        })
    }
}

/// Is a day of the calendar.
struct Day;

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\\s*$",
            "examples": ["2026-12-18"]
        })
    }
}

/// A window that comes back every week. Windows for everything and windows for a wave must both be open.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Window {
    /// What people call it, unique among the windows.
    name: Text,
    /// The days of the week on which it opens: `mon`, or `mon-fri`. Default: every day.
    days: Option<Days>,
    /// When it opens, by the clock of the time zone.
    from: Time,
    /// When it closes; not after `from` means on the next day. `24:00` is the end of the day.
    to: Time,
    /// Where its clock hangs: an IANA name. Default: the rollout's time zone.
    time_zone: Option<Text>,
    /// The waves that it is for; it binds no others. Default: everything.
    #[schemars(length(min = 1))]
    waves: Option<Vec<Text>>,
}

/// A time in which nothing is changed, whatever the windows say.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Freeze {
    /// What people call it, unique among the freezes.
    name: Text,
    /// Its first day.
    from: Day,
    /// Its last day, which is frozen too.
    to: Day,
    /// Where its days begin: an IANA name. Default: the rollout's time zone.
    time_zone: Option<Text>,
    /// The waves that it is for. Default: everything.
    #[schemars(length(min = 1))]
    waves: Option<Vec<Text>>,
}
