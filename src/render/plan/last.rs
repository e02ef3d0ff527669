//! The last line of a plan, which says everything in one sentence.

use super::undone::{run_name, undone};
use crate::model::Class;
use crate::plan::{Plan, Reason, Summary};
use crate::render::number::{about, count, counted, people};
use crate::render::words;

/// Writes the last line of a plan: `Plan: …`, or `No changes: …` and what was compared.
pub fn last_line(plan: &Plan) -> String {
    let summary = &plan.summary;
    if plan.operations.is_empty()
        && let Some(undone) = undone(plan)
    {
        return format!("No changes: nothing of run {} is left to undo.", run_name(undone.run));
    }
    if plan.operations.is_empty() {
        return format!("No changes: {}.", unchanged(summary));
    }
    format!(
        "Plan: {}, {} and {}, {}.",
        counts(summary),
        counted(summary.calls, "call", "calls"),
        counted(summary.reads, "read", "reads"),
        about(summary.seconds)
    )
}

/// Counts what a plan changes, with the number of people in scope: `2 tenant settings, 41 people (…) of 1,208 in scope`.
pub(in crate::render) fn counts(summary: &Summary) -> String {
    let mut parts = Vec::new();
    if summary.tenant_settings > 0 {
        parts.push(words::tenant_settings(summary.tenant_settings));
    }
    let mut kinds: Vec<String> = Vec::new();
    for class in Class::ALL {
        if class == Class::Features && summary.pinned > 0 {
            kinds.push(format!("{} pinned", count(summary.pinned)));
        }
        // Leaving and defaults are counted by whom they concern, not by operations, and have lines of their own.
        let counted = !matches!(class, Class::Leaving | Class::Defaults);
        if let Some(number) = summary.by_class.get(&class).copied().filter(|number| counted && *number > 0) {
            kinds.push(words::class_counted(class, number));
        }
    }
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let outside = match summary.outside_scope {
        0 => String::new(),
        number => format!(", {} of them outside it", count(number)),
    };
    parts.push(format!("{}{kinds} of {} in scope{outside}", people(summary.people), count(summary.in_scope)));
    parts.join(", ")
}

/// Says what was compared, when nothing is to be done.
pub(in crate::render) fn unchanged(summary: &Summary) -> String {
    let in_sync = summary.left_alone.get(&Reason::InSync).copied().unwrap_or_default();
    let unknown = summary.left_alone.get(&Reason::Unknown).copied().unwrap_or_default();
    let otherwise = summary.in_scope.saturating_sub(in_sync + unknown);
    if summary.in_scope == 0 {
        return "the tenant's defaults are as the manifest asks, and its groups hold nobody".to_owned();
    }
    let compared = format!("{} in scope and the tenant's defaults compared", people(summary.in_scope));
    match (otherwise, unknown) {
        (0, 0) => format!("{compared}, and all is as the manifest asks"),
        (_, 0) => format!("{compared}; {} left alone for other reasons", count(otherwise)),
        (0, _) => format!("{compared}; {} could not be read", count(unknown)),
        (_, _) => format!(
            "{compared}; {} left alone for other reasons, {} could not be read",
            count(otherwise),
            count(unknown)
        ),
    }
}
