//! Sorts a plan, counts it, and adds the notes that a reviewer should read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::budget::{Budget, Speed};
use super::tenant::TenantVerdict;
use super::{
    Basis, Because, Context, Draft, FORMAT, GroupLicences, Leaving, MovesWithDefault, Note, Observations,
    Operation, Plan, Summary, Target, calls,
};
use crate::model::rollout::Hold;
use crate::model::{
    Accepted, ActualState, Class, DesiredState, Ledger, Mark, PersonId, PlanHash, ReOptIn, TenantSetting,
    Value,
};

/// Makes the plan of everything that was gathered.
pub(super) fn finish(
    draft: Draft,
    tenant: TenantVerdict,
    leaving: Vec<Leaving>,
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    context: &Context,
) -> Plan {
    let moves_with_default = moves(&draft, &tenant, desired, actual);
    let notes = notes(&draft, &tenant, desired, actual, ledger, context);
    let re_opt_ins = unknown_re_opt_ins(desired, ledger, context.now);
    let waves = changed_waves(desired, ledger);
    let Draft {
        mut operations,
        mut left_alone,
        mut outside_changes,
        quarantined,
        forgotten,
        observed,
        licensing_groups,
        ..
    } = draft;
    operations.extend(tenant.operations);
    operations.sort_by(|one, other| (one.phase, &one.target).cmp(&(other.phase, &other.target)));
    left_alone.sort_by(|one, other| (&one.upn, one.id).cmp(&(&other.upn, other.id)));
    outside_changes.extend(tenant.outside_changes);
    outside_changes.sort();
    let mut quarantined = [tenant.quarantined, quarantined].concat();
    quarantined.sort();
    let summary = summary(&operations, &licensing_groups, &left_alone, desired, &context.speed);
    Plan {
        format: FORMAT,
        hash: PlanHash::default(),
        basis: Basis::of(context, actual.tenant.id, &actual.tenant.name, actual.read_at),
        occasion: None,
        operations,
        licensing_groups,
        left_alone,
        outside_changes,
        quarantined,
        leaving,
        overlaps: desired.overlaps.clone(),
        moves_with_default,
        rollout: Some(desired.rollout.clone()).filter(|rollout| !rollout.waves.is_empty()),
        notes,
        observations: Observations {
            tenant: tenant.observed,
            people: observed,
            returned: tenant.returned,
            re_opt_ins,
            waves,
            forgotten,
        },
        standings: Vec::new(),
        summary,
    }
}

/// Finds the decisions to opt people in again that the ledger does not know yet; it knows them from now on.
fn unknown_re_opt_ins(desired: &DesiredState, ledger: &Ledger, now: Timestamp) -> BTreeMap<Mark, Timestamp> {
    let rules = desired.groups.iter().filter_map(|group| group.re_opt_in.as_ref());
    let unknown = rules.map(|rule| rule.mark).filter(|mark| !ledger.re_opt_ins.contains_key(mark));
    unknown.map(|mark| (mark, now)).collect()
}

/// Finds the waves that began through a gate, or are held by one again, and that the ledger knows otherwise.
fn changed_waves(desired: &DesiredState, ledger: &Ledger) -> BTreeMap<Arc<str>, Option<Timestamp>> {
    let mut changed = BTreeMap::new();
    for wave in desired.rollout.waves.iter().filter(|wave| wave.gated) {
        let known = ledger.waves.contains_key(&wave.name);
        if wave.has_begun() && !known {
            changed.insert(Arc::clone(&wave.name), wave.begins);
        } else if wave.holds.contains(&Hold::NotApproved) && known {
            changed.insert(Arc::clone(&wave.name), None);
        }
    }
    changed
}

