//! A saved plan meets a tenant that has gone on: everybody is read once before the first write.

use std::collections::{BTreeMap, BTreeSet};

use insightctl::apply::{
    FailureLimit, Memory, Order, Outcome, Report, Skipped, StaleLimit, Stop, Why, apply, look_ahead,
};
use insightctl::microsoft::Writer;
use insightctl::model::{BySetting, DesiredGroup, Held, PersonId, Setting, TenantSetting, Value};
use insightctl::plan::{Because, Phase, Plan};
use insightctl::sandbox::{Choice, DefaultsChoice};
use insightctl::store::RunId;

use crate::stage::{Stage, default_row, id, mixed, nothing, opted_out, outcomes, row, upn};
use crate::stopping::dropped_at_write;

/// Reads everybody of a plan, as an apply of a saved plan does.
pub(crate) async fn ahead(stage: &Stage, plan: &Plan, protected: &[PersonId]) -> Skipped {
    let store = stage.store().await;
    let remembered = store.ledger(&stage.desired.settle, &stage.ours).await.unwrap();
    let meanwhile = store.meanwhile(RunId(plan.basis.newest_run)).await.unwrap();
    let memory = Memory { ledger: &remembered.ledger, meanwhile: &meanwhile };
    let protected: BTreeSet<_> = protected.iter().copied().collect();
    look_ahead(plan, &stage.reader, memory, &protected, &mut drop).await.unwrap()
}

/// Carries out a saved plan.
pub(crate) async fn carry_out(stage: &Stage, plan: &Plan, left_out: Skipped) -> Report {
    let (store, lease) = (stage.store().await, stage.lock().await);
    let settle = &stage.desired.settle;
    let remembered = store.ledger(settle, &stage.ours).await.unwrap();
    let run = store.begin_run(lease, remembered, plan, settle, &stage.ours).await.unwrap();
    let order = Order { left_out, ..Order::from(plan) };
    let (writer, stop) = (Writer::new(stage.reader.clone()), Stop::default());
    apply(order, &writer, run, &stage.ours, FailureLimit::default(), &mut drop, &stop).await.unwrap()
}

fn digest(on: bool) -> Choice {
    Choice { digest_email: Some(on), ..Choice::default() }
}

/// Lists to whom something was written, by object id.
fn written(stage: &Stage) -> Vec<String> {
    let mut written: Vec<_> = stage.sandbox.writes().iter().map(|write| write.target.clone()).collect();
    written.sort();
    written
}

/// The case that made people distrust saved plans: 12 changes are approved, reality moves on, and 31 would be made.
#[tokio::test]
async fn of_twelve_approved_the_still_valid_part_is_done_although_thirty_one_would_be_planned_by_now() {
    let mut stage = Stage::of("", 40).await;
    let quiet = DesiredGroup {
        wants: BySetting { digest_email: Some(Value::OFF), ..nothing() },
        ..mixed().groups[2].clone()
    };
    stage.desired.tenant.clear();
    stage.desired.groups = vec![quiet];
    stage.desired.people = (1..=40).map(|n| (id(n), Held { group: 0, certain: true })).collect();
    for n in 13..=40 {
        stage.sandbox.person(&upn(n), &digest(false)).unwrap();
    }
    let approved = stage.plan().await;
    assert_eq!((approved.summary.people, approved.operations.len()), (12, 12));

    // Three of the twelve decide for themselves, and 22 others take the digest again.
    stage.sandbox.person(&upn(2), &digest(false)).unwrap();
    stage.sandbox.person(&upn(5), &digest(false)).unwrap();
    stage.sandbox.person(&upn(7), &digest(false)).unwrap();
    for n in 13..=34 {
        stage.sandbox.person(&upn(n), &digest(true)).unwrap();
    }
    assert_eq!(stage.plan().await.summary.people, 31);

    let left_out = ahead(&stage, &approved, &[]).await;
    assert!(left_out.people.len() as u64 <= StaleLimit::default().of(approved.summary.people));
    let found = Why::Found { setting: Setting::DigestEmail, value: Value::OFF };
    let moved = [2, 5, 7].map(|n| (id(n), found.clone()));
    assert_eq!(
        left_out,
        Skipped { people: BTreeMap::from(moved), tenant: BTreeMap::new(), groups: BTreeMap::new() }
    );
    assert_eq!(stage.sandbox.writes().len(), 0, "nothing is written while looking");

    let report = carry_out(&stage, &approved, left_out).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 9), ("moved", 3)]));
    let expected: Vec<_> = (1..=12).filter(|n| ![2, 5, 7].contains(n)).map(|n| id(n).to_string()).collect();
    assert_eq!(written(&stage), expected, "each once, and nobody else");
    for n in [2, 5, 7] {
        assert_eq!(row(&report, n, Setting::DigestEmail).why, Some(found.clone()));
    }
    for n in 13..=34 {
        assert!(
            stage.sandbox.settings(&upn(n)).unwrap().digest_email,
            "{n} was not part of what was approved"
        );
    }
}

