//! Finds out how many requests a service bears at once.

use std::time::Duration;

/// Is how long the service has borne what it bears before one more is tried, where it once said that it was too many.
const PROBE: Duration = Duration::from_secs(10);

/// Is how many requests may be under way at once.
///
/// The number rises by one for each round of good answers and halves when the service turns one away. After that it is
/// soon back where it was good, as TCP is; where the service said that it bears no more at once, it goes on from there
/// one by one, the more slowly the longer the service made everybody wait.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Its whole part counts.
    limit: f64,
    most: f64,
    /// Where it was when it was halved, less one if that was too many at once.
    goal: f64,
    /// Whether the service has ever said that it was too many at once.
    crowded: bool,
    since: Duration,
}

impl Window {
    pub(super) fn new(first: u32, most: u32) -> Self {
        let (limit, most) = (f64::from(first), f64::from(most));
        Self { limit, most, goal: 0.0, crowded: false, since: Duration::ZERO }
    }

    pub(super) fn admits(&self, busy: u32) -> bool {
        f64::from(busy) < self.limit.floor()
    }

    /// Records a good answer; `price` is how long the last refusal made everybody wait.
    pub(super) fn good(&mut self, now: Duration, price: Duration) {
        if self.limit < self.goal {
            self.limit = (self.limit + 1.0).min(self.goal);
            self.since = now;
        } else if !self.crowded {
            self.limit += 1.0 / self.limit;
        } else if now.saturating_sub(self.since) >= PROBE + 20 * price {
            self.limit += 1.0;
            self.goal = self.limit;
            self.since = now;
        }
        self.limit = self.limit.min(self.most);
    }

    /// Halves, because something was turned away: it may have been too much a second, or too many at once.
    pub(super) fn halve(&mut self) {
        self.goal = self.goal.max(self.limit);
        self.limit = (self.limit / 2.0).max(1.0);
    }

    /// Halves, because it was too many at once.
    pub(super) fn crowded(&mut self, now: Duration) {
        let whole = self.limit.floor();
        self.goal = (whole - 1.0).max(whole * 0.9).floor().max(1.0);
        self.limit = (self.limit / 2.0).max(1.0);
        self.crowded = true;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    fn is(window: &Window) -> u32 {
        (0..100).find(|busy| !window.admits(*busy)).unwrap()
    }

    #[test]
    fn a_round_of_good_answers_adds_one_up_to_the_most() {
        let mut window = Window::new(2, 4);
        let mut seen = Vec::new();
        for _ in 0..4 {
            for _ in 0..is(&window) {
                window.good(at(1), Duration::ZERO);
            }
            // A sum of fractions falls a little short of a whole.
            window.good(at(1), Duration::ZERO);
            seen.push(is(&window));
        }
        assert_eq!(seen, [3, 4, 4, 4]);
    }

    #[test]
    fn what_was_halved_is_soon_where_it_was() {
        let mut window = Window::new(16, 16);
        window.halve();
        assert_eq!(is(&window), 8);
        window.halve();
        assert_eq!(is(&window), 4);
        (0..12).for_each(|_| window.good(at(1), Duration::ZERO));
        assert_eq!(is(&window), 16);
    }

    #[test]
    fn too_many_at_once_is_not_tried_again_at_once() {
        let mut window = Window::new(9, 64);
        window.crowded(at(0));
        assert_eq!(is(&window), 4);
        (0..100).for_each(|_| window.good(at(1), Duration::ZERO));
        assert_eq!(is(&window), 8, "one less than what was too many");
        window.good(at(12), Duration::ZERO);
        assert_eq!(is(&window), 9, "then one more from time to time");
        window.crowded(at(12));
        (0..100).for_each(|_| window.good(at(13), at(2)));
        window.good(at(40), at(2));
        assert_eq!(is(&window), 8, "and more rarely where a refusal costs much");
    }

    #[test]
    fn it_never_falls_below_one() {
        let mut window = Window::new(1, 4);
        (0..5).for_each(|_| window.halve());
        (0..5).for_each(|_| window.crowded(at(0)));
        assert_eq!(is(&window), 1);
    }
}
