//! Turns what a tenant is into a manifest that asks for exactly that, with few rules.
//!
//! ```text
//! ActualState + Membership ─ have ─▶ sorts of people ─ compress ─▶ rules ─ groups, write ─▶ insights.yaml + people/*.csv
//! ```
//!
//! Nothing here guesses who chose what: a group of people who have the same is described, and every group leaves people
//! their own choice.

mod candidates;
mod compress;
mod groups;
mod have;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use candidates::{Candidate, Choice, MOST_DEPARTMENTS, candidates};
use compress::{Compressed, People, compress};
use have::{Defaults, Have, LeftOut};

use crate::manifest;
use crate::model::{ActualState, Cloud, Known, Members, Membership, PersonId};

/// Is what was read of a tenant, to make a manifest of.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// What the manifest calls the tenant.
    pub name: &'a str,
    /// The cloud that it is in.
    pub cloud: Cloud,
    /// What carries its settings, if somebody chose.
    pub transport: Option<manifest::Transport>,
    /// The people who are to be described, and the tenant.
    pub actual: &'a ActualState,
    /// People who are to be described; `None` for everyone in the directory.
    pub scope: Option<&'a BTreeSet<PersonId>>,
    /// Sets that rules may name; of two that do as well, the earlier is taken.
    pub candidates: &'a [Candidate],
    /// Who belongs to them.
    pub membership: &'a Membership,
}

/// Counts what became of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All who were read.
    pub people: u64,
    /// Those who have what the tenant gives, so that no rule is about them.
    pub as_given: u64,
    /// Those whom rules describe.
    pub by_rules: u64,
    /// Those who are named one by one.
    pub by_name: u64,
    /// Guests, disabled accounts and people without a mailbox.
    pub untouchable: u64,
    /// Those of whom something could not be read.
    pub not_read: u64,
    /// Groups of the manifest.
    pub groups: u64,
    /// Candidates whose members could not be read.
    pub sets_not_read: u64,
    /// Defaults of the tenant that could not be read.
    pub defaults_not_read: u64,
}

/// Is a manifest with its lists, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The manifest.
    pub manifest: String,
    /// By path, relative to the manifest: the lists that it names, and the list of those who could not be read.
    pub lists: BTreeMap<String, String>,
    /// What became of people.
    pub counts: Counts,
}

/// Writes a manifest that asks of everybody for what they have.
///
/// Resolved with the same membership, it holds nobody to anything else. Whoever cannot be changed, or could not be read,
/// is described by no rule of their own; whoever could not be read is held by no other either.
pub fn import(found: &Found<'_>) -> Imported {
    let Found { name: _, cloud: _, transport: _, actual, scope, candidates, membership } = *found;
    let defaults = Defaults::of(&actual.tenant.settings);
    let mut counts = Counts {
        people: number(actual.people.len()),
        defaults_not_read: number(
            actual.tenant.settings.values().filter(|value| value.known().is_none()).count(),
        ),
        ..Counts::default()
    };
    let mut who: Vec<PersonId> = Vec::with_capacity(actual.people.len());
    let mut not_read: Vec<PersonId> = Vec::new();
    let mut people = People::default();
    let mut sorts: BTreeMap<Have, u32> = BTreeMap::new();
    for (id, person) in &actual.people {
        match Have::of(person, &actual.catalogue, defaults) {
            Ok(have) => {
                let next = u32::try_from(sorts.len()).unwrap_or(u32::MAX);
                people.sort.push(*sorts.entry(have).or_insert(next));
                who.push(*id);
            }
            Err(LeftOut::Untouchable) => counts.untouchable += 1,
            Err(LeftOut::NotRead) => not_read.push(*id),
        }
    }
    let beyond = scope.into_iter().flatten().filter(|id| !actual.people.contains_key(id));
    not_read.extend(beyond);
    not_read.sort_unstable();
    counts.not_read = number(not_read.len());
    let mut in_order: Vec<(u32, Have)> = sorts.into_iter().map(|(have, at)| (at, have)).collect();
    in_order.sort_unstable_by_key(|(at, _)| *at);
    people.sorts = in_order.into_iter().map(|(_, have)| have).collect();
    let mut sets: Vec<&Candidate> = Vec::new();
    for candidate in candidates {
        let Some(members) = members(candidate, membership) else {
            counts.sets_not_read += 1;
            continue;
        };
        // What a rule says of a set, it says of all who are in it.
        if scope.is_none_or(|scope| members.iter().all(|member| scope.contains(member))) {
            let place =
                |member: &PersonId| who.binary_search(member).ok().and_then(|at| u32::try_from(at).ok());
            people.sets.push(members.iter().filter_map(place).collect());
            sets.push(candidate);
        }
    }
    let compressed = compress(&people, defaults);
    count(&compressed, &people, defaults, &mut counts);
    write::write(found, &write::Facts { who, not_read, people, sets, compressed, defaults, counts })
}

/// Finds the members of a candidate, sorted; `None` where they are not known.
fn members<'a>(candidate: &Candidate, membership: &'a Membership) -> Option<&'a [PersonId]> {
    match membership.of.get(&candidate.selector)? {
        Known::Is(Members::Are(members)) => Some(members),
        Known::Is(Members::NoSuchPerson | Members::Gone | Members::Ambiguous(_)) | Known::Unknown(_) => None,
    }
}

/// Counts who is described by a rule, and who by nothing.
fn count(compressed: &Compressed, people: &People, defaults: Defaults, counts: &mut Counts) {
    let mut held = vec![None; people.sort.len()];
    for rule in &compressed.rules {
        for person in &people.sets[rule.set] {
            held[*person as usize].get_or_insert(rule.outcome);
        }
    }
    let nothing = have::Outcome::default();
    let ruled = held.iter().filter(|rule| rule.is_some_and(|outcome| outcome != nothing)).count();
    let named = compressed.named.iter();
    let (mut by_name, mut excepted) = (0, 0);
    for person in named {
        let person = *person as usize;
        let plain = people.sorts[people.sort[person] as usize].least(defaults) == nothing;
        let rule = held[person].is_some_and(|outcome| outcome != nothing);
        by_name += 1;
        excepted += u64::from(rule);
        debug_assert!(!plain || rule, "whoever has what the tenant gives is named only against a rule");
    }
    counts.by_name = by_name;
    counts.by_rules = number(ruled) - excepted;
    counts.as_given = number(people.sort.len()) - counts.by_rules - counts.by_name;
}

/// Says whether text is an address that a list of people can hold as it is.
fn is_plain(address: &str) -> bool {
    // A spreadsheet takes what begins with other characters for a formula.
    address.starts_with(char::is_alphanumeric) && manifest::is_address(address)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
