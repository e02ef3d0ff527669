//! Renders earlier runs: a list of them, and one told whole.

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use super::inert::{self, inert};
use super::number::{count, moment};
use super::page::{Line, Page};
use super::style::Meaning;
use super::{Look, change, json, report};
use crate::apply::{Outcome, Report};
use crate::model::PlanHash;
use crate::plan::Target;
use crate::store::{Ended, Past, UnderWay};

/// Is an earlier run, and what became of its operations; the report is absent when nothing at all is known.
#[derive(Clone, Debug)]
pub struct Told {
    /// What a list of runs knows.
    pub past: Past,
    /// What it did, by object id: its own report, or what its journal tells.
    pub report: Option<Report>,
}

/// Says that somebody applies right now.
pub fn under_way(holder: &UnderWay) -> String {
    let UnderWay { run, holder, since } = holder;
    format!(
        "run {run} is under way, by {} since {since}: what it did so far is taken into account",
        inert::quoted(holder)
    )
}

/// Writes a list of runs as text, in the order given.
pub fn list(out: &mut dyn Write, runs: &[Told], look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    if runs.is_empty() {
        return page.line(0, &Line::of("No runs yet."));
    }
    let head = ["Run", "Began", "State", "Done", "Failed", "Open", "By"].map(str::to_owned);
    let rows: Vec<_> = runs.iter().map(cells).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).map(|cells| inert::width(&cells[column]));
        cells.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), width(3), width(4), width(5)];
    for (index, cells) in [&head].into_iter().chain(&rows).enumerate() {
        let meaning = if index == 0 { Meaning::Heading } else { Meaning::Plain };
        let [id, began, state, done, failed, open, by] = cells;
        let line = Line::default()
            .column(meaning, id, widths[0] + 2)
            .column(meaning, began, widths[1] + 2)
            .column(meaning, state, widths[2] + 2)
            .right(meaning, done, widths[3])
            .plain("\u{a0}\u{a0}")
            .right(meaning, failed, widths[4])
            .plain("\u{a0}\u{a0}")
            .right(meaning, open, widths[5])
            .plain("\u{a0}\u{a0}");
        let hang = line.width();
        page.hanging(0, hang, &line.with(meaning, by))?;
    }
    Ok(())
}

/// Gives the cells of one run, in the order of the columns.
fn cells(told: &Told) -> [String; 7] {
    let Told { past, report } = told;
    let started = past.started.as_ref();
    let tally = report.as_ref().map(tally);
    let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), count);
    [
        past.id.to_string(),
        started.map(|started| moment(started.at)).unwrap_or_default(),
        state(&past.ended).to_owned(),
        number(tally.map(|tally| tally.done)),
        number(tally.map(|tally| tally.failed)),
        number(tally.map(|tally| tally.open)),
        started.map(|started| inert::quoted(person(&started.holder))).unwrap_or_default(),
    ]
}

/// Gives who held the lock, without the process, which says nothing any more.
fn person(holder: &str) -> &str {
    holder.split_once(" (process").map_or(holder, |(person, _)| person)
}

/// Writes a list of runs as JSON.
pub fn list_json(out: &mut dyn Write, runs: &[Told]) -> io::Result<()> {
    json::pretty(out, &runs.iter().map(Listed::of).collect::<Vec<_>>())
}

/// Writes one run as text: how it began and ended, what became of it, and its operations by object id.
pub fn text(out: &mut dyn Write, told: &Told, look: Look) -> io::Result<()> {
    let Told { past, report: told_report } = told;
    let mut page = Page::new(out, look);
    let heading = format!("Run {}: {}", past.id, state(&past.ended));
    page.line(0, &Line::default().with(Meaning::Heading, heading))?;
    if let Some(started) = &past.started {
        let by = if started.holder.is_empty() { "nobody knows whom".into() } else { inert(&started.holder) };
        let version = inert(&started.version);
        page.line(2, &Line::of(format!("begun {} by {by}, with version {version}", moment(started.at))))?;
        page.line(2, &Line::of(format!("manifest {}", inert(&started.manifest))))?;
        if let Some(plan) = started.plan {
            page.line(2, &Line::of(format!("plan {plan}")))?;
        }
    }
    let Some(report) = told_report else {
        return page.line(2, &Line::of("It died before it wrote down what it was to do."));
    };
    if past.ended != Ended::Finished {
        page.line(
            2,
            &Line::default().with(Meaning::Quiet, "There is no report: this is what the journal tells."),
        )?;
    }
    operations(&mut page, report, look)?;
    page.blank()?;
    report::text(out, &by_id(report), look)
}

