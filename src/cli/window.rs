//! Begins nothing that writes to the tenant outside the change window.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use super::timing::{facts_with, of_writing};
use crate::apply::Gate;
use crate::clock::Clock;
use crate::manifest::Manifest;
use crate::microsoft::MayWrite;
use crate::model::rollout::{Closed, Rollout};
use crate::plan::Plan;
use crate::render;
use crate::rollout::{Calendar, Windows};
use crate::store::Remembered;

/// Says how far the moment that a run stands for is ahead of the clock.
///
/// `--as-of` moves it in a simulated tenant alone: no argument opens a real tenant in a freeze.
pub(super) fn ahead(global: &Global, manifest: &Manifest, clock: &Clock) -> SignedDuration {
    let as_of = of_writing(global).map(|as_of| as_of.moment(&manifest.rollout().time_zone));
    as_of.map_or(SignedDuration::ZERO, |as_of| as_of.duration_since(clock.now()))
}

/// Refuses where nothing at all may be changed now, before anybody is asked for anything.
pub(super) fn is_open(global: &Global, manifest: &Manifest, clock: &Clock) -> Result<(), Failure> {
    let now = clock.now();
    let now = now.checked_add(ahead(global, manifest, clock)).unwrap_or(now);
    refuse(Calendar::of(manifest.rollout()).closed(now))
}

/// Gives what every write asks right before it leaves: whether nothing has closed while it waited.
///
/// Nobody knows here whom it is for. So it counts what closes for any wave that may have begun, and not what was closed
/// before: that is for the gate, which such a write has passed.
pub(super) fn may_write(global: &Global, manifest: &Manifest, clock: &Clock) -> MayWrite {
    nothing_closes(manifest.rollout(), ahead(global, manifest, clock), clock.clone())
}

fn nothing_closes(rollout: &Rollout, ahead: SignedDuration, clock: Clock) -> MayWrite {
    let calendar = Calendar::of(rollout);
    let bound = (0..).zip(&rollout.waves).filter(|(wave, _)| calendar.binds(*wave));
    let waves: Vec<(u32, Option<Timestamp>)> = bound.map(|(index, wave)| (index, wave.starts)).collect();
    Arc::new(move |since| {
        let [since, now] = [since, clock.now()].map(|at| at.checked_add(ahead).unwrap_or(at));
        let closed = calendar.closed(now).is_some() && calendar.closed(since).is_none();
        let begun = |starts: Option<Timestamp>| starts.is_none_or(|starts| starts <= now);
        let of_wave = |wave: u32| {
            calendar.closed_for(now, wave).is_some() && calendar.closed_for(since, wave).is_none()
        };
        !closed && !waves.iter().any(|(wave, starts)| begun(*starts) && of_wave(*wave))
    })
}

/// Turns what stands against changes into an error.
pub(super) fn refuse(closed: Option<Closed>) -> Result<(), Failure> {
    match closed {
        None => Ok(()),
        Some(closed) => Err(Failure::new(Exit::Locked, render::rollout::nothing_applied(&closed))
            .hint("`insightctl plan` shows what is to be done, and `insightctl rollout` when it may be")),
    }
}

impl Session {
    /// Gives when changes of a plan may be made, as far as the manifest, the ledger and the plan itself say.
    pub(super) fn windows(&self, remembered: &Remembered, plan: &Plan, as_of: Timestamp) -> Windows {
        let timeline = self.timeline(&facts_with(remembered, plan), as_of);
        Windows::of(self.manifest.rollout(), &self.group_names(), &timeline)
    }

    /// Gives what an apply of a plan asks before each batch.
    pub(super) fn gate(&self, remembered: &Remembered, plan: &Plan) -> Gate {
        let now = self.clock.now();
        let at = now.checked_add(self.ahead).unwrap_or(now);
        Gate::new(self.windows(remembered, plan, at), self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::model::rollout::{Conditions, Freeze, Percent, Span, Then, Wave};

    #[test]
    fn a_write_is_kept_back_by_what_closed_while_it_waited_and_by_nothing_else() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a moment");
        let day = date(2026, 3, 3);
        let freeze = |waves| Freeze {
            name: "quiet".into(),
            time_zone: TimeZone::UTC,
            span: Span { from: day, to: day },
            waves,
        };
        let wave = |starts| Wave {
            name: "first".into(),
            groups: vec![0],
            starts: Some(at(starts)),
            runs_for: None,
            after: None,
            approved: None,
            canary: Percent::ALL,
            when: Conditions::default(),
            then: Then::Stay,
        };
        let may = |starts, waves, since| {
            let rollout =
                Rollout { waves: vec![wave(starts)], freezes: vec![freeze(waves)], ..Rollout::default() };
            let now = Clock::still(at("2026-03-03T00:10:00Z"));
            nothing_closes(&rollout, SignedDuration::ZERO, now)(at(since))
        };
        let (begun, to_come) = ("2026-03-01T00:00:00Z", "2026-03-09T00:00:00Z");
        let (before, after) = ("2026-03-02T23:50:00Z", "2026-03-03T00:05:00Z");
        for waves in [Vec::new(), vec![0]] {
            assert!(!may(begun, waves.clone(), before), "{waves:?}");
            assert!(may(begun, waves.clone(), after), "{waves:?}: begun is finished");
        }
        assert!(may(to_come, vec![0], before), "the wave has not begun");
    }
}
