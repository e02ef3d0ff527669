//! Where waves stand, day by day.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Facts, Hold, Phase, Timeline, timeline};
use crate::model::PersonId;
use crate::model::rollout::{Conditions, Force, Measure, Percent, Rollout, Standing, Then, Wave};

fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").expect("a zone")
}

fn day(text: &str) -> Timestamp {
    let date: Date = text.parse().expect("a day");
    date.to_zoned(zone()).expect("a beginning").timestamp()
}

fn share(percent: u16) -> Percent {
    Percent::of_hundredths(percent * 100).expect("a share")
}

fn wave(name: &str, groups: &[u32]) -> Wave {
    Wave {
        name: name.into(),
        groups: groups.to_vec(),
        starts: None,
        runs_for: None,
        after: None,
        approved: None,
        canary: Percent::ALL,
        when: Conditions::default(),
        then: Then::Stay,
    }
}

fn pilot() -> Wave {
    Wave { starts: Some(day("2026-03-02")), runs_for: Some(45), ..wave("pilot", &[0]) }
}

fn look(waves: &[Wave], facts: &Facts, as_of: &str) -> Timeline {
    let rollout = Rollout { time_zone: zone(), waves: waves.to_vec(), ..Rollout::default() };
    let groups: Vec<Arc<str>> = ["a", "b", "c"].map(Into::into).into();
    timeline(&rollout, &groups, facts, day(as_of))
}

fn phases(timeline: &Timeline) -> Vec<Phase> {
    timeline.waves.iter().map(|wave| wave.phase).collect()
}

fn force(timeline: &Timeline) -> [Force; 3] {
    [0, 1, 2].map(|group| timeline.in_force.group(group))
}

fn measure(standings: &[(Standing, u64)]) -> Measure {
    let mut measure = Measure::default();
    for (standing, people) in standings {
        (0..*people).for_each(|_| measure.add(*standing));
    }
    measure
}

#[test]
fn a_wave_is_in_force_from_the_beginning_of_its_day_in_the_rollouts_zone() {
    let waves = [pilot(), Wave { after: Some(0), ..wave("sales", &[1]) }];
    let before = look(&waves, &Facts::default(), "2026-03-01");
    assert_eq!(phases(&before), [Phase::Planned, Phase::Planned]);
    assert_eq!(force(&before), [Force::NotYet, Force::NotYet, Force::Whole]);
    assert_eq!(before.waves[1].begins, Some(day("2026-04-16")));
    let first = look(&waves, &Facts::default(), "2026-03-02");
    assert_eq!(phases(&first), [Phase::Running, Phase::Planned]);
    assert_eq!(force(&first), [Force::Whole, Force::NotYet, Force::Whole]);
    assert_eq!(first.waves[1].holds, [Hold::After { wave: "pilot".into(), until: Some(day("2026-04-16")) }]);
    // The clock goes forward in between: 45 days are 45 days all the same.
    let widened = look(&waves, &Facts::default(), "2026-04-16");
    assert_eq!(phases(&widened), [Phase::Done, Phase::Running]);
    assert_eq!(force(&widened), [Force::Whole; 3]);
}

#[test]
fn a_wave_that_leaves_takes_its_groups_along_unless_another_holds_them() {
    let leaving = Wave { then: Then::Leave, ..pilot() };
    let over = look(std::slice::from_ref(&leaving), &Facts::default(), "2026-04-16");
    assert_eq!(force(&over)[0], Force::Over);
    let next = Wave { after: Some(0), starts: Some(day("2026-05-01")), ..wave("all", &[0]) };
    let waits = look(&[leaving.clone(), next.clone()], &Facts::default(), "2026-04-20");
    assert_eq!(force(&waits)[0], Force::NotYet);
    assert_eq!(force(&look(&[leaving, next], &Facts::default(), "2026-05-01"))[0], Force::Whole);
}

