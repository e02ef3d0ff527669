//! Opting in again, and deviations that are accepted.

use super::*;

const DAY: i64 = 24 * 60;

fn rule() -> ReOptIn {
    ReOptIn {
        reason: "a new works agreement".into(),
        until: now() + SignedDuration::from_hours(24),
        mark: Mark::of("1"),
    }
}

/// Ada has opted out, which the ledger saw ten days ago; now her group opts people in again.
fn opted_out() -> Story {
    let mut story = Story::new(Mode::OptOut, Switch::On);
    story.wants.mode = Some(Value::OPT_IN);
    story.wants.dashboard = Some(Value::ON);
    story.remembered.mode = Some(chose(Value::OPT_OUT, Value::OPT_IN, 10 * DAY));
    story.re_opt_in = Some(rule());
    story
}

fn chose(value: Value, default: Value, minutes: i64) -> Entry {
    Entry::seen(value, Some(default), true, minutes_ago(minutes))
}

fn reason(plan: &Plan) -> Option<Reason> {
    plan.left_alone.first().map(|person| person.reason)
}

#[test]
fn who_had_opted_out_before_the_decision_is_opted_in_again_with_features() {
    let plan = opted_out().plan();
    assert_eq!(words(&plan), "Grant mode opt-in; Grant dashboard on");
    let mode = &plan.operations[0];
    assert_eq!((mode.because, mode.class), (Because::ReOptIn, Class::ReOptIn));
    assert_eq!(mode.mark, Some(rule().mark));
    assert_eq!(plan.operations[1].because, Because::WithOptIn);
    assert_eq!(plan.observations.re_opt_ins, BTreeMap::from([(rule().mark, now())]));
    assert!(plan.notes.iter().any(|note| matches!(note, Note::OptsInAgain { .. })));
    assert!(is_consistent(&plan));
    let without_mark = Operation { mark: None, ..mode.clone() };
    assert!(!is_consistent(&Plan { operations: vec![without_mark, plan.operations[1].clone()], ..plan }));
}

#[test]
fn nobody_is_met_who_opted_out_with_the_decision_or_after_it() {
    let met = |change: &dyn Fn(&mut Story)| {
        let mut story = opted_out();
        change(&mut story);
        let plan = story.plan();
        assert_eq!(plan.operations.is_empty(), reason(&plan) == Some(Reason::ConsentFloor));
        !plan.operations.is_empty()
    };
    assert!(met(&|_| ()));
    assert!(met(&|story| story.known_since = Some(minutes_ago(9 * DAY))), "seen a day before");
    assert!(!met(&|story| story.known_since = Some(minutes_ago(10 * DAY))), "first seen together with it");
    assert!(!met(&|story| story.known_since = Some(minutes_ago(11 * DAY))), "seen a day after");
    assert!(!met(&|story| story.remembered.mode = None), "not seen before this plan");
    assert!(!met(&|story| story.record.re_opted_in = Some(rule().mark)), "met before");
    assert!(met(&|story| story.record.re_opted_in = Some(Mark::of("2"))), "met by another decision");
    assert!(!met(&|story| story.re_opt_in = Some(ReOptIn { until: now(), ..rule() })), "it is over");
    assert!(!met(&|story| story.re_opt_in = None), "there is no such decision");
    assert!(!met(&|story| {
        story.remembered.mode = Some(written(Value::OPT_IN, Value::OPT_IN, 10 * DAY, true));
    }));
}

#[test]
fn an_opt_out_of_ours_that_was_released_can_be_lifted() {
    let mut story = opted_out();
    let ours = written(Value::OPT_OUT, Value::OPT_IN, 10 * DAY, true);
    story.remembered.mode = Some(Entry { released: true, ..ours });
    assert!(words(&story.plan()).starts_with("Grant mode opt-in"));
}

#[test]
fn without_a_ledger_nobody_is_opted_in_again_and_the_plan_says_so() {
    let mut story = opted_out();
    story.remembered.mode = None;
    story.keeps_ledger = false;
    let plan = story.plan();
    assert!(plan.operations.is_empty());
    assert!(plan.notes.contains(&Note::OptsNobodyInAgain { group: "pilot".into() }));
}

fn accept(setting: Setting, value: Value, hours: i64) -> Accepted {
    Accepted {
        selector: "user: ada@contoso.com".to_owned(),
        people: vec![ADA],
        not_found: Vec::new(),
        unreadable: None,
        setting,
        value,
        reason: "on leave".into(),
        until: now() + SignedDuration::from_hours(hours),
    }
}

