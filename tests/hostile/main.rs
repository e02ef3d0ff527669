//! Names that mean harm come out inert, in every output of every command.
//!
//! The tenant of this house consists of them: people, groups, products and the tenant itself are called after terminal
//! escapes, formulas, Markdown and marks that turn writing around. The manifest, its files and the services' own words
//! say the same.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

mod inert;
mod stage;

use std::collections::BTreeSet;

use stage::{NAMES, Stage};

/// Lists the commands that take a form, and those that do not; together they are all that there are.
const WITH_FORMS: [&str; 12] = [
    "apply", "doctor", "drift", "explain", "export", "plan", "record", "rollback", "runs", "show",
    "validate", "verify",
];
/// Has forms of its own, each with its tests beside the renderer.
const OWN_FORMS: &str = "rollout";
const WITHOUT: [&str; 9] =
    ["announce", "handover", "import", "init", "release", "report", "sandbox", "schema", "waive"];
const FORMS: [&str; 4] = ["text", "json", "markdown", "csv"];

#[test]
fn no_command_is_forgotten() {
    let stage = Stage::set();
    let help = stage.run(&["--help"]).out;
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: BTreeSet<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    let rows = WITH_FORMS.into_iter().chain(WITHOUT).chain([OWN_FORMS]).collect();
    assert_eq!(commands, rows, "a row of the table is missing");
    for command in commands {
        let has_forms = stage.run(&[command, "--help"]).out.contains("--format");
        let meant = WITH_FORMS.contains(&command) || command == OWN_FORMS;
        assert_eq!(has_forms, meant, "`{command}` stands in the wrong row");
    }
}

/// Gathers everything that acts, so that one run tells all of it.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    /// Runs the program and judges all that it said, and the file that it wrote.
    fn run(&mut self, stage: &Stage, arguments: &[&str], form: &str, codes: &[i32]) {
        let colour = arguments.windows(2).any(|two| two == ["--color", "always"]);
        let ended = stage.run(arguments);
        let mut judge = |what: &str, judged: Result<(), String>| {
            if let Err(how) = judged {
                self.0.push(format!("{what} of {arguments:?} ({form}): {how}"));
            }
        };
        judge("stderr", inert::terminal(&ended.err, colour));
        judge("stdout", inert::terminal(&ended.out, colour));
        let well = ended.code.is_some_and(|code| codes.contains(&code));
        if !well {
            judge(
                "exit code",
                Err(format!("{:?} is not among {codes:?}: {}", ended.code, start(&ended.err))),
            );
        }
        if ended.out.is_empty() {
            return;
        }
        match form {
            "csv" => judge("table", inert::csv(&ended.out)),
            "markdown" => judge("Markdown", inert::markdown(&ended.out)),
            "json" => judge("JSON", parses(&ended.out)),
            _ => {}
        }
    }

    fn none(self) {
        assert!(self.0.is_empty(), "{} findings:\n{}", self.0.len(), self.0.join("\n"));
    }
}

fn start(text: &str) -> String {
    text.chars().take(400).collect()
}

fn parses(text: &str) -> Result<(), String> {
    serde_json::from_str::<serde_json::Value>(text).map(drop).map_err(|error| error.to_string())
}

const SANDBOX: [&str; 2] = ["--sandbox", "tenant.json"];
const ALL: [&str; 24] = [
    "--yes",
    "--failure-limit",
    "100%",
    "--allow",
    "defaults",
    "--allow",
    "opt-in",
    "--allow",
    "opt-out",
    "--allow",
    "features",
    "--allow",
    "service-plan-removed",
    "--allow",
    "service-plan-assigned",
    "--allow",
    "leaving",
    "--allow",
    "restore",
    "--allow",
    "re-opt-in",
    "--allow",
    "re-pin",
    "-q",
];

