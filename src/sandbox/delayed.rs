//! Keeps a value whose readers learn of a write only after a while.

use serde::{Deserialize, Serialize};

/// Is a value as it is, and as it still looks from outside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Delayed<T> {
    shown: T,
    /// Writes in order, each with the second from which readers see it.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    coming: Vec<(i64, T)>,
    /// Until this second readers learn of nothing new.
    #[serde(default, skip_serializing_if = "is_past")]
    until: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_past(until: &i64) -> bool {
    *until == 0
}

impl<T> Delayed<T> {
    /// Starts with a value that everyone sees.
    pub(super) fn new(shown: T) -> Self {
        Self { shown, coming: Vec::new(), until: 0 }
    }

    /// Gives the value that the next write builds on.
    pub(super) fn truth(&self) -> &T {
        self.coming.last().map_or(&self.shown, |(_, value)| value)
    }

    /// Gives the value that a reader sees now.
    pub(super) fn seen(&self, now: i64) -> &T {
        self.coming.iter().rev().find(|(from, _)| *from <= now).map_or(&self.shown, |(_, value)| value)
    }

    /// Writes a value that readers see `delay` seconds from now.
    pub(super) fn write(&mut self, value: T, now: i64, delay: i64) {
        self.settle(now);
        let from = (now + delay.max(0)).max(self.until);
        if from > now {
            self.coming.push((from, value));
        } else {
            self.coming.clear();
            self.shown = value;
        }
    }

    /// Gives the second from which the last write is seen, while that is still to come.
    pub(super) fn due(&self, now: i64) -> Option<i64> {
        self.coming.last().map(|(from, _)| *from).filter(|from| *from > now)
    }

    /// Keeps what readers see now for so many seconds, whatever is on its way or comes to be written.
    pub(super) fn freeze(&mut self, now: i64, seconds: i64) {
        self.settle(now);
        self.until = self.until.max(now + seconds);
        for (from, _) in &mut self.coming {
            *from = (*from).max(self.until);
        }
    }

    /// Forgets what nobody sees any more.
    fn settle(&mut self, now: i64) {
        let past = self.coming.iter().take_while(|(from, _)| *from <= now).count();
        if let Some((_, last)) = self.coming.drain(..past).last() {
            self.shown = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_lag_behind_writers() {
        let mut value = Delayed::new(1);
        value.write(2, 100, 60);
        value.write(3, 130, 60);
        assert_eq!(*value.truth(), 3);
        let seen: Vec<i32> = [100, 159, 160, 189, 190].map(|now| *value.seen(now)).to_vec();
        assert_eq!(seen, [1, 1, 2, 2, 3]);
        assert_eq!([130, 189, 190].map(|now| value.due(now)), [Some(190), Some(190), None]);
    }

    #[test]
    fn what_is_frozen_shows_nothing_new_for_a_while() {
        let mut value = Delayed::new(1);
        value.write(2, 100, 60);
        value.freeze(110, 100);
        value.write(3, 120, 0);
        let seen: Vec<i32> = [120, 160, 209, 210].map(|now| *value.seen(now)).to_vec();
        assert_eq!(seen, [1, 1, 1, 3]);
        value.write(4, 210, 0);
        assert_eq!(*value.seen(210), 4, "it thaws");
    }

    #[test]
    fn a_write_without_delay_is_seen_at_once() {
        let mut value = Delayed::new(1);
        value.write(2, 100, 60);
        value.write(3, 110, 0);
        assert_eq!((*value.seen(110), *value.truth()), (3, 3));
    }
}
