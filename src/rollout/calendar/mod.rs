//! Says at which moments changes may be made: inside the windows, outside the freezes.
//!
//! A window or freeze that names waves binds those waves alone; one that names none binds everything. So a change for
//! a wave needs an open window among those for everything, where there are any, and another among those for the wave,
//! where there are any. A freeze always wins.
//!
//! A window lasts from the moment at which its clock first shows its beginning to the moment at which it first shows its
//! end. Where the clock skips that time of the day, the moment of the skip counts; where it shows it twice, the first
//! time does. So a window is always one piece, and none is longer than the clock says.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::model::rollout::{Closed, ClosedBy, Freeze, Rollout, Window};

/// Is how far ahead is looked for the next change, in days: the clocks of every year tick alike.
const HORIZON: i64 = 400;

/// Is how many days ahead a window that opens once a week opens next, when a change of the clock skips one time.
const TWO_WEEKS: i64 = 15;

/// Is the windows and freezes of a rollout.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    windows: Vec<Window>,
    freezes: Vec<Frozen>,
}

/// Is a freeze as moments.
#[derive(Clone, Debug)]
struct Frozen {
    name: Arc<str>,
    from: Timestamp,
    /// The first moment that is no longer frozen.
    to: Timestamp,
    waves: Vec<u32>,
}

/// Says whether changes may be made at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// They may.
    Open {
        /// The next moment at which they may not; `None` where nothing closes within a year.
        until: Option<Timestamp>,
    },
    /// They may not.
    Closed(Closed),
}

impl Access {
    /// Gives what stands against changes, if anything does.
    pub fn closed(self) -> Option<Closed> {
        match self {
            Self::Open { until: _ } => None,
            Self::Closed(closed) => Some(closed),
        }
    }
}

impl Calendar {
    /// Takes the windows and freezes of a rollout.
    pub fn of(rollout: &Rollout) -> Self {
        Self { windows: rollout.windows.clone(), freezes: rollout.freezes.iter().map(frozen).collect() }
    }

    /// Says whether nothing is ever closed.
    pub fn is_always_open(&self) -> bool {
        self.windows.is_empty() && self.freezes.is_empty()
    }

    /// Says whether some windows or freezes are for one wave alone.
    pub fn binds(&self, wave: u32) -> bool {
        self.windows.iter().any(|window| window.waves.contains(&wave))
            || self.freezes.iter().any(|freeze| freeze.waves.contains(&wave))
    }

    /// Says why nothing at all may be changed at a moment, if so.
    pub fn closed(&self, moment: Timestamp) -> Option<Closed> {
        // The usual answer comes without looking for the moment at which it changes.
        if self.bound(None).is_open(moment) { None } else { self.at(moment, None).closed() }
    }

    /// Says why nothing of one wave may be changed at a moment, if what is for that wave alone stands against it.
    pub fn closed_for(&self, moment: Timestamp, wave: u32) -> Option<Closed> {
        let Bound { windows: [_, windows], freezes } = self.bound(Some(wave));
        let freezes = freezes.into_iter().filter(|freeze| !freeze.waves.is_empty()).collect();
        let own = Bound { windows: [Vec::new(), windows], freezes };
        if own.is_open(moment) {
            return None;
        }
        let opens = self.bound(Some(wave)).opens(moment);
        Some(Closed { by: own.closed_by(moment, opens), opens })
    }

    /// Says whether changes may be made at a moment: for one wave, by index, or for what no wave is about.
    pub fn at(&self, moment: Timestamp, wave: Option<u32>) -> Access {
        let bound = self.bound(wave);
        if bound.is_open(moment) {
            Access::Open { until: bound.closes(moment) }
        } else {
            let opens = bound.opens(moment);
            Access::Closed(Closed { by: bound.closed_by(moment, opens), opens })
        }
    }

    /// Sorts out what binds a wave.
    fn bound(&self, wave: Option<u32>) -> Bound<'_> {
        let named = |waves: &[u32]| wave.is_some_and(|wave| waves.contains(&wave));
        let windows =
            |its: &dyn Fn(&Window) -> bool| self.windows.iter().filter(|window| its(window)).collect();
        Bound {
            windows: [windows(&|window| window.waves.is_empty()), windows(&|window| named(&window.waves))],
            freezes: self
                .freezes
                .iter()
                .filter(|freeze| freeze.waves.is_empty() || named(&freeze.waves))
                .collect(),
        }
    }
}

/// Is what binds one wave, or everything.
struct Bound<'c> {
    /// Of each list that is not empty one window must be open.
    windows: [Vec<&'c Window>; 2],
    freezes: Vec<&'c Frozen>,
}

