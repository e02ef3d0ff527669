//! `re-opt-in` and `accept`: what is read, and everything that is told.

use jiff::Timestamp;

use super::document::told;
use crate::manifest::{Manifest, parse};
use crate::model::rollout::InForce;
use crate::model::{Known, Members, Membership, PersonId, Refusal, RefusalKind, Selector, Setting, Value};

const HEAD: &str = "version: 1
tenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }
";

const PILOT: &str = "groups:
  - name: pilot
    mode: opt-in
    features: { dashboard: off }
    members: [ { group: Pilot } ]
";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn again(lines: &str) -> String {
    format!("{HEAD}groups:\n  - {{ name: pilot, mode: opt-in, members: [ {{ group: Pilot }} ], {lines} }}\n")
}

fn accepting(item: &str) -> String {
    format!("{HEAD}{PILOT}accept:\n  - {item}\n")
}

fn read(text: &str) -> Manifest {
    parse(text, &[("away.csv", b"UserPrincipalName\nada@contoso.com\nbob@contoso.com\n")]).unwrap()
}

/// Says what is wrong, without the notes on what is right.
fn wrong(text: &str) -> String {
    let told = told(&parse(text, &[]).unwrap_err());
    told.split_inclusive('\n').filter(|line| !line.starts_with("Note")).collect()
}

