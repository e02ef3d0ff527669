//! Whom a plan, or what it brought about, concerns: those who are told beforehand, and those who are asked afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::person::left_alone_as_a_whole;
use super::{Because, Plan, Reason, Target};
use crate::model::rollout::{Concerned, Percent};
use crate::model::{
    ActualState, By, BySetting, DesiredState, Entry, Held, Known, Ledger, Mode, PersonId, Value,
};

/// Is whom a wave takes in: so much of some groups.
#[derive(Clone, Debug)]
pub struct TakenIn {
    /// The groups, by name.
    pub groups: BTreeSet<Arc<str>>,
    /// How much of them.
    pub share: Percent,
}

impl TakenIn {
    /// Says whether somebody of a group is one of them; whom the directory does not know is one where all are.
    fn has(&self, group: &str, person: Option<PersonId>) -> bool {
        let by_share = person.map_or(self.share == Percent::ALL, |person| self.share.takes_in(person));
        by_share && self.groups.contains(group)
    }
}

/// Lists the people of a wave for whom a plan changes something.
///
/// What is only written again, or written so that it outlives a default, changes nothing for anybody. Whoever left
/// their group is not of it any more.
pub fn changing(plan: &Plan, wave: &TakenIn) -> BTreeMap<PersonId, Concerned> {
    let mut people: BTreeMap<PersonId, Concerned> = BTreeMap::new();
    for operation in &plan.operations {
        let Target::Person(target) = &operation.target else { continue };
        let changes = operation.from != Some(operation.to) && operation.because != Because::Restored;
        if changes && wave.has(&target.group, Some(target.id)) {
            let concerned = people.entry(target.id).or_insert_with(|| Concerned {
                upn: Arc::clone(&target.upn),
                group: Arc::clone(&target.group),
                changes: BTreeMap::new(),
            });
            concerned.changes.insert(target.setting, operation.to);
        }
    }
    people
}

/// Counts the people of a wave of whom a plan cannot say what changes for them.
pub fn unknown(plan: &Plan, wave: &TakenIn) -> u64 {
    let of_wave = plan.left_alone.iter().filter(|person| wave.has(&person.group, person.id));
    of_wave.filter(|person| person.reason == Reason::Unknown).count() as u64
}

/// Is who takes part, and of whom nobody can say so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Participants {
    /// Those who do.
    pub people: BTreeMap<PersonId, Concerned>,
    /// How many may, or may have opted out by themselves: their settings could not be read.
    pub unknown: u64,
}

/// Lists the people of a wave whose setting we have changed, and who have not opted out by themselves.
pub fn participants(
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    wave: &TakenIn,
) -> Participants {
    let mut found = Participants::default();
    for (id, held) in &desired.people {
        let Held { group: _, certain } = *held;
        let group = &desired.group(*held).name;
        let (true, Some(record)) = (wave.has(group, Some(*id)), ledger.people.get(id)) else { continue };
        let Some(person) = actual.people.get(id) else { continue };
        let changes = written(&record.settings);
        // Telling people something is no change, which a closed window would forbid.
        let protected = desired.protected.contains(id);
        let out_of_reach = left_alone_as_a_whole(person, certain, protected, false).is_some();
        if changes.is_empty() || out_of_reach {
            continue;
        }
        let asked_to_leave = changes.get(&crate::model::Setting::Mode) == Some(&Value::OPT_OUT);
        match &person.settings {
            Known::Unknown(_) => found.unknown += 1,
            Known::Is(settings) if settings.mode == Mode::OptOut && !asked_to_leave => {}
            Known::Is(_) => {
                let concerned = Concerned { upn: Arc::clone(&person.upn), group: Arc::clone(group), changes };
                found.people.insert(*id, concerned);
            }
        }
    }
    found
}

/// Gathers what we wrote and the manifest still asks for.
fn written(settings: &BySetting<Option<Entry>>) -> BTreeMap<crate::model::Setting, Value> {
    let ours = |entry: &&Entry| entry.by == By::Us && !entry.released;
    let ours =
        settings.iter().filter_map(|(setting, entry)| Some((setting, entry.as_ref().filter(ours)?.value)));
    ours.collect()
}

