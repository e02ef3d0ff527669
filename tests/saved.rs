//! Holds what a saved plan promises: what was approved is done, or it is refused and nothing is written.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

use std::fs;
use std::path::PathBuf;

use insightctl::plan::Plan;
use insightctl::render;

mod stage;
#[path = "stage/waive.rs"]
mod waive;

use stage::{Ended, Stage};
use waive::waive;

const SANDBOX: [&str; 2] = ["--sandbox", "tenant.json"];

fn run(stage: &Stage, parts: &[&[&str]]) -> Ended {
    stage.run(&[&parts.concat()[..], &SANDBOX].concat())
}

/// Saves a plan and consents to it.
fn saved(stage: &Stage) -> PathBuf {
    run(stage, &[&["plan", "--out", "plan.json"]]).with(0);
    waive(stage, &["defaults"]);
    stage.path().join("plan.json")
}

/// Carries out the saved plan with its waiver.
fn apply(stage: &Stage, more: &[&str]) -> Ended {
    run(stage, &[&["apply", "plan.json", "--yes", "--waiver", "waiver.yaml"], more])
}

/// Gives an edited plan the hash that it would have, as somebody could who knows how.
fn forged(text: &str) -> Vec<u8> {
    let plan: Plan = serde_json::from_str(text).unwrap();
    let mut bytes = Vec::new();
    render::plan::json(&mut bytes, &render::plan::sealed(plan).unwrap()).unwrap();
    bytes
}

#[test]
fn a_plan_of_which_a_byte_changed_is_refused_by_apply_show_and_waive() {
    let stage = Stage::set();
    let plan = saved(&stage);
    let text = fs::read_to_string(&plan).unwrap();
    for (from, to) in [
        ("\"class\": \"opt-out\"", "\"class\": \"features\""),
        ("\"upn\": \"ada@contoso.com\"", "\"upn\": \"adb@contoso.com\""),
        ("\"calls\": 51", "\"calls\":  51"),
        ("}\n", "}"),
        ("\n", "\r\n"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&plan, text.replacen(from, to, 1)).unwrap();
        let refused = apply(&stage, &[]).with(5);
        assert!(refused.err.contains("plan.json is not the plan that was saved"), "{}", refused.err);
        assert_eq!(refused.err.contains("lines end as on Windows"), to == "\r\n", "{}", refused.err);
    }
    run(&stage, &[&["show", "plan.json"]]).with(5);
    run(&stage, &[&["waive", "plan.json", "--class", "defaults", "--reason", "x", "--out", "w.yaml"]])
        .with(5);
    assert!(!stage.path().join(".insightctl/runs").exists() && !stage.path().join("w.yaml").exists());
    fs::write(&plan, text).unwrap();
    apply(&stage, &[]).with(0);
}

#[test]
fn an_edit_that_was_given_a_hash_of_its_own_is_noticed_where_it_contradicts_itself() {
    let stage = Stage::set();
    let plan = saved(&stage);
    let text = fs::read_to_string(&plan).unwrap();
    for (from, to) in [
        ("\"class\": \"opt-out\"", "\"class\": \"features\""),
        ("\"to\": \"opt-out\"", "\"to\": \"opt-in\""),
        ("\"calls\": 51", "\"calls\": 50"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&plan, forged(&text.replacen(from, to, 1))).unwrap();
        let refused = apply(&stage, &[]).with(5);
        assert!(refused.err.contains("somebody changed the file"), "{}", refused.err);
    }
}

#[test]
fn a_forged_plan_opts_nobody_in_against_an_opt_out_that_is_not_ours() {
    let stage = Stage::set();
    let head = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\nstore: file:.insightctl\n";
    let groups = "groups: [ { name: g, mode: opt-out, members: [ { user: ines@contoso.com } ] } ]\n";
    fs::write(stage.path().join("one.yaml"), format!("{head}{groups}")).unwrap();
    run(&stage, &[&["plan", "--file", "one.yaml", "--out", "plan.json"]]).with(0);
    let plan = stage.path().join("plan.json");
    let text = fs::read_to_string(&plan).unwrap();
    let text = text.replace("\"from\": \"opt-in\"", "\"from\": \"OUT\"");
    let text = text.replace("\"to\": \"opt-out\"", "\"to\": \"opt-in\"").replace("OUT", "opt-out");
    let text = text.replace("\"class\": \"opt-out\"", "\"class\": \"opt-in\"");
    let text = text.replace("\"opt-out\": 1", "\"opt-in\": 1").replace("\"withdraw\"", "\"grant\"");
    fs::write(&plan, forged(&text)).unwrap();
    let refused = run(&stage, &[&["apply", "plan.json", "--file", "one.yaml", "--yes"]]).with(6);
    assert!(refused.err.contains("against an opt-out that is not ours"), "{}", refused.err);
}

