//! Runs that are stopped, lose their lock, or are dropped anywhere.

use std::fs;

use insightctl::apply::{Event, Gate, Order, Outcome, Stop, Stopped, Why};
use insightctl::model::rollout::{Conditions, Freeze, Percent, Rollout, Span, Then, Wave, Weekdays, Window};
use insightctl::plan::{Because, Phase, Plan, Target};
use insightctl::rollout::{Facts, Windows, timeline};
use insightctl::store::StoreError;
use jiff::SignedDuration;
use jiff::civil::time;
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::sync::Notify;

use crate::stage::{Stage, opted_out, outcomes};

#[tokio::test]
async fn a_stop_lets_what_is_under_way_come_to_its_end() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let stop = Stop::default();
    let asked = stop.clone();
    let report = stage
        .apply_with(&plan, &stop, move |event| {
            if matches!(event, Event::Row { outcome: Outcome::Done, .. }) {
                asked.request();
            }
        })
        .await;
    assert_eq!(report.stopped, Some(Stopped::Interrupted));
    let counts = outcomes(&report);
    assert!(counts["done"] > 0 && counts["not-begun"] > 0, "{counts:?}");
    assert_eq!(counts.len(), 2, "nothing hangs in between: {counts:?}");
    assert_eq!(stage.sandbox.writes().len() as u64, report.calls);
    stage.round().await;
    assert_eq!(stage.plan().await.operations, []);
}

#[tokio::test]
async fn who_loses_the_lock_writes_no_more() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let path = stage.folder.path().join("lock/99999999");
    let now = stage.ours.now();
    let stolen = json!({ "format": 1, "holder": "bob@there", "since": now, "renewed": now });
    let mut writes_then = None;
    let sandbox = &stage.sandbox;
    let report = stage
        .apply_with(&plan, &Stop::default(), |event| {
            if let Event::Phase { phase: Phase::Pin, .. } = event {
                fs::write(&path, stolen.to_string()).unwrap();
                writes_then = Some(sandbox.writes().len());
            }
        })
        .await;
    assert_eq!(report.stopped, Some(Stopped::LockLost));
    assert_eq!(Some(stage.sandbox.writes().len()), writes_then);
    assert!(matches!(stage.store().await.lock("a test", &stage.ours).await, Err(StoreError::Locked { .. })));
}

#[tokio::test]
async fn dropped_anywhere_the_next_run_converges_and_repeats_nothing_confirmed() {
    let whole = Stage::new("").await;
    let plan = whole.plan().await;
    let mut events = 0;
    whole.apply_with(&plan, &Stop::default(), |_| events += 1).await;
    let expected = whole.end_state();
    let mut points = 0;
    for point in (0..events).step_by(3) {
        let stage = Stage::new("").await;
        let plan = stage.plan().await;
        let (enough, stop) = (Notify::new(), Stop::default());
        let mut seen = 0;
        let tell = |_| {
            seen += 1;
            if seen > point {
                enough.notify_one();
            }
        };
        tokio::select! {
            biased;
            () = enough.notified() => {}
            _ = stage.apply_with(&plan, &stop, tell) => {}
        }
        let known = stage.store().await.ledger(&stage.desired.settle, &stage.ours).await.unwrap();
        stage.later(20);
        let next = stage.plan().await;
        // A pin that reads as the default does proves nothing until the default has moved, so it is set again.
        let repeated = next.operations.iter().filter(|operation| match &operation.target {
            Target::Person(person) => {
                let entry = known.ledger.entry(person.id, person.setting);
                entry.is_some_and(|entry| entry.confirmed) && operation.because != Because::Pinned
            }
            Target::Tenant(_) => false,
        });
        assert_eq!(repeated.count(), 0, "dropped after event {point}");
        stage.apply(&next).await;
        stage.later(20);
        stage.round().await;
        assert_eq!(stage.end_state(), expected, "dropped after event {point}");
        assert_eq!(stage.plan().await.operations, [], "dropped after event {point}");
        points += 1;
    }
    assert!(points > 20, "{points} points");
}

