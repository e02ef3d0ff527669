//! Laws of the plan, for any manifest, any tenant and any memory.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use insightctl::model::Standing;
use insightctl::model::{
    Accepted, ActualPerson, ActualState, ActualTenant, By, BySetting, Catalogue, Class, DesiredGroup,
    DesiredState, Entry, Found, GroupId, GroupMember, Held, Kind, Known, Ledger, Licences, LicensingGroup,
    LicensingState, Mark, Mode, OnLeave, OnUserChoice, PersonId, PersonRecord, ReOptIn, Refusal, RefusalKind,
    ServicePlanId, Setting, Settings, Settle, Sku, SkuId, Source, Switch, TenantEntry, TenantId,
    TenantSetting, Value,
};
use insightctl::plan::budget::Speed;
use insightctl::plan::{
    Because, Context, Operation, Phase, Plan, Reason, Target, is_consistent, plan, standings,
};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

const NOW: i64 = 1_700_000_000;
const MANIFEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn id(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number + 1))
}

fn at(minutes_ago: i64) -> Timestamp {
    Timestamp::from_second(NOW - minutes_ago * 60).unwrap()
}

fn catalogue() -> Catalogue {
    let plan = |n: u128| ServicePlanId(Uuid::from_u128(n));
    let sku = |name: &str, insights: Vec<ServicePlanId>| Sku {
        name: name.into(),
        plans: insights.iter().copied().chain([plan(9)]).collect(),
        insights,
        mailbox: vec![plan(9)],
    };
    let skus = BTreeMap::from([
        (SkuId(Uuid::from_u128(1)), sku("E3", vec![plan(1)])),
        (SkuId(Uuid::from_u128(2)), sku("E5", vec![plan(1), plan(2)])),
        (SkuId(Uuid::from_u128(3)), sku("F3", vec![])),
    ]);
    Catalogue { skus, groups: BTreeMap::new() }
}

fn value(setting: Setting) -> BoxedStrategy<Value> {
    match setting {
        Setting::Mode => prop_oneof![Just(Value::OPT_IN), Just(Value::OPT_OUT)].boxed(),
        Setting::ServicePlan => prop_oneof![Just(Value::ASSIGNED), Just(Value::REMOVED)].boxed(),
        Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => {
            prop_oneof![Just(Value::ON), Just(Value::OFF)].boxed()
        }
    }
}

fn by_setting<T: std::fmt::Debug + Clone + 'static>(
    with: impl Fn(Setting) -> BoxedStrategy<T>,
) -> impl Strategy<Value = BySetting<T>> {
    let [mode, dashboard, digest_email, outlook_add_in, service_plan] = Setting::ALL.map(with);
    let all = (mode, dashboard, digest_email, outlook_add_in, service_plan);
    all.prop_map(|(mode, dashboard, digest_email, outlook_add_in, service_plan)| BySetting {
        mode,
        dashboard,
        digest_email,
        outlook_add_in,
        service_plan,
    })
}

fn group(number: usize) -> impl Strategy<Value = DesiredGroup> {
    let wants = by_setting(|setting| proptest::option::of(value(setting)).boxed());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (wants, flags).prop_map(move |(wants, (over, restore, again))| DesiredGroup {
        name: format!("group-{number}").into(),
        wants,
        on_user_choice: if over { OnUserChoice::Override } else { OnUserChoice::Respect },
        on_leave: if restore { OnLeave::Restore } else { OnLeave::Keep },
        named: Some(3),
        closed: None,
        re_opt_in: again.then(|| ReOptIn {
            reason: "agreed".into(),
            until: at(-1),
            mark: Mark::of(&format!("group-{number}")),
        }),
    })
}

