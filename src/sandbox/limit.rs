//! Turns away what is more than so many calls a second.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// At least so many calls may come together after a rest: two batches of ten.
const TOGETHER: f64 = 20.0;

/// Counts the calls of the settings service against the world's limit.
#[derive(Debug, Default)]
pub(super) struct Limit(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    /// How many calls have been let in and not yet been made up for, and when that was counted.
    calls: f64,
    at: Option<Instant>,
    turned_away: u64,
}

impl Limit {
    /// Takes one call of so many a second, 0 for no limit; gives the whole seconds to wait if there are none left.
    pub(super) fn take(&self, a_second: u32) -> Option<u64> {
        if a_second == 0 {
            return None;
        }
        let a_second = f64::from(a_second);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let span = taken.at.map_or(0.0, |at| now.duration_since(at).as_secs_f64());
        taken.calls = (taken.calls - span * a_second).max(0.0);
        taken.at = Some(now);
        let over = taken.calls + 1.0 - TOGETHER.max(a_second / 5.0);
        if over > 0.0 {
            taken.turned_away += 1;
            let wait = std::time::Duration::from_secs_f64(over / a_second);
            return Some(wait.as_secs() + 1);
        }
        taken.calls += 1.0;
        None
    }

    /// Tells how many calls were turned away.
    pub(super) fn turned_away(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).turned_away
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_a_second_are_let_in_and_no_more() {
        let limit = Limit::default();
        let mut let_in = 0;
        for _ in 0..1_000 {
            let_in += u32::from(limit.take(50).is_none());
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert!((500..=520).contains(&let_in), "{let_in} in ten seconds");
        assert_eq!(limit.turned_away(), u64::from(1_000 - let_in));
        assert!((0..1_000).all(|_| limit.take(0).is_none()), "no limit");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_as_told_is_let_in() {
        let limit = Limit::default();
        let wait = loop {
            if let Some(wait) = limit.take(1) {
                break wait;
            }
        };
        tokio::time::advance(Duration::from_secs(wait)).await;
        assert_eq!(limit.take(1), None);
    }
}
