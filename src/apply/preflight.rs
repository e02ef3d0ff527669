//! Reads everybody of a saved plan once before its first write, and says who is no longer as planned.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::expected::Expected;
use super::judge::{self, Fit, GroupFit, Shows};
use super::{Event, FailureLimit, NotALimit, Why};
use crate::microsoft::Reader;
use crate::model::{By, Feature, GroupId, Known, Ledger, PersonId, Refusal, Setting, TenantSetting, Value};
use crate::plan::calls::{Task, calls};
use crate::plan::{GroupLicences, Operation, Plan, Target};
use crate::store::Meanwhile;

/// Is how many people one reading takes; the client sends them in batches of the service's own size.
const AT_ONCE: usize = 80;

/// Is how many such readings are under way at once: together as many batches as the client has waiting for a plan.
const UNDER_WAY: usize = 4;

/// Says how many people may have moved before a saved plan as a whole is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleLimit {
    /// Number of people; none softens it.
    People(u64),
    /// Percent of the people in the plan, 0 to 100; unless it is 0, ten people never make a plan stale.
    Percent(u32),
}

impl StaleLimit {
    /// Is how many people may always have moved where the limit is a share, so that small plans can work.
    const FLOOR: u64 = 10;

    /// Gives the number of people that may have moved in a plan for so many.
    pub fn of(self, people: u64) -> u64 {
        match self {
            Self::People(number) => number,
            Self::Percent(0) => 0,
            Self::Percent(percent) => Self::FLOOR.max(people.saturating_mul(u64::from(percent)) / 100),
        }
    }
}

impl Default for StaleLimit {
    /// Allows 5 %.
    fn default() -> Self {
        Self::Percent(5)
    }
}

impl FromStr for StaleLimit {
    type Err = NotALimit;

    /// Reads `20` as people and `5%` as a share, as the failure limit does.
    fn from_str(text: &str) -> Result<Self, NotALimit> {
        let FailureLimit { people, percent } = text.parse()?;
        Ok(if text.ends_with('%') { Self::Percent(percent) } else { Self::People(people) })
    }
}

/// Is who and what is left out of a plan, because it is no longer as planned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// By person: the first thing that was found.
    pub people: BTreeMap<PersonId, Why>,
    /// Defaults of the tenant that somebody else has changed.
    pub tenant: BTreeMap<TenantSetting, Why>,
    /// Licensing groups that are no longer as planned, or have other members.
    pub groups: BTreeMap<GroupId, Why>,
}

impl Skipped {
    /// Counts the people of a plan of whom anything is left out.
    pub fn moved(&self, plan: &Plan) -> u64 {
        let left_out = plan.operations.iter().filter(|operation| self.why(operation).is_some());
        let people: BTreeSet<PersonId> = left_out
            .filter_map(|operation| match &operation.target {
                Target::Person(person) => Some(person.id),
                Target::Tenant(_) => None,
            })
            .collect();
        people.len() as u64
    }

    /// Gives why an operation is left out, if it is.
    pub(super) fn why(&self, operation: &Operation) -> Option<&Why> {
        match &operation.target {
            Target::Tenant(setting) => self.tenant.get(setting),
            Target::Person(person) => {
                let by_group = || operation.through.iter().find_map(|group| self.groups.get(group));
                self.people.get(&person.id).or_else(by_group)
            }
        }
    }
}

/// Is what is remembered: the ledger, and what it has learnt since the plan looked.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'a> {
    /// The ledger as it is now.
    pub ledger: &'a Ledger,
    /// What the plan does not know of it.
    pub meanwhile: &'a Meanwhile,
}

