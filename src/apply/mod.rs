//! Carries out a plan, and says what became of every operation.
//!
//! For every batch of people the same five steps: look again, write down what is meant, write, write down what came
//! of it, read back. Whoever is no longer as the plan found them is left alone. After a kill at any instruction, the
//! next run folds the journal, looks again, plans, and continues; nothing is replayed.
//!
//! A plan can be handed over instead: `handover` makes the steps of a script of it, and `taken` takes its results into the
//! ledger as an apply would have left them there.
//!
//! Phases follow each other strictly; within one, batches run side by side. How many requests are really under way is
//! for the client to say, which paces each service by its answers.

mod about;
mod desk;
mod event;
mod expected;
mod gate;
mod handover;
mod judge;
mod licences;
mod licensing;
mod observed;
mod people;
mod preflight;
mod report;
mod retold;
mod taken;
mod tenant;
mod theirs;
#[cfg(test)]
mod trial;
mod why;

use std::time::Duration;

use futures_util::{StreamExt, stream};

pub use event::{Event, FailureLimit, NotALimit, Stop};
pub use gate::Gate;
pub use handover::{Bounds, Handover, Kind, Step, StepLicence, StepOperation};
pub use preflight::{Memory, Skipped, StaleLimit, look_ahead};
pub use report::{FORMAT, GroupRow, Outcome, Report, Row, Stopped};
pub use taken::{Recorded, Taken, take_over};
pub use why::Why;

use crate::clock::Clock;
use crate::microsoft::Writer;
use crate::model::{TenantSetting, Waiver};
use crate::plan::budget::{BATCHES, LICENCES_AT_ONCE, SETTINGS_AT_ONCE};
use crate::plan::calls::{Task, Work, calls};
use crate::plan::{GroupLicences, Phase, Plan};
use crate::store::{Record, Run, StoreError};
use desk::{Desk, Standing, State};
use licensing::GroupStanding;
use observed::observations;

/// Is how long to wait before looking again for the first time; each further pause is twice as long.
const PAUSE: Duration = Duration::from_secs(10);

/// Is the longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// Is how often, while waiting, somebody may ask to stop.
const TICK: Duration = Duration::from_secs(1);

/// Is how many observations are written down at once, so that a million of them need not be in memory twice.
const OBSERVATIONS: usize = 4096;

/// Says that a run could not be written down, with what is known of it all the same.
///
/// Nothing was written to the tenant after that. The next run looks at what this one meant to do.
#[derive(Debug, thiserror::Error)]
#[error("the run could not be written down to its end")]
pub struct Unrecorded {
    /// What was done up to then.
    pub report: Box<Report>,
    /// Why.
    #[source]
    pub source: StoreError,
}

/// Is what is to be carried out.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Who was found changed before the first write.
    pub left_out: Skipped,
    /// Who consented to what a guard objects to.
    pub waivers: Vec<Waiver>,
    /// How long to wait, at the end, for what was written and does not show yet.
    pub patience: Duration,
    /// When changes may be made.
    pub gate: Gate,
}

impl<'a> From<&'a Plan> for Order<'a> {
    /// Asks for the whole plan at any time, to which nobody had to consent in writing.
    fn from(plan: &'a Plan) -> Self {
        Self {
            plan,
            left_out: Skipped::default(),
            waivers: Vec::new(),
            patience: Duration::ZERO,
            gate: Gate::default(),
        }
    }
}

