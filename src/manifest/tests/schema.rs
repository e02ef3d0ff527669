//! Holds the schema and the decoder together.

use serde_json::Value as Json;

use crate::manifest::{parse, schema};

#[test]
fn the_stored_schema_is_current() {
    let current = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/manifest.schema.json");
    assert!(
        std::fs::read_to_string(stored).unwrap_or_default().replace("\r\n", "\n") == current,
        "schemas/manifest.schema.json is out of date; run: insightctl schema manifest > schemas/manifest.schema.json"
    );
}

#[test]
fn everything_an_editor_can_show_is_described() {
    fn visit(path: &str, value: &Json) {
        if let Some(properties) = value.get("properties").and_then(Json::as_object) {
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{path}/{name} has no description");
            }
            assert_eq!(value["additionalProperties"], false, "{path}");
        }
        match value {
            Json::Object(map) => {
                map.iter().for_each(|(key, value)| visit(&format!("{path}/{key}"), value));
            }
            Json::Array(items) => items.iter().for_each(|value| visit(path, value)),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    visit("", schema().as_value());
}

const HEAD: &str = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\n";

/// Reads YAML as an editor does: `on` is a text, `true` a switch.
fn json(text: &str) -> Json {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text, options).unwrap()
}

fn group(rest: &str) -> String {
    let lines: Vec<String> = rest
        .lines()
        .map(|line| {
            format!(
                "    {line}
"
            )
        })
        .collect();
    format!(
        "{HEAD}groups:
  - name: pilot
{}",
        lines.concat()
    )
}

fn campaign(rest: &str) -> String {
    let group = group("mode: opt-in\nmembers: [ { everyone: true } ]");
    let wave = "{ name: pilot, groups: [ pilot ], starts: 2026-03-02, runs-for: 45 days }";
    format!("{group}rollout:\n  waves: [ {wave} ]\n  {rest}\n")
}

fn accept(item: &str) -> String {
    format!("{HEAD}accept: [ {item} ]\n")
}

#[test]
fn the_decoder_and_the_schema_agree_on_what_is_good() {
    let schema = jsonschema::validator_for(schema().as_value()).unwrap();
    let good = [
        HEAD.to_owned(),
        format!(
            "{HEAD}scenario: Default-Off\ndefaults: {{ dashboard: OFF, digest-email: no, outlook-add-in: False }}\n"
        ),
        format!(
            "{HEAD}defaults: {{ scheduled-send: Yes, meeting-survey: {{ enabled: on, sampling-rate: 0.2 }} }}\n"
        ),
        format!("{HEAD}defaults: {{ meeting-survey: true }}\n"),
        format!("{HEAD}settle: {{ person: 15m, defaults: 1h 30m, service-plan: PT1H }}\nstore: none\n"),
        format!(
            "{HEAD}guards: {{ limits: {{ opt-in: {{ percent: 0 }}, leaving: {{ people: 7 }} }} }}\nstore: file:x/y\n"
        ),
        format!("{HEAD}licences: {{ through-groups: true }}\nsettle: {{ licensing-group: 36h }}\n"),
        format!("{HEAD}licenses: {{ through-groups: Off }}\n"),
        format!("{HEAD}store: az://account/container\n"),
        format!("{HEAD}store: s3://bucket/prefix\n"),
        format!("{HEAD}store: gs://bucket\n"),
        group(
            "mode: Opt-In\nmembers:\n  - user: ada@contoso.com\n  - group: Sales\n  - filter: department eq 'Sales'",
        ),
        group("service-plan: removed\nmembers: [ { license: SPE_E5 } ]\nexcept: [ { licence: SPE_E3 } ]"),
        group(
            "features: { dashboard: on }\non-leave: restore\non-user-choice: Override\nmembers: [ { everyone: true } ]",
        ),
        group(
            "mode: opt-in\nre-opt-in: { reason: agreed with HR, until: 2026-04-01 }\nmembers: [ { group: Sales } ]",
        ),
        campaign("owners: { help-desk-lead: Grace Hopper, microsoft-365-admin: ada@contoso.com }"),
        campaign(
            "checklist: [ { what: plan, owner: Training-Lead, done: Yes, evidence: HTTPS://contoso.com/x } ]",
        ),
        campaign("goals: { opted-in: 60%, opted-out-at-most: 0.5% }"),
        campaign("surveys: [ { name: before, wave: pilot, day: -3, link: mailto:ada@contoso.com } ]"),
        campaign(
            "milestones: [ { name: assess_1, wave: pilot, day: 41, until: 45, owner: security-lead, what: x } ]",
        ),
        accept("{ user: ada@contoso.com, setting: dashboard, value: off, reason: x, until: 2026-04-01 }"),
        accept("{ license: SPE_E5, setting: Mode, value: Opt-Out, reason: x, until: 2026-04-01T08:00:00Z }"),
        accept("{ group: Sales, setting: service-plan, value: partial, reason: x, until: 2026-04-01 }"),
    ];
    for text in good {
        assert!(parse(&text, &[]).is_ok(), "{text}{:#?}", parse(&text, &[]).unwrap_err().list());
        assert!(schema.is_valid(&json(&text)), "{text}{:?}", schema.validate(&json(&text)));
    }
}

