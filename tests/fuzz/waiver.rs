//! A waiver, as bytes; what is read is written again as the same.

use std::path::Path;

use insightctl::manifest::{parse_waiver, waiver_text};
use insightctl::render::{self, Look};

use crate::drive::{Target, paths};
use crate::{located, manifest};

const WORDS: [&str; 28] = [
    "waive:",
    "plan: ",
    "sha256:5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592",
    "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "class: ",
    "defaults",
    "opt-out",
    "[defaults, leaving]",
    "reason: ",
    "by: ",
    "until: ",
    "2026-03-01",
    "9999-12-31",
    "-009999-01-01",
    "2026-02-30",
    "2026-03-01T00:00:00Z",
    "\"\\U0010ffff\"",
    "\"\\x1b\"",
    "&a ",
    "*a",
    "<<: *a",
    "---\n",
    "|\n  ",
    "!!str ",
    "null",
    "{",
    "}",
    "# ",
];

pub(crate) fn target() -> Target {
    let real = "waive:\n  plan: sha256:5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592\n  \
                class: defaults\n  reason: agreed with the works council\n  by: ada@contoso.com\n  until: 2026-03-01\n";
    let mut corpus = vec![
        real.as_bytes().to_vec(),
        real.replace("defaults", "[defaults, leaving]").replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}{real}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    let stories = paths(Path::new("tests/stories"));
    let files = stories.iter().filter(|path| {
        path.to_string_lossy().contains("waiver") && path.extension().is_some_and(|end| end == "yaml")
    });
    corpus.extend(files.map(|path| std::fs::read(path).unwrap()));
    let judge = |input: &[u8]| {
        let known = |file: &Path| (file == Path::new("waiver.yaml")).then(|| input.to_vec());
        match parse_waiver(input) {
            Ok(waiver) => {
                let text = waiver_text(&waiver);
                match parse_waiver(text.as_bytes()) {
                    Ok(again) if again == waiver => {}
                    other => return Err(format!("it is written as another: {text} {other:?}")),
                }
                let mut shown = Vec::new();
                render::waiver::text(&mut shown, &waiver, &[], Look::default())
                    .map_err(|error| error.to_string())?;
                let shown = String::from_utf8(shown).map_err(|error| error.to_string())?;
                match shown.chars().find(|character| character.is_control() && *character != '\n') {
                    None => Ok(format!("a waiver of {} classes", waiver.class.len())),
                    Some(acts) => Err(format!("{acts:?} is shown")),
                }
            }
            Err(problems) if problems.has_errors() => {
                located::check(&problems, &known)?;
                Ok(manifest::told(&problems))
            }
            Err(_) => Err("it was refused without an error".to_owned()),
        }
    };
    let giants = vec![b"waive:\n".repeat(1 << 16), b"[".repeat(1 << 20), vec![b' '; 4 << 20]];
    Target { name: "waiver", corpus, words: WORDS.to_vec(), giants, judge: Box::new(judge) }
}