/// Carries out exactly this plan, less who is left out, and stores what was observed, written and read back.
///
/// One person's failure never stops the others. A first `stop` lets what is under way come to its end; dropping the
/// future aborts. Both leave a journal that the next run continues from. Every operation has a row in the report,
/// whatever happened.
pub async fn apply<'a>(
    order: impl Into<Order<'a>>,
    writer: &Writer,
    run: Run,
    clock: &Clock,
    limit: FailureLimit,
    events: &mut (dyn FnMut(Event) + Send),
    stop: &Stop,
) -> Result<Report, Unrecorded> {
    let Order { plan, left_out, waivers, patience, gate } = order.into();
    let started = clock.now();
    let id = run.id();
    let desk = Desk::new(plan, writer, run, clock, &gate, limit.of(plan.summary.people), events, stop);
    desk.state().tell(Event::Started {
        run: id,
        operations: plan.operations.len() as u64,
        calls: plan.summary.calls,
    });
    let work = calls(&plan.operations);
    desk.leave_out(&left_out);
    if desk.consented(&waivers).await && desk.observe().await {
        desk.carry_out(&work).await;
        desk.look_again_at_all(&work).await;
        desk.wait_until_settled(&work, patience).await;
    }

    let (run, State { rows, groups, calls, stopped, lost, .. }) = desk.into_parts();
    let row = |(operation, standing): (&crate::plan::Operation, Standing)| {
        let Standing { outcome, attempts, request_id, why, at, from: _, theirs: _ } = standing;
        Row { operation: operation.clone(), outcome, attempts, request_id, why, at }
    };
    let group_row = |group: &GroupLicences| {
        let standing = groups.get(&group.id).cloned();
        GroupRow::new(group, standing.unwrap_or_else(|| GroupStanding::not_begun(started)))
    };
    let report = Report {
        format: FORMAT,
        run: id.to_string(),
        plan: plan.hash.is_sealed().then_some(plan.hash),
        waivers,
        started,
        ended: clock.now(),
        planned: plan.summary.clone(),
        rows: plan.operations.iter().zip(rows).map(row).collect(),
        licensing_groups: plan.licensing_groups.iter().map(group_row).collect(),
        stopped,
        calls,
    };
    let finished = match lost {
        Some(error) => {
            run.give_up().await;
            Err(error)
        }
        None if report.stopped == Some(Stopped::LockLost) => return Ok(report),
        None => run.finish(&report.without_names()).await.map(drop),
    };
    match finished {
        Ok(()) => Ok(report),
        Err(source) => Err(Unrecorded { report: Box::new(report), source }),
    }
}