fn entry(setting: Setting) -> BoxedStrategy<Option<Entry>> {
    let flags = proptest::array::uniform6(any::<bool>());
    let minutes = prop_oneof![0..14_i64, 15..30_i64, 31..4000_i64];
    let default = match setting {
        Setting::Mode => Just(Some(Value::OPT_IN)).boxed(),
        Setting::ServicePlan => Just(None).boxed(),
        Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => {
            value(setting).prop_map(Some).boxed()
        }
    };
    let made = (value(setting), default, flags, minutes, any::<bool>()).prop_map(
        |(value, default, flags, ago, us)| {
            let [confirmed, stored, chosen, released, retried, undone] = flags;
            let rolled_back = (undone && us).then(|| Mark::of(MANIFEST));
            let entry = Entry::seen(value, default, chosen && !us, at(ago));
            if !us {
                return Entry { released, ..entry };
            }
            let found = Some(Found { value, chosen });
            let stored = stored && confirmed;
            Entry { by: By::Us, confirmed, stored, released, retried, rolled_back, found, ..entry }
        },
    );
    proptest::option::of(made).boxed()
}

fn settings() -> impl Strategy<Value = Known<Settings>> {
    let read = (any::<bool>(), any::<[bool; 3]>()).prop_map(|(opted_in, [a, b, c])| {
        Known::Is(Settings {
            mode: if opted_in { Mode::OptIn } else { Mode::OptOut },
            dashboard: a.into(),
            digest_email: b.into(),
            outlook_add_in: c.into(),
        })
    });
    let refused = |kind| {
        let message = "refused".to_owned();
        Just(Known::Unknown(Arc::new(Refusal { kind, message, request_id: None })))
    };
    prop_oneof![8 => read, 1 => refused(RefusalKind::Forbidden), 1 => refused(RefusalKind::Failed)]
}

/// Are the groups that hand out licences.
const LICENSING: [GroupId; 2] = [GroupId(Uuid::from_u128(77)), GroupId(Uuid::from_u128(78))];

fn licences() -> impl Strategy<Value = Licences> {
    let group = proptest::option::of(0..2_usize);
    let source = (1..=3_u128, group, proptest::collection::btree_set(1..=2_u128, 0..2)).prop_map(
        |(sku, group, disabled)| Source {
            sku: SkuId(Uuid::from_u128(sku)),
            by_group: group.map(|group| LICENSING[group]),
            disabled: disabled.into_iter().map(|n| ServicePlanId(Uuid::from_u128(n))).collect(),
            active: true,
        },
    );
    proptest::collection::vec(source, 0..3).prop_map(Licences)
}

fn person(number: u128) -> impl Strategy<Value = ActualPerson> {
    (settings(), licences(), 0..20_u8).prop_map(move |(settings, licences, oddity)| ActualPerson {
        upn: format!("p{number}@contoso.com").into(),
        kind: if oddity == 0 { Kind::Guest } else { Kind::Member },
        enabled: oddity != 1,
        mailbox: oddity != 2,
        licences: Arc::new(licences),
        settings,
    })
}

#[derive(Clone, Debug)]
struct World {
    desired: DesiredState,
    actual: ActualState,
    ledger: Ledger,
}

impl World {
    fn plan(&self) -> Plan {
        let context = Context {
            now: at(0),
            as_of: at(0),
            manifest: MANIFEST.to_owned(),
            store: Some("store".to_owned()),
            keeps_ledger: true,
            newest_run: 0,
            re_pin: false,
            speed: Speed::default(),
        };
        plan(&self.desired, &self.actual, &self.ledger, &context)
    }

    fn is_ours(&self, person: PersonId) -> bool {
        self.ledger
            .entry(person, Setting::Mode)
            .is_some_and(|entry| entry.written().is_some() && !entry.released)
    }
}

fn setting() -> impl Strategy<Value = Setting> {
    proptest::sample::select(Setting::ALL.to_vec())
}

/// Gives both values that a setting can be accepted to have.
fn deviant(setting: Setting) -> (Value, Value) {
    match setting {
        Setting::Mode => (Value::OPT_IN, Value::OPT_OUT),
        Setting::ServicePlan => (Value::ASSIGNED, Value::REMOVED),
        Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => (Value::ON, Value::OFF),
    }
}

