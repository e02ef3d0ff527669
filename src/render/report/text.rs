//! Writes a report as text: why it ended early, what became of the operations, whatever needs a look, one last line.

use std::io::{self, Write};

use super::{Tally, last_line};
use crate::apply::{Outcome, Report, Row};
use crate::plan::Target;
use crate::render::inert::{self, elide, inert};
use crate::render::number::{count, moment};
use crate::render::page::{Line, Mark, Page};
use crate::render::style::Meaning;
use crate::render::{Look, change, licensing, words};

pub(super) fn text(out: &mut dyn Write, report: &Report, look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let when = format!(" ({})", moment(report.started));
    let run = format!("Run {}", inert(&report.run));
    page.line(0, &Line::default().with(Meaning::Heading, run).with(Meaning::Quiet, when))?;
    if let Some(plan) = &report.plan {
        page.line(0, &Line::default().with(Meaning::Quiet, format!("plan {plan}")))?;
    }
    if !report.waivers.is_empty() {
        page.heading("Consented to in writing")?;
        for waiver in &report.waivers {
            page.marked(2, Mark::Consent, Line::of(words::waiver(waiver, inert::quoted)))?;
        }
    }
    if let Some(stopped) = &report.stopped {
        page.blank()?;
        let why = words::stopped(stopped, inert::quoted);
        page.line(
            0,
            &Line::default()
                .with(Meaning::Error, "The run ended before its plan did:")
                .plain(format!(" {why}.")),
        )?;
    }
    let tally = Tally::of(report);
    if !tally.rows.is_empty() {
        page.heading("What became of the operations")?;
        outcomes(&mut page, &tally)?;
        for outcome in tally.rows.keys().copied().filter(|outcome| !is_listed(*outcome)) {
            hint(&mut page, outcome)?;
        }
    }
    if !report.licensing_groups.is_empty() {
        page.heading("What became of licensing groups")?;
        for group in &report.licensing_groups {
            page.hanging(2, 4, &Line::of(format!("•\u{a0}{}", licensing::became(group, inert::quoted))))?;
        }
    }
    for outcome in Outcome::ALL {
        if is_listed(outcome) {
            listed(&mut page, report, outcome, tally.rows.get(&outcome).copied().unwrap_or(0))?;
        }
    }
    page.last(&last_line(report))
}

fn outcomes(page: &mut Page<'_>, tally: &Tally) -> io::Result<()> {
    let number_columns = tally.rows.values().map(|number| count(*number).len()).max().unwrap_or(0);
    let word_columns = tally.rows.keys().map(|outcome| outcome.word().len()).max().unwrap_or(0);
    for (outcome, number) in &tally.rows {
        let line = Line::default()
            .right(Meaning::Plain, &count(*number), number_columns)
            .plain("\u{a0}\u{a0}")
            .column(meaning(*outcome), outcome.word(), word_columns + 2);
        let hang = 2 + line.width();
        page.hanging(2, hang, &line.with(Meaning::Quiet, words::outcome(*outcome)))?;
    }
    Ok(())
}

fn meaning(outcome: Outcome) -> Meaning {
    match outcome {
        Outcome::Done => Meaning::Granted,
        Outcome::Settling | Outcome::Waiting | Outcome::Moved => Meaning::Changed,
        Outcome::Unanswered => Meaning::Unknown,
        Outcome::Failed => Meaning::Error,
        Outcome::NotBegun => Meaning::Plain,
    }
}

/// Says whether the operations of an outcome are listed, because somebody has to look at them.
pub(super) fn is_listed(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Failed | Outcome::Unanswered | Outcome::Moved | Outcome::Waiting => true,
        Outcome::Done | Outcome::Settling | Outcome::NotBegun => false,
    }
}

fn listed(page: &mut Page<'_>, report: &Report, outcome: Outcome, number: u64) -> io::Result<()> {
    if number == 0 {
        return Ok(());
    }
    let title = words::outcome(outcome);
    page.heading(&format!("{}: {title} ({})", capital(outcome.word()), count(number)))?;
    let rows = report.rows.iter().filter(|row| row.outcome == outcome);
    let shown: Vec<&Row> = rows.take(page.look.details).collect();
    let longest = shown.iter().map(|row| inert::width(&inert(who(row)))).max().unwrap_or(0);
    let columns = longest.min(page.look.width / 2 - 2).max(12);
    for row in &shown {
        let name = inert(who(row));
        let line = Line::default()
            .column(Meaning::Plain, &elide(&name, columns), columns + 2)
            .plain(change::change(setting(row), &row.operation));
        page.hanging(2, columns + 4, &line)?;
        if let Some(message) = message(row, inert::quoted) {
            page.hanging(6, 6, &Line::of(message))?;
        }
    }
    if number > shown.len() as u64 {
        let more = count(number - shown.len() as u64);
        let line = format!("… and {more} more (--verbose shows all; --format csv lists everything)");
        page.line(2, &Line::default().with(Meaning::Quiet, line))?;
    }
    hint(page, outcome)
}

fn hint(page: &mut Page<'_>, outcome: Outcome) -> io::Result<()> {
    match words::outcome_hint(outcome) {
        Some(hint) => page.line(2, &Line::default().with(Meaning::Hint, "hint: ").plain(hint)),
        None => Ok(()),
    }
}

/// Gives the address, or `tenant`.
pub(super) fn who(row: &Row) -> &str {
    match &row.operation.target {
        Target::Tenant(_) => "tenant",
        Target::Person(person) => &person.upn,
    }
}

/// Gives the setting's word.
pub(super) fn setting(row: &Row) -> &'static str {
    match &row.operation.target {
        Target::Tenant(setting) => setting.word(),
        Target::Person(person) => person.setting.word(),
    }
}

/// Says why it became that, how often it was asked, and its own id for the request.
pub(super) fn message(row: &Row, quote: words::Quote) -> Option<String> {
    let mut parts: Vec<String> = row.why.iter().map(|why| words::why(why, quote)).collect();
    let mut facts = Vec::new();
    if row.attempts > 1 {
        facts.push(format!("{} attempts", count(row.attempts.into())));
    }
    if let Some(id) = &row.request_id {
        facts.push(format!("request {}", quote(id)));
    }
    if !facts.is_empty() {
        parts.push(format!("({})", facts.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
