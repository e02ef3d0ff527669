//! Plans the inverse of one run, as far as nobody has changed anything since.
//!
//! What a run wrote goes back to what was there before, if and only if the ledger still knows the value as that run's
//! and the tenant still shows it. All else stays, and the plan lists why. A rollback opts nobody in whose opt-out is not
//! ours, and what it brings about stays while the manifest is the same: the ledger marks it so.

mod groups;
mod person;
mod tenant;

use std::sync::Arc;

use self::groups::Open;
use super::hold::Deviations;
use super::look::DefaultNow;
use super::person::Bench;
use super::routes::Routes;
use super::tenant::TenantVerdict;
use super::{Context, Deed, Deeds, Draft, LeftOut, Occasion, Operation, Plan, Stays, Target, Undone, tally};
use crate::model::{
    ActualPerson, ActualState, DesiredState, Feature, Kind, Ledger, Mode, PersonId, Setting, Value,
};

/// Decides how to undo a run.
///
/// `deeds` are what its journal tells. The plan is carried out, saved and guarded like any other; its scope is the
/// manifest's, so that guards count against the same number of people. It observes nothing: what others have changed is for
/// the next plan to tell.
pub fn inverse(
    deeds: &Deeds,
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    context: &Context,
) -> Plan {
    let mut undoing = Undoing { left_out: Vec::new(), draft: Draft::default() };
    let tenant = undoing.tenant(deeds, desired, actual, ledger, context);
    let deviations = Deviations::default();
    let routes = Routes::default();
    let bench = Bench::new(&tenant, &routes, &deviations, desired, actual, ledger, context);
    let open = Open::find(&bench, deeds, desired, actual, ledger);
    for (id, done) in &deeds.people {
        undoing.person(&bench, deeds, done, &open, desired, actual, ledger, *id);
    }
    let through = undoing.draft.operations.iter().flat_map(|operation| &operation.through);
    let through = through.copied().collect();
    undoing.draft.licensing_groups = open.used(&through);
    undoing.count_moves(&tenant, desired, actual, ledger);
    let Undoing { mut left_out, draft } = undoing;
    left_out.sort();
    let plan = tally::finish(draft, tenant, Vec::new(), desired, actual, ledger, context);
    let undone = Undone { run: deeds.run, at: deeds.at, people: deeds.people.len() as u64, left_out };
    // Who wins where groups overlap decides nothing here.
    Plan { occasion: Some(Occasion::Rollback(undone)), overlaps: Vec::new(), ..plan }
}

/// Gathers what goes back, and what stays.
#[derive(Debug)]
struct Undoing {
    left_out: Vec<LeftOut>,
    draft: Draft,
}

impl Undoing {
    fn leave(&mut self, target: Target, deed: &Deed, have: Option<Value>, why: Stays) {
        // What the run wrote is known of every deed: a journal line without a value is none.
        let Some(wrote) = deed.to() else { return };
        self.left_out.push(LeftOut { target, from: deed.from, wrote, have, why });
    }

    /// Counts whom the defaults move that go back: who follows them, and has nothing of their own.
    fn count_moves(
        &mut self,
        tenant: &TenantVerdict,
        desired: &DesiredState,
        actual: &ActualState,
        ledger: &Ledger,
    ) {
        let flipping: Vec<(Setting, DefaultNow)> = tenant
            .defaults
            .iter()
            .filter(|(_, default)| default.flips)
            .map(|(feature, default)| (feature.setting(), *default))
            .collect();
        if tenant.operations.is_empty() {
            return;
        }
        let written: std::collections::BTreeSet<(PersonId, Setting)> = self
            .draft
            .operations
            .iter()
            .filter_map(|operation| match &operation.target {
                Target::Person(person) => Some((person.id, person.setting)),
                Target::Tenant(_) => None,
            })
            .collect();
        for id in desired.people.keys() {
            let Some(person) = actual.people.get(id) else { continue };
            if !person.enabled || person.kind != Kind::Member {
                continue;
            }
            self.draft.counted += 1;
            let has_own = |setting| {
                let entry = ledger.entry(*id, setting);
                let own = entry.is_some_and(|entry| entry.chosen || entry.written().is_some());
                own || written.contains(&(*id, setting))
            };
            let moves = flipping
                .iter()
                .any(|(setting, default)| follows(person, *setting, default) && !has_own(*setting));
            let protected = desired.protected.contains(id);
            let counter = if protected { &mut self.draft.moving_protected } else { &mut self.draft.moving };
            *counter += u64::from(moves);
        }
    }
}

/// Says whether a person shows a default; nobody who is opted out notices one.
fn follows(person: &ActualPerson, setting: Setting, default: &DefaultNow) -> bool {
    person
        .settings
        .known()
        .is_none_or(|settings| settings.mode == Mode::OptIn && settings.get(setting) == Some(default.now))
}

/// Gives the default that a feature will have, where it shows today's and so may merely follow it.
fn with_default(tenant: &TenantVerdict, feature: Feature, have: Value) -> Value {
    match tenant.defaults.get(&feature) {
        Some(default) if default.now == have => default.after,
        Some(_) | None => have,
    }
}

/// Names the group that decides for a person, or decided last; nobody's is empty.
fn group(desired: &DesiredState, ledger: &Ledger, id: PersonId) -> Arc<str> {
    let held = desired.people.get(&id).map(|held| Arc::clone(&desired.group(*held).name));
    let remembered = || ledger.people.get(&id)?.group.clone();
    held.or_else(remembered).unwrap_or_else(|| Arc::from(""))
}

/// Turns an operation into one that undoes.
fn undoing(operation: Operation, context: crate::model::Mark) -> Operation {
    Operation { because: super::Because::RolledBack, mark: Some(context), ..operation }
}

#[cfg(test)]
mod tests;
