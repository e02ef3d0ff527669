//! Describes the words, numbers and texts that a manifest's keys take.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json};

use crate::manifest::scenario::Scenario;
use crate::manifest::transport::Transport;
use crate::model::{Class, Cloud, Setting};

const GUID: &str = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";

/// Makes types of schemas, so that they can be optional.
macro_rules! written {
    ($($name:ident = $schema:expr;)*) => { $(
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )* };
}

written! {
    Version = json_schema!({ "const": 1 });
    Guid = json_schema!({ "type": "string", "pattern": format!("^{GUID}$") });
    Address = json_schema!({ "type": "string", "pattern": format!("^([^@\\s]+@[^@\\s]+|{GUID})$") });
    Text = json_schema!({ "type": "string", "pattern": "\\S" });
    Duration = json_schema!({ "type": "string", "pattern": "^([0-9]|P)", "examples": ["15m", "24h"] });
    Switch = json_schema!({ "anyOf": [
        { "enum": ["on", "off"] },
        { "type": "boolean" },
        any_case(&["on", "off", "yes", "no", "true", "false"])
    ] });
    Yes = json_schema!({ "anyOf": [{ "const": true }, any_case(&["on", "yes", "true"])] });
    Until = json_schema!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}", "examples": ["2026-04-01"] });
    SettingWord = words(&Setting::ALL.map(Setting::word));
    SettingValue = json_schema!({ "anyOf": [
        { "enum": ["opt-in", "opt-out", "on", "off", "assigned", "partial", "removed"] },
        { "type": "boolean" },
        any_case(&[
            "opt-in", "opt-out", "on", "off", "yes", "no", "true", "false", "assigned", "partial", "removed"
        ])
    ] });
    CloudWord = words(&Cloud::ALL.map(Cloud::word));
    ScenarioWord = words(&Scenario::ALL.map(Scenario::word));
    TransportWord = words(&Transport::ALL.map(Transport::word));
    Mode = words(&["opt-in", "opt-out"]);
    ServicePlan = words(&["assigned", "removed"]);
    OnUserChoice = words(&["respect", "override"]);
    OnLeave = words(&["keep", "restore"]);
    Then = words(&["stay", "leave"]);
    Limits = limits();
}

/// Takes words in any case, and lets an editor offer them.
pub(super) fn words(words: &[&str]) -> Schema {
    json_schema!({ "anyOf": [{ "enum": words }, any_case(words)] })
}

fn any_case(words: &[&str]) -> Json {
    let letter = |char: char| match (char.to_ascii_uppercase(), char) {
        (upper, lower) if upper == lower => lower.to_string(),
        (upper, lower) => format!("[{upper}{lower}]"),
    };
    let patterns: Vec<String> = words.iter().map(|word| word.chars().map(letter).collect()).collect();
    serde_json::json!({ "type": "string", "pattern": format!("^({})$", patterns.join("|")) })
}

fn limits() -> Schema {
    let classes: Map<String, Json> = Class::ALL
        .into_iter()
        .map(|class| {
            let limit = class.default_limit();
            let description = match (limit.percent, limit.people) {
                (0, 0) => format!("{} Default: nobody; this always needs consent.", told(class)),
                (percent, people) => {
                    format!(
                        "{} Default: {percent} percent and {people} people; the smaller of the two binds, and up to {} \
                         people always may change unless a limit is 0.",
                        told(class),
                        class.floor()
                    )
                }
            };
            let schema = serde_json::json!({
                "description": description,
                "type": "object",
                "properties": {
                    "percent": {
                        "description": format!("Percent of the people in scope, 0 to 100. Default: {}.", limit.percent),
                        "type": "integer", "minimum": 0, "maximum": 100
                    },
                    "people": {
                        "description": format!("Number of people. Default: {}.", limit.people),
                        "type": "integer", "minimum": 0, "maximum": u32::MAX
                    }
                },
                "additionalProperties": false,
                "minProperties": 1
            });
            (class.word().to_owned(), schema)
        })
        .collect();
    json_schema!({ "type": "object", "properties": classes, "additionalProperties": false })
}

/// Describes a class to whoever sets its limit.
fn told(class: Class) -> &'static str {
    match class {
        Class::OptIn => "People who are opted in.",
        Class::OptOut => "People who are opted out.",
        Class::Features => "People whose features are switched.",
        Class::ServicePlanAssigned => "People who get the service plan.",
        Class::ServicePlanRemoved => "People who lose the service plan.",
        Class::Leaving => {
            "People whom a group holds no longer, counted per group: a list that was cut off looks so."
        }
        Class::Restore => "People who left a group and get back what was found.",
        Class::ReOptIn => "People who are opted in although they had opted out.",
        Class::RePin => "People whose value is written again after a default moved it.",
        Class::Rollback => "People who are restored to what they had before a run.",
        Class::Defaults => "People who move with a default of the tenant.",
    }
}
