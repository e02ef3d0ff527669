//! Says what holds a setting as it is, although the manifest asks for something else.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Reason;
use super::explain::Decision;
use super::verdict::Verdict;
use crate::model::ledger::{came_back, is_quarantined};
use crate::model::{Accepted, By, DesiredState, Entry, PersonId, PersonRecord, Setting, Value};

/// Is what the manifest accepts on the day of the plan, looked up person by person.
#[derive(Debug, Default)]
pub(super) struct Deviations<'a> {
    by_person: BTreeMap<PersonId, Vec<&'a Accepted>>,
    /// What is accepted of people whom nobody can name now.
    of_somebody: Vec<&'a Accepted>,
}

impl<'a> Deviations<'a> {
    /// Gathers what is in force.
    pub(super) fn new(desired: &'a DesiredState, as_of: Timestamp) -> Self {
        let mut deviations = Self::default();
        for accepted in desired.accepted.iter().filter(|accepted| as_of < accepted.until) {
            for id in &accepted.people {
                deviations.by_person.entry(*id).or_default().push(accepted);
            }
            if accepted.unreadable.is_some() {
                deviations.of_somebody.push(accepted);
            }
        }
        deviations
    }

    /// Finds what accepts that a person has this value.
    pub(super) fn accepts(&self, id: PersonId, setting: Setting, have: Value) -> Option<&'a Accepted> {
        let accepted = self.by_person.get(&id)?;
        accepted.iter().copied().find(|accepted| (accepted.setting, accepted.value) == (setting, have))
    }

    /// Says whether anybody may be meant who has this value.
    fn may_accept(&self, setting: Setting, have: Value) -> bool {
        self.of_somebody.iter().any(|accepted| (accepted.setting, accepted.value) == (setting, have))
    }
}

/// Is what can hold the settings of one person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding<'a> {
    pub(super) deviations: &'a Deviations<'a>,
    pub(super) id: PersonId,
    pub(super) record: Option<&'a PersonRecord>,
    pub(super) now: Timestamp,
}

impl Holding<'_> {
    /// Replaces what would be written, or stays for a weaker reason, where something holds it.
    ///
    /// What settles or moves by itself needs no holding, and what is as wanted deviates from nothing.
    pub(super) fn hold(&self, setting: Setting, have: Option<Value>, verdict: Verdict) -> Verdict {
        let to = match verdict.decision {
            Decision::Set { to, because: _ } => Some(to),
            Decision::Leave(Reason::RolledBack) => {
                let quarantined = is_quarantined(&self.history(setting, &verdict));
                let reason = if quarantined { Reason::Quarantined } else { Reason::RolledBack };
                return Verdict { decision: Decision::Leave(reason), ..verdict };
            }
            Decision::Leave(
                Reason::ConsentFloor | Reason::OwnChoice | Reason::InheritedLicence | Reason::DefaultMoved,
            ) => None,
            Decision::Leave(
                Reason::Unknown
                | Reason::NotFound
                | Reason::Guest
                | Reason::Disabled
                | Reason::Protected
                | Reason::OutsideWindow
                | Reason::NoMailbox
                | Reason::Unlicensed
                | Reason::Quarantined
                | Reason::Accepted
                | Reason::OptedOut
                | Reason::Settling
                | Reason::DefaultSettling
                | Reason::MovesWithDefault
                | Reason::Released
                | Reason::InSync,
            ) => return verdict,
        };
        let Some(have) = have else { return verdict };
        match self.holds(setting, have, to == Some(have), &verdict) {
            Some(reason) => Verdict { decision: Decision::Leave(reason), ..verdict },
            None => verdict,
        }
    }

    /// Says why a setting is left as it is, the weightiest reason first.
    ///
    /// A pin writes what is there already, which deviates from nothing that could be accepted; a quarantined setting is
    /// not written for that reason either.
    pub(super) fn holds(
        &self,
        setting: Setting,
        have: Value,
        pin: bool,
        verdict: &Verdict,
    ) -> Option<Reason> {
        let doubted = || self.deviations.may_accept(setting, have);
        let accepted = || self.deviations.accepts(self.id, setting, have).is_some();
        if is_quarantined(&self.history(setting, verdict)) {
            Some(Reason::Quarantined)
        } else if pin {
            None
        } else if accepted() {
            Some(Reason::Accepted)
        } else if doubted() {
            // Whoever might be meant is left alone: what cannot be read never allows more.
            Some(Reason::Unknown)
        } else {
            None
        }
    }

    /// Lists when a setting came back, this look included; what lies too far back to count is left out.
    pub(super) fn history(&self, setting: Setting, verdict: &Verdict) -> Vec<Timestamp> {
        let mut history = self.remembered(setting).to_vec();
        if self.comes_back(setting, verdict) {
            came_back(&mut history, self.now);
        }
        history
    }

    /// Says whether a value that we had written was found changed by somebody else, in a way that is remembered.
    ///
    /// A default that moved is nobody's doing, and right after our write it is too early to tell (row 5).
    pub(super) fn comes_back(&self, setting: Setting, verdict: &Verdict) -> bool {
        let before = self.record.and_then(|record| *record.settings.get(setting));
        let ours = before.is_some_and(|entry: Entry| entry.written().is_some());
        let is_seen = verdict.entry.is_some_and(|entry| entry.by == By::Seen);
        verdict.changed_outside && ours && is_seen && !is_quarantined(self.remembered(setting))
    }

    fn remembered(&self, setting: Setting) -> &[Timestamp] {
        self.record.and_then(|record| record.returned.get(&setting)).map_or(&[], Vec::as_slice)
    }
}