#[test]
fn a_decision_to_opt_in_again_is_read_and_marked_by_all_of_it() {
    let rule = |lines: &str| read(&again(lines)).groups()[0].re_opt_in().cloned().unwrap();
    let one = rule("re-opt-in: { reason: agreed with HR, until: 2026-04-01 }");
    assert_eq!((&*one.reason, one.until), ("agreed with HR", at("2026-04-02T00:00:00Z")));
    let moment = rule("re-opt-in: { reason: agreed with HR, until: 2026-04-02T00:00:00Z }");
    assert_eq!(moment, one, "a day counts to its end");
    let other_reason = rule("re-opt-in: { reason: agreed, until: 2026-04-01 }");
    let other_day = rule("re-opt-in: { reason: agreed with HR, until: 2026-04-03 }");
    let marks = [one.mark, other_reason.mark, other_day.mark];
    assert_eq!(marks.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
}

#[test]
fn what_is_wrong_with_a_decision_to_opt_in_again_is_told() {
    insta::assert_snapshot!(
        [
            wrong(&again("re-opt-in: { reason: x }")),
            wrong(&again("re-opt-in: { until: 2026-04-01 }")),
            wrong(&again("re-opt-in: yes")),
            wrong(&again("re-opt-in: { reason: x, until: tomorrow, by: me }")),
            wrong(&again("re-opt-in: { reason: x, until: 2026 }")),
            wrong(&again("re-opt-in: { reason: x, until: 2026-02-30 }")),
            wrong(&again("re-opt-in: { reason: x, until: 2026-04-01 }").replace("mode: opt-in", "mode: opt-out")),
            wrong(&again("re-opt-in: { reason: x, until: 2026-04-01 }").replace("mode: opt-in", "on-leave: keep, service-plan: removed")),
        ]
        .concat(),
        @"
        Error 4:78 `re-opt-in` has no `until` | add `until:` with a day, such as 2026-04-01: this must not hold for ever
        Error 4:78 `re-opt-in` has no `reason` | add `reason:`; whoever consents to the plan reads it
        Error 4:76 `re-opt-in` must be a mapping, not a text | the keys here are `reason` or `until`
        Error 4:96 `tomorrow` is neither a day nor a moment | write a day such as 2026-04-01, or a moment such as 2026-04-01T08:00:00Z
        Error 4:106 unknown key `by` in `re-opt-in` | the keys here are `reason` or `until`
        Error 4:96 `until` must be a day, not a number | write it as 2026-04-01; it counts to the end of that day, UTC
        Error 4:96 `2026-02-30` is neither a day nor a moment | write a day such as 2026-04-01, or a moment such as 2026-04-01T08:00:00Z
        Error 4:66 `re-opt-in` goes with `mode: opt-in` only | add `mode: opt-in` to this group, or remove `re-opt-in`
        Error 4:90 `re-opt-in` goes with `mode: opt-in` only | add `mode: opt-in` to this group, or remove `re-opt-in`
        "
    );
}

#[test]
fn deviations_are_read_with_every_way_to_name_people_and_every_word() {
    let text = format!(
        "{HEAD}{PILOT}accept:
  - {{ user: Ada@contoso.com, setting: dashboard, value: yes, reason: trial, until: 2026-04-01 }}
  - {{ group: Board, setting: mode, value: Opt-Out, reason: asked for it, until: 2026-04-01T08:00:00Z }}
  - {{ csv: away.csv, column: UserPrincipalName, setting: mode, value: opt-out, reason: away, until: 2026-04-01 }}
  - {{ filter: \"department eq 'R'\", setting: service-plan, value: partial, reason: x, until: 2026-04-01 }}
  - {{ license: SPE_E5, setting: digest-email, value: off, reason: x, until: 2026-04-01 }}
"
    );
    let manifest = read(&text);
    let warned = told(manifest.warnings());
    assert!(warned.contains("no group asks for `service-plan` to be anything but `partial`"), "{warned}");
    let person = |number| PersonId(uuid::Uuid::from_u128(number));
    let refusal = Refusal { kind: RefusalKind::Forbidden, message: "no".to_owned(), request_id: None };
    let answers = manifest.selectors().into_iter().map(|selector| {
        let members = match &selector {
            Selector::Group(_) => Known::Is(Members::Are(vec![person(2), person(1)])),
            Selector::Filter(_) => Known::Unknown(refusal.clone().into()),
            Selector::User(user) if user == "bob@contoso.com" => Known::Is(Members::NoSuchPerson),
            Selector::Id(_)
            | Selector::User(_)
            | Selector::Mail(_)
            | Selector::Licence(_)
            | Selector::Everyone => Known::Is(Members::Are(vec![person(3)])),
        };
        (selector, members)
    });
    let state = manifest.resolve(&Membership { of: answers.collect() }, &InForce::default()).unwrap();
    let read: Vec<_> = state
        .accepted
        .iter()
        .map(|it| (it.selector.as_str(), it.setting, it.value, it.people.len(), it.not_found.len()))
        .collect();
    assert_eq!(
        read,
        [
            ("user: Ada@contoso.com", Setting::Dashboard, Value::ON, 1, 0),
            ("group: Board", Setting::Mode, Value::OPT_OUT, 2, 0),
            ("csv: away.csv", Setting::Mode, Value::OPT_OUT, 1, 1),
            ("filter: department eq 'R'", Setting::ServicePlan, Value::PARTIAL, 0, 0),
            ("licence: SPE_E5", Setting::DigestEmail, Value::OFF, 1, 0),
        ]
    );
    assert_eq!(state.accepted[1].people, [person(1), person(2)]);
    let unreadable: Vec<_> = state.accepted.iter().map(|it| it.unreadable.is_some()).collect();
    assert_eq!(unreadable, [false, false, false, true, false]);
    assert!(state.unreadable.is_empty(), "nobody's group hangs on it");
    assert_eq!(manifest.files().len(), 2);
}

#[test]
fn what_is_wrong_with_a_deviation_is_told() {
    insta::assert_snapshot!(
        [
            wrong(&accepting("{}")),
            wrong(&accepting("ada@contoso.com")),
            wrong(&accepting("{ user: ada, setting: mode, value: opt-out, reason: x, until: 2026-04-01 }")),
            wrong(&accepting("{ user: a@b.c, group: D, setting: mode, value: opt-out, reason: x, until: 2026-04-01 }")),
            wrong(&accepting("{ everyone: true, setting: mode, value: opt-out, reason: x, until: 2026-04-01 }")),
            wrong(&accepting("{ user: a@b.c, setting: mod, value: off, reason: x, until: 2026-04-01 }")),
            wrong(&accepting("{ user: a@b.c, setting: mode, value: off, reason: x, until: 2026-04-01 }")),
            wrong(&accepting("{ user: a@b.c, setting: dashboard, value: opt-out, reason: ' ', until: 1 }")),
            wrong(&format!("{HEAD}accept: []\n")),
        ]
        .concat(),
        @"
        Error 9:5 this deviation names nobody | write one of `user`, `group`, `csv`, `filter` or `licence`
        Error 9:5 this deviation has no `setting` | write one of `mode`, `dashboard`, `digest-email`, `outlook-add-in` or `service-plan`
        Error 9:5 this deviation has no `value` | write what these people may have instead, such as `value: off`
        Error 9:5 this deviation has no `reason` | add `reason:`, for whoever reads this in a year
        Error 9:5 this deviation has no `until` | add `until:` with a day, such as 2026-04-01; it can be moved later
        Error 9:5 an accepted deviation must be a mapping, not a text | the keys here are `user`, `group`, `csv`, `column`, `filter`, `licence`, `setting`, `value`, `reason` or `until`
        Error 9:13 `ada` is neither a user principal name nor an object id | write it as `ada@contoso.com`, or use the object id
        Error 9:7 one deviation is of several kinds: `group` and `user` | begin a list item for each with `- `
        Error 9:7 unknown key `everyone` in an accepted deviation | the keys here are `user`, `group`, `csv`, `column`, `filter`, `licence`, `setting`, `value`, `reason` or `until`
        Error 9:29 `mod` is no value of `setting` | did you mean `mode`?
        Error 9:42 `off` is no value of `mode` | write `opt-in` or `opt-out`
        Error 9:47 `opt-out` is no value of `dashboard` | write `on` or `off`
        Error 9:64 `reason` is empty | -
        Error 9:76 `until` must be a day, not a number | write it as 2026-04-01; it counts to the end of that day, UTC
        Error 3:9 `accept` is an empty list | remove the key, or name somebody
        "
    );
}