#[test]
fn the_decoder_and_the_schema_take_every_example() {
    let schema = jsonschema::validator_for(schema().as_value()).unwrap();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut count = 0;
    for example in std::fs::read_dir(examples).unwrap() {
        let path = example.unwrap().path().join("insights.yaml");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let read = crate::manifest::read(&path);
        assert!(read.is_ok(), "{}: {:#?}", path.display(), read.unwrap_err().list());
        assert!(schema.is_valid(&json(&text)), "{}: {:?}", path.display(), schema.validate(&json(&text)));
        count += 1;
    }
    assert!(count >= 3, "{count} examples");
}

#[test]
fn the_decoder_and_the_schema_agree_on_what_is_bad() {
    let schema = jsonschema::validator_for(schema().as_value()).unwrap();
    let bad = [
        "version: 1\n".to_owned(),
        HEAD.replace('1', "2"),
        HEAD.replace("version: 1", "version: '1'"),
        HEAD.replace("3f2504e0", "x"),
        format!("{HEAD}zebra: 1\n"),
        format!("{HEAD}scenario: default\n"),
        format!("{HEAD}groups: []\n"),
        format!("{HEAD}defaults:\n"),
        format!("{HEAD}defaults: {{ dashboard: maybe }}\n"),
        format!("{HEAD}defaults: {{ dashboard: 1 }}\n"),
        format!("{HEAD}defaults: {{ meeting-survey: {{ sampling-rate: 0.8 }} }}\n"),
        format!("{HEAD}defaults: {{ meeting-survey: {{}} }}\n"),
        format!("{HEAD}settle: {{ person: 15 }}\n"),
        format!("{HEAD}licences: {{}}\n"),
        format!("{HEAD}licences: on\n"),
        format!("{HEAD}licences: {{ through-groups: perhaps }}\n"),
        format!("{HEAD}licences: {{ through-group: on }}\n"),
        format!("{HEAD}store: az://account\n"),
        format!("{HEAD}store: s3:///prefix\n"),
        format!("{HEAD}guards: {{ limits: {{ opt-in: {{ percent: 101 }} }} }}\n"),
        format!("{HEAD}guards: {{ limits: {{ opt-in: {{}} }} }}\n"),
        format!("{HEAD}guards: {{ limits: {{ everything: {{ people: 1 }} }} }}\n"),
        group("mode: opt-in"),
        group("members: [ { everyone: true } ]"),
        group("mode: excluded\nmembers: [ { everyone: true } ]"),
        group("features: {}\nmembers: [ { everyone: true } ]"),
        group("mode: opt-in\nmembers: []"),
        group("mode: opt-in\nmembers: [ { everyone: false } ]"),
        group("mode: opt-in\nmembers: [ ada@contoso.com ]"),
        group("mode: opt-in\nmembers: [ { user: ada } ]"),
        group("mode: opt-in\nmembers: [ { user: ada@contoso.com, group: Sales } ]"),
        group("mode: opt-in\nmembers: [ { group: Sales, column: Mail } ]"),
        group("mode: opt-in\nmembers: [ { group: 7 } ]"),
        group("mode: opt-in\nmembers: [ {} ]"),
        group("mode: opt-in\nre-opt-in: { reason: x }\nmembers: [ { group: Sales } ]"),
        group("mode: opt-in\nre-opt-in: { reason: x, until: soon }\nmembers: [ { group: Sales } ]"),
        campaign("owners: { ceo: Ada }"),
        campaign("checklist: [ { done: on } ]"),
        campaign("checklist: [ { what: plan, evidence: contoso.com } ]"),
        campaign("goals: { opted-in: 101% }"),
        campaign("training: javascript:alert(1)"),
        campaign("surveys: [ { name: before, wave: pilot, day: 0 } ]"),
        campaign("milestones: [ { name: a/b, wave: pilot, day: 1 } ]"),
        campaign("milestones: [ { name: a, wave: pilot, day: monday } ]"),
        campaign("milestones: [ { name: a, wave: pilot, day: 1, message: { to: all, templates: x } } ]"),
        campaign("milestones: [ { name: a, wave: pilot, day: 1, message: { to: changing } } ]"),
        accept("{ setting: dashboard, value: off, reason: x, until: 2026-04-01 }"),
        accept("{ user: a@b.c, group: Sales, setting: dashboard, value: off, reason: x, until: 2026-04-01 }"),
        accept("{ everyone: true, setting: dashboard, value: off, reason: x, until: 2026-04-01 }"),
        accept("{ user: a@b.c, setting: rate, value: off, reason: x, until: 2026-04-01 }"),
        accept("{ user: a@b.c, setting: dashboard, value: maybe, reason: x, until: 2026-04-01 }"),
        accept("{ user: a@b.c, setting: dashboard, value: off, until: 2026-04-01 }"),
    ];
    for text in bad {
        assert!(parse(&text, &[]).is_err(), "the decoder takes {text}");
        assert!(!schema.is_valid(&json(&text)), "the schema takes {text}");
    }
}
