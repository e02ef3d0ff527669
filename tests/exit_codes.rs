//! Holds the exit codes, which are a promise to scripts: each way to end, really ended.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at its first surprise")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

#[path = "stage/served.rs"]
mod served;
mod stage;
#[path = "stage/waive.rs"]
mod waive;

use served::Served;
use stage::{Ended, Stage};
use waive::waive;

const SANDBOX: [&str; 2] = ["--sandbox", "tenant.json"];
const CONSENT: [&str; 3] = ["--yes", "--allow", "defaults"];

/// Puts command lines together.
fn line<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

/// Changes the tenant file.
fn edit_tenant(stage: &Stage, edit: impl FnOnce(&mut Value)) {
    let path = stage.path().join("tenant.json");
    let mut tenant: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut tenant);
    fs::write(path, tenant.to_string()).unwrap();
}

/// Changes one person of the tenant file.
fn edit_person(tenant: &mut Value, who: &str, edit: impl FnOnce(&mut Value)) {
    let users = tenant["users"].as_array_mut().unwrap();
    edit(users.iter_mut().find(|user| user["userPrincipalName"] == who).unwrap());
}

/// Writes a small manifest beside the example's.
fn manifest(stage: &Stage, name: &str, rest: &str) {
    let head = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\nstore: file:.insightctl\n";
    fs::write(stage.path().join(name), format!("{head}{rest}")).unwrap();
}

#[test]
fn zero_is_done_or_nothing_to_do() {
    let stage = Stage::set();
    stage.run(&line(&[&["plan"], &SANDBOX])).with(0);
    stage.run(&line(&[&["apply"], &CONSENT, &SANDBOX])).with(0);
    stage.run(&line(&[&["apply", "--yes"], &SANDBOX])).with(0);
    stage.run(&line(&[&["plan", "--detailed-exitcode"], &SANDBOX])).with(0);
    for asked in ["--help", "--version"] {
        stage.run(&[asked]).with(0);
    }
}

#[test]
fn one_is_what_nobody_expected() {
    let stage = Stage::set();
    stage.run(&line(&[&["apply"], &CONSENT, &SANDBOX])).with(0);
    let id = stage.path().join(".insightctl/id");
    let newer = fs::read_to_string(&id).unwrap().replace("\"format\":1", "\"format\":2");
    fs::write(id, newer).unwrap();
    let ended = stage.run(&line(&[&["plan"], &SANDBOX])).with(1);
    assert!(ended.err.contains("use the version of insightctl that wrote it"), "{}", ended.err);
}

#[test]
fn two_is_changes_pending_for_whoever_asks() {
    let stage = Stage::set();
    for command in ["plan", "drift"] {
        stage.run(&line(&[&[command, "--detailed-exitcode"], &SANDBOX])).with(2);
        stage.run(&line(&[&[command], &SANDBOX])).with(0);
    }
}

#[test]
fn three_is_a_mistake_in_the_manifest_or_on_the_command_line() {
    let stage = Stage::set();
    manifest(&stage, "typo.yaml", "gruops: []\n");
    fs::write(stage.path().join("torn.json"), "{ \"tenant\": ").unwrap();
    for mistake in [
        &[][..],
        &["plan", "--no-such-flag"],
        &["plan", "--allow", "everything"],
        &["plan", "--as-of", "tomorrow"],
        &["plan", "--file", "no-such.yaml"],
        &["plan", "--file", "typo.yaml"],
        &["plan", "--sandbox", "no-such.json"],
        &["plan", "--sandbox", "torn.json"],
        &["plan", "--sandbox", "tenant.json", "--store", "somewhere"],
        &["plan", "--sandbox", "tenant.json", "--sandbox-world", "noop=perhaps"],
        &["apply", "--sandbox", "tenant.json", "--failure-limit", "some"],
        &["apply", "no-such-plan.json", "--sandbox", "tenant.json"],
        &["apply", "--yes", "--out", "no/such/results.csv", "--sandbox", "tenant.json"],
        &["plan", "--out", "people", "--sandbox", "tenant.json"],
        &["apply", "tenant.json", "--sandbox", "tenant.json"],
        &["apply", "--allow", "defaults", "--sandbox", "tenant.json"],
        &["explain", "nobody@contoso.com", "--sandbox", "tenant.json"],
        &["export", "--format", "markdown", "--sandbox", "tenant.json"],
        &["init", "--scenario", "mixed"],
        &["sandbox", "person", "ada@contoso.com", "--mode", "opt-out"],
        &["validate", "--file", "typo.yaml"],
    ] {
        let ended = stage.run(mistake).with(3);
        assert!(!ended.err.is_empty(), "{mistake:?} says nothing");
    }
    assert!(!stage.path().join(".insightctl/runs").exists(), "a mistake begins no run");
}

