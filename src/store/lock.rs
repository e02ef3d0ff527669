//! The lock: a lease with a number, taken and renewed by creating the next one.
//!
//! Whoever creates `lock/N` holds the lock until they write "released" into it, or a minute passes in which they do
//! not renew it; then whoever creates `lock/N+1` holds it. The holder renews it in the same way, so that creating a
//! file that is not there is the only step that must be atomic, and a renewal that comes too late fails. The numbers
//! never repeat, so a holder who was asleep can tell that time has moved on.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::objects::{self, Objects};
use super::{FORMAT, RunId, StoreError, error};
use crate::clock::Clock;

/// Is the folder of the lock.
const FOLDER: &str = "lock";

/// Is how long a lease lasts that nobody renews.
const LASTS: SignedDuration = SignedDuration::from_secs(60);

/// Is the age at which a lease is renewed, a third of what it lasts.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_secs(20);

/// Is how often we look for a claim that the list of claims names and that is not there.
const MOST_LOOKS: u32 = 10;

/// Is the content of a lock file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Claim {
    format: u32,
    holder: String,
    /// When the holder took the lock.
    since: Timestamp,
    renewed: Timestamp,
    /// The number with which the holder took the lock, and names a run; absent where that is this very number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<u64>,
    /// Tells holders of one name apart, since a holder must know their own claim again.
    #[serde(default)]
    token: Uuid,
    #[serde(default)]
    released: bool,
}

/// Is who holds the lock now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// The run that they carry out, or are about to.
    pub run: RunId,
    /// What they call themselves.
    pub holder: String,
    /// Since when.
    pub since: Timestamp,
}

/// Is the right to apply, until it is released or expires.
///
/// One that is merely dropped expires: nobody can tell whether its holder still has something under way.
#[derive(Debug)]
pub struct Lease {
    /// The number with which it was taken, above all that were before; it names the run.
    run: u64,
    holder: String,
    clock: Clock,
    /// Absent where nothing is kept and nobody can be locked out.
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    objects: Objects,
    /// How many looks at the lock have begun.
    looks: AtomicU64,
    /// When it was last renewed, in seconds since the epoch.
    renewed: AtomicI64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    number: u64,
    claim: Claim,
    /// The last look that found the lock to be ours.
    found: u64,
    /// Who has it now, if not us.
    lost: Option<String>,
}

/// Takes the lock of a store, with a number above `floor`.
pub(super) async fn take(
    objects: &Objects,
    holder: &str,
    floor: u64,
    clock: &Clock,
) -> Result<Lease, StoreError> {
    let token = Uuid::new_v4();
    let mut seen = None;
    loop {
        let newest = newest(objects).await?;
        let now = clock.now();
        if let Some((number, claim)) = &newest
            && !claim.released
            && (claim.holds(now) || seen == Some(*number))
        {
            return Err(StoreError::Locked { holder: claim.holder.clone(), since: claim.since });
        }
        let number = newest.map_or(0, |(number, _)| number).max(floor) + 1;
        let holder = holder.to_owned();
        let claim = Claim {
            format: FORMAT,
            holder: holder.clone(),
            since: now,
            renewed: now,
            run: None,
            token,
            released: false,
        };
        if objects.create_json(&path(number), &claim).await? {
            forget_before(objects, number).await;
            let held = Held {
                objects: objects.clone(),
                looks: AtomicU64::new(0),
                renewed: AtomicI64::new(now.as_second()),
                state: Mutex::new(State { number, claim, found: 0, lost: None }),
            };
            return Ok(Lease { run: number, holder, clock: clock.clone(), held: Some(held) });
        }
        // Somebody else was faster. They hold it now, or have even released it again.
        seen = Some(number);
    }
}

/// Says who holds the lock at this moment.
pub(super) async fn under_way(objects: &Objects, clock: &Clock) -> Result<Option<UnderWay>, StoreError> {
    let Some((number, claim)) = newest(objects).await? else { return Ok(None) };
    let held = !claim.released && claim.holds(clock.now());
    let run = RunId(claim.run.unwrap_or(number));
    Ok(held.then_some(UnderWay { run, holder: claim.holder, since: claim.since }))
}

impl Claim {
    fn holds(&self, now: Timestamp) -> bool {
        now.duration_since(self.renewed) < LASTS
    }
}

impl Lease {
    /// Makes the lease of a store that keeps nothing.
    pub(super) fn of_nothing(clock: &Clock) -> Self {
        Self { run: 0, holder: String::new(), clock: clock.clone(), held: None }
    }

