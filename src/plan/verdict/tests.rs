//! The verdict table, row by row.

use super::*;
use crate::model::{By, Found, Tried};

const ON: Value = Value::ON;
const OFF: Value = Value::OFF;

fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
}

fn still(default: Value) -> DefaultNow {
    DefaultNow { now: default, after: default, flips: false, settling_from: None, undone: None }
}

fn flipping(now: Value, after: Value) -> DefaultNow {
    DefaultNow { now, after, flips: true, settling_from: None, undone: None }
}

/// A feature that is wanted on, found on, on by default and never seen before; looked at in minute 1000.
fn usual() -> Case {
    Case {
        setting: Setting::Dashboard,
        want: Some(ON),
        have: Some(ON),
        default: Some(still(ON)),
        entry: None,
        opted_out: false,
        on_user_choice: OnUserChoice::Respect,
        re_pin: false,
        manifest: Mark::of("version: 1\n"),
        settle: SignedDuration::from_mins(15),
        now: minute(1000),
    }
}

fn mode() -> Case {
    let default = Some(DefaultNow::MODE);
    Case { setting: Setting::Mode, want: Some(Value::OPT_IN), have: Some(Value::OPT_IN), default, ..usual() }
}

fn written(value: Value, default: Value, minutes_ago: i64) -> Entry {
    let found = Some(Found { value: default, chosen: false });
    let at = minute(1000 - minutes_ago);
    Entry { by: By::Us, found, ..Entry::seen(value, Some(default), false, at) }
}

fn confirmed(value: Value, default: Value, minutes_ago: i64) -> Entry {
    Entry { confirmed: true, ..written(value, default, minutes_ago) }
}

fn seen(value: Value, default: Value) -> Entry {
    Entry::seen(value, Some(default), value != default, minute(10))
}

fn row(case: Case) -> (Option<u8>, Decision) {
    let Verdict { row, decision, .. } = decide(&case);
    (row, decision)
}

fn left(row: u8, reason: Reason) -> (Option<u8>, Decision) {
    (Some(row), Decision::Leave(reason))
}

fn set(row: u8, to: Value, because: Because) -> (Option<u8>, Decision) {
    (Some(row), Decision::Set { to, because })
}

#[test]
fn row_1_what_is_not_managed_is_released() {
    let entry = confirmed(OFF, ON, 500);
    let verdict = decide(&Case { want: None, entry: Some(entry), ..usual() });
    assert_eq!((verdict.row, verdict.decision), left(1, Reason::Released));
    assert_eq!(verdict.entry, Some(Entry { released: true, ..entry }));
    assert_eq!(decide(&Case { want: None, ..usual() }).entry, None);
}

#[test]
fn row_2_what_cannot_be_read_is_never_written() {
    let entry = Some(written(ON, OFF, 20));
    let case = Case { have: None, entry, on_user_choice: OnUserChoice::Override, ..usual() };
    let verdict = decide(&case);
    assert_eq!((verdict.row, verdict.decision), left(2, Reason::Unknown));
    assert_eq!(verdict.entry, entry);
}

#[test]
fn row_2_without_the_default_nobody_can_tell_a_choice() {
    assert_eq!(row(Case { have: Some(OFF), default: None, ..usual() }), left(2, Reason::Unknown));
    assert_eq!(row(Case { default: None, ..usual() }), left(8, Reason::InSync));
}

#[test]
fn row_3_features_wait_while_the_person_is_opted_out() {
    let entry = Some(seen(ON, ON));
    let verdict = decide(&Case { have: Some(OFF), opted_out: true, entry, ..usual() });
    assert_eq!((verdict.row, verdict.decision), left(3, Reason::OptedOut));
    assert_eq!(verdict.entry, entry);
    assert_eq!(row(Case { opted_out: true, ..mode() }), left(8, Reason::InSync));
}

#[test]
fn row_4_a_fresh_write_may_not_show_yet() {
    let case =
        Case { have: Some(OFF), entry: Some(written(ON, OFF, 14)), default: Some(still(OFF)), ..usual() };
    assert_eq!(row(case), left(4, Reason::Settling));
    assert_eq!(row(Case { on_user_choice: OnUserChoice::Override, ..case }), left(4, Reason::Settling));
}

#[test]
fn row_5_a_change_right_after_our_confirmed_write_is_a_choice_even_under_override() {
    let entry = Some(confirmed(ON, OFF, 14));
    let case = Case { have: Some(OFF), entry, default: Some(still(OFF)), ..usual() };
    let case = Case { on_user_choice: OnUserChoice::Override, ..case };
    assert_eq!(row(case), left(5, Reason::OwnChoice));
    let entry = Some(confirmed(Value::OPT_IN, Value::OPT_IN, 14));
    assert_eq!(row(Case { have: Some(Value::OPT_OUT), entry, ..mode() }), left(5, Reason::ConsentFloor));
}

