//! Writes an adoption report as rows for a spreadsheet: one for each part of the rollout, now and at each run.

use std::io::{self, Write};

use super::words;
use crate::model::Standing;
use crate::render::table::Table;
use crate::rollout::adoption::{Adoption, Branch, GoalOf, Row};

/// Is the head of the file; a count that is not told is empty.
const HEAD: [&str; 20] = [
    "Run",
    "At",
    "Part",
    "Wave",
    "Name",
    "People",
    "OptedIn",
    "OptedOutThemselves",
    "OptedOut",
    "Settling",
    "Pending",
    "Failed",
    "Unlicensed",
    "Unknown",
    "Waiting",
    "OutOfReach",
    "NotToldApart",
    "GoalOptedIn",
    "GoalOptedOut",
    "MinGroup",
];

/// Writes it as CSV: what is now has no run, what earlier runs found has.
pub fn csv(out: &mut dyn Write, adoption: &Adoption) -> io::Result<()> {
    let mut file = File { table: Table::new(out, &HEAD)?, min_group: adoption.min_group.to_string() };
    let now = adoption.read_at.to_string();
    file.look("", &now, adoption.total.as_ref(), &adoption.waves)?;
    for department in adoption.departments.iter().flatten() {
        file.row(["", &now, ""], department)?;
    }
    for point in &adoption.trend {
        file.look(&point.run, &point.at.to_string(), point.total.as_ref(), &point.waves)?;
    }
    file.table.end()
}

struct File<'w> {
    table: Table<'w>,
    min_group: String,
}

impl File<'_> {
    fn look(&mut self, run: &str, at: &str, total: Option<&Row>, waves: &[Branch]) -> io::Result<()> {
        if let Some(total) = total {
            self.row([run, at, ""], total)?;
        }
        for Branch { row, groups } in waves {
            self.row([run, at, ""], row)?;
            let wave = words::part(&row.of, str::to_owned);
            for group in groups {
                self.row([run, at, &wave], group)?;
            }
        }
        Ok(())
    }

    fn row(&mut self, [run, at, wave]: [&str; 3], row: &Row) -> io::Result<()> {
        let goal = |goal: GoalOf| {
            let reached = row.goals.iter().find(|reached| reached.goal == goal);
            reached.map_or_else(String::new, |reached| words::verdict(reached.verdict).to_owned())
        };
        let counts = Standing::ALL
            .map(|standing| row.told(standing).map_or_else(String::new, |people| people.to_string()));
        let name = words::part(&row.of, str::to_owned);
        let mut cells = vec![run, at, words::kind(&row.of), wave, &name];
        let people = row.people.to_string();
        let together = row.not_told_apart.to_string();
        let goals = [goal(GoalOf::OptedIn), goal(GoalOf::OptedOutAtMost)];
        cells.push(&people);
        cells.extend(counts.iter().map(String::as_str));
        cells.push(&together);
        cells.extend(goals.iter().map(String::as_str));
        cells.push(&self.min_group);
        self.table.row(cells)
    }
}
