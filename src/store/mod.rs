//! Keeps what must outlive a run: the ledger, each run's journal, and the lock.
//!
//! ```text
//! id                                     which store this is, and which tenant it belongs to
//! ledger/00000007.json                   the ledger as of one run; the last few are kept
//! ledger/00000007/00000042/00000001.jsonl  its lines, one per person, in pieces written by that run
//! runs/00000042/plan.json                what that run was to do, without names
//! runs/00000042/journal/00000001.jsonl   what it did, in segments: intent before, outcome after
//! runs/00000042/report.json              what became of it, without names
//! lock/00000042                          who applies now, or did last; the number is the fence
//! ```
//!
//! It lies in a folder, in a container of Azure Blob Storage, in a bucket of Amazon S3 or Google Cloud Storage, or in
//! memory; the code is the same for all. Three rules keep it sound, and none needs more than each of them can do:
//!
//! - An object is whole or absent, and *created if absent*: the one conditional write that every backend has. Nothing
//!   is ever written over, except by the holder of the lock who lets go of it.
//! - The ledger is the newest snapshot with the journals of later runs folded over it. A [`Run`] folds every record
//!   that it writes into its own ledger, so what is remembered after a kill is, by construction, what a run that was
//!   not killed would have remembered at that moment.
//! - People stand in it by object id alone.

mod cause;
mod deeds;
mod error;
mod fold;
mod handed;
mod history;
mod journal;
mod lock;
mod meanwhile;
mod names;
mod objects;
mod place;
mod record;
mod run;
mod snapshot;
mod trial;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
pub use crate::model::Subject;
use crate::model::{Ledger, Settle, TenantId};

pub use cause::Cause;
pub use error::StoreError;
use fold::Folding;
pub use fold::fold;
pub use history::{Ended, Measured, Past, Story};
pub use lock::{Lease, UnderWay};
pub use meanwhile::Meanwhile;
use objects::Objects;
pub use place::{Bucket, Memory, Options, Place};
pub use record::{Answer, Intent, Record, Started, Under};
pub use run::Run;

/// Names the object that says whose store this is.
const IDENTITY: &str = "id";

/// Is the version of the store's files that this program writes.
pub const FORMAT: u32 = 1;

/// Says what to do where there is no store yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenMissing {
    /// Refuse: a lost ledger would make every choice look like a first touch.
    Refuse,
    /// Read it as empty and write nothing, as a plan does before the first apply.
    Empty,
    /// Create it, with this id.
    Create(Uuid),
}

/// Is a run's number, which names its folder; later runs have higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&objects::name(self.0))
    }
}

impl FromStr for RunId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Is the memory of one tenant.
#[derive(Clone, Debug)]
pub struct Store {
    tenant: TenantId,
    kept: Option<Kept>,
}

/// Is a store that keeps something; `store: none` keeps nothing.
#[derive(Clone, Debug)]
struct Kept {
    objects: Objects,
    /// Absent where there is no store yet.
    id: Option<String>,
}

/// Is the ledger, and how it came about.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// Everything that is known up to now.
    pub ledger: Ledger,
    /// Runs that died before they finished, oldest first; what they did is in the ledger.
    pub unfinished: Vec<RunId>,
    /// The run that somebody else is carrying out right now; what it did so far is in the ledger.
    pub under_way: Option<UnderWay>,
    base: Base,
}

impl Remembered {
    /// Gives the newest run that this ledger knows, 0 before the first.
    pub fn newest_run(&self) -> u64 {
        self.base.newest_run
    }
}

/// Is where a ledger was read, so that a run can tell whether somebody else has applied since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Base {
    /// The number of the snapshot; 0 while there is none.
    snapshot: u64,
    /// The newest run that had begun.
    newest_run: u64,
}

/// Is the content of the file `id`.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    format: u32,
    id: String,
    tenant: TenantId,
}

impl Store {
    /// Keeps nothing: every entry is empty, and nobody else can be locked out.
    pub fn none(tenant: TenantId) -> Self {
        Self { tenant, kept: None }
    }