const FEATURES: [TenantSetting; 3] =
    [TenantSetting::Dashboard, TenantSetting::DigestEmail, TenantSetting::OutlookAddIn];

/// Makes a licensing group of those who hold its licence, and now and then of somebody else.
fn licensing(
    group: GroupId,
    stranger: u8,
    products: &BTreeMap<u128, bool>,
    actual: &ActualState,
) -> Known<LicensingGroup> {
    if stranger == 1 {
        return Known::Unknown(Arc::new(Refusal::not_asked()));
    }
    let holds =
        |person: &&ActualPerson| person.licences.0.iter().any(|source| source.by_group == Some(group));
    let members = actual.people.iter().filter(|(_, person)| holds(person)).map(|(id, _)| *id);
    // Now and then somebody is missing who holds its licence.
    let members = members.skip(usize::from(stranger == 3)).chain((stranger == 0).then(|| id(99)));
    let off = |off: bool| if off { vec![ServicePlanId(Uuid::from_u128(1))] } else { Vec::new() };
    Known::Is(LicensingGroup {
        state: LicensingState {
            products: products.iter().map(|(sku, is)| (SkuId(Uuid::from_u128(*sku)), off(*is))).collect(),
            processing: stranger == 2,
            errors: false,
        },
        members: members.map(|id| GroupMember { id, upn: None }).collect(),
    })
}

