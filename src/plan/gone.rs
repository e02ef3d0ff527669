//! Notices accounts that no longer exist, and forgets them in the end.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Observed;
use crate::model::{ActualState, DesiredState, Ledger, PersonId};

/// Is how long after it was first missed an account is forgotten.
///
/// A deleted account can be restored for 30 days; 30 days after that nothing is kept of it. When it was deleted, nobody
/// tells: it counts from the moment at which it was missed.
pub const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(60 * 24);

/// Is how many accounts one run looks up for this.
const AT_ONCE: usize = 1000;

/// Says whose accounts to look up: people whom the ledger remembers, if only as somebody who was told of a milestone,
/// whom no group holds, and who were not read.
///
/// At most a thousand a run, each run the next ones, so that a long memory costs no run much.
pub fn whom_to_look_up(
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    newest_run: u64,
) -> Vec<PersonId> {
    let elsewhere = |id: &PersonId| !desired.people.contains_key(id) && !actual.people.contains_key(id);
    let told = ledger.announced.values().flatten().filter(|id| !ledger.people.contains_key(id));
    let mut people: Vec<PersonId> = ledger.people.keys().chain(told).copied().filter(elsewhere).collect();
    // Whoever was told of several milestones is looked up once.
    people.sort_unstable();
    people.dedup();
    let windows = people.len().div_ceil(AT_ONCE).max(1) as u64;
    let window = usize::try_from(newest_run % windows).unwrap_or(0);
    people.drain(..window * AT_ONCE);
    people.truncate(AT_ONCE);
    people
}

/// Brings up to date since when accounts are missed, and lists those to forget.
pub(super) fn notice(
    observed: &mut BTreeMap<PersonId, Observed>,
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    now: Timestamp,
) -> BTreeSet<PersonId> {
    let mut forgotten = BTreeSet::new();
    for (id, record) in &ledger.people {
        if desired.people.contains_key(id) {
            continue;
        }
        let exists = actual.people.contains_key(id).then_some(true).or(actual.exists.get(id).copied());
        let gone_since = match exists {
            Some(true) => None,
            Some(false) => record.gone_since.or(Some(now)),
            None => record.gone_since,
        };
        let long_ago = gone_since.is_some_and(|since| now.duration_since(since) >= FORGOTTEN_AFTER);
        if exists == Some(false) && long_ago {
            observed.remove(id);
            forgotten.insert(*id);
        } else if let Some(observed) = observed.get_mut(id) {
            observed.gone_since = gone_since;
        } else if gone_since != record.gone_since {
            let group = record.group.clone();
            observed.insert(*id, Observed { group, gone_since, ..Observed::default() });
        }
    }
    // Whoever was only told of a milestone has no record yet; with one, they are forgotten as all others are.
    let missed = actual.exists.iter().filter(|(_, exists)| !**exists).map(|(id, _)| *id);
    for id in missed.filter(|id| !ledger.people.contains_key(id) && !desired.people.contains_key(id)) {
        if ledger.announced.values().any(|told| told.contains(&id)) {
            observed.insert(id, Observed { gone_since: Some(now), ..Observed::default() });
        }
    }
    forgotten
}
