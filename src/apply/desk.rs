//! What all parts of one apply share: the rows, the run's journal, and what this run has done so far.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::judge::Expectation;
use super::{Event, LeftOut, Memory, Outcome, Stop, Stopped, Why};
use crate::clock::Clock;
use crate::microsoft::Writer;
use crate::model::{
    BySetting, Entry, Feature, Ledger, PersonId, Refusal, RefusalKind, Setting, Settings, TenantSetting,
    Value,
};
use crate::plan::{Because, Operation, Plan, Refused, Target};
use crate::store::{Meanwhile, Record, Run, StoreError, Subject, Under};

/// Is how often the lock is looked at while something is waited for.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Is the desk that one apply works at.
pub(super) struct Desk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) writer: &'a Writer,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a Stop,
    pub(super) run: Run,
    state: Mutex<State<'a>>,
}

/// Is what changes while an apply runs.
pub(super) struct State<'a> {
    pub(super) rows: Vec<Standing>,
    pub(super) calls: u64,
    pub(super) stopped: Option<Stopped>,
    /// Why nothing more can be written down, if so.
    pub(super) lost: Option<StoreError>,
    /// Defaults that must wait, since a value that was to outlive them does not stand.
    pub(super) unpinned: BTreeMap<Feature, Why>,
    /// By person: what this run has done to them.
    pub(super) touched: BTreeMap<PersonId, Touched>,
    /// Defaults that this run changed: before and after.
    pub(super) flipped: BTreeMap<Feature, (Value, Value)>,
    events: &'a mut (dyn FnMut(Event) + Send),
    failed: BTreeSet<PersonId>,
    limit: u64,
    /// Whether the service has taken any write at all.
    any_taken: bool,
    known: u64,
}

/// Is what this run has made of one person so far.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// What was last read back.
    pub(super) last: Option<Settings>,
    /// What was found right before the last write.
    pub(super) before: Option<Settings>,
    /// What was meant to be written, whatever became of it.
    pub(super) meant: BTreeSet<Setting>,
    /// What was written, whether or not it shows yet, and what changed beside it.
    pub(super) written: Vec<(Setting, Value)>,
}

/// Is what is known of one operation: the part of a row that is not in the plan.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) outcome: Outcome,
    pub(super) attempts: u32,
    pub(super) request_id: Option<String>,
    pub(super) why: Option<Why>,
    pub(super) at: Timestamp,
    /// What was there right before the write; an unanswered one is proved by nothing but a change.
    pub(super) from: Option<Value>,
    /// Somebody changed this very setting meanwhile, so that it is theirs now.
    pub(super) theirs: bool,
}

