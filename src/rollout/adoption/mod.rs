//! Measures how far a rollout has come: who stands where, by wave, group and department, against its goals.

mod disclosure;
mod goals;
mod tallies;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

pub use goals::{Goal, GoalOf, Reached, Verdict};
pub use tallies::{Stands, tallies};

use crate::model::TenantId;
use crate::model::rollout::{Goals, Measure, Standing, Tally};
use disclosure::{Node, Order};

/// Is the version of the JSON form of an adoption report.
pub const FORMAT: u32 = 1;

/// Is the fewest people that a row may have, and the fewest that a cell may count.
pub const FEWEST: u64 = 5;

/// Tells how far a rollout has come, and nothing that singles anybody out.
///
/// Everything in it may be shown: whatever is not, is not in it. Rows stand in the order of the manifest, departments by
/// name, what was merged at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Adoption {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's name.
    pub tenant_name: Arc<str>,
    /// The day that decides which waves are in force.
    #[schemars(with = "String")]
    pub as_of: Timestamp,
    /// When reading the tenant began.
    #[schemars(with = "String")]
    pub read_at: Timestamp,
    /// The fewest people that a row has, and the fewest that a cell counts unless it is zero.
    pub min_group: u64,
    /// What is to be reached.
    pub goals: Vec<Goal>,
    /// Everybody in scope; absent where that is fewer people than a row may have.
    pub total: Option<Row>,
    /// Everybody by wave, and the people of each wave by group.
    pub waves: Vec<Branch>,
    /// Everybody by department; absent where departments could not be read.
    pub departments: Option<Vec<Row>>,
    /// What earlier runs of apply found before they changed anything, oldest first.
    pub trend: Vec<Point>,
}

/// Is a wave, and the groups that its people are held by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Branch {
    /// All of its people.
    #[serde(flatten)]
    pub row: Row,
    /// The same people by group.
    pub groups: Vec<Row>,
}

/// Is what one run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Point {
    /// The run.
    pub run: String,
    /// When it began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Everybody in scope then.
    pub total: Option<Row>,
    /// The same people by wave and group.
    pub waves: Vec<Branch>,
}

/// Counts the people of one part of the rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// Which part.
    pub of: Part,
    /// How many people.
    pub people: u64,
    /// How many stand where; `null` where it is not told, so that nobody can be singled out.
    #[schemars(with = "BTreeMap<String, Option<u64>>")]
    pub standing: BTreeMap<Standing, Option<u64>>,
    /// How many people stand where it is not told, together.
    pub not_told_apart: u64,
    /// What was reached of the goals, in their order; empty for departments.
    pub goals: Vec<Reached>,
}

/// Names a part of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "part")]
pub enum Part {
    /// Everybody in scope.
    Everybody,
    /// The people of a wave.
    Wave {
        /// Its name.
        name: Arc<str>,
    },
    /// People whom no wave takes in.
    NoWave,
    /// The people of a group of the manifest.
    Group {
        /// Its name.
        name: Arc<str>,
    },
    /// The people of a department, as the directory spells it.
    Department {
        /// Its name.
        name: Arc<str>,
    },
    /// People of whom the directory names no department.
    NoDepartment,
    /// Several parts, at least one of which has too few people to be told by itself.
    Merged {
        /// Which.
        parts: Vec<Self>,
    },
}

impl Row {
    /// Gives how many stand there, where that is told.
    pub fn told(&self, standing: Standing) -> Option<u64> {
        self.standing.get(&standing).copied().flatten()
    }

    /// Gives how many something can be asked of, where that is told: all but those beyond reach.
    pub fn in_reach(&self) -> Option<u64> {
        let beyond: Option<u64> = Standing::BEYOND_REACH.iter().map(|standing| self.told(*standing)).sum();
        Some(self.people - beyond?)
    }

    /// Gives how many stand there, of how many in reach, where both are told.
    pub fn share(&self, standing: Standing) -> Option<(u64, u64)> {
        Some((self.told(standing)?, self.in_reach().filter(|people| *people > 0)?))
    }

    /// Lists the standings that are not told apart.
    pub fn hidden(&self) -> impl Iterator<Item = Standing> {
        Standing::ALL.into_iter().filter(|standing| self.standing.get(standing) == Some(&None))
    }

    fn of(node: &Node<Part>, order: &Order, goals: &[Goal]) -> Self {
        let shown = node.shown(order);
        let standing = Standing::ALL.into_iter().map(|standing| {
            (standing, (!shown.hidden.contains(&standing)).then(|| node.counts.of(standing)))
        });
        let mut row = Self {
            of: node.name.clone(),
            people: node.counts.people(),
            standing: standing.collect(),
            not_told_apart: shown.together,
            goals: Vec::new(),
        };
        row.goals = goals.iter().map(|goal| goal.reached_by(&row)).collect();
        row
    }
}

