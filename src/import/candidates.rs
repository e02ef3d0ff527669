//! Chooses the sets of people that rules may name: groups, departments, licences, and everyone.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::manifest;
use crate::model::{GroupId, NamedGroup, PersonId, Profile, Selector, Sku, SkuId};

/// So many people at least make a department worth asking about.
const FEW: usize = 3;
/// So many departments are asked about at most, the largest.
pub const MOST_DEPARTMENTS: usize = 500;

/// Is a set of people that a rule may name, and what the directory calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// How the manifest names it.
    pub selector: Selector,
    /// What the directory calls it.
    pub label: Arc<str>,
}

/// Is what rules may name, and what was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// In the order in which they are preferred where two serve as well.
    pub candidates: Vec<Candidate>,
    /// How many departments no rule names, since there are more than [`MOST_DEPARTMENTS`]; the smallest.
    pub departments_left_out: usize,
}

/// Lists what rules may name, in the order in which it is preferred where two sets serve as well.
///
/// Of groups, so many at most, those that hand out licences first; never one whose members are hidden, nor a mere list
/// for mail. A department is named by a filter, as the directory spells it.
pub fn candidates(
    groups: &[NamedGroup],
    most_groups: usize,
    profiles: &BTreeMap<PersonId, Profile>,
    products: &BTreeMap<SkuId, Sku>,
) -> Choice {
    let mut chosen: Vec<&NamedGroup> =
        groups.iter().filter(|group| !group.hidden && !group.only_mail).collect();
    chosen.sort_by_key(|group| (!group.licensing, group.name.clone(), group.id));
    chosen.truncate(most_groups);
    let names = Names::of(groups);
    let (licensing, usual): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|group| group.licensing);
    let mut candidates: Vec<Candidate> = usual.into_iter().map(|group| names.candidate(group)).collect();
    let (departments, departments_left_out) = departments(profiles);
    candidates.extend(departments);
    candidates.extend(licensing.into_iter().map(|group| names.candidate(group)));
    candidates.extend(licences(products));
    candidates.push(Candidate { selector: Selector::Everyone, label: "everyone".into() });
    Choice { candidates, departments_left_out }
}

/// Counts how many groups bear a name, as the directory compares names: without case.
struct Names {
    names: BTreeMap<String, u32>,
    mails: BTreeMap<String, u32>,
}

impl Names {
    fn of(groups: &[NamedGroup]) -> Self {
        let count = |text: fn(&NamedGroup) -> Option<&Arc<str>>| {
            let mut counts = BTreeMap::new();
            for text in groups.iter().filter_map(text) {
                *counts.entry(text.to_lowercase()).or_default() += 1;
            }
            counts
        };
        Self { names: count(|group| group.name.as_ref()), mails: count(|group| group.mail.as_ref()) }
    }

    /// Names a group by its address or display name if nothing else goes by that, else by object id.
    fn candidate(&self, group: &NamedGroup) -> Candidate {
        let NamedGroup { id: GroupId(id), name, mail, only_mail: _, hidden: _, licensing: _ } = group;
        let once = |counts: &BTreeMap<String, u32>, text: &str| counts.get(&text.to_lowercase()) == Some(&1);
        let mail = mail.as_ref().filter(|mail| manifest::is_address(mail) && once(&self.mails, mail));
        let plain = |name: &str| {
            name == name.trim()
                && !name.contains('@')
                && !name.contains(char::is_control)
                && name.parse::<Uuid>().is_err()
        };
        let by_name = name.as_ref().filter(|name| plain(name) && once(&self.names, name));
        let spelt = mail.or(by_name).map_or_else(|| id.to_string(), ToString::to_string);
        let label = name.clone().unwrap_or_else(|| spelt.clone().into());
        Candidate { selector: manifest::group_selector(&spelt), label }
    }
}

/// Lists the largest departments by filter, and counts the others; two that differ in case alone are one to the
/// directory.
fn departments(profiles: &BTreeMap<PersonId, Profile>) -> (Vec<Candidate>, usize) {
    let mut spellings: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
    for department in profiles.values().filter_map(|profile| profile.department.as_ref()) {
        *spellings.entry(department).or_default() += 1;
    }
    let mut folded: BTreeMap<String, (&Arc<str>, usize)> = BTreeMap::new();
    for (spelling, people) in spellings {
        folded.entry(spelling.to_lowercase()).or_insert((spelling, 0)).1 += people;
    }
    let mut departments: Vec<(&Arc<str>, usize)> =
        folded.into_values().filter(|(_, people)| *people >= FEW).collect();
    departments.sort_by_key(|(_, people)| std::cmp::Reverse(*people));
    let left_out = departments.len().saturating_sub(MOST_DEPARTMENTS);
    departments.truncate(MOST_DEPARTMENTS);
    departments.sort_unstable();
    let candidates = departments
        .into_iter()
        .map(|(department, _)| {
            let filter = format!("department eq '{}'", department.replace('\'', "''"));
            Candidate { selector: Selector::Filter(filter), label: Arc::clone(department) }
        })
        .collect();
    (candidates, left_out)
}