    /// Makes sure that the lock is still ours, and renews it when that is due.
    ///
    /// Asked before each write to the tenant, and every few seconds while waiting for one. Many who ask at once share
    /// a look, but only one that began after they asked. A lease that has expired is ours as long as nobody was
    /// faster to create the next one.
    pub async fn hold(&self) -> Result<(), StoreError> {
        let Some(held) = &self.held else { return Ok(()) };
        let asked = held.looks.load(Ordering::SeqCst);
        let mut state = held.state.lock().await;
        if let Some(to) = &state.lost {
            return Err(StoreError::LeaseLost { to: to.clone() });
        }
        if state.found > asked {
            return Ok(());
        }
        let look = held.looks.fetch_add(1, Ordering::SeqCst) + 1;
        state.look(held, self.run, &self.clock).await?;
        state.found = look;
        Ok(())
    }

    /// Lets go of the lock; if that fails, it expires by itself.
    pub async fn release(self) {
        let Some(held) = self.held else { return };
        let State { number, mut claim, found: _, lost } = held.state.into_inner();
        if lost.is_some() {
            return;
        }
        claim.released = true;
        // Whoever was faster has a higher number, so this can take nothing from them.
        if let Err(error) = held.objects.replace_json(&path(number), &claim).await {
            tracing::warn!(%error, "the lock could not be released, and expires in a minute");
        }
    }

    /// Gives the number with which the lock was taken, above all that were before.
    pub(super) fn number(&self) -> u64 {
        self.run
    }

    /// Gives what the holder calls themselves.
    pub(super) fn holder(&self) -> &str {
        &self.holder
    }

    #[cfg(test)]
    pub(super) fn looks(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.looks.load(Ordering::SeqCst))
    }

    /// Says whether so much time has passed since the last renewal that somebody else may have the lock.
    pub(super) fn may_be_lost(&self) -> bool {
        self.held.as_ref().is_some_and(|held| {
            let age = self.clock.now().as_second() - held.renewed.load(Ordering::SeqCst);
            age >= LASTS.as_secs()
        })
    }
}

impl State {
    /// Looks whether somebody else has the lock, and renews it when that is due.
    async fn look(&mut self, held: &Held, run: u64, clock: &Clock) -> Result<(), StoreError> {
        loop {
            if let Some((number, claim)) = newest(&held.objects).await?
                && number > self.number
            {
                self.adopt(number, claim)?;
            }
            let now = clock.now();
            if now.duration_since(self.claim.renewed) < RENEWED_AFTER {
                held.renewed.store(self.claim.renewed.as_second(), Ordering::SeqCst);
                return Ok(());
            }
            // The moment before the write counts, however long the write takes.
            let next = self.number + 1;
            let claim = Claim { renewed: now, run: Some(run), ..self.claim.clone() };
            if held.objects.create_json(&path(next), &claim).await? {
                let old = std::mem::replace(&mut self.number, next);
                self.claim = claim;
                held.objects.forget(&path(old)).await;
            }
        }
    }

    /// Finds out whose a newer claim is: our own, if an answer was lost, or somebody else's.
    fn adopt(&mut self, number: u64, claim: Claim) -> Result<(), StoreError> {
        if claim.token == self.claim.token && !claim.token.is_nil() {
            self.number = number;
            self.claim = claim;
            return Ok(());
        }
        self.lost = Some(claim.holder.clone());
        Err(StoreError::LeaseLost { to: claim.holder })
    }
}

/// Finds the newest claim.
async fn newest(objects: &Objects) -> Result<Option<(u64, Claim)>, StoreError> {
    // A renewal comes every 20 seconds, so more than one between two looks means that the store makes things up.
    for _ in 0..MOST_LOOKS {
        let Some(number) = objects.numbers(FOLDER, "").await?.last().copied() else { return Ok(None) };
        let path = path(number);
        if let Some(claim) = objects.read_json::<Claim>(&path).await? {
            error::check_format(objects.shown(&path), claim.format)?;
            return Ok(Some((number, claim)));
        }
        // It was renewed between the two looks, so there is a newer one.
    }
    Err(StoreError::Changed)
}

fn path(number: u64) -> String {
    format!("{FOLDER}/{}", objects::name(number))
}

/// Deletes the lock files before one: nobody reads them any more.
async fn forget_before(objects: &Objects, number: u64) {
    for old in objects.numbers(FOLDER, "").await.unwrap_or_default() {
        if old < number {
            objects.forget(&path(old)).await;
        }
    }
}
