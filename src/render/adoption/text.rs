//! Writes an adoption report for a person at a terminal.

use std::io::{self, Write};

use super::words;
use crate::model::Standing;
use crate::render::Look;
use crate::render::inert::{elide, quoted};
use crate::render::number::{count, day, list, moment, people, percent};
use crate::render::page::{Line, Page};
use crate::render::style::Meaning;
use crate::rollout::adoption::{Adoption, Goal, Part, Point, Row, Verdict};

/// Is how wide the columns are: the name, the people, opted in, opted out by themselves.
const WIDTHS: [usize; 4] = [32, 9, 16, 20];

/// Is how many runs of the trend are shown, unless everything is.
const RUNS: usize = 10;

/// Writes it as text.
pub fn text(out: &mut dyn Write, adoption: &Adoption, look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let heading = format!("Adoption at {}, {}", quoted(&adoption.tenant_name), day(adoption.as_of));
    page.line(0, &Line::default().with(Meaning::Heading, heading))?;
    page.line(2, &Line::default().with(Meaning::Quiet, format!("read {}", moment(adoption.read_at))))?;
    if !adoption.goals.is_empty() {
        let goals: Vec<_> = adoption.goals.iter().map(|goal| words::goal(*goal)).collect();
        page.line(2, &Line::of(format!("goals, of those in reach: {}", list(&goals))))?;
    }
    let Some(total) = &adoption.total else {
        return page.last(&format!(
            "Adoption: fewer than {} people are in scope, so nothing is told.",
            count(adoption.min_group)
        ));
    };
    page.blank()?;
    head(&mut page)?;
    row(&mut page, 0, total, &adoption.goals)?;
    let waves = adoption.waves.iter().any(|branch| branch.row.of != Part::NoWave);
    page.heading(if waves { "By wave and group" } else { "By group" })?;
    for branch in &adoption.waves {
        if waves {
            row(&mut page, 0, &branch.row, &adoption.goals)?;
        }
        for group in &branch.groups {
            row(&mut page, if waves { 2 } else { 0 }, group, &adoption.goals)?;
        }
    }
    page.heading("By department")?;
    match &adoption.departments {
        Some(departments) => {
            for department in departments {
                row(&mut page, 0, department, &[])?;
            }
        }
        None => page.line(2, &Line::of("The directory did not tell departments."))?,
    }
    trend(&mut page, &adoption.trend, look)?;
    if is_anything_hidden(adoption) {
        page.blank()?;
        let legend = format!(
            "· is not told: no number here counts 1 to {} people, and none of one moment reveals one that does",
            count(adoption.min_group - 1)
        );
        page.line(0, &Line::default().with(Meaning::Quiet, legend))?;
    }
    if words::moments(adoption) > 1 {
        page.blank()?;
        page.line(0, &Line::default().with(Meaning::Quiet, words::TWO_MOMENTS.to_owned()))?;
    }
    page.last(&last_line(total))
}

/// Writes the last line: how many are opted in, of how many.
fn last_line(total: &Row) -> String {
    let opted_in = if let Some((opted_in, of)) = total.share(Standing::OptedIn) {
        let share = percent(opted_in, of).map(|share| format!(" ({share})")).unwrap_or_default();
        format!("{} of {} in reach opted in{share}", count(opted_in), people(of))
    } else {
        let opted_in = total.told(Standing::OptedIn).map_or("·".to_owned(), count);
        format!("{opted_in} of {} in scope opted in", people(total.people))
    };
    let themselves = words::share(total, Standing::OptedOutThemselves);
    format!("Adoption: {opted_in}, {themselves} opted out by themselves.")
}

fn is_anything_hidden(adoption: &Adoption) -> bool {
    let branches = adoption.waves.iter().flat_map(|branch| [&branch.row].into_iter().chain(&branch.groups));
    let rows = adoption.total.iter().chain(branches).chain(adoption.departments.iter().flatten());
    rows.chain(adoption.trend.iter().flat_map(|point| &point.total)).any(|row| row.hidden().next().is_some())
}