#[tokio::test]
async fn a_plan_that_still_holds_leaves_nobody_out() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let left_out = ahead(&stage, &plan, &[]).await;
    assert_eq!(left_out, Skipped::default());
    let report = carry_out(&stage, &plan, left_out).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", plan.operations.len())]));
    assert_eq!(ahead(&stage, &plan, &[]).await, Skipped::default(), "what was done is no move");
}

#[tokio::test]
async fn whoever_moved_is_left_out_with_all_that_was_planned_for_them() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    stage.sandbox.person(&upn(1), &Choice { mode: Some(false), ..Choice::default() }).unwrap();
    let left_out = ahead(&stage, &plan, &[]).await;
    assert_eq!(left_out.people.keys().collect::<Vec<_>>(), [&id(1)]);
    let report = carry_out(&stage, &plan, left_out).await;
    for setting in [Setting::Mode, Setting::ServicePlan] {
        assert_eq!(row(&report, 1, setting).outcome, Outcome::Moved, "{setting}");
    }
    assert!(!written(&stage).contains(&id(1).to_string()));
}

#[tokio::test]
async fn who_opted_out_before_the_first_write_holds_no_default_back_and_who_moved_elsewhere_does() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    stage.sandbox.person(&upn(9), &Choice { mode: Some(false), ..Choice::default() }).unwrap();
    stage.sandbox.person(&upn(10), &Choice { dashboard: Some(false), ..Choice::default() }).unwrap();
    let left_out = ahead(&stage, &plan, &[]).await;
    let report = carry_out(&stage, &plan, left_out).await;
    let default = |setting| default_row(&report, setting).outcome;
    assert_eq!(default(TenantSetting::Dashboard), Outcome::Done);
    assert_eq!(
        default(TenantSetting::DigestEmail),
        Outcome::Waiting,
        "the digest of the tenth would have gone"
    );
}

#[tokio::test]
async fn who_is_protected_by_now_keeps_what_they_have() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let left_out = ahead(&stage, &plan, &[id(1), id(9)]).await;
    assert_eq!(left_out.people, BTreeMap::from([(id(1), Why::Protected), (id(9), Why::Protected)]));
    let before = stage.end_state();
    let report = carry_out(&stage, &plan, left_out).await;
    assert_eq!(row(&report, 9, Setting::Dashboard).why, Some(Why::Protected));
    // Their pins were approved with the flip: without them, it would take away what they have.
    assert_eq!(default_row(&report, TenantSetting::Dashboard).outcome, Outcome::Waiting);
    let after = stage.end_state();
    assert_eq!((&after[0], &after[8]), (&before[0], &before[8]));
}

#[tokio::test]
async fn a_default_that_somebody_else_changed_is_left_out_and_what_we_changed_is_not() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let off = DefaultsChoice { dashboard: Some(false), ..DefaultsChoice::default() };
    stage.sandbox.set_default(&off).unwrap();
    let left_out = ahead(&stage, &plan, &[]).await;
    let why = Why::FoundDefault { value: Value::OFF };
    assert_eq!(left_out.tenant, BTreeMap::from([(TenantSetting::Dashboard, why.clone())]));
    let report = carry_out(&stage, &plan, left_out).await;
    assert_eq!(default_row(&report, TenantSetting::Dashboard).why, Some(why));
    assert!(ahead(&stage, &plan, &[]).await.tenant.keys().eq([&TenantSetting::Dashboard]));
}

#[tokio::test]
async fn what_an_earlier_run_of_the_plan_did_before_it_died_is_no_move() {
    for count in [1, 4, 9, 17, 25, 33, 35] {
        let stage = Stage::new("").await;
        let plan = stage.plan().await;
        dropped_at_write(&stage, &plan, count).await;
        let left_out = ahead(&stage, &plan, &[]).await;
        assert_eq!(left_out, Skipped::default(), "dropped at write {count}");
        let report = carry_out(&stage, &plan, left_out).await;
        assert_eq!(outcomes(&report), BTreeMap::from([("done", plan.operations.len())]), "write {count}");
    }
}

#[tokio::test]
async fn who_followed_a_default_that_an_earlier_run_flipped_has_not_moved() {
    let mut stage = opted_out("").await;
    stage.desired.tenant = mixed().tenant;
    let plan = stage.plan().await;
    let defaults = plan.operations.iter().filter(|operation| operation.phase == Phase::DefaultsOff).count();
    let stated = plan.operations.iter().filter(|operation| operation.because == Because::WithOptIn).count();
    assert!(defaults == 3 && stated > 0, "{:?}", plan.summary);
    dropped_at_write(&stage, &plan, defaults + 1).await;
    let left_out = ahead(&stage, &plan, &[]).await;
    assert_eq!(left_out, Skipped::default());
    let report = carry_out(&stage, &plan, left_out).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", plan.operations.len())]), "{report:#?}");
}