/// Writes one run's report as JSON, by object id; a run that wrote none is retold from its journal.
pub fn json(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    report::json(out, report)
}

/// Writes one run's report as CSV, by object id.
pub fn csv(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    report::csv(out, report)
}

fn operations(page: &mut Page<'_>, report: &Report, look: Look) -> io::Result<()> {
    if report.rows.is_empty() {
        return Ok(());
    }
    page.heading(&format!("Operations ({})", count(report.rows.len() as u64)))?;
    for row in report.rows.iter().take(look.details) {
        let (who, setting) = match &row.operation.target {
            Target::Tenant(setting) => ("tenant".to_owned(), setting.word()),
            Target::Person(person) => (person.id.to_string(), person.setting.word()),
        };
        let line = Line::default()
            .column(Meaning::Plain, &who, 38)
            .column(Meaning::Quiet, row.outcome.word(), 12)
            .plain(change::change(setting, &row.operation));
        page.hanging(2, 4, &line)?;
    }
    if report.rows.len() > look.details {
        let more = count((report.rows.len() - look.details) as u64);
        let line = format!("… and {more} more (--verbose shows all; --format csv lists everything)");
        page.line(2, &Line::default().with(Meaning::Quiet, line))?;
    }
    Ok(())
}

/// Puts the object id where a name would stand: the store knows no names.
fn by_id(report: &Report) -> Report {
    let mut report = report.clone();
    for row in &mut report.rows {
        if let Target::Person(person) = &mut row.operation.target {
            person.upn = Arc::from(person.id.to_string());
        }
    }
    report
}

fn state(ended: &Ended) -> &'static str {
    match ended {
        Ended::Finished => "finished",
        Ended::UnderWay(_) => "under way",
        Ended::Unfinished => "unfinished",
        Ended::PickedUp => "picked up",
    }
}

/// Counts a run's operations by what is left to do about them.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    done: u64,
    failed: u64,
    /// Neither: moved, held back, unanswered, not begun.
    open: u64,
}

fn tally(report: &Report) -> Tally {
    let mut tally = Tally::default();
    for row in &report.rows {
        let counter = match row.outcome {
            Outcome::Done | Outcome::Settling => &mut tally.done,
            Outcome::Failed => &mut tally.failed,
            Outcome::Unanswered | Outcome::Moved | Outcome::Waiting | Outcome::NotBegun => &mut tally.open,
        };
        *counter += 1;
    }
    tally
}

/// Is a run in a list, for programs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed<'t> {
    run: String,
    state: &'static str,
    began: Option<String>,
    by: Option<&'t str>,
    version: Option<&'t str>,
    manifest: Option<&'t str>,
    plan: Option<PlanHash>,
    operations: Option<u64>,
    done: Option<u64>,
    failed: Option<u64>,
    open: Option<u64>,
}

impl<'t> Listed<'t> {
    fn of(told: &'t Told) -> Self {
        let Told { past, report } = told;
        let started = past.started.as_ref();
        let tally = report.as_ref().map(tally);
        Self {
            run: past.id.to_string(),
            state: state(&past.ended),
            began: started.map(|started| started.at.to_string()),
            by: started.map(|started| started.holder.as_str()),
            version: started.map(|started| started.version.as_str()),
            manifest: started.map(|started| started.manifest.as_str()),
            plan: started.and_then(|started| started.plan),
            operations: report.as_ref().map(|report| report.rows.len() as u64),
            done: tally.map(|tally| tally.done),
            failed: tally.map(|tally| tally.failed),
            open: tally.map(|tally| tally.open),
        }
    }
}
