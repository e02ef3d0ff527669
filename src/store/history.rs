//! What is known of earlier runs: a list of them, one told whole, and an end for the oldest.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use super::lock::UnderWay;
use super::objects::{AHEAD, Objects};
use super::record::{Record, Started};
use super::{Kept, RunId, Store, StoreError, journal, lock, snapshot};
use crate::clock::Clock;
use crate::model::Tally;
use crate::plan::Plan;

/// Is how long a run is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Says whether a run came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ended, and knew how.
    Finished,
    /// Somebody carries it out right now.
    UnderWay(UnderWay),
    /// It died, or was broken off; the next run takes what it did into account.
    Unfinished,
    /// It died, or was broken off, and a later run has taken what it did into account.
    PickedUp,
}

/// Is an earlier run, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Which.
    pub id: RunId,
    /// How it began; absent when it died before it wrote that down.
    pub started: Option<Started>,
    /// Whether it came to its end.
    pub ended: Ended,
}

/// Is where people stood when a run began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Which run.
    pub run: RunId,
    /// When it began.
    pub at: Timestamp,
    /// How many people stood where, by wave and group.
    pub standings: Vec<Tally>,
}

/// Is an earlier run told whole.
#[derive(Clone, Debug)]
pub struct Story<R> {
    /// What a list shows of it.
    pub past: Past,
    /// What it was to do, without names; absent when it died before it wrote that down.
    pub plan: Option<Plan>,
    /// What became of it, without names; absent unless it finished.
    pub report: Option<R>,
    /// What it did, in order; read only where there is no report.
    pub records: Vec<Record>,
}

impl Store {
    /// Lists the newest runs, newest first, at most `most` of them.
    pub async fn runs(&self, most: usize, clock: &Clock) -> Result<Vec<Past>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(Vec::new()) };
        let context = Context::read(self, objects, clock).await?;
        let runs = journal::runs(objects).await?.into_iter().rev().take(most);
        let past = stream::iter(runs).map(|run| context.past(objects, run)).buffered(AHEAD);
        past.try_collect().await
    }

    /// Tells where people stood at the newest runs, oldest first, at most `most` of them.
    ///
    /// Costs one small object for each run. Runs that measured nothing, such as one that undid another, are left out.
    pub async fn measured(&self, most: usize) -> Result<Vec<Measured>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(Vec::new()) };
        let runs = journal::runs(objects).await?;
        let newest = runs[runs.len().saturating_sub(most)..].iter().copied();
        let heads: Vec<_> =
            stream::iter(newest).map(|run| journal::head(objects, run)).buffered(AHEAD).try_collect().await?;
        let measured = heads.into_iter().filter_map(started).filter(|started| !started.standings.is_empty());
        Ok(measured.map(|Started { run, at, standings, .. }| Measured { run, at, standings }).collect())
    }

    /// Tells one run.
    ///
    /// The form of the report is the caller's to know; one that cannot be read is damage.
    pub async fn run<R: DeserializeOwned>(&self, run: RunId, clock: &Clock) -> Result<Story<R>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else {
            return Err(StoreError::NoRun { run, place: "none".to_owned() });
        };
        if !journal::runs(objects).await?.contains(&run) {
            return Err(StoreError::NoRun { run, place: objects.root() });
        }
        let past = Context::read(self, objects, clock).await?.past(objects, run).await?;
        self.story(past).await
    }

    /// Tells a run of the list.
    pub async fn story<R: DeserializeOwned>(&self, past: Past) -> Result<Story<R>, StoreError> {
        let run = past.id;
        let Some(Kept { objects, id: _ }) = &self.kept else {
            return Err(StoreError::NoRun { run, place: "none".to_owned() });
        };
        let folder = journal::folder(run);
        let plan = objects.read_json(&format!("{folder}/plan.json")).await?;
        let report = objects.read_json(&format!("{folder}/report.json")).await?;
        let mut records = Vec::new();
        if report.is_none() {
            journal::read(objects, run, self.tenant, |record| records.push(record)).await?;
        }
        Ok(Story { past, plan, report, records })
    }
}

/// Is what tells how runs ended.
struct Context {
    through: u64,
    holder: Option<UnderWay>,
}

impl Context {
    async fn read(store: &Store, objects: &Objects, clock: &Clock) -> Result<Self, StoreError> {
        let holder = lock::under_way(objects, clock).await?;
        let through = snapshot::newest(objects, store.tenant).await?.map_or(0, |at| at.through);
        Ok(Self { through, holder })
    }

    async fn past(&self, objects: &Objects, run: RunId) -> Result<Past, StoreError> {
        let report = format!("{}/report.json", journal::folder(run));
        let ended = match &self.holder {
            Some(holder) if holder.run == run => Ended::UnderWay(holder.clone()),
            Some(_) | None if run.0 > self.through => Ended::Unfinished,
            // The report is written before the snapshot; only both together are an end.
            Some(_) | None if objects.exists(&report).await? => Ended::Finished,
            Some(_) | None => Ended::PickedUp,
        };
        let started = started(journal::head(objects, run).await?);
        Ok(Past { id: run, started, ended })
    }
}

/// Deletes the runs before `newest` that are too old; what cannot be deleted now is deleted later.
///
/// Runs are in order of time, so the first that is young enough ends the search.
pub(super) async fn purge(objects: &Objects, newest: RunId, now: Timestamp) {
    let Ok(runs) = journal::runs(objects).await else { return };
    // A run that died before its first record has no time of its own: it is as old as the next one.
    let mut timeless = Vec::new();
    for run in runs.into_iter().filter(|run| *run < newest) {
        let Ok(head) = journal::head(objects, run).await else { return };
        timeless.push(run);
        let Some(started) = started(head) else { continue };
        if now.duration_since(started.at) < KEPT {
            return;
        }
        for run in timeless.drain(..) {
            objects.forget_all(&journal::folder(run)).await;
        }
    }
}

fn started(head: Option<Record>) -> Option<Started> {
    match head? {
        Record::Started(started) => Some(started),
        Record::Consented(_)
        | Record::ObservedTenant { .. }
        | Record::Observed { .. }
        | Record::Returned { .. }
        | Record::ReOptInKnown { .. }
        | Record::Released { .. }
        | Record::Announced { .. }
        | Record::Forgotten { .. }
        | Record::TenantRead { .. }
        | Record::Intent(_)
        | Record::Outcome { .. }
        | Record::ReadBack { .. }
        | Record::Finished { .. } => None,
    }
}