impl fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        writer: &'a Writer,
        run: Run,
        clock: &'a Clock,
        limit: u64,
        events: &'a mut (dyn FnMut(Event) + Send),
        stop: &'a Stop,
    ) -> Self {
        let not_begun = Standing {
            outcome: Outcome::NotBegun,
            attempts: 0,
            request_id: None,
            why: None,
            at: clock.now(),
            from: None,
            theirs: false,
        };
        let state = State {
            rows: vec![not_begun; plan.operations.len()],
            calls: 0,
            stopped: None,
            lost: None,
            unpinned: BTreeMap::new(),
            touched: BTreeMap::new(),
            flipped: BTreeMap::new(),
            events,
            failed: BTreeSet::new(),
            limit,
            any_taken: false,
            known: 0,
        };
        Self { plan, writer, clock, stop, run, state: Mutex::new(state) }
    }

    /// Gives what changes. Never held while anything is waited for.
    pub(super) fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_parts(self) -> (Run, State<'a>) {
        (self.run, self.state.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn operation(&self, index: usize) -> &'a Operation {
        &self.plan.operations[index]
    }

    /// Says whether more may be begun; asked before anything is written.
    pub(super) async fn goes_on(&self) -> bool {
        {
            let mut state = self.state();
            if state.stopped.is_none() && self.stop.requested() {
                state.end(Stopped::Interrupted);
            }
            if state.stopped.is_some() {
                return false;
            }
        }
        self.beat().await;
        let state = self.state();
        state.stopped.is_none() && state.lost.is_none()
    }

    /// Writes records down. When that fails nothing may be written to the tenant any more.
    pub(super) async fn journal(&self, records: Vec<Record>) -> bool {
        match self.run.append(records).await {
            Ok(()) => true,
            Err(error @ StoreError::LeaseLost { .. }) => {
                self.state().lock_lost(error);
                false
            }
            Err(error) => {
                tracing::error!(%error, "the journal cannot be written");
                self.state().lost.get_or_insert(error);
                false
            }
        }
    }

    /// Waits for something while the lock is kept alive.
    pub(super) async fn keeping_the_lock<T>(&self, work: impl Future<Output = T>) -> T {
        // Both are polled side by side: the work may be what a beat waits for.
        let beats = async {
            loop {
                Clock::beat(HEARTBEAT).await;
                self.beat().await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            never = beats => never,
        }
    }

    /// Makes sure that the lock is still ours.
    pub(super) async fn beat(&self) {
        if self.state().stopped == Some(Stopped::LockLost) {
            return;
        }
        if let Err(error) = self.run.lease().hold().await {
            self.state().lock_lost(error);
        }
    }

    /// Says whether what was begun may be finished, although nothing more may be begun.
    pub(super) async fn may_finish(&self) -> bool {
        self.beat().await;
        let state = self.state();
        state.lost.is_none() && state.stopped != Some(Stopped::LockLost)
    }

    /// Settles what is known of an operation, for now.
    pub(super) fn settle(&self, index: usize, change: impl FnOnce(&mut Standing)) {
        let mut state = self.state();
        let standing = &mut state.rows[index];
        let first = standing.outcome == Outcome::NotBegun;
        change(standing);
        standing.at = self.clock.now();
        let outcome = standing.outcome;
        if first && outcome != Outcome::NotBegun {
            state.known += 1;
        }
        state.any_taken |= matches!(outcome, Outcome::Done | Outcome::Settling);
        (state.events)(Event::Row { operation: index, outcome });
    }

    /// Settles an operation that is not carried out.
    pub(super) fn leave(&self, index: usize, outcome: Outcome, why: Why) {
        self.settle(index, |row| {
            row.outcome = outcome;
            row.why = Some(why);
        });
    }

    /// Settles what is left out because it was found changed before anything was written.
    ///
    /// A pin that is left out holds its default back, unless the person has a value of their own there by now.
    pub(super) fn leave_out(&self, left_out: &LeftOut) {
        for (index, operation) in self.plan.operations.iter().enumerate() {
            let Some(why) = left_out.why(operation) else { continue };
            let theirs = match why {
                Why::Found { setting, value: _ } => {
                    touches(operation).is_some_and(|own| is_theirs(own, *setting))
                }
                Why::FoundDefault { .. }
                | Why::FoundLicencesChanged
                | Why::FoundOtherLicences
                | Why::Protected
                | Why::OptOutNotSeen
                | Why::OptOutUnreadable(_)
                | Why::PinNotStanding { .. }
                | Why::WriteOnly
                | Why::BrokenOff
                | Why::Refused(_) => false,
            };
            self.leave(index, Outcome::Moved, why.clone());
            self.state().rows[index].theirs = theirs;
        }
    }

    /// Says whether an operation is still to be carried out.
    pub(super) fn is_open(&self, index: usize) -> bool {
        self.state().rows[index].outcome == Outcome::NotBegun
    }

    /// Settles operations that the service refused, or did not even let us look at.
    pub(super) fn fail(&self, operations: &[usize], refusal: &Refusal) {
        for index in operations {
            self.settle(*index, |row| {
                row.outcome = Outcome::Failed;
                row.why = Some(refusal.into());
                row.request_id.clone_from(&refusal.request_id);
            });
        }
    }

    /// Takes stock after some operations: how far we are, and whether too much has failed.
    ///
    /// `refusals` has one item for each person of a batch: why it failed, if it did.
    pub(super) fn take_stock(
        &self,
        operations: impl IntoIterator<Item = usize>,
        refusals: &[Option<Refusal>],
    ) {
        let mut state = self.state();
        for index in operations {
            let failed = matches!(state.rows[index].outcome, Outcome::Failed | Outcome::Unanswered);
            if failed && let Target::Person(person) = &self.operation(index).target {
                state.failed.insert(person.id);
            }
        }
        let (done, of) = (state.known, state.rows.len() as u64);
        (state.events)(Event::Progress { done, of });
        if state.stopped.is_some() {
            return;
        }
        if let Some(refusal) = shut_out(refusals, state.any_taken) {
            let stopped = Stopped::Tenant(Refused { kind: refusal.kind, message: refusal.to_string() });
            state.end(stopped);
            return;
        }
        let (failed, limit) = (state.failed.len() as u64, state.limit);
        if failed > limit {
            state.end(Stopped::FailureLimit { failed, limit });
        }
    }
}

impl State<'_> {
    pub(super) fn tell(&mut self, event: Event) {
        (self.events)(event);
    }

    /// Ends the run before its plan does.
    pub(super) fn end(&mut self, why: Stopped) {
        self.tell(Event::Stopping(why.clone()));
        self.stopped = Some(why);
    }

    fn lock_lost(&mut self, error: StoreError) {
        if self.stopped == Some(Stopped::LockLost) {
            return;
        }
        tracing::error!(%error, "the lock is lost");
        // A lock that cannot be looked at cannot be relied on.
        if !matches!(error, StoreError::LeaseLost { .. }) {
            self.lost.get_or_insert(error);
        }
        self.end(Stopped::LockLost);
    }

    pub(super) fn expectation<'s>(&'s self, id: PersonId, run: &'s Run) -> Expected<'s> {
        let remembered = run.ledger(|ledger| remembered(ledger, id));
        let meanwhile = run.meanwhile();
        Expected { id, touched: self.touched.get(&id), flipped: &self.flipped, remembered, meanwhile }
    }

    pub(super) fn count(&mut self, attempts: u32) {
        self.calls += u64::from(attempts);
    }
}