#[test]
fn every_form_of_every_command_is_inert() {
    let mut found = Found::default();
    let stage = Stage::set();
    stage.run(&[&["plan", "--out", "plan.json"], &SANDBOX[..]].concat());
    for (n, form) in FORMS.into_iter().enumerate() {
        let formed = |command: &[&'static str]| [command, &SANDBOX, &["--format", form]].concat();
        for command in [&["plan"][..], &["drift"], &["export"], &["explain", "mail0@contoso.com"]] {
            found.run(&stage, &formed(command), form, &[0, 3, 8]);
        }
        for doctor in [&["doctor"][..], &["doctor", "--faults", "said.yaml"]] {
            found.run(&stage, &formed(doctor), form, &[0, 3, 4, 8]);
        }
        found.run(&stage, &["show", "plan.json", "--format", form], form, &[0]);
        found.run(&stage, &["validate", "--format", form], form, &[0, 3]);
        found.run(&stage, &["validate", "-f", "wrong.yaml", "--format", form], form, &[3]);
        found.run(&stage, &formed(&["plan", "--faults", "said.yaml"]), form, &[0, 3, 8]);
        found.run(&stage, &formed(&["drift", "--faults", "said.yaml"]), form, &[0, 3, 8]);
        found.run(&stage, &formed(&["export", "--faults", "said.yaml"]), form, &[0, 3, 8]);
        // Everything is written once in each form, first badly and then well.
        stage.run(&[&["sandbox", "reset"], &SANDBOX[..]].concat());
        let store = format!("file:.{form}");
        let apply = |more: &[&'static str]| [&["apply"], more, &ALL, &SANDBOX, &["--format", form]].concat();
        found.run(
            &stage,
            &[&apply(&["--faults", "refused.yaml"])[..], &["--store", &store]].concat(),
            form,
            &[0, 3, 7, 8],
        );
        found.run(&stage, &[&formed(&["verify"])[..], &["--store", &store]].concat(), form, &[0, 3, 8]);
        found.run(&stage, &[&apply(&[])[..], &["--store", &store]].concat(), form, &[0, 3, 7, 8]);
        found.run(&stage, &[&formed(&["verify"])[..], &["--store", &store]].concat(), form, &[0, 3, 8]);
        found.run(&stage, &[&formed(&["plan"])[..], &["--store", &store]].concat(), form, &[0, 3, 8]);
        for runs in [&["runs"][..], &["runs", "show", "1"], &["runs", "show", "2"]] {
            found.run(&stage, &[runs, &["--store", &store, "--format", form]].concat(), form, &[0, 3]);
        }
        let rollback = ["rollback", "1", "--yes", "--allow", "rollback", "--store", &store];
        found.run(&stage, &[&rollback[..], &formed(&[])].concat(), form, &[0, 3, 7, 8]);
        for (n, by) in stage::NAMES.into_iter().enumerate().skip(n).step_by(FORMS.len()) {
            let by = format!("--by={}", by.replace('\0', ""));
            let list = if n % 2 == 0 { "people.csv" } else { "some.csv" };
            let record = ["record", list, "--written-on", "2025-11-03", &by, "--yes", "--store", &store];
            found.run(&stage, &[&record[..], &formed(&[])].concat(), form, &[0, 3, 8]);
        }
    }
    found.none();
}

#[test]
fn everything_that_is_told_beside_the_data_is_inert() {
    let mut found = Found::default();
    for more in [&["-v"][..], &["-vv"], &["-vvv"], &["--color", "always"], &["-vv", "--color", "always"]] {
        let stage = Stage::set();
        for command in
            [&["plan"][..], &["plan", "--faults", "said.yaml"], &["drift"], &["export"], &["verify"]]
        {
            found.run(&stage, &[command, &SANDBOX, more].concat(), "text", &[0, 8]);
        }
        found.run(&stage, &[&["doctor"][..], &SANDBOX, more].concat(), "text", &[0, 4, 8]);
        found.run(&stage, &[&["validate"], more].concat(), "text", &[0]);
        found.run(&stage, &[&["validate", "-f", "wrong.yaml"], more].concat(), "text", &[3]);
        let all: Vec<&str> = ALL.into_iter().filter(|option| *option != "-q").collect();
        found.run(
            &stage,
            &[&["apply", "--faults", "refused.yaml"], &all[..], &SANDBOX, more].concat(),
            "text",
            &[6, 7, 8],
        );
        found.run(&stage, &[&["apply"], &all[..], &SANDBOX, more].concat(), "text", &[0, 7, 8]);
    }
    found.none();
}

#[test]
fn what_is_said_in_a_waiver_is_inert() {
    let mut found = Found::default();
    for (n, name) in stage::names().iter().enumerate().filter(|(_, name)| !name.contains('\0')) {
        let stage = Stage::set();
        let form = FORMS[n % 4];
        let (reason, by) = (format!("--reason={name}"), format!("--by={name}"));
        stage.run(&[&["plan", "-f", "plain.yaml", "--out", "plan.json"], &SANDBOX[..]].concat());
        let refused = stage
            .run(&[&["apply", "plan.json", "-f", "plain.yaml", "--yes", "-q"], &SANDBOX[..]].concat())
            .err;
        assert!(refused.contains("--class "), "guards object, and say so: {refused}");
        let mut waive = vec!["waive", "plan.json", "-f", "plain.yaml", &reason, &by];
        for class in refused.split("--class ").skip(1) {
            waive.extend(["--class", class.split([' ', '`']).next().unwrap()]);
        }
        found.run(&stage, &waive, "text", &[0]);
        let apply =
            ["apply", "plan.json", "-f", "plain.yaml", "--yes", "--waiver", "waiver.yaml", "--format", form];
        found.run(&stage, &[&apply[..], &SANDBOX].concat(), form, &[0, 7, 8]);
        // The refusal took the first number.
        found.run(&stage, &["runs", "show", "2", "--format", form], form, &[0, 3]);
    }
    found.none();
}

#[test]
fn names_on_the_command_line_are_inert() {
    let mut found = Found::default();
    let stage = Stage::set();
    for (number, name) in stage::names().iter().enumerate().filter(|(_, name)| !name.contains('\0')) {
        let (name, upn) = (name.as_str(), stage::upn(name));
        let file = format!("{number}.yaml");
        let any: Vec<i32> = (0..=9).collect();
        for arguments in [
            &["explain", "--", &upn][..],
            &["release", "--setting", "mode", "--", &upn],
            &["sandbox", "person", "--mode", "opt-out", "--", &upn],
            &["sandbox", "person", "--mode", "opt-out", "--", name],
            &["explain", "--", name],
            &["show", "--", name],
            &["apply", "--yes", "--", name],
        ] {
            let (command, rest) = arguments.split_first().unwrap();
            found.run(&stage, &[&[*command][..], &SANDBOX, rest].concat(), "text", &any);
        }
        for option in ["--file", "--store", "--as-of", "--color", "--faults", "--sandbox-world"] {
            let option = format!("{option}={name}");
            found.run(&stage, &[&["plan", &option], &SANDBOX[..]].concat(), "text", &any);
        }
        for arguments in [
            &["plan", &format!("--sandbox={name}")][..],
            &["plan", &format!("--allow={name}")],
            &["plan", &format!("--out=none/{name}"), "--sandbox", "tenant.json"],
            &["schema", name],
            &["schema", "plan", &format!("--out=none/{name}")],
            &["sandbox", "generate", &format!("--out=none/{name}")],
            &["sandbox", "reset", &format!("--sandbox={name}")],
            &["sandbox", "serve", &format!("--sandbox={name}")],
            &[
                "init",
                "--scenario",
                "mixed",
                "-f",
                &file,
                &format!("--tenant-name={name}"),
                "--tenant-id",
                "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            ],
            &["init", "--scenario", name],
            &["--", name],
        ] {
            found.run(&stage, arguments, "text", &any);
        }
        if stage.path().join(&file).exists() {
            let text = std::fs::read_to_string(stage.path().join(&file)).unwrap();
            if let Err(how) = inert::terminal(&text, false) {
                found.0.push(format!("manifest that init wrote for {name:?}: {how}"));
            }
        }
    }
    found.none();
}

#[test]
fn json_gives_the_very_same_names_back() {
    let stage = Stage::set();
    for command in [&["plan"][..], &["export"]] {
        let out = stage.run(&[command, &SANDBOX, &["--format", "json"]].concat()).out;
        let mut texts = Vec::new();
        inert::texts(&serde_json::from_str(&out).unwrap(), &mut texts);
        for name in stage::names() {
            assert!(texts.contains(&stage::upn(&name)), "{command:?} has lost {name:?}");
        }
    }
    assert_eq!(stage::names().len(), NAMES.len() + 1);
}

/// Without this, a stage on which nobody says anything would be inert as well.
#[test]
fn the_names_do_come_up() {
    let stage = Stage::set();
    for form in FORMS {
        let plan =
            stage.run(&[&["plan", "--faults", "said.yaml", "-v", "--format", form], &SANDBOX[..]].concat());
        for word in ["evil", "onerror", "semicolon", "javascript", "hidden"] {
            assert!(plan.out.contains(word), "{form} leaves out {word}: {}", plan.out);
        }
        stage.run(&[&["sandbox", "reset"], &SANDBOX[..]].concat());
        let apply = [&["apply", "--faults", "refused.yaml", "--format", form], &ALL[..], &SANDBOX].concat();
        let apply = stage.run(&[&apply[..], &["--store", &format!("file:.{form}")]].concat());
        assert!(
            apply.out.contains("answered 400") && apply.out.contains("red"),
            "{form}: {:?} {} {}",
            apply.code,
            apply.out,
            apply.err
        );
    }
    let undo = ["rollback", "1", "--yes", "--allow", "rollback", "--store", "file:.text", "--format", "csv"];
    let undone = stage.run(&[&undo[..], &SANDBOX].concat());
    assert!(undone.out.contains("evil"), "{} {}", undone.out, undone.err);
    let record =
        ["record", "some.csv", "--written-on", "2025-11-03", "--by", "=evil()", "--yes", "--format", "csv"];
    let recorded = stage.run(&[&record[..], &SANDBOX].concat());
    assert!(recorded.out.contains("evil"), "{} {}", recorded.out, recorded.err);
    let told = stage.run(&["validate", "-f", "wrong.yaml"]);
    assert!(told.err.contains("evil"), "{}", told.err);
    let log = stage.run(&[&["plan", "--faults", "said.yaml", "-vv"], &SANDBOX[..]].concat());
    assert!(log.err.contains("refused"), "{}", log.err);
}
