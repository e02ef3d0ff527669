//! Writes a rollout as text.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::{days, distance, headcount, progress, tenant, weekdays};
use crate::model::rollout::Phase;
use crate::render::inert::{self, elide, quoted};
use crate::render::number::moment;
use crate::render::page::{Line, Page};
use crate::render::style::Meaning;
use crate::render::{Look, words};
use crate::rollout::{Asked, Changes, Checked, Frozen, Opening, Overview, Stone, Wave, When};

/// Is the most columns that a name takes.
const NAME: usize = 24;

pub(super) fn text(out: &mut dyn Write, overview: &Overview, look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let head = format!("Rollout of {}", quoted(&tenant(overview)));
    let day = format!(", as of {} ({})", overview.today, overview.time_zone);
    page.line(0, &Line::default().with(Meaning::Heading, head).with(Meaning::Quiet, day))?;
    if overview.offline {
        page.line(
            0,
            &Line::default().with(
                Meaning::Quiet,
                "Neither the tenant nor the ledger was asked: nobody is counted, and no condition is known.",
            ),
        )?;
    }
    waves(&mut page, overview)?;
    windows(&mut page, overview)?;
    freezes(&mut page, overview)?;
    milestones(&mut page, overview)?;
    surveys(&mut page, overview)?;
    checks(&mut page, overview)?;
    if overview.waves.is_empty() {
        return Ok(());
    }
    page.last(&next(overview))
}

fn waves(page: &mut Page<'_>, overview: &Overview) -> io::Result<()> {
    if overview.waves.is_empty() {
        page.blank()?;
        return page.line(0, &Line::of("The manifest names no waves: all groups are in force."));
    }
    page.heading("Waves")?;
    let names: Vec<_> = overview.waves.iter().map(|wave| short(&wave.status.name)).collect();
    let when: Vec<_> = overview.waves.iter().map(|wave| days(wave.first, wave.end)).collect();
    let (name_columns, when_columns) = (columns(&names), columns(&when));
    let zone = super::zone(overview);
    for ((wave, name), when) in overview.waves.iter().zip(&names).zip(&when) {
        let beside = [progress(wave, overview.today), headcount(wave)];
        let beside: Vec<_> = beside.into_iter().flatten().map(|part| part.replace(' ', "\u{a0}")).collect();
        let line = Line::default()
            .column(meaning(wave.status.phase), words::rollout::phase(wave.status.phase), 9)
            .column(Meaning::Plain, name, name_columns + 2)
            .column(Meaning::Plain, when, if beside.is_empty() { 0 } else { when_columns + 2 });
        let hang = 2 + line.width();
        page.hanging(2, hang, &line.plain(beside.join(", ")))?;
        details(page, wave, &zone)?;
    }
    Ok(())
}

/// Writes what holds a wave, or keeps its people from being changed, below it.
fn details(page: &mut Page<'_>, wave: &Wave, zone: &TimeZone) -> io::Result<()> {
    for hold in &wave.status.holds {
        let why = words::rollout::hold(hold, zone, quoted);
        page.hanging(11, 13, &Line::default().with(Meaning::Quiet, format!("held: {why}")))?;
    }
    if let Some(closed) = &wave.closed {
        let why = words::window::closed(closed, quoted);
        page.hanging(11, 13, &Line::default().with(Meaning::Changed, format!("closed {why}")))?;
    }
    if wave.leaves && wave.end.is_some() {
        page.hanging(11, 13, &Line::default().with(Meaning::Quiet, "its groups leave when it is over"))?;
    }
    Ok(())
}

fn windows(page: &mut Page<'_>, overview: &Overview) -> io::Result<()> {
    if overview.windows.is_empty() && overview.freezes.is_empty() {
        return Ok(());
    }
    page.heading("Changes")?;
    let now = match &overview.changes {
        Changes::Open { until: None } => Line::default().with(Meaning::Granted, "open").plain(" at any time"),
        Changes::Open { until: Some(until) } => {
            Line::default().with(Meaning::Granted, "open").plain(format!(" until {}", moment(*until)))
        }
        Changes::Closed(closed) => Line::default()
            .with(Meaning::Withdrawn, "closed")
            .plain(format!(" {}", words::window::closed(closed, quoted))),
    };
    page.line(2, &now)?;
    if overview.windows.is_empty() {
        return Ok(());
    }
    page.heading("Windows")?;
    let names: Vec<_> = overview.windows.iter().map(|window| short(&window.name)).collect();
    let name_columns = columns(&names);
    for (window, name) in overview.windows.iter().zip(&names) {
        let Opening { name: _, time_zone, days, from, to, waves, open, next } = window;
        let line = Line::default()
            .column(
                if *open { Meaning::Granted } else { Meaning::Quiet },
                if *open { "open" } else { "closed" },
                9,
            )
            .column(Meaning::Plain, name, name_columns + 2);
        let hang = 2 + line.width();
        let when = format!("{} {from}–{to} {time_zone}", weekdays(days)).replace(' ', "\u{a0}");
        let next = match (next, open) {
            (Some(next), true) => format!(", closes {}", moment(*next)),
            (Some(next), false) => format!(", opens {}", moment(*next)),
            (None, _) => String::new(),
        };
        page.hanging(2, hang, &line.plain(format!("{when}{next}{}", only_for(waves))))?;
    }
    Ok(())
}

