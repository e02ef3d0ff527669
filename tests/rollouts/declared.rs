//! Draws manifests with waves in which nothing but the day decides.

use std::fmt::Write as _;

use insightctl::model::{BySetting, Setting};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::stage::{noon, upn};

/// Is how many people the tenant has.
pub(crate) const PEOPLE: usize = 12;

/// Is a switch of a manifest: wanted on, wanted off, or not managed.
type Want = Option<bool>;

/// Is one group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    mode: Want,
    features: [Want; 3],
    plan: Want,
    restores: bool,
    members: Vec<usize>,
}

/// Is one wave.
#[derive(Clone, Debug)]
pub(crate) struct Wave {
    groups: Vec<usize>,
    starts: Option<i64>,
    after: Option<usize>,
    runs_for: Option<u32>,
    leaves: bool,
    canary: u32,
    approved: Want,
}

/// Is a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    defaults: [Want; 3],
    groups: Vec<Group>,
    waves: Vec<Wave>,
}

const FEATURES: [&str; 3] = ["dashboard", "digest-email", "outlook-add-in"];
const GROUPS: usize = 3;

/// Is the last day on which anything of a rollout may begin.
pub(crate) const DAYS: i64 = 90;

prop_compose! {
    fn group()(
        mode in any::<Want>(),
        features in any::<[Want; 3]>(),
        plan in prop_oneof![6 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))],
        restores in any::<bool>(),
        members in subsequence((0..PEOPLE).collect::<Vec<_>>(), 3..=8),
    ) -> Group {
        let nothing = mode.is_none() && plan.is_none() && features == [None; 3];
        Group { mode: if nothing { Some(false) } else { mode }, features, plan, restores, members }
    }
}

prop_compose! {
    /// Draws a wave; its `after` is made sense of by [`declared`].
    fn wave()(
        groups in subsequence((0..GROUPS).collect::<Vec<_>>(), 1..=3),
        starts in proptest::option::weighted(0.6, 5..DAYS),
        after in proptest::option::weighted(0.6, 0..4_usize),
        runs_for in proptest::option::of(1..40_u32),
        leaves in any::<bool>(),
        canary in prop_oneof![Just(100), select(vec![5_u32, 20, 50, 80])],
        approved in prop_oneof![3 => Just(None), 3 => Just(Some(true)), 1 => Just(Some(false))],
    ) -> Wave {
        Wave { groups, starts, after, runs_for, leaves, canary, approved }
    }
}

prop_compose! {
    /// Draws a manifest.
    ///
    /// Two things are left out because they depend on the past, and mean to. `when` asks how people stood on the day on
    /// which somebody looked. And `runs-for` of an `approved` wave, or of one that comes after it, counts from the run
    /// that found the gate open, which the ledger remembers: whoever comes by later finds that it begins later, and
    /// ends later.
    pub(crate) fn declared()(
        defaults in any::<[Want; 3]>(),
        groups in proptest::collection::vec(group(), GROUPS),
        waves in proptest::collection::vec(wave(), 1..=4),
        alike in any::<bool>(),
    ) -> Declared {
        let first = groups[0].clone();
        let groups = groups.into_iter().map(|group| if alike { group.alike(&first) } else { group });
        let mut behind_a_gate = Vec::new();
        let waves = (0..).zip(waves).map(|(index, wave)| {
            let after = wave.after.filter(|_| index > 0).map(|after| after % index);
            let starts = wave.starts.or((after.is_none()).then_some(7));
            let gated = wave.approved == Some(true) || after.is_some_and(|after| behind_a_gate[after]);
            behind_a_gate.push(gated);
            let runs_for = wave.runs_for.filter(|_| !gated);
            let leaves = wave.leaves && runs_for.is_some();
            Wave { starts, after, runs_for, leaves, ..wave }
        });
        let waves = waves.collect();
        Declared { defaults, groups: groups.collect(), waves }
    }
}

impl Group {
    /// Manages what another group does, mostly otherwise.
    fn alike(self, other: &Self) -> Self {
        let want = |own: Want, others: Want| others.map(|others| own.unwrap_or(!others));
        let features = [0, 1, 2].map(|at| want(self.features[at], other.features[at]));
        Self { mode: want(self.mode, other.mode), features, plan: want(self.plan, other.plan), ..self }
    }
}

fn switch(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl Declared {
    /// Writes the manifest, without its head.
    pub(crate) fn yaml(&self) -> String {
        let mut text = String::new();
        let features = |wants: &[Want; 3]| {
            let pairs = FEATURES.iter().zip(wants);
            let pairs = pairs.filter_map(|(name, want)| Some(format!("{name}: {}", switch((*want)?))));
            pairs.collect::<Vec<_>>().join(", ")
        };
        writeln!(text, "defaults: {{ {} }}", features(&self.defaults)).unwrap();
        writeln!(text, "groups:").unwrap();
        for (number, group) in self.groups.iter().enumerate() {
            write!(text, "  - {{ name: g{number}").unwrap();
            if let Some(on) = group.mode {
                write!(text, ", mode: {}", if on { "opt-in" } else { "opt-out" }).unwrap();
            }
            if let Some(on) = group.plan {
                write!(text, ", service-plan: {}", if on { "assigned" } else { "removed" }).unwrap();
            }
            if group.features != [None; 3] {
                write!(text, ", features: {{ {} }}", features(&group.features)).unwrap();
            }
            let members: Vec<_> =
                group.members.iter().map(|who| format!("{{ user: {} }}", upn(*who))).collect();
            let on_leave = if group.restores { "restore" } else { "keep" };
            writeln!(text, ", on-leave: {on_leave}, members: [ {} ] }}", members.join(", ")).unwrap();
        }
        writeln!(text, "rollout:\n  time-zone: Europe/Berlin\n  waves:").unwrap();
        for (number, wave) in self.waves.iter().enumerate() {
            let Wave { groups, starts, after, runs_for, leaves, canary, approved } = wave;
            let groups: Vec<_> = groups.iter().map(|group| format!("g{group}")).collect();
            write!(text, "    - {{ name: w{number}, groups: [ {} ], canary: {canary}%", groups.join(", "))
                .unwrap();
            if let Some(day) = starts {
                write!(text, ", starts: {}", noon(*day).strftime("%F")).unwrap();
            }
            if let Some(after) = after {
                write!(text, ", after: w{after}").unwrap();
            }
            if let Some(days) = runs_for {
                write!(text, ", runs-for: {days} days").unwrap();
            }
            if let Some(approved) = approved {
                write!(text, ", approved: {approved}").unwrap();
            }
            writeln!(text, "{} }}", if *leaves { ", then: leave" } else { "" }).unwrap();
        }
        text
    }
}

/// Says whether one group manages everything that another one does.
pub(crate) fn manages_all<T>(one: &BySetting<Option<T>>, other: &BySetting<Option<T>>) -> bool {
    Setting::ALL.iter().all(|setting| one.get(*setting).is_some() || other.get(*setting).is_none())
}
