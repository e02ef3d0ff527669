//! Reads and writes a waiver: consent in writing to what a guard objects to in one plan.
//!
//! ```yaml
//! waive:
//!   plan: sha256:5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592
//!   class: defaults
//!   reason: agreed with the works council
//!   by: ada@contoso.com
//!   until: 2026-03-01
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use schemars::{Schema, json_schema};

use super::Severity;
use super::fields::{Fields, fields, items, text};
use super::members::unreadable;
use super::problem::{At, File, Problems, Reporter, quoted};
use super::syntax::{self, Located, Node};
use super::text::{decode, in_quotes};
use super::words::word;
use crate::model::{Class, PlanHash, Waiver};

const KEYS: [&str; 5] = ["plan", "class", "reason", "by", "until"];

/// Is the largest waiver that is read, in bytes.
const LARGEST: u64 = 64 << 10;

/// Reads a waiver; everything that is wrong with it is told at once.
pub fn read_waiver(path: &Path) -> Result<Waiver, Problems> {
    let about = fs::metadata(path).and_then(|about| {
        if about.len() > LARGEST { Err(std::io::Error::other("it is larger than 64 KiB")) } else { Ok(()) }
    });
    let file: Arc<Path> = path.into();
    let mut problems = Problems::default();
    match about.and_then(|()| fs::read(path)) {
        Ok(bytes) => read(&file, bytes, problems),
        Err(error) => {
            problems
                .add(Severity::Error, &file, At::TOP, format!("the waiver cannot be read: {error}"))
                .hint("`insightctl waive PLAN --class CLASS --reason TEXT` writes one");
            Err(problems)
        }
    }
}

/// Reads a waiver from bytes, as if it were called `waiver.yaml`.
pub fn parse_waiver(bytes: &[u8]) -> Result<Waiver, Problems> {
    read(&Path::new("waiver.yaml").into(), bytes.to_vec(), Problems::default())
}

fn read(path: &Arc<Path>, bytes: Vec<u8>, mut problems: Problems) -> Result<Waiver, Problems> {
    let text: Arc<str> = match decode(bytes) {
        Ok(text) => text.into(),
        Err(no_text) => {
            unreadable(&mut problems, path, no_text);
            return Err(problems);
        }
    };
    problems.know(&File { path: Arc::clone(path), text: Arc::clone(&text) });
    let mut report = Reporter { problems: &mut problems, file: Arc::clone(path) };
    let waiver = document(&text, &mut report);
    problems.sort(&[Arc::clone(path)]);
    match waiver {
        Some(waiver) if !problems.has_errors() => Ok(waiver),
        Some(_) | None => Err(problems),
    }
}

fn document(text: &str, report: &mut Reporter<'_>) -> Option<Waiver> {
    let root = syntax::read(text, report)?;
    if root.value == Node::Null {
        report
            .error(At::TOP, "the waiver is empty")
            .hint("`insightctl waive PLAN --class CLASS --reason TEXT` writes one");
        return None;
    }
    let outer = fields(&root, "a waiver", &["waive"], report)?;
    let Some(node) = outer.get("waive") else {
        report.error(At::TOP, "the waiver does not say what it waives").hint("begin it with `waive:`");
        return None;
    };
    let fields = fields(node, "`waive`", &KEYS, report)?;
    for (key, hint) in [
        ("plan", "name the plan by its hash; `insightctl show PLAN` tells it"),
        ("class", "name what is consented to, such as `defaults`"),
        ("reason", "say why, for whoever reads the report"),
        ("by", "say who consents"),
        ("until", "name the last day on which it holds, such as `2026-03-01`"),
    ] {
        if fields.get(key).is_none() {
            report.error(fields.at, format!("the waiver has no `{key}`")).hint(hint);
        }
    }
    // Each is read before any is missed, so that all mistakes are told.
    let plan = fields.get("plan").and_then(|node| plan(node, report));
    let class = fields.get("class").map(|node| classes(node, report)).unwrap_or_default();
    let reason = said(&fields, "reason", report);
    let by = said(&fields, "by", report);
    let until = fields.get("until").and_then(|node| day(node, report));
    Some(Waiver { plan: plan?, class, reason: reason?, by: by?, until: until? })
}

