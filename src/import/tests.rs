//! Proves that a manifest that was imported asks of everybody for what they have.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::have::tests::{catalogue, person};
use super::*;
use crate::manifest::{Manifest, Severity, parse};
use crate::model::{
    ActualPerson, ActualTenant, Feature, InForce, Kind, Mode, Refusal, Selector, ServicePlan, Setting,
    Switch, TenantId, TenantSetting, Value,
};

const TENANT: TenantId = TenantId(Uuid::from_u128(0x3f25_04e0_4f89_41d3_9a0c_0305_e82c_3301));

fn id(n: usize) -> PersonId {
    PersonId(Uuid::from_u128(n as u128 + 1))
}

fn actual(people: Vec<ActualPerson>, defaults: [Known<Value>; 3]) -> ActualState {
    let settings = Feature::ALL.map(Feature::tenant_setting).into_iter().zip(defaults).collect();
    ActualState {
        tenant: ActualTenant {
            id: TENANT,
            name: "Contoso".into(),
            settings,
            people: Known::Is(people.len() as u64),
        },
        catalogue: catalogue(),
        people: people.into_iter().enumerate().map(|(n, person)| (id(n), person)).collect(),
        exists: BTreeMap::new(),
        licensing: BTreeMap::new(),
        read_at: Timestamp::from_second(1_800_000_000).unwrap(),
    }
}

fn candidate(number: usize, label: &str) -> Candidate {
    Candidate { selector: Selector::Group(Uuid::from_u128(number as u128).to_string()), label: label.into() }
}

fn described(
    actual: &ActualState,
    candidates: &[Candidate],
    membership: &Membership,
    scope: Option<&BTreeSet<PersonId>>,
) -> Imported {
    import(&Found {
        name: "contoso.onmicrosoft.com",
        cloud: Cloud::default(),
        transport: None,
        actual,
        scope,
        candidates,
        membership,
    })
}

fn read(imported: &Imported) -> Manifest {
    let lists: Vec<(&str, &[u8])> =
        imported.lists.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let manifest = match parse(&imported.manifest, &lists) {
        Ok(manifest) => manifest,
        Err(problems) => panic!("{problems:?}\n{}", imported.manifest),
    };
    assert_eq!(manifest.warnings().count(Severity::Warning), 0, "{}", imported.manifest);
    manifest
}

/// Says of each person what the manifest asks for: a setting that it does not mention is the tenant's default.
fn asked(
    manifest: &Manifest,
    actual: &ActualState,
    membership: &Membership,
) -> BTreeMap<PersonId, have::Outcome> {
    let mut membership = membership.clone();
    for selector in manifest.selectors() {
        let one = match &selector {
            Selector::User(upn) => actual
                .people
                .iter()
                .find(|(_, person)| person.upn.eq_ignore_ascii_case(upn))
                .map(|(id, _)| *id),
            Selector::Id(id) => Some(*id),
            Selector::Mail(_)
            | Selector::Group(_)
            | Selector::Filter(_)
            | Selector::Licence(_)
            | Selector::Everyone => {
                continue;
            }
        };
        membership.of.insert(selector, Known::Is(Members::Are(one.into_iter().collect())));
    }
    let desired = manifest.resolve(&membership, &InForce::default()).unwrap();
    let says = |id: &PersonId| {
        desired.people.get(id).map_or_else(have::Outcome::default, |held| desired.group(*held).wants)
    };
    actual.people.keys().map(|id| (*id, says(id))).collect()
}

