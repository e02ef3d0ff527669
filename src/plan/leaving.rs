//! Finds those whom the groups hold no longer, and what comes back to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::look::{DefaultNow, settle_tried};
use super::person::{Bench, holds_plan, left_alone_as_a_whole};
use super::service_plan::licence_changes;
use super::{Leaving, LicenceChange};
use crate::model::{
    ActualPerson, ActualState, DesiredState, Entry, Known, Ledger, OnLeave, PersonId, PersonRecord, Refusal,
    RefusalKind, ServicePlan, Setting, Value,
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
    /// Something may have to come back that cannot be told yet.
    pub(super) waits: bool,
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
                // Their group's window holds for whoever leaves it, too.
                Some(_) if closed(desired, group) => leaver.waits = true,
                Some(person) => {
                    let protected = desired.protected.contains(id);
                    if left_alone_as_a_whole(person, true, protected, false).is_none() {
                        leaver.restore(bench, person);
                    }
                }
                // Nothing comes back to an account that does not exist.
                None => leaver.waits = actual.exists.get(id) != Some(&false),
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

/// Says whether nothing of a group's people may be changed now.
fn closed(desired: &DesiredState, group: &Arc<str>) -> bool {
    let group = desired.groups.iter().find(|candidate| candidate.name == *group);
    group.is_some_and(|group| group.closed.is_some())
}

impl Leaver<'_> {
    /// Plans what was found before our first write, where nobody changed it since.
    ///
    /// Licences come first: what needs the plan comes back in the round after the plan did.
    fn restore(&mut self, bench: &Bench<'_>, person: &ActualPerson) {
        let values = person.values(bench.catalogue);
        let licensed = holds_plan(person, bench.catalogue);
        let mut opts_in = false;
        let mut plan_comes = false;
        let mut plan_first = Setting::ALL;
        plan_first.rotate_right(1);
        for setting in plan_first {
            let entry = (*self.record.settings.get(setting)).filter(|entry| !entry.released);
            let have = match values.get(setting) {
                Known::Is(Some(have)) => *have,
                Known::Is(None) => continue,
                Known::Unknown(why) => {
                    self.waits |= entry.is_some_and(|entry| entry.found.is_some()) && may_be_read_later(why);
                    continue;
                }
            };
            // An opt-in leaves the features in no known state, so each is stated with it.
            let stays = |entry: Entry| entry.chosen || entry.is_undone(have, bench.manifest);
            let stated = setting.feature().filter(|_| opts_in).map(|feature| {
                match bench.tenant.defaults.get(&feature) {
                    // Who may have followed the default goes on as if they did; a choice is stated as it is, and so is
                    // what an administrator undid.
                    Some(default) if default.now == have && !entry.is_some_and(stays) => default.after,
                    Some(_) | None => have,
                }
            });
            let back = entry.and_then(|entry| self.comes_back(bench, setting, entry, have));
            let Some(to) = back.or(stated).filter(|to| stated.is_some() || *to != have) else { continue };
            if matches!(to, Value::OPT_IN | Value::ON) && !licensed {
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
            opts_in |= to == Value::OPT_IN;
            plan_comes |= to == Value::ASSIGNED;
            self.stays |= stated.is_some();
            self.restores.push((setting, have, to, licences));
        }
    }

    /// Says what a setting goes back to; `None` where it is not as we wrote it.
    fn comes_back(
        &mut self,
        bench: &Bench<'_>,
        setting: Setting,
        entry: Entry,
        have: Value,
    ) -> Option<Value> {
        let found = entry.found?;
        let service_plan = setting == Setting::ServicePlan;
        let settle = bench.settle.of(setting, Some(&entry));
        let entry = settle_tried(Some(entry), have, settle, bench.now)?;
        if entry.written() != Some(have) {
            // A write of ours may still come to show, as late as one that is repeated, and has to come back then.
            let late = settle.checked_mul(2).unwrap_or(SignedDuration::MAX);
            let unconfirmed = entry.written().is_some() && !entry.confirmed;
            self.waits |= entry.tried.is_some() || (unconfirmed && bench.now.duration_since(entry.at) < late);
            return None;
        }
        if entry.is_undone(have, bench.manifest) {
            self.waits = true;
            return None;
        }
        let default = match setting {
            Setting::Mode => Some(DefaultNow::MODE.after),
            Setting::ServicePlan => None,
            Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => {
                bench.tenant.defaults.get(&setting.feature()?).map(|default| default.after)
            }
        };
        let followed = !found.chosen && !service_plan;
        let to = if followed { default } else { Some(found.value) };
        // Nothing can clear what is stored, so it goes on being stored where nothing was.
        self.stays |= followed && (setting != Setting::Mode || to == Some(have));
        to
    }
}

/// Says whether it is worth while to wait for a person's settings: a service that merely failed will speak again.
fn may_be_read_later(why: &Refusal) -> bool {
    match why.kind {
        RefusalKind::Forbidden | RefusalKind::Missing => false,
        RefusalKind::NotAsked
        | RefusalKind::SignIn
        | RefusalKind::BadRequest
        | RefusalKind::Conflict
        | RefusalKind::Throttled
        | RefusalKind::Failed
        | RefusalKind::Unreachable
        | RefusalKind::Garbled
        | RefusalKind::NoShell
        | RefusalKind::Closed => true,
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
