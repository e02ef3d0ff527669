//! Runs every console block of every story, and compares what it prints.
//!
//! A story starts in a folder of its own, at a moment that stands still: with a copy of the example that is named
//! below, and of its own files where it has some (`stories/NAME.files`). To write down what a story prints now, run
//! with `TRYCMD=overwrite`, and read the difference.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

use std::fs;
use std::path::Path;

#[path = "stage/copy.rs"]
mod copy;

use copy::copy;

/// Each story, and the examples whose files it starts with.
const STORIES: &[(&str, &[&str])] = &[
    ("accept", &["contoso"]),
    ("announce", &["contoso"]),
    ("doctor", &["contoso"]),
    ("faults", &["contoso", "faults"]),
    ("first-plan", &["contoso"]),
    ("flapping", &["contoso"]),
    ("group-licences", &["contoso"]),
    ("handover", &["contoso"]),
    ("import", &["contoso"]),
    ("locked", &["contoso"]),
    ("looking", &["contoso"]),
    ("measuring", &["contoso"]),
    ("mistakes", &[]),
    ("pilot", &[]),
    ("re-opt-in", &["contoso"]),
    ("record", &["contoso"]),
    ("rollback", &["contoso"]),
    ("rollout", &["contoso"]),
    ("runs", &["contoso"]),
    ("sandbox", &[]),
    ("saved-plan", &["contoso"]),
    ("scenarios", &["contoso"]),
    ("schemas", &[]),
    ("waiver", &["contoso"]),
    ("waves", &["contoso"]),
    ("who-changed", &["contoso"]),
];

const NOW: &str = "2026-03-02T09:00:00Z";

#[test]
fn every_story_is_true() {
    let stories = Path::new("tests/stories");
    for (story, examples) in STORIES {
        let stage = stories.join(format!("{story}.in"));
        if stage.exists() {
            fs::remove_dir_all(&stage).unwrap();
        }
        fs::create_dir(&stage).unwrap();
        let own = stories.join(format!("{story}.files"));
        for folder in examples.iter().map(|example| Path::new("examples").join(example)).chain([own]) {
            if folder.exists() {
                copy(&folder, &stage);
            }
        }
    }
    for entry in fs::read_dir(stories).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let listed =
            name.strip_suffix(".md").is_none_or(|told| STORIES.iter().any(|(story, _)| *story == told));
        assert!(listed, "{name} is not in the list of stories");
    }
    let cases = trycmd::TestCases::new();
    cases.env("INSIGHTCTL_NOW", NOW).env("NO_COLOR", "1").env("CI", "true").case("tests/stories/*.md");
    cases.run();
}
