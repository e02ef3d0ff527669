//! Who holds whom, once the directory has answered.

use std::fmt::Write as _;
use std::sync::Arc;

use uuid::Uuid;

use crate::manifest::{Manifest, parse};
use crate::model::desired::NotFound;
use crate::model::rollout::{Force, InForce, Percent};
use crate::model::{DesiredState, Known, Members, Membership, PersonId, Refusal, RefusalKind, Selector};

const HEAD: &str = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\n";

fn id(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

fn manifest(groups: &str) -> Manifest {
    parse(
        &format!("{HEAD}{groups}"),
        &[("list.csv", b"UserPrincipalName\nAda@contoso.com\nbob@contoso.com\n")],
    )
    .unwrap()
}

fn group(name: &str) -> Selector {
    Selector::Group(name.to_owned())
}

fn user(name: &str) -> Selector {
    Selector::User(format!("{name}@contoso.com"))
}

fn are(people: &[u128]) -> Known<Members> {
    Known::Is(Members::Are(people.iter().copied().map(id).collect()))
}

fn refused() -> Known<Members> {
    Known::Unknown(Arc::new(Refusal { kind: RefusalKind::Forbidden, message: "no".into(), request_id: None }))
}

fn answers(of: impl IntoIterator<Item = (Selector, Known<Members>)>) -> Membership {
    Membership { of: of.into_iter().collect() }
}

fn held(state: &DesiredState) -> Vec<(u128, u32, bool)> {
    state.people.iter().map(|(person, held)| (person.0.as_u128(), held.group, held.certain)).collect()
}

const THREE: &str = "groups:
  - { name: a, mode: opt-out, members: [ { group: A } ] }
  - { name: b, mode: opt-in, members: [ { group: B } ], except: [ { group: X } ] }
  - { name: c, mode: opt-out, members: [ { group: C } ] }
guards: { protected: [ { group: P } ] }
";

#[test]
fn the_first_group_that_holds_a_person_decides() {
    let membership = answers([
        (group("A"), are(&[1, 2])),
        (group("B"), are(&[2, 3, 4, 5])),
        (group("X"), are(&[5])),
        (group("C"), are(&[1, 3, 5, 6])),
        (group("P"), are(&[3, 9])),
    ]);
    let manifest = manifest(THREE);
    let state = manifest.resolve(&membership, &InForce::default()).unwrap();
    assert_eq!(
        held(&state),
        [(1, 0, true), (2, 0, true), (3, 1, true), (4, 1, true), (5, 2, true), (6, 2, true)]
    );
    assert_eq!(state.groups.iter().map(|group| group.named).collect::<Vec<_>>(), [Some(2), Some(3), Some(4)]);
    assert_eq!(state.protected, [id(3), id(9)].into());
    assert!(state.unreadable.is_empty() && state.not_found.is_empty());
    assert_eq!(manifest.groups_naming(id(3), &membership), [1, 2]);
    assert_eq!(manifest.groups_naming(id(5), &membership), [2]);
}

#[test]
fn overlaps_are_counted_with_the_group_that_decides() {
    let membership = answers([
        (group("A"), are(&[1, 2, 3])),
        (group("B"), are(&[2, 3])),
        (group("X"), are(&[])),
        (group("C"), are(&[3, 4])),
        (group("P"), are(&[])),
    ]);
    let state = manifest(THREE).resolve(&membership, &InForce::default()).unwrap();
    let overlaps: Vec<_> = state
        .overlaps
        .iter()
        .map(|overlap| (&*overlap.winner, &*overlap.loser, overlap.people, overlap.same_outcome))
        .collect();
    assert_eq!(overlaps, [("a", "b", 2, false), ("a", "c", 1, true)]);
}

#[test]
fn from_the_first_unreadable_group_on_nobody_is_certain() {
    let readable = [
        (group("A"), are(&[1])),
        (group("B"), are(&[2])),
        (group("X"), are(&[])),
        (group("C"), are(&[3])),
        (group("P"), are(&[])),
    ];
    for (unreadable, certain) in [
        ("A", [false, false, false]),
        ("B", [true, false, false]),
        ("X", [true, false, false]),
        ("C", [true, true, false]),
        ("P", [false, false, false]),
    ] {
        let mut membership = answers(readable.clone());
        membership.of.insert(group(unreadable), refused());
        let state = manifest(THREE).resolve(&membership, &InForce::default()).unwrap();
        for (person, held) in &state.people {
            let number = usize::try_from(person.0.as_u128()).unwrap();
            assert_eq!(held.certain, certain[number - 1], "person {number}, {unreadable} unreadable");
        }
        assert_eq!(state.unreadable.len(), 1);
        assert_eq!(state.unreadable[0].selector, format!("group: {unreadable}"));
        assert_eq!(state.unreadable[0].group.is_none(), unreadable == "P");
    }
}

#[test]
fn what_was_not_asked_counts_as_unreadable_and_never_as_nobody() {
    let state = manifest(THREE).resolve(&Membership::default(), &InForce::default()).unwrap();
    assert_eq!(state.unreadable.len(), 5);
    assert!(state.groups.iter().all(|group| group.named.is_none()));
}

#[test]
fn people_of_a_list_are_asked_for_and_told_of_as_they_are_spelt() {
    let manifest = manifest(
        "groups:
  - { name: a, mode: opt-out, members: [ { csv: list.csv }, { user: EVE@contoso.com } ], except: [ { user: eve@contoso.com } ] }
  - { name: b, mode: opt-in, members: [ { user: ADA@contoso.com }, { user: bob@contoso.com } ] }
",
    );
    assert_eq!(manifest.selectors(), [user("ada"), user("bob"), user("eve")].into());
    let nobody = || Known::Is(Members::NoSuchPerson);
    let state = manifest
        .resolve(
            &answers([(user("ada"), nobody()), (user("bob"), are(&[2])), (user("eve"), nobody())]),
            &InForce::default(),
        )
        .unwrap();
    assert_eq!(held(&state), [(2, 0, true)]);
    // Once, in the first group; and Eve is excepted, found or not.
    assert_eq!(state.not_found, [NotFound { address: "Ada@contoso.com".into(), group: 0 }].into());
    let state = manifest
        .resolve(&answers([(user("ada"), refused()), (user("bob"), refused())]), &InForce::default())
        .unwrap();
    let unreadable: Vec<_> = state.unreadable.iter().map(|unreadable| unreadable.selector.as_str()).collect();
    assert_eq!(unreadable[..2], ["csv: list.csv", "user: EVE@contoso.com"]);
}

#[test]
fn a_group_that_is_gone_is_an_error_with_its_place() {
    let gone = || Known::Is(Members::Gone);
    let membership = answers([
        (group("A"), gone()),
        (group("B"), Known::Is(Members::Ambiguous(2))),
        (group("X"), are(&[])),
        (group("C"), are(&[])),
        (group("P"), gone()),
    ]);
    let problems = manifest(THREE).resolve(&membership, &InForce::default()).unwrap_err();
    let told: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "insights.yaml:4:51: the group `A` does not exist in the tenant",
            "insights.yaml:5:50: 2 groups are called `B`",
            "insights.yaml:7:33: the group `P` does not exist in the tenant",
        ]
    );
}

