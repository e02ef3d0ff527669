//! Renders a plan: as text for a terminal, Markdown for a pull request, JSON and CSV.

use std::io::{self, Write};

use super::Look;
use super::json;
use super::page::Mark;
use crate::model::{Mode, Overlap, PlanHash, ServicePlan, Switch, Value};
use crate::plan::guard::Objection;
use crate::plan::hash::Sealing;
use crate::plan::{GroupLicences, Operation, Phase, Plan};

mod last;
mod markdown;
mod rows;
mod steps;
mod text;
mod told;
mod undone;

pub use last::last_line;
pub(super) use last::{counts, unchanged};
pub(super) use markdown::comment;
pub use markdown::markdown;
pub use rows::csv;
use steps::{Block, Lead, Steps};
pub(super) use text::body;
pub(super) use told::Voice;

/// Writes a plan as text, objections first.
pub fn text(out: &mut dyn Write, plan: &Plan, objections: &[Objection], look: Look) -> io::Result<()> {
    text::text(out, plan, objections, look)
}

/// Writes the plan itself as JSON, indented, with a newline at its end.
///
/// This is the form that `apply` reads. Characters that a terminal would obey are escaped; the value is the same.
pub fn json(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    json::pretty(out, plan)
}

/// Gives a plan the hash of the file that [`json()`] writes of it.
///
/// Nothing is kept of the file's text, so that a plan for a million people is not in memory twice.
pub fn sealed(plan: Plan) -> io::Result<Plan> {
    let mut plan = Plan { hash: PlanHash::default(), ..plan };
    let mut out = io::BufWriter::with_capacity(1 << 16, Sealing::default());
    json(&mut out, &plan)?;
    plan.hash = out.into_inner()?.hash();
    Ok(plan)
}

/// Says in one fact, and one remedy for each, which classes of change were refused.
///
/// For the moment after the plan was shown: the plan tells the numbers, this tells why nothing is done. `saved` is the
/// file of a saved plan.
pub fn refusal(objections: &[Objection], saved: Option<&str>) -> (String, Vec<String>) {
    let mut classes: Vec<_> = objections.iter().map(|objection| objection.class).collect();
    classes.sort_unstable();
    classes.dedup();
    let words: Vec<_> = classes.iter().map(ToString::to_string).collect();
    let verb = if words.len() == 1 { "needs" } else { "need" };
    let fact = format!("{} {verb} consent, so nothing of this plan is done", super::number::list(&words));
    let remedy = |class| match saved {
        Some(file) => super::objection::remedy_of_saved(class, Some(file)),
        None => super::objection::remedy(class),
    };
    (fact, classes.into_iter().map(remedy).collect())
}

/// Says who decides for the people whom two groups name.
pub fn overlap(overlap: &Overlap) -> String {
    told::overlap(overlap, super::inert::quoted)
}

/// Chooses the symbol of what changes in a licensing group.
pub(super) fn mark_of_group(group: &GroupLicences) -> Mark {
    match group.phase() {
        Phase::PlanRemove => Mark::Withdrawn,
        Phase::PlanAssign => Mark::Granted,
        Phase::Withdraw | Phase::Pin | Phase::DefaultsOff | Phase::DefaultsOn | Phase::Grant => Mark::Changed,
    }
}

/// Chooses the symbol of one operation by what it does to people.
pub(super) fn mark(operation: &Operation) -> Mark {
    if operation.from == Some(operation.to) {
        return Mark::InSync;
    }
    match operation.to {
        Value::Mode(Mode::OptIn) | Value::Switch(Switch::On) | Value::ServicePlan(ServicePlan::Assigned) => {
            Mark::Granted
        }
        Value::Mode(Mode::OptOut) | Value::Switch(Switch::Off) | Value::ServicePlan(ServicePlan::Removed) => {
            Mark::Withdrawn
        }
        Value::ServicePlan(ServicePlan::Partial) | Value::Rate(_) => Mark::Changed,
    }
}

#[cfg(test)]
mod tests;
