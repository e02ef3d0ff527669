//! What can happen in a history, and how one is drawn from a seed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::wire::Fault;

/// Is how many people the tenant has; the last has no licence.
pub(crate) const PEOPLE: usize = 5;

/// Names the four settings that a person can choose, in the order of every array here.
pub(crate) const SETTINGS: [&str; 4] = ["mode", "dashboard", "digest-email", "outlook-add-in"];

/// Is one switch of a manifest: wanted on (or `opt-in`), wanted off, or not managed.
pub(crate) type Want = Option<bool>;

/// Is one group of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) wants: [Want; 4],
    pub(crate) plan: Want,
    pub(crate) overrides: bool,
    pub(crate) restores: bool,
    pub(crate) members: BTreeSet<usize>,
}

/// Is what the administrator declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Dashboard, digest, add-in.
    pub(crate) defaults: [Want; 3],
    pub(crate) groups: [Group; 2],
}

/// Is one thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A person chooses: who, which of the four settings, on or off.
    Choose(usize, usize, bool),
    /// An administrator elsewhere changes the default of a feature, 0 to 2.
    Elsewhere(usize, bool),
    Wants(usize, [Want; 4], Want),
    Defaults([Want; 3]),
    Overrides(usize, bool),
    Restores(usize, bool),
    /// A person goes to a group, or leaves all of them.
    Goes(usize, Option<usize>),
    Minutes(i64),
    Run(Fault),
}

/// Is a whole history: how the tenant and the manifest begin, and what happens.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) world: String,
    pub(crate) defaults: [bool; 3],
    /// What people had chosen before anybody looked.
    pub(crate) chosen: Vec<[Want; 4]>,
    pub(crate) declared: Declared,
    pub(crate) steps: Vec<Step>,
}

/// Is a small generator of numbers (splitmix64): the same seed gives the same history on every machine.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Gives a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Is true once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn want(&mut self) -> Want {
        [None, Some(false), Some(true)][self.below(3)]
    }

    fn wants(&mut self) -> ([Want; 4], Want) {
        let plan = if self.once_in(8) { Some(self.coin()) } else { None };
        ([self.want(), self.want(), self.want(), self.want()], plan)
    }

    fn group(&mut self) -> Group {
        let (wants, plan) = self.wants();
        let (overrides, restores) = (self.once_in(4), self.once_in(3));
        Group { wants, plan, overrides, restores, members: BTreeSet::new() }
    }

    fn fault(&mut self) -> Fault {
        match self.below(10) {
            0 => Fault::LosesReads(if self.coin() { 1 } else { 99 }),
            1 => Fault::LosesAnswer(u32::try_from(self.below(3)).unwrap()),
            2 | 3 => Fault::Dies { request: u32::try_from(self.below(9)).unwrap(), taken: self.coin() },
            _ => Fault::None,
        }
    }

    fn step(&mut self) -> Step {
        let feature = self.below(3);
        match self.below(20) {
            0..=3 => Step::Choose(self.below(PEOPLE), self.below(4), self.coin()),
            4 => Step::Elsewhere(feature, self.coin()),
            5 | 6 => {
                let (wants, plan) = self.wants();
                Step::Wants(self.below(2), wants, plan)
            }
            7 | 8 => Step::Defaults([self.want(), self.want(), self.want()]),
            9 => Step::Overrides(self.below(2), self.coin()),
            10 => Step::Restores(self.below(2), self.coin()),
            11 => Step::Goes(self.below(PEOPLE), [None, Some(0), Some(1)][self.below(3)]),
            12..=14 => Step::Minutes([1, 10, 16, 40, 25 * 60][self.below(5)]),
            _ => Step::Run(self.fault()),
        }
    }
}

impl History {
    pub(crate) fn draw(seed: u64, world: String) -> Self {
        let mut dice = Dice(seed);
        let mut groups = [dice.group(), dice.group()];
        for who in 0..PEOPLE {
            if let Some(group) = [Some(0), Some(1), None][dice.below(3)] {
                groups[group].members.insert(who);
            }
        }
        let chosen =
            (0..PEOPLE).map(|_| std::array::from_fn(|_| if dice.once_in(6) { dice.want() } else { None }));
        let chosen = chosen.collect();
        let defaults = [dice.coin(), dice.coin(), dice.coin()];
        let declared = Declared { defaults: [dice.want(), dice.want(), dice.want()], groups };
        let steps = (0..10 + dice.below(11)).map(|_| dice.step()).collect();
        Self { seed, world, defaults, chosen, declared, steps }
    }
}

impl Declared {
    /// Takes over a step that changes the manifest.
    pub(crate) fn take(&mut self, step: &Step) {
        match step {
            Step::Wants(group, wants, plan) => {
                self.groups[*group].wants = *wants;
                self.groups[*group].plan = *plan;
            }
            Step::Defaults(defaults) => self.defaults = *defaults,
            Step::Overrides(group, overrides) => self.groups[*group].overrides = *overrides,
            Step::Restores(group, restores) => self.groups[*group].restores = *restores,
            Step::Goes(who, group) => {
                for group in &mut self.groups {
                    group.members.remove(who);
                }
                if let Some(group) = group {
                    self.groups[*group].members.insert(*who);
                }
            }
            Step::Choose(..) | Step::Elsewhere(..) | Step::Minutes(_) | Step::Run(_) => {}
        }
    }

    /// Writes the manifest.
    pub(crate) fn yaml(&self, tenant: &str) -> String {
        let switch = |on: bool| if on { "on" } else { "off" };
        let mut text = format!("version: 1\ntenant:\n  id: {tenant}\n  name: contoso.onmicrosoft.com\n");
        let mut defaults = String::new();
        for (feature, want) in SETTINGS[1..].iter().zip(self.defaults) {
            if let Some(on) = want {
                writeln!(defaults, "  {feature}: {}", switch(on)).unwrap();
            }
        }
        if !defaults.is_empty() {
            write!(text, "defaults:\n{defaults}").unwrap();
        }
        let asks = |group: &Group| group.plan.is_some() || group.wants.iter().any(Option::is_some);
        let live =
            self.groups.iter().enumerate().filter(|(_, group)| asks(group) && !group.members.is_empty());
        for (at, (number, group)) in live.enumerate() {
            if at == 0 {
                text.push_str("groups:\n");
            }
            writeln!(text, "  - name: group-{number}").unwrap();
            if let Some(opted_in) = group.wants[0] {
                writeln!(text, "    mode: {}", if opted_in { "opt-in" } else { "opt-out" }).unwrap();
            }
            if let Some(assigned) = group.plan {
                writeln!(text, "    service-plan: {}", if assigned { "assigned" } else { "removed" })
                    .unwrap();
            }
            if group.wants[1..].iter().any(Option::is_some) {
                text.push_str("    features:\n");
            }
            for (feature, want) in SETTINGS[1..].iter().zip(&group.wants[1..]) {
                if let Some(on) = want {
                    writeln!(text, "      {feature}: {}", switch(*on)).unwrap();
                }
            }
            writeln!(text, "    on-user-choice: {}", if group.overrides { "override" } else { "respect" })
                .unwrap();
            writeln!(text, "    on-leave: {}", if group.restores { "restore" } else { "keep" }).unwrap();
            text.push_str("    members:\n");
            for who in &group.members {
                writeln!(text, "      - user: p{who}@contoso.com").unwrap();
            }
        }
        text
    }
}