/// Says whether a plan that was read back is one that was made so: sorted, classed and counted as its operations are.
///
/// A plan file is no secret and bears no signature: this notices an edit, not a forger.
pub fn is_consistent(plan: &Plan) -> bool {
    let Plan { operations, licensing_groups, left_alone, summary, .. } = plan;
    let order = |operation: &Operation| (operation.phase, operation.target.clone());
    let classed = operations.iter().all(|operation| match operation.target {
        Target::Tenant(_) => operation.class == Class::Defaults,
        Target::Person(_) => operation.class == super::class(operation.because, operation.to),
    });
    // Without its mark the ledger could not tell whom a decision has met.
    let marked = operations.iter().all(|op| op.because != Because::ReOptIn || op.mark.is_some());
    let people = People::of(operations);
    let apart = left_alone.iter().filter_map(|person| person.id).all(|id| !people.all.contains(&id));
    let budget = Budget::of(&calls::calls(operations), operations, licensing_groups, &Speed::default());
    operations.is_sorted_by_key(order)
        && classed
        && marked
        && apart
        && go_through(operations, licensing_groups)
        && (budget.writes, budget.reads) == (summary.calls, summary.reads)
        && people.all.len() as u64 == summary.people
        && people.counted() == summary.by_class
}

/// Says whether operations go through just the groups that change, for people who are in them.
fn go_through(operations: &[Operation], licensing_groups: &[GroupLicences]) -> bool {
    let mut used = BTreeSet::new();
    let fit = operations.iter().all(|operation| {
        operation.through.iter().all(|id| {
            let Ok(at) = licensing_groups.binary_search_by_key(id, |group| group.id) else { return false };
            let group = &licensing_groups[at];
            used.insert(group.id);
            let Target::Person(person) = &operation.target else { return false };
            let removal = |value| value == Value::REMOVED;
            (operation.phase, removal(operation.to)) == (group.phase(), removal(group.to))
                && group.members.binary_search(&person.id).is_ok()
        })
    });
    fit && used.len() == licensing_groups.len() && licensing_groups.is_sorted_by_key(|group| group.id)
}

/// Counts whom a flip of the defaults moves; settings that exist at tenant level only reach everyone.
fn moves(
    draft: &Draft,
    tenant: &TenantVerdict,
    desired: &DesiredState,
    actual: &ActualState,
) -> Option<MovesWithDefault> {
    let settings = || {
        tenant.operations.iter().filter_map(|operation| match operation.target {
            Target::Tenant(setting) => Some(setting),
            Target::Person(_) => None,
        })
    };
    settings().next()?;
    let of = actual.tenant.people.known().copied();
    // Protected people in no group are not asked about; they may move.
    let elsewhere = desired.protected.iter().filter(|id| !is_named(desired, id)).count() as u64;
    let moving = draft.moving + draft.moving_protected + draft.moving_waiting;
    let flips = settings().any(|setting| setting.feature().is_some());
    let protected = if flips { draft.moving_protected + elsewhere } else { 0 };
    let people = if settings().any(reaches_everyone) {
        of
    } else if flips {
        of.map(|of| of.saturating_sub(draft.counted) + moving)
    } else {
        Some(0)
    };
    Some(MovesWithDefault { people, of, in_groups: draft.moving, protected, waiting: draft.moving_waiting })
}

/// Says whether a group names a person, whether or not it is in force yet.
fn is_named(desired: &DesiredState, id: &PersonId) -> bool {
    desired.people.contains_key(id) || desired.waiting.contains_key(id)
}

/// Says whether a setting shows to everyone, because there is nothing of the person's own to hold it in place.
fn reaches_everyone(setting: TenantSetting) -> bool {
    match setting {
        TenantSetting::ScheduleSend | TenantSetting::MeetingSurvey => true,
        TenantSetting::Dashboard
        | TenantSetting::DigestEmail
        | TenantSetting::OutlookAddIn
        | TenantSetting::SurveySamplingRate => false,
    }
}

