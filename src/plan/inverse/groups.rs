//! Finds the licensing groups that a run changed and that may change back as a whole.
//!
//! The same rule as for the change itself: everybody who is in such a group now must be one to whom the run did it, and
//! for whom it goes back.

use std::collections::{BTreeMap, BTreeSet};

use super::super::person::Bench;
use super::person::{Back, service_plan_back, turned};
use crate::model::{ActualState, DesiredState, GroupId, Known, Ledger, LicensingGroup, PersonId, Value};
use crate::plan::{Deeds, GroupLicences, LicenceChange};

/// Is the groups that may change back.
#[derive(Debug, Default)]
pub(super) struct Open(BTreeMap<GroupId, GroupLicences>);

impl Open {
    /// Finds them; a group stays as it is as soon as one of its members does.
    pub(super) fn find(
        bench: &Bench<'_>,
        deeds: &Deeds,
        desired: &DesiredState,
        actual: &ActualState,
        ledger: &Ledger,
    ) -> Self {
        let mut open = BTreeMap::new();
        if !desired.through_groups || deeds.licensing_groups.is_empty() {
            return Self(open);
        }
        let mut back: BTreeMap<PersonId, (Value, &[GroupId])> = BTreeMap::new();
        for (id, done) in deeds.people.iter().filter(|(_, done)| !done.through.is_empty()) {
            if let Some(Back::To(to)) = service_plan_back(bench, deeds, done, desired, actual, ledger, *id) {
                back.insert(*id, (to, &done.through));
            }
        }
        for group in &deeds.licensing_groups {
            let Some(Known::Is(now)) = actual.licensing.get(&group.id) else { continue };
            if is_as_left(group, now) {
                open.insert(group.id, back_to(group, now));
            }
        }
        let goes = |id: &PersonId, group: &GroupLicences, open: &BTreeMap<GroupId, GroupLicences>| {
            back.get(id).is_some_and(|(to, through)| {
                (*to == Value::REMOVED) == (group.to == Value::REMOVED)
                    && through.contains(&group.id)
                    && through.iter().all(|other| open.contains_key(other))
            })
        };
        loop {
            let stays = |group: &&GroupLicences| !group.members.iter().all(|id| goes(id, group, &open));
            let Some(id) = open.values().find(stays).map(|group| group.id) else { return Self(open) };
            open.remove(&id);
        }
    }

    /// Says whether all of these may change back.
    pub(super) fn has_all(&self, groups: &[GroupId]) -> bool {
        groups.iter().all(|group| self.0.contains_key(group))
    }

    /// Gives those that operations go through, sorted.
    pub(super) fn used(self, by: &BTreeSet<GroupId>) -> Vec<GroupLicences> {
        self.0.into_values().filter(|group| by.contains(&group.id)).collect()
    }
}

/// Says whether a group hands out what the run left, with nothing on its way.
fn is_as_left(group: &GroupLicences, now: &LicensingGroup) -> bool {
    let as_left =
        |change: &LicenceChange| now.state.products.get(&change.sku) == Some(&change.disabled_after);
    !now.state.processing && group.changes.iter().all(as_left)
}

fn back_to(group: &GroupLicences, now: &LicensingGroup) -> GroupLicences {
    GroupLicences {
        id: group.id,
        name: group.name.clone(),
        to: if group.to == Value::REMOVED { Value::ASSIGNED } else { Value::REMOVED },
        changes: turned(&group.changes),
        members: now.members.iter().map(|member| member.id).collect(),
    }
}