/// Applies, and drops everything the moment that the service has taken its `count`th write from now.
pub(crate) async fn dropped_at_write(stage: &Stage, plan: &Plan, count: usize) {
    let before = stage.sandbox.writes().len();
    let stop = Stop::default();
    let watch = async {
        while stage.sandbox.writes().len() < before + count {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = watch => {}
        _ = stage.apply_with(plan, &stop, drop) => {}
    }
}

#[tokio::test]
async fn dropped_at_any_write_nobody_is_blamed_for_what_was_half_done() {
    for world in ["", "opt-out-flags=off", "opt-in-flags=on", "opt-out-flags=off,opt-in-flags=on"] {
        let whole = opted_out(world).await;
        let plan = whole.plan().await;
        assert_eq!(plan.summary.calls, 8 * 3, "{world}");
        whole.apply(&plan).await;
        let expected = whole.end_state();
        // The first and the last of each person's three calls.
        for count in [1, 8, 9, 16, 17, 24] {
            let stage = opted_out(world).await;
            let plan = stage.plan().await;
            dropped_at_write(&stage, &plan, count).await;
            for round in 0..2 {
                stage.later(20);
                let next = stage.plan().await;
                assert_eq!(next.outside_changes, [], "{world}, dropped at write {count}, round {round}");
                stage.apply(&next).await;
            }
            assert_eq!(stage.end_state(), expected, "{world}, dropped at write {count}");
            assert_eq!(stage.plan().await.operations, [], "{world}, dropped at write {count}");
        }
    }
}

#[tokio::test]
async fn a_window_that_closes_lets_what_is_under_way_come_to_its_end() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    // The stage begins forty seconds before the window closes; the first row takes that long.
    let window = Window {
        name: "early".into(),
        time_zone: TimeZone::UTC,
        days: Weekdays::ALL,
        from: time(14, 0, 0, 0),
        to: time(14, 14, 0, 0),
        waves: Vec::new(),
    };
    let rollout = Rollout { windows: vec![window], ..Rollout::default() };
    let timeline = timeline(&rollout, &[], &Facts::default(), stage.ours.now());
    let gate = Gate::new(Windows::of(&rollout, &[], &timeline), SignedDuration::ZERO);
    let ours = stage.ours.clone();
    let mut passes = true;
    let order = Order { gate, ..Order::from(&plan) };
    let report = stage
        .apply_order(order, &Stop::default(), move |event| {
            if passes && matches!(event, Event::Row { outcome: Outcome::Done, .. }) {
                passes = false;
                ours.advance(SignedDuration::from_secs(40));
            }
        })
        .await;
    assert!(matches!(report.stopped, Some(Stopped::WindowClosed(_))), "{:?}", report.stopped);
    let counts = outcomes(&report);
    let some = |outcome| counts.get(outcome).copied().unwrap_or(0) > 0;
    assert!(some("done") && some("not-begun"), "{counts:?} from {} to {}", report.started, report.ended);
    assert_eq!(stage.sandbox.writes().len() as u64, report.calls);
    stage.round().await;
    assert_eq!(stage.plan().await.operations, [], "the next run continues");
}

#[tokio::test]
async fn a_group_waits_for_the_window_of_its_wave_and_the_others_do_not() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let groups: Vec<_> = stage.desired.groups.iter().map(|group| group.name.clone()).collect();
    let wave = Wave {
        name: "first".into(),
        groups: vec![0],
        starts: None,
        runs_for: None,
        after: None,
        approved: None,
        canary: Percent::ALL,
        when: Conditions::default(),
        then: Then::Stay,
    };
    let today = stage.ours.now().to_zoned(TimeZone::UTC).date();
    let freeze = Freeze {
        name: "today".into(),
        time_zone: TimeZone::UTC,
        span: Span { from: today, to: today },
        waves: vec![0],
    };
    let rollout = Rollout { waves: vec![wave], freezes: vec![freeze], ..Rollout::default() };
    let timeline = timeline(&rollout, &groups, &Facts::default(), stage.ours.now());
    let gate = Gate::new(Windows::of(&rollout, &groups, &timeline), SignedDuration::ZERO);
    let order = Order { gate, ..Order::from(&plan) };
    let report = stage.apply_order(order, &Stop::default(), drop).await;
    assert_eq!(report.stopped, None);
    let mut waiting = 0;
    for row in &report.rows {
        if let Target::Person(person) = &row.operation.target {
            let waits = matches!(row.why, Some(Why::OutsideWindow(_)));
            assert_eq!(waits, person.group == groups[0], "{row:?}");
            assert!(!waits || row.outcome == Outcome::Waiting && row.attempts == 0, "{row:?}");
            waiting += u64::from(waits);
        }
    }
    assert!(waiting > 0, "somebody waits");
}