/// Is what is known of a rollout's people.
#[derive(Clone, Debug)]
pub struct Found<'f> {
    /// The tenant, and what it is called.
    pub tenant: (TenantId, Arc<str>),
    /// The day that decides which waves are in force.
    pub as_of: Timestamp,
    /// When reading the tenant began.
    pub read_at: Timestamp,
    /// Where people stand, by wave and group, in the order of the manifest.
    pub tallies: &'f [Tally],
    /// Where the same people stand by department; absent where departments could not be read.
    pub departments: Option<&'f BTreeMap<Option<Arc<str>>, Measure>>,
    /// What earlier runs found, oldest first: run, moment, tallies.
    pub runs: &'f [(String, Timestamp, Vec<Tally>)],
}

impl Adoption {
    /// Tells what may be told; `min_group` counts only where it is more than [`FEWEST`].
    pub fn of(found: &Found<'_>, goals: Goals, min_group: u64) -> Self {
        let Found { tenant: (tenant, tenant_name), as_of, read_at, tallies, departments, runs } = found;
        let threshold = min_group.max(FEWEST);
        let goals = Goal::all(goals);
        let split = departments.map(by_department);
        let (total, waves, split) = told(tallies, split, &goals, threshold);
        let point = |(run, at, tallies): &(String, Timestamp, Vec<Tally>)| {
            let (total, waves, _) = told(tallies, None, &goals, threshold);
            Point { run: run.clone(), at: *at, total, waves }
        };
        Self {
            format: FORMAT,
            tenant: *tenant,
            tenant_name: Arc::clone(tenant_name),
            as_of: *as_of,
            read_at: *read_at,
            min_group: threshold,
            total,
            waves,
            departments: split,
            trend: runs.iter().map(point).collect(),
            goals,
        }
    }
}

/// Merges and hides, of one look at everybody, what cannot be told.
fn told(
    tallies: &[Tally],
    departments: Option<Vec<Node<Part>>>,
    goals: &[Goal],
    threshold: u64,
) -> (Option<Row>, Vec<Branch>, Option<Vec<Row>>) {
    let merged = |parts| Part::Merged { parts };
    let same = |one: &Part, other: &Part| one == other;
    let mut waves = disclosure::merge(by_wave(tallies), threshold, merged, same);
    for wave in &mut waves {
        wave.parts = disclosure::merge(std::mem::take(&mut wave.parts), threshold, merged, same);
    }
    if waves.is_empty() {
        return (None, Vec::new(), departments.map(|_| Vec::new()));
    }
    let mut total = Node::of(Part::Everybody, waves);
    let asked = departments.is_some();
    let rows = departments.map(|rows| disclosure::merge(rows, threshold, merged, same)).unwrap_or_default();
    let mut splits = [rows];
    let order = disclosure::protect(&mut total, &mut splits, threshold);
    let row = |node: &Node<Part>| Row::of(node, &order, goals);
    let waves = total
        .parts
        .iter()
        .map(|wave| Branch { row: row(wave), groups: wave.parts.iter().map(row).collect() });
    let waves = waves.collect();
    let [rows] = splits;
    let departments = rows.iter().map(|node| Row::of(node, &order, &[])).collect();
    (Some(row(&total)), waves, asked.then_some(departments))
}

fn by_wave(tallies: &[Tally]) -> Vec<Node<Part>> {
    let mut waves: Vec<(Part, Vec<Node<Part>>)> = Vec::new();
    for Tally { wave, group, people } in tallies {
        let wave = wave.as_ref().map_or(Part::NoWave, |name| Part::Wave { name: Arc::clone(name) });
        let leaf = Node::leaf(Part::Group { name: Arc::clone(group) }, people.clone());
        match waves.iter_mut().find(|(known, _)| *known == wave) {
            Some((_, groups)) => groups.push(leaf),
            None => waves.push((wave, vec![leaf])),
        }
    }
    waves.into_iter().map(|(wave, groups)| Node::of(wave, groups)).collect()
}

fn by_department(departments: &BTreeMap<Option<Arc<str>>, Measure>) -> Vec<Node<Part>> {
    let named = departments.iter().filter_map(|(name, people)| {
        let name = Arc::clone(name.as_ref()?);
        Some(Node::leaf(Part::Department { name }, people.clone()))
    });
    let nameless = departments.get(&None).map(|people| Node::leaf(Part::NoDepartment, people.clone()));
    named.chain(nameless).collect()
}

#[cfg(test)]
mod tests;