#[test]
fn a_hundred_groups_of_the_same_people_cost_no_more_than_their_members() {
    let mut groups = String::from("groups:\n");
    for number in 0..100 {
        writeln!(groups, "  - {{ name: g{number}, mode: opt-out, members: [ {{ group: G{number} }} ] }}")
            .unwrap();
    }
    let people: Vec<PersonId> = (0..2_000).map(id).collect();
    let membership = answers(
        (0..100).map(|number| (group(&format!("G{number}")), Known::Is(Members::Are(people.clone())))),
    );
    let state = manifest(&groups).resolve(&membership, &InForce::default()).unwrap();
    assert_eq!(state.people.len(), 2_000);
    assert_eq!(state.overlaps.len(), 99);
    assert!(state.overlaps.iter().all(|overlap| overlap.people == 2_000 && &*overlap.winner == "g0"));
}

#[test]
fn overlaps_of_addresses_are_counted_before_any_tenant_is_asked() {
    let manifest = manifest(
        "groups:
  - { name: a, mode: opt-out, members: [ { user: ADA@contoso.com }, { group: A } ] }
  - { name: b, mode: opt-in, members: [ { csv: list.csv } ] }
  - { name: c, mode: opt-out, members: [ { csv: list.csv } ], except: [ { user: ada@contoso.com } ] }
",
    );
    let told: Vec<String> = manifest
        .overlaps()
        .iter()
        .map(|overlap| {
            format!("{} {} {} {}", overlap.winner, overlap.loser, overlap.people, overlap.same_outcome)
        })
        .collect();
    assert_eq!(told, ["a b 1 false", "b c 1 false"]);
}

