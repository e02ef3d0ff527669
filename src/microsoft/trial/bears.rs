//! With a limit of so many calls a second, or so many at once, most of it is used and little is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
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

/// Is a client that asks a service for all that it gives, through the real retry loop and the real pace.
struct Client {
    model: Model,
    workers: Vec<JoinHandle<()>>,
    failed: Arc<AtomicU64>,
}

impl Client {
    fn start(bears: Bears, asks: Asks) -> Self {
        let model = Model::new(bears, |_, _, _| json!({}));
        let way = Way::new(model.clone(), Clock::system());
        let pace = way.pace(2, asks.most);
        if let Some(allowed) = asks.allowed {
            pace.allow_units(Allowance::steady(allowed));
        }
        let service = Arc::new(Service::open(Peer::Settings, way, pace));
        let failed = Arc::new(AtomicU64::new(0));
        let worker = |_| {
            let (service, failed) = (Arc::clone(&service), Arc::clone(&failed));
            tokio::spawn(async move {
                loop {
                    let lost = ask(&service, asks.items).await;
                    failed.fetch_add(lost as u64, Ordering::Relaxed);
                }
            })
        };
        let workers = (0..2 * asks.most).map(worker).collect();
        Self { model, workers, failed }
    }

    /// Lets it warm up, and then measures.
    async fn measure(&self) -> Measured {
        sleep(WARM_UP).await;
        self.model.seen();
        sleep(MEASURED).await;
        let Seen { taken, refused, cmdlets: _ } = self.model.seen();
        let (taken, refused) = (number(taken), number(refused));
        Measured {
            taken: taken / MEASURED.as_secs_f64(),
            refused: refused / (taken + refused),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.workers.iter().for_each(JoinHandle::abort);
    }
}

/// Sends one request, or a batch, and counts the calls that came to nothing.
async fn ask(service: &Service, items: usize) -> usize {
    let url = |path: &str| format!("https://service/{path}");
    let one = Request::post("a call", Effect::Read, url("InvokeCommand"), json!({}));
    if items == 1 {
        return usize::from(service.send(&one).await.is_err());
    }
    let envelope = Request::post("a batch", Effect::Read, url("$batch"), json!({}));
    let answers = batch::send(service, &envelope, &vec![one; items]).await;
    answers.iter().filter(|answer| answer.is_err()).count()
}

async fn measure(bears: Bears, asks: Asks) -> Measured {
    Client::start(bears, asks).measure().await
}

/// Counts in fractions.
fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// Is a service with a limit of calls a second, of which few may come together.
fn limited(a_second: f64, millis: u64, manner: Manner, asks: Asks) -> Bears {
    let together = (a_second / 5.0).max(2.0 * number(asks.items as u64));
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

#[tokio::test(start_paused = true)]
async fn a_limit_that_changes_is_found_again() {
    let client = Client::start(limited(50.0, 100, Manner::Polite, IN_TENS), IN_TENS);
    for a_second in [50.0, 10.0, 80.0] {
        client.model.now_bears(a_second);
        // Nobody says that a limit rose, so it takes a while to notice.
        sleep(Duration::from_mins(4)).await;
        let measured = client.measure().await;
        assert!(measured.taken >= 0.9 * a_second && measured.refused <= 0.02, "{a_second}: {measured:?}");
        assert_eq!(measured.failed, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_lets_many_in_after_a_rest_is_borne_with() {
    for together in [100.0, 500.0] {
        let bears = Bears { together, ..limited(50.0, 100, Manner::Polite, ALONE) };
        let measured = measure(bears, ALONE).await;
        let Measured { taken, refused, failed } = measured;
        assert!(taken >= 45.0 && refused <= 0.02 && failed == 0, "{together}: {measured:?}");
    }
}
