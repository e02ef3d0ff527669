//! A saved plan: read, reviewed and shown in every form; and now and then by the program itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use insightctl::plan::{Plan, guard, hash, is_consistent};
use insightctl::render::{self, Look};

use crate::drive::Target;
use crate::program::{example, run};

const WORDS: [&str; 30] = [
    "\"format\": 2",
    "\"format\": 0",
    "\"operations\": []",
    "\"basis\"",
    "\"summary\"",
    "\"observations\"",
    "\"class\": \"opt-in\"",
    "\"class\": \"defaults\"",
    "\"from\": null",
    "\"to\": \"opt-in\"",
    "\"to\": 0.2",
    "\"phase\"",
    "\"target\"",
    "\"tenant\"",
    "\"person\"",
    "\"licences\": []",
    "\"group\": null",
    "\"reason\": \"own-choice\"",
    "\"settings\": {}",
    "\"calls\": 18446744073709551615",
    "\"people\": 0",
    "\"at\": \"9999-12-31T23:59:59Z\"",
    "\"at\": \"-009999-01-01T00:00:00Z\"",
    "\"00000000-0000-0000-0000-000000000000\"",
    "{}",
    "[]",
    "null",
    "true",
    "\\u202e",
    "\\ud800",
];

/// Is how often the program itself reads one: starting it takes longer than reading.
const SELDOM: u32 = 64;

pub(crate) fn target() -> Target {
    let folder = example();
    let wholly = ["apply", "--yes", "--allow", "defaults", "-q"];
    let mut corpus = Vec::new();
    for step in [&wholly[..], &["sandbox", "person", "ada@contoso.com", "--mode", "opt-out"], &["version"]] {
        run(folder.path(), &["plan", "-q", "--out", "plan.json"]);
        corpus.push(fs::read(folder.path().join("plan.json")).unwrap());
        run(folder.path(), step);
    }
    let mut count = 0_u32;
    let judge = move |input: &[u8]| {
        count += 1;
        let told = read(input)?;
        if count.is_multiple_of(SELDOM) {
            fs::write(folder.path().join("damaged.json"), input).unwrap();
            let shown = run(folder.path(), &["show", "damaged.json"]);
            let said = String::from_utf8(shown.stderr).map_err(|error| error.to_string())?;
            let well = match shown.status.code() {
                Some(0) => true,
                Some(3 | 5) => said.contains("damaged.json"),
                Some(_) | None => false,
            };
            if !well {
                return Err(format!("`show` ends with {}: {said}", shown.status));
            }
        }
        Ok(told)
    };
    Target { name: "plan", corpus, words: WORDS.to_vec(), giants: giants(), judge: Box::new(judge) }
}

fn read(input: &[u8]) -> Result<String, String> {
    let sealed = hash::check(input);
    let plan: Plan = match serde_json::from_slice(input) {
        Ok(plan) => plan,
        Err(error) => {
            let lines = input.split(|byte| *byte == b'\n').count();
            let told = error.to_string();
            return if (1..=lines).contains(&error.line()) || told.contains("line 1 column 0") {
                Ok(told)
            } else {
                Err(format!("of {lines} lines it names another: {told}"))
            };
        }
    };
    let objections = guard::review(&plan, &BTreeMap::new(), &BTreeSet::new());
    let (mut text, mut json, mut csv) = (Vec::new(), Vec::new(), Vec::new());
    for look in [Look::default(), Look { colour: true, width: 60, details: usize::MAX }] {
        render::plan::text(&mut text, &plan, &objections, look).map_err(|error| error.to_string())?;
    }
    let markdown = render::plan::markdown(&plan, &objections, 10);
    render::plan::csv(&mut csv, &plan).map_err(|error| error.to_string())?;
    let plan = render::plan::sealed(plan).map_err(|error| error.to_string())?;
    render::plan::json(&mut json, &plan).map_err(|error| error.to_string())?;
    let again: Plan = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
    if again != plan {
        return Err("what is written is another plan".to_owned());
    }
    if hash::check(&json) != Ok(plan.hash) {
        return Err("what is written has another hash".to_owned());
    }
    let acts = |text: &str| text.chars().any(|character| character.is_control() && character != '\n');
    if acts(&markdown) || acts(&String::from_utf8_lossy(&csv)) {
        return Err("a control character is shown".to_owned());
    }
    Ok(format!("a plan, {sealed:?}, {}, {} objections", is_consistent(&plan), objections.len()))
}

fn giants() -> Vec<Vec<u8>> {
    vec![
        b"[".repeat(1 << 20),
        b"{\"a\":".repeat(1 << 18),
        [b"{\"format\":1,\"basis\":\"", &b"x".repeat(8 << 20)[..]].concat(),
    ]
}