fn notes(
    draft: &Draft,
    tenant: &TenantVerdict,
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    context: &Context,
) -> Vec<Note> {
    let mut notes = tenant.notes.clone();
    for ((id, removal), (people, barrier)) in &draft.inherited {
        let name = actual.catalogue.groups.get(id).cloned();
        notes.push(Note::PlanInherited {
            licensing_group: name.unwrap_or_else(|| id.to_string().into()),
            id: *id,
            people: *people,
            removal: *removal,
            barrier: barrier.clone(),
        });
    }
    for unreadable in &desired.unreadable {
        let group =
            unreadable.group.map_or("protected".into(), |at| Arc::clone(&desired.groups[at as usize].name));
        notes.push(Note::Unreadable {
            group,
            selector: unreadable.selector.clone(),
            message: unreadable.refusal.message.clone(),
        });
    }
    wave_notes(draft, desired, context.as_of, &mut notes);
    accepted_notes(desired, context.as_of, &mut notes);
    re_opt_in_notes(draft, desired, context, &mut notes);
    let held_before: BTreeSet<&Arc<str>> =
        ledger.people.values().filter_map(|record| record.group.as_ref()).collect();
    notes.extend(desired.closed.iter().map(|closed| Note::Closed { group: None, closed: closed.clone() }));
    for group in desired.groups_in_force() {
        if let Some(closed) = &group.closed {
            notes.push(Note::Closed { group: Some(Arc::clone(&group.name)), closed: closed.clone() });
        }
    }
    for group in desired.groups_in_force() {
        if group.named == Some(0) && held_before.contains(&group.name) {
            notes.push(Note::GroupNowEmpty { group: Arc::clone(&group.name) });
        }
        if group.wants.service_plan == Some(Value::REMOVED) && group.wants.mode != Some(Value::OPT_OUT) {
            notes.push(Note::RemovedStillCounts { group: Arc::clone(&group.name) });
        }
    }
    let mut all = draft.operations.iter().chain(&tenant.operations);
    if all.clone().any(|operation| is_digest(&operation.target) && operation.to == Value::ON) {
        notes.push(Note::DigestPaused);
    }
    if all.any(|operation| matches!(operation.to, Value::OPT_IN | Value::ASSIGNED)) {
        notes.push(Note::WelcomeMail);
    }
    if !context.keeps_ledger {
        notes.push(Note::NoLedger);
    }
    let missing = desired.protected_not_found.iter();
    notes.extend(missing.map(|address| Note::ProtectedNotFound { address: Arc::clone(address) }));
    if draft.recorded_stay > 0 {
        notes.push(Note::RecordedStay { people: draft.recorded_stay });
    }
    if draft.restore_stays > 0 {
        notes.push(Note::RestoreStays { people: draft.restore_stays });
    }
    notes.sort();
    notes
}

/// Notes what should be seen to before a wave begins.
fn wave_notes(draft: &Draft, desired: &DesiredState, as_of: Timestamp, notes: &mut Vec<Note>) {
    for unreadable in &desired.unreadable_later {
        let Some(group) = unreadable.group else { continue };
        notes.push(Note::UnreadableLater {
            group: Arc::clone(&desired.groups[group as usize].name),
            selector: unreadable.selector.clone(),
            message: unreadable.refusal.message.clone(),
        });
    }
    let Some(lead) = desired.licence_lead else { return };
    let before = SignedDuration::from_hours(24) * i32::try_from(lead).unwrap_or(i32::MAX);
    let late = draft.without_plan.iter().filter(|((begins, _), _)| begins.duration_since(as_of) <= before);
    notes.extend(late.map(|((begins, wave), people)| {
        let (wave, begins, people) = (Arc::clone(wave), *begins, *people);
        Note::PlansComeLate { wave, begins, lead, people }
    }));
}

/// Is how long before it ends an accepted deviation is spoken of.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

