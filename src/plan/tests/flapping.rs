//! Settings that come back, and accounts that do not.

use super::*;
use crate::plan::gone::notice;

fn days_ago(days: i64) -> Timestamp {
    minutes_ago(days * 24 * 60)
}

/// We switched Ada's dashboard off, and it is on again, although the default is on all the while.
fn came_back() -> Story {
    let mut story = Story::new(Mode::OptIn, Switch::On);
    story.wants.dashboard = Some(Value::OFF);
    story.on_user_choice = OnUserChoice::Override;
    let ours = written(Value::OFF, Value::OFF, 500, true);
    // The default was on when we wrote, so that nobody can blame it.
    story.remembered.dashboard = Some(Entry { default_then: Some(Value::ON), stored: true, ..ours });
    story
}

fn returned(days: &[i64]) -> BTreeMap<Setting, Vec<Timestamp>> {
    BTreeMap::from([(Setting::Dashboard, days.iter().map(|days| days_ago(*days)).collect())])
}

#[test]
fn what_comes_back_is_counted_and_written_again() {
    let plan = came_back().plan();
    assert_eq!(words(&plan), "Withdraw dashboard off");
    assert_eq!(plan.observations.people[&ADA].returned, BTreeMap::from([(Setting::Dashboard, now())]));
}

#[test]
fn what_comes_back_a_third_time_within_thirty_days_is_not_written_any_more() {
    let plan = |days: &[i64]| {
        let mut story = came_back();
        story.record.returned = returned(days);
        story.plan()
    };
    assert_eq!(words(&plan(&[20])), "Withdraw dashboard off");
    assert_eq!(words(&plan(&[31, 20])), "Withdraw dashboard off", "a month ago does not count");
    let held = plan(&[29, 20]);
    assert_eq!((words(&held).as_str(), held.left_alone[0].reason), ("", Reason::Quarantined));
    assert_eq!(held.quarantined[0].returned, [days_ago(29), days_ago(20), now()]);
    assert_eq!(held.observations.people[&ADA].returned.len(), 1);
}

#[test]
fn a_quarantine_lasts_until_somebody_releases_it() {
    let mut story = came_back();
    story.record.returned = returned(&[100, 95, 90]);
    let plan = story.plan();
    assert_eq!((words(&plan).as_str(), plan.left_alone[0].reason), ("", Reason::Quarantined));
    assert!(plan.observations.people[&ADA].returned.is_empty(), "the list stays as it is");
    let mut seen = came_back();
    seen.record.returned = returned(&[100, 95, 90]);
    seen.remembered.dashboard = Some(Entry::seen(Value::ON, Some(Value::ON), true, days_ago(90)));
    assert_eq!(words(&seen.plan()), "");
}

#[test]
fn what_a_default_moved_or_changed_right_after_our_write_does_not_count() {
    let counted = |entry: Entry| {
        let mut story = came_back();
        story.remembered.dashboard = Some(entry);
        let plan = story.plan();
        plan.observations.people.get(&ADA).is_some_and(|observed| !observed.returned.is_empty())
    };
    let ours = written(Value::OFF, Value::ON, 500, true);
    assert!(counted(ours));
    assert!(!counted(Entry { default_then: Some(Value::OFF), ..ours }), "the default moved it");
    assert!(!counted(Entry { at: minutes_ago(5), ..ours }), "too early to tell");
    assert!(!counted(Entry { confirmed: false, ..ours }), "it may never have taken");
    assert!(!counted(Entry::seen(Value::OFF, Some(Value::ON), true, days_ago(1))), "it was not ours");
}

#[test]
fn under_respect_nothing_is_written_back_so_nothing_flaps() {
    let mut story = came_back();
    story.on_user_choice = OnUserChoice::Respect;
    let plan = story.plan();
    assert_eq!(plan.left_alone[0].reason, Reason::OwnChoice);
}

#[test]
fn a_service_plan_that_is_assigned_again_and_again_is_quarantined_too() {
    let mut story = Story::new(Mode::OptIn, Switch::On);
    story.wants.service_plan = Some(Value::REMOVED);
    let ours = Entry { default_then: None, ..written(Value::REMOVED, Value::ASSIGNED, 500, true) };
    story.remembered.service_plan = Some(ours);
    story.record.returned = BTreeMap::from([(Setting::ServicePlan, vec![days_ago(9), days_ago(5)])]);
    let plan = story.plan();
    assert_eq!((words(&plan).as_str(), plan.left_alone[0].reason), ("", Reason::Quarantined));
    assert_eq!(plan.left_alone[0].settings[0].have, Value::ASSIGNED);
}

