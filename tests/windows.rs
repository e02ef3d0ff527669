//! Holds what windows and freezes promise, over the sandbox: what waits, what goes on, and how a run ends.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

use std::fs;

mod stage;

use stage::{Ended, Stage};

const MORNING: [&str; 2] = ["--now", "2026-03-02T09:00:00Z"];

/// Sets a stage whose manifest has two waves; `closed` stands under `rollout:`.
fn stage(closed: &str) -> Stage {
    let stage = Stage::set();
    let text = format!(
        "version: 1
tenant: {{ id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }}
store: file:.insightctl
defaults: {{ dashboard: off }}
groups:
  - {{ name: early, features: {{ dashboard: on }}, members: [ {{ filter: \"department eq 'Sales'\" }} ] }}
  - {{ name: late, mode: opt-out, members: [ {{ csv: people/contractors.csv }} ] }}
rollout:
  time-zone: UTC
  waves:
    - {{ name: first, groups: [ early ], starts: 2026-03-01 }}
    - {{ name: second, groups: [ late ], starts: 2026-03-01 }}
{closed}guards:
  limits:
    opt-out: {{ percent: 100, people: 50 }}
    features: {{ percent: 100, people: 50 }}
    defaults: {{ percent: 100, people: 50 }}
"
    );
    fs::write(stage.path().join("insights.yaml"), text).unwrap();
    stage
}

fn run(stage: &Stage, parts: &[&[&str]]) -> Ended {
    stage.run(&[&parts.concat()[..], &["--sandbox", "tenant.json"]].concat())
}

fn freeze(wave: &str, day: &str) -> String {
    format!("  freezes: [ {{ name: quiet, from: {day}, to: {day}, waves: [ {wave} ] }} ]\n")
}

#[test]
fn an_apply_past_midnight_leaves_a_wave_that_is_frozen_since_and_writes_the_others() {
    let stage = stage(&freeze("first", "2026-03-03"));
    run(&stage, &[&["plan", "--out", "plan.json"], &MORNING]).with(0);
    let night = ["--now", "2026-03-03T00:30:00Z"];
    let apply = ["apply", "plan.json", "--yes", "--out", "report.json", "--format", "json"];
    run(&stage, &[&apply, &night]).with(9);
    let report = fs::read_to_string(stage.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let (mut waiting, mut written, mut held) = (0, 0, 0);
    for row in report["rows"].as_array().unwrap() {
        let why = &row["why"];
        if row["operation"]["to"] == "opt-out" {
            assert_eq!(row["outcome"], "done", "{row}");
            written += 1;
        } else if why.get("outside-window").is_some() {
            assert_eq!((&row["outcome"], &row["attempts"]), (&"waiting".into(), &0.into()), "{row}");
            waiting += 1;
        } else {
            assert!(why.get("pin-not-standing").is_some(), "{row}");
            assert_eq!(row["outcome"], "waiting", "{row}");
            held += 1;
        }
    }
    assert!(waiting > 0 && written > 0 && held == 1, "{waiting} wait, {written} written, {held} held");
}

#[test]
fn nothing_is_handed_over_while_somebody_in_it_is_closed() {
    let stage = stage(&freeze("second", "2026-03-03"));
    run(&stage, &[&["plan", "--out", "plan.json"], &MORNING]).with(0);
    let handover = ["handover", "plan.json", "--out", "."];
    let refused = run(&stage, &[&handover, &["--now", "2026-03-03T09:00:00Z"]]).with(9);
    assert!(refused.err.contains("by the freeze quiet"), "{}", refused.err);
    assert!(!stage.path().join("handover.ps1").exists());
    run(&stage, &[&handover, &MORNING]).with(0);
    let script = fs::read_to_string(stage.path().join("handover.ps1")).unwrap();
    assert!(script.contains("Holds     until 2026-03-03 00:00"), "{script}");
}

#[test]
fn drift_is_told_in_a_freeze_as_well() {
    let stage = stage(&freeze("first, second", "2026-03-02"));
    let planned = run(&stage, &[&["plan", "--detailed-exitcode"], &MORNING]).with(0);
    assert!(planned.out.contains("by the freeze quiet"), "{}", planned.out);
    run(&stage, &[&["drift", "--detailed-exitcode"], &MORNING]).with(2);
}

#[test]
fn outside_the_sandbox_only_today_is_applied_and_no_other_moment() {
    let stage = stage("");
    for command in [&["apply", "--yes"][..], &["rollback", "1", "--yes"]] {
        for as_of in ["2026-03-02T09:00:00Z", "2026-03-01", "2026-03-03"] {
            let refused = stage.run(&[command, &["--as-of", as_of], &MORNING].concat()).with(3);
            assert!(refused.err.contains("can be planned, not applied"), "{as_of}: {}", refused.err);
        }
        let today = stage.run(&[command, &["--as-of", "2026-03-02"], &MORNING].concat());
        assert!(!today.err.contains("can be planned, not applied"), "{}", today.err);
    }
}
