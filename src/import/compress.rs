//! Finds few rules that say of everybody what they have.
//!
//! Rules are tried one after the other, and each is put before those that were found earlier, since the first that holds
//! a person decides: what is general is found first and ends last, and what deviates goes before it. The price of a
//! manifest is counted in lines: [`RULE`] for a group of its own, [`MEMBER`] for one more member of a group, and one for
//! each person who has to be named. A rule that does not save more lines than it costs is not made.
//!
//! The work grows with the memberships of those whom rules take in, not with people times sets: whoever becomes right or
//! wrong by a rule is counted off in every set that they belong to.

use super::have::{Defaults, Have, Outcome};

/// Is the price of a rule, in lines: what a group needs beside its members.
const RULE: i64 = 8;
/// Is the price of one more member of a group, or of one more exception from those behind it.
const MEMBER: i64 = 2;

/// Is everybody who matters, by number, and the sets that they belong to.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    /// The sorts that people are of.
    pub(super) sorts: Vec<Have>,
    /// By person: an index into `sorts`.
    pub(super) sort: Vec<u32>,
    /// By set: the people in it, ascending.
    pub(super) sets: Vec<Vec<u32>>,
}

/// Is one rule: whoever is in the set has the outcome, unless an earlier rule holds them.
///
/// An empty outcome lets people go: no rule behind it holds them either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// An index into [`People::sets`].
    pub(super) set: usize,
    pub(super) outcome: Outcome,
}

/// Is a list of rules, and whom they do not fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compressed {
    /// The first that holds a person decides.
    pub(super) rules: Vec<Found>,
    /// People who have to be named, ascending.
    pub(super) named: Vec<u32>,
}

/// Counts for each set how many people of each sort it has, and of how many of them the rules say the truth.
struct Tally {
    sorts: usize,
    /// By set and sort.
    people: Vec<u32>,
    right: Vec<u32>,
    /// By person: where their sets begin in `sets_of`.
    begin: Vec<u32>,
    sets_of: Vec<u32>,
}

impl Tally {
    fn of(people: &People, right: &[bool]) -> Self {
        let People { sorts, sort, sets } = people;
        let mut tally = Self {
            sorts: sorts.len(),
            people: vec![0; sorts.len() * sets.len()],
            right: vec![0; sorts.len() * sets.len()],
            begin: vec![0; sort.len() + 1],
            sets_of: vec![0; sets.iter().map(Vec::len).sum()],
        };
        for (set, members) in sets.iter().enumerate() {
            for person in members {
                let person = *person as usize;
                let at = set * sorts.len() + sort[person] as usize;
                tally.people[at] += 1;
                tally.right[at] += u32::from(right[person]);
                tally.begin[person + 1] += 1;
            }
        }
        for person in 0..sort.len() {
            tally.begin[person + 1] += tally.begin[person];
        }
        let mut next = tally.begin.clone();
        for (set, members) in (0_u32..).zip(sets) {
            for person in members {
                let place = &mut next[*person as usize];
                tally.sets_of[*place as usize] = set;
                *place += 1;
            }
        }
        tally
    }

    /// Says how many more people would have a rule that says the truth, if this set had an outcome.
    fn gain(&self, set: usize, accepts: &[bool]) -> i64 {
        let from = set * self.sorts;
        let sorts = from..from + self.sorts;
        let each = self.people[sorts.clone()].iter().zip(&self.right[sorts]).zip(accepts);
        each.map(|((people, right), accepts)| {
            let (people, right) = (i64::from(*people), i64::from(*right));
            if *accepts { people - right } else { -right }
        })
        .sum()
    }

    /// Counts in every set of a person that they became right or wrong.
    fn turn(&mut self, person: usize, sort: usize, right: bool) {
        for set in &self.sets_of[self.begin[person] as usize..self.begin[person + 1] as usize] {
            let count = &mut self.right[*set as usize * self.sorts + sort];
            if right {
                *count += 1;
            } else {
                *count -= 1;
            }
        }
    }
}

/// Finds the rules; the same people give the same ones. Of two that save as much, the earlier set wins.
pub(super) fn compress(people: &People, defaults: Defaults) -> Compressed {
    let People { sorts, sort, sets } = people;
    let mut outcomes: Vec<Outcome> = sorts.iter().map(|have| have.least(defaults)).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    let accepts: Vec<Vec<bool>> = outcomes
        .iter()
        .map(|outcome| sorts.iter().map(|have| have.accepts(outcome, defaults)).collect())
        .collect();
    let nothing = Outcome::default();
    let mut right: Vec<bool> =
        sort.iter().map(|sort| sorts[*sort as usize].accepts(&nothing, defaults)).collect();
    let mut tally = Tally::of(people, &right);
    // The last is the first to decide.
    let mut rules: Vec<Found> = Vec::new();
    loop {
        let groups = i64::try_from(rules.iter().filter(|rule| rule.outcome != nothing).count())
            .expect("rules fit in memory");
        let mut best: Option<(i64, usize, usize)> = None;
        for set in 0..sets.len() {
            for (at, outcome) in outcomes.iter().enumerate() {
                let price = if *outcome == nothing {
                    // Without a rule behind it, there is nothing to be let go from.
                    if groups == 0 {
                        continue;
                    }
                    MEMBER * groups
                } else if rules.last().is_some_and(|last| last.outcome == *outcome) {
                    MEMBER
                } else {
                    RULE
                };
                let saved = tally.gain(set, &accepts[at]) - price;
                if saved > 0 && best.is_none_or(|(most, _, _)| saved > most) {
                    best = Some((saved, set, at));
                }
            }
        }
        let Some((_, set, at)) = best else { break };
        for person in &sets[set] {
            let person = *person as usize;
            let now = accepts[at][sort[person] as usize];
            if right[person] != now {
                right[person] = now;
                tally.turn(person, sort[person] as usize, now);
            }
        }
        rules.push(Found { set, outcome: outcomes[at] });
    }
    rules.reverse();
    let rules = without_idle(rules, people);
    let named = (0_u32..).zip(right).filter(|(_, right)| !right).map(|(person, _)| person).collect();
    Compressed { rules, named }
}

