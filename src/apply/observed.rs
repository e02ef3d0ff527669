//! Turns what a plan saw into records, except where the ledger has learnt something newer since.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Ledger, PersonId};
use crate::plan::{Observed, Plan};
use crate::store::{Record, Run};

/// Gives what a run remembers of its plan's look at the tenant.
///
/// A run in between may have written, tried or confirmed the same setting, or seen it later: that is newer, and stays.
pub(super) fn observations<'p>(
    plan: &'p Plan,
    run: &'p Run,
    now: Timestamp,
) -> impl Iterator<Item = Record> + use<'p> {
    let observations = &plan.observations;
    let meanwhile = run.meanwhile();
    let seen = observations.tenant.iter().filter(|(setting, _)| !meanwhile.of_tenant(**setting));
    let seen = seen.map(|(setting, entry)| Record::ObservedTenant { setting: *setting, entry: *entry });
    let returned = observations.returned.iter().filter(|(setting, _)| !meanwhile.of_tenant(**setting));
    let returned = returned.map(|(setting, at)| Record::Returned { setting: *setting, at: *at });
    let forgotten = observations.forgotten.iter().filter(|id| !meanwhile.group_of(**id));
    let forgotten = forgotten.map(move |id| Record::Forgotten { id: *id, at: now });
    let known = observations.re_opt_ins.iter();
    let known = known.map(|(mark, at)| Record::ReOptInKnown { mark: *mark, at: *at });
    let people = observations.people.iter().filter_map(|(id, observed)| person(run, *id, observed));
    let waves = observations.waves.iter();
    let waves = waves.map(|(name, began)| Record::Wave { name: Arc::clone(name), began: *began });
    seen.chain(returned).chain(forgotten).chain(known).chain(waves).chain(people)
}

/// Gives what is new of one person; `None` where a later run knows all of it better.
fn person(run: &Run, id: PersonId, observed: &Observed) -> Option<Record> {
    let mut is = observed.clone();
    let meanwhile = run.meanwhile();
    is.settings.retain(|setting, _| !meanwhile.of(id, *setting));
    is.returned.retain(|setting, _| !meanwhile.of(id, *setting));
    if meanwhile.group_of(id) {
        if is.settings.is_empty() && is.returned.is_empty() {
            return None;
        }
        let known =
            |ledger: &Ledger| ledger.people.get(&id).map(|person| (person.group.clone(), person.gone_since));
        (is.group, is.gone_since) = run.ledger(known).unwrap_or_default();
    }
    Some(Record::Observed { id, is })
}