fn plan(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<PlanHash> {
    let typed = text(node, "`plan`", report)?;
    let hash = typed.parse().ok().filter(|hash: &PlanHash| hash.is_sealed());
    if hash.is_none() {
        report
            .error(node.at, format!("{} is no hash of a plan", quoted(typed)))
            .hint("it is `sha256:` and 64 hexadecimal digits; `insightctl show PLAN` tells it");
    }
    hash
}

fn classes(node: &Located<Node>, report: &mut Reporter<'_>) -> BTreeSet<Class> {
    let words = Class::ALL.map(|class| (class.word(), class));
    match &node.value {
        Node::Seq(items) if items.is_empty() => {
            report.error(node.at, "`class` is an empty list").hint("name what is consented to");
            BTreeSet::new()
        }
        Node::Seq(_) => {
            let items = items(node, "`class`", report).unwrap_or_default();
            items.into_iter().filter_map(|item| word(item, "`class`", &words, report)).collect()
        }
        Node::Null | Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Str(_) | Node::Map(_) => {
            word(node, "`class`", &words, report).into_iter().collect()
        }
    }
}

fn said(fields: &Fields<'_>, key: &str, report: &mut Reporter<'_>) -> Option<String> {
    let node = fields.get(key)?;
    text(node, &format!("`{key}`"), report).map(str::to_owned)
}

fn day(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Date> {
    let typed = text(node, "`until`", report)?;
    let day = typed.parse().ok();
    if day.is_none() {
        report.error(node.at, format!("{} is no day", quoted(typed))).hint("write it as `2026-03-01`");
    }
    day
}

/// Writes a waiver as its file, which [`read_waiver`] reads as the same.
pub fn waiver_text(waiver: &Waiver) -> String {
    let Waiver { plan, class, reason, by, until } = waiver;
    let words: Vec<_> = class.iter().map(|class| class.word()).collect();
    let class = match words.as_slice() {
        [one] => (*one).to_owned(),
        _ => format!("[{}]", words.join(", ")),
    };
    let (reason, by) = (in_quotes(reason), in_quotes(by));
    format!("waive:\n  plan: {plan}\n  class: {class}\n  reason: {reason}\n  by: {by}\n  until: {until}\n")
}

/// Gives the schema of a waiver, in the draft that every editor knows (draft-07).
pub fn waiver_schema() -> Schema {
    let classes = Class::ALL.map(Class::word);
    json_schema!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "insightctl waiver",
        "description": "Consent in writing to what a guard objects to in one plan.",
        "type": "object",
        "properties": {
            "waive": {
                "type": "object",
                "properties": {
                    "plan": {
                        "description": "The plan's hash, as `insightctl show` tells it.",
                        "type": "string", "pattern": "^sha256:[0-9a-f]{64}$"
                    },
                    "class": {
                        "description": "What is consented to: one class of change, or a list of them.",
                        "anyOf": [
                            { "enum": classes },
                            { "type": "array", "items": { "enum": classes }, "minItems": 1 }
                        ]
                    },
                    "reason": {
                        "description": "Why. It is written down in the report and in the run's journal.",
                        "type": "string", "pattern": "\\S"
                    },
                    "by": { "description": "Who consents.", "type": "string", "pattern": "\\S" },
                    "until": {
                        "description": "The last day on which it holds, to its end in UTC.",
                        "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
                    }
                },
                "required": KEYS,
                "additionalProperties": false
            }
        },
        "required": ["waive"],
        "additionalProperties": false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "waive:\n  plan: sha256:1111111111111111111111111111111111111111111111111111111111111111\n  class: defaults\n  reason: agreed\n  by: ada@contoso.com\n  until: 2026-03-01\n";

    fn told(text: &str) -> Vec<(u32, u32, String)> {
        let problems = parse_waiver(text.as_bytes()).expect_err(text);
        problems
            .list()
            .iter()
            .map(|problem| (problem.line, problem.column, problem.message.clone()))
            .collect()
    }

    #[test]
    fn a_waiver_names_plan_classes_reason_person_and_day() {
        let waiver = parse_waiver(GOOD.as_bytes()).expect("a waiver");
        assert_eq!(waiver.class, BTreeSet::from([Class::Defaults]));
        assert_eq!((&*waiver.reason, &*waiver.by), ("agreed", "ada@contoso.com"));
        assert_eq!(waiver.until, jiff::civil::date(2026, 3, 1));
        let list = GOOD.replace("class: defaults", "class: [ opt-out, Defaults ]");
        let classes = parse_waiver(list.as_bytes()).expect("a waiver").class;
        assert_eq!(classes, BTreeSet::from([Class::OptOut, Class::Defaults]));
    }

    #[test]
    fn what_is_written_reads_as_the_same() {
        let hostile = "\u{1b}[2J \"quoted\"\\ # no: comment\nline\u{2028}\u{202e}山田 'x' \u{85}\t*";
        let waiver = Waiver {
            class: BTreeSet::from([Class::Defaults, Class::OptIn]),
            reason: hostile.to_owned(),
            by: hostile.to_owned(),
            ..parse_waiver(GOOD.as_bytes()).expect("a waiver")
        };
        let text = waiver_text(&waiver);
        assert_eq!(parse_waiver(text.as_bytes()).expect("a waiver"), waiver, "{text}");
        assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{text:?}");
        assert_eq!(text.lines().count(), 6);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let wrong = GOOD
            .replace("plan: sha256:11", "plan: sha256:1")
            .replace("class: defaults", "class: [ default, everything ]")
            .replace("reason: agreed", "raeson: ' '")
            .replace("until: 2026-03-01", "until: soon");
        let places: Vec<_> = told(&wrong).into_iter().map(|(line, column, _)| (line, column)).collect();
        assert_eq!(places, [(2, 9), (3, 12), (3, 21), (4, 3), (4, 11), (6, 10)], "{:#?}", told(&wrong));
    }

    #[test]
    fn everything_that_is_missing_is_told() {
        let all = told("waive: { plan: ~ }\n");
        let missing = |key: &str| all.iter().any(|(_, _, message)| message.contains(&format!("no `{key}`")));
        assert!(["class", "reason", "by", "until"].into_iter().all(missing), "{all:#?}");
        for (text, means) in [
            ("", "empty"),
            ("plan: x\n", "unknown key"),
            ("waive: yes\n", "must be a mapping"),
            ("waive: [\n", ""),
            (&*GOOD.replace('1', "0"), "no hash of a plan"),
            (&*GOOD.replace("agreed", "' '"), "`reason` is empty"),
            (&*GOOD.replace("class: defaults", "class: []"), "empty list"),
            (&*format!("{GOOD}  class: opt-in\n"), "twice"),
        ] {
            let told = told(text);
            assert!(told.iter().any(|(.., message)| message.contains(means)), "{text}: {told:?}");
        }
        assert!(parse_waiver(b"waive: \xff").is_err());
    }
}
