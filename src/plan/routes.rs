//! Decides which licensing groups may change as a whole, because all of their members want the same.
//!
//! What a group hands down cannot be changed on a person. It can be changed in the group, and reaches everybody there
//! at once; so nobody may be in it who does not want just that, or of whom anything is unknown. Whoever keeps the plan
//! through another group all the same stands against the first one too: nothing is done by halves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::explain::Decision;
use super::person::{Bench, judge, left_alone_as_a_whole};
use super::service_plan::with_plans;
use super::{Barrier, GroupLicences, LicenceChange, Reason};
use crate::model::{
    ActualState, Catalogue, DesiredState, GroupId, Known, Ledger, LicensingGroup, PersonId, Refusal,
    ServicePlan, Value,
};

/// Is a group, and whether its members are to lose the plan; otherwise they are to get it.
pub(super) type Way = (GroupId, bool);

/// Lists the licensing groups that must be read, so that a plan can say whether they may change as a whole.
pub fn licensing_groups(desired: &DesiredState, actual: &ActualState) -> BTreeSet<GroupId> {
    let mut groups = BTreeSet::new();
    if !desired.through_groups {
        return groups;
    }
    for (id, held) in &desired.people {
        let Some(person) = actual.people.get(id) else { continue };
        match desired.group(*held).wants.service_plan {
            Some(Value::REMOVED) => {
                groups.extend(person.licences.inherited_on(&actual.catalogue).map(|(_, group)| group));
            }
            Some(Value::ServicePlan(want))
                if person.licences.service_plan(&actual.catalogue) != Some(want) =>
            {
                groups.extend(person.licences.handed_down_by(&actual.catalogue));
            }
            Some(Value::ServicePlan(_) | Value::Mode(_) | Value::Switch(_) | Value::Rate(_)) | None => {}
        }
    }
    groups
}

/// Is which ways are open, and what stands against the others.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Whether the manifest lets groups change at all.
    allowed: bool,
    /// Whether every way is taken to be open, to find out who would go which.
    assumed: bool,
    open: BTreeMap<Way, GroupLicences>,
    barred: BTreeMap<Way, Barrier>,
}

/// Says what becomes of one member of a licensing group.
#[derive(Debug)]
enum Standing {
    /// They are to be changed, through these groups.
    Goes { removal: bool, through: Vec<GroupId> },
    /// They have what they are to have, or nothing that could change.
    IsSo { removal: bool },
    /// They would be changed, but for this group, which may not.
    KeptBy(GroupId),
    /// They are not to be changed.
    Stays,
}

impl Routes {
    /// Takes every way to be open.
    pub(super) fn assumed() -> Self {
        Self { assumed: true, ..Self::default() }
    }

    /// Chooses the groups to go through, or gives those that stand against it.
    ///
    /// A plan is gone only once all groups have it off, and there as soon as one has it on.
    pub(super) fn choose(&self, groups: Vec<GroupId>, removal: bool) -> Result<Vec<GroupId>, Vec<GroupId>> {
        let is_open = |group: &GroupId| self.assumed || self.open.contains_key(&(*group, removal));
        let open: Vec<GroupId> = groups.iter().copied().filter(is_open).collect();
        let enough = if removal { open.len() == groups.len() } else { !open.is_empty() || groups.is_empty() };
        if enough { Ok(open) } else { Err(groups) }
    }

    /// Says what stands against changing a group.
    pub(super) fn barrier(&self, way: Way) -> Barrier {
        if !self.allowed {
            return Barrier::NotAllowed;
        }
        let not_read = || Barrier::Unreadable { message: Refusal::not_asked().message };
        self.barred.get(&way).cloned().unwrap_or_else(not_read)
    }

    /// Gives what changes in the groups that operations go through, sorted.
    pub(super) fn changes(&self, through: &BTreeSet<Way>) -> Vec<GroupLicences> {
        through.iter().filter_map(|way| self.open.get(way).cloned()).collect()
    }

