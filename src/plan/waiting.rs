//! Accounts for people whose wave has not begun.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::person::{Bench, holds_plan, left_alone_as_a_whole};
use super::{Draft, LeftAlone, Observed, Reason};
use crate::model::{ActualPerson, ActualState, DesiredState, Entry, Kind, Ledger, PersonId, Setting, Value};

impl Draft {
    /// Accounts for somebody whom only groups name that are not in force yet; their settings were asked for only
    /// where a default is about to move.
    #[expect(clippy::too_many_arguments, reason = "as many as for a person whom a group holds")]
    pub(super) fn waiting(
        &mut self,
        bench: &Bench<'_>,
        desired: &DesiredState,
        actual: &ActualState,
        ledger: &Ledger,
        id: PersonId,
        group: u32,
        given_back: bool,
    ) {
        let asks = &desired.groups[group as usize];
        let person = actual.people.get(&id);
        let protected = desired.protected.contains(&id);
        let reason = person.map_or(Reason::Unknown, |person| reason_to_wait(desired, person, protected));
        if let Some(person) = person
            && person.enabled
            && person.kind == Kind::Member
        {
            self.counted += 1;
            let own = |setting| {
                let entry = ledger.entry(id, setting);
                entry.is_some_and(|entry| !entry.released && (entry.chosen || entry.written().is_some()))
            };
            let mut flips = bench.tenant.defaults.iter().filter(|(_, default)| default.flips);
            let have = person.settings.known();
            let follows = |setting, now| have.is_none_or(|have| have.get(setting) == Some(now));
            let moves = u64::from(flips.any(|(feature, default)| {
                !own(feature.setting()) && follows(feature.setting(), default.now)
            }));
            let counter = if protected { &mut self.moving_protected } else { &mut self.moving_waiting };
            *counter += moves;
            let grants =
                |(_, want): (Setting, &Option<Value>)| matches!(want, Some(Value::OPT_IN | Value::ON));
            let needs = reason == Reason::WaveNotStarted && asks.wants.iter().any(grants);
            if needs
                && !holds_plan(person, bench.catalogue)
                && let Some(wave) = desired.awaited_by(id, group)
                && let Some(begins) = wave.begins
            {
                *self.without_plan.entry((begins, Arc::clone(&wave.name))).or_default() += 1;
            }
        }
        if reason == Reason::WaveNotStarted && bench.tenant.defaults.values().any(|default| default.flips) {
            self.remember_choices(bench, person, ledger, id);
        }
        if !given_back {
            self.left_alone.push(LeftAlone {
                upn: person.map_or_else(|| id.to_string().into(), |person| Arc::clone(&person.upn)),
                id: Some(id),
                group: Arc::clone(&asks.name),
                reason,
                refusal: None,
                settings: Vec::new(),
            });
        }
    }

    /// Remembers what somebody who waits has chosen, before a default moves to the same value and hides it.
    ///
    /// Otherwise a feature that they had switched off themselves would look like a first touch once their wave begins.
    fn remember_choices(
        &mut self,
        bench: &Bench<'_>,
        person: Option<&ActualPerson>,
        ledger: &Ledger,
        id: PersonId,
    ) {
        let record = ledger.people.get(&id);
        let Some(have) = person.and_then(|person| person.settings.known()) else { return };
        // Whoever a group held before is remembered already, and leaves it now.
        if record.is_some_and(|record| record.group.is_some()) {
            return;
        }
        let mut settings = BTreeMap::new();
        for (feature, default) in &bench.tenant.defaults {
            let Some(value) = have.get(feature.setting()).filter(|have| *have != default.now) else {
                continue;
            };
            // What shows may be the old default, which nobody chose.
            if default.is_settling_at(value) || ledger.entry(id, feature.setting()).is_some() {
                continue;
            }
            settings.insert(feature.setting(), Entry::seen(value, Some(default.now), true, bench.now));
        }
        if !settings.is_empty() {
            self.observed.insert(id, Observed { settings, ..Observed::default() });
        }
    }
}

/// Says why nothing is done for somebody who waits for a wave, where something weighs more than that.
pub(super) fn reason_to_wait(desired: &DesiredState, person: &ActualPerson, protected: bool) -> Reason {
    // What could not be read may hold them already.
    let certain = desired.unreadable.is_empty();
    match left_alone_as_a_whole(person, certain, protected, false) {
        Some(reason) if reason < Reason::WaveNotStarted => reason,
        Some(_) | None => Reason::WaveNotStarted,
    }
}
