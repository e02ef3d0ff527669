//! With a limit of so many calls a second, or so many at once, most of it is used and little is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::service::{Bears, Manner, Seen, Service as Model};
use crate::clock::Clock;
use crate::microsoft::batch;
use crate::microsoft::error::Peer;
use crate::microsoft::message::{Effect, Request};
use crate::microsoft::pace::Allowance;
use crate::microsoft::service::{Service, Way};

const WARM_UP: Duration = Duration::from_secs(30);
const MEASURED: Duration = Duration::from_mins(4);

/// Says how the client asks: items in a batch, or requests by themselves.
#[derive(Clone, Copy, Debug)]
struct Asks {
    items: usize,
    most: u32,
    allowed: Option<f64>,
}

const ALONE: Asks = Asks { items: 1, most: 64, allowed: None };
const IN_TENS: Asks = Asks { items: 10, most: 16, allowed: None };

/// Is what was measured once the client had warmed up.
#[derive(Debug)]
struct Measured {
    /// Calls taken, a second.
    taken: f64,
    /// The part of all calls that was refused.
    refused: f64,
    /// Calls that came to nothing, from the start.
    failed: u64,
}

/// Asks a service for all that it gives, through the real retry loop and the real pace.
async fn measure(bears: Bears, asks: Asks) -> Measured {
    let model = Model::new(bears, |_, _, _| json!({}));
    let way = Way::new(model.clone(), Clock::system());
    let pace = way.pace(2, asks.most);
    if let Some(allowed) = asks.allowed {
        pace.allow_units(Allowance::steady(allowed));
    }
    let service = Arc::new(Service::open(Peer::Settings, way, pace));
    let failed = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = (0..2 * asks.most)
        .map(|_| {
            let (service, failed) = (Arc::clone(&service), Arc::clone(&failed));
            tokio::spawn(async move {
                let url = |path: &str| format!("https://service/{path}");
                let one = Request::post("a call", Effect::Read, url("InvokeCommand"), json!({}));
                let envelope = Request::post("a batch", Effect::Read, url("$batch"), json!({}));
                let items = vec![one.clone(); asks.items];
                loop {
                    let lost = if asks.items == 1 {
                        usize::from(service.send(&one).await.is_err())
                    } else {
                        let answers = batch::send(&service, &envelope, &items).await;
                        answers.iter().filter(|answer| answer.is_err()).count()
                    };
                    failed.fetch_add(lost as u64, Ordering::Relaxed);
                }
            })
        })
        .collect();
    sleep(WARM_UP).await;
    model.seen();
    sleep(MEASURED).await;
    let Seen { taken, refused, cmdlets: _ } = model.seen();
    workers.iter().for_each(tokio::task::JoinHandle::abort);
    let (taken, refused) = (taken as f64, refused as f64);
    Measured {
        taken: taken / MEASURED.as_secs_f64(),
        refused: refused / (taken + refused),
        failed: failed.load(Ordering::Relaxed),
    }
}

/// Is a service with a limit of calls a second, of which few may come together.
fn limited(a_second: f64, millis: u64, manner: Manner, asks: Asks) -> Bears {
    let together = (a_second / 5.0).max(2.0 * asks.items as f64);
    let latency = Duration::from_millis(millis);
    Bears { a_second, together, at_once: u32::MAX, latency, manner }
}

#[tokio::test(start_paused = true)]
async fn nine_tenths_of_a_rate_are_reached_and_at_most_one_call_in_fifty_is_refused() {
    let mut wrong = Vec::new();
    for a_second in [5.0, 20.0, 100.0] {
        for millis in [20, 400] {
            for manner in [Manner::Silent, Manner::Polite] {
                for asks in [ALONE, IN_TENS] {
                    let measured = measure(limited(a_second, millis, manner, asks), asks).await;
                    let Measured { taken, refused, failed } = measured;
                    if taken < 0.9 * a_second || refused > 0.02 || failed > 0 {
                        wrong.push(format!(
                            "{a_second}/s {millis} ms {manner:?} {}: {measured:?}",
                            asks.items
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn nine_tenths_of_what_goes_at_once_are_reached() {
    for (at_once, millis) in [(4, 400), (8, 20), (8, 400), (30, 400)] {
        let latency = Duration::from_millis(millis);
        let measured = measure(Bears { at_once, ..Bears::anything(latency) }, ALONE).await;
        let Measured { taken, refused, failed } = measured;
        let full = f64::from(at_once) / latency.as_secs_f64();
        assert!(taken >= 0.9 * full && refused <= 0.02 && failed == 0, "{at_once} {millis}: {measured:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_somebody_states_is_kept_from_the_first_second_on() {
    for (allowed, asks) in [(5.0, ALONE), (20.0, IN_TENS), (100.0, ALONE)] {
        let asks = Asks { allowed: Some(allowed), ..asks };
        let measured = measure(limited(allowed, 400, Manner::Polite, asks), asks).await;
        assert!(measured.refused == 0.0 && measured.failed == 0, "{allowed}: {measured:?}");
        assert!((0.99..=1.001).contains(&(measured.taken / allowed)), "{allowed}: {measured:?}");
    }
}
