//! Decides what to do, and does nothing.
//!
//! [`plan`] is a plain function of what is wanted, what is, and what is remembered. It knows no client, no console
//! and no clock but the moment that it is told. Where to start reading: the table in [`verdict`], then [`plan`].

mod attribution;
pub mod budget;
pub mod calls;
mod concerned;
mod consent;
mod deed;
mod document;
pub mod explain;
mod gone;
pub mod guard;
pub mod hash;
mod hold;
mod inverse;
mod leaving;
mod look;
mod note;
mod occasion;
mod operation;
mod person;
mod reason;
mod recording;
mod results;
mod routes;
mod scope;
mod service_plan;
mod settled;
mod standings;
mod tally;
mod tenant;
pub mod verdict;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use attribution::{
    Attribution, AuditRecord, Inquiry, LOG_REACHES_BACK, Questions, Silence, Who, attribute,
    attribute_explanation,
};
pub use concerned::{Participants, TakenIn, changing, not_told, participants, unknown};
pub use consent::opts_in_again;
pub use deed::{Deed, Deeds, PersonDeeds, Wrote};
pub use document::{Basis, FORMAT, Observations, Observed, Plan, Summary};
pub use gone::{FORGOTTEN_AFTER, whom_to_look_up};
pub use inverse::inverse;
pub use leaving::who_left;
pub use look::DefaultNow;
pub use note::{
    Barrier, Deviation, Leaving, LeftAlone, MovesWithDefault, Note, OutsideChange, Quarantined, Refused,
};
pub use occasion::{LeftOut, Occasion, Recorded, Stays, Undone};
pub use operation::{GroupLicences, LicenceChange, Operation, PersonTarget, Phase, Target};
pub use reason::{Because, Reason};
pub use recording::{Claim, Counts, Finding, Recording, record};
pub use results::{Mismatch, last_of_each, mismatches, subject};
pub use routes::licensing_groups;
pub use scope::Scope;
pub use settled::{Settled, Verification, Verified, Written, verify};
pub use standings::{measure, standings};
pub use tally::is_consistent;

use crate::model::{
    ActualPerson, ActualState, Class, DesiredGroup, DesiredState, Entry, Held, Known, Ledger, Mark, PersonId,
    Setting, Value,
};
use budget::Speed;
use explain::Decision;
use hold::Deviations;
use leaving::Leaver;
use person::{Bench, Judgement, judge, left_alone_as_a_whole};
use routes::{Routes, Way};

/// Is what a plan needs to know besides what is wanted, what is, and what is remembered.
#[derive(Clone, Debug)]
pub struct Context {
    /// The moment that settle ages are counted from.
    pub now: Timestamp,
    /// The day that decides waves, windows and expiry dates.
    pub as_of: Timestamp,
    /// SHA-256 of the manifest and its files, in hexadecimal.
    pub manifest: String,
    /// The id of the store; `None` when there is none yet, or none is wanted.
    pub store: Option<String>,
    /// Whether a ledger is kept; with `store: none`, only visible choices and the consent floor protect people.
    pub keeps_ledger: bool,
    /// The newest run that the ledger knows, 0 before the first.
    pub newest_run: u64,
    /// Whether values that a default moved may be written again.
    pub re_pin: bool,
    /// How the settings service is reached, for the time that apply takes.
    pub speed: Speed,
}

impl Context {
    /// Marks the manifest in force, as the ledger remembers what was undone under it.
    pub fn mark(&self) -> Mark {
        Mark::of(&self.manifest)
    }
}

