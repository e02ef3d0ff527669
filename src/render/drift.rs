//! Renders a plan as drift: what differs from the manifest, and what others changed.

use std::io::{self, Write};

use super::Look;
use super::number::{count, counted};
use super::plan::{Voice, body, counts, unchanged};
use crate::plan::Plan;

/// Writes drift as text.
///
/// It has the form of a plan without objections, since nothing is about to be done; its JSON, CSV and Markdown are
/// the plan's.
pub fn text(out: &mut dyn Write, plan: &Plan, look: Look) -> io::Result<()> {
    body(out, plan, &[], look, Voice::Drift, &last_line(plan))
}

/// Writes the last line of drift: `Drift: …`, or `No drift: …` and what was compared.
pub fn last_line(plan: &Plan) -> String {
    let outside = plan.outside_changes.len() as u64;
    let others = match outside {
        0 => String::new(),
        _ => format!("; others changed {}", counted(outside, "setting", "settings")),
    };
    if plan.operations.is_empty() {
        return format!("No drift: {}{others}.", unchanged(&plan.summary));
    }
    let differ = plan.operations.len() as u64;
    let verb = if differ == 1 { "value differs" } else { "values differ" };
    format!("Drift: {}; {} {verb} from what the manifest asks{others}.", counts(&plan.summary), count(differ))
}