impl Desk<'_> {
    /// Writes down who consented, before anything is done on the strength of it.
    async fn consented(&self, waivers: &[Waiver]) -> bool {
        let consented = || waivers.iter().cloned().map(Record::Consented).collect();
        waivers.is_empty() || self.journal(consented()).await
    }

    /// Stores what the plan saw, except where the ledger has learnt something since the plan looked.
    async fn observe(&self) -> bool {
        let mut records = Vec::new();
        for record in observations(self.plan, &self.run, self.clock.now()) {
            records.push(record);
            if records.len() >= OBSERVATIONS && !self.journal(std::mem::take(&mut records)).await {
                return false;
            }
        }
        self.journal(records).await
    }

    async fn carry_out(&self, work: &[Work]) {
        let reads_defaults = |task: &Task| match task {
            Task::Tenant { .. } | Task::Settings { .. } => true,
            Task::Licences { .. } => false,
        };
        if work.iter().any(|work| reads_defaults(&work.task)) {
            self.read_tenant().await;
        }
        for phase in Phase::ALL {
            let sorted = Sorted::of(work.iter().filter(|work| work.phase == phase));
            let operations = work.iter().filter(|work| work.phase == phase).map(|work| work.operations.len());
            let operations = operations.sum::<usize>() as u64;
            if operations == 0 {
                continue;
            }
            self.state().tell(Event::Phase { phase, operations });
            let Sorted { tenant, people, licences } = sorted;
            for (setting, index) in tenant.iter().filter(|(_, index)| self.is_open(*index)) {
                self.tenant(*setting, *index).await;
            }
            let is_open = |job: &people::Job<'_>| job.operations.iter().all(|index| self.is_open(*index));
            let (people, left_out): (Vec<_>, Vec<_>) = people.into_iter().partition(is_open);
            self.in_batches(people.chunks(SETTINGS_AT_ONCE), |jobs| self.people(jobs)).await;
            let goes_through = |job: &licences::Job<'_>| !self.operation(job.operation).through.is_empty();
            let (by_group, licences): (Vec<_>, Vec<_>) = licences.into_iter().partition(goes_through);
            let licences: Vec<_> = licences.into_iter().filter(|job| self.is_open(job.operation)).collect();
            self.in_batches(licences.chunks(LICENCES_AT_ONCE), |jobs| self.licences(jobs)).await;
            self.by_group(phase, &by_group).await;
            self.hold_back_defaults(&people);
            self.hold_back_defaults(&left_out);
        }
    }

    /// Looks once more at everything that was written and did not show at once.
    async fn look_again_at_all(&self, work: &[Work]) {
        let over = {
            let state = self.state();
            state.stopped.is_some() || state.lost.is_some()
        };
        if over {
            return;
        }
        let waits = |index: &usize| {
            matches!(self.state().rows[*index].outcome, Outcome::Settling | Outcome::Unanswered)
        };
        let waiting = || work.iter().filter(|work| work.operations.iter().any(waits));
        let operations = waiting().count() as u64;
        if operations == 0 {
            return;
        }
        self.state().tell(Event::LookingAgain { operations });
        let Sorted { tenant, people, licences } = Sorted::of(waiting());
        if !tenant.is_empty() {
            self.look_again_at_tenant(&tenant).await;
        }
        self.in_batches(people.chunks(SETTINGS_AT_ONCE), |jobs| self.look_again(jobs)).await;
        let licences = self.not_in_process(licences.iter().collect()).await;
        self.in_batches(licences.chunks(LICENCES_AT_ONCE), |jobs| self.look_again_at_licences(jobs)).await;
    }

    /// Looks again from time to time until everything shows, the patience is at its end, or somebody asks to stop.
    async fn wait_until_settled(&self, work: &[Work], patience: Duration) {
        let began = self.clock.now();
        let waited = || Duration::try_from(self.clock.now().duration_since(began)).unwrap_or_default();
        let mut next = PAUSE;
        while self.waits(work) > 0 && waited() < patience {
            let pause = next.min(patience.saturating_sub(waited()));
            let until = waited() + pause;
            while waited() < until && !self.stop.requested() && self.may_finish().await {
                self.state().tell(Event::Waiting { waited: waited().as_secs(), at_most: patience.as_secs() });
                self.keeping_the_lock(self.clock.sleep(TICK)).await;
            }
            if self.stop.requested() || !self.may_finish().await {
                return;
            }
            self.look_again_at_all(work).await;
            next = (next * 2).min(LONGEST_PAUSE);
        }
    }

    /// Counts the pieces of work of which something was written that does not show yet.
    fn waits(&self, work: &[Work]) -> u64 {
        let state = self.state();
        let waits = |index: &usize| matches!(state.rows[*index].outcome, Outcome::Settling);
        work.iter().filter(|work| work.operations.iter().any(waits)).count() as u64
    }

    /// Runs batches side by side, in whatever order they end, and keeps the lock alive meanwhile.
    ///
    /// As many as the client ever sends to one service are under way, so that none of its permits lies idle; while it
    /// slows down, they wait for their turn.
    async fn in_batches<B, F: Future<Output = ()>>(
        &self,
        batches: impl Iterator<Item = B>,
        run: impl Fn(B) -> F,
    ) {
        let all = stream::iter(batches.map(run)).buffer_unordered(BATCHES as usize);
        self.keeping_the_lock(all.collect::<()>()).await;
    }
}

/// Is the work of one phase, by the service that carries it out.
struct Sorted<'w> {
    tenant: Vec<(TenantSetting, usize)>,
    people: Vec<people::Job<'w>>,
    licences: Vec<licences::Job<'w>>,
}

impl<'w> Sorted<'w> {
    fn of(work: impl Iterator<Item = &'w Work>) -> Self {
        let mut sorted = Self { tenant: Vec::new(), people: Vec::new(), licences: Vec::new() };
        for Work { phase: _, task, operations } in work {
            match task {
                Task::Tenant { setting, value: _ } => {
                    sorted.tenant.extend(operations.iter().map(|index| (*setting, *index)));
                }
                Task::Settings { id, upn, sets } => {
                    sorted.people.push(people::Job { id: *id, upn, sets, operations });
                }
                Task::Licences { id, upn, changes } => {
                    sorted.licences.extend(operations.iter().map(|index| licences::Job {
                        id: *id,
                        upn,
                        changes,
                        operation: *index,
                    }));
                }
            }
        }
        sorted
    }
}