#[test]
fn a_default_that_comes_back_a_third_time_is_not_written_any_more() {
    let plan = |earlier: &[i64]| {
        let mut story = Story::new(Mode::OptIn, Switch::On);
        let entry = TenantEntry {
            value: Value::OFF,
            by: By::Us,
            at: days_ago(3),
            confirmed: true,
            previous: Some(Value::ON),
            changed_at: Some(days_ago(3)),
            rolled_back: None,
        };
        story.dashboard_default = Some((Value::OFF, entry));
        story.default_returned = earlier.iter().map(|days| days_ago(*days)).collect();
        story.plan()
    };
    let first = plan(&[9]);
    assert_eq!(words(&first), "a default");
    assert_eq!(first.observations.returned, BTreeMap::from([(TenantSetting::Dashboard, now())]));
    let third = plan(&[9, 6]);
    assert_eq!(words(&third), "");
    assert_eq!(third.quarantined[0].target, Target::Tenant(TenantSetting::Dashboard));
    assert_eq!(third.quarantined[0].returned, [days_ago(9), days_ago(6), now()]);
    assert!(plan(&[19, 16, 12]).observations.returned.is_empty(), "the list stays as it is");
}

/// Is what is noticed of Ada, whom no group holds.
#[derive(Debug, PartialEq, Eq)]
enum Noticed {
    Nothing,
    Missed(Timestamp),
    There,
    Forgotten,
}

fn noticed(exists: Option<bool>, gone_days: Option<i64>) -> Noticed {
    let gone_since = gone_days.map(days_ago);
    let record = PersonRecord { gone_since, ..PersonRecord::default() };
    let ledger = Ledger { people: BTreeMap::from([(ADA, record)]), ..Ledger::default() };
    let tenant = ActualTenant {
        id: TenantId(Uuid::nil()),
        name: "Contoso".into(),
        settings: BTreeMap::new(),
        people: Known::Is(1),
    };
    let actual = ActualState {
        tenant,
        catalogue: Catalogue::default(),
        people: BTreeMap::new(),
        exists: exists.map(|exists| (ADA, exists)).into_iter().collect(),
        licensing: BTreeMap::new(),
        read_at: now(),
    };
    let mut observed = BTreeMap::new();
    let forgotten = notice(&mut observed, &DesiredState::default(), &actual, &ledger, now());
    if forgotten.contains(&ADA) {
        return Noticed::Forgotten;
    }
    observed.get(&ADA).map_or(Noticed::Nothing, |is| is.gone_since.map_or(Noticed::There, Noticed::Missed))
}

#[test]
fn an_account_is_forgotten_sixty_days_after_it_was_missed() {
    assert_eq!(noticed(Some(false), None), Noticed::Missed(now()));
    assert_eq!(noticed(Some(false), Some(59)), Noticed::Nothing);
    assert_eq!(noticed(Some(false), Some(60)), Noticed::Forgotten);
    assert_eq!(noticed(None, Some(100)), Noticed::Nothing, "nobody looked");
    assert_eq!(noticed(Some(true), Some(100)), Noticed::There, "it is there again");
    assert_eq!(noticed(Some(true), None), Noticed::Nothing);
}

#[test]
fn a_long_memory_is_looked_through_a_thousand_accounts_at_a_time() {
    let id = |number: u128| PersonId(Uuid::from_u128(number));
    let people = (0..2500).map(|number| (id(number), PersonRecord::default())).collect();
    let ledger = Ledger { people, ..Ledger::default() };
    let held = DesiredState {
        people: BTreeMap::from([(id(0), Held { group: 0, certain: true })]),
        ..DesiredState::default()
    };
    let actual = nobody_was_read();
    let windows: Vec<_> = (0..4).map(|run| whom_to_look_up(&held, &actual, &ledger, run)).collect();
    assert_eq!(windows.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1000, 499, 1000]);
    assert_eq!((windows[0][0], windows[1][0], windows[3][0]), (id(1), id(1001), id(1)));
}

fn nobody_was_read() -> ActualState {
    ActualState {
        tenant: ActualTenant {
            id: TenantId(Uuid::nil()),
            name: "Contoso".into(),
            settings: BTreeMap::new(),
            people: Known::Is(1),
        },
        catalogue: Catalogue::default(),
        people: BTreeMap::new(),
        exists: BTreeMap::new(),
        licensing: BTreeMap::new(),
        read_at: now(),
    }
}

#[test]
fn who_was_only_told_of_a_milestone_is_missed_and_forgotten_too() {
    let announced = [("welcome", ADA), ("reminder", ADA)].map(|(name, id)| (name.into(), [id].into()));
    let mut ledger = Ledger { announced: announced.into(), ..Ledger::default() };
    let desired = DesiredState::default();
    let mut actual = nobody_was_read();
    assert_eq!(whom_to_look_up(&desired, &actual, &ledger, 0), [ADA]);
    actual.exists = [(ADA, true)].into();
    let mut observed = BTreeMap::new();
    assert!(notice(&mut observed, &desired, &actual, &ledger, now()).is_empty() && observed.is_empty());
    actual.exists = [(ADA, false)].into();
    assert!(notice(&mut observed, &desired, &actual, &ledger, now()).is_empty());
    let record = PersonRecord { gone_since: observed[&ADA].gone_since, ..PersonRecord::default() };
    ledger.people.insert(ADA, record);
    let later = now() + FORGOTTEN_AFTER;
    assert_eq!(notice(&mut observed, &desired, &actual, &ledger, later), [ADA].into());
}
