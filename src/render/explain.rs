//! Renders what decides for one person, as text, Markdown and JSON.

use std::io::{self, Write};

use super::inert::{code, quoted};
use super::markdown::{Comment, row};
use super::number::{list, moment};
use super::page::{Line, Page};
use super::style::Meaning;
use super::words::Quote;
use super::{Look, json, words};
use crate::model::{By, Entry, Found, Kind, ServicePlan, Setting, Tried, Value};
use crate::plan::explain::{Decision, Explanation, LicenceLine, SettingExplanation};

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
        facts(&mut page, about(explanation, setting))?;
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
            about(explanation, setting).iter().map(|(label, fact)| row(&[label, fact])).collect();
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
        groups,
        protected,
        certain,
        kind,
        enabled,
        mailbox,
        licences,
        service_plan,
        settings: _,
    } = explanation;
    let kind = match kind {
        Kind::Member => "member",
        Kind::Guest => "guest",
    };
    let enabled = if *enabled { "enabled" } else { "disabled" };
    let mailbox = if *mailbox { "with a mailbox" } else { "without a mailbox" };
    let mut facts =
        vec![("account", format!("{kind}, {enabled}, {mailbox}")), ("groups", decides(groups, quote))];
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
    facts
}

fn decides(groups: &[std::sync::Arc<str>], quote: Quote) -> String {
    match groups {
        [] => "no group of the manifest names this person".to_owned(),
        [only] => format!("{} decides; no other group names this person", quote(only)),
        [first, others @ ..] => {
            let verb = if others.len() == 1 { "names" } else { "name" };
            let others: Vec<_> = others.iter().map(|group| quote(group)).collect();
            format!(
                "{} decides, since it comes first; {} {verb} this person too",
                quote(first),
                list(&others)
            )
        }
    }
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
        Decision::Set { to, because: _ } => format!("{} → {to}", words::value(setting.have)),
        Decision::Leave(_) => "left alone".to_owned(),
    }
}