#[test]
fn the_wave_that_takes_in_most_decides() {
    let part = |name, percent, starts| Wave {
        canary: share(percent),
        starts: Some(day(starts)),
        ..wave(name, &[0])
    };
    let waves =
        [part("ten", 10, "2026-03-01"), part("fifty", 50, "2026-04-01"), part("five", 5, "2026-05-01")];
    let on = |as_of| force(&look(&waves, &Facts::default(), as_of))[0];
    assert_eq!(on("2026-02-01"), Force::NotYet);
    assert_eq!(on("2026-03-15"), Force::Part(share(10)));
    assert_eq!(on("2026-04-15"), Force::Part(share(50)));
    assert_eq!(on("2026-06-01"), Force::Part(share(50)));
}

#[test]
fn a_gate_holds_a_wave_until_it_is_opened_and_again_when_it_is_shut() {
    let gated = |approved| {
        [
            pilot(),
            Wave { after: Some(0), approved: Some(approved), runs_for: Some(14), ..wave("sales", &[1]) },
        ]
    };
    let shut = look(&gated(false), &Facts::default(), "2026-05-05");
    assert_eq!(shut.waves[1].phase, Phase::Gated);
    assert_eq!(shut.waves[1].holds, [Hold::NotApproved]);
    assert_eq!(shut.waves[1].begins, None);
    let open = look(&gated(true), &Facts::default(), "2026-05-05");
    assert_eq!(open.waves[1].phase, Phase::Running);
    assert_eq!(open.waves[1].begins, Some(day("2026-05-05")));
    // Its end counts from the day on which the ledger says that it began.
    let facts = Facts { began: [("sales".into(), day("2026-05-05"))].into(), ..Facts::default() };
    let over = look(&gated(true), &facts, "2026-05-19");
    assert_eq!((over.waves[1].phase, over.waves[1].ends), (Phase::Done, Some(day("2026-05-19"))));
    assert_eq!(look(&gated(false), &facts, "2026-05-10").waves[1].phase, Phase::Gated);
    // An earlier day than that on which it began.
    let past = look(&gated(true), &facts, "2026-05-01");
    assert_eq!(past.waves[1].holds, [Hold::Starts { at: day("2026-05-05") }]);
}

#[test]
fn conditions_ask_about_the_wave_before_and_only_once() {
    let when = Conditions {
        converged: Some(share(95)),
        failed_at_most: Some(share(1)),
        opted_out_at_most: Some(share(20)),
    };
    let waves = [pilot(), Wave { after: Some(0), when, ..wave("sales", &[1]) }];
    let unmeasured = look(&waves, &Facts::default(), "2026-04-16");
    assert_eq!(unmeasured.waves[1].holds, [Hold::NotMeasured { wave: "pilot".into() }]);
    assert!(unmeasured.waits_for_a_measure());
    assert!(!look(&waves, &Facts::default(), "2026-04-15").waits_for_a_measure());

    let measured = |standings: &[(Standing, u64)]| {
        let facts = Facts { measures: [(0, measure(standings))].into(), ..Facts::default() };
        look(&waves, &facts, "2026-04-16").waves[1].holds.clone()
    };
    assert_eq!(
        measured(&[(Standing::OptedIn, 80), (Standing::OptedOutThemselves, 20), (Standing::OutOfReach, 900)]),
        []
    );
    assert_eq!(
        measured(&[(Standing::OptedIn, 74), (Standing::OptedOutThemselves, 20), (Standing::Failed, 2)]),
        [
            Hold::Failed { at_most: share(1), people: 2, of: 96 },
            Hold::OptedOut { at_most: share(20), people: 20, of: 96 },
        ]
    );
    // Whoever could not be read helps nobody to pass, and nobody at all is no success.
    assert_eq!(
        measured(&[(Standing::OptedIn, 94), (Standing::Unknown, 6)]),
        [Hold::Converged { want: share(95), people: 94, of: 100 }]
    );
    assert_eq!(measured(&[(Standing::OutOfReach, 5)]), [Hold::NotMeasured { wave: "pilot".into() }]);

    let facts = Facts {
        began: [("sales".into(), day("2026-04-16"))].into(),
        measures: [(0, measure(&[(Standing::Failed, 9)]))].into(),
    };
    assert_eq!(look(&waves, &facts, "2026-04-20").waves[1].phase, Phase::Running);
}

