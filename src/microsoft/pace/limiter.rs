//! Decides when one more request may be sent to a service: plain arithmetic on what was asked, answered and refused.
//!
//! Moments are spans since any one moment, the same for all calls.

use std::time::Duration;

use super::bucket::{Allowance, Bucket};
use super::rate::Rate;
use super::window::Window;
use crate::microsoft::cost::Cost;

/// Is a moment in the life of a limiter: what was sent before a refusal and refused after it is the same refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u64);

/// Says what a service turned a request away for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TooMany {
    /// Too many at once.
    AtOnce,
    /// Too many a second, or nobody knows.
    InTime,
}

/// Is the answer to whoever wants to send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Turn {
    /// Send.
    Go(Mark),
    /// Ask again after so long, or when something changes.
    After(Duration),
    /// Ask again when something changes.
    Full,
}

/// Is what one service bears, as far as it is known: from its documents, from the user, and from its answers.
#[derive(Debug)]
pub(super) struct Limiter {
    window: Window,
    rate: Rate,
    /// What keeps to the rate, once there is one.
    learnt: Option<Bucket>,
    /// Units that are allowed whatever the service bears.
    units: Option<Bucket>,
    /// Writes that are allowed, where they are counted by themselves.
    writes: Option<Bucket>,
    /// How many requests are under way.
    busy: u32,
    /// How many answers asked for a pause that is not over yet, and since when there was one.
    pauses: u32,
    paused: Duration,
    /// Counts how often we slowed down.
    slowed: u64,
}

impl Limiter {
    /// Starts with `first` requests at once, and never allows more than `most`.
    pub(super) fn new(first: u32, most: u32) -> Self {
        Self {
            window: Window::new(first, most),
            rate: Rate::default(),
            learnt: None,
            units: None,
            writes: None,
            busy: 0,
            pauses: 0,
            paused: Duration::ZERO,
            slowed: 0,
        }
    }

    /// Never sends more units than this from now on.
    pub(super) fn allow_units(&mut self, allowance: Allowance, now: Duration) {
        match &mut self.units {
            Some(bucket) => bucket.change(allowance, now),
            None => self.units = Some(Bucket::full(allowance, now)),
        }
    }

    /// Never sends more writes than this from now on.
    pub(super) fn allow_writes(&mut self, allowance: Allowance, now: Duration) {
        match &mut self.writes {
            Some(bucket) => bucket.change(allowance, now),
            None => self.writes = Some(Bucket::full(allowance, now)),
        }
    }

    /// Says whether one more request may be sent; if so, it is under way.
    pub(super) fn ask(&mut self, cost: Cost, now: Duration) -> Turn {
        if self.pauses > 0 || !self.window.admits(self.busy) {
            return Turn::Full;
        }
        self.keep_to_the_rate(now);
        let Cost { units, writes } = cost;
        let buckets = [(&mut self.learnt, units), (&mut self.units, units), (&mut self.writes, writes)];
        let mut asked: Vec<_> = buckets
            .into_iter()
            .filter_map(|(bucket, much)| bucket.as_mut().zip((much > 0).then_some(much)))
            .collect();
        let wait = asked.iter_mut().map(|(bucket, _)| bucket.wait(now)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Turn::After(wait);
        }
        for (bucket, much) in asked {
            bucket.take(f64::from(much));
        }
        self.rate.sending(f64::from(units), now);
        self.busy += 1;
        Turn::Go(self.mark())
    }

    /// Records that a request is under way no more.
    pub(super) fn done(&mut self) {
        self.busy -= 1;
    }

    /// Records a good answer.
    pub(super) fn good(&mut self, cost: Cost, now: Duration) {
        self.window.good(now, self.rate.price());
        self.rate.accepted(f64::from(cost.units));
    }

    /// Records that what a request carried was turned away, although the request itself was not.
    pub(super) fn not_good(&mut self, units: f64) {
        self.rate.accepted(-units);
    }

    /// Records that the service turned something away that was sent at the mark.
    ///
    /// Requests that were under way together are turned away together: that is one refusal.
    pub(super) fn refused(&mut self, since: Mark, why: TooMany, now: Duration) {
        if since != self.mark() {
            return;
        }
        self.slowed += 1;
        match why {
            TooMany::AtOnce => self.window.crowded(now),
            TooMany::InTime => {
                self.window.halve();
                self.rate.refused(now);
            }
        }
    }

    /// Records which share of its limit the service says that we use, 1 for all of it.
    pub(super) fn near(&mut self, share: f64, now: Duration) {
        self.rate.near(now, share);
    }

    /// Records that a request cost more, or less, than was counted ahead.
    pub(super) fn correct(&mut self, units: f64) {
        for bucket in [&mut self.learnt, &mut self.units].into_iter().flatten() {
            bucket.take(units);
        }
    }

    /// Holds everything until [`Limiter::resume`] was called as often.
    pub(super) fn pause(&mut self, now: Duration) {
        if self.pauses == 0 {
            self.paused = now;
        }
        self.pauses += 1;
    }

