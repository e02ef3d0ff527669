//! Makes groups of the manifest of rules, and lists of the people who have to be named.

use std::collections::{BTreeMap, BTreeSet};

use super::compress::Compressed;
use super::have::Outcome;
use super::write::Facts;
use super::{Candidate, Found, is_plain};
use crate::manifest::in_quotes;
use crate::model::{BySetting, Feature, PersonId, Selector, Value};

/// Lists people who have what the tenant gives, and are members of sets that do not.
const AS_GIVEN: &str = "people/as-the-tenant-gives.csv";
/// Lists people of whom something could not be read.
pub(super) const NOT_READ: &str = "people/not-read.csv";
/// Is the most bytes of a name that is made up: a manifest allows 100, and a number may follow.
const LONGEST_NAME: usize = 90;
/// So many people at most are named in the manifest itself, and not in a list.
const FEW: usize = 3;

/// Is one group of the manifest.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    pub(super) members: Vec<String>,
    pub(super) except: Vec<String>,
    /// Whether sets describe it, and not a list of people.
    pub(super) by_sets: bool,
}

impl Group {
    /// Says whether sets of people, not lists, are given features here.
    pub(super) fn grants(&self) -> bool {
        let on = |feature: Feature| *self.outcome.get(feature.setting()) == Some(Value::ON);
        self.by_sets && self.outcome.mode != Some(Value::OPT_OUT) && Feature::ALL.into_iter().any(on)
    }
}

/// Makes groups of rules: neighbours with the same outcome are one, and what lets people go is an exception from all
/// behind it. People who have to be named go first, in a group for each outcome. Whoever could not be read is an
/// exception from all sets: a rule that holds them would change them on the day on which they can be read.
pub(super) fn groups(found: &Found<'_>, facts: &Facts<'_>) -> (Vec<Group>, BTreeMap<String, String>) {
    let Facts { who, not_read, people, sets, compressed, defaults, counts: _ } = facts;
    let Compressed { rules, named } = compressed;
    let mut lists = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut by_outcome: BTreeMap<Outcome, Vec<PersonId>> = BTreeMap::new();
    let mut is_as_given = vec![false; people.sort.len()];
    for person in named {
        let at = *person as usize;
        let least = people.sorts[people.sort[at] as usize].least(*defaults);
        is_as_given[at] = least == Outcome::default();
        by_outcome.entry(least).or_default().push(who[at]);
    }
    for (outcome, some) in by_outcome {
        if outcome == Outcome::default() {
            lists.insert(AS_GIVEN.to_owned(), list(found, some.into_iter()));
            continue;
        }
        let word = word(&outcome);
        let members = if some.len() <= FEW {
            let rows = rows(found, some.into_iter());
            rows.into_iter().map(|row| format!("user: {}", in_quotes(&row))).collect()
        } else {
            let path = format!("people/{word}.csv");
            let member = format!("csv: {path}   # {} people", some.len());
            lists.insert(path, list(found, some.into_iter()));
            vec![member]
        };
        groups.push(Group {
            name: format!("{word}-by-name"),
            outcome,
            members,
            except: Vec::new(),
            by_sets: false,
        });
    }
    let mut excepted: Vec<String> = Vec::new();
    if !not_read.is_empty() {
        lists.insert(NOT_READ.to_owned(), list(found, not_read.iter().copied()));
        excepted.push(format!("csv: {NOT_READ}"));
    }
    let mut last: Option<Outcome> = None;
    for rule in rules {
        let line = member(sets[rule.set]);
        if rule.outcome == Outcome::default() {
            excepted.push(line);
            last = None;
            continue;
        }
        let needs_list = people.sets[rule.set].iter().any(|person| is_as_given[*person as usize]);
        let as_given = needs_list.then(|| format!("csv: {AS_GIVEN}"));
        if last == Some(rule.outcome)
            && let Some(group) = groups.last_mut()
        {
            if group.members.len() == 1 {
                group.name.push_str("-and-more");
            }
            group.members.push(line);
            if let Some(as_given) = as_given
                && !group.except.contains(&as_given)
            {
                group.except.push(as_given);
            }
            continue;
        }
        let name = format!("{}-{}", word(&rule.outcome), slug(&sets[rule.set].label));
        let except = excepted.iter().cloned().chain(as_given).collect();
        groups.push(Group { name, outcome: rule.outcome, members: vec![line], except, by_sets: true });
        last = Some(rule.outcome);
    }
    tell_apart(&mut groups);
    (groups, lists)
}