    /// Opens the store in a place, for one tenant.
    pub async fn open(place: &Place, tenant: TenantId, missing: WhenMissing) -> Result<Self, StoreError> {
        let objects = place.reach(matches!(missing, WhenMissing::Create(_)))?;
        let store = |id| Self { tenant, kept: Some(Kept { objects: objects.clone(), id }) };
        if let Some(id) = identify(&objects, tenant).await? {
            return Ok(store(Some(id)));
        }
        // A ledger without its identity is not "no store yet": somebody lost half of it.
        if !objects.numbers(snapshot::FOLDER, ".json").await?.is_empty() {
            return Err(StoreError::NoIdentity { place: objects.root() });
        }
        match missing {
            WhenMissing::Refuse => Err(StoreError::Missing { place: objects.root() }),
            WhenMissing::Empty => Ok(store(None)),
            WhenMissing::Create(id) => {
                let identity = Identity { format: FORMAT, id: id.to_string(), tenant };
                objects.create_json(IDENTITY, &identity).await?;
                // Whoever created it first has named it.
                let id = identify(&objects, tenant).await?;
                Ok(store(id))
            }
        }
    }

    /// Gives the store's id; `None` where nothing is kept, or there is no store yet.
    pub fn id(&self) -> Option<&str> {
        self.kept.as_ref()?.id.as_deref()
    }

    /// Says whether this store keeps nothing (`store: none`).
    pub fn keeps_nothing(&self) -> bool {
        self.kept.is_none()
    }

    /// Reads the ledger: the newest snapshot, with every later run folded over it.
    ///
    /// Writes nothing. Whoever is going to apply takes the lock first; [`Store::begin_run`] refuses a ledger that
    /// somebody else has added to since.
    pub async fn ledger(&self, settle: &Settle, clock: &Clock) -> Result<Remembered, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(Remembered::default()) };
        let before = lock::under_way(objects, clock).await?;
        let (mut ledger, at) = snapshot::read_newest(objects, self.tenant).await?;
        let (snapshot, through) = at.map_or((0, 0), |at| (at.number, at.through));
        let mut newest_run = through;
        let mut unfinished = Vec::new();
        let mut under_way = None;
        let runs = journal::runs(objects).await?;
        // Who took the lock or let go of it while we looked is not called dead either.
        let holders = [before, lock::under_way(objects, clock).await?];
        for run in runs {
            newest_run = newest_run.max(run.0);
            if run.0 > through {
                let mut folding = Folding::new(ledger, *settle);
                journal::read(objects, run, self.tenant, |record| folding.take(record)).await?;
                ledger = folding.close();
                match holders.iter().flatten().find(|holder| holder.run == run) {
                    Some(holder) => under_way = Some(holder.clone()),
                    None => unfinished.push(run),
                }
            }
        }
        Ok(Remembered { ledger, unfinished, under_way, base: Base { snapshot, newest_run } })
    }

    /// Gives what the ledger has learnt since a plan looked that knew runs up to this one.
    pub async fn meanwhile(&self, known: RunId) -> Result<Meanwhile, StoreError> {
        match &self.kept {
            None => Ok(Meanwhile::default()),
            Some(Kept { objects, id: _ }) => Meanwhile::since(objects, self.tenant, known).await,
        }
    }

    /// Takes the lock, so that nobody else applies meanwhile.
    ///
    /// `holder` is shown to whoever is locked out: a user, a machine, a process.
    pub async fn lock(&self, holder: &str, clock: &Clock) -> Result<Lease, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(Lease::of_nothing(clock)) };
        let newest = self.newest_run().await?.map_or(0, |run| run.0);
        lock::take(objects, holder, newest, clock).await
    }
}

/// Reads the file `id`; `None` when there is none.
async fn identify(objects: &Objects, tenant: TenantId) -> Result<Option<String>, StoreError> {
    let Some(identity) = objects.read_json::<Identity>(IDENTITY).await? else { return Ok(None) };
    error::check_format(objects.shown(IDENTITY), identity.format)?;
    error::check_tenant(objects.root(), identity.tenant, tenant)?;
    Ok(Some(identity.id))
}

#[cfg(test)]
mod tests;
