//! What shows late, and whose doing it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use insightctl::apply::{Event, Stop};
use insightctl::sandbox::Choice;

use crate::stage::{Stage, opt_out_first, opted_out, outcomes, upn};

#[tokio::test]
async fn what_does_not_show_yet_is_settling_and_never_failed() {
    let stage = Stage::new("person-delay=300,default-delay=3600,licence-delay=600").await;
    let report = stage.round().await;
    let counts = outcomes(&report);
    assert_eq!(counts.get("failed"), None, "{counts:?}");
    assert_eq!(counts["waiting"], 8, "plans are removed once the opt-outs show: {counts:?}");
    let soon = stage.plan().await;
    assert_eq!(soon.outside_changes, [], "nobody is blamed for what is only late");
    assert_eq!(soon.operations, [], "nothing is written twice");
    stage.later(24 * 60);
    let next = stage.round().await;
    assert_eq!(next.rows.len(), 8, "the plans");
    stage.later(24 * 60);
    let last = stage.plan().await;
    assert_eq!((last.operations, last.outside_changes), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn side_effects_of_an_opt_out_are_nobodys_choice() {
    let stage = opted_out("opt-out-flags=off").await;
    let plan = stage.plan().await;
    assert_eq!((plan.outside_changes.as_slice(), plan.summary.people), (&[][..], 8));
    stage.apply(&plan).await;
    let ended = stage.plan().await;
    assert_eq!((ended.operations, ended.outside_changes), (Vec::new(), Vec::new()));
    assert!(stage.end_state().iter().take(8).all(|(_, settings)| settings.dashboard));
}

#[tokio::test]
async fn side_effects_that_show_late_are_nobodys_choice() {
    let mut stage = Stage::new("opt-out-flags=off,person-delay=60").await;
    let back = opt_out_first(&mut stage);
    let plan = stage.plan().await;
    let theirs = Arc::clone(&stage.theirs);
    let report = stage
        .apply_with(&plan, &Stop::default(), |event| {
            if let Event::LookingAgain { .. } = event {
                theirs.fetch_add(60, Ordering::SeqCst);
            }
        })
        .await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 8)]), "all shows in the last look");
    stage.later(20);
    stage.desired.groups = vec![back];
    stage.round().await;
    assert!(stage.end_state().iter().take(8).all(|(_, settings)| settings.dashboard), "nobody chose it off");
}

#[tokio::test]
async fn a_choice_that_an_opt_in_states_again_stays_the_persons() {
    let stage = opted_out("").await;
    let choice = Choice { mode: Some(false), dashboard: Some(false), ..Choice::default() };
    stage.sandbox.person(&upn(1), &choice).unwrap();
    for _ in 0..3 {
        stage.round().await;
        stage.later(20);
        assert!(!stage.sandbox.settings(&upn(1)).unwrap().dashboard, "they had switched it off");
    }
    assert_eq!(stage.plan().await.operations, []);
}
