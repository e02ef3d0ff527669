//! How long the ledger of many people takes to write, and to read again.

#![expect(clippy::unwrap_used, reason = "a benchmark ends where something is not as it should be")]

use std::collections::BTreeMap;

use divan::Bencher;
use insightctl::clock::Clock;
use insightctl::model::{Entry, PersonId, Setting, Settle, TenantId, Value};
use insightctl::plan::{Basis, Observed, Plan};
use insightctl::store::{Place, Record, Run, Store, WhenMissing};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn main() {
    divan::main();
}

fn clock() -> Clock {
    Clock::still(Timestamp::UNIX_EPOCH)
}

async fn begin(folder: &TempDir) -> (Store, Run) {
    let place = Place::Folder(folder.path().to_owned());
    let store = Store::open(&place, TENANT, WhenMissing::Create(Uuid::nil())).await.unwrap();
    let now = clock().now();
    let plan = Plan::empty(Basis {
        version: String::new(),
        manifest: String::new(),
        tenant: TENANT,
        tenant_name: "Contoso".into(),
        store: None,
        newest_run: 0,
        as_of: now,
        read_at: now,
    });
    let lease = store.lock("a benchmark", &clock()).await.unwrap();
    let remembered = store.ledger(&Settle::default(), &clock()).await.unwrap();
    let run = store.begin_run(lease, remembered, &plan, &Settle::default(), &clock()).await.unwrap();
    (store, run)
}

async fn observe(run: &Run, people: u128) {
    let at = clock().now();
    for first in (0..people).step_by(4096) {
        let record = |number| {
            let features = [Setting::Dashboard, Setting::DigestEmail, Setting::OutlookAddIn];
            let entry = |value| Entry::seen(value, Some(value), false, at);
            let mut settings: BTreeMap<_, _> =
                features.into_iter().map(|setting| (setting, entry(Value::ON))).collect();
            settings.insert(Setting::Mode, entry(Value::OPT_IN));
            let is = Observed { group: Some("pilot".into()), settings, ..Observed::default() };
            Record::Observed { id: PersonId(Uuid::from_u128(number)), is }
        };
        run.append((first..people.min(first + 4096)).map(record).collect()).await.unwrap();
    }
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

#[divan::bench(args = [10_000, 100_000], sample_count = 3, sample_size = 1)]
fn write(bencher: Bencher<'_, '_>, people: u128) {
    let runtime = runtime();
    bencher.with_inputs(|| tempfile::tempdir().unwrap()).bench_values(|folder| {
        runtime.block_on(async {
            let (_, run) = begin(&folder).await;
            observe(&run, people).await;
            run.finish(&()).await.unwrap();
        });
        folder
    });
}

#[divan::bench(args = [10_000, 100_000], sample_count = 3, sample_size = 1)]
fn read(bencher: Bencher<'_, '_>, people: u128) {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let store = runtime.block_on(async {
        let (store, run) = begin(&folder).await;
        observe(&run, people).await;
        run.finish(&()).await.unwrap();
        store
    });
    bencher.bench(|| {
        runtime
            .block_on(async { store.ledger(&Settle::default(), &clock()).await.unwrap().ledger.people.len() })
    });
}