/// Decides what to do.
///
/// The three states are read at one moment and may be stale by the time anyone acts on the plan. That is why each
/// operation carries what it expects to find, and why `apply` looks again before it writes.
pub fn plan(desired: &DesiredState, actual: &ActualState, ledger: &Ledger, context: &Context) -> Plan {
    let tenant = tenant::judge(desired, actual, ledger, context.now, Some(context.mark()));
    let deviations = Deviations::new(desired, context.as_of);
    let assumed = Routes::assumed();
    let bench = Bench::new(&tenant, &assumed, &deviations, desired, actual, ledger, context);
    let routes = Routes::decide(&bench, desired, actual, ledger);
    let bench = Bench { routes: &routes, ..bench };
    let mut draft = Draft::default();
    for (id, held) in &desired.people {
        draft.person(&bench, desired, actual, ledger, *id, *held);
    }
    for missing in &desired.not_found {
        draft.not_found(missing, &desired.groups[missing.group as usize]);
    }
    let leavers = leaving::leavers(&bench, desired, actual, ledger);
    for leaver in &leavers {
        draft.leaver(leaver, actual);
    }
    // Whoever left a group for one that is not in force yet has been dealt with, if anything comes back to them.
    let given_back: BTreeSet<PersonId> =
        leavers.iter().filter(|leaver| !leaver.restores.is_empty()).map(|leaver| leaver.id).collect();
    for (id, group) in &desired.waiting {
        draft.waiting(&bench, desired, actual, ledger, *id, *group, given_back.contains(id));
    }
    draft.forgotten = gone::notice(&mut draft.observed, desired, actual, ledger, context.now);
    let leaving = leaving::count(desired, ledger, &leavers);
    draft.licensing_groups = routes.changes(&draft.through);
    tally::finish(draft, tenant, leaving, desired, actual, ledger, context)
}

/// Gathers what the people bring.
#[derive(Debug, Default)]
struct Draft {
    operations: Vec<Operation>,
    left_alone: Vec<LeftAlone>,
    outside_changes: Vec<OutsideChange>,
    quarantined: Vec<Quarantined>,
    forgotten: BTreeSet<PersonId>,
    observed: BTreeMap<PersonId, Observed>,
    /// People whom a licensing group stands against, with what stands against changing it.
    inherited: BTreeMap<Way, (u64, Barrier)>,
    /// The ways that operations go.
    through: BTreeSet<Way>,
    /// What changes in the groups.
    licensing_groups: Vec<GroupLicences>,
    /// People whom a flip of a default moves, though a group holds them; protected people are counted apart.
    moving: u64,
    /// Protected people in scope whom a flip of a default moves.
    moving_protected: u64,
    /// People who wait for a wave, and whom a flip of a default moves.
    moving_waiting: u64,
    /// People who have no service plan yet, although the wave that they wait for asks for what only that gives; by the
    /// day of that wave, as far as it is known, and its name.
    without_plan: BTreeMap<(Timestamp, Arc<str>), u64>,
    /// Enabled member accounts in scope: those that the directory's count includes.
    counted: u64,
    restore_stays: u64,
    /// Opt-outs that a script wrote, and that stay.
    recorded_stay: u64,
}

impl Draft {
    fn person(
        &mut self,
        bench: &Bench<'_>,
        desired: &DesiredState,
        actual: &ActualState,
        ledger: &Ledger,
        id: PersonId,
        held: Held,
    ) {
        let group = desired.group(held);
        let Some(person) = actual.people.get(&id) else {
            // The directory named this person a moment ago and could not describe them.
            self.left_alone.push(LeftAlone {
                upn: id.to_string().into(),
                id: Some(id),
                group: Arc::clone(&group.name),
                reason: Reason::Unknown,
                refusal: None,
                settings: Vec::new(),
            });
            return;
        };
        let record = ledger.people.get(&id);
        let protected = desired.protected.contains(&id);
        let whole = left_alone_as_a_whole(person, held.certain, protected, group.closed.is_some());
        let judgement = judge(bench, group, id, person, record, whole);
        self.count_moves(bench, person, &judgement);
        self.remember(id, held, group, record, &judgement, bench.now);
        let values = person.values(bench.catalogue);
        for (setting, verdict) in judgement.settings.iter() {
            if let Some(verdict) = verdict
                && verdict.changed_outside
                && let Some(was) = ledger.entry(id, setting)
                && let Some(is) = values.get(setting).known().copied().flatten()
            {
                let target = Target::Person(target(id, person, &group.name, setting));
                self.outside_changes.push(OutsideChange { target, was: was.value, is, by: None });
            }
        }
        for (setting, returned) in &judgement.quarantined {
            if let Some(want) = *group.wants.get(*setting)
                && let Some(have) = values.get(*setting).known().copied().flatten()
            {
                let target = Target::Person(target(id, person, &group.name, *setting));
                self.quarantined.push(Quarantined { target, want, have, returned: returned.clone() });
            }
        }
        for licensing in &judgement.inherited_from {
            let removal = group.wants.service_plan == Some(Value::REMOVED);
            let way = (*licensing, removal);
            let (people, _) = self.inherited.entry(way).or_insert_with(|| (0, bench.routes.barrier(way)));
            *people += 1;
        }
        let mode = judgement.settings.mode.filter(|verdict| matches!(verdict.decision, Decision::Leave(_)));
        let recorded = |entry: &Entry| entry.recorded && entry.written() == Some(Value::OPT_OUT);
        self.recorded_stay +=
            u64::from(mode.and_then(|verdict| verdict.entry).is_some_and(|entry| recorded(&entry)));
        let before = self.operations.len();
        for (setting, to, because) in judgement.sets() {
            let from = values.get(setting).known().copied().flatten();
            let licence = setting == Setting::ServicePlan;
            self.operations.push(Operation {
                phase: phase(because, to, judgement.settings.mode.map(|verdict| verdict.decision)),
                target: Target::Person(target(id, person, &group.name, setting)),
                from,
                to,
                class: class(because, to),
                because,
                mark: group.re_opt_in.as_ref().filter(|_| because == Because::ReOptIn).map(|rule| rule.mark),
                licences: if licence { judgement.licences.clone() } else { Vec::new() },
                after_opt_out: licence && judgement.after_opt_out,
                through: if licence { judgement.through.clone() } else { Vec::new() },
            });
            if licence {
                let removal = to == Value::REMOVED;
                self.through.extend(judgement.through.iter().map(|group| (*group, removal)));
            }
        }
        if self.operations.len() == before {
            self.left_alone.push(left_alone(bench, id, person, group, &judgement));
        }
    }

