//! A write that a pause has held until the window closed is not sent, and the next window carries on.

use std::sync::Arc;

use insightctl::apply::Gate;
use insightctl::microsoft::MayWrite;
use insightctl::rollout::Calendar;
use jiff::SignedDuration;

use crate::stage::{Stage, noon, read, upn};

/// Opens for one minute at noon, when the stage begins.
const MANIFEST: &str = "
groups:
  - { name: council, mode: opt-out, members: [ { user: p00@contoso.com }, { user: p01@contoso.com },
      { user: p02@contoso.com }, { user: p03@contoso.com } ] }
rollout:
  windows:
    - { name: noon, days: mon-sun, from: '12:00', to: '12:01' }
";

const PEOPLE: usize = 5;

/// Applies while a service asks for a pause of two minutes; gives how many writes it took in that window.
async fn paused(script: &str, asks: bool) -> usize {
    let manifest = read(MANIFEST);
    let calendar = Calendar::of(manifest.rollout());
    let stage = Stage::within(0, PEOPLE, [true; 3], |clock| {
        let may_write: MayWrite = Arc::new(move |_| calendar.closed(clock.now()).is_none());
        asks.then_some(may_write)
    })
    .await;
    let gate = |stage: &Stage| Gate::new(Stage::windows(&manifest, stage.clock.now()), SignedDuration::ZERO);
    let plan = stage.look(&manifest, noon(0)).await.plan;
    assert_eq!(plan.operations.len(), 4);
    stage.sandbox.play(script).unwrap();
    stage.apply(&manifest, &plan, gate(&stage), drop).await;
    assert!(
        stage.clock.now() >= noon(0) + SignedDuration::from_mins(2),
        "the pause was kept: {}",
        stage.clock.now()
    );
    let written = stage.sandbox.writes().len();

    // The window of the next day: what is missing is written, and nothing twice.
    stage.clock.advance(noon(1).duration_since(stage.clock.now()));
    let next = stage.look(&manifest, noon(1)).await.plan;
    assert_eq!(next.operations.len(), 4 - written);
    stage.apply(&manifest, &next, gate(&stage), drop).await;
    assert_eq!(stage.sandbox.writes().len(), 4);
    stage.pass(20);
    assert_eq!(stage.look(&manifest, stage.clock.now()).await.plan.operations, []);
    assert!((0..4).all(|who| !stage.sandbox.settings(&upn(who)).unwrap().opt_in));
    written
}

#[tokio::test]
async fn a_write_that_a_pause_holds_past_the_end_of_the_window_is_not_sent() {
    let batch = "faults: [ { match: { service: exchange, write: true }, status: 429, retry-after: 120 } ]";
    assert_eq!(paused(batch, true).await, 0);
    assert_eq!(paused(batch, false).await, 4, "nobody was asked");
}

#[tokio::test]
async fn of_a_batch_only_the_item_that_has_to_wait_misses_the_window() {
    // The batch itself goes unharmed, and its first item is turned away.
    let item =
        "faults: [ { match: { service: exchange, write: true }, after: 1, status: 429, retry-after: 120 } ]";
    assert_eq!(paused(item, true).await, 3);
    assert_eq!(paused(item, false).await, 4, "nobody was asked");
}
