//! Waves: which groups, from when on, and what must hold before.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::Percent;

/// Is one wave of a rollout.
///
/// Several waves may name the same group, as a canary that grows; the one in force that takes in most decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    /// Its name; the ledger remembers by it when the wave began.
    pub name: Arc<str>,
    /// Indices into the manifest's groups.
    pub groups: Vec<u32>,
    /// Not before this moment: the beginning of a day in the rollout's time zone, or a moment that was written out.
    pub starts: Option<Timestamp>,
    /// How many days it takes, counted in the rollout's time zone; without end where nobody says.
    pub runs_for: Option<u32>,
    /// The wave whose time must be over before; index into the waves.
    pub after: Option<u32>,
    /// Whether a reviewed commit has let it pass; `None` where nobody needs to.
    pub approved: Option<bool>,
    /// How much of its groups it takes in.
    pub canary: Percent,
    /// What must hold of the wave that it comes after.
    pub when: Conditions,
    /// What becomes of its groups when its time is over.
    pub then: Then,
}

impl Wave {
    /// Says whether anything but dates decides when it begins, so that the moment has to be remembered.
    pub fn has_gate(&self) -> bool {
        self.approved.is_some() || self.when != Conditions::default()
    }

    /// Says when its time is over if it begins at a moment, so that the wave after it may begin.
    ///
    /// One without an end only has to have begun. Its days are counted in the time zone, and the one on which it begins is
    /// the first, whole or not; `None` where they go beyond what a calendar holds.
    pub fn over(&self, begins: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let Some(days) = self.runs_for else { return Some(begins) };
        let first = begins.to_zoned(zone.clone()).start_of_day().ok()?;
        first.checked_add(Span::new().try_days(days).ok()?).ok().map(|end| end.timestamp())
    }
}

/// Says what must hold of an earlier wave, by ledger and tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// At least this share has nothing left to be done.
    pub converged: Option<Percent>,
    /// At most this share could not be changed.
    pub failed_at_most: Option<Percent>,
    /// At most this share opted out by themselves.
    pub opted_out_at_most: Option<Percent>,
}

/// Says what becomes of a wave's groups when its time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// They stay in force.
    #[default]
    Stay,
    /// They are as if absent, so that their people leave.
    Leave,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(runs_for: Option<u32>) -> Wave {
        Wave {
            name: "pilot".into(),
            groups: Vec::new(),
            starts: None,
            runs_for,
            after: None,
            approved: None,
            canary: Percent::ALL,
            when: Conditions::default(),
            then: Then::Stay,
        }
    }

    #[test]
    fn days_of_a_wave_are_those_of_its_time_zone() {
        let zone = TimeZone::get("Europe/Berlin").expect("a time zone");
        let begins: Timestamp = "2026-03-27T23:00:00Z".parse().expect("a moment");
        let over = wave(Some(2)).over(begins, &zone).map(|over| over.to_string());
        assert_eq!(over.as_deref(), Some("2026-03-29T22:00:00Z"), "one of them has 23 hours");
        assert_eq!(wave(None).over(begins, &zone), Some(begins), "it only has to have begun");
        assert_eq!(wave(Some(u32::MAX)).over(begins, &zone), None, "no calendar goes so far");
    }
}
