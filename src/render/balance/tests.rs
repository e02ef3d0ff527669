use std::collections::BTreeMap;

use super::*;
use crate::model::{PersonId, Profile, TenantId};
use crate::render::inert::acts;
use crate::render::sample::HOSTILE;
use crate::rollout::balance::{Seen, balance};

fn sample(name: &str) -> Balance {
    let id = |number| PersonId(uuid::Uuid::from_u128(number));
    let profile = |number: u128| Profile {
        name: None,
        mail: None,
        department: Some(if number < 20 { name.into() } else { "Works".into() }),
        title: (number == 0).then(|| "Chief Revenue Officer".into()),
        language: None,
        manager: (number > 0).then(|| id(99)),
    };
    let everybody: BTreeMap<_, _> = (0..100).map(|number| (id(number), profile(number))).collect();
    balance(&Seen {
        tenant: (TenantId(uuid::Uuid::from_u128(1)), "Contoso".into()),
        wave: Some("pilot".into()),
        groups: vec![("pilot".into(), (0..10).map(id).collect())],
        everybody: &everybody,
    })
}

fn told(balance: &Balance) -> String {
    let mut out = Vec::new();
    text(&mut out, balance, Look::default()).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn what_to_change_is_said_plainly() {
    insta::assert_snapshot!(told(&sample("Sales")), @r"
    Balance of wave pilot at Contoso
      10 of 100 people in the tenant take part
      0 managers among them, 0 with reports who take part as well
      1 executive among them, by their titles

    Department                                Takes part       In the tenant
    Sales                                     10 (100 %)           20 (20 %)
    Works                                        0 (0 %)           80 (80 %)

    What could be better
      ! 1 executive takes part by title: the deployment guide advises against them
        in a pilot; take them out with `except`
      ! no manager takes part: add some, with the people who report to them
      ! Sales is 100 % of those who take part and 20 % of the tenant: add people of
        other departments, or take fewer of this one
      ! nobody of Works takes part, which is 80 % of the tenant: add some of its
        people

    Balance: 4 things could be better.
    ");
}

#[test]
fn names_of_departments_are_inert_in_every_form() {
    let balance = sample(HOSTILE);
    let mut as_json = Vec::new();
    json(&mut as_json, &balance).expect("memory");
    for form in [told(&balance), markdown(&balance), String::from_utf8(as_json).expect("UTF-8")] {
        assert!(!form.contains(|c: char| c != '\n' && acts(c)), "{form:?}");
    }
}
