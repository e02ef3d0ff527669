//! A licensing group changes for all of its members at once, or not at all.

use std::collections::BTreeMap;

use insightctl::apply::{GroupRow, Outcome, Report, Skipped, Stop, Why};
use insightctl::microsoft::{Ask, Writer};
use insightctl::model::{
    BySetting, DesiredGroup, DesiredState, GroupId, Held, OnLeave, OnUserChoice, Setting, Value,
};
use insightctl::plan::budget::Speed;
use insightctl::plan::{Barrier, Context, LicenceChange, Note, Plan, Reason, Target, inverse};
use insightctl::sandbox::Choice;
use insightctl::store::RunId;
use serde_json::json;
use uuid::{Uuid, uuid};

use crate::saved::{ahead, carry_out};
use crate::stage::{Stage, id, outcomes, row, tenant, upn};
use crate::stopping::dropped_at_write;

const STAFF: Uuid = uuid!("50000000-0000-4000-8000-000000000001");
const OTHERS: Uuid = uuid!("50000000-0000-4000-8000-000000000002");
const P2: &str = "33c4f319-9bdd-48d6-9c4d-410b750a4a5a";
const EA: &str = "34c0d7a0-a70f-4668-9238-47f9fc208882";
const TEAMS: &str = "57ff2da0-773e-42df-b2af-ffb7a2317929";

/// Is how many people are asked about.
const PEOPLE: u128 = 6;

/// Makes a tenant in which groups hand out all licences: `STAFF` to these people, and `OTHERS` to nobody yet.
fn handed_down(members: impl IntoIterator<Item = u128>, off: &[&str]) -> serde_json::Value {
    let mut tenant = tenant(PEOPLE + 2);
    for user in tenant["users"].as_array_mut().unwrap() {
        user["licenses"] = json!([]);
    }
    let members: Vec<_> = members.into_iter().map(upn).collect();
    let licences = json!([{ "sku": "SPE_E5", "off": off }]);
    tenant["groups"] = json!([
        { "id": STAFF, "displayName": "All staff", "licenses": licences, "members": members },
        { "id": OTHERS, "displayName": "Others", "licenses": ["SPE_E5"], "members": [] },
    ]);
    tenant
}

/// Asks for no service plan for the first six people, whom a manifest's group holds.
fn removed() -> DesiredState {
    let wants =
        BySetting { mode: Some(Value::OPT_OUT), service_plan: Some(Value::REMOVED), ..BySetting::default() };
    let group = DesiredGroup {
        name: "works-council".into(),
        wants,
        on_user_choice: OnUserChoice::Override,
        on_leave: OnLeave::Keep,
        named: Some(6),
        re_opt_in: None,
        closed: None,
    };
    DesiredState {
        groups: vec![group],
        people: (1..=PEOPLE).map(|n| (id(n), Held { group: 0, certain: true })).collect(),
        through_groups: true,
        ..DesiredState::default()
    }
}

async fn staged(world: &str) -> Stage {
    Stage::with(world, handed_down(1..=PEOPLE, &["TEAMS1"]), removed()).await
}

/// Lists what was written to groups: the lists of disabled plans.
fn written(stage: &Stage) -> Vec<serde_json::Value> {
    let groups = stage.sandbox.writes().into_iter().filter(|write| write.target == STAFF.to_string());
    groups.map(|write| write.what["addLicenses"][0]["disabledPlans"].clone()).collect()
}

fn barrier(plan: &Plan) -> Option<&Barrier> {
    plan.notes
        .iter()
        .find_map(|note| if let Note::PlanInherited { barrier, .. } = note { Some(barrier) } else { None })
}

fn group(report: &Report) -> &GroupRow {
    &report.licensing_groups[0]
}

#[tokio::test]
async fn the_group_is_written_once_for_all_and_the_next_plan_is_empty() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    assert_eq!(plan.summary.people, 6);
    assert_eq!(plan.summary.calls, 7, "six opt-outs and one group");
    let report = stage.apply(&plan).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 12)]), "{report:#?}");
    assert_eq!(written(&stage), [json!([P2, EA, TEAMS])], "what was off stays off");
    assert_eq!((report.calls, stage.sandbox.writes().len()), (7, 7));
    assert_eq!((group(&report).outcome, group(&report).members), (Outcome::Done, 6));
    let next = stage.plan().await;
    assert_eq!((next.operations.len(), &next.licensing_groups[..]), (0, &[][..]));
    assert_eq!(next.summary.left_alone, BTreeMap::from([(Reason::InSync, 6)]));
}