#[test]
fn four_is_signing_in_or_permission() {
    let stage = Stage::set();
    stage.run(&["plan"]).with(4);
    manifest(&stage, "fabrikam.yaml", "");
    let other = fs::read_to_string(stage.path().join("fabrikam.yaml")).unwrap();
    let other = other.replace("3f2504e0-4f89-41d3-9a0c-0305e82c3301", "7c9e6679-7425-40de-944b-e07fc1f90ae7");
    fs::write(stage.path().join("fabrikam.yaml"), other).unwrap();
    stage.run(&line(&[&["plan", "--file", "fabrikam.yaml"], &SANDBOX])).with(4);
    edit_tenant(&stage, |tenant| {
        let id = "00000000-0000-0000-0000-00000000c0de";
        tenant["applications"] = json!([{ "clientId": id, "secret": "sandbox", "roles": [], "wids": [] }]);
    });
    stage.run(&line(&[&["plan"], &SANDBOX])).with(4);
}

#[test]
fn five_is_a_plan_that_no_longer_holds() {
    let stage = Stage::set();
    stage.run(&line(&[&["plan", "--out", "plan.json"], &SANDBOX])).with(0);
    let waiver = waive(&stage, &["defaults"]);
    let apply = line(&[&["apply", "plan.json", "--yes", "--waiver", waiver], &SANDBOX]);
    let other = "groups: [ { name: g, mode: opt-out, members: [ { user: ines@contoso.com } ] } ]\n";
    manifest(&stage, "other.yaml", other);
    stage.run(&line(&[&["apply", "--file", "other.yaml", "--yes"], &SANDBOX])).with(0);
    stage.run(&apply).with(5);
    // Now there is a store, and the new plan was made with it.
    stage.run(&line(&[&["plan", "--out", "plan.json"], &SANDBOX])).with(0);
    stage.run(&line(&[&["apply", "plan.json", "--yes", "--store", "file:elsewhere"], &SANDBOX])).with(5);
    waive(&stage, &["defaults"]);
    stage.run(&apply).with(0);
}

#[test]
fn a_result_never_replaces_what_the_run_reads() {
    let stage = Stage::set();
    for input in ["insights.yaml", "tenant.json", "people/contractors.csv"] {
        let before = std::fs::read_to_string(stage.path().join(input)).unwrap();
        stage.run(&line(&[&["plan", "--out", input], &SANDBOX])).with(3);
        assert_eq!(std::fs::read_to_string(stage.path().join(input)).unwrap(), before);
    }
}

#[cfg(unix)]
#[test]
fn what_a_link_leads_to_is_replaced_and_not_the_link() {
    let stage = Stage::set();
    std::fs::write(stage.path().join("real.txt"), "old").unwrap();
    std::os::unix::fs::symlink("real.txt", stage.path().join("link.txt")).unwrap();
    stage.run(&line(&[&["plan", "--out", "link.txt"], &SANDBOX])).with(0);
    assert!(stage.path().join("link.txt").is_symlink());
    assert!(std::fs::read_to_string(stage.path().join("real.txt")).unwrap().contains("Plan: "));
}

#[test]
fn a_saved_plan_is_carried_out_once() {
    let stage = Stage::set();
    let council = "groups: [ { name: council, mode: opt-out, members: [ { user: ines@contoso.com } ] } ]\n";
    manifest(&stage, "council.yaml", council);
    stage.run(&line(&[&["apply", "--file", "council.yaml", "--yes"], &SANDBOX])).with(0);
    stage.run(&line(&[&["plan", "--out", "plan.json"], &SANDBOX])).with(0);
    let waiver = waive(&stage, &["defaults"]);
    let apply = line(&[&["apply", "plan.json", "--yes", "--waiver", waiver], &SANDBOX]);
    let first = stage.run(&apply).with(0).out;
    assert!(first.contains(" written (50 done), 50 calls in "), "{first}");
    // The rate has no field to read it from, so it alone is written again.
    let again = stage.run(&apply).with(0).out;
    assert!(again.contains(" written (50 done), 1 call in "), "{again}");
    stage.run(&line(&[&["plan", "--detailed-exitcode"], &SANDBOX])).with(0);
}

#[test]
fn six_is_refused_by_a_guard() {
    let stage = Stage::set();
    stage.run(&line(&[&["plan", "--enforce-guards"], &SANDBOX])).with(6);
    let refused = stage.run(&line(&[&["apply", "--yes"], &SANDBOX])).with(6);
    assert!(refused.out.contains("Step 1: "), "it is shown before it is refused: {}", refused.out);
    assert!(refused.err.contains("--allow defaults"), "{}", refused.err);
    assert!(!stage.path().join(".insightctl/runs").exists(), "what is refused begins no run");
    stage.run(&line(&[&["plan", "--enforce-guards", "--allow", "defaults"], &SANDBOX])).with(0);
}