/// Finds the refusal that will meet everybody else as well.
///
/// One person's 403 says nothing about the next one. A whole batch of them, before anything was ever done, does.
fn shut_out(refusals: &[Option<Refusal>], any_taken: bool) -> Option<&Refusal> {
    let sign_in = refusals.iter().flatten().find(|refusal| refusal.kind == RefusalKind::SignIn);
    let everyone = !any_taken && refusals.len() > 1;
    let barred = |refusal: &Option<Refusal>| {
        refusal.as_ref().is_some_and(|why| why.kind.denies_access() || why.kind.puts_all_out_of_reach())
    };
    sign_in.or_else(|| if everyone && refusals.iter().all(barred) { refusals[0].as_ref() } else { None })
}

/// Is what our own doing may have made of one person.
pub(super) struct Expected<'a> {
    id: PersonId,
    touched: Option<&'a Touched>,
    flipped: &'a BTreeMap<Feature, (Value, Value)>,
    /// What the ledger remembers of them.
    remembered: BySetting<Option<Entry>>,
    meanwhile: &'a Meanwhile,
}

impl<'a> Expected<'a> {
    /// Says what earlier runs may have made of one person, before this one has done anything.
    pub(super) fn before(
        id: PersonId,
        memory: Memory<'a>,
        flipped: &'a BTreeMap<Feature, (Value, Value)>,
    ) -> Self {
        let Memory { ledger, meanwhile } = memory;
        Self { id, touched: None, flipped, remembered: remembered(ledger, id), meanwhile }
    }

    /// Gives what has changed beside what this run meant to write, as it was right before.
    ///
    /// What followed a default that this run flipped is no side effect of a write to the person.
    pub(super) fn changed_beside(&self, now: Settings) -> BTreeMap<Setting, Value> {
        let Some(Touched { before: Some(before), meant, .. }) = self.touched else { return BTreeMap::new() };
        let beside = |setting: Setting| {
            let (was, is) = (before.get(setting)?, now.get(setting)?);
            let ours = !meant.contains(&setting) && !self.moved_with_default(setting, Some(was), is);
            (was != is && ours).then_some((setting, was))
        };
        Setting::ALL.into_iter().filter_map(beside).collect()
    }

    fn moved_with_default(&self, setting: Setting, from: Option<Value>, have: Value) -> bool {
        let flip = setting.feature().and_then(|feature| self.flipped.get(&feature));
        flip.is_some_and(|(was, is)| from == Some(*was) && have == *is)
    }
}

