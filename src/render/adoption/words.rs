//! The words for parts of a rollout and for where people stand.

use crate::model::Standing;
use crate::render::number::{count, list, percent};
use crate::rollout::adoption::{Adoption, Goal, GoalOf, Part, Row, Verdict};

/// Is how many parts that are told together are named, before it is only said how many they are.
const NAMED: usize = 2;

/// Says where people stand.
pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::OptedIn => "opted in",
        Standing::OptedOutThemselves => "opted out by themselves",
        Standing::OptedOut => "opted out as asked",
        Standing::Settling => "settling",
        Standing::Pending => "pending",
        Standing::Failed => "failed",
        Standing::Unlicensed => "unlicensed",
        Standing::Unknown => "unknown",
        Standing::Waiting => "waiting",
        Standing::OutOfReach => "out of reach",
    }
}

/// Names a part; names of others pass through `quote`.
pub(super) fn part(of: &Part, quote: fn(&str) -> String) -> String {
    match of {
        Part::Everybody => "Everybody".to_owned(),
        Part::Wave { name } | Part::Group { name } | Part::Department { name } => quote(name),
        Part::NoWave => "(in no wave)".to_owned(),
        Part::NoDepartment => "(no department)".to_owned(),
        Part::Merged { parts } if parts.len() <= NAMED => {
            parts.iter().map(|each| part(each, quote)).collect::<Vec<_>>().join(" + ")
        }
        Part::Merged { parts } => format!("({} others)", count(parts.len() as u64)),
    }
}

/// Says what kind of part it is, for programs.
pub(super) fn kind(part: &Part) -> &'static str {
    match part {
        Part::Everybody => "everybody",
        Part::Wave { .. } => "wave",
        Part::NoWave => "no-wave",
        Part::Group { .. } => "group",
        Part::Department { .. } => "department",
        Part::NoDepartment => "no-department",
        Part::Merged { .. } => "merged",
    }
}

/// Says what is to be reached: `at least 60% opted in`.
pub(super) fn goal(goal: Goal) -> String {
    match goal.goal {
        GoalOf::OptedIn => format!("at least {} opted in", goal.share),
        GoalOf::OptedOutAtMost => format!("at most {} opted out by themselves", goal.share),
    }
}

/// Says whether a goal is reached.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not met",
        Verdict::TooFewToSay => "too few people to say",
    }
}

/// Writes how many stand there, and which share of those in reach that is: `84 (70 %)`; `·` where it is not told.
pub(super) fn share(row: &Row, standing: Standing) -> String {
    let Some(people) = row.told(standing) else { return "·".to_owned() };
    let share = row.share(standing).and_then(|(people, of)| percent(people, of));
    match share {
        Some(share) => format!("{} ({share})", count(people)),
        None => count(people),
    }
}

/// Says how many are not told apart, and what they may be; `None` where everything is told.
pub(super) fn not_told_apart(row: &Row) -> Option<String> {
    let hidden: Vec<_> = row.hidden().map(|each| standing(each).to_owned()).collect();
    (!hidden.is_empty()).then(|| format!("{} not told apart ({})", count(row.not_told_apart), list(&hidden)))
}

/// Says what numbers of two moments tell, however small the step between them.
pub(super) const TWO_MOMENTS: &str = "Numbers of two moments do tell how many moved in between, and that may be one \
    person: where that matters, make the report without its trend (--last 0).";

/// Counts the moments of which something is told: now, and each point of the trend.
pub(super) fn moments(adoption: &Adoption) -> usize {
    let now = adoption.total.iter();
    now.chain(adoption.trend.iter().filter_map(|point| point.total.as_ref())).count()
}
