//! Looks at a store without using it, and tries whether it takes objects.

use uuid::Uuid;

use super::{Kept, RunId, Store, StoreError, UnderWay, journal, lock, snapshot};
use crate::clock::Clock;

impl Store {
    /// Gives the newest run that the store remembers; `None` before the first.
    pub async fn newest_run(&self) -> Result<Option<RunId>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(None) };
        let folded = snapshot::newest(objects, self.tenant).await?.map(|at| RunId(at.through));
        Ok(folded.max(journal::runs(objects).await?.last().copied()))
    }

    /// Says who applies right now.
    pub async fn under_way(&self, clock: &Clock) -> Result<Option<UnderWay>, StoreError> {
        match &self.kept {
            Some(Kept { objects, id: _ }) => lock::under_way(objects, clock).await,
            None => Ok(None),
        }
    }

    /// Creates an object of a name that nobody else has, and deletes it again: what every run needs to be able to do.
    ///
    /// Does nothing where there is no store.
    pub async fn try_writing(&self) -> Result<(), StoreError> {
        let Some(Kept { objects, id: Some(_) }) = &self.kept else { return Ok(()) };
        let name = format!("trial-{}", Uuid::new_v4().simple());
        let tried = objects.create(&name, Vec::from(b"insightctl doctor\n")).await.map(drop);
        // What could not be created for certain is deleted all the same, since an answer may have been lost.
        let deleted = objects.delete(&name).await;
        tried.and(deleted)
    }
}