prop_compose! {
    fn world()(count in 1..9_usize)(
        people in (0..count).map(|n| person(n as u128)).collect::<Vec<_>>(),
        held in proptest::collection::vec((proptest::option::of(0..2_u32), 0..12_u8), count),
        records in proptest::collection::vec((proptest::option::of(0..3_u32), by_setting(entry)), count),
        groups in (group(0), group(1)),
        wanted in proptest::array::uniform3(proptest::option::of(any::<bool>())),
        found in any::<[bool; 3]>(),
        remembered in proptest::array::uniform3(proptest::option::of((any::<bool>(), any::<bool>(), 0..4000_i64))),
        returned in proptest::collection::vec(proptest::option::of((setting(), 0..5_i64)), count),
        met in proptest::collection::vec(any::<bool>(), count),
        accepted in proptest::collection::vec(proptest::option::of((setting(), any::<bool>())), count),
        known in proptest::array::uniform2(proptest::option::of(0..4000_i64)),
        exists in proptest::collection::vec(proptest::option::of(any::<bool>()), count),
        gone in proptest::collection::vec(proptest::option::of(0..100_i64), count),
        waits in proptest::collection::vec(proptest::option::of(0..2_u32), count),
        unreadable in 0..30_u8,
        through_groups in any::<bool>(),
        strangers in proptest::array::uniform2(0..6_u8),
        products in proptest::array::uniform2(proptest::collection::btree_map(1..=3_u128, any::<bool>(), 1..3)),
    ) -> World {
        let switch = |on: bool| Value::Switch(Switch::from(on));
        let mut desired = DesiredState { groups: vec![groups.0, groups.1], settle: Settle::default(), ..Default::default() };
        let mut ledger = Ledger::default();
        let mut tenant = BTreeMap::new();
        for (at_feature, setting) in FEATURES.into_iter().enumerate() {
            if let Some(on) = wanted[at_feature] {
                desired.tenant.insert(setting, switch(on));
            }
            tenant.insert(setting, Known::Is(switch(found[at_feature])));
            if let Some((on, us, ago)) = remembered[at_feature] {
                let by = if us { By::Us } else { By::Seen };
                let entry = TenantEntry {
                    value: switch(on), by, at: at(ago), confirmed: false,
                    previous: Some(switch(!on)), changed_at: Some(at(ago)), rolled_back: None,
                };
                ledger.tenant.insert(setting, entry);
            }
        }
        for (number, (group, oddity)) in held.into_iter().enumerate() {
            let who = id(number as u128);
            if let Some(group) = group {
                desired.people.insert(who, Held { group, certain: oddity != 0 });
                if oddity == 1 {
                    desired.protected.insert(who);
                }
            }
        }
        for (number, group) in waits.into_iter().enumerate() {
            let who = id(number as u128);
            if let Some(group) = group
                && !desired.people.contains_key(&who)
            {
                desired.waiting.insert(who, group);
            }
        }
        for (number, (group, settings)) in records.into_iter().enumerate() {
            let group = group.map(|group| format!("group-{group}").into());
            let who = id(number as u128);
            let returned = returned[number].map(|(setting, times)| {
                (setting, (1..=times).rev().map(|days| at(days * 24 * 60)).collect())
            });
            let re_opted_in = met[number].then(|| Mark::of("group-0"));
            let gone_since = gone[number].map(|days| at(days * 24 * 60));
            let returned = returned.into_iter().collect();
            ledger.people.insert(who, PersonRecord { group, settings, returned, re_opted_in, gone_since });
            if let Some((setting, readable)) = accepted[number] {
                desired.accepted.push(Accepted {
                    selector: format!("user: {who}"),
                    people: if readable { vec![who] } else { Vec::new() },
                    not_found: Vec::new(),
                    unreadable: (!readable).then(|| Arc::new(Refusal::not_asked())),
                    setting,
                    value: if number % 2 == 0 { deviant(setting).0 } else { deviant(setting).1 },
                    reason: "agreed".into(),
                    until: at(-1),
                });
            }
        }
        for (number, known) in known.into_iter().enumerate() {
            if let Some(ago) = known {
                ledger.re_opt_ins.insert(Mark::of(&format!("group-{number}")), at(ago));
            }
        }
        if unreadable == 0 {
            desired.unreadable.push(insightctl::model::desired::Unreadable {
                group: Some(1),
                selector: "group: x".to_owned(),
                refusal: Arc::new(Refusal { kind: RefusalKind::Forbidden, message: "no".to_owned(), request_id: None }),
            });
        }
        let named = |n: usize| {
            let who = id(n as u128);
            desired.people.contains_key(&who) || desired.waiting.contains_key(&who)
        };
        let elsewhere = |n: usize| !named(n) && exists[n].is_some();
        let people = people.into_iter().enumerate().filter(|(n, _)| !elsewhere(*n));
        let people = people.map(|(n, person)| (id(n as u128), person)).collect();
        let looked_up = exists.iter().enumerate().filter(|(n, _)| elsewhere(*n));
        let exists = looked_up.filter_map(|(n, it)| Some((id(n as u128), (*it)?))).collect();
        let actual = ActualState {
            tenant: ActualTenant {
                id: TenantId(Uuid::from_u128(1)), name: "Contoso".into(), settings: tenant, people: Known::Is(100),
            },
            catalogue: catalogue(),
            people,
            exists,
            licensing: BTreeMap::new(),
            read_at: at(0),
        };
        desired.through_groups = through_groups;
        let mut actual = actual;
        for ((group, stranger), products) in LICENSING.into_iter().zip(strangers).zip(products) {
            let licensing = licensing(group, stranger, &products, &actual);
            actual.licensing.insert(group, licensing);
        }
        World { desired, actual, ledger }
    }
}

