//! Renders a rollout: text, Markdown with a Gantt chart, an SVG, a calendar, JSON.

mod calendar;
mod chart;
mod markdown;
mod text;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::number::{counted, people};
use super::{Look, inert, json, words};
use crate::model::rollout::{Closed, Percent};
use crate::rollout::{Headcount, Overview, Unread, Wave, When};

pub use calendar::calendar;
pub use chart::svg;
pub use markdown::markdown;

/// Writes a rollout as text.
pub fn text(out: &mut dyn Write, overview: &Overview, look: Look) -> io::Result<()> {
    text::text(out, overview, look)
}

/// Writes a rollout as JSON, indented, with a newline at its end.
pub fn json(out: &mut dyn Write, overview: &Overview) -> io::Result<()> {
    json::pretty(out, overview)
}

/// Says that nothing was applied, since changes are closed.
pub fn nothing_applied(closed: &Closed) -> String {
    format!("changes are closed {}, so nothing was applied", words::window::closed(closed, inert::quoted))
}

/// Says what could not be told, since something could not be read.
pub fn unread(unread: &Unread) -> String {
    let quoted = inert::quoted;
    match unread {
        Unread::People { wave } => {
            format!("the people of {} could not be counted: not all of them could be read", quoted(wave))
        }
        Unread::Condition { wave, before } => format!(
            "whether {} may begin is not known: not all people of {} could be read",
            quoted(wave),
            quoted(before)
        ),
    }
}

/// Names the tenant, by its id where it has no name.
fn tenant(overview: &Overview) -> String {
    overview.tenant_name.as_deref().map_or_else(|| overview.tenant.to_string(), str::to_owned)
}

/// Gives where days begin.
fn zone(overview: &Overview) -> TimeZone {
    TimeZone::get(&overview.time_zone).unwrap_or(TimeZone::UTC)
}

/// Writes the days of a span, its last one included: `2026-03-02 – 2026-04-15`, `from 2026-03-02`.
fn days(first: Option<Date>, end: Option<Date>) -> String {
    let last = end.and_then(|end| end.yesterday().ok());
    match (first, last) {
        (None, _) => "no date yet".to_owned(),
        (Some(first), None) => format!("from {first}"),
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) => format!("{first} – {last}"),
    }
}

/// Writes where in its time a wave is: `day 8 of 45`.
fn progress(wave: &Wave, today: Date) -> Option<String> {
    let first = wave.first.filter(|_| wave.status.has_begun())?;
    let day = days_between(first, today) + 1;
    match wave.end {
        Some(end) if end > today => Some(format!("day {day} of {}", days_between(first, end))),
        Some(_) => None,
        None => Some(format!("day {day}")),
    }
}

/// Counts the people of a wave: `120 people`, `12 of 120 people (10%)`; only the share where nobody was counted.
fn headcount(wave: &Wave) -> Option<String> {
    let canary = wave.status.canary;
    match wave.people {
        None if canary == Percent::ALL => None,
        None => Some(format!("canary of {canary}")),
        Some(Headcount { named, taken_in: _ }) if canary == Percent::ALL => Some(people(named)),
        Some(Headcount { named, taken_in }) => {
            Some(format!("{} of {} ({canary})", super::number::count(taken_in), people(named)))
        }
    }
}

/// Counts days from one to another.
fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// Says how far off a span is: `in 23 days`, `now`, `over`.
fn distance(state: When, first: Date, today: Date) -> String {
    match state {
        When::Ahead => {
            let days = u64::try_from(days_between(today, first)).unwrap_or_default();
            format!("in {}", counted(days, "day", "days"))
        }
        When::Now => "now".to_owned(),
        When::Over => "over".to_owned(),
    }
}

/// Writes the days of a week: `every day`, `mon–thu`, `mon, wed`.
fn weekdays(days: &[String]) -> String {
    const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    if days.len() == WEEK.len() {
        return "every day".to_owned();
    }
    let in_a_row = days.len() > 2
        && WEEK.windows(days.len()).any(|some| some.iter().zip(days).all(|(one, other)| one == other));
    match days {
        [first, .., last] if in_a_row => format!("{first}–{last}"),
        _ => days.join(", "),
    }
}
