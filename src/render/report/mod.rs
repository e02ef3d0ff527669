//! Renders a report: what became of every operation, as text, Markdown, JSON and CSV.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::number::{count, counted, people, span};
use super::{Look, inert, json, words};
use crate::apply::{Outcome, Report, Row, Stopped};
use crate::plan::Target;

mod markdown;
mod rows;
mod text;

pub use markdown::markdown;
pub use rows::csv;

/// Writes a report as text.
pub fn text(out: &mut dyn Write, report: &Report, look: Look) -> io::Result<()> {
    text::text(out, report, look)
}

/// Writes the report itself as JSON, indented, with a newline at its end.
pub fn json(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    json::pretty(out, report)
}

/// Says why a run is about to end before its plan does.
pub fn stopping(stopped: &Stopped) -> String {
    let why = words::stopped(stopped, inert::quoted);
    format!("stopping, because {why}; what is under way is finished first")
}

/// Says that a saved plan is stale, because too many people moved since.
pub fn too_many_moved(moved: u64, people: u64, limit: u64) -> String {
    let of = counted(people, "person", "people");
    format!("{} of {of} are no longer as planned, and up to {} may be", count(moved), count(limit))
}

/// Says before the first write that some people are left out of a saved plan.
pub fn will_be_skipped(moved: u64, people: u64) -> String {
    let of = counted(people, "person", "people");
    format!("{} of {of} no longer as planned; skipped, and listed in the result", count(moved))
}

/// Writes the last line of a report: `Apply complete: …`, `Apply incomplete: …` or `Apply ended early: …`.
pub fn last_line(report: &Report) -> String {
    let tally = Tally::of(report);
    if report.rows.is_empty() && report.stopped.is_none() {
        return "Apply complete: nothing was to be written.".to_owned();
    }
    let whole = tally.rows.keys().all(|outcome| match outcome {
        Outcome::Done | Outcome::Settling => true,
        Outcome::Unanswered | Outcome::Moved | Outcome::Waiting | Outcome::Failed | Outcome::NotBegun => {
            false
        }
    });
    let head = match (&report.stopped, whole) {
        (Some(_), _) => "Apply ended early",
        (None, true) => "Apply complete",
        (None, false) => "Apply incomplete",
    };
    let seconds = u64::try_from(report.ended.duration_since(report.started).as_secs()).unwrap_or(0);
    let mut parts = Vec::new();
    if tally.tenant > 0 {
        parts.push(share(tally.tenant_written, tally.tenant, "tenant setting", "tenant settings"));
    }
    if tally.people > 0 {
        parts.push(share(tally.people_written, tally.people, "person", "people"));
    }
    let outcomes: Vec<_> =
        tally.rows.iter().map(|(outcome, number)| format!("{} {}", count(*number), outcome.word())).collect();
    let moved = match tally.people_moved {
        0 => String::new(),
        number => format!("; {} no longer as planned", people(number)),
    };
    format!(
        "{head}: {} written ({}), {} in {}{moved}.",
        parts.join(", "),
        outcomes.join(", "),
        counted(report.calls, "call", "calls"),
        span(seconds)
    )
}

/// Writes `41 people`, or `39 of 41 people` when it is not all of them.
fn share(part: u64, of: u64, one: &str, many: &str) -> String {
    let all = counted(of, one, many);
    if part == of { all } else { format!("{} of {all}", count(part)) }
}

/// Counts what became of a report's operations.
#[derive(Debug, Default)]
struct Tally {
    /// Operations by outcome, in display order.
    rows: BTreeMap<Outcome, u64>,
    /// People with an operation.
    people: u64,
    /// People of whom everything was written, seen or not yet seen.
    people_written: u64,
    /// People who were no longer as planned.
    people_moved: u64,
    /// Tenant settings with an operation.
    tenant: u64,
    /// Tenant settings written, seen or not yet seen.
    tenant_written: u64,
}

impl Tally {
    fn of(report: &Report) -> Self {
        let mut tally = Self::default();
        let mut everyone = BTreeSet::new();
        let mut unfinished = BTreeSet::new();
        let mut moved = BTreeSet::new();
        for row in &report.rows {
            *tally.rows.entry(row.outcome).or_insert(0) += 1;
            let written = written(row);
            match &row.operation.target {
                Target::Tenant(_) => {
                    tally.tenant += 1;
                    tally.tenant_written += u64::from(written);
                }
                Target::Person(person) => {
                    everyone.insert(person.id);
                    if !written {
                        unfinished.insert(person.id);
                    }
                    if row.outcome == Outcome::Moved {
                        moved.insert(person.id);
                    }
                }
            }
        }
        tally.people_moved = moved.len() as u64;
        tally.people = everyone.len() as u64;
        tally.people_written = (everyone.len() - unfinished.len()) as u64;
        tally
    }
}

fn written(row: &Row) -> bool {
    match row.outcome {
        Outcome::Done | Outcome::Settling => true,
        Outcome::Unanswered | Outcome::Moved | Outcome::Waiting | Outcome::Failed | Outcome::NotBegun => {
            false
        }
    }
}

#[cfg(test)]
mod tests;