/// Lists products by name, or by id where several bear it.
fn licences(products: &BTreeMap<SkuId, Sku>) -> Vec<Candidate> {
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for sku in products.values() {
        *names.entry(sku.name.trim().to_lowercase()).or_default() += 1;
    }
    let candidate = |(id, sku): (&SkuId, &Sku)| {
        let name = sku.name.trim();
        let plain = !name.is_empty() && name.parse::<Uuid>().is_err();
        let once = plain && names.get(&name.to_lowercase()) == Some(&1);
        let spelt = if once { name.to_owned() } else { id.0.to_string() };
        Candidate { selector: Selector::Licence(spelt), label: Arc::clone(&sku.name) }
    };
    products.iter().map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(n: u128, name: &str, mail: Option<&str>) -> NamedGroup {
        NamedGroup {
            id: GroupId(Uuid::from_u128(n)),
            name: Some(name.into()),
            mail: mail.map(Into::into),
            only_mail: false,
            hidden: false,
            licensing: false,
        }
    }

    fn spelt(Choice { candidates, .. }: &Choice) -> Vec<String> {
        let spell = |candidate: &Candidate| match &candidate.selector {
            Selector::Group(text) | Selector::Filter(text) | Selector::Licence(text) => text.clone(),
            Selector::Everyone => "everyone".to_owned(),
            Selector::Id(_) | Selector::User(_) | Selector::Mail(_) => panic!("one person is no set"),
        };
        candidates.iter().map(spell).collect()
    }

    #[test]
    fn a_group_is_named_by_what_nothing_else_goes_by() {
        let hidden = NamedGroup { hidden: true, ..group(8, "Secret", None) };
        let list = NamedGroup { only_mail: true, ..group(9, "Letters", None) };
        let groups = [
            group(1, "Sales", Some("Sales@contoso.com")),
            group(2, "Twins", None),
            group(3, "twins", None),
            group(4, "R&D", None),
            group(5, "a@b", None),
            group(6, "two\nlines", None),
            group(7, "Letters", None),
            hidden,
            list,
        ];
        let id = |n: u128| Uuid::from_u128(n).to_string();
        assert_eq!(
            spelt(&candidates(&groups, 100, &BTreeMap::new(), &BTreeMap::new())),
            [
                id(7),
                "R&D".to_owned(),
                "sales@contoso.com".to_owned(),
                id(2),
                id(5),
                id(3),
                id(6),
                "everyone".to_owned()
            ]
        );
        assert_eq!(candidates(&groups, 2, &BTreeMap::new(), &BTreeMap::new()).candidates.len(), 3);
    }

    #[test]
    fn departments_are_told_apart_as_the_directory_does() {
        let of = ["Sales", "sales", "SALES", "O'Neill's", "O'Neill's", "O'Neill's", "Few", "Few"];
        let profiles = (0..)
            .zip(of)
            .map(|(n, department)| {
                let profile = Profile { department: Some(department.into()), ..Profile::default() };
                (PersonId(Uuid::from_u128(n)), profile)
            })
            .collect();
        assert_eq!(
            spelt(&candidates(&[], 0, &profiles, &BTreeMap::new())),
            ["department eq 'O''Neill''s'", "department eq 'SALES'", "everyone"]
        );
    }

    #[test]
    fn the_smallest_departments_are_left_out_and_counted() {
        let people =
            (0..).zip((0..MOST_DEPARTMENTS + 2).flat_map(|n| vec![n; if n < 2 { FEW } else { FEW + 1 }]));
        let profiles = people
            .map(|(at, n): (u128, usize)| {
                let department = Some(format!("D{n}").into());
                (PersonId(Uuid::from_u128(at)), Profile { department, ..Profile::default() })
            })
            .collect();
        let choice = candidates(&[], 0, &profiles, &BTreeMap::new());
        assert_eq!((choice.candidates.len(), choice.departments_left_out), (MOST_DEPARTMENTS + 1, 2));
        assert!(choice.candidates.iter().all(|candidate| !["D0", "D1"].contains(&&*candidate.label)));
    }
}
