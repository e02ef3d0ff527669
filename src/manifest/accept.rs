//! Reads `accept`: deviations that are left alone for a while.

use std::sync::Arc;

use jiff::Timestamp;

use super::fields::{Fields, fields, items};
use super::group::Group;
use super::members::Reader;
use super::people::Rule;
use super::problem::{At, Reporter, one_of};
use super::syntax::{Located, Node};
use super::words;
use crate::model::{ServicePlan, Setting, Value};

/// Is one accepted deviation as the manifest declares it.
#[derive(Clone, Debug)]
pub(super) struct Accept {
    pub(super) whom: Rule,
    pub(super) setting: Setting,
    pub(super) value: Value,
    pub(super) reason: Arc<str>,
    pub(super) until: Timestamp,
    /// Where the value stands.
    pub(super) at: At,
}

/// Lists the ways to name people here; `everyone` is none of them, since a manifest whose deviations are all accepted
/// asks for nothing.
const KINDS: [&str; 5] = ["user", "group", "csv", "filter", "licence"];
const KEYS: [&str; 10] =
    ["user", "group", "csv", "column", "filter", "licence", "setting", "value", "reason", "until"];

/// Reads the list.
pub(super) fn read(node: &Located<Node>, reader: &mut Reader<'_>, report: &mut Reporter<'_>) -> Vec<Accept> {
    let items = items(node, "`accept`", report).unwrap_or_default();
    items.iter().filter_map(|item| one(item, reader, report)).collect()
}

fn one(item: &Located<Node>, reader: &mut Reader<'_>, report: &mut Reporter<'_>) -> Option<Accept> {
    let fields = fields(item, "an accepted deviation", &KEYS, report)?;
    // Whoever wrote an unknown key has been told, and probably meant it to name somebody.
    let silent = matches!(&item.value, Node::Map(entries) if entries.len() > fields.words().count());
    let whom = reader.rule_of(&fields, "deviation", &KINDS, silent, report);
    for (word, why) in [
        ("setting", format!("write one of {}", one_of(&Setting::ALL.map(Setting::word)))),
        ("value", "write what these people may have instead, such as `value: off`".to_owned()),
        ("reason", "add `reason:`, for whoever reads this in a year".to_owned()),
        ("until", "add `until:` with a day, such as 2026-04-01; it can be moved later".to_owned()),
    ] {
        if fields.get(word).is_none() {
            report.error(fields.at, format!("this deviation has no `{word}`")).hint(why);
        }
    }
    let setting = fields.get("setting").and_then(|node| {
        words::word(node, "`setting`", &Setting::ALL.map(|setting| (setting.word(), setting)), report)
    });
    let value = setting.and_then(|setting| value(setting, &fields, report));
    let reason = fields.get("reason").and_then(|node| words::reason(node, report));
    let until = fields.get("until").and_then(|node| words::until(node, report));
    let at = fields.get("value").map_or(fields.at, |node| node.at);
    Some(Accept { whom: whom?, setting: setting?, value: value?, reason: reason?.into(), until: until?, at })
}

fn value(setting: Setting, fields: &Fields<'_>, report: &mut Reporter<'_>) -> Option<Value> {
    let node = fields.get("value")?;
    match setting {
        Setting::Mode => words::mode(node, report).map(Value::Mode),
        Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => {
            words::switch(node, &format!("`{setting}`"), report).map(Value::Switch)
        }
        // Nobody can ask for half a plan, but people do have it.
        Setting::ServicePlan => {
            let words = [
                ("assigned", ServicePlan::Assigned),
                ("partial", ServicePlan::Partial),
                ("removed", ServicePlan::Removed),
            ];
            words::word(node, "`service-plan`", &words, report).map(Value::ServicePlan)
        }
    }
}

/// Says which deviations are none, since no group asks for anything else.
pub(super) fn check(accepts: &[Accept], groups: &[Group], report: &mut Reporter<'_>) {
    for Accept { whom: _, setting, value, reason: _, until: _, at } in accepts {
        let other = |group: &Group| group.wants.get(*setting).is_some_and(|want| want != *value);
        if !groups.iter().any(other) {
            let fact = format!("no group asks for `{setting}` to be anything but `{value}`");
            report.warning(*at, fact).hint("accepting it changes nothing: remove it, or check the value");
        }
    }
}
