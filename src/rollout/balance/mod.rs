//! Says how mixed the people of a wave are: departments, managers with their reports, executives.
//!
//! The deployment guide asks for a pilot of mixed departments, with managers whose reports take part as well, and
//! advises against executives. How much is too much is for nobody to read there: the bounds below are ours.

mod titles;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{PersonId, Profile, TenantId};

pub use titles::is_executive;

/// Is the version of the JSON form.
pub const FORMAT: u32 = 1;

/// Is the fewest people of the tenant that a department has which is told by itself.
pub const FEWEST: u64 = 5;

/// A department has too much weight from so many percent of the wave beyond its percent of the tenant on, if that is
/// also twice its percent of the tenant.
const TOO_MUCH: u64 = 25;

/// A department is missing that nobody of the wave belongs to, from so many percent of the tenant on.
const LARGE: u64 = 10;

/// Tells how mixed the people of a wave are; counts enabled member accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Balance {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's name.
    pub tenant_name: Arc<str>,
    /// The wave; absent where the manifest has none, and everybody in scope is told of.
    pub wave: Option<Arc<str>>,
    /// How many people it has.
    pub people: u64,
    /// How many people the tenant has.
    pub tenant_people: u64,
    /// Its people by group, in the order of the manifest.
    pub groups: Vec<GroupSize>,
    /// The tenant's people by department, those of the wave beside them; the most of the wave first.
    pub departments: Vec<Department>,
    /// People of the wave who have reports at all.
    pub managers: u64,
    /// Of those, people who have reports in the wave.
    pub managers_with_reports: u64,
    /// People of the tenant who have reports.
    pub tenant_managers: u64,
    /// People of the wave whose title is an executive's.
    pub executives: u64,
    /// What could be better, the weightiest first; empty where nothing is known to be wrong.
    pub findings: Vec<Finding>,
}

/// Is how many people of a wave a group holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GroupSize {
    /// The group.
    pub name: Arc<str>,
    /// How many people.
    pub people: u64,
}

/// Is a department's part in the wave and in the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Department {
    /// Which.
    pub of: Part,
    /// Its people in the wave.
    pub people: u64,
    /// All of its people.
    pub tenant_people: u64,
}

/// Names a department.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "part")]
pub enum Part {
    /// One of that name.
    Department {
        /// As the directory spells it.
        name: Arc<str>,
    },
    /// People of whom the directory names none.
    NoDepartment,
    /// Several departments with fewer than [`FEWEST`] people each.
    Merged {
        /// How many.
        parts: u64,
    },
}

/// Is something that could be better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "finding")]
pub enum Finding {
    /// Nobody takes part.
    Nobody,
    /// Executives take part.
    Executives {
        /// How many.
        people: u64,
    },
    /// Nobody who takes part has reports.
    NoManagers,
    /// Managers take part, and none of their reports does.
    NoReports {
        /// How many managers.
        managers: u64,
    },
    /// The directory names a manager of nobody.
    ManagersUnknown,
    /// A department has more weight in the wave than in the tenant.
    TooMuch {
        /// Which.
        name: Arc<str>,
        /// Its people in the wave.
        people: u64,
        /// All of its people.
        tenant_people: u64,
    },
    /// Nobody of a large department takes part.
    Missing {
        /// Which.
        name: Arc<str>,
        /// All of its people.
        tenant_people: u64,
    },
    /// The directory names departments of less than half of the wave's people.
    DepartmentsUnknown {
        /// Of how many it names none.
        people: u64,
    },
}

/// Is what is known of a wave's people and of everybody else.
#[derive(Clone, Debug)]
pub struct Seen<'s> {
    /// The tenant, and what it is called.
    pub tenant: (TenantId, Arc<str>),
    /// The wave; `None` where the manifest has none.
    pub wave: Option<Arc<str>>,
    /// The manifest's groups with the people of the wave whom each holds, in the order of the manifest.
    pub groups: Vec<(Arc<str>, Vec<PersonId>)>,
    /// Everybody in the tenant who counts.
    pub everybody: &'s BTreeMap<PersonId, Profile>,
}