    /// Notes what looking at this person changes in the ledger.
    fn remember(
        &mut self,
        id: PersonId,
        held: Held,
        group: &DesiredGroup,
        record: Option<&crate::model::PersonRecord>,
        judgement: &Judgement,
        now: Timestamp,
    ) {
        if !held.certain {
            return;
        }
        let settings: BTreeMap<Setting, Entry> = judgement
            .settings
            .iter()
            .filter_map(|(setting, verdict)| Some((setting, verdict.as_ref()?.entry?)))
            .filter(|(setting, entry)| {
                record.is_none_or(|record| record.settings.get(*setting).as_ref() != Some(entry))
            })
            .collect();
        let moved = record.is_none_or(|record| record.group.as_ref() != Some(&group.name));
        // Whoever was missed and is held again is missed no longer.
        let found_again = record.is_some_and(|record| record.gone_since.is_some());
        if moved || found_again || !settings.is_empty() {
            let returned = judgement.returned.iter().map(|setting| (*setting, now)).collect();
            let group = Some(Arc::clone(&group.name));
            self.observed.insert(id, Observed { group, settings, returned, gone_since: None });
        }
    }

    fn count_moves(&mut self, bench: &Bench<'_>, person: &ActualPerson, judgement: &Judgement) {
        if !(person.enabled && person.kind == crate::model::Kind::Member) {
            return;
        }
        self.counted += 1;
        // Nobody who is opted out notices a feature's default.
        let settings = person.settings.known();
        let moves = !judgement.opted_out
            && bench.tenant.defaults.iter().any(|(feature, default)| {
                let verdict = judgement.settings.get(feature.setting());
                let held_in_place = verdict.as_ref().is_some_and(|verdict| {
                    let ours = verdict.entry.is_some_and(|entry| entry.chosen || entry.written().is_some());
                    ours || matches!(verdict.decision, Decision::Set { .. })
                });
                let follows =
                    settings.is_none_or(|settings| settings.get(feature.setting()) == Some(default.now));
                default.flips && !held_in_place && follows
            });
        let counter = if judgement.whole == Some(Reason::Protected) {
            &mut self.moving_protected
        } else {
            &mut self.moving
        };
        *counter += u64::from(moves);
    }

    fn not_found(&mut self, missing: &crate::model::desired::NotFound, group: &DesiredGroup) {
        self.left_alone.push(LeftAlone {
            upn: Arc::clone(&missing.address),
            id: None,
            group: Arc::clone(&group.name),
            reason: Reason::NotFound,
            refusal: None,
            settings: Vec::new(),
        });
    }

