//! Finds out how many calls a second a service bears.

use std::time::Duration;

/// Is how long a rate must have been borne to be near the limit when it is refused.
const BORNE: Duration = Duration::from_secs(4);
/// Is the part of the rate that was refused last to which a search must have come back to be near the limit.
const BACK: f64 = 0.85;
/// Is the shortest span in which anything is measured, lest two answers that come together look like a thousand a second.
const SHORTEST: Duration = Duration::from_millis(50);
/// Is the slowest that refusals alone make us: a service that wants less says so by how long it makes us wait, and one
/// that refuses now and then whatever the rate is not worth standing still for.
const SLOWEST: f64 = 1.0;
/// Is the part of a rate that must have been sent for the rate itself to have been refused.
const USED: f64 = 0.8;

/// Is the part of a rate that is left at least, whatever the service took meanwhile.
const LEFT: f64 = 0.35;

/// Is a law for coming back after a refusal: how far down, how long up again, and how much of a wait is added to that.
#[derive(Clone, Copy)]
struct Law {
    foot: f64,
    climb: Duration,
    of_price: u32,
    searching: bool,
}

/// Where nothing is known but what was taken until then, which may be half of what can be.
const FIRST: Law = Law { foot: 0.5, ..SEARCHING };
/// Far from the limit, where a rate was refused as soon as it was tried.
const SEARCHING: Law = Law { foot: 0.7, climb: Duration::from_secs(4), of_price: 2, searching: true };
/// Near it. A refusal costs its wait, so it is provoked the more rarely the longer that is: one part in twenty.
const CRUISING: Law = Law { foot: 0.9, climb: Duration::from_secs(40), of_price: 20, searching: false };

/// Is how many units a second may be sent: any number, until the service turned one away for the first time.
///
/// The rate at which that happened is remembered and approached as CUBIC approaches it (RFC 9438): fast from below,
/// slowly near it, where most of the time is spent, and faster again beyond it, because the limit may have risen.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    climb: Option<Climb>,
    /// Since when nothing happened but sending: no pause, and no change for a refusal.
    since: Option<Duration>,
    /// What the service accepted since then.
    accepted: f64,
    /// What it was sent since then, answered or not.
    sent: f64,
    /// When it slowed us down, and what it accepted since then, pauses included.
    slowed: Duration,
    taken: f64,
    price: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Climb {
    top: f64,
    foot: f64,
    from: Duration,
    span: Duration,
    of_price: u32,
    searching: bool,
}

impl Climb {
    fn at(&self, now: Duration) -> f64 {
        (self.top + (self.top - self.foot) * (self.part(now) - 1.0).powi(3)).max(SLOWEST)
    }

    /// Gives the units that could have been sent since it began: the area under the curve.
    fn sum(&self, now: Duration) -> f64 {
        let part = self.part(now);
        let below = (self.top - self.foot) * ((part - 1.0).powi(4) - 1.0) / 4.0;
        (self.top * part + below) * self.span.as_secs_f64()
    }

    fn part(&self, now: Duration) -> f64 {
        now.saturating_sub(self.from).as_secs_f64() / self.span.as_secs_f64()
    }
}

impl Rate {
    /// Gives the units a second that may be sent now; `None` while nothing is known.
    pub(super) fn at(&self, now: Duration) -> Option<f64> {
        Some(self.climb?.at(now))
    }

    /// Says how long the last refusal made everybody wait.
    pub(super) fn price(&self) -> Duration {
        self.price
    }

    /// Counts what is sent; measuring begins with the first of it.
    pub(super) fn sending(&mut self, units: f64, now: Duration) {
        self.since.get_or_insert(now);
        self.sent += units;
    }

    /// Counts what the service accepted.
    pub(super) fn accepted(&mut self, units: f64) {
        self.accepted += units;
        self.taken += units;
    }

    /// Slows down, because the service turned something away.
    ///
    /// A service that has taken nothing at all since the last time says nothing about a rate, and is merely waited for.
    pub(super) fn refused(&mut self, now: Duration) {
        let Some(measured) = self.measured(now) else { return };
        let Some(climb) = self.climb else {
            self.climb_from(now, measured * 2.0, FIRST);
            return;
        };
        // What is not answered yet was sent all the same: a slow answer is no sign of little to do.
        let used = self.sent >= USED * climb.sum(now);
        let rate = if used { climb.at(now) } else { climb.at(now).min(measured) };
        // A refusal tells where the limit is, and not only that it is below, where the search had come back to where it
        // was, or where the rate was borne for a while.
        let back = climb.searching && climb.at(now) >= BACK * climb.top;
        let law = if back || self.span(now) >= BORNE { CRUISING } else { SEARCHING };
        // Refused above, and below taken since the last time with all the pauses: the limit is between.
        let since = now.saturating_sub(self.slowed).max(SHORTEST).as_secs_f64();
        let between = (self.taken / since * rate).max(0.0).sqrt();
        let foot = (between / rate).clamp(LEFT, law.foot);
        self.climb_from(now, rate, Law { foot, ..law });
    }

    /// Slows down a little, because the service says which share of its limit we use.
    pub(super) fn near(&mut self, now: Duration, share: f64) {
        if self.span(now) >= BORNE
            && let Some(measured) = self.measured(now)
        {
            let most = measured / share;
            self.climb_from(now, self.at(now).map_or(most, |rate| rate.min(most)), CRUISING);
        }
    }