/// Makes sure that the manifest says of everybody who can be changed what they have, and nothing else that matters.
fn is_true(imported: &Imported, actual: &ActualState, membership: &Membership) {
    let manifest = read(imported);
    for (id, says) in asked(&manifest, actual, membership) {
        let person = &actual.people[&id];
        let Known::Is(settings) = &person.settings else {
            assert_eq!(says, have::Outcome::default(), "nobody knows what {id} has\n{}", imported.manifest);
            continue;
        };
        if person.kind == Kind::Guest || !person.enabled || !person.mailbox {
            continue;
        }
        let context = || format!("{id} {person:?} {says:?}\n{}\n{:?}", imported.manifest, imported.lists);
        assert_eq!(says.mode.unwrap_or(Value::OPT_IN), Value::Mode(settings.mode), "{}", context());
        let plan = person.licences.service_plan(&actual.catalogue);
        if let Some(plan) = plan {
            let removed = plan == ServicePlan::Removed;
            assert_eq!(says.service_plan, removed.then_some(Value::REMOVED), "{}", context());
        }
        for feature in Feature::ALL {
            let have = settings.get(feature.setting()).unwrap();
            let default = actual.tenant.settings[&feature.tenant_setting()].known().copied();
            let says = *says.get(feature.setting());
            let matters = settings.mode == Mode::OptIn && plan.is_some() && default.is_some();
            assert!(!matters || says.or(default) == Some(have), "{}", context());
            assert!(
                says != Some(Value::OFF) || have == Value::OFF || settings.mode == Mode::OptOut,
                "{}",
                context()
            );
        }
    }
}

