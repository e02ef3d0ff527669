//! Renders a plan as drift: what differs from the manifest, and what others changed.

use std::io::{self, Write};

use super::Look;
use super::number::{count, counted};
use super::plan::{Voice, body, comment, counts, unchanged};
use crate::plan::Plan;

/// Writes drift as text.
///
/// It has the form of a plan without objections, since nothing is about to be done; its JSON and CSV are the plan's.
pub fn text(out: &mut dyn Write, plan: &Plan, look: Look) -> io::Result<()> {
    body(out, plan, &[], look, Voice::Drift, &last_line(plan))
}

/// Writes drift as Markdown, below 60,000 characters; see [`plan::markdown`](super::plan::markdown).
pub fn markdown(plan: &Plan, details: usize) -> String {
    comment(plan, &[], details, Voice::Drift, &last_line(plan))
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
    // Pins and features stated again are written although they are as wanted.
    let differ =
        plan.operations.iter().filter(|operation| operation.from != Some(operation.to)).count() as u64;
    let verb = if differ == 1 { "value differs" } else { "values differ" };
    format!("Drift: {}; {} {verb} from what the manifest asks{others}.", counts(&plan.summary), count(differ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn drift_tells_what_differs_and_what_others_changed() {
        insta::assert_snapshot!(
            last_line(&sample::full()),
            @"Drift: 3 tenant settings, 17 people (1 opt-in, 12 opt-out, 3 pinned, 1 features, 1 service-plan-removed) of 1,208 in scope; 19 values differ from what the manifest asks; others changed 2 settings."
        );
        insta::assert_snapshot!(
            last_line(&sample::empty()),
            @"No drift: 1,208 people in scope and the tenant's defaults compared, and all is as the manifest asks."
        );
    }

    #[test]
    fn drift_asks_for_no_consent_and_announces_no_step() {
        let mut out = Vec::new();
        text(&mut out, &sample::full(), Look::default()).expect("memory");
        let text = String::from_utf8(out).expect("UTF-8");
        assert!(text.starts_with("Drift of Contoso Ltd"), "{text}");
        for form in [text, markdown(&sample::full(), 10)] {
            assert!(!form.contains("Step ") && !form.contains("move with the default"), "{form}");
            assert!(form.contains("Differs: tenant defaults that are on\n"), "{form}");
        }
    }
}
