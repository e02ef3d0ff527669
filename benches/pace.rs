//! Measures how much of what a service bears is used, on the wall clock and over real connections.
//!
//! `cargo bench --bench pace` prints a table in a minute: for each limit and latency the calls a second that were reached,
//! as a share of the limit, and the share of calls that was refused, after a warm-up. All six services are asked at the
//! same time. At 5 a second, one batch of which a few were refused is already one call in fifty; `src/microsoft/trial`
//! measures longer, and proves the same on virtual time.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may stop, and tells what it measured"
)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use insightctl::clock::Clock;
use insightctl::microsoft::{Connection, Credential, Endpoints, Reader};
use insightctl::model::{PersonId, TenantId};
use insightctl::sandbox::{Options, Sandbox, Source};
use serde_json::json;
use uuid::Uuid;

const LIMITS: [u32; 3] = [5, 20, 100];
const LATENCIES: [u64; 2] = [20, 400];
const WARM_UP: Duration = Duration::from_secs(25);
const MEASURED: Duration = Duration::from_secs(30);
/// More than are ever sent at once, so that there is always something to send.
const ASKING: usize = 32;
const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const APP: &str = "00000000-0000-0000-0000-00000000c0de";
const ADA: PersonId = PersonId(Uuid::from_u128(2));

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        // `cargo test --benches` only wants to know that it starts.
        return;
    }
    println!("calls a second   latency   reached   refused");
    let rows = LIMITS.into_iter().flat_map(|limit| LATENCIES.map(|millis| (limit, millis)));
    let measured = rows.map(async |(limit, millis)| {
        let (reached, refused) = measure(limit, Duration::from_millis(millis)).await;
        format!("{limit:>14} {millis:>6} ms {:>8.1} % {:>7.2} %", reached * 100.0, refused * 100.0)
    });
    for row in join_all(measured).await {
        println!("{row}");
    }
}

/// Reads the same person again and again, in tens, and gives the share of the limit that was reached, and of refusals.
async fn measure(limit: u32, latency: Duration) -> (f64, f64) {
    let clock = Clock::system();
    let theirs = clock.clone();
    let mut options = Options::new(Source::Value(tenant()), Arc::new(move || theirs.now().as_second()));
    options.world.calls_per_second = limit;
    options.delay = latency;
    let sandbox = Sandbox::start(options).await.unwrap();
    let credential = Credential::ClientSecret { client_id: APP.to_owned(), secret: "word".to_owned().into() };
    let connection = Connection::new(TENANT, Endpoints::of_sandbox(sandbox.url()), credential);
    let reader = Reader::connect(connection, clock).await.unwrap();
    let ten = vec![(ADA, Arc::from("ada@contoso.com")); 10];
    let asking = join_all((0..ASKING).map(async |_| {
        loop {
            let read = reader.people_settings(&ten).await;
            assert!(read.iter().all(|one| one.known().is_some()), "{read:?}");
        }
    }));
    let counts = || {
        let asked: u64 = sandbox
            .requests()
            .iter()
            .filter_map(|(route, times)| route.ends_with("/InvokeCommand").then_some(times))
            .sum();
        (asked, sandbox.turned_away())
    };
    let looking = async {
        tokio::time::sleep(WARM_UP).await;
        let before = counts();
        tokio::time::sleep(MEASURED).await;
        (before, counts())
    };
    let (before, after) = tokio::select! {
        counted = looking => counted,
        _ = asking => unreachable!("nobody stops asking"),
    };
    let number = |count: u64| f64::from(u32::try_from(count).unwrap());
    let (asked, refused) = (number(after.0 - before.0), number(after.1 - before.1));
    ((asked - refused) / MEASURED.as_secs_f64() / f64::from(limit), refused / asked)
}

fn tenant() -> serde_json::Value {
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [{
            "clientId": APP, "secret": "word", "roles": ["User.Read.All", "Organization.Read.All", "Exchange.ManageAsApp"],
            "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"],
        }],
        "skus": [],
        "groups": [],
        "users": [{ "id": ADA, "userPrincipalName": "ada@contoso.com", "mail": "ada@contoso.com", "displayName": "Ada" }],
    })
}
