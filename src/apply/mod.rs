//! Carries out a plan, and says what became of every operation.
//!
//! For every batch of people the same five steps: look again, write down what is meant, write, write down what came
//! of it, read back. Whoever is no longer as the plan found them is left alone. After a kill at any instruction, the
//! next run folds the journal, looks again, plans, and continues; nothing is replayed.
//!
//! Phases follow each other strictly; within one, batches run side by side, more of them while answers are good.

mod desk;
mod event;
mod judge;
mod licences;
mod people;
mod report;
mod tenant;
mod why;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

pub use event::{Event, FailureLimit, NotALimit, Stop};
pub use report::{FORMAT, Outcome, Report, Row, Stopped};
pub use why::Why;

use crate::clock::Clock;
use crate::microsoft::Writer;
use crate::model::TenantSetting;
use crate::plan::calls::{Task, Work, calls};
use crate::plan::{Observed, Phase, Plan};
use crate::store::{Record, Run, StoreError};
use desk::{Desk, Standing, State};

/// Is how many people the settings service takes at once.
const SETTINGS_AT_ONCE: usize = 10;

/// Is how many people Microsoft Graph takes at once.
const LICENCES_AT_ONCE: usize = 20;

/// Is how many batches are under way at first.
const BATCHES: usize = 4;

/// Is how many batches are under way at most; the client paces its requests besides.
const MOST_BATCHES: usize = 16;

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

/// Carries out exactly this plan, and stores what was observed, written and read back.
///
/// One person's failure never stops the others. A first `stop` lets what is under way come to its end; dropping the
/// future aborts. Both leave a journal that the next run continues from. Every operation has a row in the report,
/// whatever happened.
pub async fn apply(
    plan: &Plan,
    writer: &Writer,
    run: Run,
    clock: &Clock,
    limit: FailureLimit,
    events: &mut (dyn FnMut(Event) + Send),
    stop: &Stop,
) -> Result<Report, Unrecorded> {
    let started = clock.now();
    let id = run.id();
    let desk = Desk::new(plan, writer, run, clock, limit.of(plan.summary.people), events, stop);
    desk.state().tell(Event::Started {
        run: id,
        operations: plan.operations.len() as u64,
        calls: plan.summary.calls,
    });
    let work = calls(&plan.operations);
    if desk.observe() {
        desk.carry_out(&work).await;
        desk.look_again_at_all(&work).await;
    }

    let State { run, rows, calls, stopped, lost, .. } = desk.into_state();
    let row = |(operation, standing): (&crate::plan::Operation, Standing)| {
        let Standing { outcome, attempts, request_id, why, at, from: _, theirs: _ } = standing;
        Row { operation: operation.clone(), outcome, attempts, request_id, why, at }
    };
    let report = Report {
        format: FORMAT,
        run: id.to_string(),
        started,
        ended: clock.now(),
        planned: plan.summary.clone(),
        rows: plan.operations.iter().zip(rows).map(row).collect(),
        stopped,
        calls,
    };
    let finished = match lost {
        Some(error) => Err(error),
        None if report.stopped == Some(Stopped::LockLost) => return Ok(report),
        None => run.finish(&report.without_names()).map(drop),
    };
    match finished {
        Ok(()) => Ok(report),
        Err(source) => Err(Unrecorded { report: Box::new(report), source }),
    }
}

impl Desk<'_> {
    /// Stores what the plan saw, except where the ledger has learnt something since the plan looked.
    fn observe(&self) -> bool {
        let observations = &self.plan.observations;
        let mut records = Vec::new();
        for (setting, entry) in &observations.tenant {
            if !self.state().run.meanwhile().of_tenant(*setting) {
                records.push(Record::ObservedTenant { setting: *setting, entry: *entry });
            }
        }
        for (id, observed) in &observations.people {
            let Observed { group, settings } = observed;
            let mut is = Observed { group: group.clone(), settings: settings.clone() };
            {
                let state = self.state();
                let (ledger, meanwhile) = (state.run.ledger(), state.run.meanwhile());
                is.settings.retain(|setting, _| !meanwhile.of(*id, *setting));
                if meanwhile.group_of(*id) {
                    is.group = ledger.people.get(id).and_then(|person| person.group.clone());
                }
            }
            records.push(Record::Observed { id: *id, is });
            if records.len() >= OBSERVATIONS && !self.journal(std::mem::take(&mut records)) {
                return false;
            }
        }
        self.journal(records)
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
            for (setting, index) in &sorted.tenant {
                self.tenant(*setting, *index).await;
            }
            self.in_batches(sorted.people.chunks(SETTINGS_AT_ONCE), |jobs| self.people(jobs)).await;
            self.in_batches(sorted.licences.chunks(LICENCES_AT_ONCE), |jobs| self.licences(jobs)).await;
            self.hold_back_defaults(&sorted.people);
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
        let again = |jobs| async move {
            self.look_again(jobs).await;
            true
        };
        self.in_batches(people.chunks(SETTINGS_AT_ONCE), again).await;
        let licences: Vec<_> = licences.iter().collect();
        let again = |jobs| async move {
            self.look_again_at_licences(jobs).await;
            true
        };
        self.in_batches(licences.chunks(LICENCES_AT_ONCE), again).await;
    }

    /// Runs batches side by side: one more at a time while they go well, half as many after one that does not.
    async fn in_batches<B, F: Future<Output = bool>>(
        &self,
        mut batches: impl Iterator<Item = B>,
        run: impl Fn(B) -> F,
    ) {
        let mut width = BATCHES;
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < width
                && let Some(batch) = batches.next()
            {
                under_way.push(run(batch));
            }
            match self.keeping_the_lock(under_way.next()).await {
                None => return,
                Some(true) => width = (width + 1).min(MOST_BATCHES),
                Some(false) => width = (width / 2).max(1),
            }
        }
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