fn person_of(operation: &Operation) -> Option<(PersonId, Setting)> {
    match &operation.target {
        Target::Person(person) => Some((person.id, person.setting)),
        Target::Tenant(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn everyone_in_scope_has_an_operation_or_a_reason(world in world()) {
        let plan = world.plan();
        let with: BTreeSet<PersonId> = plan.operations.iter().filter_map(|o| Some(person_of(o)?.0)).collect();
        let without: BTreeSet<PersonId> = plan.left_alone.iter().filter_map(|person| person.id).collect();
        prop_assert!(with.is_disjoint(&without));
        let waiting = world.desired.waiting.keys();
        let scope: BTreeSet<PersonId> = world.desired.people.keys().chain(waiting).copied().collect();
        let told: BTreeSet<PersonId> = with.union(&without).copied().collect();
        prop_assert!(told.is_superset(&scope));
        prop_assert_eq!(told.difference(&scope).count() as u64, plan.summary.outside_scope);
        let counted: u64 = plan.summary.left_alone.values().sum();
        prop_assert_eq!(plan.summary.people - plan.summary.outside_scope + counted, plan.summary.in_scope);
    }

    #[test]
    fn whoever_waits_for_a_wave_is_left_alone_and_waits_in_the_standings(world in world()) {
        let plan = world.plan();
        for person in &plan.left_alone {
            let waits = person.id.is_some_and(|who| world.desired.waiting.contains_key(&who));
            prop_assert!(waits || person.reason != Reason::WaveNotStarted);
            let more = person.reason < Reason::WaveNotStarted;
            prop_assert!(!waits || more || person.reason == Reason::WaveNotStarted, "{person:?}");
        }
        let standings = standings(&plan, &world.desired, &world.actual, &world.ledger);
        let scope = world.desired.people.len() + world.desired.waiting.len();
        prop_assert_eq!(standings.len(), scope);
        prop_assert!(standings.is_sorted_by_key(|(who, _, _)| *who));
        for (who, _, standing) in standings {
            let holds = world.desired.people.contains_key(&who);
            prop_assert!(!(holds && standing == Standing::Waiting));
            let opted_out = || world.actual.people[&who].settings.known().unwrap().mode == Mode::OptOut;
            match standing {
                Standing::OptedOut | Standing::OptedOutThemselves => prop_assert!(opted_out()),
                Standing::OptedIn => prop_assert!(world.actual.people[&who].settings.known().is_none() || !opted_out()),
                Standing::OutOfReach | Standing::Unknown | Standing::Unlicensed | Standing::Failed
                | Standing::Pending | Standing::Settling | Standing::Waiting => {}
            }
        }
    }

    #[test]
    fn strangers_are_never_touched(world in world()) {
        let plan = world.plan();
        let opted_in: BTreeSet<PersonId> = plan
            .operations
            .iter()
            .filter(|operation| operation.to == Value::OPT_IN)
            .filter_map(|operation| Some(person_of(operation)?.0))
            .collect();
        for operation in &plan.operations {
            let Some((who, setting)) = person_of(operation) else { continue };
            if world.desired.people.contains_key(&who) {
                continue;
            }
            // Only what we wrote ourselves comes back, where it is still as we wrote it; an opt-in that comes back
            // states the features with it.
            prop_assert_eq!(operation.because, Because::Restored);
            let ours = world.ledger.entry(who, setting).is_some_and(|entry| entry.written() == operation.from);
            prop_assert!(ours || (setting.feature().is_some() && opted_in.contains(&who)), "{operation:?}");
        }
    }

    #[test]
    fn nobody_is_opted_in_against_an_opt_out_that_is_not_ours(world in world()) {
        for operation in &world.plan().operations {
            let Some((who, Setting::Mode)) = person_of(operation) else { continue };
            if operation.to != Value::OPT_IN {
                continue;
            }
            if operation.because != Because::ReOptIn {
                prop_assert!(world.is_ours(who), "{operation:?}");
                continue;
            }
            // Only by a decision of the person's own group, which had not met them, and which their opt-out was older
            // than; and that is counted by itself, so that it always needs consent.
            let rule = world.desired.group(world.desired.people[&who]).re_opt_in.clone().unwrap();
            let entry = world.ledger.entry(who, Setting::Mode).unwrap();
            prop_assert_eq!(operation.mark, Some(rule.mark));
            prop_assert_eq!(operation.class, Class::ReOptIn);
            prop_assert_eq!(entry.value, Value::OPT_OUT);
            prop_assert!(world.ledger.re_opt_ins.get(&rule.mark).is_none_or(|known| entry.at < *known));
            prop_assert!(world.ledger.people[&who].re_opted_in != Some(rule.mark));
        }
    }

    #[test]
    fn a_licensing_group_changes_only_where_every_member_wants_it(world in world()) {
        let plan = world.plan();
        prop_assert!(plan.licensing_groups.is_empty() || world.desired.through_groups);
        let through: BTreeSet<(PersonId, GroupId)> = plan
            .operations
            .iter()
            .flat_map(|operation| operation.through.iter().map(move |group| (operation, *group)))
            .filter_map(|(operation, group)| Some((person_of(operation)?.0, group)))
            .collect();
        let all: BTreeSet<(PersonId, Option<Value>)> = plan
            .operations
            .iter()
            .filter_map(|operation| Some((person_of(operation)?, operation.to)))
            .map(|((who, setting), to)| (who, (setting == Setting::ServicePlan).then_some(to)))
            .collect();
        for group in &plan.licensing_groups {
            let Known::Is(read) = &world.actual.licensing[&group.id] else { panic!("it was read") };
            prop_assert!(!read.state.processing && !group.changes.is_empty());
            for (who, person) in &world.actual.people {
                let holds = person.licences.handed_down_by(&world.actual.catalogue).any(|by| by == group.id);
                prop_assert!(!holds || read.members.iter().any(|member| member.id == *who), "{who} in {group:?}");
            }
            for member in &read.members {
                prop_assert!(group.members.contains(&member.id));
                let held = world.desired.people[&member.id];
                prop_assert!(held.certain && !world.desired.protected.contains(&member.id));
                prop_assert_eq!(world.desired.group(held).wants.service_plan, Some(group.to));
                let plan = world.actual.people[&member.id].licences.service_plan(&world.actual.catalogue);
                let is_so = plan.is_none_or(|plan| Value::ServicePlan(plan) == group.to);
                let goes = all.contains(&(member.id, Some(group.to)));
                prop_assert!(is_so || goes, "{member:?} in {group:?}");
            }
        }
        for (who, group) in through {
            let group = plan.licensing_groups.iter().find(|change| change.id == group).unwrap();
            prop_assert!(group.members.contains(&who));
        }
    }

    #[test]
    fn what_is_accepted_or_quarantined_is_not_changed(world in world()) {
        for operation in &world.plan().operations {
            let Some((who, setting)) = person_of(operation) else { continue };
            // Who left has no group whose wants could be deviated from; beside an opt-in what is held is stated as it
            // is.
            let left = operation.because == Because::Restored;
            if left || (operation.because == Because::WithOptIn && operation.from == Some(operation.to)) {
                continue;
            }
            let accepts = |accepted: &&Accepted| {
                (accepted.setting, Some(accepted.value)) == (setting, operation.from)
                    && (accepted.people.contains(&who) || accepted.unreadable.is_some())
            };
            let pin = operation.from == Some(operation.to);
            let accepted = world.desired.accepted.iter().find(accepts);
            prop_assert!(pin || accepted.is_none(), "{operation:?} against {accepted:?}");
            let returned = world.ledger.people[&who].returned.get(&setting);
            prop_assert!(returned.is_none_or(|returned| returned.len() < 3), "{operation:?}");
        }
    }

    #[test]
    fn nobody_is_forgotten_who_is_held_or_could_be_restored(world in world()) {
        let observations = world.plan().observations;
        for who in &observations.forgotten {
            prop_assert!(!world.desired.people.contains_key(who) && !observations.people.contains_key(who));
            prop_assert_eq!(world.actual.exists.get(who), Some(&false));
            prop_assert!(world.ledger.people[who].gone_since.unwrap() <= at(60 * 24 * 60));
        }
    }

    #[test]
    fn what_was_undone_under_this_manifest_keeps_its_value(world in world()) {
        for operation in &world.plan().operations {
            let (Some((who, setting)), Some(have)) = (person_of(operation), operation.from) else { continue };
            let entry = world.ledger.entry(who, setting);
            let undone = entry.is_some_and(|entry| entry.is_undone(have, Mark::of(MANIFEST)));
            // Beside an opt-in it may be stated again, as it is.
            prop_assert!(!undone || operation.to == have, "{operation:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_never_written(world in world()) {
        for operation in &world.plan().operations {
            let Some((who, setting)) = person_of(operation) else { continue };
            let person = &world.actual.people[&who];
            prop_assert!(setting == Setting::ServicePlan || person.settings.known().is_some());
            prop_assert!(world.desired.people.get(&who).is_none_or(|held| held.certain));
            prop_assert!(operation.from.is_some());
        }
    }

    #[test]
    fn protected_people_guests_and_disabled_accounts_are_never_written(world in world()) {
        for operation in &world.plan().operations {
            let Some((who, _)) = person_of(operation) else { continue };
            let person = &world.actual.people[&who];
            prop_assert!(!world.desired.protected.contains(&who));
            prop_assert!(person.kind == Kind::Member && person.enabled && person.mailbox);
        }
    }

    #[test]
    fn nothing_is_granted_to_people_without_a_licence(world in world()) {
        for operation in &world.plan().operations {
            let Some((who, setting)) = person_of(operation) else { continue };
            let grant = matches!(operation.to, Value::OPT_IN | Value::ON);
            if grant && setting != Setting::ServicePlan && operation.because != Because::WithOptIn {
                let plan = world.actual.people[&who].licences.service_plan(&world.actual.catalogue);
                prop_assert!(matches!(plan.map(Value::ServicePlan), Some(Value::ASSIGNED | Value::PARTIAL)));
            }
        }
    }

    #[test]
    fn a_visible_choice_stands_under_respect(world in world()) {
        let plan = world.plan();
        for operation in &plan.operations {
            let Some((who, setting)) = person_of(operation) else { continue };
            let Some(held) = world.desired.people.get(&who) else { continue };
            let respect = world.desired.group(*held).on_user_choice == OnUserChoice::Respect;
            let remembered = world.ledger.entry(who, setting).is_some_and(|entry| {
                entry.chosen && entry.tried.is_none() && Some(entry.value) == operation.from
            });
            // A service plan is nobody's choice, and beside an opt-in the chosen value itself is stated again. Opting in
            // again is what sets a choice aside, and has a law of its own.
            let chosen = respect && remembered && setting != Setting::ServicePlan;
            let allowed = matches!(operation.because, Because::WithOptIn | Because::ReOptIn);
            prop_assert!(!chosen || allowed, "{operation:?}");
        }
    }

    #[test]
    fn pins_go_before_defaults_and_opt_outs_before_removals(world in world()) {
        let plan = world.plan();
        let phases: Vec<Phase> = plan.operations.iter().map(|operation| operation.phase).collect();
        prop_assert!(phases.is_sorted());
        for operation in &plan.operations {
            if operation.because == Because::Pinned {
                prop_assert_eq!(operation.phase, Phase::Pin);
                prop_assert_eq!(operation.from, Some(operation.to));
            }
            if operation.after_opt_out {
                let (who, _) = person_of(operation).unwrap();
                let goes = plan.operations.iter().any(|other| {
                    person_of(other) == Some((who, Setting::Mode)) && other.to == Value::OPT_OUT
                });
                let is = world.actual.people[&who].settings.known().is_some_and(|is| is.mode == Mode::OptOut);
                prop_assert!(goes || is);
            }
        }
    }

    #[test]
    fn a_saved_plan_reads_back_the_same(world in world()) {
        let plan = world.plan();
        let text = serde_json::to_string(&plan).unwrap();
        let again: Plan = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again, &plan);
        prop_assert!(is_consistent(&again));
        prop_assert_eq!(serde_json::to_string(&world.plan()).unwrap(), text);
    }

    #[test]
    fn an_unreadable_group_lets_nobody_leave(world in world()) {
        let plan = world.plan();
        if !world.desired.unreadable.is_empty() {
            prop_assert!(plan.leaving.iter().all(|leaving| leaving.left == 0));
            prop_assert_eq!(plan.summary.outside_scope, 0);
        }
        for person in &plan.left_alone {
            let held = person.id.and_then(|who| world.desired.people.get(&who));
            if held.is_some_and(|held| !held.certain) {
                prop_assert_eq!(person.reason, Reason::Unknown);
            }
        }
    }
}
