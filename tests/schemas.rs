//! Keeps the stored schemas true: they are what the program prints, and what it writes keeps to them.
//!
//! To store new ones: `cargo run -- schema NAME --out schemas/NAME.schema.json`.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

mod stage;
#[path = "stage/waive.rs"]
mod waive;

use stage::Stage;
use waive::waive;

const CONSENT: [&str; 5] = ["--yes", "--allow", "defaults", "--sandbox", "tenant.json"];

fn stored(name: &str) -> String {
    let path = PathBuf::from(format!("schemas/{name}.schema.json"));
    fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n")
}

/// Says what of a value is against a stored schema.
fn faults(name: &str, value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(&stored(name)).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

#[track_caller]
fn keeps_to(name: &str, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    let faults = faults(name, &value);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    value
}

#[test]
fn the_stored_schemas_are_current() {
    let stage = Stage::set();
    for name in ["manifest", "plan", "report", "waiver", "adoption", "balance"] {
        let now = stage.run(&["schema", name]).with(0).out;
        let how = format!("cargo run -- schema {name} --out schemas/{name}.schema.json");
        assert!(now == stored(name), "schemas/{name}.schema.json is out of date; renew it: {how}");
    }
}

#[test]
fn plans_keep_to_their_schema() {
    let stage = Stage::set();
    let plan = || stage.run(&["plan", "--format", "json", "--sandbox", "tenant.json"]).with(0).out;
    let first = keeps_to("plan", &plan());
    assert_eq!(first["operations"].as_array().unwrap().len(), 51);
    stage.run(&[&["apply"][..], &CONSENT].concat()).with(0);
    let empty = keeps_to("plan", &plan());
    assert!(empty["operations"].as_array().unwrap().is_empty());
}

#[test]
fn reports_keep_to_their_schema() {
    let stage = Stage::set();
    stage.run(&["plan", "--out", "plan.json", "--sandbox", "tenant.json"]).with(0);
    let who = "hedy@contoso.com";
    stage.run(&["sandbox", "person", who, "--mode", "opt-out", "--sandbox", "tenant.json"]).with(0);
    let waived = ["--yes", "--waiver", waive(&stage, &["defaults"]), "--sandbox", "tenant.json"];
    let ended = stage.run(&[&["apply", "plan.json", "--format", "json"][..], &waived].concat()).with(7);
    let report = keeps_to("report", &ended.out);
    let rows = report["rows"].as_array().unwrap();
    for outcome in ["done", "moved"] {
        assert!(rows.iter().any(|row| row["outcome"] == outcome), "no row is {outcome}: {report}");
    }
}

#[test]
fn what_is_measured_keeps_to_its_schema() {
    let stage = Stage::set();
    stage.run(&[&["apply"][..], &CONSENT].concat()).with(0);
    let report =
        stage.run(&["report", "adoption", "--format", "json", "--sandbox", "tenant.json"]).with(0).out;
    let report = keeps_to("adoption", &report);
    assert_eq!(report["trend"].as_array().unwrap().len(), 1, "{report}");
    let balance =
        stage.run(&["rollout", "balance", "--format", "json", "--sandbox", "tenant.json"]).with(0).out;
    keeps_to("balance", &balance);
}

#[test]
fn waivers_keep_to_their_schema() {
    let waiver = json!({ "waive": {
        "plan": format!("sha256:{}", "5a".repeat(32)), "class": ["defaults", "opt-out"],
        "reason": "agreed", "by": "ada@contoso.com", "until": "2026-03-01"
    } });
    keeps_to("waiver", &waiver.to_string());
    for (key, wrong) in [
        ("plan", json!("sha256:5a")),
        ("class", json!("everything")),
        ("class", json!([])),
        ("reason", json!(" ")),
        ("by", json!(null)),
        ("until", json!("soon")),
        ("force", json!(true)),
    ] {
        let mut waiver = waiver.clone();
        waiver["waive"][key] = wrong.clone();
        assert!(!faults("waiver", &waiver).is_empty(), "{key}: {wrong}");
    }
    let text = json!({ "waive": { "plan": waiver["waive"]["plan"] } });
    assert!(!faults("waiver", &text).is_empty(), "the rest is missing");
}

#[test]
fn the_schemas_tell_wrong_from_right() {
    for name in ["manifest", "plan", "report", "waiver", "adoption", "balance"] {
        assert!(!faults(name, &json!({ "format": "one" })).is_empty(), "{name} takes anything");
    }
}
