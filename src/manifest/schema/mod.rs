//! Describes the manifest to editors, as a JSON Schema.
//!
//! The types here exist for their schema alone: what an editor shows while typing are their doc comments. The decoder
//! is written by hand, and a test holds the two together.

#![expect(dead_code, reason = "nothing is ever read into these types; only their schema is used")]

mod rollout;
mod words;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value as Json};

use words::{
    Address, CloudWord, Duration, Guid, Limits, Mode, OnLeave, OnUserChoice, ScenarioWord, ServicePlan,
    SettingValue, SettingWord, Switch, Text, TransportWord, Until, Version, Yes,
};

/// Gives the schema of a manifest, in the draft that every editor knows (draft-07).
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Manifest>();
    if let Some(root) = schema.as_object_mut() {
        without_null(root);
    }
    schema
}

/// Removes `null` from optional properties: a key is left out, or has a value.
fn without_null(schema: &mut Map<String, Json>) {
    if let Some(Json::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Json::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Json::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Json::Object(one)] = choices.as_slice() {
            let one = one.clone();
            schema.remove("anyOf");
            for (key, value) in one {
                schema.entry(key).or_insert(value);
            }
        }
    }
    for value in schema.values_mut() {
        walk(value);
    }
}

fn walk(value: &mut Json) {
    match value {
        Json::Object(schema) => without_null(schema),
        Json::Array(items) => items.iter_mut().for_each(walk),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// What Microsoft Viva Insights should be for a tenant and for groups of people.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, title = "insightctl manifest")]
struct Manifest {
    /// Version of the manifest's form. Always 1.
    version: Version,
    /// The tenant that this manifest is for. A token for another tenant is refused.
    tenant: Tenant,
    /// What carries the insights settings: `powershell`, as Microsoft supports it, or `exchange-rest`, which is verified
    /// against the sandbox only. Default: `powershell` for Microsoft 365, `exchange-rest` for the sandbox.
    transport: Option<TransportWord>,
    /// The cloud that the tenant is in. Default: `worldwide`. Personal insights is not offered in `gcc-high`, `dod` and
    /// `china`.
    cloud: Option<CloudWord>,
    /// A scenario of Microsoft's deployment guides. The rest of the manifest is checked against it.
    scenario: Option<ScenarioWord>,
    /// What the tenant gives everyone who has not chosen otherwise. What is left out is not managed.
    defaults: Option<Defaults>,
    /// Groups of people, most important first: the first group that holds a person decides everything for them.
    #[schemars(length(min = 1))]
    groups: Option<Vec<Group>>,
    /// How licences are changed.
    licences: Option<Licences>,
    /// Another spelling of `licences`.
    licenses: Option<Licences>,
    /// Who is taken in when, and when changes may be made. Without it, everything is in force at any time.
    rollout: Option<rollout::Rollout>,
    /// Deviations from what the groups ask for that are left alone for a while.
    #[schemars(length(min = 1))]
    accept: Option<Vec<Accept>>,
    /// What may not happen without consent.
    guards: Option<Guards>,
    /// How long a write may take to show before it counts as lost.
    settle: Option<Settle>,
    /// Where the ledger and the journal are kept: `file:FOLDER`, seen from the manifest's own folder,
    /// `az://account/container/prefix`, `s3://bucket/prefix`, `gs://bucket/prefix`, or `none`.
    /// Default: `file:.insightctl`.
    #[schemars(
        regex(pattern = r"^([Nn][Oo][Nn][Ee]|file:.+|az://[^/\s]+/[^/\s]\S*|(s3|gs)://[^/\s]\S*)$"),
        example = &"file:.insightctl",
        example = &"az://contoso/insights/prod"
    )]
    store: Option<String>,
}

/// The tenant that this manifest is for.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Tenant {
    /// Directory id, a GUID; the Entra admin centre shows it.
    id: Guid,
    /// Name of the tenant, for people to read, such as `contoso.onmicrosoft.com`.
    name: Option<Text>,
}

/// What the tenant gives everyone who has not chosen otherwise.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Defaults {
    /// The Viva Insights app and web page.
    dashboard: Option<Switch>,
    /// The digest e-mail. Microsoft paused it in March 2024; the setting is kept, and nothing is sent.
    digest_email: Option<Switch>,
    /// The Outlook add-in and its inline suggestions.
    outlook_add_in: Option<Switch>,
    /// Suggestions to send a message when its readers work. Exists for the tenant as a whole only.
    schedule_send: Option<Switch>,
    /// Another spelling of `schedule-send`.
    scheduled_send: Option<Switch>,
    /// The survey about the effectiveness of meetings: a switch, or a switch with a rate.
    meeting_survey: Option<Survey>,
}

/// The survey about the effectiveness of meetings.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Survey {
    Switch(Switch),
    Rated(RatedSurvey),
}

/// The survey, with its rate.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("minProperties" = 1), title = "with a rate")]
struct RatedSurvey {
    /// Whether the survey is on.
    enabled: Option<Switch>,
    /// Share of meetings after which it asks, 0.1 to 0.7. It can be written, and not be read back.
    #[schemars(range(min = 0.1, max = 0.7))]
    sampling_rate: Option<f64>,
}