    fn leaver(&mut self, leaver: &Leaver<'_>, actual: &ActualState) {
        self.restore_stays += u64::from(leaver.stays);
        if let Some(person) = actual.people.get(&leaver.id) {
            let opts_in = leaver.restores.iter().any(|(_, _, to, _)| *to == Value::OPT_IN);
            let mode = Decision::Set { to: Value::OPT_IN, because: Because::Restored };
            for (setting, from, to, licences) in &leaver.restores {
                self.operations.push(Operation {
                    phase: phase(Because::Restored, *to, opts_in.then_some(mode)),
                    target: Target::Person(target(leaver.id, person, leaver.group, *setting)),
                    from: Some(*from),
                    to: *to,
                    class: Class::Restore,
                    because: Because::Restored,
                    mark: None,
                    licences: licences.clone(),
                    after_opt_out: false,
                    through: Vec::new(),
                });
            }
        }
        // Until everything came back, the person still counts as leaving: a failed restore is tried again.
        if leaver.restores.is_empty() && !leaver.waits {
            let released = |(setting, entry): (Setting, &Option<Entry>)| {
                let entry = (*entry)?;
                (!entry.released).then_some((setting, Entry { released: true, ..entry }))
            };
            let settings = leaver.record.settings.iter().filter_map(released).collect();
            self.observed.insert(leaver.id, Observed { settings, ..Observed::default() });
        }
    }
}

fn target(id: PersonId, person: &ActualPerson, group: &Arc<str>, setting: Setting) -> PersonTarget {
    PersonTarget { upn: Arc::clone(&person.upn), id, group: Arc::clone(group), setting }
}

/// Puts an operation where it gives nobody more than they should have, and takes from nobody what they keep.
fn phase(because: Because, to: Value, mode: Option<Decision>) -> Phase {
    let opting_in = matches!(mode, Some(Decision::Set { to: Value::OPT_IN, because: _ }));
    match (because, to) {
        (Because::Pinned, _) => Phase::Pin,
        (_, Value::REMOVED) => Phase::PlanRemove,
        (_, Value::ServicePlan(_)) => Phase::PlanAssign,
        (_, Value::OPT_OUT) => Phase::Withdraw,
        (_, Value::OFF) if !opting_in => Phase::Withdraw,
        (_, Value::Mode(_) | Value::Switch(_) | Value::Rate(_)) => Phase::Grant,
    }
}

fn class(because: Because, to: Value) -> Class {
    match because {
        Because::RePin => Class::RePin,
        Because::Restored => Class::Restore,
        Because::ReOptIn => Class::ReOptIn,
        Because::RolledBack => Class::Rollback,
        Because::Pinned
        | Because::ManifestChanged
        | Because::DidNotTake
        | Because::Overridden
        | Because::FirstTouch
        | Because::Recorded
        | Because::WithOptIn
        | Because::Differs => match to {
            Value::OPT_IN => Class::OptIn,
            Value::OPT_OUT => Class::OptOut,
            Value::REMOVED => Class::ServicePlanRemoved,
            Value::ServicePlan(_) => Class::ServicePlanAssigned,
            Value::Switch(_) | Value::Rate(_) => Class::Features,
        },
    }
}

fn left_alone(
    bench: &Bench<'_>,
    id: PersonId,
    person: &ActualPerson,
    group: &DesiredGroup,
    judgement: &Judgement,
) -> LeftAlone {
    let values = person.values(bench.catalogue);
    let reason = judgement.reason();
    let refusal = match (&person.settings, reason) {
        (Known::Unknown(why), Reason::Unknown | Reason::Unlicensed) => {
            Some(Box::new(Refused { kind: why.kind, message: why.message.clone() }))
        }
        (Known::Unknown(_) | Known::Is(_), _) => None,
    };
    let deviations = judgement.settings.iter().filter_map(|(setting, verdict)| {
        let verdict = verdict.as_ref()?;
        let Decision::Leave(
            reason @ (Reason::ConsentFloor
            | Reason::OwnChoice
            | Reason::DefaultMoved
            | Reason::Quarantined
            | Reason::RolledBack
            | Reason::Accepted),
        ) = verdict.decision
        else {
            return None;
        };
        let want = (*group.wants.get(setting))?;
        let have = values.get(setting).known().copied().flatten()?;
        let accepted = bench.deviations.accepts(id, setting, have).filter(|_| reason == Reason::Accepted);
        let until = accepted.map(|accepted| accepted.until);
        let ours_released = verdict.ours_released;
        Some(Deviation { setting, want, have, reason, ours_released, until, by: None })
    });
    let settings = if judgement.whole.is_none() { deviations.collect() } else { Vec::new() };
    LeftAlone {
        upn: Arc::clone(&person.upn),
        id: Some(id),
        group: Arc::clone(&group.name),
        reason,
        refusal,
        settings,
    }
}

#[cfg(test)]
mod tests;
