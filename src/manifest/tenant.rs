//! Reads what concerns the tenant as a whole: which one, its defaults, the guards, and patience.

use std::collections::BTreeMap;

use super::fields::{fields, text};
use super::group::{digest, names_everyone};
use super::members::Reader;
use super::people::{self, Rule};
use super::problem::{At, Reporter, quoted};
use super::syntax::{Located, Node};
use super::words;
use crate::model::{Class, Cloud, Limit, Settle, TenantId, TenantSetting, Value};

/// Reads `tenant`.
pub(super) fn tenant(node: &Located<Node>, report: &mut Reporter<'_>) -> (Option<TenantId>, Option<String>) {
    if node.value == Node::Null {
        return (None, None);
    }
    let Some(fields) = fields(node, "`tenant`", &["id", "name"], report) else { return (None, None) };
    let name = fields.get("name").and_then(|node| text(node, "`name`", report)).map(str::to_owned);
    let Some(node) = fields.get("id") else {
        report.error(fields.at, "`tenant` has no `id`").hint(
            "add the directory id, so that a token for another tenant is refused; the Entra admin centre shows it",
        );
        return (None, name);
    };
    let id = text(node, "`id`", report).and_then(|typed| {
        let id = people::id(typed);
        if id.is_some_and(|id| id.is_nil()) {
            report
                .error(node.at, "this tenant id is a placeholder")
                .hint("fill in your own; the Entra admin centre shows it");
            return None;
        }
        if id.is_none() {
            report.error(node.at, format!("{} is no tenant id", quoted(typed))).hint(
                "it is a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301; the Entra admin centre shows it",
            );
        }
        id
    });
    (id.map(TenantId), name)
}

