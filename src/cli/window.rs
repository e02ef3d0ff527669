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
use crate::model::rollout::Closed;
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

/// Gives what every write asks right before it leaves.
pub(super) fn may_write(global: &Global, manifest: &Manifest, clock: &Clock) -> MayWrite {
    let (calendar, ahead, clock) =
        (Calendar::of(manifest.rollout()), ahead(global, manifest, clock), clock.clone());
    Arc::new(move || {
        let now = clock.now();
        calendar.closed(now.checked_add(ahead).unwrap_or(now)).is_none()
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