#[test]
fn row_6_the_old_default_may_still_show_after_a_flip() {
    let default = Some(DefaultNow { settling_from: Some(ON), ..still(OFF) });
    let case = Case { want: Some(OFF), default, ..usual() };
    let verdict = decide(&case);
    assert_eq!((verdict.row, verdict.decision), left(6, Reason::DefaultSettling));
    assert!(!verdict.entry.unwrap().chosen, "the old default is nobody's choice");
    assert_eq!(row(Case { want: Some(ON), ..case }), left(6, Reason::DefaultSettling));
    let entry = Some(confirmed(ON, ON, 60));
    assert_eq!(row(Case { want: Some(ON), entry, ..case }), left(8, Reason::InSync));
    assert_eq!(row(Case { entry, ..case }), set(10, OFF, Because::ManifestChanged));
}

#[test]
fn row_7_what_equals_a_default_that_goes_is_pinned() {
    let case = Case { default: Some(flipping(ON, OFF)), ..usual() };
    assert_eq!(row(case), set(7, ON, Because::Pinned));
    assert_eq!(row(Case { entry: Some(seen(ON, ON)), ..case }), set(7, ON, Because::Pinned));
    let chosen = Entry { chosen: true, ..seen(ON, ON) };
    assert_eq!(row(Case { entry: Some(chosen), ..case }), left(8, Reason::InSync));
}

#[test]
fn row_7_what_was_written_is_pinned_again_unless_it_is_surely_stored() {
    let case = Case { default: Some(flipping(ON, OFF)), entry: Some(confirmed(ON, ON, 60)), ..usual() };
    assert_eq!(row(case), set(7, ON, Because::Pinned));
    let stored = Entry { stored: true, ..confirmed(ON, OFF, 60) };
    assert_eq!(row(Case { entry: Some(stored), ..case }), left(8, Reason::InSync));
}

#[test]
fn row_7_a_pin_is_not_repeated_while_the_default_that_it_preceded_settles() {
    let default =
        Some(DefaultNow { now: ON, after: OFF, flips: false, settling_from: Some(ON), undone: None });
    assert_eq!(row(Case { default, entry: Some(confirmed(ON, ON, 5)), ..usual() }), left(8, Reason::InSync));
}

#[test]
fn row_8_as_it_should_be() {
    let verdict = decide(&usual());
    assert_eq!((verdict.row, verdict.decision), left(8, Reason::InSync));
    assert_eq!(verdict.entry, Some(Entry::seen(ON, Some(ON), false, minute(1000))));
    let verdict = decide(&Case { entry: Some(written(ON, OFF, 5)), default: Some(still(OFF)), ..usual() });
    let entry = verdict.entry.unwrap();
    assert!(entry.confirmed && entry.stored, "read back while the default differs");
}

#[test]
fn row_8_a_change_to_what_is_wanted_is_somebodys_decision_too() {
    let verdict =
        decide(&Case { entry: Some(confirmed(OFF, OFF, 500)), default: Some(still(OFF)), ..usual() });
    assert_eq!((verdict.row, verdict.decision), left(8, Reason::InSync));
    assert!(verdict.changed_outside && verdict.entry.unwrap().chosen);
}

#[test]
fn row_9_a_moved_default_is_nobodys_choice() {
    let case =
        Case { have: Some(OFF), default: Some(still(OFF)), entry: Some(confirmed(ON, ON, 500)), ..usual() };
    assert_eq!(row(case), left(9, Reason::DefaultMoved));
    assert!(!decide(&case).changed_outside);
    assert_eq!(row(Case { re_pin: true, ..case }), set(9, ON, Because::RePin));
}

#[test]
fn row_10_what_we_wrote_follows_the_manifest() {
    let case = Case { have: Some(OFF), entry: Some(confirmed(OFF, ON, 500)), ..usual() };
    assert_eq!(row(case), set(10, ON, Because::ManifestChanged));
    let entry = Some(confirmed(Value::OPT_OUT, Value::OPT_IN, 500));
    let case = Case { have: Some(Value::OPT_OUT), entry, ..mode() };
    assert_eq!(row(case), set(10, Value::OPT_IN, Because::ManifestChanged));
}

#[test]
fn an_opt_out_of_ours_that_was_released_is_a_consent_floor() {
    let entry = Some(Entry { released: true, ..confirmed(Value::OPT_OUT, Value::OPT_IN, 500) });
    let verdict = decide(&Case { have: Some(Value::OPT_OUT), entry, ..mode() });
    assert_eq!(verdict.decision, Decision::Leave(Reason::ConsentFloor));
    assert!(verdict.ours_released);
}

