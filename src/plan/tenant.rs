//! Decides about the defaults of the tenant, which are nobody's choice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::look::DefaultNow;
use super::person::is_unknown;
use super::{Because, Note, Operation, OutsideChange, Phase, Quarantined, Target};
use crate::model::ledger::{came_back, is_quarantined};
use crate::model::{
    ActualState, By, BySetting, Class, DesiredState, Feature, Known, Ledger, Mark, Refusal, RefusalKind,
    Switch, TenantEntry, TenantSetting, Value,
};

/// Is what follows for the tenant, and what the people's verdicts need to know of it.
#[derive(Debug, Default)]
pub(super) struct TenantVerdict {
    pub(super) operations: Vec<Operation>,
    pub(super) notes: Vec<Note>,
    pub(super) outside_changes: Vec<OutsideChange>,
    /// Entries that change because of looking.
    pub(super) observed: BTreeMap<TenantSetting, TenantEntry>,
    /// Defaults that we had written and that somebody else changed.
    pub(super) returned: BTreeMap<TenantSetting, Timestamp>,
    /// Defaults that came back too often to be written again.
    pub(super) quarantined: Vec<Quarantined>,
    /// By feature; absent when the default could not be read.
    pub(super) defaults: BTreeMap<Feature, DefaultNow>,
    /// Values of features that somebody should keep who could not be read, and so cannot be pinned.
    held_back: BTreeSet<(Feature, Value)>,
    /// Values of features that somebody should keep who may not be changed now, and so cannot be pinned.
    outside_window: BTreeSet<(Feature, Value)>,
    /// The manifest in force, where one is.
    manifest: Option<Mark>,
}

/// Finds what must not be taken away by a default, because whoever should keep it could not be read.
///
/// Whom an unreadable group holds, nobody knows; and who cannot be read cannot be pinned. A default that goes away
/// from under them would take what they should keep.
fn held_back(desired: &DesiredState, actual: &ActualState) -> BTreeSet<(Feature, Value)> {
    let mut groups: BTreeSet<u32> =
        desired.unreadable.iter().filter_map(|unreadable| unreadable.group).collect();
    for (id, held) in &desired.people {
        let known = actual.people.get(id).is_some_and(|person| !is_unknown(person, &actual.catalogue));
        if !held.certain || !known {
            groups.insert(held.group);
        }
    }
    let wants = groups.into_iter().map(|group| &desired.groups[group as usize].wants);
    wants.flat_map(features).collect()
}

/// Finds what must not be taken away by a default, because the windows of whoever should keep it are closed.
fn outside_window(desired: &DesiredState) -> BTreeSet<(Feature, Value)> {
    // Whom a group holds that is not in force yet, or no longer, has nothing of it to keep.
    let closed = desired.groups_in_force().filter(|group| group.closed.is_some());
    closed.flat_map(|group| features(&group.wants)).collect()
}

/// Lists what a group wants of features.
fn features(wants: &BySetting<Option<Value>>) -> impl Iterator<Item = (Feature, Value)> {
    Feature::ALL.into_iter().filter_map(|feature| Some((feature, (*wants.get(feature.setting()))?)))
}

/// Judges every default, managed or not: people's verdicts hang on all of them.
pub(super) fn judge(
    desired: &DesiredState,
    state: &ActualState,
    ledger: &Ledger,
    now: Timestamp,
    manifest: Option<Mark>,
) -> TenantVerdict {
    let actual = &state.tenant;
    let held_back = held_back(desired, state);
    let outside_window = outside_window(desired);
    let mut verdict = TenantVerdict { held_back, outside_window, manifest, ..TenantVerdict::default() };
    for setting in TenantSetting::ALL {
        let want = desired.tenant.get(&setting).copied();
        let entry = ledger.tenant.get(&setting).copied();
        match actual.settings.get(&setting) {
            None => verdict.write_only(setting, want, entry),
            Some(Known::Unknown(why)) => verdict.unreadable(setting, want, why),
            Some(Known::Is(have)) => {
                let returned = ledger.returned.get(&setting).cloned().unwrap_or_default();
                let settle = desired.settle.defaults;
                verdict.readable(setting, want, *have, Remembered { entry, returned }, settle, now);
            }
        }
    }
    verdict
}

impl TenantVerdict {
    /// Compares with the ledger what has no field to read it from.
    fn write_only(&mut self, setting: TenantSetting, want: Option<Value>, entry: Option<TenantEntry>) {
        let Some(want) = want else { return };
        match entry {
            Some(entry) if entry.by == By::Us && entry.value == want => {
                self.notes.push(Note::TenantWriteOnly { setting });
            }
            Some(entry) if self.is_undone(&entry) => {
                self.notes.push(Note::DefaultRolledBack { setting, value: entry.value });
            }
            Some(_) | None => self.operations.push(operation(setting, entry.map(|entry| entry.value), want)),
        }
    }

