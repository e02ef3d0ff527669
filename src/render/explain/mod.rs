//! Renders what decides for one person, as text, Markdown and JSON.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use super::agreed;
use super::inert::{code, quoted};
use super::markdown::{Comment, row};
use super::number::{list, moment};
use super::page::{Line, Page};
use super::style::Meaning;
use super::words::Quote;
use super::{Look, change, json, licensing, waves, who, words};
use crate::model::{By, Entry, Found, Kind, ServicePlan, Setting, Tried, Value};
use crate::plan::explain::{Agreed, Barred, Decision, Explanation, LicenceLine, SettingExplanation, Waits};

/// Is how wide the column of labels is.
const LABELS: usize = 10;

/// Writes an explanation as text.
pub fn text(out: &mut dyn Write, explanation: &Explanation, look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    page.line(
        0,
        &Line::default()
            .with(Meaning::Heading, quoted(&explanation.upn))
            .with(Meaning::Quiet, format!(" ({})", explanation.id)),
    )?;
    facts(&mut page, person(explanation, quoted))?;
    for setting in &explanation.settings {
        page.blank()?;
        let meaning = match setting.decision {
            Decision::Set { .. } => Meaning::Changed,
            Decision::Leave(_) => Meaning::Quiet,
        };
        page.line(
            0,
            &Line::default()
                .with(Meaning::Heading, setting.setting.word())
                .plain(": ")
                .with(meaning, headline(setting)),
        )?;
        facts(&mut page, about(explanation, setting, quoted))?;
    }
    Ok(())
}

fn facts(page: &mut Page<'_>, facts: Vec<Fact>) -> io::Result<()> {
    for (label, fact) in facts {
        page.hanging(2, 2 + LABELS, &Line::default().column(Meaning::Quiet, label, LABELS).plain(fact))?;
    }
    Ok(())
}

/// Writes an explanation as Markdown; names stand in code spans.
pub fn markdown(explanation: &Explanation) -> String {
    let mut comment = Comment::default();
    comment.heading(2, &format!("What decides for {}", code(&explanation.upn)));
    comment.list(
        person(explanation, code)
            .into_iter()
            .map(|(label, fact)| if label.is_empty() { fact } else { format!("{label}: {fact}") }),
    );
    for setting in &explanation.settings {
        comment.heading(3, &format!("{}: {}", setting.setting, headline(setting)));
        let rows: String =
            about(explanation, setting, code).iter().map(|(label, fact)| row(&[label, fact])).collect();
        comment.add(&format!("| | |\n| --- | --- |\n{rows}\n"));
    }
    comment.end()
}

/// Writes the explanation itself as JSON, indented, with a newline at its end.
pub fn json(out: &mut dyn Write, explanation: &Explanation) -> io::Result<()> {
    json::pretty(out, explanation)
}