    /// Decides which ways are open; `bench` takes all of them to be.
    pub(super) fn decide(
        bench: &Bench<'_>,
        desired: &DesiredState,
        actual: &ActualState,
        ledger: &Ledger,
    ) -> Self {
        let mut routes = Self { allowed: desired.through_groups, ..Self::default() };
        if !routes.allowed || actual.licensing.is_empty() {
            return routes;
        }
        let standing = |id| standing(bench, desired, actual, ledger, id);
        let mut standings: BTreeMap<PersonId, Standing> = BTreeMap::new();
        for group in actual.licensing.values().filter_map(Known::known) {
            for member in &group.members {
                standings.entry(member.id).or_insert_with(|| standing(member.id));
            }
        }
        let missing = missing(actual);
        let mut closed: Vec<Way> = Vec::new();
        let mut asked: BTreeMap<Way, &LicensingGroup> = BTreeMap::new();
        for (id, group) in &actual.licensing {
            let group = match group {
                Known::Is(group) => group,
                Known::Unknown(why) => {
                    for way in [(*id, true), (*id, false)] {
                        routes.barred.insert(way, Barrier::Unreadable { message: why.message.clone() });
                    }
                    continue;
                }
            };
            for way in [(*id, true), (*id, false)] {
                if !group.members.iter().any(|member| standings[&member.id].goes(way)) {
                    continue;
                }
                asked.insert(way, group);
                if let Some(barrier) = barrier(way, group, actual, &missing) {
                    routes.barred.insert(way, barrier);
                    closed.push(way);
                } else if group.members.iter().any(|member| standings[&member.id].stands_against(way)) {
                    closed.push(way);
                }
            }
        }
        // Whoever goes through a group that could not be read goes nowhere.
        for way in routes.barred.keys().filter(|way| !asked.contains_key(way)) {
            for (id, standing) in standings.iter_mut().filter(|(_, standing)| standing.goes(*way)) {
                closed.extend(standing.keep(*way));
                closed.extend(other_ways(*id, *way, &asked));
            }
        }
        close(closed, &asked, &mut standings, &mut routes, actual);
        for (way, group) in asked {
            if !routes.barred.contains_key(&way) {
                routes.open.insert(way, change(way, group, &actual.catalogue));
            }
        }
        routes
    }
}

/// Lists the removals in other groups of somebody who keeps the plan through one: nothing is done by halves.
fn other_ways(
    id: PersonId,
    kept_by: Way,
    asked: &BTreeMap<Way, &LicensingGroup>,
) -> impl Iterator<Item = Way> {
    let has =
        move |group: &LicensingGroup| group.members.binary_search_by_key(&id, |member| member.id).is_ok();
    let others = asked
        .iter()
        .filter(move |((other, removal), group)| kept_by.1 && *removal && *other != kept_by.0 && has(group));
    others.map(|(way, _)| *way)
}

/// Closes ways, and with each the other ways of those who would have gone it.
fn close(
    mut closed: Vec<Way>,
    asked: &BTreeMap<Way, &LicensingGroup>,
    standings: &mut BTreeMap<PersonId, Standing>,
    routes: &mut Routes,
    actual: &ActualState,
) {
    let mut done = BTreeSet::new();
    while let Some(way) = closed.pop() {
        let Some(group) = asked.get(&way).filter(|_| done.insert(way)) else { continue };
        // A plan that is to come may come another way.
        if way.1 {
            for member in &group.members {
                if let Some(standing) = standings.get_mut(&member.id).filter(|standing| standing.goes(way)) {
                    closed.extend(standing.keep(way));
                    closed.extend(other_ways(member.id, way, asked));
                }
            }
        }
    }
    for way in done {
        routes.barred.entry(way).or_insert_with(|| members(way, asked[&way], standings, actual));
    }
}

impl Standing {
    fn goes(&self, (group, removal): Way) -> bool {
        match self {
            Self::Goes { removal: wants, through } => *wants == removal && through.contains(&group),
            Self::IsSo { .. } | Self::KeptBy(_) | Self::Stays => false,
        }
    }

    /// Says whether a group may not change because of this member.
    fn stands_against(&self, (group, removal): Way) -> bool {
        match self {
            Self::Goes { removal: wants, through: _ } | Self::IsSo { removal: wants } => *wants != removal,
            Self::KeptBy(other) => *other != group,
            Self::Stays => true,
        }
    }