#[test]
fn a_plan_whose_manifest_changed_is_refused_with_what_would_be_planned_now() {
    let stage = Stage::set();
    saved(&stage);
    let list = stage.path().join("people/contractors.csv");
    let people = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{people}ada@contoso.com\n")).unwrap();
    let refused = apply(&stage, &[]).with(5);
    assert!(refused.err.contains("the manifest, or a file that it names, has changed"), "{}", refused.err);
    for line in ["  + ada@contoso.com   mode opt-in → opt-out\n", "  - ada@contoso.com   dashboard stays on"]
    {
        assert!(refused.out.contains(line), "{line}: {}", refused.out);
    }
    assert!(!stage.path().join(".insightctl").exists(), "not even a store was made");
    fs::write(&list, people).unwrap();
    apply(&stage, &[]).with(0);
}

#[test]
fn a_plan_holds_for_a_week_or_as_long_as_it_is_told() {
    let stage = Stage::set();
    let made = ["--now", "2026-03-02T09:00:00Z"];
    run(&stage, &[&["plan", "--out", "plan.json"], &made]).with(0);
    run(
        &stage,
        &[&["waive", "plan.json", "--class", "defaults", "--reason", "x", "--until", "2026-12-31"], &made],
    )
    .with(0);
    for (now, more, told) in [
        ("2026-03-09T09:00:01Z", &[][..], "the plan is 168h 1s old"),
        ("2026-03-02T10:31:00Z", &["--max-age", "90m"], "and may be 1h 30m old"),
        ("2026-03-04T09:00:01Z", &["--max-age", "2d"], "and may be 48h old"),
        ("2026-03-02T08:54:00Z", &[], "which is yet to come"),
    ] {
        let refused = apply(&stage, &[&["--now", now], more].concat()).with(5);
        assert!(refused.err.contains(told), "{now}: {}", refused.err);
        assert!(refused.out.contains("Each operation would be the same."), "{now}: {}", refused.out);
    }
    for wrong in ["soon", "-1d", "1mo", "7"] {
        apply(&stage, &["--max-age", wrong]).with(3);
    }
    assert!(!stage.path().join(".insightctl").exists());
    apply(&stage, &["--now", "2026-03-09T09:00:00Z"]).with(0);
}

#[test]
fn too_many_who_moved_make_a_plan_stale_and_nothing_is_written() {
    let stage = Stage::set();
    saved(&stage);
    for who in ["ines", "olu", "tomas"] {
        let who = format!("{who}@contoso.com");
        run(&stage, &[&["sandbox", "person", &who, "--mode", "opt-out"]]).with(0);
    }
    let before = run(&stage, &[&["export", "--format", "csv"]]).with(0).out;
    let refused = apply(&stage, &["--stale-limit", "2"]).with(5);
    assert!(
        refused.err.contains("3 of 26 people are no longer as planned, and up to 2 may be"),
        "{}",
        refused.err
    );
    assert!(refused.out.contains("  - ines@contoso.com   mode opt-in → opt-out\n"), "{}", refused.out);
    let talk = apply(&stage, &["--stale-limit", "0%", "--format", "csv"]).with(5);
    assert!(talk.out.is_empty() && talk.err.contains("  - ines@contoso.com "), "{}\n{}", talk.out, talk.err);
    assert_eq!(run(&stage, &[&["export", "--format", "csv"]]).with(0).out, before);
    assert!(!stage.path().join(".insightctl/runs").exists(), "a stale plan begins no run");
    let done = apply(&stage, &["--stale-limit", "3"]).with(7);
    assert!(done.err.contains("3 of 26 people no longer as planned; skipped"), "{}", done.err);
    assert!(done.out.contains("; 3 people no longer as planned.\n"), "{}", done.out);
}

