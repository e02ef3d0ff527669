//! The plan is carried out, except where something has moved since.

use std::collections::BTreeMap;

use insightctl::apply::{Outcome, Why};
use insightctl::model::{Setting, TenantSetting, Value};
use insightctl::sandbox::{Choice, DefaultsChoice};

use crate::stage::{Stage, default_row, id, outcomes, row, upn};

#[tokio::test]
async fn apply_then_plan_is_empty() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    assert!(plan.summary.pinned > 0 && plan.summary.tenant_settings == 3, "{:?}", plan.summary);
    let report = stage.apply(&plan).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", plan.operations.len())]), "{report:#?}");
    assert_eq!(report.stopped, None);
    assert_eq!(report.calls, plan.summary.calls, "no call is sent twice");
    assert_eq!(stage.sandbox.writes().len() as u64, plan.summary.calls);
    for (who, settings) in stage.end_state().into_iter().skip(8).take(8) {
        assert!(settings.dashboard && settings.digest_email && settings.outlook_add_in, "{who} kept all");
    }
    assert_eq!(stage.plan().await.operations, []);
    let again = stage.round().await;
    assert_eq!((again.calls, again.rows.len()), (0, 0));
}

#[tokio::test]
async fn whoever_moved_since_the_plan_is_skipped_and_told_of() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let out = Choice { mode: Some(false), ..Choice::default() };
    stage.sandbox.person(&upn(1), &out).unwrap();
    stage.sandbox.person(&upn(17), &Choice { digest_email: Some(false), ..Choice::default() }).unwrap();
    let report = stage.apply(&plan).await;
    let mode = row(&report, 1, Setting::Mode);
    assert_eq!((mode.outcome, mode.attempts), (Outcome::Moved, 0), "they opted out by themselves");
    assert_eq!(mode.why, Some(Why::Found { setting: Setting::Mode, value: Value::OPT_OUT }));
    assert_eq!(row(&report, 1, Setting::ServicePlan).outcome, Outcome::Done, "their opt-out shows");
    let moved = outcomes(&report)["moved"];
    assert!((1..=2).contains(&moved), "{report:#?}");
    assert_eq!(outcomes(&report)["done"], plan.operations.len() - moved);
}

#[tokio::test]
async fn who_switched_off_before_the_default_did_is_left_alone_by_the_next_run_too() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let off = Choice { dashboard: Some(false), ..Choice::default() };
    stage.sandbox.person(&upn(9), &off).unwrap();
    let report = stage.apply(&plan).await;
    assert_eq!(row(&report, 9, Setting::Dashboard).outcome, Outcome::Moved);
    assert_eq!(default_row(&report, TenantSetting::Dashboard).outcome, Outcome::Done);
    // From here on, their value looks like one that follows the default.
    for minutes in [1, 20, 25 * 60] {
        stage.later(minutes);
        stage.round().await;
    }
    assert!(!stage.sandbox.settings(&upn(9)).unwrap().dashboard, "it was their decision");
}

#[tokio::test]
async fn nothing_is_switched_on_for_somebody_who_opts_out_meanwhile() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    stage.sandbox.person(&upn(9), &Choice { mode: Some(false), ..Choice::default() }).unwrap();
    let report = stage.apply(&plan).await;
    assert_eq!(row(&report, 9, Setting::Dashboard).outcome, Outcome::Moved);
    assert_eq!(default_row(&report, TenantSetting::Dashboard).outcome, Outcome::Done);
    assert!(stage.sandbox.writes().iter().all(|write| !format!("{write:?}").contains(&upn(9))));
}

#[tokio::test]
async fn a_default_waits_for_a_pin_that_does_not_stand() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    stage.sandbox.person(&upn(9), &Choice { dashboard: Some(false), ..Choice::default() }).unwrap();
    let report = stage.apply(&plan).await;
    let default = |setting| default_row(&report, setting).outcome;
    assert_eq!(default(TenantSetting::Dashboard), Outcome::Done, "what they chose stands by itself");
    assert_eq!(default(TenantSetting::DigestEmail), Outcome::Waiting, "their digest would have gone");
    assert_eq!(default(TenantSetting::OutlookAddIn), Outcome::Waiting);
    let next = stage.round().await;
    assert_eq!(outcomes(&next).keys().collect::<Vec<_>>(), [&"done"], "{next:#?}");
    assert!(stage.sandbox.settings(&upn(9)).unwrap().digest_email);
    assert_eq!(stage.plan().await.operations, []);
}

#[tokio::test]
async fn an_older_plan_does_not_undo_what_was_learnt_since() {
    let mut stage = Stage::new("").await;
    let older = stage.plan().await;
    stage.later(5);
    stage.desired.people.get_mut(&id(1)).unwrap().group = 1;
    stage.round().await;
    let learnt = stage.store().await.ledger(&stage.desired.settle, &stage.ours).await.unwrap().ledger;
    assert_eq!(learnt.people[&id(1)].group.as_deref(), Some("pilot"));
    stage.later(5);
    stage.apply(&older).await;
    let known = stage.store().await.ledger(&stage.desired.settle, &stage.ours).await.unwrap().ledger;
    assert_eq!(known.people[&id(1)].group.as_deref(), Some("pilot"), "who holds them was looked up since");
    assert_eq!(known.tenant, learnt.tenant);
    for n in 2..=8 {
        assert_eq!(known.people[&id(n)].settings.mode, learnt.people[&id(n)].settings.mode, "{n}");
    }
}

#[tokio::test]
async fn a_default_that_somebody_else_changed_is_left_alone() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    stage
        .sandbox
        .set_default(&DefaultsChoice { dashboard: Some(false), ..DefaultsChoice::default() })
        .unwrap();
    let report = stage.apply(&plan).await;
    let default = default_row(&report, TenantSetting::Dashboard);
    assert_eq!(
        (default.outcome, &default.why),
        (Outcome::Moved, &Some(Why::FoundDefault { value: Value::OFF }))
    );
}