/// Says how mixed a wave is.
pub fn balance(seen: &Seen<'_>) -> Balance {
    let Seen { tenant: (tenant, tenant_name), wave, groups, everybody } = seen;
    let counts = |person: &&PersonId| everybody.contains_key(person);
    let sizes = groups.iter().map(|(name, people)| GroupSize {
        name: Arc::clone(name),
        people: number(people.iter().filter(counts).count()),
    });
    let chosen: BTreeSet<PersonId> =
        groups.iter().flat_map(|(_, people)| people).filter(counts).copied().collect();
    let bosses: BTreeSet<PersonId> = everybody.values().filter_map(|profile| profile.manager).collect();
    let followed: BTreeSet<PersonId> =
        chosen.iter().filter_map(|person| everybody.get(person)?.manager).collect();
    let executive = |person: &&PersonId| {
        let title = everybody.get(person).and_then(|profile| profile.title.as_deref());
        title.is_some_and(is_executive)
    };
    let mut balance = Balance {
        format: FORMAT,
        tenant: *tenant,
        tenant_name: Arc::clone(tenant_name),
        wave: wave.clone(),
        people: number(chosen.len()),
        tenant_people: number(everybody.len()),
        groups: sizes.collect(),
        departments: departments(&chosen, everybody),
        managers: number(chosen.intersection(&bosses).count()),
        managers_with_reports: number(chosen.intersection(&followed).count()),
        tenant_managers: number(bosses.iter().filter(counts).count()),
        executives: number(chosen.iter().filter(executive).count()),
        findings: Vec::new(),
    };
    balance.findings = findings(&balance);
    balance
}

fn departments(chosen: &BTreeSet<PersonId>, everybody: &BTreeMap<PersonId, Profile>) -> Vec<Department> {
    let mut counted: BTreeMap<Option<&Arc<str>>, (u64, u64)> = BTreeMap::new();
    for (person, profile) in everybody {
        let (people, all) = counted.entry(profile.department.as_ref()).or_default();
        *people += u64::from(chosen.contains(person));
        *all += 1;
    }
    let mut told = Vec::new();
    let (mut parts, mut people, mut tenant_people) = (0, 0, 0);
    for (name, (inside, all)) in counted {
        let of = match name {
            None => Part::NoDepartment,
            Some(name) if all >= FEWEST => Part::Department { name: Arc::clone(name) },
            Some(_) => {
                parts += 1;
                people += inside;
                tenant_people += all;
                continue;
            }
        };
        told.push(Department { of, people: inside, tenant_people: all });
    }
    told.sort_by(|one, other| {
        let weight = |department: &Department| (department.people, department.tenant_people);
        weight(other).cmp(&weight(one)).then_with(|| one.of.cmp(&other.of))
    });
    if parts > 0 {
        told.push(Department { of: Part::Merged { parts }, people, tenant_people });
    }
    told
}

fn findings(balance: &Balance) -> Vec<Finding> {
    let Balance {
        people,
        tenant_people,
        departments,
        managers,
        managers_with_reports,
        tenant_managers,
        executives,
        ..
    } = balance;
    if *people == 0 {
        return vec![Finding::Nobody];
    }
    let mut findings = Vec::new();
    if *executives > 0 {
        findings.push(Finding::Executives { people: *executives });
    }
    if *tenant_managers == 0 {
        findings.push(Finding::ManagersUnknown);
    } else if *managers == 0 {
        findings.push(Finding::NoManagers);
    } else if *managers_with_reports == 0 {
        findings.push(Finding::NoReports { managers: *managers });
    }
    let nameless = departments.iter().find(|department| department.of == Part::NoDepartment);
    if let Some(Department { people: without, .. }) =
        nameless.filter(|nameless| nameless.people * 2 > *people)
    {
        findings.push(Finding::DepartmentsUnknown { people: *without });
        return findings;
    }
    for Department { of, people: inside, tenant_people: all } in departments {
        let Part::Department { name } = of else { continue };
        // Both shares in percent of the product, so that nothing is rounded.
        let product = u128::from(*people) * u128::from(*tenant_people);
        let in_wave = u128::from(*inside) * u128::from(*tenant_people) * 100;
        let in_tenant = u128::from(*all) * u128::from(*people) * 100;
        let (name, tenant_people) = (Arc::clone(name), *all);
        if in_wave >= in_tenant + u128::from(TOO_MUCH) * product && in_wave >= 2 * in_tenant {
            findings.push(Finding::TooMuch { name, people: *inside, tenant_people });
        } else if *inside == 0 && in_tenant >= u128::from(LARGE) * product {
            findings.push(Finding::Missing { name, tenant_people });
        }
    }
    findings
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
