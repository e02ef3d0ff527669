//! Says whether the people of a group may be changed at a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Access, Calendar, Phase, Timeline};
use crate::model::DesiredState;
use crate::model::rollout::{Closed, Rollout};

/// Is when changes may be made: of anything, and of the people of each group.
///
/// A group is bound by what is for any of its waves whose day has come, open gate or not; so a freeze of one of two
/// waves holds the people of both.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    calendar: Calendar,
    /// The waves of each group that something is for, by the group's name.
    waves: BTreeMap<Arc<str>, Vec<u32>>,
}

impl Windows {
    /// Puts together the calendar and the waves of a rollout; `groups` are the names of the manifest's groups, in order.
    pub fn of(rollout: &Rollout, groups: &[Arc<str>], timeline: &Timeline) -> Self {
        let calendar = Calendar::of(rollout);
        let mut waves: BTreeMap<Arc<str>, Vec<u32>> = BTreeMap::new();
        for ((index, wave), status) in (0..).zip(&rollout.waves).zip(&timeline.waves) {
            let has_come = match status.phase {
                Phase::Planned => false,
                Phase::Gated | Phase::Running | Phase::Done => true,
            };
            if has_come && calendar.binds(index) {
                for group in wave.groups.iter().filter_map(|group| groups.get(*group as usize)) {
                    waves.entry(Arc::clone(group)).or_default().push(index);
                }
            }
        }
        Self { calendar, waves }
    }

    /// Gives the windows and freezes themselves.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Marks, in what the manifest asks for, what may not be changed at a moment.
    pub fn close(&self, moment: Timestamp, desired: &mut DesiredState) {
        desired.closed = self.closed(moment);
        for group in &mut desired.groups {
            group.closed = self.closed_for(moment, &group.name);
        }
    }

    /// Says why nothing at all may be changed at a moment, if so.
    pub fn closed(&self, moment: Timestamp) -> Option<Closed> {
        self.calendar.closed(moment)
    }

    /// Says why the people of a group may not be changed at a moment, if what is for its waves alone stands against it.
    ///
    /// Of several waves, the one that opens last decides.
    pub fn closed_for(&self, moment: Timestamp, group: &str) -> Option<Closed> {
        let waves = self.waves.get(group)?;
        let closed = waves.iter().filter_map(|wave| self.calendar.closed_for(moment, *wave));
        closed.max_by_key(|closed| (closed.opens.is_none(), closed.opens))
    }

    /// Says why the people of some group may not be changed at a moment, if so.
    pub fn closed_for_any(&self, moment: Timestamp) -> Option<Closed> {
        self.waves.keys().find_map(|group| self.closed_for(moment, group))
    }

    /// Finds when something that is for everything, or for a wave of one of these groups, closes next.
    ///
    /// `None` where nothing closes within a year, and for what is closed already.
    pub fn closes<'g>(&self, moment: Timestamp, groups: impl Iterator<Item = &'g str>) -> Option<Timestamp> {
        let waves = groups.filter_map(|group| self.waves.get(group)).flatten().copied().map(Some);
        let waves: BTreeSet<Option<u32>> = waves.chain([None]).collect();
        let closes = waves.into_iter().filter_map(|wave| match self.calendar.at(moment, wave) {
            Access::Open { until } => until,
            Access::Closed(_) => None,
        });
        closes.min()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::model::rollout::{ClosedBy, Conditions, Freeze, Percent, Span, Then, Wave};
    use crate::rollout::{Facts, timeline};

    fn moment(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn a_group_is_bound_by_its_waves_whose_day_has_come() {
        let wave = |name: &str, starts: &str, group| Wave {
            name: name.into(),
            groups: vec![group, 2],
            starts: Some(moment(starts)),
            runs_for: None,
            after: None,
            approved: None,
            canary: Percent::ALL,
            when: Conditions::default(),
            then: Then::Stay,
        };
        let freeze = |name: &str, to, wave| Freeze {
            name: name.into(),
            time_zone: TimeZone::UTC,
            span: Span { from: date(2026, 3, 1), to },
            waves: vec![wave],
        };
        let rollout = Rollout {
            waves: vec![wave("first", "2026-03-01T00:00:00Z", 0), wave("second", "2026-03-03T00:00:00Z", 1)],
            freezes: vec![freeze("short", date(2026, 3, 4), 0), freeze("long", date(2026, 3, 5), 1)],
            ..Rollout::default()
        };
        let groups = ["sales", "legal", "both"].map(Arc::from);
        let at = |now: &str, group: &str| {
            let now = moment(now);
            let timeline = timeline(&rollout, &groups, &Facts::default(), now);
            let windows = Windows::of(&rollout, &groups, &timeline);
            assert_eq!(windows.closed(now), None, "nothing is for everything");
            windows.closed_for(now, group).map(|closed| closed.by)
        };
        let freeze = |name: &str| Some(ClosedBy::Freeze(name.into()));
        assert_eq!(at("2026-03-02T00:00:00Z", "sales"), freeze("short"));
        assert_eq!(at("2026-03-02T00:00:00Z", "legal"), None, "its day has not come");
        assert_eq!(at("2026-03-02T00:00:00Z", "both"), freeze("short"));
        assert_eq!(at("2026-03-03T00:00:00Z", "both"), freeze("long"));
        assert_eq!(at("2026-03-05T00:00:00Z", "sales"), None, "it is over");
    }
}