#[test]
fn seven_is_applied_in_part() {
    let stage = Stage::set();
    stage.run(&line(&[&["plan", "--out", "plan.json"], &SANDBOX])).with(0);
    let (who, file) = ("ines@contoso.com", "tenant.json");
    stage.run(&["sandbox", "person", who, "--mode", "opt-out", "--sandbox", file]).with(0);
    let waived = ["--yes", "--waiver", waive(&stage, &["defaults"])];
    let ended = stage.run(&line(&[&["apply", "plan.json", "--format", "csv"], &waived, &SANDBOX])).with(7);
    let moved: Vec<_> = ended.out.lines().filter(|row| !row.contains(",done,")).skip(1).collect();
    assert!(moved.len() == 1 && moved[0].starts_with(who) && moved[0].contains(",moved,"), "{moved:?}");
}

#[test]
fn eight_is_incomplete_reading() {
    // Somebody of whom the settings service does not speak.
    let stage = Stage::set();
    edit_tenant(&stage, |tenant| {
        edit_person(tenant, "mei@contoso.com", |mei| mei["refused"] = true.into());
    });
    let ended = stage.run(&line(&[&["plan", "--detailed-exitcode"], &SANDBOX])).with(8);
    assert!(ended.out.contains("mei@contoso.com"), "{}", ended.out);
    stage.run(&line(&[&["export"], &SANDBOX])).with(8);
    // What could be read is written all the same, and names the transport that was chosen.
    let import = ["import", "--file", "found/insights.yaml", "--transport", "exchange-rest"];
    stage.run(&line(&[&import, &SANDBOX])).with(8);
    let read = |name: &str| fs::read_to_string(stage.path().join("found").join(name)).unwrap();
    assert_eq!(read("people/not-read.csv"), "UserPrincipalName\nmei@contoso.com\n");
    let imported = read("insights.yaml");
    assert!(imported.contains("\ntransport: exchange-rest\n"), "{imported}");
    // A group whose members are hidden: nobody after it can be sure of anything.
    let stage = Stage::set();
    edit_tenant(&stage, |tenant| {
        let groups = tenant["groups"].as_array_mut().unwrap();
        let council = groups.iter_mut().find(|group| group["displayName"] == "Works Council").unwrap();
        council["visibility"] = "HiddenMembership".into();
    });
    stage.run(&line(&[&["plan"], &SANDBOX])).with(8);
    // A tenant that does not answer.
    stage.run(&["plan", "--sandbox", "http://127.0.0.1:9"]).with(8);
    // A store that has lost half of itself.
    let stage = Stage::set();
    stage.run(&line(&[&["apply"], &CONSENT, &SANDBOX])).with(0);
    fs::remove_file(stage.path().join(".insightctl/id")).unwrap();
    stage.run(&line(&[&["plan"], &SANDBOX])).with(8);
}

#[test]
fn a_misspelt_group_is_told_before_the_directory_is_read() {
    let stage = Stage::set();
    let faults = r#"{ "faults": [ { "match": { "service": "graph", "path": "*/users" }, "status": 403 } ] }"#;
    fs::write(stage.path().join("faults.json"), faults).unwrap();
    let import = |name: &str| {
        let typed = ["import", "--file", "found.yaml", "--groups", name, "--sandbox-faults", "faults.json"];
        stage.run(&line(&[&typed, &SANDBOX]))
    };
    let ended = import("No Such Group").with(3);
    assert!(ended.err.contains("there is no group `No Such Group`"), "{}", ended.err);
    // Nobody could have read the directory.
    assert_ne!(import("Sales Europe").code, Some(0));
}

#[test]
fn what_nobody_manages_is_not_missed() {
    let stage = Stage::set();
    let groups = "groups: [ { name: council, mode: opt-out, members: [ { user: ines@contoso.com } ] } ]\n";
    manifest(&stage, "mode-only.yaml", groups);
    stage.run(&line(&[&["plan", "--file", "mode-only.yaml", "--detailed-exitcode"], &SANDBOX])).with(2);
    stage.run(&line(&[&["apply", "--file", "mode-only.yaml", "--yes"], &SANDBOX])).with(0);
    stage.run(&line(&[&["plan", "--file", "mode-only.yaml", "--detailed-exitcode"], &SANDBOX])).with(0);
}