/// Leaves out whoever was told before.
pub fn not_told(
    mut concerned: BTreeMap<PersonId, Concerned>,
    told: Option<&BTreeSet<PersonId>>,
) -> BTreeMap<PersonId, Concerned> {
    if let Some(told) = told {
        concerned.retain(|id, _| !told.contains(id));
    }
    concerned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::model::{Class, Setting, TenantId};
    use crate::plan::{Basis, LeftAlone, Operation, PersonTarget, Phase};

    fn plan(people: &[(u8, bool)]) -> Plan {
        let basis = Basis {
            version: String::new(),
            manifest: String::new(),
            tenant: TenantId(Uuid::nil()),
            tenant_name: "Contoso".into(),
            store: None,
            newest_run: 0,
            as_of: jiff::Timestamp::UNIX_EPOCH,
            read_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let operations = people.iter().map(|(number, of_wave)| Operation {
            phase: Phase::Withdraw,
            target: Target::Person(PersonTarget {
                upn: format!("{number}@contoso.com").into(),
                id: id(*number),
                group: if *of_wave { "pilot" } else { "others" }.into(),
                setting: Setting::Mode,
            }),
            from: Some(Value::OPT_IN),
            to: Value::OPT_OUT,
            class: Class::OptOut,
            because: Because::FirstTouch,
            mark: None,
            licences: Vec::new(),
            after_opt_out: false,
            through: Vec::new(),
        });
        Plan { operations: operations.collect(), ..Plan::empty(basis) }
    }

    fn id(number: u8) -> PersonId {
        PersonId(Uuid::from_u128(number.into()))
    }

    fn pilot() -> TakenIn {
        TakenIn { groups: [Arc::from("pilot")].into(), share: Percent::ALL }
    }

    #[test]
    fn a_canary_concerns_only_whom_it_takes_in() {
        let people: Vec<_> = (0..200).map(|number| (number, true)).collect();
        let canary = TakenIn { share: Percent::of_hundredths(1_000).expect("a share"), ..pilot() };
        let concerned = changing(&plan(&people), &canary);
        assert!((1..100).contains(&concerned.len()), "{}", concerned.len());
        assert!(concerned.keys().all(|person| canary.share.takes_in(*person)));
    }

    #[test]
    fn nobody_of_another_group_is_missed_where_they_could_not_be_read() {
        let left_alone = |number: u8, group: &str, reason| LeftAlone {
            upn: format!("{number}@contoso.com").into(),
            id: Some(id(number)),
            group: group.into(),
            reason,
            refusal: None,
            settings: Vec::new(),
        };
        let mut plan = plan(&[]);
        plan.left_alone = vec![
            left_alone(1, "pilot", Reason::Unknown),
            left_alone(2, "others", Reason::Unknown),
            left_alone(3, "pilot", Reason::InSync),
        ];
        assert_eq!(unknown(&plan, &pilot()), 1);
    }

    #[test]
    fn what_is_only_stated_again_concerns_nobody() {
        let mut stated = plan(&[(1, true), (2, true), (3, false)]);
        stated.operations[0].to = Value::OPT_IN;
        let concerned = changing(&stated, &pilot());
        assert_eq!(concerned.keys().copied().collect::<Vec<_>>(), [id(2)]);
        assert_eq!(concerned[&id(2)].changes, BTreeMap::from([(Setting::Mode, Value::OPT_OUT)]));
    }

    proptest! {
        #[test]
        fn nobody_is_told_twice_and_only_whom_a_plan_changes(
            rounds in prop::collection::vec(prop::collection::btree_map(0_u8..20, any::<bool>(), 0..20), 1..8)
        ) {
            let mut told = BTreeSet::new();
            for round in rounds {
                let people: Vec<_> = round.iter().map(|(number, of_wave)| (*number, *of_wave)).collect();
                let now = not_told(changing(&plan(&people), &pilot()), Some(&told));
                for person in now.keys() {
                    prop_assert!(told.insert(*person), "{person} is told twice");
                }
                let meant = round.iter().filter(|(_, of_wave)| **of_wave).map(|(number, _)| id(*number));
                for person in meant {
                    prop_assert!(told.contains(&person), "{person} is never told");
                }
                prop_assert!(now.keys().all(|person| round.iter().any(|(number, of_wave)| *of_wave && id(*number) == *person)));
            }
        }
    }
}
