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
    insta::assert_snapshot!(told(&sample("Sales")), @"");
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