/// A group of people, and what Viva Insights should be for them.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("anyOf" = [{ "required": ["mode"] }, { "required": ["features"] }, { "required": ["service-plan"] }])
)]
struct Group {
    /// Name of the group, unique in this manifest. It appears in plans and results.
    name: Text,
    /// Whether these people take part at all. Opting out also takes their data out of what others see.
    mode: Option<Mode>,
    /// Which features these people have. What is left out is not managed.
    features: Option<Features>,
    /// The service plan in these people's licences. Only an administrator can undo this one. Removing it hides the
    /// features; use `mode: opt-out` as well to take people's data out.
    service_plan: Option<ServicePlan>,
    /// Whose decision stands when a person chose otherwise: `respect` (default) the person's, `override` the
    /// manifest's. Nobody is opted in against their own opt-out either way.
    on_user_choice: Option<OnUserChoice>,
    /// What happens to people whom no group holds any more: `keep` (default) writes nothing, `restore` brings back
    /// what was found before the first write.
    on_leave: Option<OnLeave>,
    /// Opts people in again who had opted out before this was first applied: once each, and never without consent.
    /// Goes with `mode: opt-in` only.
    re_opt_in: Option<ReOptIn>,
    /// Who belongs to the group.
    #[schemars(length(min = 1))]
    members: Vec<Member>,
    /// Who does not belong to it, although `members` names them.
    #[schemars(length(min = 1))]
    except: Option<Vec<Member>>,
}

/// Which features people have.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("minProperties" = 1))]
struct Features {
    /// The Viva Insights app and web page.
    dashboard: Option<Switch>,
    /// The digest e-mail. Microsoft paused it in March 2024; the setting is kept, and nothing is sent.
    digest_email: Option<Switch>,
    /// The Outlook add-in and its inline suggestions.
    outlook_add_in: Option<Switch>,
}

/// A decision to opt people in again.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct ReOptIn {
    /// Why, in one line, for whoever consents to the plan. Another reason is another decision.
    reason: Text,
    /// The last day on which it holds, to its end in UTC, or the moment from which it no longer does.
    until: Until,
}

/// A deviation that is left alone for a while: one of `user`, `group`, `csv`, `filter`, `licence`, and what they may
/// have.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend("oneOf" = [
        { "required": ["user"] }, { "required": ["group"] }, { "required": ["csv"] },
        { "required": ["filter"] }, { "required": ["licence"] }, { "required": ["license"] }
    ])
)]
struct Accept {
    /// One person: user principal name or object id.
    user: Option<Address>,
    /// Everyone in an Entra group, nested groups included: its object id, mail address or unique display name.
    group: Option<Text>,
    /// A CSV file, seen from the manifest's own folder, written with `/`.
    csv: Option<Text>,
    /// The column that holds the people. Goes with `csv` only.
    column: Option<Text>,
    /// A Microsoft Graph `$filter` over users, such as `department eq 'Sales'`.
    filter: Option<Text>,
    /// Everyone who holds a product or service plan: its name, such as `SPE_E5`, or its GUID.
    licence: Option<Text>,
    /// Another spelling of `licence`.
    license: Option<Text>,
    /// The setting that may deviate.
    setting: SettingWord,
    /// What these people may have instead: `opt-in` or `opt-out`, `on` or `off`, `assigned`, `partial` or `removed`. As
    /// soon as they have anything else, it is handled as usual.
    value: SettingValue,
    /// Why, in one line.
    reason: Text,
    /// The last day on which it holds, to its end in UTC, or the moment from which it no longer does.
    until: Until,
}

/// Names people in one of six ways.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Member {
    User(User),
    Group(DirectoryGroup),
    Csv(Csv),
    Filter(Filter),
    Licence(Licence),
    License(License),
    Everyone(Everyone),
}

/// One person.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "one person")]
struct User {
    /// One person: user principal name or object id.
    user: Address,
}

/// The people of an Entra group.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "an Entra group")]
struct DirectoryGroup {
    /// Everyone in an Entra group, nested groups included: its object id, mail address or unique display name.
    group: Text,
}

/// The people in a column of a CSV file.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "a CSV file")]
struct Csv {
    /// A CSV file, seen from the manifest's own folder, written with `/`.
    csv: Text,
    /// The column that holds the people. Default: `UserPrincipalName`. `Mail`, `EmailAddress` and
    /// `PrimarySmtpAddress` are looked up as mail addresses, every other column as user principal names.
    column: Option<Text>,
}

/// The people whom a filter finds.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "a filter")]
struct Filter {
    /// A Microsoft Graph `$filter` over users, such as `department eq 'Sales'`.
    #[schemars(example = &"department eq 'Sales'")]
    filter: Text,
}

/// The people who hold a licence.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "a licence")]
struct Licence {
    /// Everyone who holds a product or service plan: its name, such as `SPE_E5`, or its GUID.
    #[schemars(example = &"SPE_E5")]
    licence: Text,
}

/// The people who hold a licence.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "a license")]
struct License {
    /// Another spelling of `licence`.
    license: Text,
}

/// Everyone in the directory.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "everyone")]
struct Everyone {
    /// Everyone in the directory.
    everyone: Yes,
}

/// What may not happen without consent.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Guards {
    /// People whom no group changes.
    #[schemars(length(min = 1))]
    protected: Option<Vec<Member>>,
    /// How many people may change without consent, per class of change.
    limits: Option<Limits>,
}

/// How licences are changed.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("minProperties" = 1))]
struct Licences {
    /// Whether the licence of a group may be changed itself, where every direct member of that group is to lose, or to
    /// get, the service plan. Otherwise, and by default, nothing is done for people who have it from a group.
    through_groups: Option<Switch>,
}

/// How long a write may take to show, such as `15m` or `24h`; at most a week.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Settle {
    /// A person's mode or feature. Default: `15m`.
    person: Option<Duration>,
    /// A default of the tenant. Default: `24h`.
    defaults: Option<Duration>,
    /// A person's service plan. Default: `60m`.
    service_plan: Option<Duration>,
    /// A service plan that is changed in the licence of a group. Default: `24h`.
    licensing_group: Option<Duration>,
}
