//! A plan says exactly how many calls and reads apply sends, counted by the sandbox.

use insightctl::model::{BySetting, Value};
use insightctl::plan::Plan;
use insightctl::sandbox::Call;

use crate::stage::{Stage, nothing, opted_out};

/// Carries a plan out, and compares what the sandbox counts with what the plan says.
async fn is_exact(stage: &Stage, plan: &Plan) {
    stage.sandbox.play("faults: []").unwrap();
    let report = stage.apply(plan).await;
    assert!(report.rows.iter().all(|row| row.outcome.word() == "done"), "{report:#?}");
    // A batch is the envelope of its calls, and signing in is none of the tenant's.
    let counts = |call: &&Call| !call.path.ends_with("$batch") && call.service != "login";
    let calls = stage.sandbox.calls();
    let writes = calls.iter().filter(counts).filter(|call| call.write).count() as u64;
    let reads = calls.iter().filter(counts).filter(|call| !call.write).count() as u64;
    assert_eq!((writes, reads), (plan.summary.calls, plan.summary.reads));
}

#[tokio::test]
async fn every_kind_of_operation_is_counted() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let kinds: std::collections::BTreeSet<_> = plan.operations.iter().map(|one| one.phase).collect();
    assert!(kinds.len() >= 4, "{kinds:?}");
    is_exact(&stage, &plan).await;
    let empty = stage.plan().await;
    assert_eq!((empty.summary.calls, empty.summary.reads, empty.summary.seconds), (0, 0, 0));
    is_exact(&stage, &empty).await;
}

#[tokio::test]
async fn a_person_who_takes_several_calls_is_read_twice_all_the_same() {
    let stage = opted_out("").await;
    let plan = stage.plan().await;
    assert_eq!((plan.summary.calls, plan.summary.reads), (8 * 3, 8 * 2 + 1));
    is_exact(&stage, &plan).await;
}

#[tokio::test]
async fn an_opt_out_that_was_seen_in_an_earlier_run_is_looked_for_again_before_a_plan_is_removed() {
    let mut stage = Stage::new("").await;
    stage.desired.tenant.clear();
    stage.desired.people.retain(|_, held| held.group == 0);
    let out = BySetting { mode: Some(Value::OPT_OUT), ..nothing() };
    let council = stage.desired.groups[0].wants;
    stage.desired.groups[0].wants = out;
    stage.round().await;
    stage.later(20);
    stage.desired.groups[0].wants = council;
    let plan = stage.plan().await;
    let removals = plan.operations.iter().filter(|one| one.to == Value::REMOVED && one.after_opt_out).count();
    assert_eq!(removals, 8);
    assert_eq!(plan.summary.reads, 3 * plan.summary.calls, "before, after, and the opt-out");
    is_exact(&stage, &plan).await;
}
