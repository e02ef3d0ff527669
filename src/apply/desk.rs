//! What all parts of one apply share: the rows, the run's journal, and what this run has done so far.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::about::has_own_value;
use super::expected::{Expected, Touched, remembered};
use super::licensing::GroupStanding;
use super::{Event, Gate, Outcome, Skipped, Stop, Stopped, Why};
use crate::clock::Clock;
use crate::microsoft::Writer;
use crate::model::{Feature, GroupId, PersonId, Refusal, RefusalKind, TenantSetting, Value};
use crate::plan::{Operation, Plan, Refused, Target};
use crate::store::{Record, Run, StoreError};

/// Is how often the lock is looked at while something is waited for.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Is the desk that one apply works at.
pub(super) struct Desk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) writer: &'a Writer,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a Stop,
    pub(super) gate: &'a Gate,
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
    /// By licensing group: what became of its change.
    pub(super) groups: BTreeMap<GroupId, GroupStanding>,
    /// Defaults that this run changed: before and after.
    pub(super) flipped: BTreeMap<Feature, (Value, Value)>,
    events: &'a mut (dyn FnMut(Event) + Send),
    failed: BTreeSet<PersonId>,
    limit: u64,
    /// Whether the service has taken any write at all.
    any_taken: bool,
    known: u64,
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
    #[expect(clippy::too_many_arguments, reason = "all that one apply is given comes together here")]
    pub(super) fn new(
        plan: &'a Plan,
        writer: &'a Writer,
        run: Run,
        clock: &'a Clock,
        gate: &'a Gate,
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
            groups: BTreeMap::new(),
            flipped: BTreeMap::new(),
            events,
            failed: BTreeSet::new(),
            limit,
            any_taken: false,
            known: 0,
        };
        Self { plan, writer, clock, stop, gate, run, state: Mutex::new(state) }
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
        if !self.is_within_window() {
            return false;
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
    pub(super) fn leave_out(&self, left_out: &Skipped) {
        for (index, operation) in self.plan.operations.iter().enumerate() {
            let Some(why) = left_out.why(operation) else { continue };
            let theirs = has_own_value(operation, why);
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
