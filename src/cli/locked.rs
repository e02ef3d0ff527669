//! What writes to the store alone: under the lock, as a run of its own, so that `runs` lists it.

use std::pin::pin;
use std::time::Duration;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::interrupted;
use super::session::Session;
use crate::apply::Report;
use crate::clock::Clock;
use crate::plan::Plan;
use crate::store::{Lease, Record, Remembered, Run, RunId};

/// Is how many records are written down at once.
const AT_ONCE: usize = 4096;

/// Is how often the lock is looked at while the tenant is read.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Is the lock, until a run takes it over, and what was remembered when it was taken.
#[derive(Debug)]
pub(super) struct Locked<'s> {
    session: &'s Session,
    lease: Option<Lease>,
    pub(super) remembered: Remembered,
}

impl Session {
    /// Does something while nobody else can apply, and lets go of the lock however it ends.
    pub(super) async fn locked<T>(
        &self,
        console: &Console,
        work: impl AsyncFnOnce(&mut Locked<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let lease = self.store.lock(&console.holder, &self.clock).await?;
        let mut locked = Locked { session: self, lease: Some(lease), remembered: Remembered::default() };
        let look_and_work = async {
            locked.remembered = self.remembered().await?;
            console.picked_up(&locked.remembered)?;
            work(&mut locked).await
        };
        let done = tokio::select! {
            biased;
            signalled = interrupted() => signalled.map_err(Failure::from).and(Err(interrupted_early())),
            done = look_and_work => done,
        };
        if let Some(lease) = locked.lease.take() {
            lease.release().await;
        }
        done
    }
}

impl Locked<'_> {
    /// Looks at the tenant while the lock is kept alive.
    pub(super) async fn keeping<T>(
        &self,
        look: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match &self.lease {
            Some(lease) => keeping(lease, look).await,
            None => look.await,
        }
    }

    /// Begins a run, which takes over the lock.
    pub(super) async fn begin(&mut self, plan: &Plan) -> Result<Run, Failure> {
        let session = self.session;
        let lease = self.lease.take().expect("one run takes over the lock, and only one is begun");
        let remembered = std::mem::take(&mut self.remembered);
        let settle = session.manifest.settle();
        Ok(session.store.begin_run(lease, remembered, plan, &settle, &session.clock).await?)
    }

    /// Writes records down, as a run of a plan that changes nothing in the tenant.
    pub(super) async fn write_down(
        &mut self,
        plan: &Plan,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<RunId, Failure> {
        let started = self.session.clock.now();
        let run = self.begin(plan).await?;
        let id = run.id();
        let mut some = Vec::new();
        for record in records {
            some.push(record);
            if some.len() >= AT_ONCE
                && let Err(error) = run.append(std::mem::take(&mut some)).await
            {
                run.give_up().await;
                return Err(error.into());
            }
        }
        if let Err(error) = run.append(some).await {
            run.give_up().await;
            return Err(error.into());
        }
        run.finish(&Report::of_nothing(id, started, self.session.clock.now())).await?;
        Ok(id)
    }
}

/// Looks at the tenant while the lock is kept alive: a look at a million people outlasts any lease.
pub(super) async fn keeping<T>(
    lease: &Lease,
    look: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut look = pin!(look);
    loop {
        tokio::select! {
            biased;
            seen = &mut look => return seen,
            () = Clock::beat(HEARTBEAT) => lease.hold().await?,
        }
    }
}

fn interrupted_early() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted")
}