/// Ada has her dashboard on, which the group overrides.
fn overridden() -> Story {
    let mut story = Story::new(Mode::OptIn, Switch::On);
    story.wants.dashboard = Some(Value::OFF);
    story.on_user_choice = OnUserChoice::Override;
    story
}

#[test]
fn an_accepted_deviation_is_left_alone_while_it_is_the_value_that_was_accepted() {
    let held = |accepted| Story { accepted: vec![accepted], ..overridden() }.plan();
    let plan = held(accept(Setting::Dashboard, Value::ON, 1));
    assert_eq!((words(&plan).as_str(), reason(&plan)), ("", Some(Reason::Accepted)));
    assert_eq!(plan.left_alone[0].settings[0].until, Some(now() + SignedDuration::from_hours(1)));
    for other in [accept(Setting::Dashboard, Value::OFF, 1), accept(Setting::DigestEmail, Value::ON, 1)] {
        assert_eq!(words(&held(other)), "Withdraw dashboard off");
    }
    let somebody_else = Accepted { people: Vec::new(), ..accept(Setting::Dashboard, Value::ON, 1) };
    assert_eq!(words(&held(somebody_else)), "Withdraw dashboard off");
}

#[test]
fn an_acceptance_is_spoken_of_two_weeks_before_it_ends_and_after_it_has() {
    let ends = |hours| {
        let accepted = vec![accept(Setting::Dashboard, Value::ON, hours)];
        let plan = Story { accepted, ..overridden() }.plan();
        let ended = plan
            .notes
            .iter()
            .find_map(|note| if let Note::AcceptanceEnds { ended, .. } = note { Some(*ended) } else { None });
        (ended, plan.operations.len())
    };
    assert_eq!(ends(14 * 24 + 1), (None, 0));
    assert_eq!(ends(14 * 24), (Some(false), 0));
    assert_eq!(ends(1), (Some(false), 0));
    assert_eq!(ends(0), (Some(true), 1), "it is handled like any other");
}

#[test]
fn an_acceptance_that_cannot_be_read_allows_nothing() {
    let refusal = Refusal { kind: RefusalKind::Forbidden, message: "no".to_owned(), request_id: None };
    let unreadable = |value| Accepted {
        people: Vec::new(),
        unreadable: Some(Arc::new(refusal.clone())),
        ..accept(Setting::Dashboard, value, 1)
    };
    let plan = Story { accepted: vec![unreadable(Value::ON)], ..overridden() }.plan();
    assert_eq!((words(&plan).as_str(), reason(&plan)), ("", Some(Reason::Unknown)));
    assert!(plan.notes.iter().any(|note| matches!(note, Note::Unreadable { .. })));
    let plan = Story { accepted: vec![unreadable(Value::OFF)], ..overridden() }.plan();
    assert_eq!(words(&plan), "Withdraw dashboard off", "whoever is meant, it is not she");
}

#[test]
fn a_service_plan_waits_for_an_opt_out_that_is_accepted_not_to_be() {
    let mut story = Story::new(Mode::OptIn, Switch::On);
    story.wants.mode = Some(Value::OPT_OUT);
    story.wants.service_plan = Some(Value::REMOVED);
    story.accepted = vec![accept(Setting::Mode, Value::OPT_IN, 1)];
    let plan = story.plan();
    assert_eq!((words(&plan).as_str(), reason(&plan)), ("", Some(Reason::Accepted)));
    let mut story = Story::new(Mode::OptIn, Switch::On);
    story.wants.service_plan = Some(Value::REMOVED);
    story.accepted = vec![accept(Setting::ServicePlan, Value::ASSIGNED, 1)];
    let plan = story.plan();
    assert_eq!((words(&plan).as_str(), reason(&plan)), ("", Some(Reason::Accepted)));
}

#[test]
fn an_accepted_feature_is_stated_as_it_is_beside_an_opt_in() {
    let mut story = Story::new(Mode::OptOut, Switch::On);
    story.wants.mode = Some(Value::OPT_IN);
    story.wants.dashboard = Some(Value::OFF);
    story.on_user_choice = OnUserChoice::Override;
    story.remembered.mode = Some(written(Value::OPT_OUT, Value::OPT_IN, 500, true));
    story.accepted = vec![accept(Setting::Dashboard, Value::ON, 1)];
    assert_eq!(words(&story.plan()), "Grant mode opt-in; Grant dashboard on");
}