fn head(page: &mut Page<'_>) -> io::Result<()> {
    let [name, people, opted_in, themselves] = WIDTHS;
    let line = Line::default()
        .column(Meaning::Heading, "", name)
        .right(Meaning::Heading, "People", people)
        .right(Meaning::Heading, "Opted\u{a0}in", opted_in)
        .right(Meaning::Heading, "Opted\u{a0}out\u{a0}themselves", themselves + 2);
    page.line(0, &line)
}

fn row(page: &mut Page<'_>, indent: usize, row: &Row, goals: &[Goal]) -> io::Result<()> {
    let [name, people, opted_in, themselves] = WIDTHS;
    let solid = |text: String| text.replace(' ', "\u{a0}");
    let called = solid(elide(&words::part(&row.of, quoted), name - indent - 1).into_owned());
    let line = Line::default()
        .column(Meaning::Plain, &called, name - indent)
        .right(Meaning::Plain, &count(row.people), people)
        .right(Meaning::Granted, &solid(words::share(row, Standing::OptedIn)), opted_in)
        .right(Meaning::Withdrawn, &solid(words::share(row, Standing::OptedOutThemselves)), themselves + 2);
    page.line(indent, &line)?;
    let others = Standing::ALL.into_iter().filter_map(|standing| match standing {
        Standing::OptedIn | Standing::OptedOutThemselves => None,
        Standing::OptedOut
        | Standing::Settling
        | Standing::Pending
        | Standing::Failed
        | Standing::Unlicensed
        | Standing::Unknown
        | Standing::Waiting
        | Standing::OutOfReach => {
            let people = row.told(standing).filter(|people| *people > 0)?;
            Some(format!("{} {}", count(people), words::standing(standing)))
        }
    });
    let others: Vec<_> = others.chain(words::not_told_apart(row)).collect();
    if !others.is_empty() {
        page.line(indent + 4, &Line::default().with(Meaning::Quiet, others.join("; ")))?;
    }
    let is_group = matches!(row.of, Part::Group { .. });
    for (goal, reached) in goals.iter().zip(&row.goals) {
        // Of everybody and of waves it is said that nothing can be said.
        if is_group && reached.verdict == Verdict::TooFewToSay {
            continue;
        }
        let told = format!("{}: {}", words::goal(*goal), words::verdict(reached.verdict));
        page.line(indent + 4, &Line::default().with(Meaning::Quiet, told))?;
    }
    Ok(())
}

fn trend(page: &mut Page<'_>, trend: &[Point], look: Look) -> io::Result<()> {
    let told: Vec<_> = trend.iter().filter_map(|point| Some((point, point.total.as_ref()?))).collect();
    if told.is_empty() {
        return Ok(());
    }
    let most = if look.details == usize::MAX { told.len() } else { RUNS.min(told.len()) };
    page.heading("Trend: what runs of apply found before they changed anything")?;
    let [name, people, opted_in, themselves] = WIDTHS;
    for (point, total) in &told[told.len() - most..] {
        let solid = |text: String| text.replace(' ', "\u{a0}");
        let line = Line::default()
            .column(Meaning::Plain, &solid(moment(point.at)), name)
            .right(Meaning::Plain, &count(total.people), people)
            .right(Meaning::Granted, &solid(words::share(total, Standing::OptedIn)), opted_in)
            .right(
                Meaning::Withdrawn,
                &solid(words::share(total, Standing::OptedOutThemselves)),
                themselves + 2,
            );
        page.line(0, &line)?;
    }
    let earlier = told.len() - most;
    if earlier > 0 {
        let line = format!("{} earlier runs (--verbose shows all)", count(earlier as u64));
        page.line(0, &Line::default().with(Meaning::Quiet, line))?;
    }
    Ok(())
}