/// Leaves out rules that hold nobody, since others before them do, and what lets people go where no rule follows.
fn without_idle(rules: Vec<Found>, people: &People) -> Vec<Found> {
    let mut held = vec![false; people.sort.len()];
    let mut kept: Vec<Found> = rules
        .into_iter()
        .filter(|rule| {
            let mut holds = false;
            for person in &people.sets[rule.set] {
                holds |= !std::mem::replace(&mut held[*person as usize], true);
            }
            holds
        })
        .collect();
    while kept.last().is_some_and(|rule| rule.outcome == Outcome::default()) {
        kept.pop();
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::have::tests::{ON, catalogue, person};
    use super::*;
    use crate::model::{Mode, ServicePlan, Switch};

    fn haves() -> Vec<Have> {
        let mut haves = Vec::new();
        for mode in [Mode::OptIn, Mode::OptOut] {
            for plan in [None, Some(ServicePlan::Assigned), Some(ServicePlan::Removed)] {
                for features in [[Switch::On; 3], [Switch::Off; 3], [Switch::Off, Switch::On, Switch::On]] {
                    haves.push(Have::of(&person("a@b", mode, features, plan), &catalogue(), ON).unwrap());
                }
            }
        }
        haves.sort_unstable();
        haves.dedup();
        haves
    }

    /// Says what the rules say of each person who is not named.
    fn says(people: &People, compressed: &Compressed) -> Vec<Outcome> {
        let mut says = vec![None; people.sort.len()];
        for rule in &compressed.rules {
            for person in &people.sets[rule.set] {
                says[*person as usize].get_or_insert(rule.outcome);
            }
        }
        says.into_iter().map(Option::unwrap_or_default).collect()
    }

    fn sort_of(mode: Mode, dashboard: Switch) -> u32 {
        let have = person("a@b", mode, [dashboard, Switch::On, Switch::On], Some(ServicePlan::Assigned));
        let have = Have::of(&have, &catalogue(), ON).unwrap();
        u32::try_from(haves().binary_search(&have).unwrap()).unwrap()
    }

    #[test]
    fn a_department_that_is_opted_out_becomes_one_rule() {
        let (out, usual) = (sort_of(Mode::OptOut, Switch::On), sort_of(Mode::OptIn, Switch::On));
        let sort = (0..100).map(|n| if n < 40 && n != 7 { out } else { usual }).collect();
        let sets = vec![(0..100).collect(), (0..40).collect(), (0..3).collect()];
        let people = People { sorts: haves(), sort, sets };
        let compressed = compress(&people, ON);
        assert_eq!(compressed.rules.iter().map(|rule| rule.set).collect::<Vec<_>>(), [1]);
        assert_eq!(compressed.named, [7]);
    }

    #[test]
    fn what_deviates_goes_before_what_is_general() {
        let (out, usual) = (sort_of(Mode::OptOut, Switch::On), sort_of(Mode::OptIn, Switch::On));
        let off = sort_of(Mode::OptIn, Switch::Off);
        // All are opted out, but for a department that is not, and one of which has something switched off.
        let sort = (0..300)
            .map(|n| {
                if n < 30 {
                    usual
                } else if n < 60 {
                    off
                } else {
                    out
                }
            })
            .collect();
        let sets = vec![(0..300).collect(), (0..30).collect(), (30..60).collect()];
        let people = People { sorts: haves(), sort, sets };
        let compressed = compress(&people, ON);
        assert_eq!(compressed.named, [0_u32; 0]);
        assert_eq!(compressed.rules.last().unwrap().set, 0);
        let first: std::collections::BTreeSet<usize> =
            compressed.rules[..2].iter().map(|rule| rule.set).collect();
        assert_eq!((compressed.rules.len(), first), (3, [1, 2].into()));
    }

    #[test]
    fn a_rule_for_three_people_is_not_worth_its_lines() {
        let (out, usual) = (sort_of(Mode::OptOut, Switch::On), sort_of(Mode::OptIn, Switch::On));
        let sort = (0..20).map(|n| if n < 3 { out } else { usual }).collect();
        let people = People { sorts: haves(), sort, sets: vec![(0..20).collect(), (0..3).collect()] };
        assert_eq!(compress(&people, ON), Compressed { rules: Vec::new(), named: vec![0, 1, 2] });
    }

    proptest! {
        #[test]
        fn everybody_is_right_or_named(
            sort in proptest::collection::vec(0..u32::try_from(haves().len()).unwrap(), 0..120),
            sets in proptest::collection::vec(proptest::collection::btree_set(0..120_u32, 0..100), 0..8),
        ) {
            let within = |set: std::collections::BTreeSet<u32>| {
                set.into_iter().filter(|person| (*person as usize) < sort.len()).collect()
            };
            let sets = sets.into_iter().map(within).collect();
            let people = People { sorts: haves(), sort: sort.clone(), sets };
            let compressed = compress(&people, ON);
            for (person, says) in says(&people, &compressed).iter().enumerate() {
                let right = people.sorts[people.sort[person] as usize].accepts(says, ON);
                let named = compressed.named.binary_search(&u32::try_from(person).unwrap()).is_ok();
                prop_assert_eq!(right, !named);
            }
            prop_assert!(compressed.rules.len() * 2 <= sort.len());
        }
    }
}
