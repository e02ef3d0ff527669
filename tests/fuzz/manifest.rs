//! The manifest, as bytes in a file beside the lists that it names.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use insightctl::manifest::{Problems, read};

use crate::drive::{Target, files, paths};
use crate::located;

const WORDS: [&str; 62] = [
    "version: 1",
    "tenant:",
    "id: ",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "name: ",
    "scenario: ",
    "mixed",
    "default-on",
    "optional-opt-in",
    "defaults:",
    "dashboard: ",
    "digest-email: off",
    "outlook-add-in: yes",
    "schedule-send",
    "meeting-survey: { enabled: on, sampling-rate: 0.2 }",
    "groups:\n  - ",
    "mode: opt-in",
    "mode: Excluded",
    "features: { dashboard: on }",
    "service-plan: removed",
    "on-user-choice: override",
    "on-leave: restore",
    "members:\n      - ",
    "user: ada@contoso.com",
    "group: ",
    "csv: people/contractors.csv",
    "column: Mail",
    "filter: \"department eq 'Sales'\"",
    "licence: SPE_E5",
    "everyone: true",
    "except:\n      - ",
    "guards:",
    "protected: ",
    "limits:",
    "percent: 30",
    "people: 500",
    "leaving: ",
    "store: file:.insightctl",
    "s3://bucket/",
    "../../../x.csv",
    "settle:",
    "15m",
    "accept:",
    "re-opt-in:",
    "reason: ",
    "until: 2026-01-01",
    "waves:",
    "&a ",
    "*a",
    "<<: *a",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "|\n  ",
    ">-\n  ",
    "!!binary ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "# ",
];

pub(crate) fn target() -> Target {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("people")).unwrap();
    for list in paths(Path::new("examples/contoso/people")) {
        fs::copy(&list, folder.path().join("people").join(list.file_name().unwrap())).unwrap();
    }
    let path = folder.path().join("insights.yaml");
    let known = move |file: &Path| {
        let _kept = &folder;
        fs::read(file).ok()
    };
    let mut corpus: Vec<Vec<u8>> = ["examples", "tests/stories"]
        .iter()
        .flat_map(|root| paths(Path::new(root)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| fs::read(path).unwrap())
        .collect();
    corpus.extend(quoted(&fs::read_to_string("src/manifest/tests/document.rs").unwrap()));
    let judge = move |input: &[u8]| {
        fs::write(&path, input).unwrap();
        let problems = match read(&path) {
            Ok(manifest) => {
                let said = format!(
                    "{} overlaps, {} selectors",
                    manifest.overlaps().len(),
                    manifest.selectors().len()
                );
                if manifest.warnings().has_errors() {
                    return Err("it was taken in spite of errors".to_owned());
                }
                located::check(manifest.warnings(), &known)?;
                return Ok(format!("{said} {}", told(manifest.warnings())));
            }
            Err(problems) => problems,
        };
        if !problems.has_errors() {
            return Err("it was refused without an error".to_owned());
        }
        located::check(&problems, &known)?;
        Ok(told(&problems))
    };
    Target { name: "manifest", corpus, words: WORDS.to_vec(), giants: giants(), judge: Box::new(judge) }
}

/// Puts messages together, as a kind of answer.
pub(crate) fn told(problems: &Problems) -> String {
    let mut told: Vec<&str> = problems.list().iter().map(|problem| &*problem.message).collect();
    told.truncate(3);
    told.join("\n")
}

/// Takes the texts out of a file of tests.
fn quoted(source: &str) -> Vec<Vec<u8>> {
    source
        .split('"')
        .filter(|text| text.contains(": ") && text.len() > 20)
        .map(|text| unescaped(text).into())
        .collect()
}

fn unescaped(text: &str) -> String {
    text.replace("{{", "{").replace("}}", "}").replace("\\n", "\n")
}

/// Makes input that is huge on purpose.
fn giants() -> Vec<Vec<u8>> {
    let head = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\n";
    let mut bomb = format!("{head}a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let again = format!("*a{}, ", level - 1).repeat(9);
        writeln!(bomb, "a{level}: &a{level} [{again}]").unwrap();
    }
    let people = lines(100_000, |n| format!("      - user: person{n}@contoso.com\n"));
    let wrong = lines(100_000, |n| format!("      - user: person{n}\n"));
    let members =
        |people: &str| format!("{head}groups:\n  - name: all\n    mode: opt-out\n    members:\n{people}");
    vec![
        bomb.into_bytes(),
        "[".repeat(1 << 20).into_bytes(),
        "- ".repeat(1 << 20).into_bytes(),
        "a: ".repeat(1 << 18).into_bytes(),
        format!("{head}scenario: \"{}", "x".repeat(4 << 20)).into_bytes(),
        vec![b'\n'; 4 << 20],
        vec![0; 4 << 20],
        members(&people).into_bytes(),
        members(&wrong).into_bytes(),
        files(Path::new("examples")).concat().repeat(64),
    ]
}

/// Puts so many lines together.
pub(crate) fn lines(count: u32, line: impl Fn(u32) -> String) -> String {
    (0..count).map(line).collect()
}
