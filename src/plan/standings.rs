//! Says where everybody stands with what their group asks for.

use std::collections::BTreeMap;

use super::person::holds_plan;
use super::{Because, Operation, Plan, Reason, Target};
use crate::model::rollout::{Measure, Standing, Wave};
use crate::model::{ActualState, DesiredState, Entry, Known, Ledger, Mode, PersonId, Setting, Value};

/// Says of everybody in scope where they stand, in order of id, with their group by index.
///
/// Whoever waits for a wave comes with the group that they wait for. People whom the directory does not know have no id,
/// and are not in the list: nothing can be asked of them.
pub fn standings(
    plan: &Plan,
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
) -> Vec<(PersonId, u32, Standing)> {
    let mut operations: BTreeMap<PersonId, bool> = BTreeMap::new();
    for operation in &plan.operations {
        if let Target::Person(person) = &operation.target {
            *operations.entry(person.id).or_default() |= is_a_second_try(operation);
        }
    }
    let reasons: BTreeMap<PersonId, Reason> =
        plan.left_alone.iter().filter_map(|person| Some((person.id?, person.reason))).collect();
    let held = desired.people.iter().map(|(id, held)| {
        let wants = desired.group(*held).wants.mode;
        let facts = Facts {
            reason: reasons.get(id).copied(),
            failed: operations.get(id).copied(),
            wants,
            have: mode(actual, *id),
            entry: ledger.entry(*id, Setting::Mode),
            unheard: is_unheard_of(actual, ledger, *id),
            mailbox: actual.people.get(id).is_some_and(|person| person.mailbox),
            licensed: actual.people.get(id).is_some_and(|person| holds_plan(person, &actual.catalogue)),
        };
        (*id, held.group, facts.standing())
    });
    let waiting = desired.waiting.iter().map(|(id, group)| {
        // Something comes back to whoever has an operation here, and they wait all the same.
        let reason = reasons.get(id).copied().unwrap_or(Reason::WaveNotStarted);
        (*id, *group, out_of_reach(reason).unwrap_or(Standing::Waiting))
    });
    let mut all: Vec<_> = held.chain(waiting).collect();
    all.sort_unstable_by_key(|(id, _, _)| *id);
    all
}

/// Counts the people of a wave by where they stand.
///
/// `None` where something of its groups could not be read, so that nobody can say who is missing.
pub fn measure(
    standings: &[(PersonId, u32, Standing)],
    desired: &DesiredState,
    wave: &Wave,
) -> Option<Measure> {
    let readable =
        |group: &u32| desired.groups.get(*group as usize).is_some_and(|group| group.named.is_some());
    if !wave.groups.iter().all(readable) {
        return None;
    }
    let mut measure = Measure::default();
    for (id, group, standing) in standings {
        if wave.groups.contains(group) && wave.canary.takes_in(*id) {
            measure.add(*standing);
        }
    }
    Some(measure)
}

/// Is what decides where one person stands.
struct Facts<'a> {
    /// Why nothing is done for them, if nothing is.
    reason: Option<Reason>,
    /// Whether one of their operations repeats what did not take; `None` where there is none.
    failed: Option<bool>,
    wants: Option<Value>,
    have: Option<Mode>,
    entry: Option<&'a Entry>,
    /// Whether nobody heard of a write to them.
    unheard: bool,
    mailbox: bool,
    /// Whether a licence carries personal insights.
    licensed: bool,
}

