//! Imports only go down: a room may name only the rooms below it.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

use std::fs;
use std::path::Path;

/// Each room, and what it may name besides itself. `clock` is a file of its own, with nothing below it.
const FLOORS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("manifest", &["model"]),
    ("plan", &["model"]),
    ("diagnosis", &["model"]),
    ("import", &["model", "manifest"]),
    ("rollout", &["model"]),
    ("microsoft", &["model", "plan", "clock"]),
    ("store", &["model", "plan", "clock"]),
    ("apply", &["model", "plan", "rollout", "microsoft", "store", "clock"]),
    ("render", &["model", "manifest", "plan", "rollout", "diagnosis", "import", "store", "apply"]),
    (
        "cli",
        &[
            "model",
            "manifest",
            "plan",
            "rollout",
            "diagnosis",
            "import",
            "microsoft",
            "store",
            "apply",
            "render",
            "sandbox",
            "clock",
        ],
    ),
    ("sandbox", &[]),
];

/// Rooms that stay plain functions: a newcomer reads them first, and a comparison must not be able to fetch.
const PLAIN: &[&str] = &["model", "manifest", "plan", "rollout", "diagnosis", "import", "render"];

fn each_source(folder: &Path, visit: &mut dyn FnMut(&Path, &str)) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            each_source(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// Lists the names that follow `crate::` in a line, also inside braces.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let inside = rest.strip_prefix('{').map_or(rest, |braced| braced.split('}').next().unwrap_or(braced));
        let parts = if rest.starts_with('{') { inside.split(',').collect() } else { vec![inside] };
        for part in parts {
            let name: String = part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.push(name);
        }
    }
    names
}

fn faults(room: &str, below: &[&str], path: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for name in named(code) {
            if name != room && !below.contains(&name.as_str()) {
                faults.push(format!("{}:{}: `{room}` looks up at `{name}`", path.display(), number + 1));
            }
        }
        let awaits =
            code.split(".await").skip(1).any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()));
        if PLAIN.contains(&room) && (code.contains("async ") || awaits) {
            faults.push(format!("{}:{}: `{room}` is a room of plain functions", path.display(), number + 1));
        }
    }
    faults
}

#[test]
fn imports_only_go_down() {
    let mut wrong = Vec::new();
    for (room, below) in FLOORS {
        each_source(&Path::new("src").join(room), &mut |path, text| {
            wrong.extend(faults(room, below, path, text));
        });
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_room_has_a_floor() {
    for entry in fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            assert!(FLOORS.iter().any(|(room, _)| *room == name), "`{name}` has no row in the table");
        }
    }
}

#[test]
fn an_upward_import_is_noticed() {
    let found =
        faults("plan", &["model"], Path::new("x.rs"), "use crate::render::page;\nuse crate::{model, cli};");
    assert_eq!(found, ["x.rs:1: `plan` looks up at `render`", "x.rs:2: `plan` looks up at `cli`"]);
    assert_eq!(faults("plan", &["model"], Path::new("x.rs"), "async fn fetch() {}").len(), 1);
}
