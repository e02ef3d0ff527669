//! Writes a rollout as Markdown: a table, and a Gantt chart that forges draw (Mermaid).

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{days, headcount, tenant, weekdays};
use crate::model::rollout::Phase;
use crate::render::inert::{code, inert};
use crate::render::markdown::{Comment, row};
use crate::render::number::moment;
use crate::render::words;
use crate::rollout::{Asked, Changes, Checked, Overview, Wave};

/// Writes a rollout as Markdown.
pub fn markdown(overview: &Overview) -> String {
    let mut comment = Comment::default();
    comment.heading(2, &format!("Rollout of {}", code(&tenant(overview))));
    comment.add(&format!("As of {} ({}).\n\n", overview.today, overview.time_zone));
    if overview.offline {
        comment.add(
            "Neither the tenant nor the ledger was asked: nobody is counted, and no condition is known.\n\n",
        );
    }
    if !overview.waves.is_empty() {
        let mut table = row(&["Wave", "State", "Days", "People", "What holds it"]);
        table.push_str("| --- | --- | --- | --- | --- |\n");
        let zone = super::zone(overview);
        table.extend(overview.waves.iter().map(|wave| wave_row(wave, &zone)));
        table.push('\n');
        comment.add(&table);
        comment.add(&gantt(overview));
    }
    let changes = match &overview.changes {
        Changes::Open { until: None } => None,
        Changes::Open { until: Some(until) } => Some(format!("Changes are open until {}.", moment(*until))),
        Changes::Closed(closed) => {
            Some(format!("**Changes are closed** {}.", words::window::closed(closed, code)))
        }
    };
    if let Some(changes) = changes {
        comment.add(&format!("{changes}\n\n"));
    }
    let only_for = |waves: &[std::sync::Arc<str>]| {
        let names: Vec<_> = waves.iter().map(|wave| code(wave)).collect();
        if names.is_empty() { String::new() } else { format!(", for {} only", names.join(", ")) }
    };
    let windows = overview.windows.iter().map(|window| {
        let (when, zone) = (weekdays(&window.days), &window.time_zone);
        let (name, waves) = (code(&window.name), only_for(&window.waves));
        format!("Window {name}: {when} {}–{} {zone}{waves}", window.from, window.to)
    });
    let freezes = overview.freezes.iter().map(|freeze| {
        let days = days(Some(freeze.first), Some(freeze.end));
        format!("Freeze {}: {days}{}", code(&freeze.name), only_for(&freeze.waves))
    });
    let list: Vec<_> = windows.chain(freezes).collect();
    if !list.is_empty() {
        comment.list(list);
    }
    if !overview.milestones.is_empty() {
        let mut table = row(&["Milestone", "Days", "Wave", "Who", "What"]);
        table.push_str("| --- | --- | --- | --- | --- |\n");
        for stone in &overview.milestones {
            let what = stone.what.as_deref().map(code).unwrap_or_default();
            let days = days(stone.first, stone.end);
            let owner = stone.owner.as_deref().unwrap_or_default();
            table.push_str(&row(&[&code(&stone.name), &days, &code(&stone.wave), owner, &what]));
        }
        table.push('\n');
        comment.add(&table);
    }
    if !overview.surveys.is_empty() {
        let mut table = row(&["Survey", "Day", "Wave", "Link"]);
        table.push_str("| --- | --- | --- | --- |\n");
        for Asked { name, wave, day: _, link, date } in &overview.surveys {
            let link = link.as_deref().map(code).unwrap_or_default();
            let day = days(*date, date.and_then(|date| date.tomorrow().ok()));
            table.push_str(&row(&[&code(name), &day, &code(wave), &link]));
        }
        table.push('\n');
        comment.add(&table);
    }
    if !overview.checks.is_empty() {
        let mut table = row(&["To be done before", "Who", "State", "Evidence"]);
        table.push_str("| --- | --- | --- | --- |\n");
        for Checked { what, owner, done, evidence } in &overview.checks {
            let state = if *done { "done" } else { "**open**" };
            let evidence = evidence.as_deref().map(code).unwrap_or_default();
            table.push_str(&row(&[&code(what), owner.as_deref().unwrap_or_default(), state, &evidence]));
        }
        table.push('\n');
        comment.add(&table);
    }
    comment.end()
}