fn about(explanation: &Explanation, explained: &SettingExplanation) -> Vec<Fact> {
    let SettingExplanation { setting, want, have, default, default_after, entry, row, decision } = explained;
    let mut facts = vec![
        ("want", want.map_or_else(|| "not managed by the manifest".to_owned(), |want| want.to_string())),
        ("have", has(*setting, *have, explanation.service_plan)),
    ];
    match (default, default_after) {
        (Some(now), Some(after)) if now != after => {
            facts.push(("default", format!("{now} now, {after} after this plan")));
        }
        (Some(now), _) => facts.push(("default", now.to_string())),
        (None, Some(after)) => facts.push(("default", format!("unknown now, {after} after this plan"))),
        (None, None) => {}
    }
    facts.push(("ledger", entry.as_ref().map_or_else(|| "nothing is remembered".to_owned(), remembered)));
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
    let Entry { value, by, default_then, at, confirmed, stored, chosen, released, retried, found, tried } =
        entry;
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
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::{Because, Reason};
    use crate::render::inert::acts;
    use crate::render::sample::{HOSTILE, at, id};

    fn explanation() -> Explanation {
        let mut written = Entry::seen(Value::ON, Some(Value::ON), false, at("2026-11-02T08:00:00Z"));
        written.by = By::Us;
        written.confirmed = true;
        written.found = Some(Found { value: Value::OFF, chosen: true });
        Explanation {
            upn: Arc::from("ada@contoso.com"),
            id: id(0xada),
            groups: vec![Arc::from("pilot"), Arc::from("sales"), Arc::from("everyone")],
            protected: false,
            certain: true,
            kind: Kind::Member,
            enabled: true,
            mailbox: true,
            licences: vec![
                LicenceLine { sku: Arc::from("SPE_E5"), by_group: None, on: true },
                LicenceLine {
                    sku: Arc::from("ENTERPRISEPACK"),
                    by_group: Some(Arc::from("All staff")),
                    on: false,
                },
            ],
            service_plan: Some(ServicePlan::Assigned),
            settings: vec![
                SettingExplanation {
                    setting: Setting::Mode,
                    want: Some(Value::OPT_IN),
                    have: Some(Value::OPT_OUT),
                    default: Some(Value::OPT_IN),
                    default_after: Some(Value::OPT_IN),
                    entry: Some(Entry::seen(
                        Value::OPT_OUT,
                        Some(Value::OPT_IN),
                        true,
                        at("2026-11-01T10:30:00Z"),
                    )),
                    row: Some(12),
                    decision: Decision::Leave(Reason::ConsentFloor),
                },
                SettingExplanation {
                    setting: Setting::Dashboard,
                    want: Some(Value::ON),
                    have: Some(Value::ON),
                    default: Some(Value::ON),
                    default_after: Some(Value::OFF),
                    entry: Some(written),
                    row: Some(7),
                    decision: Decision::Set { to: Value::ON, because: Because::Pinned },
                },
                SettingExplanation {
                    setting: Setting::ServicePlan,
                    want: None,
                    have: Some(Value::ASSIGNED),
                    default: None,
                    default_after: None,
                    entry: None,
                    row: None,
                    decision: Decision::Leave(Reason::Released),
                },
            ],
        }
    }

    fn shown(explanation: &Explanation) -> String {
        let mut out = Vec::new();
        text(&mut out, explanation, Look::default()).expect("memory");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn everything_that_decides_is_told() {
        insta::assert_snapshot!(shown(&explanation()), @r"
        ada@contoso.com (00000000-0000-0000-0000-000000000ada)
          account   member, enabled, with a mailbox
          groups    pilot decides, since it comes first; sales and everyone name this
                    person too
          licences  SPE_E5, assigned directly: personal insights on
                    ENTERPRISEPACK, handed down by All staff: personal insights off,
                    wholly or in part
          plan      assigned

        mode: left alone
          want      opt-in
          have      opt-out
          default   opt-in
          ledger    opt-out, seen 2026-11-01 10:30 UTC; the default was opt-in then;
                    chosen by somebody else
          row       12 of the verdict table: somebody else decided so
          so        nothing is done (consent-floor): somebody opted out, and nobody is
                    opted in against that
          undo      the person, at any time

        dashboard: stays on, and is written
          want      on
          have      on
          default   on now, off after this plan
          ledger    on, written 2026-11-02 08:00 UTC; read back; the default was on
                    then; before the first write it was off, chosen
          row       7 of the verdict table: it is as wanted only because of a default
                    that this plan changes
          so        on is written (pinned): equals the default today and would not after
                    this plan, so it is written to outlive it
          undo      the person, at any time

        service-plan: left alone
          want      not managed by the manifest
          have      assigned
          ledger    nothing is remembered
          so        nothing is done (released): the manifest does not ask for it
          undo      only an administrator
    ");
    }

    #[test]
    fn without_personal_insights_only_an_administrator_can_undo() {
        let mut unlicensed = explanation();
        unlicensed.service_plan = None;
        assert!(!shown(&unlicensed).contains("the person, at any time"));
        assert!(shown(&explanation()).contains("the person, at any time"));
    }

    #[test]
    fn in_markdown_each_setting_is_a_table() {
        let markdown = markdown(&explanation());
        assert!(markdown.contains("## What decides for `ada@contoso.com`\n"), "{markdown}");
        assert!(markdown.contains("### dashboard: stays on, and is written\n"), "{markdown}");
        assert!(markdown.contains("| default | on now, off after this plan |\n"), "{markdown}");
    }

    #[test]
    fn hostile_names_are_inert() {
        let mut hostile = explanation();
        hostile.upn = Arc::from(HOSTILE);
        hostile.groups = vec![Arc::from(HOSTILE), Arc::from(HOSTILE)];
        hostile.licences[1].by_group = Some(Arc::from(HOSTILE));
        let mut bytes = Vec::new();
        json(&mut bytes, &hostile).expect("memory");
        let json = String::from_utf8(bytes).expect("UTF-8");
        for text in [shown(&hostile), markdown(&hostile), json] {
            assert!(!text.contains(|c: char| c != '\n' && acts(c)), "{text:?}");
        }
    }
}