#[tokio::test]
async fn without_leave_in_the_manifest_no_group_is_even_read() {
    let mut stage = staged("").await;
    stage.desired.through_groups = false;
    let plan = stage.plan().await;
    assert_eq!(barrier(&plan), Some(&Barrier::NotAllowed));
    assert!(
        stage.sandbox.requests().keys().all(|route| !route.contains("members")),
        "{:?}",
        stage.sandbox.requests()
    );
    stage.apply(&plan).await;
    assert_eq!(written(&stage), [json!(null); 0]);
}

#[tokio::test]
async fn one_member_who_is_not_to_lose_it_stands_against_the_whole_group() {
    for (what, tenant) in [
        ("a stranger", handed_down(1..=PEOPLE + 1, &[])),
        ("a guest", {
            let mut tenant = handed_down(1..=PEOPLE, &[]);
            tenant["users"][5]["userType"] = json!("Guest");
            tenant
        }),
        ("a disabled account", {
            let mut tenant = handed_down(1..=PEOPLE, &[]);
            tenant["users"][5]["accountEnabled"] = json!(false);
            tenant
        }),
        ("somebody whose settings nobody can read", {
            let mut tenant = handed_down(1..=PEOPLE, &[]);
            tenant["users"][5]["refused"] = json!(true);
            tenant
        }),
        ("somebody who has it from another group as well, with a stranger in it", {
            let mut tenant = handed_down(1..=PEOPLE, &[]);
            tenant["groups"][1]["members"] = json!([upn(6), upn(7)]);
            tenant
        }),
    ] {
        let stage = Stage::with("", tenant, removed()).await;
        let plan = stage.plan().await;
        let Some(Barrier::Members { others, of: _, names }) = barrier(&plan) else {
            panic!("{what}: {:?}", plan.notes)
        };
        assert_eq!((*others, names.len()), (1, 1), "{what}");
        assert_eq!(plan.licensing_groups, [], "{what}");
        stage.apply(&plan).await;
        assert_eq!(written(&stage), [json!(null); 0], "{what}");
    }
}

#[tokio::test]
async fn members_of_groups_in_the_group_are_not_asked_since_nothing_reaches_them() {
    let mut tenant = handed_down(1..=PEOPLE, &[]);
    tenant["groups"][0]["members"].as_array_mut().unwrap().push(json!("Others"));
    tenant["groups"][1]["licenses"] = json!([]);
    tenant["groups"][1]["members"] = json!([upn(7)]);
    let stage = Stage::with("", tenant, removed()).await;
    assert_eq!(stage.round().await.licensing_groups.len(), 1);
    assert_eq!(written(&stage).len(), 1);
}

#[tokio::test]
async fn a_group_that_hides_its_members_is_left_as_it_is() {
    let mut tenant = handed_down(1..=PEOPLE, &[]);
    tenant["groups"][0]["visibility"] = json!("HiddenMembership");
    let stage = Stage::with("", tenant, removed()).await;
    let plan = stage.plan().await;
    assert!(matches!(barrier(&plan), Some(Barrier::Unreadable { .. })), "{:?}", plan.notes);
    assert_eq!(plan.licensing_groups, []);
}

#[tokio::test]
async fn who_joins_after_the_plan_keeps_everybody_as_they_are() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    stage.sandbox.member(STAFF, &upn(7), true).unwrap();
    let report = stage.apply(&plan).await;
    let plan_row = row(&report, 1, Setting::ServicePlan);
    assert_eq!((plan_row.outcome, plan_row.attempts), (Outcome::Moved, 0));
    assert!(matches!(&plan_row.why, Some(Why::GroupJoined { upn: who, people: 1, .. }) if **who == *upn(7)));
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 6), ("moved", 6)]), "their opt-outs go ahead");
    assert_eq!(written(&stage), [json!(null); 0]);

    // Who leaves again stands in nobody's way, and neither does who leaves of those whom the plan knows.
    stage.sandbox.member(STAFF, &upn(7), false).unwrap();
    stage.sandbox.member(STAFF, &upn(1), false).unwrap();
    let report = stage.apply(&plan).await;
    assert_eq!(written(&stage).len(), 1, "{report:#?}");
    assert_eq!(row(&report, 2, Setting::ServicePlan).outcome, Outcome::Done);
    assert_eq!(row(&report, 1, Setting::ServicePlan).outcome, Outcome::Moved);
}

