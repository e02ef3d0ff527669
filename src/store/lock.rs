//! The lock: a lease with a number, taken by creating the next one.
//!
//! Whoever creates `lock/N` holds the lock until they write "released" into it, or a minute passes in which they do
//! not renew it; then whoever creates `lock/N+1` holds it. Creating a file that is not there is the only step that
//! must be atomic. The numbers never repeat, so a holder who was asleep can tell that time has moved on.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{FORMAT, StoreError, error, files};
use crate::clock::Clock;

/// Is the folder of the lock.
const FOLDER: &str = "lock";

/// Is how long a lease lasts that nobody renews.
const LASTS: SignedDuration = SignedDuration::from_secs(60);

/// Is the age at which a lease is renewed, a third of what it lasts.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_secs(20);

/// Is the content of a lock file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Claim {
    format: u32,
    holder: String,
    since: Timestamp,
    renewed: Timestamp,
    #[serde(default)]
    released: bool,
}

/// Is the right to apply, until it is dropped or expires.
#[derive(Debug)]
pub struct Lease {
    /// The lock's folder; absent where nothing is kept and nobody can be locked out.
    folder: Option<PathBuf>,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
struct State {
    number: u64,
    claim: Claim,
}

/// Takes the lock of a store, with a number above `floor`.
pub(super) fn take(store: &Path, holder: &str, floor: u64, clock: &Clock) -> Result<Lease, StoreError> {
    let folder = store.join(FOLDER);
    files::make_folder(&folder)?;
    let mut seen = None;
    loop {
        let newest = files::numbers(&folder, "")?.last().copied();
        let now = clock.now();
        if let Some(number) = newest
            && let Some(claim) = read(&folder, number)?
            && !claim.released
            && (now.duration_since(claim.renewed) < LASTS || seen == Some(number))
        {
            return Err(StoreError::Locked { holder: claim.holder, since: claim.since });
        }
        let number = newest.unwrap_or(0).max(floor) + 1;
        let claim =
            Claim { format: FORMAT, holder: holder.to_owned(), since: now, renewed: now, released: false };
        if files::create_json(&path(&folder, number), &claim)? {
            forget_before(&folder, number);
            let state = Mutex::new(State { number, claim });
            return Ok(Lease { folder: Some(folder), clock: clock.clone(), state });
        }
        // Somebody else was faster. They hold it now, or have even released it again.
        seen = Some(number);
    }
}

impl Lease {
    /// Makes the lease of a store that keeps nothing.
    pub(super) fn of_nothing(clock: &Clock) -> Self {
        let now = clock.now();
        let claim =
            Claim { format: FORMAT, holder: String::new(), since: now, renewed: now, released: false };
        Self { folder: None, clock: clock.clone(), state: Mutex::new(State { number: 0, claim }) }
    }

    /// Makes sure that the lock is still ours, and renews it when that is due.
    ///
    /// Asked before each write to the tenant, and every few seconds while waiting for one. A lease that has expired
    /// is not renewed but taken again, which fails if somebody else was faster.
    pub fn hold(&self) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = files::numbers(folder, "")?.last().copied().unwrap_or(0);
        if newest > state.number {
            return Err(lost(folder, newest)?);
        }
        let now = self.clock.now();
        let age = now.duration_since(state.claim.renewed);
        if age < RENEWED_AFTER {
            return Ok(());
        }
        state.claim.renewed = now;
        if age < LASTS {
            return files::replace_json(&path(folder, state.number), &state.claim);
        }
        let next = state.number + 1;
        if !files::create_json(&path(folder, next), &state.claim)? {
            return Err(lost(folder, next)?);
        }
        forget_before(folder, next);
        state.number = next;
        Ok(())
    }

    /// Gives the number of the lease, above all that were before.
    pub(super) fn number(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).number
    }
}

impl Drop for Lease {
    /// Releases the lock; if that fails, it expires by itself.
    fn drop(&mut self) {
        let Some(folder) = &self.folder else { return };
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let newest = files::numbers(folder, "").ok().and_then(|numbers| numbers.last().copied());
        if newest == Some(state.number) {
            state.claim.released = true;
            if let Err(error) = files::replace_json(&path(folder, state.number), &state.claim) {
                tracing::warn!(%error, "the lock could not be released, and expires in a minute");
            }
        }
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(files::name(number))
}

fn read(folder: &Path, number: u64) -> Result<Option<Claim>, StoreError> {
    let path = path(folder, number);
    let claim = files::read_json::<Claim>(&path)?;
    if let Some(claim) = &claim {
        error::check_format(&path, claim.format)?;
    }
    Ok(claim)
}

fn lost(folder: &Path, to: u64) -> Result<StoreError, StoreError> {
    let to = read(folder, to)?.map_or_else(|| "somebody else".to_owned(), |claim| claim.holder);
    Ok(StoreError::LeaseLost { to })
}

/// Deletes the lock files before one: nobody reads them any more.
fn forget_before(folder: &Path, number: u64) {
    for old in files::numbers(folder, "").unwrap_or_default() {
        if old < number {
            files::forget(&path(folder, old));
        }
    }
}