impl Facts<'_> {
    fn standing(&self) -> Standing {
        if let Some(out) = self.reason.and_then(out_of_reach) {
            return out;
        }
        let ours = self.entry.is_some_and(|entry| entry.is_being_written(Value::OPT_OUT));
        if self.have == Some(Mode::OptOut) && self.wants != Some(Value::OPT_OUT) && !ours {
            return Standing::OptedOutThemselves;
        }
        if self.unheard || self.failed == Some(true) {
            return Standing::Failed;
        }
        let is = match self.have {
            Some(Mode::OptOut) => Standing::OptedOut,
            // Where nothing could be said of the mode, nothing is asked of it, or there would be a reason.
            Some(Mode::OptIn) | None => Standing::OptedIn,
        };
        match self.reason {
            None | Some(Reason::DefaultMoved) => Standing::Pending,
            Some(
                Reason::Unknown
                | Reason::NotFound
                | Reason::Guest
                | Reason::Disabled
                | Reason::Protected
                | Reason::WaveNotStarted
                | Reason::NoMailbox
                | Reason::Unlicensed,
            ) => Standing::OutOfReach,
            Some(Reason::Quarantined | Reason::InheritedLicence) => Standing::Failed,
            Some(Reason::OutsideWindow) => self.while_closed(is),
            Some(Reason::Settling | Reason::DefaultSettling | Reason::MovesWithDefault) => Standing::Settling,
            Some(
                Reason::RolledBack
                | Reason::Accepted
                | Reason::ConsentFloor
                | Reason::OwnChoice
                | Reason::OptedOut
                | Reason::Released
                | Reason::InSync,
            ) => is,
        }
    }
}

impl Facts<'_> {
    /// Says where somebody stands whom nobody judged, since nothing may be changed now.
    fn while_closed(&self, is: Standing) -> Standing {
        let wants = self.wants.map(|wants| Some(wants) == self.have.map(Value::Mode));
        match (self.have, wants) {
            (_, _) if !self.mailbox => Standing::OutOfReach,
            (_, _) if !self.licensed && self.wants != Some(Value::OPT_OUT) => Standing::Unlicensed,
            (None, Some(_)) => Standing::Unknown,
            (Some(_), Some(false)) => Standing::Pending,
            (Some(_), Some(true)) | (_, None) => is,
        }
    }
}

/// Gives the standing of those of whom nothing can be asked, or known.
fn out_of_reach(reason: Reason) -> Option<Standing> {
    match reason {
        Reason::Unknown => Some(Standing::Unknown),
        Reason::Unlicensed => Some(Standing::Unlicensed),
        Reason::NotFound | Reason::Guest | Reason::Disabled | Reason::Protected | Reason::NoMailbox => {
            Some(Standing::OutOfReach)
        }
        Reason::WaveNotStarted
        | Reason::OutsideWindow
        | Reason::Quarantined
        | Reason::RolledBack
        | Reason::Accepted
        | Reason::ConsentFloor
        | Reason::OwnChoice
        | Reason::InheritedLicence
        | Reason::OptedOut
        | Reason::Settling
        | Reason::DefaultSettling
        | Reason::DefaultMoved
        | Reason::MovesWithDefault
        | Reason::Released
        | Reason::InSync => None,
    }
}

fn mode(actual: &ActualState, id: PersonId) -> Option<Mode> {
    match &actual.people.get(&id)?.settings {
        Known::Is(settings) => Some(settings.mode),
        Known::Unknown(_) => None,
    }
}

fn is_a_second_try(operation: &Operation) -> bool {
    match operation.because {
        Because::DidNotTake => true,
        Because::Pinned
        | Because::RePin
        | Because::ManifestChanged
        | Because::Overridden
        | Because::FirstTouch
        | Because::Recorded
        | Because::ReOptIn
        | Because::RolledBack
        | Because::WithOptIn
        | Because::Differs
        | Because::Restored => false,
    }
}

/// Says whether nobody heard of a write to a person, and it does not show either.
fn is_unheard_of(actual: &ActualState, ledger: &Ledger, id: PersonId) -> bool {
    let (Some(record), Some(person)) = (ledger.people.get(&id), actual.people.get(&id)) else { return false };
    let mut tried =
        record.settings.iter().filter_map(|(setting, entry)| Some((setting, entry.as_ref()?.tried?)));
    tried.any(|(setting, tried)| {
        let values = person.values(&actual.catalogue);
        values.get(setting).known().copied().flatten() != Some(tried.value)
    })
}
