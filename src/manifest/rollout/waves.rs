//! Reads `waves`.

use std::collections::BTreeMap;

use super::{Around, order, words};
use crate::manifest::fields::{Fields, fields, items, text};
use crate::manifest::group::Group;
use crate::manifest::problem::{At, Reporter, meant, one_of, quoted};
use crate::manifest::syntax::{Located, Node};
use crate::manifest::words::{switch, word};
use crate::model::Switch;
use crate::model::rollout::{Conditions, Percent, Then, Wave};

const KEYS: [&str; 9] =
    ["name", "groups", "starts", "runs-for", "then", "after", "approved", "canary", "when"];

/// Is one wave as the manifest declares it, with the places that a check may point at.
#[derive(Debug)]
pub(super) struct Read<'n> {
    pub(super) wave: Wave,
    /// Where its name stands.
    pub(super) at: At,
    /// The name of the wave that it comes after, which may stand further below.
    after: Option<&'n Located<Node>>,
    /// Where `runs-for`, or else the name, stands.
    pub(super) runs_for: At,
    /// Where `starts`, or else the name, stands.
    pub(super) starts: At,
    /// Where `canary`, or else the name, stands.
    pub(super) canary: At,
    /// Where each of its groups is named.
    pub(super) groups: Vec<At>,
}

/// Reads the list; each wave with the place of its name.
pub(super) fn waves(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Vec<(Wave, At)> {
    let mut list = Vec::new();
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for item in items(node, "`waves`", report).unwrap_or_default() {
        let Some(read) = wave(item, around, report) else { continue };
        let name = read.wave.name.to_lowercase();
        if let Some(line) = names.get(&name).filter(|_| !name.is_empty()) {
            let hint = format!("the first is on line {line}; the ledger remembers waves by their name");
            report.error(read.at, format!("two waves are called {}", quoted(&read.wave.name))).hint(hint);
        }
        names.entry(name).or_insert(read.at.line);
        list.push(read);
    }
    // A wave may come after one that stands further below, so names are looked up once all are known.
    let known: Vec<(Wave, At)> = list.iter().map(|read| (read.wave.clone(), read.at)).collect();
    let around = Around { waves: &known, ..around };
    for read in &mut list {
        read.wave.after = read.after.and_then(|node| words::wave(node, around, report));
    }
    order::check(&list, around, report);
    list.into_iter().map(|read| (read.wave, read.at)).collect()
}

fn wave<'n>(item: &'n Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Option<Read<'n>> {
    let fields = fields(item, "a wave", &KEYS, report)?;
    let name = fields.get("name").and_then(|node| text(node, "`name`", report));
    let at = fields.get("name").map_or(fields.at, |node| node.at);
    if fields.get("name").is_none() {
        report.error(fields.at, "this wave has no name").hint("add `name:`; the ledger remembers it by that");
    }
    if name.is_some_and(|name| name.len() > 100 || name.contains(char::is_control)) {
        report.error(at, "a name is one line of at most 100 bytes");
    }
    if fields.get("groups").is_none() {
        report
            .error(at, "this wave has no groups")
            .hint("add `groups:` with a list of names, such as `[ pilot ]`");
    }
    let groups = fields.get("groups").map(|node| groups(node, around, report)).unwrap_or_default();
    let after = fields.get("after");
    if after.is_none() && fields.get("starts").is_none() {
        report
            .error(at, "nothing says when this wave begins")
            .hint("add `starts:` with a day, or `after:` with the wave that it comes after");
    }
    if after.is_none() && fields.get("when").is_some() {
        report
            .error(fields.key("when"), "`when` asks about the wave before, and there is none")
            .hint("add `after:` with the name of that wave");
    }
    let place = |key| fields.get(key).map_or(at, |node| node.at);
    let wave = Wave {
        name: name.unwrap_or_default().into(),
        groups: groups.iter().map(|(group, _)| *group).collect(),
        starts: fields.get("starts").and_then(|node| words::beginning(node, "`starts`", around, report)),
        runs_for: fields.get("runs-for").and_then(|node| runs_for(node, report)),
        after: None,
        approved: fields
            .get("approved")
            .and_then(|node| switch(node, "`approved`", report))
            .map(|it| it == Switch::On),
        canary: fields.get("canary").and_then(|node| canary(node, report)).unwrap_or(Percent::ALL),
        when: fields.get("when").map(|node| conditions(node, report)).unwrap_or_default(),
        then: fields.get("then").and_then(|node| then(node, report)).unwrap_or_default(),
    };
    let (runs_for, starts, canary) = (place("runs-for"), place("starts"), place("canary"));
    let groups = groups.into_iter().map(|(_, at)| at).collect();
    Some(Read { wave, at, after, runs_for, starts, canary, groups })
}

