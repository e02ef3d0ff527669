//! Two processes that race for the same thing, a hundred times: exactly one of them wins each time.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use insightctl::clock::Clock;
use insightctl::model::TenantId;
use insightctl::store::{Place, Store, StoreError, WhenMissing};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::emulators::{self, Bucket};

const TENANT: TenantId = TenantId(Uuid::from_u128(0x7e));
const ROUNDS: u32 = 100;

/// Is how long a round may take; both begin each at the same moment.
const ROUND: Duration = Duration::from_millis(300);

/// Names what a racing process needs to know: its number, the moment of the first round, and the bucket.
const RACER: &str = "INSIGHTCTL_TEST_RACER";

fn place(bucket: &Bucket, prefix: &str) -> Place {
    let options = bucket.options.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into()));
    Place::bucket(&format!("{}/{prefix}", bucket.address), options.collect()).unwrap()
}

/// Races twice per round: who names a new store, and who gets its lock. Prints what came of it.
async fn run_race(number: u128, start: u64, bucket: &Bucket) {
    let mut out = std::io::stdout();
    for round in 0..ROUNDS {
        let moment = Duration::from_millis(start) + ROUND * round;
        tokio::time::sleep(moment.saturating_sub(since_epoch())).await;
        let place = place(bucket, &format!("round-{round}"));
        let id = Uuid::from_u128(number);
        let store = Store::open(&place, TENANT, WhenMissing::Create(id)).await.unwrap();
        let clock = Clock::still(Timestamp::UNIX_EPOCH);
        let locked = match store.lock(&format!("racer {number}"), &clock).await {
            Ok(_kept) => true,
            Err(StoreError::Locked { .. }) => false,
            Err(error) => panic!("{error}"),
        };
        writeln!(out, "round {round} {} {locked}", store.id().unwrap()).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "two processes agree on a moment by the machine's clock")]
fn since_epoch() -> Duration {
    let now = Timestamp::now().duration_since(Timestamp::UNIX_EPOCH);
    Duration::try_from(now).unwrap_or(Duration::ZERO)
}

/// Is what the two other processes run; nothing happens when nobody asks for it.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a racing process is told by its environment what to do")]
async fn a_racer_runs_when_it_is_asked_to() {
    let Ok(asked) = std::env::var(RACER) else { return };
    let mut parts = asked.split('|');
    let mut part = || parts.next().unwrap().to_owned();
    let (number, start, address) = (part().parse().unwrap(), part().parse().unwrap(), part());
    let names = ["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ENDPOINT", "AWS_ACCESS_KEY_ID"];
    let more = ["AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT"];
    let options = names.into_iter().chain(more).filter_map(|name| Some((name, std::env::var(name).ok()?)));
    run_race(number, start, &Bucket { address, options: options.collect() }).await;
}

fn two_processes_race(bucket: Option<Bucket>) {
    let Some(bucket) = bucket else { return };
    let start = since_epoch() + SignedDuration::from_secs(3).unsigned_abs();
    let racer = |number: u32| {
        let asked = format!("{number}|{}|{}", start.as_millis(), bucket.address);
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::a_racer_runs_when_it_is_asked_to", "--nocapture"])
            .env(RACER, asked)
            .envs(bucket.options.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let racers = [racer(1), racer(2)].map(|racer| racer.wait_with_output().unwrap());
    let told = racers.map(|racer| {
        let text = String::from_utf8(racer.stdout).unwrap();
        assert!(racer.status.success(), "{text}");
        let lines = text.lines().filter_map(|line| Some(line.split_once("round ")?.1.to_owned()));
        lines.collect::<Vec<_>>()
    });
    assert_eq!(told.each_ref().map(Vec::len), [ROUNDS as usize; 2]);
    for (one, other) in told[0].iter().zip(&told[1]) {
        let parts = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (one, other) = (parts(one), parts(other));
        assert_eq!(one[..2], other[..2], "both know one store");
        assert_ne!(one[2], other[2], "exactly one has the lock of round {}", one[0]);
    }
}

#[tokio::test]
async fn of_two_processes_one_names_and_locks_a_store_in_azurite() {
    two_processes_race(emulators::azurite().await);
}

#[tokio::test]
async fn of_two_processes_one_names_and_locks_a_store_in_s3() {
    two_processes_race(emulators::s3().await);
}
