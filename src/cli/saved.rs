//! Saved plans: what `apply plan.json` makes sure of before it does what somebody else approved.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::args::{Consent, Format, Freshness, Global, Output};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::planning::{self, Planned};
use super::rollback;
use super::session::{Purpose, Session, clock};
use super::timing::facts_with;
use crate::apply::{Event, Memory, Skipped, look_ahead};
use crate::manifest::Manifest;
use crate::model::{Class, Known, Refusal, Value};
use crate::plan::guard::{Objection, review};
use crate::plan::hash::{self, Unsealed};
use crate::plan::{
    Because, FORMAT, Note, Occasion, PersonTarget, Plan, Target, is_consistent, opts_in_again,
};
use crate::render;
use crate::rollout::in_force;
use crate::store::{Meanwhile, Remembered, RunId};

/// Is how far the clocks of two machines may be apart before a plan seems to come from the future.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Is what every version of a plan file says of itself.
#[derive(Debug, Deserialize)]
struct Version {
    format: u32,
}

/// Reads a saved plan, and makes sure that it is, to the byte, as it was saved.
pub(super) fn read(path: &Path) -> Result<Plan, Failure> {
    let place = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(Exit::Wrong, error).context(format!("could not read the plan {place}"))
    })?;
    let sealed = hash::check(&bytes);
    let version: Option<Version> = serde_json::from_slice(&bytes).ok();
    if let (Ok(_) | Err(Unsealed::NoHash), Some(Version { format })) = (sealed, version)
        && format > FORMAT
    {
        return Err(Failure::wrong(format!(
            "{place} has format {format}, and this version knows up to {FORMAT}"
        ))
        .hint("use the version of insightctl that wrote it, or a later one"));
    }
    // What speaks of observations is a plan, whatever else has become of it.
    let observes = || bytes.windows(14).any(|some| some == b"\"observations\"");
    match sealed {
        Ok(_) => {}
        Err(Unsealed::NoHash) if !observes() => {}
        Err(why) => {
            let failure =
                Failure::new(Exit::Stale, why).context(format!("{place} is not the plan that was saved"));
            return Err(match why {
                Unsealed::Changed { crlf: true } => failure.hint(
                    "its lines end as on Windows: keep Git from converting it (`plan.json -text` in .gitattributes)",
                ),
                Unsealed::Changed { crlf: false } | Unsealed::NoHash => failure,
            }
            .hint("nothing in a saved plan may be edited, not even its white space: plan again"));
        }
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new(Exit::Wrong, error)
            .context(format!("{place} is no plan of insightctl"))
            .hint("`insightctl plan --out plan.json` writes one")
    })
}

/// Makes sure that a plan is for the manifest's tenant, and counted and sorted as we do it.
pub(super) fn fits(plan: &Plan, manifest: &Manifest) -> Result<(), Failure> {
    if plan.basis.tenant != manifest.tenant() {
        let (made, ours) = (plan.basis.tenant, manifest.tenant());
        return Err(stale(format!("the plan was made for tenant {made}, and the manifest names {ours}")));
    }
    if !is_consistent(plan) {
        return Err(stale("the plan is not as it was made: somebody changed the file".to_owned()));
    }
    Ok(())
}

/// Finds what has made a plan stale since, before the tenant is asked; a fresh plan can then be set against it.
fn outdated(plan: &Plan, manifest: &Manifest, max_age: SignedDuration, now: Timestamp) -> Option<String> {
    let age = now.duration_since(plan.basis.read_at);
    if plan.basis.manifest != manifest.digest() {
        Some("the manifest, or a file that it names, has changed since the plan was made".to_owned())
    } else if age > max_age {
        Some(format!("the plan is {age:#} old, and may be {max_age:#} old"))
    } else if age < -CLOCKS_DIFFER {
        Some(format!("the plan was made at {}, which is yet to come", plan.basis.read_at))
    } else {
        None
    }
}

