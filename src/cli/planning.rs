//! What `plan`, `drift` and `apply` share: look, plan, review.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::args::{Consent, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{Session, View};
use crate::model::{ActualState, Class, DesiredState, Ledger, Standing};
use crate::plan::guard::{Objection, review};
use crate::plan::{Note, Occasion, Plan, Reason, Stays, plan, standings};
use crate::render;
use crate::rollout::adoption::{Stands, tallies};
use crate::store::Remembered;

/// Is a plan, and what guards say of it.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) objections: Vec<Objection>,
}

/// Looks at the tenant and plans.
pub(super) async fn make(
    session: &Session,
    remembered: &Remembered,
    consent: &Consent,
) -> Result<Planned, Failure> {
    Ok(measured(session, remembered, consent).await?.0)
}

/// Looks at the tenant, plans, and says where each person in scope stands.
pub(super) async fn measured(
    session: &Session,
    remembered: &Remembered,
    consent: &Consent,
) -> Result<(Planned, Vec<Stands>), Failure> {
    let View { membership: _, desired, actual } = session.look(remembered, None, false).await?;
    if consent.strict
        && let Some(overlap) = desired.overlaps.iter().find(|overlap| !overlap.same_outcome)
    {
        let (winner, loser) = (&overlap.winner, &overlap.loser);
        let fact = format!(
            "`{winner}` and `{loser}` want different things of people whom both name ({})",
            overlap.people
        );
        return Err(Failure::wrong(fact)
            .hint(format!("`{winner}` stands first and wins; take them out of `{loser}`")));
    }
    let allowed: BTreeSet<Class> = consent.allow.iter().copied().collect();
    let context = session.context(remembered, allowed.contains(&Class::RePin));
    let mut plan = plan(&desired, &actual, &remembered.ledger, &context);
    let objections = review(&plan, &desired.limits, &allowed);
    let stands = stands(&plan, &desired, &actual, &remembered.ledger);
    let names: Vec<_> = desired.groups.iter().map(|group| Arc::clone(&group.name)).collect();
    plan.standings = tallies(session.manifest.rollout(), &names, stands.iter().copied());
    Ok((Planned { plan, objections }, stands))
}

/// Says where each person in scope stands; whoever the directory does not know is out of reach.
fn stands(plan: &Plan, desired: &DesiredState, actual: &ActualState, ledger: &Ledger) -> Vec<Stands> {
    let known = standings(plan, desired, actual, ledger).into_iter();
    let known = known.map(|(id, group, standing)| Stands { person: Some(id), group, standing });
    let strangers = desired.not_found.iter().map(|missing| Stands {
        person: None,
        group: missing.group,
        standing: Standing::OutOfReach,
    });
    known.chain(strangers).collect()
}

/// Seals a plan where it is saved, or shown to be compared with what was saved.
pub(super) fn sealed(planned: Planned, form: Format) -> Result<Planned, Failure> {
    match form {
        Format::Json | Format::Markdown => {
            let Planned { plan, objections } = planned;
            Ok(Planned { plan: render::plan::sealed(plan)?, objections })
        }
        Format::Text | Format::Csv => Ok(planned),
    }
}

/// Says whether something that the plan hangs on could not be read.
pub(super) fn is_incomplete(plan: &Plan) -> bool {
    let unreadable = |note: &Note| matches!(note, Note::Unreadable { .. } | Note::TenantUnreadable { .. });
    let not_undone = match &plan.occasion {
        Some(Occasion::Rollback(undone)) => undone.left_out.as_slice(),
        Some(Occasion::Recording(_)) | None => &[],
    };
    plan.summary.left_alone.contains_key(&Reason::Unknown)
        || plan.notes.iter().any(unreadable)
        || not_undone.iter().any(|left_out| left_out.why == Stays::Because(Reason::Unknown))
}

/// Chooses the exit code of a command that only looks.
pub(super) fn exit(planned: &Planned, detailed: bool, enforce_guards: bool) -> Exit {
    if enforce_guards && !planned.objections.is_empty() {
        Exit::Refused
    } else if is_incomplete(&planned.plan) {
        Exit::Incomplete
    } else if detailed && !planned.plan.operations.is_empty() {
        Exit::Pending
    } else {
        Exit::Done
    }
}