/// Gives what the ledger remembers of a person.
fn remembered(ledger: &Ledger, id: PersonId) -> BySetting<Option<Entry>> {
    ledger.people.get(&id).map(|record| record.settings).unwrap_or_default()
}

impl Expectation for Expected<'_> {
    fn by_this_run(&self, setting: Setting, from: Option<Value>, have: Value) -> bool {
        let touched = self.touched.is_some_and(|touched| {
            touched.written.contains(&(setting, have))
                || (touched.meant.contains(&setting)
                    && touched.last.is_some_and(|last| last.get(setting) == Some(have)))
        });
        touched || self.moved_with_default(setting, from, have)
    }

    fn by_earlier_run(&self, setting: Setting, have: Value) -> bool {
        self.remembered.get(setting).is_some_and(|entry| {
            entry.written() == Some(have) || entry.tried.is_some_and(|tried| tried.value == have)
        })
    }

    fn since_the_plan(&self, setting: Setting, have: Value) -> bool {
        let entry = self.remembered.get(setting);
        let written = entry.is_some_and(|entry| entry.written() == Some(have) && entry.confirmed);
        written && self.meanwhile.of(self.id, setting)
    }
}

/// Names what an operation touches, as the journal does.
pub(super) fn subject(operation: &Operation) -> Subject {
    match &operation.target {
        Target::Tenant(setting) => Subject::Tenant(*setting),
        Target::Person(person) => Subject::Person(person.id, person.setting),
    }
}

/// Says on whose account an operation writes, if it is no ordinary one.
pub(super) fn under(operation: &Operation) -> Option<Under> {
    let mark = operation.mark?;
    match operation.because {
        Because::RolledBack => Some(Under::Rollback(mark)),
        Because::ReOptIn => Some(Under::ReOptIn(mark)),
        Because::Pinned
        | Because::RePin
        | Because::ManifestChanged
        | Because::DidNotTake
        | Because::Overridden
        | Because::FirstTouch
        | Because::Recorded
        | Because::WithOptIn
        | Because::Differs
        | Because::Restored => None,
    }
}

/// Gives the setting of a person that an operation touches.
pub(super) fn touches(operation: &Operation) -> Option<Setting> {
    match &operation.target {
        Target::Person(person) => Some(person.setting),
        Target::Tenant(_) => None,
    }
}

/// Says whether a setting is the person's own matter once another one was found changed by them.
///
/// Who opted out has settled every feature, and so has who changed this very one.
pub(super) fn is_theirs(own: Setting, changed: Setting) -> bool {
    changed == Setting::Mode || own == changed
}

/// Gives the tenant setting or feature that an operation pins, if it is a pin.
pub(super) fn pinned(operation: &Operation) -> Option<Feature> {
    match (&operation.target, operation.because == Because::Pinned) {
        (Target::Person(person), true) => person.setting.feature(),
        (Target::Person(_) | Target::Tenant(_), _) => None,
    }
}

/// Gives the feature whose default a tenant setting is, with the reason why it has to wait, if it has.
pub(super) fn held_back(state: &State<'_>, setting: TenantSetting) -> Option<Why> {
    state.unpinned.get(&setting.feature()?).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: RefusalKind) -> Refusal {
        Refusal { kind, message: "no".to_owned(), request_id: None }
    }

    #[test]
    fn one_persons_refusal_never_stops_the_others() {
        let forbidden = || Some(refused(RefusalKind::Forbidden));
        assert_eq!(shut_out(&[forbidden()], false), None, "one person");
        assert_eq!(shut_out(&[forbidden(), None], false), None, "not everybody");
        assert_eq!(shut_out(&[forbidden(), forbidden()], true), None, "others could be written");
        assert!(shut_out(&[forbidden(), forbidden()], false).is_some());
    }

    #[test]
    fn a_sign_in_that_ended_stops_at_once() {
        assert!(shut_out(&[None, Some(refused(RefusalKind::SignIn))], true).is_some());
    }

    #[test]
    fn a_service_that_stumbles_stops_nothing_by_itself() {
        let failed = || Some(refused(RefusalKind::Failed));
        assert_eq!(shut_out(&[failed(), failed()], false), None);
    }
}
