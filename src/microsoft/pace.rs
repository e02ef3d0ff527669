//! Finds out how many requests a service bears at once.
//!
//! The number rises by one for each round of good answers and halves when the service turns one away. A pause that one
//! answer asks for holds every request to that service.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Hands out permits to send, as many as the service bears.
#[derive(Debug)]
pub(crate) struct Pace {
    state: Mutex<State>,
    changed: Notify,
    most: f64,
}

#[derive(Debug)]
struct State {
    /// How many may be under way; its whole part counts.
    limit: f64,
    /// How many are.
    busy: u32,
    /// How many answers asked for a pause that is not over yet.
    pauses: u32,
    /// Counts how often the limit was halved.
    halvings: u64,
}

impl Pace {
    /// Starts with `first` requests at once, and never allows more than `most`.
    pub(crate) fn new(first: u32, most: u32) -> Self {
        let state = State { limit: f64::from(first), busy: 0, pauses: 0, halvings: 0 };
        Self { state: Mutex::new(state), changed: Notify::new(), most: f64::from(most) }
    }

    /// Waits until one more request may be sent.
    pub(crate) async fn permit(&self) -> Permit<'_> {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Listen before looking, so that no change in between is missed.
            changed.as_mut().enable();
            if let Some(permit) = self.try_permit() {
                return permit;
            }
            changed.await;
        }
    }

    fn try_permit(&self) -> Option<Permit<'_>> {
        let mut state = self.state();
        (state.pauses == 0 && f64::from(state.busy) < state.limit.floor()).then(|| {
            state.busy += 1;
            Permit { pace: self, mark: Mark(state.halvings) }
        })
    }

    /// Marks this moment for [`Pace::too_many`].
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.state().halvings)
    }

    /// Records that the service turned away something that was sent after the mark.
    ///
    /// Requests that were under way together are turned away together: the limit halves once for all of them.
    pub(crate) fn too_many(&self, since: Mark) {
        let mut state = self.state();
        if state.halvings == since.0 {
            state.halvings += 1;
            state.limit = (state.limit / 2.0).max(1.0);
        }
    }

    /// Holds every request until the guard is dropped; pauses may overlap.
    pub(crate) fn pause(&self) -> Pause<'_> {
        self.state().pauses += 1;
        Pause(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is the right to have one request under way; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    pace: &'a Pace,
    mark: Mark,
}

/// Is a moment in the life of a [`Pace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Permit<'_> {
    /// Records that the service answered as it should.
    pub(crate) fn good(&self) {
        let mut state = self.pace.state();
        state.limit = (state.limit + 1.0 / state.limit).min(self.pace.most);
    }

    /// Records that the service turned this request away.
    pub(crate) fn too_many(&self) {
        self.pace.too_many(self.mark);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.pace.state().busy -= 1;
        self.pace.changed.notify_waiters();
    }
}

/// Is a pause of the whole service; it ends when dropped, also when the one who waits is cancelled.
#[derive(Debug)]
pub(crate) struct Pause<'a>(&'a Pace);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.state().pauses -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    async fn is_full(pace: &Pace) -> bool {
        timeout(Duration::from_millis(1), pace.permit()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_limit_are_under_way() {
        let pace = Pace::new(2, 8);
        let (first, _second) = (pace.permit().await, pace.permit().await);
        assert!(is_full(&pace).await);
        drop(first);
        assert!(!is_full(&pace).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_of_good_answers_adds_one_up_to_the_most() {
        let pace = Pace::new(2, 3);
        for _ in 0..3 {
            pace.permit().await.good();
        }
        let held = [pace.permit().await, pace.permit().await, pace.permit().await];
        assert!(is_full(&pace).await, "three at once is the most");
        for permit in &held {
            permit.good();
        }
        assert!(is_full(&pace).await, "good answers do not lift the most");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_turned_away_together_halve_the_limit_once() {
        let pace = Pace::new(8, 8);
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(pace.permit().await);
        }
        for permit in &held {
            permit.too_many();
        }
        held.truncate(3);
        assert!(!is_full(&pace).await, "four are allowed, three are under way");
        held.push(pace.permit().await);
        assert!(is_full(&pace).await);
        held.last().expect("just pushed").too_many();
        held.truncate(1);
        let _second = pace.permit().await;
        assert!(is_full(&pace).await, "a later refusal halves again");
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_never_falls_below_one() {
        let pace = Pace::new(1, 4);
        for _ in 0..5 {
            pace.permit().await.too_many();
        }
        assert!(!is_full(&pace).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_asked_for_by_one_holds_them_all() {
        let pace = Arc::new(Pace::new(8, 8));
        let began = Instant::now();
        let (short, long) = (Arc::clone(&pace), Arc::clone(&pace));
        tokio::spawn(async move {
            let _pause = short.pause();
            sleep(Duration::from_secs(2)).await;
        });
        tokio::spawn(async move {
            let _pause = long.pause();
            sleep(Duration::from_secs(7)).await;
        });
        tokio::task::yield_now().await;
        drop(pace.permit().await);
        assert_eq!(began.elapsed(), Duration::from_secs(7), "the longest pause counts");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_with_whoever_waits_for_it() {
        let pace = Arc::new(Pace::new(1, 1));
        let waiting = Arc::clone(&pace);
        let task = tokio::spawn(async move {
            let _pause = waiting.pause();
            sleep(Duration::from_hours(1)).await;
        });
        tokio::task::yield_now().await;
        task.abort();
        assert!(timeout(Duration::from_secs(1), pace.permit()).await.is_ok());
    }
}
