//! What writes to the store alone: under the lock, as a run of its own, so that `runs` lists it.

use super::console::Console;
use super::failure::Failure;
use super::session::Session;
use crate::apply::Report;
use crate::plan::Plan;
use crate::store::{Lease, Record, Remembered, RunId};

/// Is how many records are written down at once.
const AT_ONCE: usize = 4096;

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
        let remembered = self.remembered().await;
        let done = match remembered {
            Ok(remembered) => match console.picked_up(&remembered) {
                Ok(()) => {
                    locked.remembered = remembered;
                    work(&mut locked).await
                }
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        if let Some(lease) = locked.lease.take() {
            lease.release().await;
        }
        done
    }
}

impl Locked<'_> {
    /// Writes records down, as a run of a plan that changes nothing in the tenant.
    pub(super) async fn write_down(
        &mut self,
        plan: &Plan,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<RunId, Failure> {
        let session = self.session;
        let lease = self.lease.take().expect("one run takes over the lock, and only one is begun");
        let remembered = std::mem::take(&mut self.remembered);
        let started = session.clock.now();
        let settle = session.manifest.settle();
        let run = session.store.begin_run(lease, remembered, plan, &settle, &session.clock).await?;
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
        run.finish(&Report::of_nothing(id, started, session.clock.now())).await?;
        Ok(id)
    }
}