#[test]
fn a_wave_without_a_gate_hangs_on_the_date_alone() {
    let waves = [pilot(), Wave { after: Some(0), runs_for: Some(10), ..wave("sales", &[1]) }];
    let facts = Facts {
        began: [("pilot".into(), day("2026-06-01")), ("sales".into(), day("2026-01-01"))].into(),
        measures: [(0, measure(&[(Standing::Failed, 3)]))].into(),
    };
    for as_of in ["2026-01-01", "2026-03-02", "2026-04-15", "2026-04-16", "2026-04-26", "2027-01-01"] {
        let (plain, told) = (look(&waves, &Facts::default(), as_of), look(&waves, &facts, as_of));
        assert_eq!((phases(&plain), plain.in_force), (phases(&told), told.in_force), "{as_of}");
    }
}

#[test]
fn a_circle_holds_everybody_in_it_and_does_not_go_on_for_ever() {
    let waves = [Wave { after: Some(1), ..wave("a", &[0]) }, Wave { after: Some(0), ..wave("b", &[1]) }];
    assert_eq!(phases(&look(&waves, &Facts::default(), "2026-03-02")), [Phase::Planned; 2]);
}

fn takes_in(force: Force, person: PersonId) -> bool {
    match force {
        Force::Whole => true,
        Force::Part(share) => share.takes_in(person),
        Force::NotYet | Force::Over => false,
    }
}

prop_compose! {
    /// Makes waves whose groups stay, each after none or one of the earlier ones.
    fn staying()(
        drawn in proptest::collection::vec(
            (0..3_u32, proptest::option::of(0..200_i64), 1..=100_u16, proptest::option::of(1..60_u32), any::<prop::sample::Index>()),
            1..6,
        ),
    ) -> Vec<Wave> {
        let begins = |days: i64| day("2026-02-01").checked_add(SignedDuration::from_hours(24 * days)).expect("a day");
        (0_u32..).zip(drawn).map(|(index, (group, starts, percent, runs_for, after))| {
            let after = (index > 0 && percent % 2 == 0).then(|| u32::try_from(after.index(index as usize)).expect("few"));
            let starts = starts.or((after.is_none()).then_some(0)).map(begins);
            Wave { starts, runs_for, after, canary: share(percent), ..wave(&format!("w{index}"), &[group]) }
        }).collect()
    }
}

proptest! {
    #[test]
    fn whom_waves_take_in_that_stay_they_keep_and_whatever_day_was_looked_at_before_changes_nothing(
        waves in staying(), days in (0..300_i64, 0..300_i64),
    ) {
        let rollout = Rollout { time_zone: zone(), waves, ..Rollout::default() };
        let groups: Vec<Arc<str>> = ["a", "b", "c"].map(Into::into).into();
        let on = |days: i64| {
            let as_of = day("2026-02-01").checked_add(SignedDuration::from_hours(24 * days)).expect("a day");
            timeline(&rollout, &groups, &Facts::default(), as_of)
        };
        let (earlier, later) = (on(days.0.min(days.1)), on(days.0.max(days.1)));
        for person in (0..40_u128).map(|number| PersonId(Uuid::from_u128(number))) {
            for group in 0..3 {
                let was = takes_in(earlier.in_force.group(group), person);
                prop_assert!(!was || takes_in(later.in_force.group(group), person), "{earlier:?} {later:?}");
            }
        }
        prop_assert_eq!(later.waves.iter().filter(|wave| wave.gated).count(), 0);
    }
}
