//! Runs the pipelines that users copy: every script in them, in order, with a sandbox for a tenant.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at its first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

mod stage;

use stage::{Ended, Stage};

const FOLDER: &str = "examples/ci";
/// The pipelines: each of them ends with a tenant that is as the manifest wants it.
const APPLYING: [&str; 3] = ["github-apply.yml", "gitlab-ci.yml", "azure-pipelines.yml"];
const PLANNING: &str = "github-plan.yml";

fn pipeline(name: &str) -> Value {
    let text = fs::read_to_string(Path::new(FOLDER).join(name)).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Gives the scripts of a pipeline in the order in which they stand there.
fn scripts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => {
            let step = |(key, value): (&String, &Value)| match (key.as_str(), value) {
                ("run" | "bash" | "inlineScript", Value::String(script)) => vec![script.clone()],
                ("before_script" | "script", Value::Array(lines)) => {
                    let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
                    vec![lines.join("\n")]
                }
                (_, value) => scripts(value),
            };
            // A pipeline stands in the order of its jobs; a map that was read stands in that of the alphabet.
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| ["plan", "comment", "apply"].iter().position(|job| job == key));
            entries.into_iter().flat_map(step).collect()
        }
        Value::Array(values) => values.iter().flat_map(scripts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Writes a program that does what its text says, for a pipeline to find.
fn program(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a pipeline's scripts up to the first that fails, as somebody who consents to a class or to none.
fn run(stage: &Stage, name: &str, class: &str) -> Ended {
    let programs = stage.path().join("programs");
    fs::create_dir_all(&programs).unwrap();
    program(&programs, "insightctl", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_insightctl")));
    // The runner's own tools have nothing to do here; the plan lies where the last job left it.
    for tool in ["cargo", "pwsh", "apt-get"] {
        program(&programs, tool, "");
    }
    program(&programs, "gh", "[ \"$2\" != view ] || echo 'Apply Viva Insights · main · push'");
    let workspace = stage.path().join("insights-plan");
    fs::create_dir_all(&workspace).unwrap();
    std::os::unix::fs::symlink("../plan.json", workspace.join("plan.json")).ok();
    let mut ended = None;
    for script in scripts(&pipeline(name)) {
        let mut command = Command::new("bash");
        command.args(["-e", "-o", "pipefail", "-c", &script]).current_dir(stage.path());
        let path = format!("{}:/usr/bin:/bin", programs.display());
        command.env_clear().env("PATH", path).env("CI", "true").env("INSIGHTCTL_SANDBOX", "tenant.json");
        let here = |name: &str| stage.path().join(name);
        command.env("GITHUB_OUTPUT", here("output")).env("GITHUB_STEP_SUMMARY", here("summary.md"));
        command.env("PIPELINE_WORKSPACE", stage.path()).env("HOME", stage.path());
        command.env("CI_PROJECT_DIR", here("project"));
        for who in ["WAIVE_BY", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOR"] {
            command.env(who, "grace@contoso.com");
        }
        command.env("WAIVE_CLASS", class).env("WAIVE_REASON", "agreed with the \"works council\"; $(id)");
        for name in ["INSIGHTCTL_SOURCE", "INSIGHTCTL_COMMIT", "ENTRA_TOKEN", "PLANNED_BY", "PULL_REQUEST"] {
            command.env(name, "1");
        }
        for name in ["PLAN_CLIENT_ID", "APPLY_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID"] {
            command.env(name, "00000000-0000-0000-0000-00000000c0de");
        }
        let now = Ended::from(command.output().unwrap());
        let failed = now.code != Some(0);
        ended = Some(now);
        if failed {
            break;
        }
    }
    ended.unwrap()
}

#[test]
fn a_pipeline_plans_consents_and_applies_exactly_that_plan() {
    for name in APPLYING {
        let stage = Stage::set();
        run(&stage, name, "defaults").with(0);
        let results = fs::read_to_string(stage.path().join("results.csv")).unwrap();
        assert!(results.contains(",done,"), "{name}: {results}");
        let waiver = fs::read_to_string(stage.path().join("waiver.yaml")).unwrap();
        assert!(waiver.contains("grace@contoso.com") && waiver.contains("$(id)"), "{name}: {waiver}");
        stage.run(&["plan", "--sandbox", "tenant.json", "--detailed-exitcode"]).with(0);
    }
}

#[test]
fn without_consent_a_guard_ends_it_and_nothing_is_written() {
    for name in APPLYING {
        let stage = Stage::set();
        let class = if name.starts_with("azure") { " " } else { "" };
        let ended = run(&stage, name, class).with(6);
        assert!(ended.err.contains("defaults"), "{name}: {}", ended.err);
        stage.run(&["plan", "--sandbox", "tenant.json", "--detailed-exitcode"]).with(2);
    }
}

#[test]
fn a_pull_request_is_shown_the_plan_and_nothing_else_happens() {
    let stage = Stage::set();
    run(&stage, PLANNING, "").with(0);
    let comment = fs::read_to_string(stage.path().join("short.md")).unwrap();
    assert!(comment.contains("sha256:") && comment.contains("Contoso"), "{comment}");
    assert!(!scripts(&pipeline(PLANNING)).join("\n").contains("insightctl apply"));
    stage.run(&["plan", "--sandbox", "tenant.json", "--detailed-exitcode"]).with(2);
}

#[test]
fn what_people_type_is_never_a_part_of_a_script() {
    for name in APPLYING.into_iter().chain([PLANNING]) {
        for script in scripts(&pipeline(name)) {
            assert!(!script.contains("${{") && !script.contains("$(inputs"), "{name}: {script}");
        }
    }
}

#[test]
fn the_pipelines_of_github_are_granted_what_they_use_and_no_more() {
    for name in [PLANNING, "github-apply.yml"] {
        let pipeline = pipeline(name);
        assert_eq!(pipeline["permissions"], serde_json::json!({}), "{name}: nothing unless a job says so");
        for (job, words) in pipeline["jobs"].as_object().unwrap() {
            let granted: BTreeSet<&str> =
                words["permissions"].as_object().unwrap().keys().map(String::as_str).collect();
            let expected: &[&str] = match job.as_str() {
                "plan" => &["contents", "id-token"],
                "comment" => &["pull-requests"],
                "apply" => &["actions", "contents", "id-token"],
                other => panic!("{name} has a job `{other}`"),
            };
            assert_eq!(granted, expected.iter().copied().collect(), "{name}: {job}");
            assert_eq!(words["environment"] == "production", job == "apply", "{name}: {job}");
        }
    }
}

#[test]
fn every_pipeline_is_tried_and_the_documents_name_it() {
    let mut files: Vec<String> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_unstable();
    let mut tried: Vec<&str> = APPLYING.into_iter().chain([PLANNING]).collect();
    tried.sort_unstable();
    assert_eq!(files, tried);
    let readme = fs::read_to_string("README.md").unwrap();
    for name in files {
        assert!(readme.contains(&format!("({FOLDER}/{name})")), "the README does not name {name}");
    }
}