fn freezes(page: &mut Page<'_>, overview: &Overview) -> io::Result<()> {
    let rows = overview.freezes.iter().map(|freeze| {
        let Frozen { name, time_zone: _, first, end, waves, state } = freeze;
        let meaning = match state {
            When::Now => Meaning::Withdrawn,
            When::Ahead => Meaning::Plain,
            When::Over => Meaning::Quiet,
        };
        let beside = format!("{}{}", distance(*state, *first, overview.today), only_for(waves));
        Dated { meaning, days: days(Some(*first), Some(*end)), name: short(name), beside }
    });
    dated(page, "Freezes", &rows.collect::<Vec<_>>())
}

fn milestones(page: &mut Page<'_>, overview: &Overview) -> io::Result<()> {
    let rows = overview.milestones.iter().map(|stone| {
        let Stone { name, wave, day, owner, what, first, end } = stone;
        let over = end.is_some_and(|end| end <= overview.today);
        let owner = owner.as_ref().map(|owner| format!(", {owner}")).unwrap_or_default();
        let what = what.as_ref().map(|what| format!(": {}", quoted(what))).unwrap_or_default();
        Dated {
            meaning: if over { Meaning::Quiet } else { Meaning::Plain },
            days: days(*first, *end),
            name: short(name),
            beside: format!("day {day} of {}{owner}{what}", quoted(wave)),
        }
    });
    dated(page, "Milestones", &rows.collect::<Vec<_>>())
}

fn surveys(page: &mut Page<'_>, overview: &Overview) -> io::Result<()> {
    let rows = overview.surveys.iter().map(|survey| {
        let Asked { name, wave, day, link, date } = survey;
        let over = date.is_some_and(|date| date < overview.today);
        let link = link.as_ref().map_or_else(|| "no link yet".to_owned(), |link| quoted(link));
        Dated {
            meaning: if over { Meaning::Quiet } else { Meaning::Plain },
            days: days(*date, date.and_then(|date| date.tomorrow().ok())),
            name: short(name),
            beside: format!("day {day} of {}: {link}", quoted(wave)),
        }
    });
    dated(page, "Surveys", &rows.collect::<Vec<_>>())
}

/// Lists what is still to be done before it begins.
fn checks(page: &mut Page<'_>, overview: &Overview) -> io::Result<()> {
    let mut open = overview.checks.iter().filter(|check| !check.done).peekable();
    if open.peek().is_some() {
        page.heading("Still to be done")?;
    }
    for Checked { what, owner, done: _, evidence: _ } in open {
        let owner = owner.as_ref().map(|owner| format!("  {owner}")).unwrap_or_default();
        page.hanging(2, 4, &Line::of(quoted(what)).with(Meaning::Quiet, owner))?;
    }
    Ok(())
}

/// Is a row that begins with its days.
struct Dated {
    meaning: Meaning,
    days: String,
    name: String,
    beside: String,
}

fn dated(page: &mut Page<'_>, heading: &str, rows: &[Dated]) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    page.heading(heading)?;
    let columns = |of: fn(&Dated) -> &str| rows.iter().map(|row| inert::width(of(row))).max().unwrap_or(0);
    let (day_columns, name_columns) = (columns(|row| &row.days), columns(|row| &row.name));
    for Dated { meaning, days, name, beside } in rows {
        let line = Line::default().column(*meaning, days, day_columns + 2).column(
            Meaning::Plain,
            name,
            name_columns + 2,
        );
        let hang = 2 + line.width();
        page.hanging(2, hang, &line.with(Meaning::Quiet, beside))?;
    }
    Ok(())
}

/// Makes a name fit into its column.
fn short(name: &str) -> String {
    elide(&quoted(name), NAME).into_owned()
}

/// Says in one line which gate comes next.
fn next(overview: &Overview) -> String {
    let Some(wave) = overview.next() else { return "Next: no gate; every wave has begun.".to_owned() };
    let name = quoted(&wave.status.name);
    match (wave.status.phase, wave.first) {
        (Phase::Gated, _) | (_, None) => format!("Next: {name}, as soon as nothing holds it."),
        (Phase::Planned | Phase::Running | Phase::Done, Some(first)) => {
            format!("Next: {name}, on {first} at the earliest.")
        }
    }
}

fn only_for(waves: &[std::sync::Arc<str>]) -> String {
    if waves.is_empty() {
        return String::new();
    }
    let names: Vec<_> = waves.iter().map(|wave| quoted(wave)).collect();
    format!(", for {} only", crate::render::number::list(&names))
}

fn meaning(phase: Phase) -> Meaning {
    match phase {
        Phase::Planned => Meaning::Plain,
        Phase::Gated => Meaning::Consent,
        Phase::Running => Meaning::Granted,
        Phase::Done => Meaning::Quiet,
    }
}

fn columns(texts: &[String]) -> usize {
    texts.iter().map(|text| inert::width(text)).max().unwrap_or(0)
}