fn wave_row(wave: &Wave, zone: &TimeZone) -> String {
    let mut holds: Vec<_> =
        wave.status.holds.iter().map(|hold| words::rollout::hold(hold, zone, code)).collect();
    holds.extend(wave.closed.iter().map(|closed| format!("closed {}", words::window::closed(closed, code))));
    row(&[
        &code(&wave.status.name),
        words::rollout::phase(wave.status.phase),
        &days(wave.first, wave.end),
        &headcount(wave).unwrap_or_else(|| "?".to_owned()),
        &holds.join("; "),
    ])
}

/// Draws what has dates; a wave without an end runs to the edge of the chart.
///
/// Source: <https://mermaid.js.org/syntax/gantt.html>
fn gantt(overview: &Overview) -> String {
    let edge = edge(overview);
    let mut chart = String::from("```mermaid\ngantt\n    dateFormat YYYY-MM-DD\n    axisFormat %Y-%m-%d\n");
    let mut section = |name: &str, tasks: Vec<String>| {
        if !tasks.is_empty() {
            chart.push_str("    section ");
            chart.push_str(name);
            chart.push('\n');
            chart.extend(tasks);
        }
    };
    let task = |name: &str, tags: &str, first: Date, end: Date| {
        format!("    {} :{tags}{first}, {end}\n", label(name))
    };
    let waves = overview.waves.iter().filter_map(|wave| {
        let tags = match wave.status.phase {
            Phase::Planned => "",
            Phase::Gated => "crit, ",
            Phase::Running => "active, ",
            Phase::Done => "done, ",
        };
        Some(task(&wave.status.name, tags, wave.first?, wave.end.unwrap_or(edge)))
    });
    section("Waves", waves.collect());
    let freezes = overview.freezes.iter();
    let freezes = freezes.map(|freeze| task(&freeze.name, "crit, ", freeze.first, freeze.end));
    section("Freezes", freezes.collect());
    let milestones = overview.milestones.iter().filter_map(|stone| {
        let (first, end) = (stone.first?, stone.end?);
        let one_day = first.tomorrow().is_ok_and(|next| next == end);
        let name = label(&stone.name);
        Some(if one_day {
            format!("    {name} :milestone, {first}, 0d\n")
        } else {
            format!("    {name} :{first}, {end}\n")
        })
    });
    section("Milestones", milestones.collect());
    chart.push_str("```\n\n");
    chart
}

/// Gives the day after the last that a chart shows: two weeks after the last date, so that what has no end shows.
pub(super) fn edge(overview: &Overview) -> Date {
    let waves = overview.waves.iter().flat_map(|wave| [wave.first, wave.end]).flatten();
    let freezes = overview.freezes.iter().map(|freeze| freeze.end);
    let milestones = overview.milestones.iter().filter_map(|stone| stone.end);
    let last = waves.chain(freezes).chain(milestones).chain([overview.today]).max().unwrap_or(overview.today);
    last.checked_add(14.days()).unwrap_or(Date::MAX)
}

/// Makes a name that Mermaid reads as nothing but a name.
///
/// What ends a name or begins a comment is shown by its full-width twin, and a name that begins like a statement or a
/// date gets a dot before it.
fn label(name: &str) -> String {
    const STATEMENTS: [&str; 19] = [
        "gantt",
        "dateformat",
        "inclusiveenddates",
        "topaxis",
        "axisformat",
        "tickinterval",
        "includes",
        "excludes",
        "todaymarker",
        "weekday",
        "weekend",
        "title",
        "acctitle",
        "accdescr",
        "section",
        "click",
        "call",
        "href",
        "vert",
    ];
    let twin = |character: char| match character {
        ':' | ';' | ',' | '#' | '%' | '<' | '>' | '&' | '"' | '\\' | '`' | '{' | '}' => {
            char::from_u32(u32::from(character) + 0xfee0).unwrap_or(' ')
        }
        other => other,
    };
    let name: String = inert(name.trim()).chars().map(twin).collect();
    let lower = name.to_lowercase();
    let is_read = STATEMENTS.iter().any(|statement| lower.starts_with(statement))
        || lower.starts_with(|first: char| first.is_ascii_digit());
    if is_read { format!("· {name}") } else { name }
}
