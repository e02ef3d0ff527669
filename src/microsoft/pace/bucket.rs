//! Lends out an allowance that fills up by itself.

use std::time::Duration;

/// Is so much a second, and how much may be saved up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Allowance {
    /// What comes in every second.
    pub(crate) a_second: f64,
    /// What may be saved up while nothing is asked for.
    pub(crate) saved: f64,
}

impl Allowance {
    /// Keeps a budget of so many in so long, whatever way the service counts its periods.
    ///
    /// A tenth may be saved up and the rest comes in evenly, so that no period of that length ever sees more.
    pub(crate) fn of_budget(budget: u32, period: Duration) -> Self {
        let budget = f64::from(budget);
        Self { a_second: 0.9 * budget / period.as_secs_f64(), saved: budget / 10.0 }
    }

    /// Keeps a steady rate: all that is saved up is what a late timer missed.
    pub(crate) fn steady(a_second: f64) -> Self {
        const LATE: f64 = 0.05;
        Self { a_second, saved: a_second * LATE }
    }
}

/// Holds what is left of an allowance. A large request may take more than there is; whoever comes next waits for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    allowance: Allowance,
    level: f64,
    at: Duration,
}

impl Bucket {
    /// Begins full.
    pub(super) fn full(allowance: Allowance, now: Duration) -> Self {
        Self { allowance, level: allowance.saved, at: now }
    }

    /// Begins with nothing saved up.
    pub(super) fn empty(allowance: Allowance, now: Duration) -> Self {
        Self { allowance, level: 0.0, at: now }
    }

    /// Goes on with another allowance; what is owed stays owed.
    pub(super) fn change(&mut self, allowance: Allowance, now: Duration) {
        self.fill(now);
        self.allowance = allowance;
        self.level = self.level.min(allowance.saved);
    }

    /// Says how long to wait until something may be taken; zero when it may be taken now.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        /// Sums of fractions miss a whole by less.
        const NOTHING: f64 = 1e-6;
        self.fill(now);
        if self.level >= -NOTHING {
            return Duration::ZERO;
        }
        let seconds = -self.level / self.allowance.a_second;
        // No wait is so long that nobody looks again: the allowance may change meanwhile.
        Duration::try_from_secs_f64(seconds).map_or(Duration::MAX, |wait| wait.min(Duration::from_mins(1)))
    }

    /// Takes something out; also what nobody waited for, since the service counted it.
    pub(super) fn take(&mut self, amount: f64) {
        self.level -= amount;
    }

    /// Leaves out a span in which nothing was sent, and what was saved up before it.
    pub(super) fn resume(&mut self, now: Duration) {
        self.level = self.level.min(0.0);
        self.at = now;
    }

    fn fill(&mut self, now: Duration) {
        let span = now.saturating_sub(self.at).as_secs_f64();
        self.level = (self.level + span * self.allowance.a_second).min(self.allowance.saved);
        self.at = now.max(self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn no_period_sees_more_than_its_budget() {
        let (budget, period) = (3000, Duration::from_secs(150));
        let mut bucket = Bucket::full(Allowance::of_budget(budget, period), Duration::ZERO);
        let (mut now, mut taken) = (Duration::ZERO, Vec::new());
        while now < 4 * period {
            let wait = bucket.wait(now);
            if wait.is_zero() {
                bucket.take(20.0);
                taken.push(now);
            }
            now += wait;
        }
        for from in &taken {
            let within = taken.iter().filter(|at| *at >= from && **at < *from + period).count();
            assert!(within <= 150, "{} at once from {from:?}", within * 20);
        }
        let all = taken.len() * 20;
        assert!(all > 4 * 2700, "most of it is used: {all}");
    }

    #[test]
    fn what_is_borrowed_is_waited_for() {
        let mut bucket = Bucket::empty(Allowance::steady(5.0), Duration::ZERO);
        assert_eq!(bucket.wait(Duration::ZERO), Duration::ZERO);
        bucket.take(10.0);
        assert_eq!(bucket.wait(Duration::ZERO), seconds(2.0));
        assert_eq!(bucket.wait(seconds(1.5)), seconds(0.5));
        bucket.change(Allowance::steady(1.0), seconds(1.5));
        assert_eq!(bucket.wait(seconds(1.5)), seconds(2.5), "at the new rate");
    }

    #[test]
    fn a_long_rest_is_no_reason_for_a_rush() {
        let mut bucket = Bucket::empty(Allowance::steady(100.0), Duration::ZERO);
        bucket.wait(Duration::from_hours(1));
        bucket.take(6.0);
        assert!(!bucket.wait(Duration::from_hours(1)).is_zero());
    }
}