/// Reads the names of groups, and gives their indices and places.
fn groups(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Vec<(u32, At)> {
    let mut found: Vec<(u32, At)> = Vec::new();
    for item in items(node, "`groups`", report).unwrap_or_default() {
        let Some(typed) = text(item, "a group", report) else { continue };
        let group = (0..).zip(around.groups).find(|(_, group)| *group.name == *typed);
        match group {
            Some((index, _)) if found.iter().any(|(earlier, _)| *earlier == index) => {
                report.error(item.at, format!("{} stands in this wave twice", quoted(typed)));
            }
            Some((index, _)) => found.push((index, item.at)),
            None => {
                let hint = unknown(typed, around.groups, report);
                report.error(item.at, format!("there is no group {}", quoted(typed))).hint(hint);
            }
        }
    }
    found
}

/// Says which group may have been meant.
fn unknown(typed: &str, groups: &[Group], report: &Reporter<'_>) -> String {
    let names = groups.iter().map(|group| &*group.name);
    let close = report.is_patient().then(|| meant(typed, names.clone())).flatten();
    match close {
        Some(name) => format!("did you mean `{name}`?"),
        None if groups.is_empty() => "this manifest has no groups".to_owned(),
        None if groups.len() <= 10 => format!("the groups are {}", one_of(&names.collect::<Vec<_>>())),
        None => "name one of the `groups` of this manifest".to_owned(),
    }
}

fn runs_for(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<u32> {
    let days = words::days(node, "`runs-for`", report)?;
    if days == 0 {
        report.error(node.at, "a wave takes at least a day").hint("remove `runs-for` if it has no end");
    }
    Some(days)
}

fn canary(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Percent> {
    let share = words::percent(node, "`canary`", report)?;
    if share.hundredths() == 0 {
        report
            .error(node.at, "a canary of 0% takes in nobody")
            .hint("write a larger share, or let the wave begin later");
    }
    Some(share)
}

fn then(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Then> {
    word(node, "`then`", &[("stay", Then::Stay), ("leave", Then::Leave)], report)
}

fn conditions(node: &Located<Node>, report: &mut Reporter<'_>) -> Conditions {
    const WORDS: [&str; 3] = ["converged", "failed-at-most", "opted-out-at-most"];
    if node.value == Node::Null {
        return Conditions::default();
    }
    let Some(fields) = fields(node, "`when`", &WORDS, report) else { return Conditions::default() };
    if matches!(&node.value, Node::Map(entries) if entries.is_empty()) {
        report.error(node.at, "`when` is empty").hint("name a condition, or remove the key");
    }
    let share = |fields: &Fields<'_>, key: &str, report: &mut Reporter<'_>| {
        fields.get(key).and_then(|node| words::percent(node, &format!("`{key}`"), report))
    };
    Conditions {
        converged: share(&fields, "converged", report),
        failed_at_most: share(&fields, "failed-at-most", report),
        opted_out_at_most: share(&fields, "opted-out-at-most", report),
    }
}
