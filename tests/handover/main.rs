//! Holds what a handed-over plan promises: its script is PowerShell, holds no name, and its results come back whole.
//!
//! There is no PowerShell here: the script is read by its grammar, and `script` does in Rust what it does, with the same
//! steps and the same rows.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at its first surprise")]

use std::collections::BTreeSet;
use std::fs;

mod grammar;
mod names;
#[path = "../powershell/grammar.rs"]
mod powershell;
mod script;
#[path = "../stage/served.rs"]
mod served;
#[path = "../stage/mod.rs"]
mod stage;
#[path = "../stage/waive.rs"]
mod waive;
mod wire;

use insightctl::clock::Clock;
use script::Script;
use serde_json::Value;
use served::Served;
use stage::{Ended, Stage};
use waive::waive;
use wire::Wire;

/// Is a stage with a sandbox that goes on between runs, and a session of an administrator.
struct Scene {
    stage: Stage,
    served: Served,
    wire: Wire,
}

impl Scene {
    async fn set() -> Self {
        let stage = Stage::set();
        let served = Served::slow(&stage, "0");
        let wire = Wire::to(&served.url).await;
        Self { stage, served, wire }
    }

    /// Plans, consents, and hands the plan over.
    async fn handed_over() -> Self {
        let scene = Self::set().await;
        scene.run(&["plan", "--out", "plan.json"]).with(0);
        waive(&scene.stage, &["defaults"]);
        scene.run(&["handover", "plan.json", "--out", ".", "--waiver", "waiver.yaml"]).with(0);
        scene
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.stage.run(&[arguments, &["--sandbox", &self.served.url]].concat())
    }

    async fn script(&self, most: usize) {
        Script::of(&self.stage, &self.wire).run(&self.stage, most).await;
    }

    fn record(&self) -> Ended {
        self.run(&["record", "handover.results.csv", "--plan", "plan.json", "--yes"])
    }

    fn results(&self) -> String {
        fs::read_to_string(self.stage.path().join("handover.results.csv")).unwrap()
    }

    fn write(&self, results: &str) {
        fs::write(self.stage.path().join("handover.results.csv"), results).unwrap();
    }

    fn runs(&self) -> usize {
        fs::read_dir(self.stage.path().join(".insightctl/runs")).map_or(0, Iterator::count)
    }

    async fn person(&self, who: &str, parameter: (&str, &str)) {
        let parameters = serde_json::json!({ "Identity": who, parameter.0: parameter.1 });
        assert_eq!(self.wire.run("Set-MyAnalyticsFeatureConfig", parameters).await.0, 200);
    }
}

#[tokio::test]
async fn what_the_script_did_is_in_the_ledger_and_the_next_plan_is_empty() {
    let scene = Scene::handed_over().await;
    scene.script(usize::MAX).await;
    let recorded = scene.record().with(0);
    assert!(recorded.out.contains("  51  done  written and read back"), "{}", recorded.out);
    let plan = scene.run(&["plan", "--detailed-exitcode"]).with(0);
    assert!(plan.out.contains("\nNo changes: "), "{}", plan.out);
    assert!(!plan.out.contains("Changes made outside"), "{}", plan.out);
    let told = scene.run(&["runs", "show", "1"]).with(0);
    assert!(told.out.contains("51  done"), "{}", told.out);
}

#[tokio::test]
async fn what_the_script_did_can_be_undone_like_any_run() {
    let scene = Scene::handed_over().await;
    scene.script(usize::MAX).await;
    scene.record().with(0);
    let allow = ["--allow", "rollback", "--allow", "defaults", "--allow", "service-plan-assigned"];
    let undone = scene.run(&[&["rollback", "1", "--plan", "undo.json"], &allow[..]].concat()).with(0);
    assert!(undone.out.contains("people"), "{}", undone.out);
}

/// Gives what the ledger holds, with every moment taken out of it.
fn ledger(stage: &Stage) -> Vec<Value> {
    let mut found = Vec::new();
    let newest = fs::read_dir(stage.path().join(".insightctl/ledger")).unwrap();
    let newest = newest.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).max().unwrap();
    let mut folders = vec![newest];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(path).unwrap();
                found.extend(text.lines().map(|line| timeless(serde_json::from_str(line).unwrap())));
            }
        }
    }
    found.sort_by_key(Value::to_string);
    found
}