#[test]
fn row_11_a_write_that_did_not_take_is_repeated_once() {
    let case =
        Case { have: Some(OFF), default: Some(still(OFF)), entry: Some(written(ON, OFF, 20)), ..usual() };
    assert_eq!(row(case), set(11, ON, Because::DidNotTake));
    let retried = Entry { retried: true, ..written(ON, OFF, 20) };
    assert_eq!(row(Case { entry: Some(retried), ..case }), left(12, Reason::OwnChoice));
    assert_eq!(row(Case { entry: Some(written(ON, OFF, 31)), ..case }), left(12, Reason::OwnChoice));
}

#[test]
fn row_12_a_choice_stands_under_respect_and_yields_to_override() {
    let case = Case { have: Some(OFF), ..usual() };
    assert_eq!(row(case), left(12, Reason::OwnChoice));
    let over = Case { on_user_choice: OnUserChoice::Override, ..case };
    assert_eq!(row(over), set(12, ON, Because::Overridden));
    let changed = Case { entry: Some(confirmed(ON, OFF, 500)), default: Some(still(OFF)), ..case };
    let verdict = decide(&changed);
    assert_eq!((verdict.row, verdict.decision), left(12, Reason::OwnChoice));
    assert!(verdict.changed_outside && verdict.entry.unwrap().chosen);
}

#[test]
fn row_12_a_choice_survives_a_later_default_that_equals_it() {
    let entry = Some(Entry { chosen: true, ..seen(OFF, ON) });
    let case = Case { have: Some(OFF), default: Some(still(OFF)), entry, ..usual() };
    assert_eq!(row(case), left(12, Reason::OwnChoice));
}

#[test]
fn row_12_nobody_is_opted_in_against_an_opt_out() {
    let case = Case { have: Some(Value::OPT_OUT), ..mode() };
    assert_eq!(row(case), left(12, Reason::ConsentFloor));
    let over = Case { on_user_choice: OnUserChoice::Override, re_pin: true, ..case };
    assert_eq!(row(over), left(12, Reason::ConsentFloor));
    let entry = Some(confirmed(Value::OPT_IN, Value::OPT_IN, 500));
    assert_eq!(row(Case { entry, ..over }), left(12, Reason::ConsentFloor));
}

#[test]
fn row_13_the_default_brings_it_about() {
    let case = Case { want: Some(OFF), default: Some(flipping(ON, OFF)), ..usual() };
    assert_eq!(row(case), left(13, Reason::MovesWithDefault));
    let over = Case { on_user_choice: OnUserChoice::Override, ..case };
    assert_eq!(row(over), set(14, OFF, Because::FirstTouch));
}

#[test]
fn row_14_what_nobody_touched_is_set() {
    assert_eq!(row(Case { want: Some(OFF), ..usual() }), set(14, OFF, Because::FirstTouch));
    let out = Case { want: Some(Value::OPT_OUT), ..mode() };
    assert_eq!(row(out), set(14, Value::OPT_OUT, Because::FirstTouch));
    let moved = Case { have: Some(OFF), default: Some(still(OFF)), entry: Some(seen(ON, ON)), ..usual() };
    assert_eq!(row(moved), set(14, ON, Because::FirstTouch), "it moved with the default");
}

#[test]
fn an_unanswered_write_is_settled_by_time_and_a_look() {
    let tried = |minutes_ago: i64| Tried { value: ON, at: minute(1000 - minutes_ago) };
    let entry = |minutes_ago| Some(Entry { tried: Some(tried(minutes_ago)), ..seen(OFF, OFF) });
    let case = Case { have: Some(OFF), default: Some(still(OFF)), ..usual() };
    assert_eq!(row(Case { entry: entry(5), ..case }), left(4, Reason::Settling));
    assert_eq!(row(Case { entry: entry(20), ..case }), set(14, ON, Because::FirstTouch));
    let verdict = decide(&Case { have: Some(ON), entry: entry(20), ..case });
    assert_eq!((verdict.row, verdict.decision), left(8, Reason::InSync));
    assert_eq!(verdict.entry.unwrap().written(), Some(ON), "it was ours");
}

#[test]
fn an_unanswered_write_that_shows_at_once_is_nobodys_choice_and_stays_tried() {
    let tried = Some(Tried { value: Value::OPT_OUT, at: minute(995) });
    let entry = Entry { tried, ..seen(Value::OPT_IN, Value::OPT_IN) };
    let case = Case { want: Some(Value::OPT_OUT), have: Some(Value::OPT_OUT), entry: Some(entry), ..mode() };
    let verdict = decide(&case);
    assert_eq!((verdict.row, verdict.decision), left(8, Reason::InSync));
    assert_eq!(verdict.entry, Some(entry));
    assert!(!verdict.changed_outside);
}

