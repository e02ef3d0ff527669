//! The same manifest over both transports: the same plan, and the same end, on a bad day too.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::served::Served;
use crate::stage::{Ended, Stage};

const REST: &[&str] = &["--transport", "exchange-rest"];
const SHELL: &[&str] = &["--transport", "powershell"];

/// Is a tenant that is served, with people and tools that come and go.
struct Scene {
    stage: Stage,
    served: Served,
}

impl Scene {
    fn set() -> Self {
        let stage = Stage::set();
        let served = Served::slow(&stage, "0");
        Self { stage, served }
    }

    /// Writes a program that stands in for PowerShell, and behaves as these words say.
    fn pwsh(&self, behaviour: &[&str]) -> String {
        let path = self.stage.path().join("pwsh.sh");
        let program = env!("CARGO_BIN_EXE_insightctl");
        let (url, words) = (&self.served.url, behaviour.join(" "));
        let script = format!("#!/bin/sh\nexec '{program}' sandbox pwsh --at '{url}' {words} -- \"$@\"\n");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// Prepares a run of the program at an hour of the day.
    fn command(&self, hour: u32, line: &[&str]) -> Command {
        let now = format!("2026-03-02T{hour:02}:00:00Z");
        self.stage.command(&[line, &["--sandbox", &self.served.url, "--now", &now]].concat())
    }

    /// Runs it, and gives its exit code and what it says.
    fn run(&self, hour: u32, line: &[&str]) -> (i32, String) {
        let Ended { code, out, err } = Ended::from(self.command(hour, line).output().unwrap());
        (code.unwrap(), out + &err)
    }

    /// Applies until there is nothing left to do, and gives how many rounds it took.
    fn converge(&self, hour: u32, over: &[&str]) -> u32 {
        for round in 0..8 {
            let apply = ["apply", "--yes", "--allow", "defaults"];
            let (code, said) = self.run(hour + round, &[&apply, over].concat());
            assert!([0, 7, 8].contains(&code), "{code}: {said}");
            let (code, said) = self.run(hour + round, &[&["plan", "--detailed-exitcode"], over].concat());
            assert!([0, 2, 8].contains(&code), "{code}: {said}");
            if code == 0 {
                return round + 1;
            }
        }
        panic!("it does not converge");
    }

    /// Tells the tenant as it is.
    fn export(&self) -> String {
        let line =
            ["export", "--format", "csv", "--now", "2026-03-02T20:00:00Z", "--sandbox", &self.served.url];
        self.stage.run(&[&line, REST].concat()).with(0).out
    }

    /// Lists the writes that the services took, each of which must stand there once.
    fn writes(&self) -> BTreeSet<(String, String)> {
        let writes = self.served.writes();
        let once: BTreeSet<_> = writes.iter().cloned().collect();
        assert_eq!(once.len(), writes.len(), "something was written twice: {writes:?}");
        once
    }
}

/// Takes out how long it is going to last, which is what the transports differ in, and the hash that covers it.
fn timeless(plan: &str) -> String {
    let lasts = |line: &&str| !line.contains("\"seconds\": ") && !line.contains("sha256:");
    let without = |line: &str| line.split(", about ").next().unwrap_or_default().to_owned();
    plan.lines().filter(lasts).map(without).collect::<Vec<_>>().join("\n")
}

#[test]
fn both_transports_plan_the_same_and_end_the_same() {
    let (one, other) = (Scene::set(), Scene::set());
    for format in ["json", "text", "markdown", "csv"] {
        let plan = ["plan", "--format", format];
        let rest = one.run(9, &[&plan, REST].concat());
        let shell = other.run(9, &[&plan, SHELL].concat());
        assert_eq!((rest.0, shell.0), (0, 0), "{}{}", rest.1, shell.1);
        assert_eq!(timeless(&rest.1), timeless(&shell.1), "as {format}");
    }
    // The first round applies; the second has nothing to do, whatever carries it.
    assert_eq!((one.converge(9, REST), other.converge(9, SHELL)), (1, 1));
    assert_eq!(one.writes(), other.writes());
    assert_eq!(one.export(), other.export());
    assert_eq!(one.run(20, &[&["plan", "--format", "json"], SHELL].concat()).0, 0);
}

#[test]
fn what_only_annoys_changes_nothing() {
    let good = Scene::set();
    good.converge(9, REST);
    for behaviour in [&["--noise", "--stray"][..], &["--slow", "20"]] {
        let scene = Scene::set();
        let pwsh = scene.pwsh(behaviour);
        assert_eq!(scene.converge(9, &[SHELL, &["--pwsh", &pwsh]].concat()), 1, "{behaviour:?}");
        assert_eq!(scene.writes(), good.writes(), "{behaviour:?}");
        assert_eq!(scene.export(), good.export(), "{behaviour:?}");
    }
}

#[test]
fn after_a_bad_day_it_ends_as_after_a_good_one() {
    let good = Scene::set();
    good.converge(9, REST);
    let (writes, end) = (good.writes(), good.export());
    for behaviour in [
        &["--garble", "6"][..],
        &["--die-before", "9"],
        &["--die-after", "9"],
        &["--noise", "--stray", "--garble", "11", "--die-after", "13", "--slow", "2"],
    ] {
        let scene = Scene::set();
        let pwsh = scene.pwsh(behaviour);
        let bad = [&["apply", "--yes", "--allow", "defaults"], SHELL, &["--pwsh", &pwsh]].concat();
        let (code, said) = scene.run(9, &bad);
        assert_eq!(code, 7, "{behaviour:?}: {said}");
        // Nothing was sent twice, although not every answer came.
        let on_the_bad_day = scene.writes();
        assert!(on_the_bad_day.is_subset(&writes), "{behaviour:?}");
        // A pin whose fate is open is written again before its default goes.
        let rounds = scene.converge(10, SHELL);
        assert!(rounds <= 3, "{behaviour:?}: {rounds} rounds");
        assert_eq!(scene.served.writes().into_iter().collect::<BTreeSet<_>>(), writes, "{behaviour:?}");
        assert_eq!(scene.export(), end, "{behaviour:?}");
    }
}

#[test]
fn the_manifest_chooses_and_the_command_line_overrules_it() {
    let scene = Scene::set();
    let path = scene.stage.path().join("insights.yaml");
    let manifest = fs::read_to_string(&path).unwrap();
    fs::write(path, manifest.replace("version: 1\n", "version: 1\ntransport: powershell\n")).unwrap();
    let (code, said) = scene.run(9, &["plan", "--pwsh", "/nowhere/pwsh"]);
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("could not be started as `/nowhere/pwsh`"), "{said}");
    assert!(said.contains("hint: install PowerShell 7"), "{said}");
    assert_eq!(scene.run(9, &["plan"]).0, 0, "without a PowerShell, the stand-in is started");
    assert_eq!(scene.run(9, &[&["plan", "--pwsh", "/nowhere/pwsh"], REST].concat()).0, 0);
}

#[test]
fn ctrl_c_at_a_terminal_lets_the_workers_finish_what_is_under_way() {
    let scene = Scene::set();
    let pwsh = scene.pwsh(&["--slow", "150"]);
    let line =
        [&["apply", "--yes", "--allow", "defaults", "--format", "json"], SHELL, &["--pwsh", &pwsh]].concat();
    let mut apply = scene.command(9, &line);
    let apply = apply.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..1_000 {
        if !scene.served.writes().is_empty() {
            break;
        }
        pause();
    }
    // A terminal tells the whole group.
    let group = format!("-{}", apply.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let ended = Ended::from(apply.wait_with_output().unwrap()).with(130);
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let outcomes: BTreeSet<&str> =
        report["rows"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert!(outcomes.contains("done") && outcomes.contains("not-begun"), "{outcomes:?}");
    assert!(!outcomes.contains("unanswered") && !outcomes.contains("failed"), "{outcomes:?}");
    scene.writes();
}

#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