/// Is how fresh a plan must be, and where the difference to a fresh one is shown.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) freshness: &'a Freshness,
    pub(super) output: &'a Output,
    pub(super) form: Format,
}

/// Reads the plan that is to be carried out, and refuses it if it is no longer good; the difference is shown then.
pub(super) async fn approved(
    global: &Global,
    console: &Console,
    terms: Terms<'_>,
    manifest: &Manifest,
    path: &Path,
) -> Result<Plan, Failure> {
    let plan = read(path)?;
    fits(&plan, manifest)?;
    let Some(fact) = outdated(&plan, manifest, terms.freshness.max_age, clock(global).now()) else {
        return Ok(plan);
    };
    // The look comes with a store that is only read, and without the lock.
    let fresh = async {
        let session = Session::of(manifest.clone(), global, console, Purpose::Look).await?;
        let remembered = session.remembered().await?;
        let fresh = plan_again(&session, &remembered, &plan).await;
        session.close().await;
        fresh
    };
    match fresh.await {
        Ok(fresh) => difference(console, terms, &plan, &fresh.plan)?,
        Err(failure) => console
            .say(&format!("what would be planned now could not be found out:\n{}", failure.text(console)))?,
    }
    Err(stale(fact))
}

/// Is a saved plan that was made with this ledger, as the guards see it.
pub(super) struct Reviewed {
    pub(super) planned: Planned,
    /// Objections that waivers answer.
    pub(super) answered: Vec<Objection>,
    /// What the ledger has learnt since the plan was made.
    pub(super) meanwhile: Meanwhile,
}

/// Makes sure that a plan was made with this store, as far as that shows without its ledger.
pub(super) fn same_store(session: &Session, plan: &Plan) -> Result<(), Failure> {
    match &plan.basis.store {
        Some(id) if session.store.id() != Some(id) => {
            return Err(stale(format!("the plan was made with another store, {id}")));
        }
        // Before its first use a store has no id to compare; whether there is to be one is known all the same.
        None if plan.notes.contains(&Note::NoLedger) != session.store.keeps_nothing() => {
            return Err(stale(
                if session.store.keeps_nothing() {
                    "the plan was made for a store, and there is to be none"
                } else {
                    "the plan was made without a store, and there is to be one"
                }
                .to_owned(),
            ));
        }
        Some(_) | None => {}
    }
    Ok(())
}

/// Makes sure that a saved plan was made with this ledger, and lets the guards review it.
pub(super) async fn reviewed(
    session: &Session,
    remembered: &Remembered,
    consent: &Consent,
    waived: &BTreeSet<Class>,
    plan: Plan,
) -> Result<Reviewed, Failure> {
    let meanwhile = session.store.meanwhile(RunId(plan.basis.newest_run)).await?;
    same_store(session, &plan)?;
    let empty = remembered.ledger.people.is_empty() && remembered.ledger.tenant.is_empty();
    // An empty ledger is the same as none, and so is one that knows of nothing but this very plan's earlier runs.
    if plan.basis.store.is_none() && !empty && !meanwhile.is_all_of(plan.hash) {
        return Err(stale("the plan was made before this store remembered anything".to_owned()));
    }
    if let Some(fact) = out_of_time(session, remembered, &plan) {
        return Err(stale(fact));
    }
    if let Some(person) = against_consent(session, &plan, remembered) {
        let fact = format!("the plan would opt {} in against an opt-out that is not ours", person.id);
        return Err(
            Failure::new(Exit::Refused, fact).hint("no rule and no consent of yours does that; plan again")
        );
    }
    let allowed: BTreeSet<_> = consent.allow.iter().copied().collect();
    let (answered, objections) = review(&plan, session.manifest.limits(), &allowed)
        .into_iter()
        .partition(|objection| waived.contains(&objection.class));
    Ok(Reviewed { planned: Planned { plan, objections }, answered, meanwhile })
}

