//! A ledger of 50 MB, written to a bucket and read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use insightctl::clock::Clock;
use insightctl::model::{Entry, PersonId, Setting, Settle, TenantId, Value};
use insightctl::plan::{Basis, Observed, Plan};
use insightctl::store::{Place, Record, Store, WhenMissing};
use jiff::Timestamp;
use uuid::Uuid;

use crate::emulators::{self, Bucket};

const TENANT: TenantId = TenantId(Uuid::from_u128(0x7e));

const PEOPLE: u128 = 50_000;

/// Is how long the name of their group is, so that so few make 50 MB.
const NAME: usize = 700;

fn person(number: u128, at: Timestamp, group: &Arc<str>) -> Record {
    let entry = |setting| (setting, Entry::seen(Value::ON, Some(Value::ON), false, at));
    let features = [Setting::Dashboard, Setting::DigestEmail, Setting::OutlookAddIn].map(entry);
    let mode = (Setting::Mode, Entry::seen(Value::OPT_IN, Some(Value::OPT_IN), false, at));
    let settings: BTreeMap<_, _> = features.into_iter().chain([mode]).collect();
    let is = Observed { group: Some(Arc::clone(group)), settings, ..Observed::default() };
    Record::Observed { id: PersonId(Uuid::from_u128(number)), is }
}

async fn fifty_megabytes(bucket: Option<Bucket>) {
    let Some(Bucket { address, options }) = bucket else { return };
    let options = options.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    let place = Place::bucket(&address, options.collect()).unwrap();
    let store = Store::open(&place, TENANT, WhenMissing::Create(Uuid::nil())).await.unwrap();
    let (clock, settle) = (Clock::still(Timestamp::UNIX_EPOCH), Settle::default());
    let lease = store.lock("a test", &clock).await.unwrap();
    let remembered = store.ledger(&settle, &clock).await.unwrap();
    let plan = Plan::empty(Basis {
        version: String::new(),
        manifest: String::new(),
        tenant: TENANT,
        tenant_name: "Contoso".into(),
        store: None,
        newest_run: 0,
        as_of: clock.now(),
        read_at: clock.now(),
    });
    let run = store.begin_run(lease, remembered, &plan, &settle, &clock).await.unwrap();
    let group: Arc<str> = "x".repeat(NAME).into();
    for first in (0..PEOPLE).step_by(4096) {
        let records =
            (first..PEOPLE.min(first + 4096)).map(|number| person(number, clock.now(), &group)).collect();
        run.append(records).await.unwrap();
    }
    let written = run.finish(&()).await.unwrap();
    let size = serde_json::to_vec(&written.people.values().collect::<Vec<_>>()).unwrap().len();
    assert!(size > 50 << 20, "{size} bytes");
    let read = store.ledger(&settle, &clock).await.unwrap();
    assert_eq!((read.unfinished.len(), read.ledger.people.len()), (0, 50_000));
    assert!(read.ledger == written, "what is read is what was written");
}

#[tokio::test]
async fn fifty_megabytes_go_into_azurite_and_come_back() {
    fifty_megabytes(emulators::azurite().await).await;
}

#[tokio::test]
async fn fifty_megabytes_go_into_s3_and_come_back() {
    fifty_megabytes(emulators::s3().await).await;
}