/// Reads everybody of a plan once, and judges them as they are judged again right before each write.
///
/// Whoever moved is left out as a whole, and so is whoever is protected by now. What an earlier run of the same plan has
/// brought about is no move. Who could not be read is left to the reading before the write.
///
/// # Errors
///
/// The tenant lets nobody in any more, or does not answer at all; nothing was written.
pub async fn look_ahead(
    plan: &Plan,
    reader: &Reader,
    memory: Memory<'_>,
    protected: &BTreeSet<PersonId>,
    events: &mut (dyn FnMut(Event) + Send),
) -> Result<Skipped, Refusal> {
    let mut left_out = Skipped::default();
    let tenant = plan.operations.iter().filter_map(|operation| match operation.target {
        Target::Tenant(setting) => Some((setting, operation)),
        Target::Person(_) => None,
    });
    let tenant: Vec<_> = tenant.collect();
    let flipped = if tenant.is_empty() {
        BTreeMap::new()
    } else {
        let looked = plan.basis.read_at;
        defaults(&tenant, &reader.tenant_settings().await, memory.ledger, looked, &mut left_out)
    };
    let mut people = People::of(plan, protected, &mut left_out);
    let of = (people.settings.len() + people.licences.len()) as u64;
    let mut done = 0;
    let mut tell = |more: usize| {
        done += more as u64;
        events(Event::LookingAhead { done, of });
    };

    let who: Vec<_> = people.settings.iter().map(|(id, (upn, _))| (*id, Arc::clone(upn))).collect();
    let read = who.chunks(AT_ONCE).map(|some| async move { (some, reader.people_settings(some).await) });
    let mut read = stream::iter(read).buffered(UNDER_WAY);
    while let Some((some, settings)) = read.next().await {
        out_of_reach(&settings)?;
        for ((id, _), have) in some.iter().zip(settings) {
            let (Known::Is(have), Some((_, steps))) = (have, people.settings.get(id)) else { continue };
            let expect = Expected::before(*id, memory, &flipped);
            let moved = steps.iter().find_map(|step| {
                let operations: Vec<_> = step.iter().map(|index| &plan.operations[*index]).collect();
                match judge::settings(&operations, have, &expect) {
                    Fit::Write | Fit::Already => None,
                    Fit::Moved { setting, found } => Some(Why::Found { setting, value: found }),
                }
            });
            if let Some(why) = moved {
                left_out.people.insert(*id, why);
            }
        }
        tell(some.len());
    }
    drop(read);

    people.licences.retain(|(id, ..)| !left_out.people.contains_key(id));
    let read = people.licences.chunks(AT_ONCE).map(|some| async move {
        let who: Vec<_> = some.iter().map(|(id, ..)| *id).collect();
        (some, reader.people_licences(&who).await)
    });
    let mut read = stream::iter(read).buffered(UNDER_WAY);
    while let Some((some, licences)) = read.next().await {
        out_of_reach(&licences)?;
        for ((id, operation), have) in some.iter().zip(licences) {
            let Known::Is(have) = have else { continue };
            let moved = match judge::licences(&have, operation, &plan.licensing_groups) {
                Shows::Before => None,
                Shows::After if wrote_licences(memory.ledger, *id, operation.to) => None,
                Shows::After => Some(Why::FoundLicencesChanged),
                Shows::Neither => Some(Why::FoundOtherLicences),
            };
            if let Some(why) = moved {
                left_out.people.insert(*id, why);
            }
        }
        tell(some.len());
    }
    drop(read);
    left_out.groups = groups(plan, reader, memory.ledger).await;
    Ok(left_out)
}

/// Reads the licensing groups of a plan, and gives those that are no longer as planned.
///
/// Which of them cannot be read, or changed yet, is left to the reading before the write.
async fn groups(plan: &Plan, reader: &Reader, ledger: &Ledger) -> BTreeMap<GroupId, Why> {
    let ids: BTreeSet<GroupId> = plan.licensing_groups.iter().map(|group| group.id).collect();
    if ids.is_empty() {
        return BTreeMap::new();
    }
    let now = reader.licensing_groups(&ids, &BTreeMap::new()).await;
    let moved = |group: &GroupLicences| match judge::group(group, now.get(&group.id)?.known()?) {
        GroupFit::Write | GroupFit::Waits(_) => None,
        GroupFit::Already => {
            let ours = group.members.iter().any(|id| wrote_licences(ledger, *id, group.to));
            (!ours).then_some(Why::FoundLicencesChanged)
        }
        GroupFit::Moved(why) => Some(why),
    };
    plan.licensing_groups.iter().filter_map(|group| Some((group.id, moved(group)?))).collect()
}

/// Says whether a run wrote a person's licences so, or tried to.
pub(super) fn wrote_licences(ledger: &Ledger, id: PersonId, to: Value) -> bool {
    ledger.entry(id, Setting::ServicePlan).is_some_and(|entry| {
        entry.written() == Some(to) || entry.tried.is_some_and(|tried| tried.value == to)
    })
}