/// Finds what time has changed since a plan was made; what undoes a run hangs on no wave.
///
/// What opened a gate for the plan was reviewed with it, and is not asked again.
fn out_of_time(session: &Session, remembered: &Remembered, plan: &Plan) -> Option<String> {
    if plan.occasion.is_some() {
        return None;
    }
    let as_of = session.as_of();
    if plan.basis.as_of.duration_since(as_of) > CLOCKS_DIFFER {
        return Some("the plan was made for a day that has not come".to_owned());
    }
    let facts = facts_with(remembered, plan);
    let groups = session.group_names();
    let now = session.timeline(&facts, as_of).in_force;
    let then = plan.rollout.as_ref().map(|rollout| in_force(&groups, &rollout.waves)).unwrap_or_default();
    let differs = (0..).zip(&groups).filter(|(index, _)| now.group(*index) != then.group(*index));
    let differs: Vec<_> = differs.map(|(_, name)| format!("`{}`", render::inert(name))).collect();
    if differs.is_empty() {
        return None;
    }
    Some(format!("since the plan was made, waves of the rollout began or ended for {}", differs.join(", ")))
}

/// Finds an opt-in against an opt-out that was not ours, which no plan of ours holds.
///
/// But for a decision of the manifest to opt people in again, which is still in force and meets this person.
fn against_consent<'p>(
    session: &Session,
    plan: &'p Plan,
    remembered: &Remembered,
) -> Option<&'p PersonTarget> {
    let context = session.context(remembered, false);
    let as_of = context.as_of.max(context.now);
    let ledger = &remembered.ledger;
    let rules = || session.manifest.groups().iter().filter_map(|group| group.re_opt_in());
    plan.operations.iter().find_map(|operation| {
        let Target::Person(person) = &operation.target else { return None };
        if (operation.from, operation.to) != (Some(Value::OPT_OUT), Value::OPT_IN) {
            return None;
        }
        let entry = ledger.entry(person.id, person.setting);
        let ours = entry.is_some_and(|entry| entry.is_being_written(Value::OPT_OUT) && !entry.released);
        let record = ledger.people.get(&person.id);
        let by_decision = operation.because == Because::ReOptIn;
        let again = || {
            rules().any(|rule| {
                operation.mark == Some(rule.mark) && opts_in_again(rule, &ledger.re_opt_ins, record, as_of)
            })
        };
        let may = if by_decision { again() } else { ours };
        (!may).then_some(person)
    })
}

/// Is a saved plan with what is remembered.
#[derive(Clone, Copy)]
pub(super) struct Saved<'a> {
    pub(super) plan: &'a Plan,
    pub(super) remembered: &'a Remembered,
    pub(super) meanwhile: &'a Meanwhile,
}

/// Reads everybody of a saved plan before its first write, and says who is left out of it.
///
/// Where more are no longer as planned than may be, the plan as a whole is stale, and the difference is shown.
pub(super) async fn look_at_all(
    session: &Session,
    console: &Console,
    terms: Terms<'_>,
    memory: Saved<'_>,
) -> Result<Skipped, Failure> {
    let Saved { plan, remembered, meanwhile } = memory;
    if plan.operations.is_empty() {
        return Ok(Skipped::default());
    }
    let selectors = session.manifest.protected_selectors();
    let protected = if selectors.is_empty() {
        BTreeSet::new()
    } else {
        match session.manifest.protected(&session.reader.membership(&selectors).await?)? {
            Known::Is(protected) => protected,
            Known::Unknown(why) => {
                return Err(Failure::new(Exit::Incomplete, Refusal::clone(&why))
                    .context("whom the manifest protects could not be read, so nothing was applied"));
            }
        }
    };
    let memory = Memory { ledger: &remembered.ledger, meanwhile };
    let mut events = |event: Event| super::apply::follow(console, &event);
    let left_out = look_ahead(plan, &session.reader, memory, &protected, &mut events).await?;
    console.end_progress();
    let (moved, people) = (left_out.moved(plan), plan.summary.people);
    let limit = terms.freshness.stale_limit.of(people);
    if moved > limit {
        let fresh = plan_again(session, remembered, plan).await?;
        difference(console, terms, plan, &fresh.plan)?;
        let fact = render::report::too_many_moved(moved, people, limit);
        return Err(stale(fact).hint("`--stale-limit` says how many may have moved"));
    }
    if moved > 0 {
        console.say(&render::report::will_be_skipped(moved, people))?;
    }
    Ok(left_out)
}

