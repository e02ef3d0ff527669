//! The store, in a folder and in memory.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::model::{Entry, PersonId, RefusalKind, Setting, TenantSetting, Value};
use crate::plan::{Basis, Observed, Plan};

mod broken;
#[path = "../../../tests/stage/emulators.rs"]
mod emulators;
mod keeping;
mod locking;
mod measured;
mod racing;
mod rollout;
mod trial;

pub(super) const TENANT: TenantId = TenantId(Uuid::from_u128(0x7e));
pub(super) const OTHER: TenantId = TenantId(Uuid::from_u128(0x07));
pub(super) const ID: Uuid = Uuid::from_u128(0x1d);

pub(super) fn clock() -> Clock {
    Clock::still(Timestamp::from_second(1_800_000_000).expect("in range"))
}

pub(super) fn settle() -> Settle {
    Settle::default()
}

pub(super) fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

/// Runs a test in a folder, in memory, and in the emulators that there are.
pub(super) async fn everywhere(test: impl AsyncFn(Place)) {
    at_hand(&test).await;
    for bucket in [emulators::azurite().await, emulators::s3().await].into_iter().flatten() {
        let options = bucket.options.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        test(Place::bucket(&bucket.address, options.collect()).expect("an address")).await;
    }
}

/// Runs a test in a folder and in memory: one that would take too many requests.
pub(super) async fn at_hand(test: impl AsyncFn(Place)) {
    let folder = tempfile::tempdir().expect("a folder");
    test(Place::Folder(folder.path().join("store"))).await;
    test(Place::Memory(Memory::default())).await;
}

pub(super) async fn created(place: &Place) -> Store {
    Store::open(place, TENANT, WhenMissing::Create(ID)).await.expect("a new store")
}

/// Reads what lies in a place, as it lies there.
pub(super) async fn raw(place: &Place, path: &str) -> String {
    let objects = place.reach(false).expect("reached");
    let content = objects.read(path).await.expect("readable").expect("an object");
    String::from_utf8(content.to_vec()).expect("UTF-8")
}

/// Damages what lies in a place.
pub(super) async fn damage(place: &Place, path: &str, content: &[u8]) {
    let objects = place.reach(false).expect("reached");
    objects.forget(path).await;
    assert!(objects.create(path, content.to_vec()).await.expect("written"));
}

pub(super) fn plan() -> Plan {
    Plan::empty(Basis {
        version: "0.1.0".to_owned(),
        manifest: "00ff".to_owned(),
        tenant: TENANT,
        tenant_name: "Contoso".into(),
        store: None,
        newest_run: 0,
        as_of: clock().now(),
        read_at: clock().now(),
    })
}

pub(super) async fn begin(store: &Store, clock: &Clock) -> Run {
    let lease = store.lock("ada@here 1", clock).await.expect("free");
    let remembered = store.ledger(&settle(), clock).await.expect("readable");
    store.begin_run(lease, remembered, &plan(), &settle(), clock).await.expect("nobody else applies")
}

/// Begins a run, writes down what it does, and dies; the minute passes in which its lock expires.
pub(super) async fn died(store: &Store, clock: &Clock) -> RunId {
    let run = begin(store, clock).await;
    run.append(records()).await.expect("written");
    let id = run.id();
    drop(run);
    clock.advance(SignedDuration::from_mins(1));
    id
}

/// What a run of two people writes down: one is written to and confirmed, one refuses.
pub(super) fn records() -> Vec<Record> {
    let at = clock().now();
    let mut records = Vec::new();
    for number in 1..=2 {
        let entry = Entry::seen(Value::OPT_IN, Some(Value::OPT_IN), false, at);
        let settings = BTreeMap::from([(Setting::Mode, entry)]);
        let is = Observed { group: Some("works-council".into()), settings, ..Observed::default() };
        records.push(Record::Observed { id: person(number), is });
    }
    for number in 1..=2 {
        let subject = Subject::Person(person(number), Setting::Mode);
        records.push(Record::Intent(Intent {
            operation: 0,
            subject,
            from: Some(Value::OPT_IN),
            to: Value::OPT_OUT,
            repeat: false,
            by_group: false,
            under: None,
            at,
        }));
        let answer = if number == 1 { Answer::Sent } else { Answer::Refused(RefusalKind::Forbidden) };
        let request_id = Some(format!("request {number}"));
        records.push(Record::Outcome { subject, answer, attempts: 1, request_id, at });
    }
    let values = BTreeMap::from([(Setting::Mode, Value::OPT_OUT)]);
    records.push(Record::ReadBack { id: person(1), values, before: BTreeMap::new(), at });
    records
}

pub(super) async fn remembered(store: &Store) -> Ledger {
    store.ledger(&settle(), &clock()).await.expect("readable").ledger
}