impl Bound<'_> {
    fn is_open(&self, at: Timestamp) -> bool {
        self.freeze(at).is_none() && self.in_windows(at)
    }

    /// Finds the freeze that holds a moment; of several, the one that ends last.
    fn freeze(&self, at: Timestamp) -> Option<&Frozen> {
        let holds = self.freezes.iter().filter(|freeze| freeze.from <= at && at < freeze.to);
        holds.copied().max_by_key(|freeze| freeze.to)
    }

    fn in_windows(&self, at: Timestamp) -> bool {
        self.windows.iter().all(|some| some.is_empty() || some.iter().any(|window| covers(window, at)))
    }

    /// Finds the next moment at which the windows, freezes aside, are `open`; that is not the moment itself.
    fn windows_turn(&self, at: Timestamp, open: bool) -> Option<Timestamp> {
        let horizon = at.checked_add((HORIZON * 24).hours()).unwrap_or(Timestamp::MAX);
        let mut at = at;
        loop {
            at = self.windows.iter().flatten().filter_map(|window| next_edge(window, at)).min()?;
            if at > horizon {
                return None;
            }
            if self.in_windows(at) == open {
                return Some(at);
            }
        }
    }

    /// Finds when it closes, from a moment at which it is open.
    fn closes(&self, at: Timestamp) -> Option<Timestamp> {
        let frozen = self.freezes.iter().map(|freeze| freeze.from).filter(|from| *from > at).min();
        self.windows_turn(at, false).into_iter().chain(frozen).min()
    }

    /// Finds when it opens, from a moment at which it is closed.
    fn opens(&self, at: Timestamp) -> Option<Timestamp> {
        let mut at = at;
        // Each freeze is left once, and each time the windows open at most once more.
        loop {
            at = match self.freeze(at) {
                Some(freeze) => freeze.to,
                None if self.in_windows(at) => return Some(at),
                None => self.windows_turn(at, true)?,
            };
        }
    }

    /// Says what closes it: a freeze, or else the want of a window, named by the one that opens next.
    fn closed_by(&self, at: Timestamp, opens: Option<Timestamp>) -> ClosedBy {
        if let Some(freeze) = self.freeze(at) {
            return ClosedBy::Freeze(Arc::clone(&freeze.name));
        }
        let shut = self.windows.iter().filter(|some| !some.iter().any(|window| covers(window, at)));
        let mut shut = shut.flatten().peekable();
        let first = shut.peek().map(|window| Arc::clone(&window.name));
        let next = opens.and_then(|opens| shut.find(|window| covers(window, opens)));
        ClosedBy::Window(next.map(|window| Arc::clone(&window.name)).or(first).unwrap_or_default())
    }
}

/// Says whether a moment lies in a window.
fn covers(window: &Window, at: Timestamp) -> bool {
    around(window, at, 1).any(|(from, to)| from <= at && at < to)
}

/// Finds the next moment at which a window opens or closes.
fn next_edge(window: &Window, at: Timestamp) -> Option<Timestamp> {
    around(window, at, TWO_WEEKS).flat_map(|(from, to)| [from, to]).filter(|edge| *edge > at).min()
}

/// Lists when a window is open, from the days before a moment to so many days after it; what a skip swallows is left out.
fn around(window: &Window, at: Timestamp, days: i64) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let Window { name: _, time_zone, days: on, from, to, waves: _ } = window;
    let today = at.to_zoned(time_zone.clone()).date();
    let overnight = i64::from(to <= from);
    // One that runs past midnight belongs to the day before, and a day may be skipped as a whole.
    let some = (-2..=days).filter_map(move |ahead| today.checked_add(ahead.days()).ok());
    some.filter(|day| on.contains(day.weekday())).filter_map(move |day| {
        let ends = day.checked_add(overnight.days()).ok()?;
        let (from, to) = (shown(time_zone, day, *from)?, shown(time_zone, ends, *to)?);
        (from < to).then_some((from, to))
    })
}

/// Finds the first moment at which the clock of a time zone shows a time of a day, or a later one.
fn shown(zone: &TimeZone, day: Date, time: Time) -> Option<Timestamp> {
    let civil = DateTime::from_parts(day, time);
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, after: _ } => {
            offset.to_timestamp(civil).ok()
        }
        AmbiguousOffset::Gap { before: _, after } => {
            let skips = zone.following(after.to_timestamp(civil).ok()?).next()?;
            Some(skips.timestamp())
        }
    }
}

/// Turns whole days into moments; what lies beyond the calendar has no end.
fn frozen(freeze: &Freeze) -> Frozen {
    let Freeze { name, time_zone, span, waves } = freeze;
    let after = span.to.tomorrow().ok();
    Frozen {
        name: Arc::clone(name),
        from: shown(time_zone, span.from, Time::midnight()).unwrap_or(Timestamp::MIN),
        to: after.and_then(|day| shown(time_zone, day, Time::midnight())).unwrap_or(Timestamp::MAX),
        waves: waves.clone(),
    }
}
