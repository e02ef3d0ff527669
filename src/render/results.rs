//! Renders what the script of a handed-over plan says it did, before it is taken into the ledger.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::number::{count, counted};
use super::page::{Line, Page};
use super::style::Meaning;
use super::{Look, json};
use crate::model::{PlanHash, ResultRow, StepEnding};
use crate::plan::{Plan, last_of_each};

/// Is what a results file comes to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told<'p> {
    format: u32,
    plan: &'p PlanHash,
    operations: u64,
    rows: u64,
    /// Operations by the last that is said of them.
    outcomes: BTreeMap<&'static str, u64>,
    /// Operations of which the file says nothing.
    not_begun: u64,
}

impl<'p> Told<'p> {
    fn of(plan: &'p Plan, rows: &[ResultRow]) -> Self {
        let mut outcomes = BTreeMap::new();
        let mut not_begun = 0;
        for last in last_of_each(plan, rows) {
            match last {
                Some(row) => *outcomes.entry(row.ending.word()).or_default() += 1,
                None => not_begun += 1,
            }
        }
        let operations = plan.operations.len() as u64;
        Self { format: 1, plan: &plan.hash, operations, rows: rows.len() as u64, outcomes, not_begun }
    }
}

/// Writes what a results file comes to as text.
pub fn text(out: &mut dyn Write, plan: &Plan, rows: &[ResultRow], look: Look) -> io::Result<()> {
    let told = Told::of(plan, rows);
    let mut page = Page::new(out, look);
    let head = Line::default().with(Meaning::Heading, "What the script did with the plan");
    page.line(0, &head)?;
    page.line(0, &Line::default().with(Meaning::Quiet, format!("plan {}", told.plan)))?;
    page.blank()?;
    let said = StepEnding::ALL.into_iter().filter_map(|ending| {
        let number = told.outcomes.get(ending.word())?;
        Some((ending.word(), means(ending), *number))
    });
    let nothing =
        (told.not_begun > 0).then_some(("-", "no word of these: run the script again", told.not_begun));
    let lines: Vec<_> = said.chain(nothing).collect();
    let numbers = lines.iter().map(|(.., number)| count(*number).len()).max().unwrap_or(0);
    let words = lines.iter().map(|(word, ..)| word.len()).max().unwrap_or(0);
    for (word, means, number) in lines {
        let line = Line::default()
            .right(Meaning::Plain, &count(number), numbers)
            .plain("\u{a0}\u{a0}")
            .column(Meaning::Plain, word, words)
            .plain(format!("\u{a0}\u{a0}{means}"));
        page.hanging(2, numbers + words + 6, &line)?;
    }
    page.blank()?;
    let rows = counted(told.rows, "row", "rows");
    let operations = counted(told.operations, "operation", "operations");
    page.line(0, &Line::of(format!("Results: {rows} on {operations}; nothing is written to the tenant.")))
}

/// Writes what a results file comes to as JSON.
pub fn json(out: &mut dyn Write, plan: &Plan, rows: &[ResultRow]) -> io::Result<()> {
    json::pretty(out, &Told::of(plan, rows))
}

/// Says how many writes stay out of the ledger.
pub fn overtaken(number: u64) -> String {
    let writes = counted(number, "write stays", "writes stay");
    format!("{writes} out, since something newer is known of the setting")
}

fn means(ending: StepEnding) -> &'static str {
    match ending {
        StepEnding::Done => "written and read back",
        StepEnding::Already => "somebody else had brought it about, so not written",
        StepEnding::Settling => "written, and not to be seen yet",
        StepEnding::Unanswered => "sent without an answer; the next plan looks again",
        StepEnding::Moved => "no longer as planned, so not written",
        StepEnding::Waiting => "held back until something else of the plan is there",
        StepEnding::Failed => "refused by the service, or unreadable",
    }
}
