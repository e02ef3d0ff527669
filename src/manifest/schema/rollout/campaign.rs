//! Describes what people do beside the settings.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::manifest::schema::words::{Switch, Text, words};
use crate::model::rollout::Role as Model;

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
    Link = json_schema!({
        "type": "string",
        "pattern": "^\\s*([hH][tT][tT][pP][sS]?://\\S+|[mM][aA][iI][lL][tT][oO]:\\S*@\\S*)\\s*$",
        "examples": ["https://contoso.sharepoint.com/sites/insights"]
    });
    Role = words(&Model::ALL.map(Model::word));
    Day = json_schema!({ "type": "integer", "minimum": -3660, "maximum": 3660, "not": { "const": 0 } });
    MilestoneName = json_schema!({ "type": "string", "pattern": "^\\s*[A-Za-z0-9][A-Za-z0-9_-]{0,63}\\s*$" });
    Share = json_schema!({
        "type": "string",
        "pattern": "^\\s*(100(\\.00?)?|[0-9]{1,2}(\\.[0-9]{1,2})?)\\s*%\\s*$",
        "examples": ["60%"]
    });
    Audience = words(&["changing", "participants"]);
}

/// Who answers for what: a name or an address for each role.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Owners {
    /// Stands for it before the management.
    executive_sponsor: Option<Text>,
    /// Answers for security and privacy.
    security_lead: Option<Text>,
    /// Changes the settings.
    #[schemars(rename = "microsoft-365-admin")]
    microsoft_365_admin: Option<Text>,
    /// Answers questions.
    help_desk_lead: Option<Text>,
    /// Teaches.
    training_lead: Option<Text>,
}

/// Something to be done before it begins.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Check {
    /// What, in one line.
    what: Text,
    /// Who sees to it.
    owner: Option<Role>,
    /// Whether it is done. Default: `off`.
    done: Option<Switch>,
    /// A link to what shows that it is done.
    evidence: Option<Link>,
}

/// What is to be reached.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Goals {
    /// At least this share of those in reach is opted in.
    opted_in: Option<Share>,
    /// At most this share opted out by themselves.
    opted_out_at_most: Option<Share>,
}

/// A survey that somebody else runs.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Survey {
    /// What people call it.
    name: Text,
    /// The wave that it is about.
    wave: Text,
    /// The day of the wave: 1 is the first, -1 the day before it. There is no day 0.
    day: Day,
    /// Where it is.
    link: Option<Link>,
}

/// A day on which something happens.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Milestone {
    /// Its name, by which `announce` knows it; drafts are called after it, and whoever was told is remembered by it.
    name: MilestoneName,
    /// The wave that it belongs to.
    wave: Text,
    /// The day of the wave: 1 is the first, -1 the day before it. There is no day 0.
    day: Day,
    /// The last day, where it takes several.
    until: Option<Day>,
    /// Who sees to it.
    owner: Option<Role>,
    /// What happens, in one line.
    what: Option<Text>,
    /// What people are told, in drafts that `announce` writes.
    message: Option<Message>,
}

/// What people are told at a milestone.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Message {
    /// Whom: `changing` (default) those whose setting the next plan changes, `participants` those of the wave whose
    /// setting was changed and who have not opted out by themselves since.
    to: Option<Audience>,
    /// The templates, without language and ending: `messages/welcome` means every `messages/welcome.LANGUAGE.md`.
    templates: Text,
    /// The language for everybody whose own is missing. Default: `en`, or else the first in the alphabet.
    default: Option<Text>,
}
