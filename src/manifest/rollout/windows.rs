//! Reads `windows` and `freezes`.

use std::sync::Arc;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::{Around, meeting, words};
use crate::manifest::fields::{Fields, fields, items, text};
use crate::manifest::problem::{At, Reporter, meant, one_of, quoted};
use crate::manifest::syntax::{Located, Node};
use crate::model::rollout::{Freeze, Span, Weekdays, Window};

const WINDOW: [&str; 6] = ["name", "days", "from", "to", "time-zone", "waves"];
const FREEZE: [&str; 5] = ["name", "from", "to", "time-zone", "waves"];

const DAYS: [(&str, &str, Weekday); 7] = [
    ("mon", "monday", Weekday::Monday),
    ("tue", "tuesday", Weekday::Tuesday),
    ("wed", "wednesday", Weekday::Wednesday),
    ("thu", "thursday", Weekday::Thursday),
    ("fri", "friday", Weekday::Friday),
    ("sat", "saturday", Weekday::Saturday),
    ("sun", "sunday", Weekday::Sunday),
];

/// Is the longest freeze that is no mistake, in days: a year.
const LONGEST: i32 = 366;

/// Reads `windows`.
pub(super) fn windows(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Vec<Window> {
    let mut windows: Vec<(Window, At)> = Vec::new();
    for item in items(node, "`windows`", report).unwrap_or_default() {
        let Some(fields) = fields(item, "a window", &WINDOW, report) else { continue };
        let named = name(&fields, "window", report);
        let window = window(&fields, around, report);
        let (Some((name, at)), Some(window)) = (named, window) else {
            not_read(item.at, "window", report);
            continue;
        };
        unique(&name, at, windows.iter().map(|(window, at)| (&window.name, *at)), "windows", report);
        windows.push((Window { name, ..window }, at));
    }
    meeting::check(&windows, report);
    windows.into_iter().map(|(window, _)| window).collect()
}

/// Reads `freezes`.
pub(super) fn freezes(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Vec<Freeze> {
    let mut freezes: Vec<(Freeze, At)> = Vec::new();
    for item in items(node, "`freezes`", report).unwrap_or_default() {
        let Some(fields) = fields(item, "a freeze", &FREEZE, report) else { continue };
        let named = name(&fields, "freeze", report);
        let freeze = freeze(&fields, around, report);
        let (Some((name, at)), Some(freeze)) = (named, freeze) else {
            not_read(item.at, "freeze", report);
            continue;
        };
        unique(&name, at, freezes.iter().map(|(freeze, at)| (&freeze.name, *at)), "freezes", report);
        freezes.push((Freeze { name, ..freeze }, at));
    }
    freezes.into_iter().map(|(freeze, _)| freeze).collect()
}

/// Reads all of a window but its name.
fn window(fields: &Fields<'_>, around: Around<'_>, report: &mut Reporter<'_>) -> Option<Window> {
    let days = fields.get("days").map_or(Some(Weekdays::ALL), |node| days(node, report));
    let time_zone = zone(fields, around, report);
    let waves = waves(fields, around, report);
    let from = required(fields, "from", "a window", report)
        .and_then(|node| Some((time(node, "`from`", report)?, node.at)));
    let to = required(fields, "to", "a window", report)
        .and_then(|node| Some((time(node, "`to`", report)?, node.at)));
    let ((from, at_from), (to, at_to)) = (from?, to?);
    let TimeOfDay::At(from) = from else {
        report
            .error(at_from, "a window cannot open at the end of a day")
            .hint("write \"00:00\", and name the day after among the `days`");
        return None;
    };
    if to == TimeOfDay::At(from) {
        report.error(at_to, "the window closes when it opens").hint(
            "the whole day is `from: \"00:00\"`, `to: \"24:00\"`; a `to` before the `from` is on the next day",
        );
        return None;
    }
    let to = match to {
        TimeOfDay::At(to) => to,
        TimeOfDay::End => Time::midnight(),
    };
    Some(Window { name: Arc::from(""), time_zone: time_zone?, days: days?, from, to, waves: waves? })
}

/// Reads all of a freeze but its name.
fn freeze(fields: &Fields<'_>, around: Around<'_>, report: &mut Reporter<'_>) -> Option<Freeze> {
    let time_zone = zone(fields, around, report);
    let waves = waves(fields, around, report);
    let from = required(fields, "from", "a freeze", report).and_then(|node| date(node, "`from`", report));
    let to = required(fields, "to", "a freeze", report)
        .and_then(|node| Some((date(node, "`to`", report)?, node.at)));
    let (from, (to, at)) = (from?, to?);
    if to < from {
        report
            .error(at, format!("the freeze ends on {to}, before it begins on {from}"))
            .hint("`to` is its last day, and still frozen");
        return None;
    }
    if to.duration_since(from).as_hours() / 24 > i64::from(LONGEST) {
        report
            .warning(at, "the freeze lasts longer than a year")
            .hint("nothing is changed in all that time; check the year");
    }
    Some(Freeze { name: Arc::from(""), time_zone: time_zone?, span: Span { from, to }, waves: waves? })
}

/// Reads the name, with its place.
fn name(fields: &Fields<'_>, what: &str, report: &mut Reporter<'_>) -> Option<(Arc<str>, At)> {
    let Some(node) = fields.get("name") else {
        report
            .error(fields.at, format!("a {what} has no `name`"))
            .hint("give it one: it is told to whoever has to wait");
        return None;
    };
    Some((text(node, "`name`", report)?.into(), node.at))
}

/// Makes sure that a manifest without one of its windows or freezes is refused, since it would let more be changed.
fn not_read(at: At, what: &str, report: &mut Reporter<'_>) {
    if !report.problems.has_errors() {
        report.error(at, format!("the {what} could not be read"));
    }
}

fn unique<'n>(
    name: &str,
    at: At,
    mut before: impl Iterator<Item = (&'n Arc<str>, At)>,
    what: &str,
    report: &mut Reporter<'_>,
) {
    if let Some((_, first)) = before.find(|(other, _)| &***other == name) {
        report
            .error(at, format!("two {what} are called {}", quoted(name)))
            .hint(format!("the first is on line {}", first.line));
    }
}

fn required<'n>(
    fields: &Fields<'n>,
    word: &'static str,
    what: &str,
    report: &mut Reporter<'_>,
) -> Option<&'n Located<Node>> {
    let found = fields.get(word);
    if found.is_none() {
        report.error(fields.at, format!("{what} has no `{word}`"));
    }
    found
}