fn any_person() -> impl Strategy<Value = (u8, u8, u8, u8)> {
    (0..20_u8, 0..20_u8, 0..8_u8, 0..30_u8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn an_imported_manifest_asks_of_everybody_for_what_they_have(
        rolls in proptest::collection::vec(any_person(), 0..80),
        sets in proptest::collection::vec(proptest::collection::btree_set(0..80_usize, 0..80), 0..7),
        habits in proptest::collection::vec((0..20_u8, 0..8_u8), 7),
        defaults in proptest::array::uniform3(0..9_u8),
        everyone in any::<bool>(),
    ) {
        let mut people: Vec<ActualPerson> = Vec::new();
        for (n, (mode, plan, features, oddity)) in rolls.iter().enumerate() {
            // People of a set tend to have the same.
            let habit = sets.iter().position(|set| set.contains(&n)).filter(|_| oddity % 5 > 0).map(|set| habits[set]);
            let (mode, features) = habit.unwrap_or((*mode, *features));
            let mode = if mode < 6 { Mode::OptOut } else { Mode::OptIn };
            let features = [0, 1, 2].map(|bit| Switch::from(features >> bit & 1 == 1));
            let plan = match plan {
                0..=3 => None,
                4 => Some(ServicePlan::Partial),
                5..=7 => Some(ServicePlan::Removed),
                _ => Some(ServicePlan::Assigned),
            };
            let upn = match oddity {
                0 => format!("=cmd{n}@contoso.com"),
                1 => format!("lost?{n}@contoso.com"),
                2 => format!("O'Neil{n}@Contoso.com"),
                _ => format!("u{n}@contoso.com"),
            };
            let mut person = person(&upn, mode, features, plan);
            match oddity {
                3 => person.kind = Kind::Guest,
                4 => person.enabled = false,
                5 => person.mailbox = false,
                6 => person.settings = Known::Unknown(Arc::new(Refusal::not_asked())),
                _ => {}
            }
            people.push(person);
        }
        let defaults = defaults.map(|roll| match roll {
            0 => Known::Unknown(Arc::new(Refusal::not_asked())),
            roll => Known::Is(Value::Switch(Switch::from(roll % 2 == 0))),
        });
        let within = |n: &usize| *n < people.len();
        let mut membership = Membership::default();
        let mut candidates = Vec::new();
        for (number, set) in sets.iter().enumerate() {
            let candidate = candidate(number, "A group: \"of\"\n- people # {}");
            let members = set.iter().filter(|n| within(n)).map(|n| id(*n)).collect();
            membership.of.insert(candidate.selector.clone(), Known::Is(Members::Are(members)));
            candidates.push(candidate);
        }
        if everyone {
            let all = (0..people.len()).map(id).collect();
            membership.of.insert(Selector::Everyone, Known::Is(Members::Are(all)));
            candidates.push(Candidate { selector: Selector::Everyone, label: "everyone".into() });
        }
        let actual = actual(people, defaults);
        let imported = described(&actual, &candidates, &membership, None);
        is_true(&imported, &actual, &membership);
        prop_assert_eq!(&described(&actual, &candidates, &membership, None), &imported, "always the same");
        let Counts { people, as_given, by_rules, by_name, untouchable, not_read, .. } = imported.counts;
        prop_assert_eq!(as_given + by_rules + by_name + untouchable + not_read, people);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn names_of_any_length_in_any_script_make_a_manifest(
        labels in proptest::collection::vec("[a\u{df}\u{130}\u{6f22}\u{10400} -]{0,60}|\u{10400}{30}", 3),
    ) {
        // The longest name of what people can have, and a different one, so that groups of both are told apart.
        let long = [Switch::Off, Switch::Off, Switch::On];
        let actual = actual(
            (0..120)
                .map(|n| match n {
                    30..60 => ada(Mode::OptOut, Switch::On),
                    _ => person("u", Mode::OptIn, long, Some(ServicePlan::Removed)),
                })
                .zip(0..)
                .map(|(person, n)| ActualPerson { upn: format!("u{n}@contoso.com").into(), ..person })
                .collect(),
            [Value::ON, Value::ON, Value::OFF].map(Known::Is),
        );
        let sets: [BTreeSet<usize>; 3] = [(0..30).collect(), (30..60).collect(), (60..120).collect()];
        let candidates: Vec<Candidate> = (0..).zip(&labels).map(|(n, label)| candidate(n, label)).collect();
        let members = sets.iter().map(|set| Known::Is(Members::Are(set.iter().map(|n| id(*n)).collect())));
        let of = candidates.iter().map(|candidate| candidate.selector.clone()).zip(members).collect();
        let membership = Membership { of };
        let imported = described(&actual, &candidates, &membership, None);
        is_true(&imported, &actual, &membership);
        prop_assert!(read(&imported).groups().iter().any(|group| group.name().len() > 60), "{}", imported.manifest);
    }
}

const ON: [Known<Value>; 3] = [const { Known::Is(Value::ON) }; 3];
const OFF: [Known<Value>; 3] = [const { Known::Is(Value::OFF) }; 3];

fn ada(mode: Mode, features: Switch) -> ActualPerson {
    person("ada@contoso.com", mode, [features; 3], Some(ServicePlan::Assigned))
}

fn crowd(count: usize, one: &ActualPerson) -> Vec<ActualPerson> {
    (0..count).map(|n| ActualPerson { upn: format!("u{n}@contoso.com").into(), ..one.clone() }).collect()
}

fn everyone(count: usize) -> (Vec<Candidate>, Membership) {
    let of = BTreeMap::from([(Selector::Everyone, Known::Is(Members::Are((0..count).map(id).collect())))]);
    (vec![Candidate { selector: Selector::Everyone, label: "everyone".into() }], Membership { of })
}

#[test]
fn who_has_what_the_tenant_gives_needs_no_rule() {
    let actual = actual(crowd(100, &ada(Mode::OptIn, Switch::On)), ON);
    let (candidates, membership) = everyone(100);
    let imported = described(&actual, &candidates, &membership, None);
    let manifest = read(&imported);
    assert_eq!((manifest.groups().len(), imported.lists.len()), (0, 0));
    assert_eq!(manifest.scenario(), Some(manifest::Scenario::DefaultOn));
}

#[test]
fn a_tenant_in_which_everybody_is_opted_out_is_one_rule() {
    let actual = actual(crowd(100, &ada(Mode::OptOut, Switch::On)), OFF);
    let (candidates, membership) = everyone(100);
    let imported = described(&actual, &candidates, &membership, None);
    assert_eq!((read(&imported).groups().len(), imported.lists.len()), (1, 0));
    insta::assert_snapshot!(imported.manifest, @r#"
    # What Microsoft Viva Insights was in this tenant on 2027-01-15, written by `insightctl import`.
    # In people:
    #       0 with what the tenant gives everyone: no group is about them
    #     100 described by groups
    #       0 named one by one
    #       0 never changed: guests, disabled accounts, people without a mailbox
    #
    # The service does not say who set a value. That people of a group have the same does not mean that somebody
    # decided it for that group: read each one, and keep what is meant. Until then every group leaves people their
    # own choice, and `insightctl plan` has nothing to do.
    version: 1

    tenant:
      id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301
      name: "contoso.onmicrosoft.com"

    scenario: default-off

    # What everyone has who has not chosen otherwise. A key that is left out is not managed.
    defaults:
      dashboard: off
      digest-email: off
      outlook-add-in: off

    # The first group that holds a person decides everything for them.
    groups:
      - name: "opted-out-everyone"
        mode: opt-out
        on-user-choice: respect
        members:
          - everyone: true

    # Remembers what was written and what was found, so that nobody's own choice is undone. Keep it.
    store: file:.insightctl
    "#);
}

#[test]
fn nobody_without_a_licence_is_asked_to_get_anything() {
    let nobody = person("u@contoso.com", Mode::OptIn, [Switch::Off; 3], None);
    let actual = actual(crowd(100, &nobody), ON);
    let (candidates, membership) = everyone(100);
    assert_eq!(read(&described(&actual, &candidates, &membership, None)).groups().len(), 0);
}

#[test]
fn a_group_that_switches_features_on_makes_the_scenario_mixed() {
    let mut people = crowd(60, &ada(Mode::OptIn, Switch::Off));
    for person in &mut people[..30] {
        person.settings = ada(Mode::OptIn, Switch::On).settings;
    }
    let actual = actual(people, OFF);
    let sales = candidate(7, "Sales");
    let members = Known::Is(Members::Are((0..30).map(id).collect()));
    let membership = Membership { of: BTreeMap::from([(sales.selector.clone(), members)]) };
    let imported = described(&actual, &[sales], &membership, None);
    is_true(&imported, &actual, &membership);
    let manifest = read(&imported);
    assert_eq!(manifest.scenario(), Some(manifest::Scenario::Mixed));
    assert_eq!(manifest.groups()[0].wants().mode, Some(Value::OPT_IN));
    assert_eq!(*manifest.groups()[0].wants().get(Setting::Dashboard), Some(Value::ON));
}

#[test]
fn whoever_could_not_be_read_is_listed_and_named_by_no_rule() {
    let mut people = crowd(3, &ada(Mode::OptIn, Switch::On));
    people[1].settings = Known::Unknown(Arc::new(Refusal::not_asked()));
    let mut actual = actual(people, ON);
    actual
        .tenant
        .settings
        .insert(TenantSetting::ScheduleSend, Known::Unknown(Arc::new(Refusal::not_asked())));
    let imported = described(&actual, &[], &Membership::default(), None);
    assert_eq!(imported.lists["people/not-read.csv"], "UserPrincipalName\nu1@contoso.com\n");
    assert_eq!((imported.counts.not_read, imported.counts.defaults_not_read), (1, 1));
    assert_eq!(read(&imported).files().len(), 1, "nothing names the list");
}

#[test]
fn whoever_could_not_be_read_is_held_by_no_group_of_a_set_that_they_are_in() {
    let mut people = crowd(40, &ada(Mode::OptOut, Switch::On));
    people[7].settings = Known::Unknown(Arc::new(Refusal::not_asked()));
    let mut actual = actual(people, ON);
    let (candidates, membership) = everyone(40);
    let imported = described(&actual, &candidates, &membership, None);
    assert_eq!(imported.lists["people/not-read.csv"], "UserPrincipalName\nu7@contoso.com\n");
    // Now that she can be read, it turns out that she is opted in: nothing is asked of her.
    actual.people.get_mut(&id(7)).unwrap().settings = ada(Mode::OptIn, Switch::On).settings;
    is_true(&imported, &actual, &membership);
    let asked = asked(&read(&imported), &actual, &membership);
    assert_eq!(asked.values().filter(|says| says.mode == Some(Value::OPT_OUT)).count(), 39);
}

#[test]
fn what_carries_the_settings_is_written_where_somebody_chose() {
    let actual = actual(crowd(3, &ada(Mode::OptIn, Switch::On)), ON);
    for transport in [None, Some(manifest::Transport::PowerShell), Some(manifest::Transport::ExchangeRest)] {
        let imported = import(&Found {
            name: "contoso.onmicrosoft.com",
            cloud: Cloud::default(),
            transport,
            actual: &actual,
            scope: None,
            candidates: &[],
            membership: &Membership::default(),
        });
        assert_eq!(read(&imported).transport(), transport);
    }
}

#[test]
fn whoever_deviates_stands_in_two_groups_and_the_manifest_says_so() {
    let mut people = crowd(40, &ada(Mode::OptOut, Switch::On));
    let (candidates, membership) = everyone(40);
    let alone = described(&actual(people.clone(), ON), &candidates, &membership, None);
    assert!(!alone.manifest.contains("--strict"), "{}", alone.manifest);
    for person in &mut people[..5] {
        let removed = Some(ServicePlan::Removed);
        person.licences = super::have::tests::person("u", Mode::OptOut, [Switch::On; 3], removed).licences;
    }
    let actual = actual(people, ON);
    let imported = described(&actual, &candidates, &membership, None);
    is_true(&imported, &actual, &membership);
    assert_eq!(imported.counts.by_name, 5);
    assert!(imported.manifest.contains("`insightctl plan --strict` objects"), "{}", imported.manifest);
}

#[test]
fn a_set_that_reaches_beyond_the_scope_or_cannot_be_read_is_not_used() {
    let actual = actual(crowd(40, &ada(Mode::OptOut, Switch::On)), ON);
    let (wide, hidden, fitting) = (candidate(1, "Wide"), candidate(2, "Hidden"), candidate(3, "Fitting"));
    let membership = Membership {
        of: BTreeMap::from([
            (wide.selector.clone(), Known::Is(Members::Are((0..50).map(id).collect()))),
            (hidden.selector.clone(), Known::Unknown(Arc::new(Refusal::not_asked()))),
            (fitting.selector.clone(), Known::Is(Members::Are((0..40).map(id).collect()))),
        ]),
    };
    let scope = (0..40).map(id).collect();
    let imported = described(&actual, &[wide, hidden, fitting.clone()], &membership, Some(&scope));
    assert_eq!(imported.counts.sets_not_read, 1);
    assert_eq!(read(&imported).selectors(), BTreeSet::from([fitting.selector]));
}

#[test]
fn what_the_directory_calls_a_group_cannot_become_yaml() {
    let actual = actual(crowd(40, &ada(Mode::OptOut, Switch::On)), ON);
    let members = || Known::Is(Members::Are((0..40).map(id).collect()));
    for odd in
        ["\"\nstore: none", "# x", "a: b", "- c", "\u{2028}x", "{{", "'", "&a *b !c", "%", "\t", "\u{1b}[31m"]
    {
        for selector in [
            Selector::Group(Uuid::from_u128(9).to_string()),
            Selector::Filter(format!("department eq '{}'", odd.replace('\'', "''"))),
        ] {
            let membership = Membership { of: BTreeMap::from([(selector.clone(), members())]) };
            let candidate = Candidate { selector: selector.clone(), label: odd.into() };
            let imported = described(&actual, &[candidate], &membership, None);
            assert_eq!(read(&imported).selectors(), BTreeSet::from([selector]), "{}", imported.manifest);
            assert!(!imported.manifest.contains('\u{1b}') && !imported.manifest.contains('\u{2028}'));
        }
    }
}
