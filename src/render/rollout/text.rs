//! Writes a rollout as text.

use std::io::{self, Write};

use super::{days, distance, headcount, progress, tenant, weekdays};
use crate::model::rollout::Phase;
use crate::render::inert::{self, elide, quoted};
use crate::render::number::moment;
use crate::render::page::{Line, Page};
use crate::render::style::Meaning;
use crate::render::{Look, words};
use crate::rollout::{Changes, Frozen, Opening, Overview, Stone, Wave, When};

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
    let names: Vec<_> =
        overview.waves.iter().map(|wave| elide(&quoted(&wave.status.name), NAME).into_owned()).collect();
    let when: Vec<_> = overview.waves.iter().map(|wave| days(wave.first, wave.end)).collect();
    let (name_columns, when_columns) = (columns(&names), columns(&when));
    for ((wave, name), when) in overview.waves.iter().zip(&names).zip(&when) {
        let line = Line::default()
            .column(meaning(wave.status.phase), words::rollout::phase(wave.status.phase), 9)
            .column(Meaning::Plain, name, name_columns + 2)
            .column(Meaning::Plain, when, when_columns + 2);
        let canary = wave.status.canary;
        let canary = (canary.hundredths() < 10_000).then(|| format!("canary {canary}"));
        let beside = [progress(wave, overview.today), headcount(wave.people), canary];
        let beside: Vec<_> = beside.into_iter().flatten().map(|part| part.replace(' ', "\u{a0}")).collect();
        let hang = 2 + line.width();
        page.hanging(2, hang, &line.plain(beside.join(", ")))?;
        details(page, wave)?;
    }
    Ok(())
}

/// Writes what holds a wave, or keeps its people from being changed, below it.
fn details(page: &mut Page<'_>, wave: &Wave) -> io::Result<()> {
    for hold in &wave.status.holds {
        let why = words::rollout::hold(hold, quoted);
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
    let names: Vec<_> =
        overview.windows.iter().map(|window| elide(&quoted(&window.name), NAME).into_owned()).collect();
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
    if overview.freezes.is_empty() {
        return Ok(());
    }
    page.heading("Freezes")?;
    for freeze in &overview.freezes {
        let Frozen { name, time_zone: _, first, end, waves, state } = freeze;
        let meaning = match state {
            When::Now => Meaning::Withdrawn,
            When::Ahead => Meaning::Plain,
            When::Over => Meaning::Quiet,
        };
        let line = Line::default().column(meaning, &days(Some(*first), Some(*end)), 25).column(
            Meaning::Plain,
            &elide(&quoted(name), NAME),
            NAME.min(inert::width(&quoted(name))) + 2,
        );
        let hang = 2 + line.width();
        let when = distance(*state, *first, overview.today);
        page.hanging(2, hang, &line.with(Meaning::Quiet, format!("{when}{}", only_for(waves))))?;
    }
    Ok(())
}

fn milestones(page: &mut Page<'_>, overview: &Overview) -> io::Result<()> {
    if overview.milestones.is_empty() {
        return Ok(());
    }
    page.heading("Milestones")?;
    for stone in &overview.milestones {
        let Stone { name, wave, day, owner, what, first, end } = stone;
        let over = end.is_some_and(|end| end <= overview.today);
        let meaning = if over { Meaning::Quiet } else { Meaning::Plain };
        let line = Line::default().column(meaning, &days(*first, *end), 25).column(
            meaning,
            &elide(&quoted(name), NAME),
            NAME.min(inert::width(&quoted(name))) + 2,
        );
        let hang = 2 + line.width();
        let owner = owner.as_ref().map(|owner| format!(", {owner}")).unwrap_or_default();
        let what = what.as_ref().map(|what| format!(": {}", quoted(what))).unwrap_or_default();
        let beside = format!("day {day} of {}{owner}{what}", quoted(wave));
        page.hanging(2, hang, &line.with(Meaning::Quiet, beside))?;
    }
    Ok(())
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
