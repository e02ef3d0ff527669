//! Waves: what is read, and what is told of their order.

use super::document::told;
use crate::manifest::{Manifest, parse};
use crate::model::rollout::{Percent, Then, Wave};

const HEAD: &str = "version: 1
tenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }
groups:
  - { name: pilot, mode: opt-in, service-plan: assigned, members: [ { group: P } ] }
  - { name: sales, mode: opt-in, members: [ { group: S } ] }
rollout:
  time-zone: Europe/Berlin
";

fn read(waves: &str) -> Manifest {
    let text = format!("{HEAD}  waves:\n{waves}");
    parse(&text, &[]).unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

fn mistakes(waves: &str) -> String {
    let text = format!("{HEAD}  waves:\n{waves}");
    let problems = parse(&text, &[]).map_or_else(|problems| problems, |read| read.warnings().clone());
    let told = told(&problems);
    // Which groups have no wave is another test's matter.
    let others = ["welcome e-mail", "no wave names"];
    let lines =
        told.lines().filter(|line| !others.iter().any(|other| line.contains(other))).map(str::to_owned);
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_that_a_wave_can_say_is_read() {
    let manifest = read(
        "    - { name: sales, groups: [ sales ], after: pilot, approved: no, runs-for: 2 weeks, canary: 12.5%, then: leave,
        starts: 2026-05-01, when: { converged: 95%, failed-at-most: 1%, opted-out-at-most: 20% } }
    - { name: pilot, groups: [ pilot, sales ], starts: 2026-03-02, runs-for: 45 days }
",
    );
    let share = |hundredths| Percent::of_hundredths(hundredths).expect("a share");
    let [sales, pilot] = manifest.rollout().waves.as_slice() else { panic!("two waves") };
    let Wave { name, groups, starts, runs_for, after, approved, canary, when, then } = sales;
    assert_eq!((&**name, groups.as_slice(), *after), ("sales", &[1][..], Some(1)));
    assert_eq!(starts.expect("a day").to_string(), "2026-04-30T22:00:00Z");
    assert_eq!((*runs_for, *approved, *canary, *then), (Some(14), Some(false), share(1_250), Then::Leave));
    assert_eq!(
        [when.converged, when.failed_at_most, when.opted_out_at_most],
        [Some(share(9_500)), Some(share(100)), Some(share(2_000))]
    );
    assert_eq!((pilot.groups.as_slice(), pilot.approved, pilot.canary), (&[0, 1][..], None, Percent::ALL));
    assert_eq!(pilot.starts.expect("a day").to_string(), "2026-03-01T23:00:00Z");
}

#[test]
fn names_that_nobody_bears_are_told_with_what_was_meant() {
    insta::assert_snapshot!(mistakes(
        "    - { name: a, groups: [ pilots ], starts: 2026-03-02 }
    - { name: A, groups: [ sales, sales ], after: aa }
    - { name: c, groups: [ pilot ], canary: 0%, runs-for: 0 days, when: { converged: 1% } }
    - { name: d, groups: [ pilot ], after: a, when: {}, then: go, starts: soon }
"
    ), @r"
    Error 9:28 there is no group `pilots` | did you mean `pilot`?
    Error 10:15 two waves are called `A` | the first is on line 9; the ledger remembers waves by their name
    Error 10:35 `sales` stands in this wave twice | -
    Error 10:51 there is no wave `aa` | did you mean `a`?
    Error 11:15 nothing says when this wave begins | add `starts:` with a day, or `after:` with the wave that it comes after
    Error 11:45 a canary of 0% takes in nobody | write a larger share, or let the wave begin later
    Error 11:59 a wave takes at least a day | remove `runs-for` if it has no end
    Error 11:67 `when` asks about the wave before, and there is none | add `after:` with the name of that wave
    Error 12:53 `when` is empty | name a condition, or remove the key
    Error 12:63 `go` is no value of `then` | write `stay` or `leave`
    Error 12:75 `soon` is neither a day nor a moment | write a day such as 2026-03-02, or a moment such as 2026-03-02T08:00:00Z
    ");
}

#[test]
fn a_circle_is_named_whole() {
    insta::assert_snapshot!(mistakes(
        "    - { name: a, groups: [ pilot ], after: c }
    - { name: b, groups: [ pilot ], after: a }
    - { name: c, groups: [ pilot ], after: b }
    - { name: d, groups: [ pilot ], after: c }
    - { name: e, groups: [ pilot ], after: e }
"
    ), @r"
    Error 9:15 `a` comes after `c`, which comes after `b`, which comes after `a` | one of them has to begin on a day: give it `starts` alone
    Error 13:15 `e` comes after itself | one of them has to begin on a day: give it `starts` alone
    ");
}

#[test]
fn an_order_that_misleads_draws_a_warning() {
    insta::assert_snapshot!(mistakes(
        "    - { name: pilot, groups: [ pilot ], starts: 2026-03-02, runs-for: 30 days, then: leave }
    - { name: early, groups: [ sales ], after: pilot, starts: 2026-03-20, runs-for: 10 days }
    - { name: late, groups: [ pilot ], after: pilot, starts: 2026-04-04 }
    - { name: less, groups: [ pilot ], after: late, canary: 10% }
"
    ), @r"
    Warning 9:71 the pilot `pilot` takes 30 days | Microsoft's deployment guide advises at least 45 days: people need that long to make use of it
    Warning 10:63 `pilot` is over on 2026-04-01 only, and `early` waits for that | let it start on that day, or remove `after`
    Warning 11:62 between `pilot` and `late` no wave takes in their people for 3 days | `then: stay` in the earlier wave keeps its groups in force
    Warning 12:61 this wave takes in 10% of `pilot`, and `late` before it 100% | while both are in force the larger share decides: nobody drops out
    ");
    insta::assert_snapshot!(mistakes(
        "    - { name: pilot, groups: [ pilot ], starts: 2026-03-02 }
    - { name: sales, groups: [ sales ], after: pilot }
"
    ), @r"
    Warning 10:15 `sales` begins together with `pilot`, which has no `runs-for` | give the earlier wave `runs-for: 45 days`, or this one `starts`
    ");
}

#[test]
fn nobody_is_asked_about_people_who_have_left() {
    let told = mistakes(
        "    - { name: pilot, groups: [ pilot ], starts: 2026-03-02, runs-for: 45 days, then: leave }
    - { name: sales, groups: [ sales ], after: pilot, when: { converged: 95% } }
",
    );
    assert!(
        told.starts_with("Error 10:15 the people of `pilot` leave before `when` could ask about them"),
        "{told}"
    );
}

#[test]
fn a_plan_that_comes_with_its_wave_draws_a_note_where_a_lead_is_asked_for() {
    let waves = "    - { name: pilot, groups: [ pilot ], starts: 2026-03-02, runs-for: 45 days }\n";
    assert_eq!(mistakes(waves), "");
    insta::assert_snapshot!(mistakes(&format!("{waves}  licence-lead: 7 days\n")), @r"
    Note 9:32 `pilot` gets the service plan only when this wave begins, and not 7 days before | put a group that asks for `service-plan: assigned` alone into a wave that begins 7 days earlier
    ");
}
