//! People who fail, and how many may.

use insightctl::apply::{Outcome, Stopped, Why};
use insightctl::model::{Setting, TenantSetting};
use insightctl::plan::Target;

use crate::stage::{Stage, default_row, id, outcomes, row};

#[tokio::test]
async fn one_persons_failure_never_stops_the_others() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let mut broken = plan.clone();
    // Two people whom the directory does not know any more.
    for operation in &mut broken.operations {
        if let Target::Person(person) = &mut operation.target
            && (person.id == id(2) || person.id == id(10))
        {
            person.upn = format!("gone-{}", person.upn).into();
        }
    }
    let report = stage.apply(&broken).await;
    assert_eq!(report.stopped, None);
    let failed = row(&report, 2, Setting::Mode);
    assert_eq!((failed.outcome, failed.attempts), (Outcome::Failed, 0));
    assert!(matches!(failed.why, Some(Why::Refused(_))));
    assert_eq!(row(&report, 2, Setting::ServicePlan).outcome, Outcome::Waiting);
    assert_eq!(outcomes(&report)["failed"], 4, "an opt-out and three pins");
    assert_eq!(
        outcomes(&report)["waiting"],
        4,
        "a plan, and the defaults that would undo what was not pinned"
    );
    assert_eq!(outcomes(&report)["done"], plan.operations.len() - 8);
}

#[tokio::test]
async fn too_many_failures_stop_the_run() {
    let stage = Stage::new("").await;
    let mut plan = stage.plan().await;
    for operation in &mut plan.operations {
        if let Target::Person(person) = &mut operation.target {
            person.upn = format!("gone-{}", person.upn).into();
        }
    }
    let report = stage.apply(&plan).await;
    assert!(matches!(report.stopped, Some(Stopped::FailureLimit { failed: 11.., limit: 10 })), "{report:#?}");
    assert_eq!((report.calls, stage.sandbox.writes().len()), (0, 0));
    assert_eq!(default_row(&report, TenantSetting::Dashboard).outcome, Outcome::NotBegun);
}
