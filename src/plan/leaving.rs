//! Finds those whom the groups hold no longer, and what comes back to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::look::DefaultNow;
use super::person::{Bench, holds_plan, left_alone_as_a_whole};
use super::service_plan::licence_changes;
use super::{Leaving, LicenceChange};
use crate::model::{
    ActualPerson, ActualState, DesiredState, Entry, Known, Ledger, OnLeave, PersonId, PersonRecord,
    ServicePlan, Setting, Value,
};

/// Is one value that comes back: the setting, what is, what comes, and the products to write for it.
pub(super) type Restore = (Setting, Value, Value, Vec<LicenceChange>);

/// Is one person whom a group held at the last apply, and none holds now.
#[derive(Debug)]
pub(super) struct Leaver<'a> {
    pub(super) id: PersonId,
    pub(super) record: &'a PersonRecord,
    pub(super) group: &'a Arc<str>,
    /// What comes back; empty when nothing does.
    pub(super) restores: Vec<Restore>,
    /// A value stays stored where none was, because nothing can clear it.
    pub(super) stays: bool,
    /// Something could not be read, or does not show yet, so that it must come back later.
    waits: bool,
}

/// Finds everyone whom a group held at the last apply and no group holds now, in order of id.
///
/// Nobody counts as having left while something could not be read: they may still be held by it.
pub(super) fn leavers<'a>(
    bench: &Bench<'_>,
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &'a Ledger,
) -> Vec<Leaver<'a>> {
    if !desired.unreadable.is_empty() {
        return Vec::new();
    }
    let mut leavers = Vec::new();
    for (id, record) in &ledger.people {
        let Some(group) = &record.group else { continue };
        if desired.people.contains_key(id) {
            continue;
        }
        let mut leaver = Leaver { id: *id, record, group, restores: Vec::new(), stays: false, waits: false };
        if restores(desired, group) {
            match actual.people.get(id) {
                Some(person) => {
                    let protected = desired.protected.contains(id);
                    if left_alone_as_a_whole(person, true, protected).is_none() {
                        leaver.restore(bench, person);
                    }
                }
                None => leaver.waits = true,
            }
        }
        leavers.push(leaver);
    }
    leavers
}

/// Says who must be read besides the people in scope: those who left a group that gives things back.
pub fn who_left(desired: &DesiredState, ledger: &Ledger) -> Vec<PersonId> {
    if !desired.unreadable.is_empty() {
        return Vec::new();
    }
    let left = ledger.people.iter().filter(|(id, record)| {
        let group = record.group.as_ref();
        !desired.people.contains_key(id) && group.is_some_and(|group| restores(desired, group))
    });
    left.map(|(id, _)| *id).collect()
}

fn restores(desired: &DesiredState, group: &Arc<str>) -> bool {
    let group = desired.groups.iter().find(|candidate| candidate.name == *group);
    group.is_some_and(|group| group.on_leave == OnLeave::Restore)
}

impl Leaver<'_> {
    /// Plans what was found before our first write, where nobody changed it since.
    ///
    /// Licences come first: what needs the plan comes back in the round after the plan did.
    fn restore(&mut self, bench: &Bench<'_>, person: &ActualPerson) {
        let values = person.values(bench.catalogue);
        let licensed = holds_plan(person, bench.catalogue);
        for setting in Setting::ALL.into_iter().rev() {
            let Some(entry) = self.record.settings.get(setting) else { continue };
            let Entry { found: Some(found), released: false, .. } = entry else { continue };
            let have = match values.get(setting) {
                Known::Is(Some(have)) => *have,
                Known::Is(None) => continue,
                Known::Unknown(_) => {
                    self.waits = true;
                    continue;
                }
            };
            if entry.written() != Some(have) {
                // It may be ours and not show yet; otherwise somebody else decided, and that stands.
                let young = bench.now.duration_since(entry.at) < bench.settle.person;
                self.waits |= entry.tried.is_some() || (young && !entry.confirmed);
                continue;
            }
            let followed = !found.chosen && setting != Setting::ServicePlan;
            let to = if followed { default_after(bench, setting) } else { Some(found.value) };
            let stored = followed && setting.feature().is_some();
            let Some(to) = to.filter(|to| *to != have) else {
                self.stays |= stored;
                continue;
            };
            let grants = matches!(to, Value::OPT_IN | Value::ON);
            if grants && !licensed {
                let plan_comes = self.restores.iter().any(|(_, _, to, _)| *to == Value::ASSIGNED);
                self.waits |= plan_comes;
                continue;
            }
            let licences = match to {
                Value::ServicePlan(plan @ (ServicePlan::Assigned | ServicePlan::Removed)) => {
                    licence_changes(person, bench.catalogue, plan)
                }
                Value::ServicePlan(ServicePlan::Partial) => continue,
                Value::Mode(_) | Value::Switch(_) | Value::Rate(_) => Vec::new(),
            };
            if setting == Setting::ServicePlan && licences.is_empty() {
                continue;
            }
            self.stays |= stored;
            self.restores.push((setting, have, to, licences));
        }
    }

    /// Says whether the person counts as leaving until a later run, because not everything has come back.
    pub(super) fn is_pending(&self) -> bool {
        self.waits || !self.restores.is_empty()
    }
}

/// Gives what somebody who follows the default has after this plan.
fn default_after(bench: &Bench<'_>, setting: Setting) -> Option<Value> {
    match setting {
        Setting::Mode => Some(DefaultNow::MODE.after),
        Setting::ServicePlan => None,
        Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => setting
            .feature()
            .and_then(|feature| bench.tenant.defaults.get(&feature))
            .map(|default| default.after),
    }
}

/// Counts, per group of the last apply, who left and who moved to another group.
pub(super) fn count(desired: &DesiredState, ledger: &Ledger, leavers: &[Leaver<'_>]) -> Vec<Leaving> {
    let mut counts: BTreeMap<Arc<str>, Leaving> = BTreeMap::new();
    let entry =
        |counts: &mut BTreeMap<Arc<str>, Leaving>, group: &Arc<str>, change: &dyn Fn(&mut Leaving)| {
            let empty = || Leaving { group: Arc::clone(group), held: 0, left: 0, moved: BTreeMap::new() };
            change(counts.entry(Arc::clone(group)).or_insert_with(empty));
        };
    for (id, record) in &ledger.people {
        let Some(group) = &record.group else { continue };
        entry(&mut counts, group, &|leaving| leaving.held += 1);
        if let Some(held) = desired.people.get(id)
            && held.certain
            && desired.group(*held).name != *group
        {
            let to = &desired.group(*held).name;
            entry(&mut counts, group, &|leaving| *leaving.moved.entry(Arc::clone(to)).or_default() += 1);
        }
    }
    for leaver in leavers {
        entry(&mut counts, leaver.group, &|leaving| leaving.left += 1);
    }
    counts.into_values().filter(|leaving| leaving.left > 0 || !leaving.moved.is_empty()).collect()
}