#[tokio::test]
async fn a_saved_plan_leaves_out_all_who_go_through_a_group_that_has_changed() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    stage.sandbox.member(STAFF, &upn(7), true).unwrap();
    let left_out = ahead(&stage, &plan, &[]).await;
    assert_eq!((left_out.people.len(), left_out.groups.len(), left_out.moved(&plan)), (0, 1, 6));
    let report = carry_out(&stage, &plan, left_out).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 6), ("moved", 6)]));
    assert_eq!(written(&stage), [json!(null); 0]);
}

#[tokio::test]
async fn whoever_is_protected_by_now_or_opted_in_again_keeps_the_group_as_it_is() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    let left_out = ahead(&stage, &plan, &[id(3)]).await;
    let report = carry_out(&stage, &plan, left_out).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 5), ("moved", 2), ("waiting", 5)]));
    let held = row(&report, 1, Setting::ServicePlan).why.clone();
    assert!(
        matches!(held, Some(Why::GroupHeldBack { id: who, outcome: Outcome::Moved, .. }) if who == id(3))
    );
    assert_eq!(written(&stage), [json!(null); 0]);

    let next = stage.plan().await;
    stage.sandbox.person(&upn(4), &Choice { mode: Some(true), ..Choice::default() }).unwrap();
    let report = carry_out(&stage, &next, Skipped::default()).await;
    assert_eq!(
        row(&report, 4, Setting::ServicePlan).outcome,
        Outcome::Waiting,
        "their opt-out does not show"
    );
    assert_eq!(written(&stage), [json!(null); 0]);
}

#[tokio::test]
async fn no_group_is_written_before_every_opt_out_shows() {
    let stage = staged("person-delay=300").await;
    let report = stage.round().await;
    assert_eq!(outcomes(&report), BTreeMap::from([("settling", 6), ("waiting", 6)]));
    assert_eq!(written(&stage), [json!(null); 0]);
    stage.later(6);
    let report = stage.round().await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 6)]));
    assert_eq!(written(&stage).len(), 1);
}

#[tokio::test]
async fn what_the_directory_still_works_on_settles_for_a_day_and_is_not_written_again() {
    let stage = staged("group-delay=7200").await;
    let report = stage.round().await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 6), ("settling", 6)]));
    assert!(group(&report).processing && group(&report).outcome == Outcome::Settling);
    for minutes in [70, 40] {
        stage.later(minutes);
        let plan = stage.plan().await;
        assert_eq!(plan.operations, []);
        assert_eq!(plan.summary.left_alone, BTreeMap::from([(Reason::Settling, 6)]), "also after an hour");
    }
    stage.later(20);
    let plan = stage.plan().await;
    assert_eq!(plan.summary.left_alone, BTreeMap::from([(Reason::InSync, 6)]));
    assert_eq!(plan.outside_changes, []);
    assert_eq!(written(&stage).len(), 1);
}

#[tokio::test]
async fn while_the_directory_works_on_somebody_elses_change_the_group_is_left_as_it_is() {
    let stage = staged("group-delay=7200").await;
    let plan = stage.plan().await;
    // Somebody else switches something off, and on again, in the licence of the group.
    let elsewhere = Writer::new(stage.reader.clone());
    let change = &plan.licensing_groups[0].changes[0];
    for off in [vec![], change.disabled_before.clone()] {
        let change = LicenceChange { disabled_after: off, ..change.clone() };
        elsewhere.assign_group_licences(GroupId(STAFF), &[change]).await.result.unwrap();
    }
    let report = stage.apply(&plan).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 6), ("waiting", 6)]));
    assert!(matches!(row(&report, 1, Setting::ServicePlan).why, Some(Why::GroupProcessing { .. })));
    let next = stage.plan().await;
    assert_eq!((barrier(&next), next.operations.len()), (Some(&Barrier::Processing), 0));
    stage.later(130);
    let report = stage.round().await;
    assert_eq!(outcomes(&report), BTreeMap::from([("settling", 6)]));
}