/// Says whether a default is as a run of ours wrote it, or tried to since a plan looked.
///
/// The entry of a write of which nothing was heard keeps the old value, and names the new one beside it.
pub(super) fn wrote_default(ledger: &Ledger, setting: TenantSetting, have: Value, looked: Timestamp) -> bool {
    ledger.tenant.get(&setting).is_some_and(|entry| {
        let wrote = entry.by == By::Us && entry.value == have;
        // What a write replaced that was heard of stands in the same place.
        let heard = entry.by == By::Us && entry.changed_at == Some(entry.at);
        let since = entry.changed_at.is_some_and(|at| at >= looked);
        let tried = !heard && since && entry.previous == Some(have);
        wrote || tried
    })
}

/// Leaves out the defaults that somebody else changed, and gives those that an earlier run of the plan has flipped.
fn defaults(
    operations: &[(TenantSetting, &Operation)],
    read: &BTreeMap<TenantSetting, Known<Value>>,
    ledger: &Ledger,
    looked: Timestamp,
    left_out: &mut Skipped,
) -> BTreeMap<Feature, (Value, Value)> {
    let mut flipped = BTreeMap::new();
    for (setting, operation) in operations {
        let Some(Known::Is(have)) = read.get(setting) else { continue };
        if *have == operation.to && wrote_default(ledger, *setting, *have, looked) {
            let flip = setting.feature().zip(operation.from);
            flipped.extend(flip.map(|(feature, from)| (feature, (from, operation.to))));
        } else if Some(*have) != operation.from {
            left_out.tenant.insert(*setting, Why::FoundDefault { value: *have });
        }
    }
    flipped
}

/// Is what to read of whom.
struct People<'p> {
    /// By person: their address, and the operations of each step on mode and features.
    settings: BTreeMap<PersonId, (Arc<str>, Vec<Vec<usize>>)>,
    /// The operation on their service plan.
    licences: Vec<(PersonId, &'p Operation)>,
}

impl<'p> People<'p> {
    /// Gathers the people of a plan, and leaves out who is protected.
    fn of(plan: &'p Plan, protected: &BTreeSet<PersonId>, left_out: &mut Skipped) -> Self {
        let mut people = Self { settings: BTreeMap::new(), licences: Vec::new() };
        for work in calls(&plan.operations) {
            let (Task::Settings { id, .. } | Task::Licences { id, .. }) = work.task else { continue };
            if protected.contains(&id) {
                left_out.people.insert(id, Why::Protected);
                continue;
            }
            match work.task {
                Task::Tenant { .. } => {}
                Task::Settings { id, upn, sets: _ } => {
                    let (_, steps) = people.settings.entry(id).or_insert_with(|| (upn, Vec::new()));
                    steps.push(work.operations);
                }
                Task::Licences { .. } => {
                    let operations = work.operations.iter().map(|index| &plan.operations[*index]);
                    people.licences.extend(operations.map(|operation| (id, operation)));
                }
            }
        }
        people
    }
}

/// Ends the look where the tenant is out of reach for everybody, instead of asking it once more for each.
fn out_of_reach<T>(read: &[Known<T>]) -> Result<(), Refusal> {
    let lost = |have: &Known<T>| match have {
        Known::Is(_) => None,
        Known::Unknown(why) => why.kind.puts_all_out_of_reach().then(|| Refusal::clone(why)),
    };
    let all = read.iter().all(|have| lost(have).is_some());
    match read.first().and_then(lost) {
        Some(refusal) if all => Err(refusal),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_people_never_make_a_plan_stale_by_share() {
        let default = StaleLimit::default();
        assert_eq!((default.of(12), default.of(200), default.of(100_000)), (10, 10, 5_000));
    }

    #[test]
    fn a_number_means_what_it_says_and_nobody_means_nobody() {
        let limit = |text: &str| text.parse::<StaleLimit>().expect("a limit").of(1_000);
        assert_eq!((limit("3"), limit("0"), limit("0%"), limit("1%"), limit("20%")), (3, 0, 0, 10, 200));
        for wrong in ["", "%", "101%", "-1", "ten"] {
            assert!(wrong.parse::<StaleLimit>().is_err(), "{wrong}");
        }
    }
}