    pub(super) fn resume(&mut self, now: Duration) {
        self.pauses -= 1;
        if self.pauses == 0 {
            self.rate.resume(now, now.saturating_sub(self.paused));
            if let Some(bucket) = &mut self.learnt {
                bucket.resume(now);
            }
        }
    }

    /// Marks this moment for [`Limiter::refused`].
    pub(super) fn mark(&self) -> Mark {
        Mark(self.slowed)
    }

    fn keep_to_the_rate(&mut self, now: Duration) {
        let Some(rate) = self.rate.at(now) else { return };
        let allowance = Allowance::steady(rate);
        match &mut self.learnt {
            Some(bucket) => bucket.change(allowance, now),
            None => self.learnt = Some(Bucket::empty(allowance, now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Cost = Cost { units: 1, writes: 0 };
    const WRITE: Cost = Cost { units: 1, writes: 1 };

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn go(turn: Turn) -> Option<Mark> {
        match turn {
            Turn::Go(mark) => Some(mark),
            Turn::After(_) | Turn::Full => None,
        }
    }

    #[test]
    fn no_more_than_the_window_are_under_way() {
        let mut limiter = Limiter::new(2, 2);
        assert!(go(limiter.ask(ONE, at(0))).is_some() && go(limiter.ask(ONE, at(0))).is_some());
        assert_eq!(limiter.ask(ONE, at(0)), Turn::Full);
        limiter.done();
        assert!(go(limiter.ask(ONE, at(0))).is_some());
    }

    #[test]
    fn a_stated_rate_is_never_exceeded_whatever_the_service_bears() {
        let mut limiter = Limiter::new(16, 16);
        limiter.allow_units(Allowance::steady(5.0), at(0));
        let mut sent = Vec::new();
        let mut now = at(0);
        while now < at(60_000) {
            match limiter.ask(ONE, now) {
                Turn::Go(_) => {
                    sent.push(now);
                    limiter.good(ONE, now);
                    limiter.done();
                }
                Turn::After(wait) => now += wait,
                Turn::Full => unreachable!("everything is answered at once"),
            }
        }
        for from in &sent {
            let within =
                sent.iter().filter(|at| *at >= from && **at < *from + Duration::from_secs(10)).count();
            assert!(within <= 52, "{within} from {from:?}");
        }
        assert!((299..=302).contains(&sent.len()), "{}", sent.len());
    }

    #[test]
    fn writes_wait_for_their_own_budget_and_reads_do_not() {
        let mut limiter = Limiter::new(16, 16);
        limiter.allow_writes(Allowance { a_second: 1.0, saved: 0.0 }, at(0));
        assert!(go(limiter.ask(WRITE, at(0))).is_some());
        assert_eq!(limiter.ask(WRITE, at(0)), Turn::After(Duration::from_secs(1)));
        assert!(go(limiter.ask(ONE, at(0))).is_some());
    }

    #[test]
    fn requests_turned_away_together_slow_us_down_once() {
        let mut limiter = Limiter::new(8, 8);
        let marks: Vec<Mark> = (0..8).filter_map(|_| go(limiter.ask(ONE, at(0)))).collect();
        for mark in &marks {
            limiter.refused(*mark, TooMany::InTime, at(1));
        }
        (0..5).for_each(|_| limiter.done());
        assert!(go(limiter.ask(ONE, at(1))).is_some(), "four are allowed, three are under way");
        assert_eq!(limiter.ask(ONE, at(1)), Turn::Full);
    }

    #[test]
    fn too_many_at_once_says_nothing_about_the_rate() {
        let mut limiter = Limiter::new(8, 8);
        let mark = go(limiter.ask(ONE, at(0))).unwrap();
        limiter.good(ONE, at(100));
        limiter.refused(mark, TooMany::AtOnce, at(100));
        assert_eq!(limiter.rate.at(at(100)), None);
        let mark = limiter.mark();
        limiter.refused(mark, TooMany::InTime, at(100));
        assert!(limiter.rate.at(at(100)).is_some());
    }

    #[test]
    fn a_pause_holds_everything_until_the_last_one_ends() {
        let mut limiter = Limiter::new(8, 8);
        limiter.pause(at(0));
        limiter.pause(at(0));
        limiter.resume(at(1_000));
        assert_eq!(limiter.ask(ONE, at(1_000)), Turn::Full);
        limiter.resume(at(7_000));
        assert!(go(limiter.ask(ONE, at(7_000))).is_some());
        assert_eq!(limiter.rate.price(), Duration::from_secs(7));
    }

    #[test]
    fn what_cost_more_than_was_counted_is_paid_for() {
        let mut limiter = Limiter::new(8, 8);
        limiter.allow_units(Allowance { a_second: 10.0, saved: 0.0 }, at(0));
        assert!(go(limiter.ask(ONE, at(0))).is_some());
        limiter.correct(9.0);
        assert_eq!(limiter.ask(ONE, at(0)), Turn::After(Duration::from_secs(1)));
    }
}