#[tokio::test]
async fn a_licence_that_somebody_else_changed_is_not_overwritten() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    let elsewhere = Writer::new(stage.reader.clone());
    let change = LicenceChange { disabled_after: vec![], ..plan.licensing_groups[0].changes[0].clone() };
    elsewhere.assign_group_licences(GroupId(STAFF), &[change]).await.result.unwrap();
    let report = stage.apply(&plan).await;
    assert_eq!(row(&report, 1, Setting::ServicePlan).why, Some(Why::FoundOtherLicences));
    assert_eq!(written(&stage), [json!([])], "theirs alone");
    stage.round().await;
    assert_eq!(written(&stage), [json!([]), json!([P2, EA])]);
}

#[tokio::test]
async fn licence_errors_of_members_are_told() {
    let mut tenant = handed_down(1..=PEOPLE, &[]);
    tenant["groups"][0]["membersWithLicenseErrors"] = json!([upn(2)]);
    let stage = Stage::with("", tenant, removed()).await;
    let plan = stage.plan().await;
    assert_eq!(plan.summary.people, 6, "one of them has nothing to lose but is opted out");
    let report = stage.apply(&plan).await;
    assert!(group(&report).errors);
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 11)]), "{report:#?}");
}

#[tokio::test]
async fn people_who_hold_it_directly_as_well_lose_both() {
    let mut tenant = handed_down(1..=PEOPLE, &[]);
    tenant["users"][0]["licenses"] = json!(["SPE_E5"]);
    tenant["groups"][1]["members"] = json!([upn(2)]);
    let stage = Stage::with("", tenant, removed()).await;
    let plan = stage.plan().await;
    assert_eq!((plan.licensing_groups.len(), plan.summary.calls), (2, 6 + 2 + 1));
    let report = stage.apply(&plan).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 12)]), "{report:#?}");
    assert_eq!(report.calls, plan.summary.calls);
    assert_eq!(stage.plan().await.summary.left_alone, BTreeMap::from([(Reason::InSync, 6)]));
}

#[tokio::test]
async fn what_a_group_has_switched_off_comes_on_where_all_of_its_members_want_it() {
    let mut desired = removed();
    desired.groups[0].wants = BySetting { service_plan: Some(Value::ASSIGNED), ..BySetting::default() };
    let off = &["MYANALYTICS_P2", "EXCHANGE_ANALYTICS", "TEAMS1"];
    let stage = Stage::with("", handed_down(1..=PEOPLE, off), desired.clone()).await;
    assert_eq!(outcomes(&stage.round().await), BTreeMap::from([("done", 6)]));
    assert_eq!(written(&stage), [json!([TEAMS])]);
    assert_eq!(stage.plan().await.operations, []);
    let stage = Stage::with("", handed_down(1..=PEOPLE + 1, off), desired).await;
    assert!(matches!(barrier(&stage.plan().await), Some(Barrier::Members { others: 1, of: 7, .. })));
}

#[tokio::test]
async fn a_refused_write_to_the_group_fails_for_all_of_its_members() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    let script = json!({ "faults": [{ "match": { "path": "assignLicense" }, "status": 400, "code": "Request_BadRequest" }] });
    stage.sandbox.play(&script.to_string()).unwrap();
    let report = stage.apply(&plan).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 6), ("failed", 6)]), "{report:#?}");
    assert_eq!(group(&report).outcome, Outcome::Failed);
    assert_eq!(stage.plan().await.operations.len(), 6, "it is tried again");
}

#[tokio::test]
async fn dropped_anywhere_around_the_write_the_group_converges_and_nobody_is_blamed() {
    let whole = staged("").await;
    whole.round().await;
    let settings =
        |stage: &Stage| (1..=PEOPLE).map(|n| stage.sandbox.settings(&upn(n)).unwrap()).collect::<Vec<_>>();
    let expected = settings(&whole);
    for world in ["", "group-delay=600", "licence-delay=300"] {
        for count in [1, 6, 7] {
            let stage = staged(world).await;
            let plan = stage.plan().await;
            dropped_at_write(&stage, &plan, count).await;
            for _ in 0..3 {
                stage.later(25 * 60);
                let next = stage.plan().await;
                assert_eq!(next.outside_changes, [], "{world}, dropped at write {count}");
                stage.apply(&next).await;
            }
            assert_eq!(settings(&stage), expected, "{world}, dropped at write {count}");
            assert_eq!(stage.plan().await.operations, [], "{world}, dropped at write {count}");
            assert_eq!(written(&stage).len(), 1, "{world}, dropped at write {count}");
        }
    }
}

