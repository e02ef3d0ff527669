//! Who may consent to what a guard objects to: a person to the plan before their eyes, everybody else in writing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::args::Global;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use crate::manifest;
use crate::model::{Class, PlanHash, Waiver};
use crate::plan::guard::Objection;

/// Is what is known of the place where `--allow` was typed.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "these are four facts that go in every combination")]
struct Place {
    /// A plan is carried out that was saved earlier.
    saved: bool,
    /// A person sits at a terminal.
    terminal: bool,
    /// A pipeline runs this.
    ci: bool,
    /// The tenant is a simulated one.
    sandbox: bool,
}

impl Place {
    /// Says whether somebody is there who sees the plan to which `--allow` consents; of a sandbox nobody needs to.
    fn can_allow(self) -> bool {
        let Self { saved, terminal, ci, sandbox } = self;
        terminal || (!saved && (sandbox || !ci))
    }
}

/// Refuses `--allow` where nobody sees the plan that it would consent to.
pub(super) fn may_allow(
    global: &Global,
    console: &Console,
    saved: Option<&Path>,
    allow: &[Class],
) -> Result<(), Failure> {
    let place = Place {
        saved: saved.is_some(),
        terminal: console.can_ask,
        ci: console.ci,
        sandbox: global.sandbox.is_some(),
    };
    let Some(class) = allow.first().filter(|_| !place.can_allow()) else { return Ok(()) };
    let plan = saved.map_or("plan.json".to_owned(), |plan| plan.display().to_string());
    Err(Failure::wrong("`--allow` consents to a plan that a person sees, and there is no terminal here").hint(
        format!("consent in writing: `insightctl waive {plan} --class {class} --reason TEXT`, and apply the saved plan with `--waiver FILE`"),
    ))
}

/// Reads waivers, and makes sure that each holds today, and for this plan.
pub(super) fn waivers(files: &[PathBuf], plan: PlanHash, now: Timestamp) -> Result<Vec<Waiver>, Failure> {
    let mut waivers = Vec::with_capacity(files.len());
    for file in files {
        let waiver = manifest::read_waiver(file)?;
        let place = file.display();
        if waiver.plan != plan {
            let fact = format!("the waiver {place} is for another plan");
            return Err(Failure::new(Exit::Refused, fact)
                .hint(format!("it names {}, and this plan is {plan}", waiver.plan))
                .hint("a plan that changed by one byte is another plan: have the new one reviewed, and waive anew"));
        }
        if waiver.is_over(now) {
            let fact = format!("the waiver {place} held until {}", waiver.until);
            return Err(Failure::new(Exit::Refused, fact).hint("`insightctl waive` writes a new one"));
        }
        waivers.push(waiver);
    }
    Ok(waivers)
}

/// Gathers the classes that waivers consent to.
pub(super) fn waived(waivers: &[Waiver]) -> BTreeSet<Class> {
    waivers.iter().flat_map(|waiver| &waiver.class).copied().collect()
}

/// Keeps the waivers without which a guard would object.
pub(super) fn used(waivers: Vec<Waiver>, objections: &[Objection]) -> Vec<Waiver> {
    let needed = |waiver: &Waiver| objections.iter().any(|objection| waiver.class.contains(&objection.class));
    waivers.into_iter().filter(needed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_sees_a_plan_can_allow_it_by_a_word() {
        let can = |saved, terminal, ci, sandbox| Place { saved, terminal, ci, sandbox }.can_allow();
        for (saved, ci, sandbox) in [(false, false, false), (true, false, false), (true, true, true)] {
            assert!(can(saved, true, ci, sandbox), "a person sees it");
        }
        assert!(!can(true, false, false, false) && !can(true, false, true, true), "a saved plan, unseen");
        assert!(can(false, false, false, false), "a script of one's own");
        assert!(!can(false, false, true, false), "a pipeline");
        assert!(can(false, false, true, true), "a pipeline that plays");
    }
}
