//! Keeps each service at the pace that it bears: so many requests at once, and so many calls a second.
//!
//! The arithmetic is in `limiter`, with `window` for how many at once, `rate` for how many a second, and `bucket` for
//! what is allowed in any case; here it only waits. Whoever comes first is served first. A pause that one answer asks
//! for holds every request to that service.

mod bucket;
mod limiter;
mod rate;
mod window;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

pub(crate) use self::bucket::Allowance;
use self::limiter::{Limiter, Turn};
pub(crate) use self::limiter::{Mark, TooMany};
use super::MayWrite;
use super::cost::Cost;
use super::message::{Effect, Load};
use crate::clock::Clock;
use crate::model::{Refusal, RefusalKind};

/// Is from which share of its limit on a service is taken at its word that it is near.
const NEAR: f64 = 0.8;

/// Hands out permits to send, as fast as one service of one tenant bears.
#[derive(Debug)]
pub(crate) struct Pace {
    limiter: Mutex<Limiter>,
    changed: Notify,
    /// Whose turn it is; the others wait in a row.
    turn: tokio::sync::Mutex<()>,
    clock: Clock,
    may_write: May,
}

/// Is whether writes may go.
struct May(Option<MayWrite>);

impl fmt::Debug for May {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("May").finish_non_exhaustive()
    }
}

impl Pace {
    /// Starts with `first` requests at once, and never allows more than `most`.
    pub(crate) fn new(first: u32, most: u32, clock: Clock) -> Self {
        Self {
            limiter: Mutex::new(Limiter::new(first, most)),
            changed: Notify::new(),
            turn: tokio::sync::Mutex::default(),
            clock,
            may_write: May(None),
        }
    }

    /// Never sends more units than this from now on.
    pub(crate) fn allow_units(&self, allowance: Allowance) {
        self.limiter().allow_units(allowance, self.clock.elapsed());
        self.changed.notify_waiters();
    }

    /// Never sends more writes than this from now on.
    pub(crate) fn allow_writes(&self, allowance: Allowance) {
        self.limiter().allow_writes(allowance, self.clock.elapsed());
        self.changed.notify_waiters();
    }

    /// Waits until a request of such a cost may be sent.
    pub(crate) async fn permit(&self, cost: Cost) -> Permit<'_> {
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Listen before looking, so that no change in between is missed.
            changed.as_mut().enable();
            let turn = self.limiter().ask(cost, self.clock.elapsed());
            match turn {
                Turn::Go(mark) => return Permit { pace: self, mark, cost },
                Turn::Full => changed.await,
                Turn::After(wait) => {
                    tokio::select! {
                        () = changed => {}
                        () = self.clock.sleep(wait) => {}
                    }
                }
            }
        }
    }

    /// Lets writes go only while they may be made, whatever a service had them wait for.
    pub(crate) fn within(self, may_write: Option<&MayWrite>) -> Self {
        Self { may_write: May(may_write.cloned()), ..self }
    }

    /// Refuses a write that has waited, since a moment, until no more may be made.
    pub(crate) fn may_send(&self, effect: Effect, since: Timestamp) -> Result<(), Refusal> {
        let may = match effect {
            Effect::Read | Effect::Work => true,
            Effect::Write => self.may_write.0.as_ref().is_none_or(|may_write| may_write(since)),
        };
        if may {
            return Ok(());
        }
        let message = "it had to wait until no more changes may be made".to_owned();
        Err(Refusal { kind: RefusalKind::Closed, message, request_id: None })
    }

    /// Records that the service turned away so many items of a batch that itself went well.
    pub(crate) fn items_refused(&self, since: Mark, why: TooMany, items: u32) {
        let mut limiter = self.limiter();
        limiter.not_good(f64::from(items));
        limiter.refused(since, why, self.clock.elapsed());
    }

    /// Learns from what the service says of its own load; `counted` is what the answered request was taken to cost.
    pub(crate) fn told(&self, counted: Cost, load: Load) {
        let Load { units, share } = load;
        let mut limiter = self.limiter();
        if let Some(units) = units {
            limiter.correct(units - f64::from(counted.units));
        }
        if let Some(share) = share.filter(|share| *share >= NEAR) {
            limiter.near(share, self.clock.elapsed());
        }
    }

    /// Holds every request until the guard is dropped; pauses may overlap.
    pub(crate) fn pause(&self) -> Pause<'_> {
        self.limiter().pause(self.clock.elapsed());
        Pause(self)
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is the right to have one request under way; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    pace: &'a Pace,
    mark: Mark,
    cost: Cost,
}