#[test]
fn who_is_protected_by_now_is_skipped_although_the_plan_names_them() {
    let stage = Stage::set();
    let text = fs::read_to_string(stage.path().join("insights.yaml")).unwrap();
    assert!(text.contains("protected:"), "{text}");
    saved(&stage);
    let path = stage.path().join("tenant.json");
    let mut tenant: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let groups = tenant["groups"].as_array_mut().unwrap();
    let group = groups.iter_mut().find(|group| group["mail"] == "executives@contoso.com").unwrap();
    group["members"].as_array_mut().unwrap().push("ines@contoso.com".into());
    fs::write(&path, tenant.to_string()).unwrap();
    let done = apply(&stage, &["--format", "csv"]).with(7);
    let rows: Vec<_> = done.out.lines().filter(|line| line.starts_with("ines@")).collect();
    assert!(
        rows.len() == 1 && rows[0].contains(",moved,0,,protected by the manifest's guards by now,"),
        "{}",
        done.out
    );
    // And whom nobody can read, nobody may decide about.
    let groups = tenant["groups"].as_array_mut().unwrap();
    groups.iter_mut().find(|group| group["mail"] == "executives@contoso.com").unwrap()["visibility"] =
        "HiddenMembership".into();
    let stage = Stage::set();
    saved(&stage);
    fs::write(stage.path().join("tenant.json"), tenant.to_string()).unwrap();
    let refused = apply(&stage, &[]).with(8);
    assert!(refused.err.contains("whom the manifest protects could not be read"), "{}", refused.err);
    assert!(!stage.path().join(".insightctl/runs").exists());
}

#[test]
fn the_first_plan_of_all_can_be_carried_on_and_no_other_can_come_between() {
    let stage = Stage::set();
    saved(&stage);
    let first = apply(&stage, &[]).with(0).out;
    assert!(first.contains(" written (51 done), 51 calls in "), "{first}");
    // The rate has no field to read it from, so it alone is written again.
    let again = apply(&stage, &[]).with(0).out;
    assert!(again.contains(" written (51 done), 1 call in "), "{again}");
    run(&stage, &[&["apply", "--yes", "--allow", "defaults"]]).with(0);
    let refused = apply(&stage, &[]).with(5);
    assert!(refused.err.contains("before this store remembered anything"), "{}", refused.err);
}

#[test]
fn a_plan_made_for_a_store_is_not_carried_out_without_one_nor_the_other_way_round() {
    let stage = Stage::set();
    saved(&stage);
    let refused = apply(&stage, &["--store", "none"]).with(5);
    assert!(refused.err.contains("made for a store"), "{}", refused.err);
    run(&stage, &[&["plan", "--out", "plan.json", "--store", "none"]]).with(0);
    fs::remove_file(stage.path().join("waiver.yaml")).unwrap();
    waive(&stage, &["defaults"]);
    let refused = apply(&stage, &[]).with(5);
    assert!(refused.err.contains("made without a store"), "{}", refused.err);
    let log = fs::read_to_string(stage.path().join(".sandbox/tenant.json.log")).unwrap_or_default();
    assert_eq!(log.lines().count(), 1, "nothing but its head: {log}");
}

#[test]
fn what_a_person_undid_stays_undone_when_the_same_plan_is_applied_again() {
    let stage = Stage::set();
    saved(&stage);
    apply(&stage, &[]).with(0);
    let mode = |stage: &Stage| {
        let told = run(stage, &[&["export", "--format", "csv"]]).with(0).out;
        let line = told.lines().find(|line| line.contains("kofi@contoso.com")).unwrap();
        line.split(',').find(|cell| cell.starts_with("opt-")).unwrap().to_owned()
    };
    assert_eq!(mode(&stage), "opt-out", "the plan opted him out");
    run(&stage, &[&["sandbox", "person", "kofi@contoso.com", "--mode", "opt-in"]]).with(0);
    apply(&stage, &[]).with(7);
    assert_eq!(mode(&stage), "opt-in", "and he came back by himself");
}