    /// Says whether a default was undone under the manifest in force, so that it stays.
    fn is_undone(&self, entry: &TenantEntry) -> bool {
        self.manifest.is_some() && entry.rolled_back == self.manifest
    }

    fn unreadable(&mut self, setting: TenantSetting, want: Option<Value>, why: &Arc<Refusal>) {
        // What nobody asked for is not missed: no default is managed, and nothing that follows one.
        let missed = want.is_some() || setting.feature().is_some() && why.kind != RefusalKind::NotAsked;
        if missed {
            self.notes.push(Note::TenantUnreadable { setting, message: why.message.clone() });
        }
    }

    fn readable(
        &mut self,
        setting: TenantSetting,
        want: Option<Value>,
        have: Value,
        Remembered { entry, mut returned }: Remembered,
        settle: SignedDuration,
        now: Timestamp,
    ) {
        let looked = look(entry, have, settle, now);
        if entry != Some(looked) {
            self.observed.insert(setting, looked);
        }
        let recently = |at: Timestamp| now.duration_since(at) < settle;
        let settling = looked.by == By::Us && looked.value != have;
        if let Some(entry) = entry
            && entry.value != have
            && !settling
            && (entry.by == By::Seen || entry.confirmed)
        {
            let target = Target::Tenant(setting);
            self.outside_changes.push(OutsideChange { target, was: entry.value, is: have, by: None });
            if entry.by == By::Us && !is_quarantined(&returned) {
                came_back(&mut returned, now);
                self.returned.insert(setting, now);
            }
        }
        let mut after = have;
        let mut flips = false;
        let mut undone = None;
        if settling {
            after = looked.value;
        }
        let feature = setting.feature();
        let held_back = feature.is_some_and(|feature| self.held_back.contains(&(feature, have)));
        let outside_window = feature.is_some_and(|feature| self.outside_window.contains(&(feature, have)));
        if let Some(want) = want
            && want != after
            && is_quarantined(&returned)
        {
            self.quarantined.push(Quarantined { target: Target::Tenant(setting), want, have, returned });
        } else if let Some(want) = want
            && want != after
            && self.is_undone(&looked)
        {
            self.notes.push(Note::DefaultRolledBack { setting, value: after });
            undone = Some(want);
        } else if let Some(want) = want
            && want != after
            && held_back
        {
            self.notes.push(Note::DefaultHeldBack { setting, value: have });
        } else if let Some(want) = want
            && want != after
            && outside_window
        {
            self.notes.push(Note::DefaultOutsideWindow { setting, value: have });
        } else if let Some(want) = want
            && want != after
        {
            self.operations.push(operation(setting, Some(have), want));
            after = want;
            flips = true;
        } else if settling {
            self.notes.push(Note::DefaultSettling { setting, value: looked.value });
        }
        if let Some(feature) = feature {
            let settling_from = looked.previous.filter(|_| looked.changed_at.is_some_and(recently));
            self.defaults.insert(feature, DefaultNow { now: have, after, flips, settling_from, undone });
        }
    }
}

/// Is what the ledger remembers of one default.
struct Remembered {
    entry: Option<TenantEntry>,
    /// When it came back.
    returned: Vec<Timestamp>,
}

/// Brings an entry up to date; a written value that does not show within the settle time never took effect.
fn look(entry: Option<TenantEntry>, have: Value, settle: SignedDuration, now: Timestamp) -> TenantEntry {
    let seen = TenantEntry {
        value: have,
        by: By::Seen,
        at: now,
        confirmed: false,
        previous: None,
        changed_at: None,
        rolled_back: None,
    };
    let Some(entry) = entry else { return seen };
    let TenantEntry { value, by, at, confirmed, previous: was, changed_at: _, rolled_back } = entry;
    if value == have {
        return TenantEntry { confirmed: by == By::Us, ..entry };
    }
    if by == By::Us && !confirmed {
        let in_time = now.duration_since(at) < settle;
        return if in_time { entry } else { seen };
    }
    // What was undone may have been on its way while it was, and then shows once more before it goes.
    let rolled_back = rolled_back.filter(|_| was == Some(have));
    TenantEntry { previous: Some(value), changed_at: Some(now), rolled_back, ..seen }
}

