//! A run that dies anywhere neither loses nor moves the moment at which a wave began.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io::Write as _;
use std::task::Poll;

use insightctl::apply::Gate;
use insightctl::manifest::Manifest;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::stage::{Look, Stage, noon, read};

/// The pilot's gate is open, and the run on day 5 is the first to find it so.
const MANIFEST: &str = "
groups:
  - { name: pilot, mode: opt-out, members: [ { user: p00@contoso.com }, { user: p01@contoso.com } ] }
  - { name: sales, mode: opt-out, members: [ { user: p02@contoso.com }, { user: p03@contoso.com } ] }
rollout:
  waves:
    - { name: pilot, groups: [ pilot ], starts: 2026-02-01, approved: true, runs-for: 14 days }
    - { name: sales, groups: [ sales ], after: pilot }
";

const PEOPLE: usize = 5;
const TODAY: i64 = 5;

/// Does a piece of work until it has been polled so often; says whether it came to its end.
async fn until_polled(work: impl Future, most: usize) -> bool {
    let mut work = Box::pin(work);
    let mut polls = 0;
    poll_fn(|context| {
        if polls == most {
            return Poll::Ready(false);
        }
        polls += 1;
        work.as_mut().poll(context).map(|_| true)
    })
    .await
}

async fn began(stage: &Stage, manifest: &Manifest) -> Option<Timestamp> {
    stage.remembered(manifest).await.ledger.waves.get("pilot").copied()
}

/// Has a run die after so many polls, and the next ones carry on; `None` where it came to its end before, and else
/// whether the wave's beginning was remembered.
async fn died(most: usize) -> Option<bool> {
    let manifest = read(MANIFEST);
    let stage = Stage::at(TODAY, PEOPLE, [true; 3]).await.in_folder();
    let Look { plan, desired } = stage.look(&manifest, noon(TODAY)).await;
    assert_eq!((plan.operations.len(), desired.waiting.len()), (2, 2));
    let ended = until_polled(stage.apply(&manifest, &plan, Gate::default(), drop), most).await;
    if ended {
        return None;
    }
    let known = began(&stage, &manifest).await;
    assert!(known.is_none_or(|known| known == noon(TODAY)), "after {most} polls: {known:?}");
    assert!(
        known.is_some() || stage.sandbox.writes().is_empty(),
        "after {most} polls: written, and not begun"
    );

    stage.pass(120);
    let now = stage.clock.now();
    stage.run(&manifest, now).await;
    let expected = known.unwrap_or(now);
    assert_eq!(began(&stage, &manifest).await, Some(expected), "after {most} polls");
    stage.pass(20);
    let idle = stage.run(&manifest, stage.clock.now()).await;
    assert_eq!(idle.plan.operations, [], "after {most} polls");
    assert_eq!(began(&stage, &manifest).await, Some(expected), "after {most} polls, and two runs");
    let writes = stage.sandbox.writes();
    let targets: BTreeSet<_> = writes.iter().map(|write| &write.target).collect();
    assert_eq!((writes.len(), targets.len()), (2, 2), "after {most} polls, each is written once");

    // The pilot's time counts from that day, which is the first of it.
    let first = expected.to_zoned(TimeZone::UTC).start_of_day().unwrap().timestamp();
    let over = first + SignedDuration::from_hours(24 * 14);
    let waits = async |at| stage.look(&manifest, at).await.desired.waiting.len();
    assert_eq!(waits(over - SignedDuration::from_secs(1)).await, 2, "after {most} polls");
    assert_eq!(waits(over).await, 0, "after {most} polls");
    Some(known.is_some())
}

#[tokio::test]
async fn a_run_that_dies_anywhere_neither_loses_nor_moves_the_beginning_of_a_wave() {
    let (mut before, mut after) = (0, 0);
    // Until a run comes to its end alive.
    while let Some(remembered) = died(before + after + 1).await {
        *(if remembered { &mut after } else { &mut before }) += 1;
    }
    // Straight to the terminal: what a passing test prints is not shown, and this figure is asked for.
    let figure = format!("waves: {before} deaths before the beginning is remembered, {after} after\n");
    std::io::stderr().write_all(figure.as_bytes()).unwrap();
    assert!(before > 0 && after > 0, "{before} died before the wave was remembered, and {after} after");
}