fn timeless(value: Value) -> Value {
    match value {
        Value::String(ref text) if text.parse::<jiff::Timestamp>().is_ok() => Value::Null,
        Value::Array(list) => list.into_iter().map(timeless).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, timeless(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[tokio::test]
async fn the_ledger_holds_what_an_apply_of_the_plan_leaves_in_it() {
    let scene = Scene::handed_over().await;
    scene.script(usize::MAX).await;
    assert_eq!(scene.runs(), 0, "neither the hand-over nor the script writes to the store");
    scene.record().with(0);
    let other = Scene::handed_over().await;
    other.run(&["apply", "plan.json", "--yes", "--waiver", "waiver.yaml"]).with(0);
    let (recorded, applied) = (ledger(&scene.stage), ledger(&other.stage));
    assert!(recorded.len() > 26, "{recorded:#?}");
    for (recorded, applied) in recorded.iter().zip(&applied) {
        assert_eq!(recorded, applied);
    }
    assert_eq!(recorded.len(), applied.len());
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing_and_a_longer_one_adds_what_is_new() {
    let scene = Scene::handed_over().await;
    scene.script(9).await;
    scene.record().with(0);
    assert_eq!(scene.runs(), 1);
    let again = scene.record().with(0);
    assert!(again.err.contains("in the ledger already"), "{}", again.err);
    assert_eq!(scene.runs(), 1);
    scene.script(usize::MAX).await;
    assert_eq!(
        scene.served.writes().len(),
        51,
        "the script repeats nothing, and writes what the plan counts"
    );
    scene.record().with(0);
    assert_eq!(scene.served.writes().len(), 51, "recording writes nothing to the tenant");
    assert_eq!(scene.runs(), 2);
    scene.run(&["plan", "--detailed-exitcode"]).with(0);
    scene.record().with(0);
    assert_eq!(scene.runs(), 2);
}

#[tokio::test]
async fn who_has_changed_their_mind_is_left_alone_and_keeps_their_choice() {
    let scene = Scene::handed_over().await;
    scene.person("hedy@contoso.com", ("PrivacyMode", "opt-out")).await;
    scene.person("dana@contoso.com", ("PrivacyMode", "opt-out")).await;
    scene.script(usize::MAX).await;
    let results = scene.results();
    assert!(
        results.lines().any(|row| row.starts_with("dana@contoso.com,") && row.contains(",already,0,")),
        "{results}"
    );
    assert!(
        results.lines().any(|row| row.starts_with("hedy@contoso.com,") && row.contains(",moved,0,")),
        "{results}"
    );
    scene.record().with(0);
    let plan = scene.run(&["plan"]).with(0);
    assert!(plan.out.contains("hedy@contoso.com"), "{}", plan.out);
    for who in ["hedy@contoso.com", "dana@contoso.com"] {
        let told = scene.run(&["explain", who, "--format", "json"]).with(0);
        let told: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!(told["settings"][0]["have"], "opt-out");
        assert_ne!(told["settings"][0]["entry"]["by"], "us", "{told:#}");
    }
}

#[tokio::test]
async fn who_opts_out_between_two_runs_is_not_opted_in_a_second_time() {
    let scene = Scene::set().await;
    scene.run(&["apply", "--yes", "--allow", "defaults"]).with(0);
    // Whom we had opted out is opted in again, with two features.
    let manifest = scene.stage.path().join("insights.yaml");
    let before = fs::read_to_string(&manifest).unwrap();
    let features = "    mode: opt-in\n    features: { dashboard: on, digest-email: on }\n";
    let after = before.replacen("    mode: opt-out\n    on-user-choice: override\n", features, 1);
    assert_ne!(before, after);
    fs::write(&manifest, after).unwrap();
    scene.run(&["plan", "--out", "plan.json"]).with(0);
    scene.run(&["handover", "plan.json", "--out", "."]).with(0);
    let mut script = Script::of(&scene.stage, &scene.wire);
    script.refused = Some(1);
    script.run(&scene.stage, usize::MAX).await;
    let results = scene.results();
    let rows = |who: &str, what: &str| results.lines().any(|row| row.starts_with(who) && row.contains(what));
    let mut people = results.lines().map(|row| row.split(',').next().unwrap());
    let half = |who: &&str| rows(who, ",mode,opt-out,opt-in,done,") && rows(who, ",failed,");
    let who = people.find(half).unwrap();
    scene.person(who, ("PrivacyMode", "opt-out")).await;
    let writes = scene.served.writes().len();
    // Rows of one moment contradict each other, and the clock here tells whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    scene.script(usize::MAX).await;
    let results = scene.results();
    let last = results.lines().rfind(|row| row.starts_with(who)).unwrap();
    assert!(last.contains(",moved,0,"), "{last}");
    let since = &scene.served.writes()[writes..];
    assert!(!since.is_empty(), "others are gone on with");
    scene.record().with(0);
    let told = scene.run(&["explain", who, "--format", "json"]).with(0);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["settings"][0]["have"], "opt-out", "{told:#}");
}

#[tokio::test]
async fn results_that_come_after_another_look_still_count_as_ours() {
    let scene = Scene::handed_over().await;
    scene.script(usize::MAX).await;
    // Somebody applies before the results are recorded: the opt-outs look like people's own.
    let later = |minutes| (Clock::system().now() + jiff::SignedDuration::from_mins(minutes)).to_string();
    scene.run(&["apply", "--yes", "--allow", "defaults", "--now", &later(2)]).with(0);
    let before = scene.run(&["explain", "dana@contoso.com", "--format", "json"]).with(0);
    let before: Value = serde_json::from_str(&before.out).unwrap();
    assert_eq!(before["settings"][0]["entry"]["chosen"], true, "{before:#}");
    let record = ["record", "handover.results.csv", "--plan", "plan.json", "--yes", "--now", &later(4)];
    scene.run(&record).with(0);
    let told = scene.run(&["explain", "dana@contoso.com", "--format", "json"]).with(0);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["settings"][0]["entry"]["by"], "us", "{told:#}");
    assert_eq!(told["settings"][0]["entry"]["found"], serde_json::json!({ "value": "opt-in" }));
    let pinned = scene.run(&["explain", "ada@contoso.com", "--format", "json"]).with(0);
    let pinned: Value = serde_json::from_str(&pinned.out).unwrap();
    assert_eq!(pinned["settings"][1]["entry"]["by"], "us", "{pinned:#}");
    scene.run(&["plan", "--detailed-exitcode"]).with(0);
}

#[tokio::test]
async fn a_wrong_row_is_told_with_its_line_and_nothing_is_recorded() {
    let scene = Scene::handed_over().await;
    scene.script(usize::MAX).await;
    let right = scene.results();
    let lines: Vec<&str> = right.lines().collect();
    let hash = &lines[1][lines[1].rfind("sha256:").unwrap()..];
    let other = format!("sha256:{}", "5".repeat(64));
    let changed = |line: usize, from: &str, to: &str| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        assert!(lines[line].contains(from), "{from}: {}", lines[line]);
        lines[line] = lines[line].replacen(from, to, 1);
        lines.join("\n") + "\n"
    };
    let moment = lines[2].split(',').nth(10).unwrap();
    let doubled = format!("{right}{}\n", lines[3].replacen(",done,", ",failed,", 1));
    for (results, told) in [
        (changed(1, hash, &other), ":2:"),
        (changed(2, ",done,", ",finished,"), "`Outcome` is `finished`"),
        (changed(2, ",mode,", ",dashboard,"), "of the plan is another one"),
        (changed(2, moment, "2020-01-01T00:00:00Z"), "is before the plan was made"),
        (changed(2, moment, "2999-01-01T00:00:00Z"), "is still to come"),
        (changed(2, "mode=opt-out", "mode=opt-in"), "opt-in was read back instead of opt-out"),
        (doubled, "is failed here, and done in line 4"),
    ] {
        scene.write(&results);
        let refused = scene.record().with(3);
        assert!(refused.err.contains(told), "{told}: {}", refused.err);
        assert_eq!(scene.runs(), 0, "{told}");
    }
    scene.write(&right);
    scene.record().with(0);
}

#[tokio::test]
async fn results_need_their_plan_and_are_no_list_of_people() {
    let scene = Scene::handed_over().await;
    scene.script(4).await;
    let list = ["record", "handover.results.csv", "--yes"];
    let told = scene.run(&list).with(3);
    assert!(told.err.contains("results of a plan that was handed over"), "{}", told.err);
    scene.run(&[&list[..], &["--written-on", "2026-01-01", "--by", "Grace"]].concat()).with(3);
    let people = ["record", "people/contractors.csv", "--plan", "plan.json", "--yes"];
    assert!(scene.run(&people).with(3).err.contains("there is no column"));
    let bare = scene.run(&["record", "people/contractors.csv", "--yes"]).with(3);
    assert!(bare.err.contains("--written-on DATE"), "{}", bare.err);
}

#[tokio::test]
async fn a_hand_over_refuses_what_apply_refuses_and_writes_no_file() {
    let scene = Scene::set().await;
    scene.run(&["plan", "--out", "plan.json"]).with(0);
    let out = ["handover", "plan.json", "--out", "script.ps1"];
    scene.run(&out).with(6);
    waive(&scene.stage, &["defaults"]);
    let waived = [&out[..], &["--waiver", "waiver.yaml"]].concat();
    let tomorrow = (Clock::system().now() + jiff::SignedDuration::from_hours(24)).to_string();
    scene.run(&[&waived[..], &["--max-age", "23h", "--now", &tomorrow]].concat()).with(5);
    scene.person("hedy@contoso.com", ("PrivacyMode", "opt-out")).await;
    scene.run(&[&waived[..], &["--stale-limit", "0"]].concat()).with(5);
    for wrong in ["script.txt", "nowhere/script.ps1"] {
        scene.run(&["handover", "plan.json", "--out", wrong, "--waiver", "waiver.yaml"]).with(3);
    }
    let files = || {
        let names = fs::read_dir(scene.stage.path()).unwrap();
        let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("script")).collect::<BTreeSet<_>>()
    };
    assert_eq!(files(), BTreeSet::new());
    let written = scene.run(&waived).with(0);
    assert!(written.err.contains("Left out: 1 person no longer as planned"), "{}", written.err);
    assert_eq!(files(), BTreeSet::from(["script.jsonl".to_owned(), "script.ps1".to_owned()]));
    let steps = fs::read_to_string(scene.stage.path().join("script.jsonl")).unwrap();
    assert!(!steps.contains("hedy@"), "who is left out does not stand in the steps");
}