fn accepted_notes(desired: &DesiredState, as_of: Timestamp, notes: &mut Vec<Note>) {
    for accepted in &desired.accepted {
        let Accepted { selector, people: _, not_found, unreadable, setting, value, reason: _, until } =
            accepted;
        if let Some(refusal) = unreadable {
            notes.push(Note::Unreadable {
                group: "accept".into(),
                selector: selector.clone(),
                message: refusal.message.clone(),
            });
        }
        let missing = not_found.iter();
        notes.extend(missing.map(|address| Note::AcceptedNotFound { address: Arc::clone(address) }));
        if until.duration_since(as_of) <= ENDS_SOON {
            notes.push(Note::AcceptanceEnds {
                selector: selector.clone(),
                setting: *setting,
                value: *value,
                until: *until,
                ended: *until <= as_of,
            });
        }
    }
}

fn re_opt_in_notes(draft: &Draft, desired: &DesiredState, context: &Context, notes: &mut Vec<Note>) {
    let opted_in: BTreeSet<Mark> = draft.operations.iter().filter_map(|operation| operation.mark).collect();
    for group in &desired.groups {
        let Some(ReOptIn { reason, until, mark }) = &group.re_opt_in else { continue };
        let (name, reason) = (Arc::clone(&group.name), Arc::clone(reason));
        if opted_in.contains(mark) {
            notes.push(Note::OptsInAgain { group: name, reason, until: *until });
        } else if !context.keeps_ledger && context.as_of < *until {
            notes.push(Note::OptsNobodyInAgain { group: name });
        }
    }
}

fn is_digest(target: &Target) -> bool {
    match target {
        Target::Tenant(setting) => *setting == TenantSetting::DigestEmail,
        Target::Person(person) => person.setting == crate::model::Setting::DigestEmail,
    }
}

fn summary(
    operations: &[Operation],
    licensing_groups: &[GroupLicences],
    left_alone: &[super::LeftAlone],
    desired: &DesiredState,
    speed: &Speed,
) -> Summary {
    let people = People::of(operations);
    let outside = people.all.iter().filter(|id| !is_named(desired, id)).count();
    let tenant = |operation: &&Operation| matches!(operation.target, Target::Tenant(_));
    let tenant_settings = operations.iter().filter(tenant).count() as u64;
    let mut reasons = BTreeMap::new();
    for person in left_alone {
        *reasons.entry(person.reason).or_default() += 1;
    }
    let mut groups: BTreeMap<Arc<str>, u64> =
        desired.groups.iter().map(|group| (Arc::clone(&group.name), 0)).collect();
    let held = desired.people.values().map(|held| held.group);
    let missing = desired.not_found.iter().map(|missing| missing.group);
    for at in held.chain(missing).chain(desired.waiting.values().copied()) {
        *groups.entry(Arc::clone(&desired.groups[at as usize].name)).or_default() += 1;
    }
    let Budget { writes, reads, seconds } =
        Budget::of(&calls::calls(operations), operations, licensing_groups, speed);
    Summary {
        in_scope: (desired.people.len() + desired.waiting.len() + desired.not_found.len()) as u64,
        people: people.all.len() as u64,
        outside_scope: outside as u64,
        tenant_settings,
        by_class: people.counted(),
        pinned: people.pinned.len() as u64,
        left_alone: reasons,
        groups,
        calls: writes,
        reads,
        seconds,
    }
}

/// Is who has operations, by what is done to them.
#[derive(Debug, Default)]
struct People {
    all: BTreeSet<PersonId>,
    pinned: BTreeSet<PersonId>,
    by_class: BTreeMap<Class, BTreeSet<PersonId>>,
}

impl People {
    fn of(operations: &[Operation]) -> Self {
        let mut people = Self::default();
        for operation in operations {
            let Target::Person(person) = &operation.target else { continue };
            people.all.insert(person.id);
            // A pin writes what is there already, so that no guard needs to count it.
            if operation.because == Because::Pinned {
                people.pinned.insert(person.id);
            } else {
                people.by_class.entry(operation.class).or_default().insert(person.id);
            }
        }
        people
    }

    fn counted(&self) -> BTreeMap<Class, u64> {
        self.by_class.iter().map(|(class, people)| (*class, people.len() as u64)).collect()
    }
}
