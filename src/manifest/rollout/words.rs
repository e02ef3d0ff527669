//! Reads single words of a rollout.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Around;
use crate::manifest::fields::text;
use crate::manifest::problem::{Reporter, meant, quoted};
use crate::manifest::syntax::{Located, Node};
use crate::model::rollout::Percent;

/// Is the longest time that is counted in days: ten years.
pub(super) const MOST_DAYS: u32 = 3_660;

/// Reads a time zone by its IANA name.
pub(super) fn time_zone(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<TimeZone> {
    let typed = text(node, "`time-zone`", report)?;
    let zone = TimeZone::get(typed).ok();
    if zone.is_none() {
        report
            .error(node.at, format!("there is no time zone {}", quoted(typed)))
            .hint("write an IANA name, such as `Europe/Berlin`, `America/New_York` or `UTC`");
    }
    zone
}

/// Reads a number of days: `45 days`, `45d`, `6 weeks`.
pub(super) fn days(node: &Located<Node>, what: &str, report: &mut Reporter<'_>) -> Option<u32> {
    const HINT: &str = "write a number of days or weeks, such as `45 days` or `6 weeks`";
    let typed = match &node.value {
        Node::Str(typed) => typed.trim(),
        Node::Null => return None,
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Seq(_) | Node::Map(_) => {
            report
                .error(node.at, format!("{what} must be a number with its unit, not {}", node.value.kind()))
                .hint(HINT);
            return None;
        }
    };
    let digits = typed.len() - typed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = typed.split_at(digits);
    let per_unit = match unit.trim().to_ascii_lowercase().as_str() {
        "d" | "day" | "days" => Some(1),
        "w" | "week" | "weeks" => Some(7),
        _ => None,
    };
    let days = per_unit.and_then(|unit: u32| number.parse::<u32>().ok()?.checked_mul(unit));
    match days {
        None => {
            report.error(node.at, format!("{} is no number of days", quoted(typed))).hint(HINT);
            None
        }
        Some(days) if days > MOST_DAYS => {
            report.error(node.at, format!("{what} is longer than ten years")).hint(HINT);
            None
        }
        days => days,
    }
}

/// Reads a share: `10%`, `0.5%`.
pub(super) fn percent(node: &Located<Node>, what: &str, report: &mut Reporter<'_>) -> Option<Percent> {
    const HINT: &str = "write a share from 0% to 100%, such as `10%` or `0.5%`";
    let typed = match &node.value {
        Node::Str(typed) => typed.trim(),
        Node::Null => return None,
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Seq(_) | Node::Map(_) => {
            report.error(node.at, format!("{what} must be a share, not {}", node.value.kind())).hint(HINT);
            return None;
        }
    };
    let share = typed.strip_suffix('%').and_then(|number| hundredths(number.trim_end()));
    let share = share.and_then(Percent::of_hundredths);
    if share.is_none() {
        report.error(node.at, format!("{} is no share", quoted(typed))).hint(HINT);
    }
    share
}

/// Reads a decimal number with at most two decimals as hundredths.
fn hundredths(number: &str) -> Option<u16> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
        return None;
    }
    let decimals = decimals.parse::<u16>().ok()? * if decimals.len() == 1 { 10 } else { 1 };
    whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(decimals)
}

/// Reads the moment at which something begins: a day in the rollout's time zone, or a moment that is written out.
pub(super) fn beginning(
    node: &Located<Node>,
    what: &str,
    around: Around<'_>,
    report: &mut Reporter<'_>,
) -> Option<Timestamp> {
    let typed = text(node, what, report)?;
    let day = || {
        let date: Date = (typed.len() == 10).then(|| typed.parse().ok())??;
        Some(date.to_zoned(around.time_zone.clone()).ok()?.timestamp())
    };
    let moment = typed.parse().ok().or_else(day);
    if moment.is_none() {
        report
            .error(node.at, format!("{} is neither a day nor a moment", quoted(typed)))
            .hint("write a day such as 2026-03-02, or a moment such as 2026-03-02T08:00:00Z");
    }
    moment
}

/// Reads the name of a wave, and gives its index.
pub(super) fn wave(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Option<u32> {
    let typed = text(node, "a wave", report)?;
    let found = (0..).zip(around.waves).find(|(_, (wave, _))| &*wave.name == typed);
    if found.is_none() {
        let known = || around.waves.iter().map(|(wave, _)| &*wave.name);
        let hint = meant(typed, known()).map_or_else(
            || "name one of the `waves` of this rollout".to_owned(),
            |name| format!("did you mean `{name}`?"),
        );
        report.error(node.at, format!("there is no wave {}", quoted(typed))).hint(hint);
    }
    found.map(|(index, _)| index)
}