/// Reads where its clock hangs: by default with that of the rollout.
fn zone(fields: &Fields<'_>, around: Around<'_>, report: &mut Reporter<'_>) -> Option<TimeZone> {
    match fields.get("time-zone") {
        Some(node) => words::time_zone(node, report),
        None => Some(around.time_zone.clone()),
    }
}

/// Reads the waves that it is for, sorted; none means everything.
fn waves(fields: &Fields<'_>, around: Around<'_>, report: &mut Reporter<'_>) -> Option<Vec<u32>> {
    let Some(node) = fields.get("waves") else { return Some(Vec::new()) };
    let items = items(node, "`waves`", report)?;
    let mut waves = items.iter().map(|item| words::wave(item, around, report)).collect::<Vec<_>>();
    waves.sort_unstable();
    waves.dedup();
    waves.into_iter().collect()
}

/// Reads days of the week: a list of days and ranges, or one of them by itself.
fn days(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Weekdays> {
    let items = match &node.value {
        Node::Str(_) => vec![node],
        Node::Null | Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Seq(_) | Node::Map(_) => {
            if node.value == Node::Seq(Vec::new()) {
                report
                    .error(node.at, "the window has no days, and so never opens")
                    .hint("name some, or remove `days` for every day");
                return None;
            }
            items(node, "`days`", report)?
        }
    };
    let read = items.iter().map(|item| some_days(item, report)).collect::<Vec<_>>();
    read.into_iter()
        .try_fold(Weekdays::default(), |all, some| Some(some?.into_iter().fold(all, Weekdays::with)))
}

/// Reads `mon`, or `mon-fri`, which may run over the end of the week.
fn some_days(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Vec<Weekday>> {
    let typed = text(node, "a day", report)?;
    let Some((first, last)) = typed.split_once('-') else { return Some(vec![day(typed, node.at, report)?]) };
    let (first, last) = (day(first, node.at, report), day(last, node.at, report));
    let (first, last) = (first?, last?);
    let length = first.until(last);
    Some(first.cycle_forward().take(usize::try_from(length).unwrap_or_default() + 1).collect())
}

fn day(typed: &str, at: At, report: &mut Reporter<'_>) -> Option<Weekday> {
    let typed = typed.trim();
    let is = |word: &str| word.eq_ignore_ascii_case(typed);
    let found = DAYS.iter().find(|(short, long, _)| is(short) || is(long));
    if found.is_none() {
        let lower = typed.to_lowercase();
        let words = || DAYS.iter().flat_map(|(short, long, _)| [*short, *long]);
        let hint = meant(&lower, words()).map_or_else(
            || format!("write {}, or a range such as `mon-fri`", one_of(&DAYS.map(|(short, _, _)| short))),
            |word| format!("did you mean `{word}`?"),
        );
        report.error(at, format!("{} is no day of the week", quoted(typed))).hint(hint);
    }
    found.map(|(_, _, day)| *day)
}

/// Reads a time of the day such as `20:00`; 24:00, the end of a day, is told from 00:00.
fn time(node: &Located<Node>, what: &str, report: &mut Reporter<'_>) -> Option<TimeOfDay> {
    let typed = text(node, what, report)?;
    let number = |digits: &str| {
        let fits =
            digits.len() <= 2 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| digits.parse::<i8>().ok()).flatten()
    };
    let read = typed.split_once(':').and_then(|(hour, minute)| {
        match (number(hour)?, number(minute).filter(|_| minute.len() == 2)?) {
            (24, 0) => Some(TimeOfDay::End),
            (hour, minute) => Some(TimeOfDay::At(Time::new(hour, minute, 0, 0).ok()?)),
        }
    });
    if read.is_none() {
        report
            .error(node.at, format!("{} is no time of the day", quoted(typed)))
            .hint("write hours and minutes, from \"00:00\" to \"24:00\"");
    }
    read
}

/// Is a time of the day as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeOfDay {
    At(Time),
    /// 24:00.
    End,
}

/// Says whether a year is one in which somebody may want to freeze changes; no calendar ends in it.
fn is_near(date: Date) -> bool {
    (2000..3000).contains(&date.year())
}

/// Reads a day.
fn date(node: &Located<Node>, what: &str, report: &mut Reporter<'_>) -> Option<Date> {
    let typed = text(node, what, report)?;
    let date = (typed.len() == 10).then(|| typed.parse().ok()).flatten();
    let date = date.filter(|date: &Date| is_near(*date));
    if date.is_none() {
        report
            .error(node.at, format!("{} is no day", quoted(typed)))
            .hint("write a day such as 2026-12-18; a freeze takes whole days, the last one included");
    }
    date
}
