//! The only source of time.
//!
//! Everything that needs to know the time is handed a [`Clock`], so that a run can be replayed and a day can pass in
//! a test. Settle ages, leases and expiry dates all come from here.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Tells the time, and waits.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    /// Milliseconds since the epoch; moves only when told to.
    Still(Arc<AtomicI64>),
}

impl Clock {
    /// Reads the machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Stands still at a moment until [`Clock::advance`] moves it; all clones move together.
    pub fn still(at: Timestamp) -> Self {
        Self(Source::Still(Arc::new(AtomicI64::new(at.as_millisecond()))))
    }

    /// Gives the time now, to the second.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        let second = match &self.0 {
            Source::System => Timestamp::now().as_second(),
            Source::Still(millis) => millis.load(Ordering::SeqCst).div_euclid(1_000),
        };
        Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves a still clock on; the machine's own clock moves by itself.
    pub fn advance(&self, by: SignedDuration) {
        match &self.0 {
            Source::System => {}
            Source::Still(millis) => {
                millis.fetch_add(by.as_secs() * 1_000, Ordering::SeqCst);
            }
        }
    }

    /// Waits; with a still clock, time passes at once.
    pub async fn sleep(&self, span: Duration) {
        match &self.0 {
            Source::System => tokio::time::sleep(span).await,
            Source::Still(millis) => {
                let whole = span.as_nanos().div_ceil(1_000_000);
                millis.fetch_add(i64::try_from(whole).unwrap_or(i64::MAX), Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits by the machine's clock, whatever a clock shows: for what must happen beside the work while it waits.
    pub async fn beat(span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// Measures how long something takes, in the time that [`Clock::sleep`] waits in.
    ///
    /// For progress and pace only; never decides a plan.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    pub fn elapsed(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match &self.0 {
            Source::System => {
                let start = START.get_or_init(|| {
                    let now = Instant::now();
                    // Where a test lets time stand still, it may stand a little before the first look at it.
                    now.checked_sub(Duration::from_hours(1)).unwrap_or(now)
                });
                tokio::time::Instant::now().saturating_duration_since((*start).into())
            }
            Source::Still(millis) => {
                Duration::from_millis(millis.load(Ordering::SeqCst).try_into().unwrap_or_default())
            }
        }
    }
}
