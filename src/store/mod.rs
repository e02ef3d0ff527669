//! Keeps what must outlive a run: the ledger, each run's journal, and the lock.
//!
//! ```text
//! id                          which store this is, and which tenant it belongs to
//! ledger/00000007             the ledger as of one run: one line per person; the last few are kept
//! runs/00000042/plan.json     what that run was to do, without names
//! runs/00000042/journal.jsonl what it did: intent before, outcome after
//! runs/00000042/report.json   what became of it, without names
//! lock/00000042               who applies now, or did last; the number is the fence
//! ```
//!
//! Three rules keep it sound, and none needs more than a folder or a bucket can do:
//!
//! - A file other than a journal is whole or absent. What decides (a snapshot, the lock) is *created if absent*, the
//!   one conditional write that every backend has.
//! - The ledger is the newest snapshot with the journals of later runs folded over it. A [`Run`] folds every record
//!   that it writes into its own ledger, so what is remembered after a kill is, by construction, what a run that was
//!   not killed would have remembered at that moment.
//! - People stand in it by object id alone.

mod deeds;
mod error;
mod files;
mod fold;
mod journal;
mod lock;
mod meanwhile;
mod names;
mod record;
mod run;
mod snapshot;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::model::{Ledger, Settle, TenantId};

pub use error::StoreError;
use fold::Folding;
pub use fold::fold;
pub use lock::Lease;
pub use meanwhile::Meanwhile;
pub use record::{Answer, Intent, Record, Started, Subject, Under};
pub use run::Run;

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
        f.write_str(&files::name(self.0))
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
    folder: PathBuf,
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

    /// Opens the store in a folder, for one tenant.
    pub fn open(folder: &Path, tenant: TenantId, missing: WhenMissing) -> Result<Self, StoreError> {
        let store = |id| Self { tenant, kept: Some(Kept { folder: folder.to_owned(), id }) };
        if let Some(id) = identify(folder, tenant)? {
            return Ok(store(Some(id)));
        }
        // A ledger without its identity is not "no store yet": somebody lost half of it.
        if folder.join(snapshot::FOLDER).exists() {
            return Err(StoreError::NoIdentity { folder: folder.to_owned() });
        }
        match missing {
            WhenMissing::Refuse => Err(StoreError::Missing { folder: folder.to_owned() }),
            WhenMissing::Empty => Ok(store(None)),
            WhenMissing::Create(id) => {
                let identity = Identity { format: FORMAT, id: id.to_string(), tenant };
                files::make_folder(folder)?;
                files::create_json(&folder.join("id"), &identity)?;
                // Whoever created it first has named it.
                Ok(store(identify(folder, tenant)?))
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
    pub fn ledger(&self, settle: &Settle) -> Result<Remembered, StoreError> {
        let Some(kept) = &self.kept else { return Ok(Remembered::default()) };
        let (mut ledger, at) = snapshot::read_newest(&kept.folder, self.tenant)?;
        let (snapshot, through) = at.map_or((0, 0), |at| (at.number, at.through));
        let mut newest_run = through;
        let mut unfinished = Vec::new();
        for run in journal::runs(&kept.folder)? {
            newest_run = newest_run.max(run.0);
            if run.0 > through {
                let mut folding = Folding::new(ledger, *settle);
                journal::read(&kept.folder, run, self.tenant, |record| folding.take(record))?;
                ledger = folding.close();
                unfinished.push(run);
            }
        }
        Ok(Remembered { ledger, unfinished, base: Base { snapshot, newest_run } })
    }

    /// Takes the lock, so that nobody else applies meanwhile.
    ///
    /// `holder` is shown to whoever is locked out: a user, a machine, a process.
    pub fn lock(&self, holder: &str, clock: &Clock) -> Result<Lease, StoreError> {
        let Some(kept) = &self.kept else { return Ok(Lease::of_nothing(clock)) };
        let folded = snapshot::newest(&kept.folder, self.tenant)?.map_or(0, |at| at.through);
        let begun = journal::runs(&kept.folder)?.last().map_or(0, |run| run.0);
        lock::take(&kept.folder, holder, folded.max(begun), clock)
    }
}

/// Reads the file `id`; `None` when there is none.
fn identify(folder: &Path, tenant: TenantId) -> Result<Option<String>, StoreError> {
    let path = folder.join("id");
    let Some(identity) = files::read_json::<Identity>(&path)? else { return Ok(None) };
    error::check_format(&path, identity.format)?;
    error::check_tenant(folder, identity.tenant, tenant)?;
    Ok(Some(identity.id))
}

#[cfg(test)]
mod tests;