#[test]
fn a_waiver_is_for_one_plan_to_the_byte_and_for_its_days() {
    let stage = Stage::set();
    saved(&stage);
    let at = |now: &str| apply(&stage, &["--now", now, "--max-age", "9999h"]);
    let over = at("2099-01-01T00:00:00Z");
    assert!(over.code == Some(5), "it is too old anyway: {}", over.err);
    let waiver = stage.path().join("waiver.yaml");
    let text = fs::read_to_string(&waiver).unwrap();
    let until = text.lines().find(|line| line.contains("until:")).unwrap();
    fs::write(&waiver, text.replace(until, "  until: 2020-01-01")).unwrap();
    let over = apply(&stage, &[]).with(6);
    assert!(over.err.contains("the waiver waiver.yaml held until 2020-01-01"), "{}", over.err);
    fs::write(&waiver, &text).unwrap();
    // The same plan made a second later is another one.
    run(&stage, &[&["plan", "--out", "plan.json", "--now", "2030-01-01T00:00:00Z"]]).with(0);
    let other = apply(&stage, &["--now", "2030-01-01T00:00:00Z"]).with(6);
    assert!(other.err.contains("the waiver waiver.yaml is for another plan"), "{}", other.err);
    assert!(other.err.matches("sha256:").count() >= 2, "{}", other.err);
    // Mistakes are told with their place.
    fs::write(&waiver, text.replace("class: defaults", "class: default")).unwrap();
    let wrong = apply(&stage, &["--now", "2030-01-01T00:00:00Z"]).with(3);
    assert!(
        wrong.err.contains("waiver.yaml:3:10") && wrong.err.contains("did you mean `defaults`?"),
        "{}",
        wrong.err
    );
    assert!(!stage.path().join(".insightctl/runs").exists());
}

#[test]
fn waiving_says_no_where_there_is_nothing_to_waive_and_never_replaces_a_waiver() {
    let stage = Stage::set();
    saved(&stage);
    let waive = |more: &[&str]| run(&stage, &[&["waive", "plan.json", "--reason", "x"], more]);
    let exists = waive(&["--class", "defaults"]).with(3);
    assert!(exists.err.contains("waiver.yaml exists"), "{}", exists.err);
    let idle = waive(&["--class", "defaults", "--class", "opt-in", "--out", "w.yaml"]).with(3);
    assert!(
        idle.err.contains("no guard objects to opt-in") && idle.err.contains("guards object to defaults")
    );
    waive(&["--class", "defaults", "--out", "w.yaml", "--until", "2020-01-01"]).with(3);
    waive(&["--class", "defaults", "--out", "w.yaml", "--by", " "]).with(3);
    assert!(!stage.path().join("w.yaml").exists());
    waive(&["--class", "defaults", "--out", "w.yaml"]).with(0);
}

#[test]
fn consent_by_a_word_is_for_whoever_sees_the_plan() {
    let stage = Stage::set();
    saved(&stage);
    let refused = run(&stage, &[&["apply", "plan.json", "--yes", "--allow", "defaults"]]).with(3);
    assert!(refused.err.contains("insightctl waive plan.json --class defaults"), "{}", refused.err);
    let without = run(&stage, &[&["apply", "plan.json", "--yes"]]).with(6);
    assert!(without.err.contains("insightctl waive plan.json --class defaults"), "{}", without.err);
    run(&stage, &[&["apply", "--yes", "--waiver", "waiver.yaml"]]).with(3);
}

#[test]
fn who_consented_is_written_down_in_report_and_journal() {
    let stage = Stage::set();
    let plan = saved(&stage);
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(plan).unwrap()).unwrap();
    let report = apply(&stage, &["--format", "json"]).with(0).out;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["plan"], plan["hash"]);
    assert_eq!(report["waivers"][0]["class"], serde_json::json!(["defaults"]));
    assert_eq!(report["waivers"][0]["reason"], "a test");
    let run = stage.path().join(".insightctl/runs/00000001");
    let mut segments: Vec<_> =
        fs::read_dir(run.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    let journal: String = segments.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut records = journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert_eq!(records.next().unwrap()["started"]["plan"], plan["hash"]);
    assert_eq!(records.next().unwrap()["consented"], report["waivers"][0]);
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(run.join("plan.json")).unwrap()).unwrap();
    assert_eq!(kept["hash"], format!("sha256:{}", "0".repeat(64)), "the nameless copy is another file");
    run_of_copy(&stage);
}

/// Makes sure that the copy in the store is not taken for the plan.
fn run_of_copy(stage: &Stage) {
    let copy = ".insightctl/runs/00000001/plan.json";
    let refused = run(stage, &[&["apply", copy, "--yes"]]).with(5);
    assert!(refused.err.contains("it carries no hash"), "{}", refused.err);
}