    /// Keeps a member as they are because of one group, and gives the other ways, which are closed by that.
    fn keep(&mut self, (group, removal): Way) -> Vec<Way> {
        match std::mem::replace(self, Self::KeptBy(group)) {
            Self::Goes { removal: _, through } => {
                through.into_iter().filter(|other| *other != group).map(|other| (other, removal)).collect()
            }
            Self::IsSo { .. } | Self::KeptBy(_) | Self::Stays => Vec::new(),
        }
    }
}

fn standing(
    bench: &Bench<'_>,
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    id: PersonId,
) -> Standing {
    let (Some(held), Some(person)) = (desired.people.get(&id), actual.people.get(&id)) else {
        return Standing::Stays;
    };
    let group = desired.group(*held);
    let removal = match group.wants.service_plan {
        Some(Value::ServicePlan(want)) => want == ServicePlan::Removed,
        Some(Value::Mode(_) | Value::Switch(_) | Value::Rate(_)) | None => return Standing::Stays,
    };
    let protected = desired.protected.contains(&id);
    if left_alone_as_a_whole(person, held.certain, protected, group.closed.is_some()).is_some() {
        return Standing::Stays;
    }
    let judgement = judge(bench, group, id, person, ledger.people.get(&id), None);
    match judgement.settings.service_plan.map(|verdict| verdict.decision) {
        Some(Decision::Set { .. }) => Standing::Goes { removal, through: judgement.through },
        // Who holds nothing that carries it has nothing to lose, and wants what the group would give.
        Some(Decision::Leave(Reason::InSync | Reason::Unlicensed)) => Standing::IsSo { removal },
        Some(Decision::Leave(_)) | None => Standing::Stays,
    }
}

/// Counts by group the people who hold its licence and are not in its list of members.
fn missing(actual: &ActualState) -> BTreeMap<GroupId, u64> {
    let mut missing = BTreeMap::new();
    for (id, person) in &actual.people {
        for group in person.licences.handed_down_by(&actual.catalogue) {
            let Some(Known::Is(licensing)) = actual.licensing.get(&group) else { continue };
            if licensing.members.binary_search_by_key(id, |member| member.id).is_err() {
                *missing.entry(group).or_default() += 1;
            }
        }
    }
    missing
}

/// Says what stands against changing a group, whoever its members are.
fn barrier(
    way: Way,
    group: &LicensingGroup,
    actual: &ActualState,
    missing: &BTreeMap<GroupId, u64>,
) -> Option<Barrier> {
    if group.state.processing {
        Some(Barrier::Processing)
    } else if changes(way, group, &actual.catalogue).is_empty() {
        Some(Barrier::AsWanted)
    } else {
        missing.get(&way.0).map(|people| Barrier::Incomplete { people: *people })
    }
}

fn members(
    way: Way,
    group: &LicensingGroup,
    standings: &BTreeMap<PersonId, Standing>,
    actual: &ActualState,
) -> Barrier {
    let mut others = 0;
    let mut names: BTreeSet<Arc<str>> = BTreeSet::new();
    for member in group.members.iter().filter(|member| standings[&member.id].stands_against(way)) {
        others += 1;
        let known = actual.people.get(&member.id).map(|person| &person.upn).or(member.upn.as_ref());
        names.insert(known.map_or_else(|| member.id.to_string().into(), Arc::clone));
        if names.len() > Barrier::NAMED {
            names.pop_last();
        }
    }
    Barrier::Members { others, of: group.members.len() as u64, names: names.into_iter().collect() }
}

fn change(way: Way, group: &LicensingGroup, catalogue: &Catalogue) -> GroupLicences {
    let (id, removal) = way;
    let known = catalogue.groups.get(&id);
    GroupLicences {
        id,
        name: known.map_or_else(|| id.to_string().into(), Arc::clone),
        to: if removal { Value::REMOVED } else { Value::ASSIGNED },
        changes: changes(way, group, catalogue),
        members: group.members.iter().map(|member| member.id).collect(),
    }
}

/// Lists the products of a group to write, each with the list of disabled plans that replaces the group's own.
fn changes((_, removal): Way, group: &LicensingGroup, catalogue: &Catalogue) -> Vec<LicenceChange> {
    let want = if removal { ServicePlan::Removed } else { ServicePlan::Assigned };
    let change = |(sku, disabled): (&crate::model::SkuId, &Vec<_>)| {
        with_plans(*sku, catalogue.skus.get(sku)?, disabled, want)
    };
    group.state.products.iter().filter_map(change).collect()
}