impl Permit<'_> {
    /// Gives the moment at which it was handed out, for [`Pace::items_refused`].
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// Records that the service answered as it should.
    pub(crate) fn good(&self) {
        self.pace.limiter().good(self.cost, self.pace.clock.elapsed());
    }

    /// Records that the service turned this request away.
    pub(crate) fn too_many(&self, why: TooMany) {
        self.pace.limiter().refused(self.mark, why, self.pace.clock.elapsed());
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.pace.limiter().done();
        self.pace.changed.notify_waiters();
    }
}

/// Is a pause of the whole service; it ends when dropped, also when the one who waits is cancelled.
#[derive(Debug)]
pub(crate) struct Pause<'a>(&'a Pace);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.limiter().resume(self.0.clock.elapsed());
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    const ONE: Cost = Cost { units: 1, writes: 0 };

    fn pace(first: u32, most: u32) -> Pace {
        Pace::new(first, most, Clock::system())
    }

    async fn is_full(pace: &Pace) -> bool {
        timeout(Duration::from_millis(1), pace.permit(ONE)).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_ends_lets_the_next_one_in() {
        let pace = pace(2, 8);
        let (first, _second) = (pace.permit(ONE).await, pace.permit(ONE).await);
        assert!(is_full(&pace).await);
        drop(first);
        assert!(!is_full(&pace).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_halves_what_is_under_way() {
        let pace = pace(8, 8);
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(pace.permit(ONE).await);
        }
        for permit in &held {
            permit.too_many(TooMany::InTime);
        }
        held.truncate(3);
        held.push(pace.permit(ONE).await);
        assert!(is_full(&pace).await);
        held.last().expect("just pushed").too_many(TooMany::InTime);
        held.truncate(1);
        let _second = pace.permit(ONE).await;
        assert!(is_full(&pace).await, "a later refusal halves again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_waited_for_on_the_same_clock_as_everything_else() {
        let pace = pace(16, 16);
        pace.allow_units(Allowance::steady(10.0));
        let began = Instant::now();
        for _ in 0..101 {
            drop(pace.permit(ONE).await);
        }
        let took = began.elapsed().as_secs_f64();
        assert!((9.8..10.2).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_request_is_not_overtaken_for_ever() {
        let pace = Arc::new(pace(16, 16));
        pace.allow_units(Allowance::steady(10.0));
        drop(pace.permit(Cost { units: 10, writes: 0 }).await);
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks = [20, 1, 1].map(|units| {
            let (pace, order) = (Arc::clone(&pace), Arc::clone(&order));
            tokio::spawn(async move {
                drop(pace.permit(Cost { units, writes: 0 }).await);
                order.lock().unwrap().push(units);
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [20, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_asked_for_by_one_holds_them_all() {
        let pace = Arc::new(pace(8, 8));
        let began = Instant::now();
        for seconds in [2, 7] {
            let pace = Arc::clone(&pace);
            tokio::spawn(async move {
                let _pause = pace.pause();
                sleep(Duration::from_secs(seconds)).await;
            });
        }
        tokio::task::yield_now().await;
        drop(pace.permit(ONE).await);
        assert_eq!(began.elapsed(), Duration::from_secs(7), "the longest pause counts");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_with_whoever_waits_for_it() {
        let pace = Arc::new(pace(1, 1));
        let waiting = Arc::clone(&pace);
        let task = tokio::spawn(async move {
            let _pause = waiting.pause();
            sleep(Duration::from_hours(1)).await;
        });
        tokio::task::yield_now().await;
        task.abort();
        assert!(timeout(Duration::from_secs(1), pace.permit(ONE)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_service_says_it_cost_is_what_it_cost() {
        let pace = pace(8, 8);
        pace.allow_units(Allowance { a_second: 1.0, saved: 0.0 });
        drop(pace.permit(ONE).await);
        pace.told(ONE, Load { units: Some(5.0), share: Some(0.5) });
        let began = Instant::now();
        drop(pace.permit(ONE).await);
        assert_eq!(began.elapsed().as_secs(), 5);
    }

    #[tokio::test]
    async fn a_clock_that_stands_still_waits_for_no_rate() {
        let clock = Clock::still(jiff::Timestamp::UNIX_EPOCH);
        let pace = Pace::new(16, 16, clock.clone());
        pace.allow_units(Allowance::steady(1.0));
        for _ in 0..62 {
            drop(pace.permit(ONE).await);
        }
        assert_eq!(clock.now().as_second(), 60, "but it shows that a minute has passed");
    }
}