/// Cuts names that are too long, and numbers groups that would bear the same name.
fn tell_apart(groups: &mut [Group]) {
    let mut taken = BTreeSet::new();
    for group in groups {
        group.name.truncate(group.name.floor_char_boundary(LONGEST_NAME));
        let name = group.name.clone();
        let mut number = 1;
        while !taken.insert(group.name.clone()) {
            number += 1;
            group.name = format!("{name}-{number}");
        }
    }
}

/// Writes a member of a group, and in a comment what the directory calls it, if that is not the same.
fn member(candidate: &Candidate) -> String {
    let Candidate { selector, label } = candidate;
    let (key, spelt) = match selector {
        Selector::Id(id) => ("user", id.to_string()),
        Selector::User(address) | Selector::Mail(address) => ("user", address.clone()),
        Selector::Group(group) => ("group", group.clone()),
        Selector::Filter(filter) => ("filter", filter.clone()),
        Selector::Licence(licence) => ("licence", licence.clone()),
        Selector::Everyone => return "everyone: true".to_owned(),
    };
    let comment = match selector {
        Selector::Group(_) | Selector::Id(_) | Selector::Licence(_) if spelt != **label => {
            format!("   # {}", in_quotes(label))
        }
        Selector::Group(_)
        | Selector::Id(_)
        | Selector::Licence(_)
        | Selector::User(_)
        | Selector::Mail(_)
        | Selector::Filter(_)
        | Selector::Everyone => String::new(),
    };
    format!("{key}: {}{comment}", in_quotes(&spelt))
}

/// Names people by user principal name; by object id where a name could not be read back as it is.
fn rows(found: &Found<'_>, people: impl Iterator<Item = PersonId>) -> Vec<String> {
    let mut rows: Vec<String> = people
        .map(|id| match found.actual.people.get(&id) {
            Some(person) if is_plain(&person.upn) => person.upn.to_string(),
            Some(_) | None => id.to_string(),
        })
        .collect();
    rows.sort_unstable();
    rows
}

/// Writes a list of people as a CSV file of one column.
fn list(found: &Found<'_>, people: impl Iterator<Item = PersonId>) -> String {
    let mut text = "UserPrincipalName\n".to_owned();
    for row in rows(found, people) {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

/// Names an outcome, for groups and files: `opted-out`, `dashboard-off`, `opted-out-no-service-plan`.
fn word(outcome: &Outcome) -> String {
    let BySetting { mode, dashboard, digest_email, outlook_add_in, service_plan } = *outcome;
    let mut words = Vec::new();
    words.extend(mode.map(|mode| if mode == Value::OPT_OUT { "opted-out" } else { "opted-in" }.to_owned()));
    match dashboard.filter(|value| digest_email == Some(*value) && outlook_add_in == Some(*value)) {
        Some(value) => words.push(format!("features-{value}")),
        None => words.extend(Feature::ALL.into_iter().filter_map(|feature| {
            let value = (*outcome.get(feature.setting()))?;
            Some(format!("{}-{value}", feature.setting()))
        })),
    }
    words.extend(
        service_plan
            .map(|plan| if plan == Value::REMOVED { "no-service-plan" } else { "service-plan" }.to_owned()),
    );
    words.join("-")
}

/// Makes a short word of a name.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for char in name.chars() {
        if slug.len() > 24 {
            break;
        }
        if char.is_alphanumeric() {
            slug.extend(char.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "unnamed".to_owned() } else { slug.to_owned() }
}