#[test]
fn a_pin_that_was_not_stored_is_no_choice_when_our_own_flip_takes_it() {
    let default = Some(DefaultNow { settling_from: Some(ON), ..still(OFF) });
    let case = Case { have: Some(OFF), default, entry: Some(confirmed(ON, ON, 5)), ..usual() };
    let verdict = decide(&case);
    assert_eq!((verdict.row, verdict.decision), left(5, Reason::DefaultMoved));
    assert!(!verdict.changed_outside);
}

#[test]
fn a_choice_that_was_stated_again_and_never_heard_of_stays_a_choice() {
    let tried = Some(Tried { value: OFF, at: minute(980) });
    let entry = Some(Entry { tried, chosen: true, ..seen(OFF, ON) });
    let verdict = decide(&Case { have: Some(OFF), entry, ..usual() });
    assert_eq!((verdict.row, verdict.decision), left(12, Reason::OwnChoice));
    assert!(verdict.entry.unwrap().chosen);
}

#[test]
fn every_case_matches_a_row_and_the_floor_holds_in_all_of_them() {
    let modes = [Value::OPT_IN, Value::OPT_OUT];
    let mut cases = 0;
    for have in modes {
        for value in modes {
            for flags in 0..128_u32 {
                let bit = |at: u32| flags & (1 << at) != 0;
                let by = if bit(0) { By::Us } else { By::Seen };
                let entry = Entry {
                    by,
                    confirmed: bit(1),
                    chosen: bit(2),
                    released: bit(3),
                    retried: bit(4),
                    ..Entry::seen(value, Some(Value::OPT_IN), false, minute(if bit(5) { 990 } else { 900 }))
                };
                let on_user_choice = if bit(6) { OnUserChoice::Override } else { OnUserChoice::Respect };
                let case = Case { have: Some(have), entry: Some(entry), on_user_choice, ..mode() };
                let verdict = decide(&case);
                assert!(verdict.row.is_some_and(|row| (1..=14).contains(&row)));
                let ours = entry.written().is_some() && !entry.released;
                if have == Value::OPT_OUT && !ours {
                    assert!(matches!(verdict.decision, Decision::Leave(_)), "{case:?} gave {verdict:?}");
                }
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 512);
}

#[test]
fn what_was_undone_is_left_alone_while_the_manifest_is_the_same() {
    let here = Some(usual().manifest);
    for by in [By::Us, By::Seen] {
        let undone = Entry { by, chosen: by == By::Seen, rolled_back: here, ..confirmed(OFF, ON, 500) };
        let case = Case { have: Some(OFF), entry: Some(undone), ..usual() };
        assert_eq!(row(case), (None, Decision::Leave(Reason::RolledBack)), "by {by:?}");
        let over = Case { on_user_choice: OnUserChoice::Override, ..case };
        assert_eq!(row(over), (None, Decision::Leave(Reason::RolledBack)), "by {by:?}");
        let verdict = decide(&Case { manifest: Mark::of("another"), ..over });
        assert!(matches!(verdict.decision, Decision::Set { to: ON, .. }), "by {by:?}");
    }
}

#[test]
fn what_was_undone_and_does_not_show_yet_is_nobodys_choice() {
    let undone = Entry { rolled_back: Some(usual().manifest), ..written(OFF, ON, 5) };
    let theirs = Entry { by: By::Seen, chosen: true, ..undone };
    for entry in [undone, theirs] {
        let verdict = decide(&Case { entry: Some(entry), ..usual() });
        assert_eq!((verdict.row, verdict.entry), (Some(8), Some(entry)));
        assert!(!verdict.changed_outside);
    }
}

#[test]
fn a_default_that_was_undone_brings_nothing_about() {
    let undone = DefaultNow { undone: Some(OFF), ..still(ON) };
    let case = Case { want: Some(OFF), default: Some(undone), ..usual() };
    assert_eq!(row(case), (None, Decision::Leave(Reason::RolledBack)));
    let wants_otherwise = Case { want: Some(ON), ..case };
    assert_eq!(row(wants_otherwise), left(8, Reason::InSync));
}

#[test]
fn row_10_tells_an_opt_out_that_somebody_recorded_from_one_of_ours() {
    let recorded = Entry { recorded: true, ..confirmed(Value::OPT_OUT, Value::OPT_IN, 500) };
    let case = Case { have: Some(Value::OPT_OUT), entry: Some(recorded), ..mode() };
    assert_eq!(row(case), set(10, Value::OPT_IN, Because::Recorded));
}