#[test]
fn a_group_that_is_not_in_force_holds_nobody_and_whom_it_names_alone_waits() {
    let membership = answers([
        (group("A"), are(&[1, 2])),
        (group("B"), are(&[2, 3])),
        (group("X"), are(&[])),
        (group("C"), are(&[1, 4])),
        (group("P"), are(&[])),
    ]);
    let resolve =
        |force: [Force; 3]| manifest(THREE).resolve(&membership, &InForce::of(force.into())).unwrap();
    let waiting = |state: &DesiredState| -> Vec<(u128, u32)> {
        state.waiting.iter().map(|(person, group)| (person.0.as_u128(), *group)).collect()
    };

    let state = resolve([Force::NotYet, Force::Whole, Force::NotYet]);
    assert_eq!(held(&state), [(2, 1, true), (3, 1, true)]);
    assert_eq!(waiting(&state), [(1, 0), (4, 2)]);
    assert!(state.overlaps.is_empty(), "who waits overlaps with nobody");

    let state = resolve([Force::Over, Force::Whole, Force::Whole]);
    assert_eq!(held(&state), [(1, 2, true), (2, 1, true), (3, 1, true), (4, 2, true)]);
    let state = resolve([Force::Over, Force::Whole, Force::Over]);
    assert_eq!(held(&state), [(2, 1, true), (3, 1, true)]);
    assert!(state.waiting.is_empty(), "nobody waits for what is over");

    let share = Percent::of_hundredths(5_000).expect("a share");
    let state = resolve([Force::Part(share), Force::Over, Force::Over]);
    for person in [1, 2] {
        assert_eq!(state.people.contains_key(&id(person)), share.takes_in(id(person)));
        assert_eq!(state.waiting.contains_key(&id(person)), !share.takes_in(id(person)));
    }
}

#[test]
fn an_unreadable_group_of_a_wave_to_come_makes_nobody_uncertain() {
    let mut membership = answers([
        (group("A"), refused()),
        (group("B"), are(&[2])),
        (group("X"), are(&[])),
        (group("C"), Known::Is(Members::Gone)),
        (group("P"), are(&[])),
    ]);
    let force = |first| InForce::of(vec![first, Force::Whole, Force::Over]);
    let state = manifest(THREE).resolve(&membership, &force(Force::NotYet)).unwrap();
    assert_eq!(held(&state), [(2, 1, true)]);
    assert!(state.unreadable.is_empty() && state.unreadable_later.len() == 1);
    let part = Force::Part(Percent::of_hundredths(100).expect("a share"));
    assert_eq!(held(&manifest(THREE).resolve(&membership, &force(part)).unwrap()), [(2, 1, false)]);
    // Nobody asks whether a group still exists whose time is over; one that is to come must exist today.
    membership.of.insert(group("A"), Known::Is(Members::Gone));
    assert!(manifest(THREE).resolve(&membership, &force(Force::NotYet)).is_err());
    assert!(manifest(THREE).resolve(&membership, &force(Force::Over)).is_ok());
}