/// Begins an apply that takes a while.
fn begin(stage: &Stage, sandbox: &Served, more: &[&str]) -> Child {
    let mut command = stage.command(&line(&[&["apply", "--sandbox", &sandbox.url], &CONSENT, more]));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until something has come to be.
#[expect(clippy::disallowed_methods, reason = "another process is waited for, which has the machine's clock")]
fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come to be");
}

#[test]
fn nine_is_locked_by_somebody_else() {
    let stage = Stage::set();
    let sandbox = Served::slow(&stage, "100");
    let first = begin(&stage, &sandbox, &[]);
    until("the lock", || stage.path().join(".insightctl/lock/00000001").exists());
    let second = stage.run(&line(&[&["apply", "--sandbox", &sandbox.url], &CONSENT])).with(9);
    assert!(second.err.contains(&format!("(process {})", first.id())), "{}", second.err);
    stage.run(&["plan", "--sandbox", &sandbox.url]).with(0);
    Ended::from(first.wait_with_output().unwrap()).with(0);
    stage.run(&["plan", "--detailed-exitcode", "--sandbox", &sandbox.url]).with(0);
}

#[cfg(unix)]
#[test]
fn one_hundred_and_thirty_is_interrupted() {
    let stage = Stage::set();
    let sandbox = Served::slow(&stage, "100");
    let apply = begin(&stage, &sandbox, &[]);
    until("the first write", || !sandbox.writes().is_empty());
    let signalled = Command::new("kill").args(["-INT", &apply.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    let ended = Ended::from(apply.wait_with_output().unwrap()).with(130);
    assert!(ended.err.contains("what is under way is finished first"), "{}", ended.err);
    assert!(ended.out.contains("interrupted"), "{}", ended.out);
    // What is left is carried out by the next run, and the lock is free at once.
    stage.run(&line(&[&["apply", "--sandbox", &sandbox.url], &CONSENT])).with(0);
    stage.run(&["plan", "--detailed-exitcode", "--sandbox", &sandbox.url]).with(0);
    no_write_twice(&sandbox.writes());
}

#[test]
fn after_a_kill_the_next_run_continues_and_writes_nothing_confirmed_again() {
    let stage = Stage::set();
    let sandbox = Served::slow(&stage, "60");
    let mut apply = begin(&stage, &sandbox, &["--now", "2026-03-02T09:00:00Z"]);
    until("a few writes", || sandbox.writes().len() >= 10);
    apply.kill().unwrap();
    apply.wait().unwrap();
    let confirmed = confirmed(stage.path());
    let before = sandbox.writes();
    // The lock of the dead expires after a minute.
    let (soon, later) = ("2026-03-02T09:00:30Z", "2026-03-02T09:01:01Z");
    stage.run(&line(&[&["apply", "--sandbox", &sandbox.url, "--now", soon], &CONSENT])).with(9);
    let again = stage.run(&line(&[&["apply", "--sandbox", &sandbox.url, "--now", later], &CONSENT]));
    assert!(again.err.contains("picked up unfinished run 00000001"), "{}", again.err);
    again.with(0);
    let after = sandbox.writes().split_off(before.len());
    assert!(!after.is_empty(), "the kill came too late to tell anything");
    for write in &after {
        let twice = before.contains(write) && confirmed.contains(&write.0);
        assert!(!twice, "{write:?} was confirmed, and was written again");
    }
    stage.run(&["plan", "--detailed-exitcode", "--sandbox", &sandbox.url, "--now", later]).with(0);
}

/// Reads from a dead run's journal who was read back.
fn confirmed(stage: &Path) -> Vec<String> {
    let segments = fs::read_dir(stage.join(".insightctl/runs/00000001/journal")).unwrap();
    let mut segments: Vec<_> = segments.map(|segment| segment.unwrap().path()).collect();
    // What was being written at that moment ends in `#` and a number, and is no segment.
    segments.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    segments.sort();
    let journal: String = segments.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let records = journal.lines().map_while(|line| serde_json::from_str::<Value>(line).ok());
    records.filter_map(|record| record.get("read-back").map(|back| back["id"].to_string())).collect()
}

fn no_write_twice(writes: &[(String, String)]) {
    let mut sorted = writes.to_vec();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), writes.len(), "{writes:?}");
}

#[test]
fn looking_again_locks_nobody_out() {
    let stage = Stage::set();
    // At the same moment, since a lock that was left behind would expire in a minute.
    let at = ["--now", "2026-03-01T08:00:00Z"];
    stage.run(&line(&[&["verify"], &SANDBOX, &at])).with(0);
    stage.run(&line(&[&["apply"], &CONSENT, &SANDBOX, &at])).with(0);
}
