//! Reads the words that knobs take: switches, modes, durations, rates, counts.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::fields::text;
use super::problem::{Reporter, meant, one_of, quoted};
use super::syntax::{Located, Node};
use crate::model::{Mode, OnLeave, OnUserChoice, Rate, ServicePlan, Switch, Value};

/// Reads `on` or `off`, in any of the spellings that people use.
pub(super) fn switch(node: &Located<Node>, what: &str, report: &mut Reporter<'_>) -> Option<Switch> {
    const WORDS: [(&str, Switch); 6] = [
        ("on", Switch::On),
        ("off", Switch::Off),
        ("true", Switch::On),
        ("false", Switch::Off),
        ("yes", Switch::On),
        ("no", Switch::Off),
    ];
    if let Node::Bool(on) = node.value {
        return Some(on.into());
    }
    let Node::Str(typed) = &node.value else {
        if node.value != Node::Null {
            report
                .error(node.at, format!("{what} must be a switch, not {}", node.value.kind()))
                .hint("write `on` or `off`");
        }
        return None;
    };
    let found = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(typed.trim()));
    if found.is_none() {
        report.error(node.at, format!("{} is no value of {what}", quoted(typed))).hint("write `on` or `off`");
    }
    found.map(|(_, switch)| *switch)
}

/// Reads `opt-in` or `opt-out`.
pub(super) fn mode(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Mode> {
    if let Node::Str(typed) = &node.value
        && typed.trim().eq_ignore_ascii_case("excluded")
    {
        report
            .error(node.at, "the mode `Excluded` no longer exists")
            .hint("Microsoft retired it and turned those users into `opt-out`: write `opt-out`");
        return None;
    }
    word(node, "`mode`", &[("opt-in", Mode::OptIn), ("opt-out", Mode::OptOut)], report)
}

/// Reads `assigned` or `removed`.
pub(super) fn service_plan(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<ServicePlan> {
    let words = [("assigned", ServicePlan::Assigned), ("removed", ServicePlan::Removed)];
    word(node, "`service-plan`", &words, report)
}

/// Reads `respect` or `override`.
pub(super) fn on_user_choice(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<OnUserChoice> {
    let words = [("respect", OnUserChoice::Respect), ("override", OnUserChoice::Override)];
    word(node, "`on-user-choice`", &words, report)
}

/// Reads `keep` or `restore`.
pub(super) fn on_leave(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<OnLeave> {
    word(node, "`on-leave`", &[("keep", OnLeave::Keep), ("restore", OnLeave::Restore)], report)
}

/// Reads one of a few words, in any case.
pub(super) fn word<T: Copy>(
    node: &Located<Node>,
    what: &str,
    words: &[(&'static str, T)],
    report: &mut Reporter<'_>,
) -> Option<T> {
    let list = || one_of(&words.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    match &node.value {
        Node::Null => None,
        Node::Str(typed) => {
            let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(typed.trim()));
            if found.is_none() {
                let close = meant(typed, words.iter().map(|(word, _)| *word));
                let hint = close
                    .map_or_else(|| format!("write {}", list()), |word| format!("did you mean `{word}`?"));
                report.error(node.at, format!("{} is no value of {what}", quoted(typed))).hint(hint);
            }
            found.map(|(_, value)| *value)
        }
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Seq(_) | Node::Map(_) => {
            report
                .error(node.at, format!("{what} must be a word, not {}", node.value.kind()))
                .hint(format!("write {}", list()));
            None
        }
    }
}

/// Reads a sampling rate, 0.1 to 0.7.
pub(super) fn rate(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Value> {
    #[expect(clippy::cast_precision_loss, reason = "whole numbers are out of range anyway")]
    let share = match &node.value {
        Node::Float(share) => *share,
        Node::Int(share) => *share as f64,
        Node::Null => return None,
        Node::Bool(_) | Node::Str(_) | Node::Seq(_) | Node::Map(_) => {
            report
                .error(node.at, format!("`sampling-rate` must be a number, not {}", node.value.kind()))
                .hint("write a share from 0.1 to 0.7: 0.2 asks after every fifth meeting");
            return None;
        }
    };
    if (0.1..=0.7).contains(&share) {
        return Rate::new(share).map(Value::Rate);
    }
    report
        .error(node.at, format!("the sampling rate {share} is out of range"))
        .hint("the service takes 0.1 to 0.7: 0.2 asks after every fifth meeting");
    None
}

/// Reads how long a write may take to show, up to a week.
pub(super) fn duration(
    node: &Located<Node>,
    what: &str,
    report: &mut Reporter<'_>,
) -> Option<SignedDuration> {
    const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
    let typed = match &node.value {
        Node::Str(typed) => typed.trim(),
        Node::Null => return None,
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Seq(_) | Node::Map(_) => {
            report
                .error(node.at, format!("{what} must be a duration, not {}", node.value.kind()))
                .hint("write a number with its unit, such as `15m` or `24h`");
            return None;
        }
    };
    let Some(span) = typed.parse::<SignedDuration>().ok().filter(|span| !span.is_negative()) else {
        report
            .error(node.at, format!("{} is no duration", quoted(typed)))
            .hint("write a number with its unit, such as `15m` or `24h`");
        return None;
    };
    if span > WEEK {
        report.error(node.at, format!("{what} is longer than a week")).hint("a write shows within `168h`");
        return None;
    }
    Some(span)
}

/// Reads the moment from which something no longer holds.
///
/// A day counts to its end, in UTC: `2026-04-01` means until midnight after the first of April.
pub(super) fn until(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Timestamp> {
    let typed = match &node.value {
        Node::Str(typed) => typed.trim(),
        Node::Null => return None,
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Seq(_) | Node::Map(_) => {
            report
                .error(node.at, format!("`until` must be a day, not {}", node.value.kind()))
                .hint("write it as 2026-04-01; it counts to the end of that day, UTC");
            return None;
        }
    };
    let end_of_day = || {
        // A date with a time is not taken for a day: it would lose its time.
        let date: Date = (typed.len() == 10).then(|| typed.parse().ok())??;
        Some(date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let until = typed.parse().ok().or_else(end_of_day);
    if until.is_none() {
        report
            .error(node.at, format!("{} is neither a day nor a moment", quoted(typed)))
            .hint("write a day such as 2026-04-01, or a moment such as 2026-04-01T08:00:00Z");
    }
    until
}

/// Reads why somebody decided so: one line, which stands in plans.
pub(super) fn reason<'n>(node: &'n Located<Node>, report: &mut Reporter<'_>) -> Option<&'n str> {
    let reason = text(node, "`reason`", report)?;
    if reason.len() > 500 || reason.contains(char::is_control) {
        report.error(node.at, "a reason is one line of at most 500 bytes");
        return None;
    }
    Some(reason)
}

/// Reads a whole number within bounds.
pub(super) fn whole(
    node: &Located<Node>,
    what: &str,
    highest: u64,
    report: &mut Reporter<'_>,
) -> Option<u64> {
    match &node.value {
        Node::Null => None,
        Node::Int(number) => {
            let fits = u64::try_from(*number).ok().filter(|number| *number <= highest);
            if fits.is_none() {
                report
                    .error(node.at, format!("{what} cannot be {number}"))
                    .hint(format!("it goes from 0 to {highest}"));
            }
            fits
        }
        Node::Bool(_) | Node::Float(_) | Node::Str(_) | Node::Seq(_) | Node::Map(_) => {
            report
                .error(node.at, format!("{what} must be a whole number, not {}", node.value.kind()))
                .hint(format!("it goes from 0 to {highest}"));
            None
        }
    }
}
