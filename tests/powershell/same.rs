//! The same manifest over both transports: the same plan, and the same end, on a bad day too.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::served::Served;
use crate::stage::Stage;

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

    /// Runs the program at an hour of the day, and gives its exit code and what it says.
    fn run(&self, hour: u32, line: &[&str]) -> (i32, String) {
        let now = format!("2026-03-02T{hour:02}:00:00Z");
        let line = [line, &["--sandbox", &self.served.url, "--now", &now]].concat();
        let ended = self.stage.run(&line);
        (ended.code.unwrap(), ended.out + &ended.err)
    }

    /// Applies until there is nothing left to do, and gives how many rounds it took.
    fn converge(&self, over: &[&str]) -> u32 {
        for round in 0..8 {
            let apply = ["apply", "--yes", "--allow", "defaults"];
            let (code, said) = self.run(9 + round, &[&apply, over].concat());
            assert!([0, 7, 8].contains(&code), "{code}: {said}");
            let (code, said) = self.run(9 + round, &[&["plan", "--detailed-exitcode"], over].concat());
            assert!([0, 2, 8].contains(&code), "{code}: {said}");
            if code == 0 {
                return round + 1;
            }
        }
        panic!("it does not converge");
    }

    /// Tells the tenant as it is.
    fn export(&self) -> String {
        let (code, out) = self.run(20, &[&["export", "--format", "csv"], REST].concat());
        assert_eq!(code, 0, "{out}");
        out
    }

    /// Lists the writes that the services took, each of which must stand there once.
    fn writes(&self) -> BTreeSet<(String, String)> {
        let writes = self.served.writes();
        let once: BTreeSet<_> = writes.iter().cloned().collect();
        assert_eq!(once.len(), writes.len(), "something was written twice: {writes:?}");
        once
    }
}

#[test]
fn both_transports_plan_the_same_and_end_the_same() {
    let (one, other) = (Scene::set(), Scene::set());
    for format in ["json", "text", "markdown", "csv"] {
        let plan = ["plan", "--format", format];
        let rest = one.run(9, &[&plan, REST].concat());
        assert_eq!(rest.0, 0, "{}", rest.1);
        assert_eq!(rest, other.run(9, &[&plan, SHELL].concat()), "as {format}");
    }
    // The first round applies; the second has nothing to do, whatever carries it.
    assert_eq!((one.converge(REST), other.converge(SHELL)), (1, 1));
    assert_eq!(one.writes(), other.writes());
    assert_eq!(one.export(), other.export());
    assert_eq!(one.run(20, &[&["plan", "--format", "json"], SHELL].concat()).0, 0);
}

#[test]
fn a_bad_day_changes_how_long_it_takes_and_not_how_it_ends() {
    let good = Scene::set();
    good.converge(REST);
    let (writes, end) = (good.writes(), good.export());
    for behaviour in [
        &["--noise", "--stray"][..],
        &["--slow", "20"],
        &["--garble", "6"],
        &["--die-before", "9"],
        &["--die-after", "9"],
        &["--noise", "--stray", "--garble", "11", "--die-after", "13", "--slow", "2"],
    ] {
        let scene = Scene::set();
        let pwsh = scene.pwsh(behaviour);
        let rounds = scene.converge(&[SHELL, &["--pwsh", &pwsh]].concat());
        assert_eq!(scene.writes(), writes, "{behaviour:?}, {rounds} rounds");
        assert_eq!(scene.export(), end, "{behaviour:?}, {rounds} rounds");
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
