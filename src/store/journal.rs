//! The journal of one run: lines of JSON in numbered segments, each created once.
//!
//! No bucket can append to an object, so whatever is to be flushed becomes the next segment. Those who append while a
//! segment is being written share the one after it: on a slow store many small writes become a few larger ones.

use std::sync::PoisonError;

use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

use super::objects::{self, AHEAD, Objects, json_line};
use super::record::Record;
use super::{RunId, StoreError, error};
use crate::model::TenantId;

/// Is the folder of all runs.
const FOLDER: &str = "runs";

/// Lists all runs, oldest first.
pub(super) async fn runs(objects: &Objects) -> Result<Vec<RunId>, StoreError> {
    Ok(objects.folders(FOLDER).await?.into_iter().map(RunId).collect())
}

/// Gives the folder of one run.
pub(super) fn folder(run: RunId) -> String {
    format!("{FOLDER}/{run}")
}

fn segments(run: RunId) -> String {
    format!("{}/journal", folder(run))
}

fn segment(run: RunId, number: u64) -> String {
    format!("{}/{}.jsonl", segments(run), objects::name(number))
}

/// Reads one run's journal, record by record.
///
/// The last line may be torn, since a machine can die while writing it: it has no end then, and what it was to say did
/// not happen yet, or is found out by looking. An unreadable line that has its end is an error, because it did say
/// something once, and so is a segment that is missing between two others. A run that died before it wrote anything
/// has no journal.
pub(super) async fn read(
    objects: &Objects,
    run: RunId,
    tenant: TenantId,
    mut each: impl FnMut(Record),
) -> Result<(), StoreError> {
    let numbers = objects.numbers(&segments(run), ".jsonl").await?;
    let last = numbers.last().copied().unwrap_or(0);
    let mut contents = stream::iter(1..=last)
        .map(|number| async move { (number, objects.read(&segment(run, number)).await) })
        .buffered(AHEAD);
    while let Some((number, content)) = contents.next().await {
        let path = || objects.shown(&segment(run, number));
        let content = content?.ok_or_else(|| StoreError::CutShort { path: path() })?;
        for (line, text) in (1..).zip(content.split_inclusive(|byte| *byte == b'\n')) {
            let record = match serde_json::from_slice::<Record>(text) {
                Ok(record) => record,
                Err(source) if number < last || text.ends_with(b"\n") => {
                    return Err(StoreError::Damaged { path: path(), line, source });
                }
                Err(_) => {
                    tracing::warn!(path = path(), line, "a journal ends in a torn line");
                    return Ok(());
                }
            };
            if let Record::Started(started) = &record {
                error::check_format(path(), started.format)?;
                error::check_tenant(path(), started.tenant, tenant)?;
            }
            each(record);
        }
    }
    Ok(())
}

/// Reads the first record of a run's journal; `None` when the run died before it wrote one.
pub(super) async fn head(objects: &Objects, run: RunId) -> Result<Option<Record>, StoreError> {
    let Some(content) = objects.read(&segment(run, 1)).await? else { return Ok(None) };
    // A line that has no end was being written when the power went.
    let Some(end) = content.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let path = || objects.shown(&segment(run, 1));
    serde_json::from_slice(&content[..end]).map(Some).map_err(|source| StoreError::Damaged {
        path: path(),
        line: 1,
        source,
    })
}

/// Is a journal that is being written; many may append at once.
#[derive(Debug)]
pub(super) struct Journal {
    objects: Objects,
    run: RunId,
    queue: std::sync::Mutex<Queue>,
    writer: Mutex<Writer>,
}

/// Is what waits to be written, in order.
#[derive(Debug, Default)]
struct Queue {
    records: Vec<Record>,
    /// How many have appended so far.
    appended: u64,
}

#[derive(Debug, Default)]
struct Writer {
    /// How many segments there are.
    segments: u64,
    /// How many of those who appended are written down.
    flushed: u64,
    broken: bool,
}

impl Journal {
    /// Begins the journal of a run.
    pub(super) fn begin(objects: &Objects, run: RunId) -> Self {
        Self { objects: objects.clone(), run, queue: std::sync::Mutex::default(), writer: Mutex::default() }
    }

    /// Adds records, and returns once they are where a power cut does not reach them.
    ///
    /// `flushed` gets all records in the order in which they stand in the journal, each once. After a failure nothing
    /// more can be added: a write that was not answered may have happened, and must stay the last one.
    pub(super) async fn append(
        &self,
        records: Vec<Record>,
        flushed: impl FnOnce(Vec<Record>),
    ) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let ours = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.records.extend(records);
            queue.appended += 1;
            queue.appended
        };
        let mut writer = self.writer.lock().await;
        if writer.flushed >= ours {
            return Ok(());
        }
        if writer.broken {
            return Err(StoreError::BrokenOff { run: self.run });
        }
        let (batch, upto) = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            (std::mem::take(&mut queue.records), queue.appended)
        };
        let mut lines = Vec::new();
        for record in &batch {
            json_line(&mut lines, record);
        }
        // Stays so if nobody waits for the answer any more.
        writer.broken = true;
        let next = segment(self.run, writer.segments + 1);
        if !self.objects.create(&next, lines).await? {
            return Err(StoreError::BrokenOff { run: self.run });
        }
        writer.segments += 1;
        writer.flushed = upto;
        writer.broken = false;
        flushed(batch);
        Ok(())
    }
}
