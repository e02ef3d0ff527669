//! Decides whether a request is sent again, and after how long.

use std::time::Duration;

use jiff::Timestamp;

use super::error::Trouble;
use super::message::Effect;
use crate::model::RefusalKind;

/// How long one request may wait in all before we give up.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often a request that is merely turned away is sent.
const MOST_WHEN_BUSY: u32 = 12;
/// How often a request is sent to a service that fails.
const MOST_WHEN_FAILING: u32 = 5;

/// Remembers what a request has been through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patience {
    attempts: u32,
    waited: Duration,
    signed_in_again: bool,
}

/// Is what to do after trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Gives the refusal to whoever asked.
    GiveUp,
    /// Gets a new token and sends it again, once.
    SignInAgain,
    /// Sends it again.
    Again {
        /// After so long.
        wait: Duration,
        /// Whether all requests to this service wait as well, because it is the service that asks.
        everyone: bool,
    },
}

impl Patience {
    /// Decides what follows; `jitter`, 0 to 1, spreads requests that would otherwise return together.
    ///
    /// A write is sent again only when it was surely not done.
    pub(crate) fn next(&mut self, trouble: &Trouble, effect: Effect, jitter: f64) -> Next {
        self.attempts += 1;
        if trouble.refusal.kind == RefusalKind::SignIn && !self.signed_in_again {
            self.signed_in_again = true;
            return Next::SignInAgain;
        }
        let safe = match effect {
            Effect::Read => true,
            Effect::Write | Effect::Work => !trouble.maybe_done,
        };
        let everyone = trouble.refusal.kind == RefusalKind::Throttled;
        let most = if everyone { MOST_WHEN_BUSY } else { MOST_WHEN_FAILING };
        let wait = match trouble.retry_after {
            Some(asked) => asked + stagger(asked, jitter),
            None => backoff(self.attempts, jitter),
        };
        if !trouble.passing || !safe || self.attempts >= most || self.waited + wait > PATIENCE {
            return Next::GiveUp;
        }
        self.waited += wait;
        Next::Again { wait, everyone }
    }
}

/// Doubles from half a second up to half a minute, less up to a half of it.
fn backoff(attempt: u32, jitter: f64) -> Duration {
    let doubled = Duration::from_millis(500) * (1 << attempt.saturating_sub(1).min(6));
    doubled.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

/// Is a little on top of what the service asked for, lest all who were told the same return in the same moment.
fn stagger(asked: Duration, jitter: f64) -> Duration {
    (asked / 10).min(Duration::from_secs(1)).mul_f64(jitter.clamp(0.0, 1.0))
}

/// Reads `Retry-After`: seconds, whole or not, or an HTTP date; `None` when it is neither.
pub(crate) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = http_date(text)?;
    // A date that has passed asks for no wait.
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Reads an HTTP date.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Refusal;

    fn trouble(kind: RefusalKind, passing: bool, maybe_done: bool) -> Trouble {
        let refusal = Refusal { kind, message: String::new(), request_id: None };
        Trouble { refusal, retry_after: None, passing, maybe_done, crowded: false }
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        let now: Timestamp = "2015-10-21T07:27:00Z".parse().unwrap();
        let read = |text| retry_after(text, now);
        assert_eq!(read("10"), Some(Duration::from_secs(10)));
        assert_eq!(read(" 2.128 "), Some(Duration::from_millis(2128)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_mins(1)));
        assert_eq!(read("Wed, 21 Oct 2015 07:00:00 GMT"), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-3", "NaN", "inf", "1e300"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn waiting_doubles_when_the_service_names_no_time() {
        let mut patience = Patience::default();
        let busy = trouble(RefusalKind::Throttled, true, false);
        let waits: Vec<_> = (0..4)
            .map(|_| match patience.next(&busy, Effect::Write, 0.0) {
                Next::Again { wait, everyone } => {
                    assert!(everyone, "a throttle speaks for the whole service");
                    wait.as_millis()
                }
                other @ (Next::GiveUp | Next::SignInAgain) => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000]);
        assert!(backoff(40, 1.0) >= Duration::from_secs(16), "it stays finite");
    }

    #[test]
    fn a_write_that_may_have_been_done_is_never_sent_again() {
        let cut = trouble(RefusalKind::Unreachable, true, true);
        assert_eq!(Patience::default().next(&cut, Effect::Write, 0.0), Next::GiveUp);
        assert!(matches!(
            Patience::default().next(&cut, Effect::Read, 0.0),
            Next::Again { everyone: false, .. }
        ));
    }

    #[test]
    fn a_refusal_that_will_not_change_is_not_asked_again() {
        let forbidden = trouble(RefusalKind::Forbidden, false, false);
        assert_eq!(Patience::default().next(&forbidden, Effect::Read, 0.0), Next::GiveUp);
    }

    #[test]
    fn a_token_is_renewed_once() {
        let mut patience = Patience::default();
        let ended = trouble(RefusalKind::SignIn, false, false);
        assert_eq!(patience.next(&ended, Effect::Write, 0.0), Next::SignInAgain);
        assert_eq!(patience.next(&ended, Effect::Write, 0.0), Next::GiveUp);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_never_cut_short() {
        let wait = |asked, jitter| {
            let mut busy = trouble(RefusalKind::Throttled, true, false);
            busy.retry_after = Some(asked);
            match Patience::default().next(&busy, Effect::Read, jitter) {
                Next::Again { wait, everyone: true } => wait,
                other @ (Next::Again { .. } | Next::GiveUp | Next::SignInAgain) => panic!("{other:?}"),
            }
        };
        let second = Duration::from_secs(1);
        assert_eq!([0.0, 0.5, 1.0].map(|jitter| wait(second, jitter).as_millis()), [1_000, 1_050, 1_100]);
        assert_eq!(wait(60 * second, 1.0), 61 * second, "a second more at most");
        assert_eq!(wait(Duration::ZERO, 1.0), Duration::ZERO);
    }

    #[test]
    fn patience_has_an_end() {
        let mut busy = trouble(RefusalKind::Throttled, true, false);
        busy.retry_after = Some(Duration::from_mins(4));
        let mut patience = Patience::default();
        assert!(matches!(patience.next(&busy, Effect::Read, 0.0), Next::Again { .. }));
        assert!(matches!(patience.next(&busy, Effect::Read, 0.0), Next::Again { .. }));
        assert_eq!(patience.next(&busy, Effect::Read, 0.0), Next::GiveUp, "twelve minutes are too long");
        busy.retry_after = Some(Duration::ZERO);
        let mut patience = Patience::default();
        let again = (0..100).take_while(|_| patience.next(&busy, Effect::Read, 0.0) != Next::GiveUp).count();
        assert_eq!(again, 11, "even when each wait is short");
    }
}