/// Is a label and what stands behind it; lines that continue a label have an empty one.
type Fact = (&'static str, String);

fn person(explanation: &Explanation, quote: Quote) -> Vec<Fact> {
    let Explanation {
        upn: _,
        id: _,
        decides,
        groups,
        not_in_force,
        protected,
        certain,
        kind,
        enabled,
        mailbox,
        licences,
        service_plan,
        waits,
        settings: _,
        inquiry,
    } = explanation;
    let kind = match kind {
        Kind::Member => "member",
        Kind::Guest => "guest",
    };
    let enabled = if *enabled { "enabled" } else { "disabled" };
    let mailbox = if *mailbox { "with a mailbox" } else { "without a mailbox" };
    let mut facts = vec![
        ("account", format!("{kind}, {enabled}, {mailbox}")),
        ("groups", deciding(decides.as_deref(), waits.as_ref(), [groups, not_in_force], quote)),
    ];
    if let Some(waits) = waits {
        facts.push(("waits", waves::waits(waits, quote)));
    }
    if !certain {
        let why = "not certain: something that comes before could not be read, so nothing is done";
        facts.push(("", why.to_owned()));
    }
    if *protected {
        facts.push(("guards", "protected, so no group's rule reaches this person".to_owned()));
    }
    for (index, licence) in licences.iter().enumerate() {
        let label = if index == 0 { "licences" } else { "" };
        facts.push((label, carries(licence, quote)));
    }
    let plan = match service_plan {
        None => "no licence carries personal insights",
        Some(ServicePlan::Assigned) => "assigned",
        Some(ServicePlan::Partial) => "partial: some of it is on, but no licence has all of it on",
        Some(ServicePlan::Removed) => "removed: every licence that could carry it has it switched off",
    };
    facts.push(("plan", plan.to_owned()));
    facts.extend(inquiry.as_ref().map(|inquiry| ("asked", who::inquiry(inquiry, quote))));
    facts
}

/// Says which group decides, or is waited for, and which others name the person: those that hold before those that do not.
fn deciding(
    decides: Option<&str>,
    waits: Option<&Waits>,
    [in_force, not_in_force]: [&[Arc<str>]; 2],
    quote: Quote,
) -> String {
    let first = decides.or(waits.map(|waits| &*waits.group));
    let others = |groups: &[Arc<str>]| -> Vec<String> {
        groups.iter().filter(|group| Some(&***group) != first).map(|group| quote(group)).collect()
    };
    let (holding, idle) = (others(in_force), others(not_in_force));
    let mut told = match (decides, waits) {
        (Some(group), _) if holding.is_empty() => format!("{} decides", quote(group)),
        (Some(group), _) => format!("{} decides, since it comes first", quote(group)),
        (None, Some(Waits { group, time_zone: _, wave: Some(wave) })) => {
            format!("{} waits for the wave {}", quote(group), quote(&wave.name))
        }
        (None, Some(Waits { group, time_zone: _, wave: None })) => {
            format!("{} names this person, and takes in others", quote(group))
        }
        (None, None) if holding.is_empty() && idle.is_empty() => {
            return "no group of the manifest names this person".to_owned();
        }
        (None, None) => "no group decides".to_owned(),
    };
    let too = if first.is_some() { " too" } else { "" };
    let name = |groups: &[String]| {
        let verb = if groups.len() == 1 { "names" } else { "name" };
        format!("; {} {verb} this person{too}", list(groups))
    };
    if holding.is_empty() && idle.is_empty() {
        told.push_str("; no other group names this person");
    }
    if !holding.is_empty() {
        told.push_str(&name(&holding));
    }
    if !idle.is_empty() {
        let verb = if idle.len() == 1 { "is" } else { "are" };
        write!(told, "{}, and {verb} not in force for them", name(&idle))
            .expect("writing to a string cannot fail");
    }
    told
}

fn carries(licence: &LicenceLine, quote: Quote) -> String {
    let LicenceLine { sku, by_group, on } = licence;
    let from = match by_group {
        Some(group) => format!("handed down by {}", quote(group)),
        None => "assigned directly".to_owned(),
    };
    let state = if *on { "personal insights on" } else { "personal insights off, wholly or in part" };
    format!("{}, {from}: {state}", quote(sku))
}

fn headline(setting: &SettingExplanation) -> String {
    match setting.decision {
        Decision::Set { to, because: _ } if setting.have == Some(to) => format!("stays {to}, and is written"),
        Decision::Set { to, because: _ } => format!("{} → {to}", change::value(setting.have)),
        Decision::Leave(_) if setting.want.is_none() => "not managed by the manifest".to_owned(),
        Decision::Leave(_) => "left alone".to_owned(),
    }
}

fn about(explanation: &Explanation, explained: &SettingExplanation, quote: Quote) -> Vec<Fact> {
    let SettingExplanation {
        setting,
        want,
        have,
        default,
        default_after,
        entry,
        returned,
        accepted,
        re_opt_in,
        through,
        barred,
        row,
        by,
        decision,
    } = explained;
    let mut facts = Vec::new();
    if let Some(want) = want {
        facts.push(("want", want.to_string()));
    }
    facts.push(("have", has(*setting, *have, explanation.service_plan)));
    match (default, default_after) {
        (Some(now), Some(after)) if now != after => {
            facts.push(("default", format!("{now} now, {after} after this plan")));
        }
        (Some(now), _) => facts.push(("default", now.to_string())),
        (None, Some(after)) => facts.push(("default", format!("unknown now, {after} after this plan"))),
        (None, None) => {}
    }
    if want.is_none() && entry.is_none() {
        // Nobody asks for anything, and nothing was ever written: what they have is all there is to tell.
        return facts;
    }
    facts.push(("ledger", entry.as_ref().map_or_else(|| "nothing is remembered".to_owned(), remembered)));
    if !returned.is_empty() {
        facts.push(("history", format!("it {} after it had been written", agreed::came_back(returned))));
    }
    facts.extend(by.as_deref().map(|by| ("changed", who::attribution(by, quote))));
    let agreed =
        |Agreed { reason, until }: &Agreed| format!("until {}: {}", agreed::until(*until), quote(reason));
    if let Some(accepted) = accepted {
        facts.push(("accepted", agreed(accepted)));
    }
    if let Some(rule) = re_opt_in {
        let whom = "whoever had opted out before it was first applied, once";
        facts.push(("re-opt-in", format!("{whom}, {}", agreed(rule))));
    }
    if let Some(number) = row
        && let Some(sentence) = words::row(*number)
    {
        facts.push(("row", format!("{number} of the verdict table: {sentence}")));
    }
    facts.push(match decision {
        Decision::Set { to, because } => (
            "so",
            format!("{to} is written ({}): {}", words::because_word(*because), words::because(*because)),
        ),
        Decision::Leave(reason) => {
            ("so", format!("nothing is done ({}): {}", words::reason_word(*reason), words::reason(*reason)))
        }
    });
    for group in through {
        facts.push(("through", format!("the licence of {}, for all of its members", quote(group))));
    }
    for Barred { group, barrier } in barred {
        let removal = *want == Some(Value::REMOVED);
        facts.push(("group", format!("{}: {}", quote(group), licensing::against(barrier, removal, quote))));
    }
    facts.push(("undo", who_can_undo(*setting, explanation.service_plan).to_owned()));
    facts
}

fn has(setting: Setting, have: Option<Value>, plan: Option<ServicePlan>) -> String {
    match (have, setting, plan) {
        (Some(have), _, _) => have.to_string(),
        (None, Setting::ServicePlan, None) => "nothing, since no licence carries it".to_owned(),
        (None, _, _) => "unknown".to_owned(),
    }
}

/// Says what the ledger remembers of a setting.
fn remembered(entry: &Entry) -> String {
    let Entry {
        value,
        by,
        default_then,
        at,
        confirmed,
        stored,
        chosen,
        released,
        retried,
        by_group,
        recorded,
        rolled_back,
        found,
        tried,
    } = entry;
    let when = moment(*at);
    let mut parts = match by {
        By::Us => vec![format!("{value}, written {when}")],
        By::Seen => vec![format!("{value}, seen {when}")],
    };
    match by {
        By::Us if *confirmed => parts.push("read back".to_owned()),
        By::Us => parts.push("not read back yet".to_owned()),
        By::Seen => {}
    }
    if *stored {
        parts.push("surely stored, since the default differed".to_owned());
    }
    if let Some(default) = default_then {
        parts.push(format!("the default was {default} then"));
    }
    if *chosen {
        parts.push("chosen by somebody else".to_owned());
    }
    if *retried {
        parts.push("sent a second time".to_owned());
    }
    if *by_group {
        parts.push("by changing a licensing group".to_owned());
    }
    if *recorded {
        parts.push("by a script, as was recorded".to_owned());
    }
    if rolled_back.is_some() {
        parts.push("by undoing a run".to_owned());
    }
    if *released {
        parts.push("released since".to_owned());
    }
    if let Some(Found { value, chosen }) = found {
        let how = if *chosen { "chosen" } else { "following the default" };
        parts.push(format!("before the first write it was {value}, {how}"));
    }
    if let Some(Tried { value, at }) = tried {
        parts.push(format!("{value} was sent {} without an answer", moment(*at)));
    }
    parts.join("; ")
}

/// Says who can undo a value.
fn who_can_undo(setting: Setting, plan: Option<ServicePlan>) -> &'static str {
    match (setting, plan) {
        (Setting::ServicePlan, _) => "only an administrator",
        (
            Setting::Mode | Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn,
            Some(ServicePlan::Assigned | ServicePlan::Partial),
        ) => "the person, at any time",
        (
            Setting::Mode | Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn,
            None | Some(ServicePlan::Removed),
        ) => "only an administrator, since the person has no personal insights to set it in",
    }
}

#[cfg(test)]
mod tests;