    /// Goes on after a pause of the whole service, which has answered a refusal.
    pub(super) fn resume(&mut self, now: Duration, paused: Duration) {
        self.begin(now);
        self.price = paused;
        if let Some(climb) = &mut self.climb {
            climb.from = now;
            climb.span += climb.of_price * paused;
            // One refusal may be followed by more pauses than one; they are not added up twice.
            climb.of_price = 0;
        }
    }

    fn span(&self, now: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Gives what the service accepted in a second; `None` when it was nothing.
    fn measured(&self, now: Duration) -> Option<f64> {
        let span = self.span(now).max(SHORTEST).as_secs_f64();
        (self.accepted > 0.0).then(|| self.accepted / span)
    }

    /// Comes down from a rate that was too high.
    fn climb_from(&mut self, now: Duration, rate: f64, law: Law) {
        let Law { foot, climb: span, of_price, searching } = law;
        let top = rate.max(SLOWEST);
        (self.slowed, self.taken) = (now, 0.0);
        self.climb = Some(Climb { top, foot: top * foot, from: now, span, of_price, searching });
        self.begin(now);
    }

    fn begin(&mut self, now: Duration) {
        self.since = Some(now);
        (self.accepted, self.sent) = (0.0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Is refused at 100 a second after a while.
    fn refused(borne: f64) -> Rate {
        let mut rate = Rate::default();
        rate.sending(1.0, at(0.0));
        rate.accepted(1.0);
        rate.refused(at(0.0));
        rate.climb = Some(Climb {
            top: 100.0,
            foot: 100.0,
            from: at(0.0),
            span: at(1.0),
            of_price: 0,
            searching: false,
        });
        rate.sending(1_000.0, at(1.0));
        rate.accepted(1_000.0);
        rate.refused(at(borne));
        rate
    }

    #[test]
    fn nothing_is_known_before_the_first_refusal() {
        let mut rate = Rate::default();
        rate.sending(1.0, at(0.0));
        rate.accepted(7.0);
        assert_eq!(rate.at(at(9.0)), None);
    }

    #[test]
    fn the_first_refusal_tells_what_was_borne() {
        let mut rate = Rate::default();
        rate.sending(1.0, at(0.0));
        rate.accepted(200.0);
        rate.refused(at(10.0));
        let now = rate.at(at(10.0)).unwrap();
        assert!((now - 20.0).abs() < 0.01, "{now}");
        assert!(rate.at(at(14.0)).unwrap() > 39.0, "and it was perhaps half of what can be");
    }

    #[test]
    fn a_rate_that_was_borne_for_a_while_is_left_by_a_tenth_only() {
        assert!((refused(1.0).at(at(1.0)).unwrap() - 70.0).abs() < 0.01);
        assert!((refused(5.0).at(at(5.0)).unwrap() - 90.0).abs() < 0.01);
    }

    #[test]
    fn most_of_the_time_is_spent_near_the_limit_and_none_beyond_it() {
        let rate = refused(5.0);
        let curve: Vec<f64> = (0..=40).map(|second| rate.at(at(5.0 + f64::from(second))).unwrap()).collect();
        assert!(curve.is_sorted() && curve.iter().all(|now| *now <= 100.0));
        let mean = curve.iter().sum::<f64>() / 41.0;
        assert!(mean > 97.0, "{mean}");
        assert!(rate.at(at(125.0)).unwrap() > 150.0, "a limit that rose is found in time");
    }

    #[test]
    fn where_refusals_cost_much_they_are_provoked_rarely() {
        let mut rate = refused(5.0);
        rate.resume(at(15.0), at(10.0));
        rate.resume(at(15.0), at(10.0));
        assert!(rate.at(at(15.0 + 200.0)).unwrap() < 100.0, "it takes 40 s and 20 times the wait");
        assert!(rate.at(at(15.0 + 241.0)).unwrap() >= 100.0);
    }

    #[test]
    fn a_service_that_takes_nothing_is_waited_for_and_not_forgotten() {
        let mut rate = refused(5.0);
        let before = rate.at(at(6.0));
        rate.refused(at(6.0));
        rate.refused(at(6.0));
        assert_eq!(rate.at(at(6.0)), before);
    }

    #[test]
    fn what_was_not_used_is_not_taken_for_borne() {
        let mut rate = refused(5.0);
        rate.sending(40.0, at(6.0));
        rate.accepted(40.0);
        rate.refused(at(15.0));
        assert!(rate.at(at(15.0)).unwrap() < 5.0, "four a second were sent");
        (16..200).for_each(|second| {
            rate.accepted(0.5);
            rate.refused(at(f64::from(second)));
        });
        assert!(rate.at(at(200.0)).unwrap() >= 1.0, "there is an end to slowing down");
    }

    #[test]
    fn a_service_that_says_how_near_the_limit_is_is_believed() {
        let mut rate = Rate::default();
        rate.sending(1.0, at(0.0));
        rate.accepted(1_000.0);
        rate.near(at(10.0), 1.25);
        assert!((rate.at(at(10.0)).unwrap() - 72.0).abs() < 0.01, "a hundred were 1.25 of it");
        rate.accepted(72.0);
        rate.near(at(11.0), 0.9);
        assert!(rate.at(at(11.0)).unwrap() > 72.0, "not again at once");
    }
}
