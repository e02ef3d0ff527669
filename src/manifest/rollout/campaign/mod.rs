//! Reads what people do beside the settings.
//!
//! `events` reads what happens on days, `message` what people are told then, and `words` single words of both.

mod events;
mod message;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Around;
use super::words::percent;
use crate::manifest::fields::{Fields, fields, items, text};
use crate::manifest::problem::Reporter;
use crate::manifest::syntax::{Located, Node};
use crate::manifest::words::switch;
use crate::model::Switch;
use crate::model::rollout::{Campaign, Check, Goals, Owner, Role};

/// Begins a name that is still to be filled in, as `init --pilot` writes it.
pub(in crate::manifest) const TO_DO: &str = "TODO";

/// Reads `owners`, `checklist`, `goals`, `surveys`, `training` and `milestones`.
pub(super) fn campaign(fields: &Fields<'_>, around: Around<'_>, report: &mut Reporter<'_>) -> Campaign {
    let (owners, mentioned) = fields.get("owners").map(|node| owners(node, report)).unwrap_or_default();
    // The first wave waits for nobody, so what is still to be done does not keep it.
    let let_pass = around.waves.first().is_some_and(|(wave, _)| wave.approved != Some(false));
    let checklist =
        fields.get("checklist").map(|node| checklist(node, let_pass, &mentioned, report)).unwrap_or_default();
    let goals = fields.get("goals").map(|node| goals(node, report)).unwrap_or_default();
    let training = fields.get("training").and_then(|node| words::link(node, "`training`", report));
    let surveys = fields.get("surveys").map(|node| events::surveys(node, around, report)).unwrap_or_default();
    let told = message::Told {
        mentioned: &mentioned,
        surveys: &surveys,
        training: training.is_some(),
        wave: None,
        day: None,
    };
    let milestones = fields
        .get("milestones")
        .map(|node| events::milestones(node, told, around, report))
        .unwrap_or_default();
    Campaign { owners, checklist, goals, surveys, training, milestones }
}

/// Reads who has which role, and which roles are mentioned at all: nobody is told twice that a name is missing.
fn owners(node: &Located<Node>, report: &mut Reporter<'_>) -> (BTreeMap<Role, Owner>, BTreeSet<Role>) {
    let (mut owners, mut mentioned) = (BTreeMap::new(), BTreeSet::new());
    let Some(found) = fields(node, "`owners`", &Role::ALL.map(Role::word), report) else {
        return (owners, mentioned);
    };
    for role in Role::ALL {
        let Some(node) = found.get(role.word()) else { continue };
        mentioned.insert(role);
        let Some(name) = text(node, &format!("`{}`", role.word()), report) else { continue };
        if name.starts_with(TO_DO) {
            report
                .warning(node.at, format!("nobody is named as {} yet", role.word()))
                .hint("write a name or an address; messages may speak of them");
            continue;
        }
        if name.len() > 200 || name.contains(char::is_control) {
            report.error(node.at, "a name is one line of at most 200 bytes");
            continue;
        }
        owners.insert(role, Owner(name.into()));
    }
    (owners, mentioned)
}

fn checklist(
    node: &Located<Node>,
    let_pass: bool,
    mentioned: &BTreeSet<Role>,
    report: &mut Reporter<'_>,
) -> Vec<Check> {
    const KEYS: [&str; 4] = ["what", "owner", "done", "evidence"];
    let mut checks = Vec::new();
    for item in items(node, "`checklist`", report).unwrap_or_default() {
        let Some(fields) = fields(item, "a check", &KEYS, report) else { continue };
        if fields.get("what").is_none() {
            report.error(fields.at, "this check does not say what is to be done").hint("add `what:`");
        }
        let what = fields.get("what").and_then(|node| words::line(node, "`what`", report));
        let owner = fields.get("owner").and_then(|node| words::owner(node, mentioned, report));
        let done = fields.get("done").and_then(|node| switch(node, "`done`", report));
        let evidence = fields.get("evidence").and_then(|node| words::link(node, "`evidence`", report));
        let done = done == Some(Switch::On);
        if done && fields.get("evidence").is_none() {
            report
                .warning(fields.key("done"), "this is done, and nothing shows it")
                .hint("add `evidence:` with a link, for whoever reviews this");
        }
        if what.is_some() && !done && let_pass {
            report
                .note(item.at, "this is still to be done, and nothing holds the first wave")
                .hint("say `done: true` with its `evidence:`, or hold the wave with `approved: false`");
        }
        checks.extend(what.map(|what| Check { what: Arc::from(what), owner, done, evidence }));
    }
    checks
}

fn goals(node: &Located<Node>, report: &mut Reporter<'_>) -> Goals {
    let Some(fields) = fields(node, "`goals`", &["opted-in", "opted-out-at-most"], report) else {
        return Goals::default();
    };
    let mut share =
        |word: &str| fields.get(word).and_then(|node| percent(node, &format!("`{word}`"), report));
    Goals { opted_in: share("opted-in"), opted_out_at_most: share("opted-out-at-most") }
}