#[tokio::test]
async fn an_intent_without_a_write_is_looked_at_again_after_a_day() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    let script = json!({ "faults": [{ "match": { "path": "assignLicense" }, "cut": "before" }] });
    stage.sandbox.play(&script.to_string()).unwrap();
    let report = stage.apply(&plan).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 6), ("unanswered", 6)]), "{report:#?}");
    stage.later(90);
    assert_eq!(stage.plan().await.summary.left_alone, BTreeMap::from([(Reason::Settling, 6)]));
    stage.later(24 * 60);
    assert_eq!(outcomes(&stage.round().await), BTreeMap::from([("done", 6)]));
    assert_eq!(written(&stage).len(), 1);
}

#[tokio::test]
async fn a_plan_file_that_goes_through_a_group_it_does_not_list_is_refused() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    assert!(insightctl::plan::is_consistent(&plan));
    let edited = |edit: &dyn Fn(&mut Plan)| {
        let mut plan = plan.clone();
        edit(&mut plan);
        insightctl::plan::is_consistent(&plan)
    };
    assert!(!edited(&|plan| plan.licensing_groups.clear()));
    assert!(!edited(&|plan| plan.licensing_groups[0].members.retain(|member| *member != id(1))));
    assert!(!edited(&|plan| plan.licensing_groups[0].id = GroupId(OTHERS)));
    assert!(!edited(&|plan| plan.licensing_groups[0].to = Value::ASSIGNED));
    let no_one = |plan: &mut Plan| {
        for operation in &mut plan.operations {
            operation.through.clear();
        }
    };
    assert!(!edited(&no_one), "a group changes for somebody");
    assert!(plan.operations.iter().all(|operation| matches!(operation.target, Target::Person(_))));
}

/// Plans how to undo the first run.
async fn undone(stage: &Stage) -> Plan {
    let store = stage.store().await;
    let remembered = store.ledger(&stage.desired.settle, &stage.ours).await.unwrap();
    let deeds = store.deeds(RunId(1)).await.unwrap().unwrap();
    let people = deeds.people.keys().copied().collect();
    let ask = Ask { settings: true, tenant_settings: true, count_people: false };
    let mut actual = stage.reader.observe(&people, ask).await.unwrap();
    actual.licensing = stage.reader.licensing_groups(&deeds.groups(), &actual.people).await;
    let context = Context {
        now: stage.ours.now(),
        as_of: stage.ours.now(),
        manifest: "00ff".to_owned(),
        store: None,
        keeps_ledger: true,
        newest_run: remembered.newest_run(),
        re_pin: false,
        speed: Speed::default(),
    };
    inverse(&deeds, &stage.desired, &actual, &remembered.ledger, &context)
}

#[tokio::test]
async fn a_run_is_undone_in_the_group_for_all_of_its_members_or_for_none() {
    let stage = staged("").await;
    stage.round().await;
    stage.later(90);
    stage.sandbox.member(STAFF, &upn(7), true).unwrap();
    let plan = undone(&stage).await;
    assert_eq!((plan.operations.len(), plan.licensing_groups.len()), (0, 0), "a stranger is in it by now");
    stage.sandbox.member(STAFF, &upn(7), false).unwrap();
    let plan = undone(&stage).await;
    assert!(insightctl::plan::is_consistent(&plan));
    assert_eq!((plan.operations.len(), plan.summary.calls), (6, 1));
    let report = stage.apply(&plan).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 6)]), "{report:#?}");
    assert_eq!(written(&stage), [json!([P2, EA, TEAMS]), json!([TEAMS])]);
    let next = stage.plan().await;
    assert_eq!(
        next.summary.left_alone,
        BTreeMap::from([(Reason::RolledBack, 6)]),
        "until the manifest changes"
    );
    let mut stage = stage;
    stage.desired.through_groups = false;
    stage.later(90);
    assert_eq!(undone(&stage).await.licensing_groups, []);
}

#[tokio::test]
async fn a_stop_before_the_group_leaves_it_as_it_is() {
    let stage = staged("").await;
    let plan = stage.plan().await;
    let stop = Stop::default();
    stop.request();
    let report = stage.apply_with(&plan, &stop, drop).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("not-begun", 12)]));
    assert_eq!((group(&report).outcome, written(&stage).len()), (Outcome::NotBegun, 0));
}