pub(super) fn operation(setting: TenantSetting, from: Option<Value>, to: Value) -> Operation {
    let phase = match to {
        Value::Switch(Switch::Off) => Phase::DefaultsOff,
        Value::Switch(Switch::On) | Value::Rate(_) | Value::Mode(_) | Value::ServicePlan(_) => {
            Phase::DefaultsOn
        }
    };
    Operation {
        phase,
        target: Target::Tenant(setting),
        from,
        to,
        class: Class::Defaults,
        because: Because::Differs,
        mark: None,
        licences: Vec::new(),
        after_opt_out: false,
        through: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::desired::Unreadable;
    use crate::model::rollout::{Closed, ClosedBy, Force, InForce};
    use crate::model::{Catalogue, DesiredGroup, Held, OnLeave, OnUserChoice, PersonId, Settle, TenantId};

    const ADA: PersonId = PersonId(Uuid::from_u128(0xada));

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn entry(value: Value, by: By, hours_ago: i64) -> TenantEntry {
        let at = now() - SignedDuration::from_hours(hours_ago);
        let previous = (by == By::Us).then_some(Value::ON);
        TenantEntry {
            value,
            by,
            at,
            confirmed: false,
            previous,
            changed_at: previous.map(|_| at),
            rolled_back: None,
        }
    }

    /// The dashboard's default is on, and wanted off.
    fn judged(entry: Option<TenantEntry>, wants: &DesiredState) -> TenantVerdict {
        let desired = DesiredState {
            tenant: BTreeMap::from([(TenantSetting::Dashboard, Value::OFF)]),
            settle: Settle::default(),
            ..wants.clone()
        };
        let state = ActualState {
            tenant: crate::model::ActualTenant {
                id: TenantId(Uuid::nil()),
                name: "Contoso".into(),
                settings: BTreeMap::from([(TenantSetting::Dashboard, Known::Is(Value::ON))]),
                people: Known::Is(1),
            },
            catalogue: Catalogue::default(),
            people: BTreeMap::new(),
            exists: BTreeMap::new(),
            licensing: BTreeMap::new(),
            read_at: now(),
        };
        let tenant = entry.map(|entry| (TenantSetting::Dashboard, entry)).into_iter().collect();
        judge(&desired, &state, &Ledger { tenant, ..Ledger::default() }, now(), None)
    }

    fn group(want: Value) -> DesiredState {
        let wants = BySetting { dashboard: Some(want), ..BySetting::default() };
        let group = DesiredGroup {
            name: "pilot".into(),
            wants,
            on_user_choice: OnUserChoice::Respect,
            on_leave: OnLeave::Keep,
            named: None,
            re_opt_in: None,
            closed: None,
        };
        DesiredState { groups: vec![group], ..DesiredState::default() }
    }

    fn flips(verdict: &TenantVerdict) -> usize {
        verdict.operations.len()
    }

    #[test]
    fn what_differs_is_set_and_a_write_that_does_not_show_yet_is_not_repeated() {
        assert_eq!(flips(&judged(None, &DesiredState::default())), 1);
        let settling = judged(Some(entry(Value::OFF, By::Us, 23)), &DesiredState::default());
        assert_eq!(flips(&settling), 0);
        assert_eq!(settling.defaults[&Feature::Dashboard].after, Value::OFF);
        assert!(matches!(settling.notes[..], [Note::DefaultSettling { .. }]));
        assert_eq!(flips(&judged(Some(entry(Value::OFF, By::Us, 25)), &DesiredState::default())), 1);
    }

    #[test]
    fn a_default_that_somebody_else_changed_is_told_and_settles() {
        let verdict = judged(Some(entry(Value::OFF, By::Seen, 48)), &DesiredState::default());
        assert_eq!(verdict.outside_changes.len(), 1);
        assert_eq!(verdict.defaults[&Feature::Dashboard].settling_from, Some(Value::OFF));
        assert_eq!(flips(&verdict), 1);
    }

    #[test]
    fn a_default_is_held_back_for_whom_nobody_could_read() {
        let held = |want, certain| DesiredState {
            people: BTreeMap::from([(ADA, Held { group: 0, certain })]),
            ..group(want)
        };
        for (unread, flipped) in
            [(held(Value::ON, true), 0), (held(Value::ON, false), 0), (held(Value::OFF, true), 1)]
        {
            let verdict = judged(None, &unread);
            assert_eq!(flips(&verdict), flipped);
            assert_eq!(verdict.defaults[&Feature::Dashboard].flips, flipped == 1);
        }
    }

    #[test]
    fn a_default_is_held_back_for_a_group_that_could_not_be_read() {
        let refusal = Refusal { kind: RefusalKind::Forbidden, message: "no".to_owned(), request_id: None };
        let unreadable =
            Unreadable { group: Some(0), selector: "group: pilot".to_owned(), refusal: Arc::new(refusal) };
        let pilot = DesiredState { unreadable: vec![unreadable], ..group(Value::ON) };
        let verdict = judged(None, &pilot);
        assert_eq!(flips(&verdict), 0);
        assert!(matches!(verdict.notes[..], [Note::DefaultHeldBack { .. }]));
    }
    #[test]
    fn a_default_waits_for_a_closed_window_of_a_group_in_force_alone() {
        let closed = Closed { by: ClosedBy::Window("nights".into()), opens: None };
        let mut pilot = group(Value::ON);
        pilot.groups[0].closed = Some(closed);
        assert_eq!(flips(&judged(None, &pilot)), 0);
        for force in [Force::NotYet, Force::Over] {
            pilot.in_force = InForce::of(vec![force]);
            assert_eq!(flips(&judged(None, &pilot)), 1, "{force:?}");
        }
    }
}
