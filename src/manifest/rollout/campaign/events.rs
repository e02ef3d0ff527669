//! Reads what happens on days: `surveys` and `milestones`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::message::{self, Told};
use super::words::{self, is_file_safe};
use crate::manifest::fields::{Fields, fields, items, text};
use crate::manifest::problem::{At, Reporter, quoted};
use crate::manifest::rollout::Around;
use crate::manifest::rollout::words::wave;
use crate::manifest::syntax::{Located, Node};
use crate::model::rollout::{Milestone, Survey};

/// Reads `surveys`.
pub(super) fn surveys(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Vec<Survey> {
    let mut surveys = Vec::new();
    let mut names = Names::default();
    for item in items(node, "`surveys`", report).unwrap_or_default() {
        let Some(fields) = fields(item, "a survey", &["name", "wave", "day", "link"], report) else {
            continue;
        };
        need(&fields, "survey", &["name", "wave", "day"], report);
        let name = fields.get("name").and_then(|node| words::line(node, "`name`", report).zip(Some(node.at)));
        if let Some((name, at)) = name {
            names.add(name, "surveys", at, report);
        }
        let wave = fields.get("wave").and_then(|node| wave(node, around, report));
        let runs_for = runs_for(wave, around);
        let day = fields.get("day").and_then(|node| words::day(node, "`day`", runs_for, report));
        let link = fields.get("link").and_then(|node| words::link(node, "`link`", report));
        if let (Some((name, _)), Some(wave), Some(day)) = (name, wave, day) {
            surveys.push(Survey { name: name.into(), wave, day, link });
        }
    }
    surveys
}

/// Reads `milestones`.
pub(super) fn milestones(
    node: &Located<Node>,
    told: Told<'_>,
    around: Around<'_>,
    report: &mut Reporter<'_>,
) -> Vec<Milestone> {
    const KEYS: [&str; 7] = ["name", "wave", "day", "until", "owner", "what", "message"];
    let mut milestones = Vec::new();
    let mut names = Names::default();
    for item in items(node, "`milestones`", report).unwrap_or_default() {
        let Some(fields) = fields(item, "a milestone", &KEYS, report) else { continue };
        need(&fields, "milestone", &["name", "wave", "day"], report);
        let name = fields.get("name").and_then(|node| name(node, &mut names, report));
        let wave = fields.get("wave").and_then(|node| wave(node, around, report));
        let runs_for = runs_for(wave, around);
        let day = fields.get("day").and_then(|node| words::day(node, "`day`", runs_for, report));
        let until_day = fields.get("until").and_then(|node| words::day(node, "`until`", runs_for, report));
        if let (Some(first), Some(last)) = (day, until_day)
            && last < first
        {
            report
                .error(fields.key("until"), format!("it ends on day {last}, before it begins on day {first}"))
                .hint("`until` is its last day");
        }
        let owner = fields.get("owner").and_then(|node| words::owner(node, told.mentioned, report));
        let what = fields.get("what").and_then(|node| words::line(node, "`what`", report));
        let spoken = Told { wave, day, ..told };
        let message = fields.get("message").and_then(|node| message::read(node, spoken, around, report));
        if let (Some(name), Some(wave), Some(day)) = (name, wave, day) {
            let what = what.map(Arc::from);
            milestones.push(Milestone { name: name.into(), wave, day, until_day, owner, what, message });
        }
    }
    milestones
}

/// Says which keys are missing.
fn need(fields: &Fields<'_>, what: &str, keys: &[&'static str], report: &mut Reporter<'_>) {
    for key in keys.iter().filter(|key| fields.get(key).is_none()) {
        let hint = match *key {
            "day" => "add `day:`, 1 being the first day of the wave and -1 the day before it".to_owned(),
            key => format!("add `{key}:`"),
        };
        report.error(fields.at, format!("this {what} has no `{key}`")).hint(hint);
    }
}

fn runs_for(wave: Option<u32>, around: Around<'_>) -> Option<u32> {
    around.waves.get(wave? as usize)?.0.runs_for
}

fn name<'n>(node: &'n Located<Node>, names: &mut Names, report: &mut Reporter<'_>) -> Option<&'n str> {
    let name = text(node, "`name`", report)?;
    if !is_file_safe(name) {
        report
            .error(node.at, format!("{} cannot be the name of a milestone", quoted(name)))
            .hint("files are called after it: use up to 64 letters from a to z, digits, `-` and `_`");
        return None;
    }
    names.add(name, "milestones", node.at, report);
    Some(name)
}

/// Remembers which names were given, and where.
#[derive(Default)]
struct Names(BTreeMap<String, u32>);

impl Names {
    fn add(&mut self, name: &str, what: &str, at: At, report: &mut Reporter<'_>) {
        match self.0.get(&name.to_lowercase()) {
            Some(line) => {
                report
                    .error(at, format!("two {what} are called {}", quoted(name)))
                    .hint(format!("the first is on line {line}"));
            }
            None => {
                self.0.insert(name.to_lowercase(), at.line);
            }
        }
    }
}