/// Reads `cloud`.
pub(super) fn cloud(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Cloud> {
    let words = Cloud::ALL.map(|cloud| (cloud.word(), cloud));
    let cloud = words::word(node, "`cloud`", &words, report)?;
    if !cloud.offers_insights() {
        report
            .warning(node.at, format!("Microsoft does not offer personal insights in the cloud `{cloud}`"))
            .hint("it does worldwide and in GCC; settings may be refused here, or change nothing");
    }
    Some(cloud)
}

/// Is the defaults with their places; `None` for one whose value is wrong, of which enough has been said.
pub(super) type Defaults = BTreeMap<TenantSetting, (Option<Value>, At)>;

/// Reads `defaults`.
pub(super) fn defaults(node: &Located<Node>, report: &mut Reporter<'_>) -> Defaults {
    const WORDS: [&str; 5] =
        ["dashboard", "digest-email", "outlook-add-in", "schedule-send", "meeting-survey"];
    let mut defaults = BTreeMap::new();
    if node.value == Node::Null {
        return defaults;
    }
    let Some(fields) = fields(node, "`defaults`", &WORDS, report) else { return defaults };
    for setting in TenantSetting::ALL {
        let Some(node) = fields.get(setting.word()) else { continue };
        if setting == TenantSetting::MeetingSurvey && matches!(node.value, Node::Map(_)) {
            survey(node, &mut defaults, report);
        } else {
            let on = words::switch(node, &format!("`{setting}`"), report);
            defaults.insert(setting, (on.map(Value::Switch), node.at));
        }
    }
    if let Some((Some(Value::ON), at)) = defaults.get(&TenantSetting::DigestEmail) {
        digest(*at, report);
    }
    defaults
}

fn survey(node: &Located<Node>, defaults: &mut Defaults, report: &mut Reporter<'_>) {
    let Some(fields) = fields(node, "`meeting-survey`", &["enabled", "sampling-rate"], report) else {
        return;
    };
    if matches!(&node.value, Node::Map(entries) if entries.is_empty()) {
        report.error(node.at, "`meeting-survey` is empty").hint("write `on`, `off` or `{ enabled: on }`");
    }
    if let Some(node) = fields.get("enabled") {
        let on = words::switch(node, "`enabled`", report);
        defaults.insert(TenantSetting::MeetingSurvey, (on.map(Value::Switch), node.at));
    }
    if let Some(node) = fields.get("sampling-rate") {
        defaults.insert(TenantSetting::SurveySamplingRate, (words::rate(node, report), node.at));
    }
}

/// Reads `guards`: the protected people and the limits.
pub(super) fn guards(
    node: &Located<Node>,
    reader: &mut Reader<'_>,
    report: &mut Reporter<'_>,
) -> (Vec<Rule>, BTreeMap<Class, Limit>) {
    if node.value == Node::Null {
        return (Vec::new(), BTreeMap::new());
    }
    let Some(fields) = fields(node, "`guards`", &["protected", "limits"], report) else {
        return (Vec::new(), BTreeMap::new());
    };
    let protected =
        fields.get("protected").map(|node| reader.rules(node, "`protected`", report)).unwrap_or_default();
    if let Some(everyone) = names_everyone(&protected) {
        report.warning(everyone.at, "everyone is protected, so that no group changes anybody");
    }
    let limits = fields.get("limits").map(|node| limits(node, report)).unwrap_or_default();
    (protected, limits)
}

fn limits(node: &Located<Node>, report: &mut Reporter<'_>) -> BTreeMap<Class, Limit> {
    let mut limits = BTreeMap::new();
    if node.value == Node::Null {
        return limits;
    }
    let words = Class::ALL.map(Class::word);
    let Some(classes) = fields(node, "`limits`", &words, report) else { return limits };
    for class in Class::ALL {
        let Some(node) = classes.get(class.word()).filter(|node| node.value != Node::Null) else { continue };
        let what = format!("`{class}`");
        let Some(fields) = fields(node, &what, &["percent", "people"], report) else { continue };
        let mut limit = class.default_limit();
        if let Some(percent) =
            fields.get("percent").and_then(|node| words::whole(node, "`percent`", 100, report))
        {
            limit.percent = u32::try_from(percent).unwrap_or(100);
        }
        if let Some(people) =
            fields.get("people").and_then(|node| words::whole(node, "`people`", u64::from(u32::MAX), report))
        {
            limit.people = people;
        }
        if matches!(&node.value, Node::Map(entries) if entries.is_empty()) {
            report.error(node.at, format!("{what} is empty")).hint("write `percent`, `people` or both");
        }
        limits.insert(class, limit);
    }
    limits
}

/// Reads `licences`: whether the licence of a group may change where all of its members want the same.
pub(super) fn licences(node: &Located<Node>, report: &mut Reporter<'_>) -> bool {
    if node.value == Node::Null {
        return false;
    }
    let Some(fields) = fields(node, "`licences`", &["through-groups"], report) else { return false };
    if matches!(&node.value, Node::Map(entries) if entries.is_empty()) {
        report.error(node.at, "`licences` is empty").hint("write `through-groups: true`, or remove the key");
    }
    let through = fields.get("through-groups");
    let switch = through.and_then(|node| words::switch(node, "`through-groups`", report));
    switch.is_some_and(bool::from)
}

/// Reads `settle`.
pub(super) fn settle(node: &Located<Node>, report: &mut Reporter<'_>) -> Settle {
    let mut settle = Settle::default();
    if node.value == Node::Null {
        return settle;
    }
    let Some(fields) =
        fields(node, "`settle`", &["person", "defaults", "service-plan", "licensing-group"], report)
    else {
        return settle;
    };
    let targets = [
        ("person", &mut settle.person),
        ("defaults", &mut settle.defaults),
        ("service-plan", &mut settle.service_plan),
        ("licensing-group", &mut settle.licensing_group),
    ];
    for (word, span) in targets {
        if let Some(read) =
            fields.get(word).and_then(|node| words::duration(node, &format!("`{word}`"), report))
        {
            *span = read;
        }
    }
    settle
}