/// Plans anew what a plan was for: what the manifest asks for, or how to undo a run.
async fn plan_again(session: &Session, remembered: &Remembered, plan: &Plan) -> Result<Planned, Failure> {
    match &plan.occasion {
        Some(Occasion::Rollback(undone)) => rollback::make(session, remembered, RunId(undone.run), &[]).await,
        Some(Occasion::Recording(_)) | None => planning::make(session, remembered, &as_planned(plan)).await,
    }
}

/// Consents to what the plan was made with, so that a fresh one can be set against it.
fn as_planned(plan: &Plan) -> Consent {
    let re_pins = plan.operations.iter().any(|operation| operation.class == Class::RePin);
    Consent { allow: if re_pins { vec![Class::RePin] } else { Vec::new() }, strict: false }
}

/// Shows what was approved against what would be planned now; it is talk where the result is for a program.
fn difference(console: &Console, terms: Terms<'_>, approved: &Plan, now: &Plan) -> Result<(), Failure> {
    console.beside(terms.output, terms.form, |out| render::difference::text(out, approved, now, console.look))
}

fn stale(fact: String) -> Failure {
    Failure::new(Exit::Stale, fact).hint("plan again, and have the new plan reviewed")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::TenantId;
    use crate::plan::{Basis, Operation, Phase};

    fn small() -> Plan {
        let at = Timestamp::UNIX_EPOCH;
        let basis = Basis {
            version: "0.1.0".to_owned(),
            manifest: "00ff".to_owned(),
            tenant: TenantId(Uuid::nil()),
            tenant_name: "Contoso".into(),
            store: None,
            newest_run: 0,
            as_of: at,
            read_at: at,
        };
        let operation = Operation {
            phase: Phase::DefaultsOff,
            target: Target::Tenant(crate::model::TenantSetting::Dashboard),
            from: Some(Value::ON),
            to: Value::OFF,
            class: Class::Defaults,
            because: Because::Differs,
            mark: None,
            licences: Vec::new(),
            after_opt_out: false,
            through: Vec::new(),
        };
        Plan { operations: vec![operation], ..Plan::empty(basis) }
    }

    #[test]
    fn a_saved_plan_with_any_one_byte_changed_is_stale() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        let plan = render::plan::sealed(small()).expect("memory");
        let mut bytes = Vec::new();
        render::plan::json(&mut bytes, &plan).expect("memory");
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(read(&path).expect("as it was saved"), plan);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, changed).expect("written");
            assert_eq!(read(&path).expect_err("a byte changed").exit, Exit::Stale, "byte {at}");
        }
        for other in [&b"{}"[..], b"", b"{ \"tenant\": {} }"] {
            std::fs::write(&path, other).expect("written");
            assert_eq!(read(&path).expect_err("no plan").exit, Exit::Wrong, "{other:?}");
        }
    }

    #[test]
    fn a_plan_of_a_later_version_is_told_from_a_changed_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        let later = Plan { format: FORMAT + 1, ..small() };
        let later = render::plan::sealed(later).expect("memory");
        replace(&path, &later);
        let failure = read(&path).expect_err("it is newer");
        assert_eq!(failure.exit, Exit::Wrong);
        assert!(failure.error.to_string().contains("has format 2"), "{}", failure.error);
    }

    fn replace(path: &Path, plan: &Plan) {
        let mut bytes = Vec::new();
        render::plan::json(&mut bytes, plan).expect("memory");
        std::fs::write(path, bytes).expect("written");
    }
}
