//! Reads single words of a campaign: links, roles, days, names.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::fields::text;
use crate::manifest::problem::{Reporter, quoted};
use crate::manifest::rollout::words::MOST_DAYS;
use crate::manifest::syntax::{Located, Node};
use crate::manifest::words::word;
use crate::model::rollout::Role;

/// Reads a link that a person can follow: a web page, or an address to write to.
pub(super) fn link(node: &Located<Node>, what: &str, report: &mut Reporter<'_>) -> Option<Arc<str>> {
    let typed = text(node, what, report)?;
    let after = |scheme: &str| {
        let (begins, rest) = typed.split_at_checked(scheme.len())?;
        (begins.eq_ignore_ascii_case(scheme) && !rest.is_empty()).then_some(rest)
    };
    let web = after("https://").or_else(|| after("http://"));
    let is_link = web.or_else(|| after("mailto:").filter(|rest| rest.contains('@')));
    if is_link.is_none() || typed.contains(|c: char| c.is_whitespace() || c.is_control()) {
        report
            .error(node.at, format!("{} is no link", quoted(typed)))
            .hint("write `https://…`, or `mailto:` with an address");
        return None;
    }
    Some(typed.into())
}

/// Reads a text of one line.
pub(super) fn line<'n>(node: &'n Located<Node>, what: &str, report: &mut Reporter<'_>) -> Option<&'n str> {
    let typed = text(node, what, report)?;
    if typed.len() > 500 || typed.contains(char::is_control) {
        report.error(node.at, format!("{what} must be one line of at most 500 bytes"));
        return None;
    }
    Some(typed)
}

/// Reads a role, and warns where `owners` does not mention it.
pub(super) fn owner(
    node: &Located<Node>,
    mentioned: &BTreeSet<Role>,
    report: &mut Reporter<'_>,
) -> Option<Role> {
    let role = word(node, "`owner`", &Role::ALL.map(|role| (role.word(), role)), report)?;
    if !mentioned.contains(&role) {
        report
            .warning(node.at, format!("nobody is named as {}", role.word()))
            .hint(format!("name them under `owners:` as `{}`", role.word()));
    }
    Some(role)
}

/// Reads a day of a wave that runs for so many days.
///
/// There is no day 0, so that `-7` is a week before day 1.
pub(super) fn day(
    node: &Located<Node>,
    what: &str,
    runs_for: Option<u32>,
    report: &mut Reporter<'_>,
) -> Option<i32> {
    const HINT: &str = "1 is the first day of the wave, and -1 the day before it";
    let typed = match &node.value {
        Node::Int(number) => *number,
        Node::Null => return None,
        Node::Bool(_) | Node::Float(_) | Node::Str(_) | Node::Seq(_) | Node::Map(_) => {
            report
                .error(node.at, format!("{what} must be a whole number, not {}", node.value.kind()))
                .hint(HINT);
            return None;
        }
    };
    let most = i128::from(MOST_DAYS);
    if typed == 0 {
        report.error(node.at, "there is no day 0").hint(HINT);
        return None;
    }
    if let Some(last) = runs_for
        && typed > i128::from(last)
        && typed <= most
    {
        report
            .error(node.at, format!("day {typed} is after the end of its wave"))
            .hint(format!("the wave runs for {last} days: write a day up to {last}, or let it run longer"));
        return None;
    }
    let day = i32::try_from(typed).ok().filter(|day| day.unsigned_abs() <= MOST_DAYS);
    if day.is_none() {
        report.error(node.at, format!("day {typed} is further away than ten years")).hint(HINT);
    }
    day
}

/// Says whether a name can begin the name of a file everywhere.
pub(super) fn is_file_safe(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric();
    name.len() <= 64 && name.starts_with(letter) && name.chars().all(|c| letter(c) || matches!(c, '-' | '_'))
}
