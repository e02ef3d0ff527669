//! When waves began and who was told, kept through runs; and stores from before there were rollouts.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Is a store as it was written before ledgers knew of waves and announcements: a snapshot, and a run that died later.
const BEFORE: [(&str, &str); 4] = [
    (
        "id",
        r#"{"format":1,"id":"00000000-0000-0000-0000-00000000001d","tenant":"00000000-0000-0000-0000-00000000007e"}"#,
    ),
    (
        "ledger/00000001.json",
        r#"{"format":1,"tenant":"00000000-0000-0000-0000-00000000007e","number":1,"through":1,"pieces":1,"lines":4}"#,
    ),
    (
        "ledger/00000001/00000001/00000001.jsonl",
        concat!(
            r#"{"tenant":["dashboard",{"value":"off","by":"us","at":"2027-01-15T08:00:00Z"}]}"#,
            "\n",
            r#"{"returned":["dashboard",["2027-01-14T08:00:00Z"]]}"#,
            "\n",
            r#"{"person":["00000000-0000-0000-0000-000000000001",{"group":"works-council","settings":{"mode":{"value":"opt-out","by":"us","default-then":"opt-in","at":"2027-01-15T08:00:00Z","confirmed":true,"stored":true,"found":{"value":"opt-in"}}}}]}"#,
            "\n",
            r#"{"person":["00000000-0000-0000-0000-000000000002",{"settings":{"dashboard":{"value":"on","by":"seen","default-then":"off","at":"2027-01-15T08:00:00Z","chosen":true}}}]}"#,
            "\n",
        ),
    ),
    (
        "runs/00000002/journal/00000001.jsonl",
        concat!(
            r#"{"started":{"format":1,"run":2,"tenant":"00000000-0000-0000-0000-00000000007e","manifest":"00ff","version":"0.1.0","at":"2027-01-15T08:00:00Z"}}"#,
            "\n",
            r#"{"observed":{"id":"00000000-0000-0000-0000-000000000002","is":{"group":"pilot","settings":{"mode":{"value":"opt-in","by":"seen","default-then":"opt-in","at":"2027-01-15T08:00:00Z"}}}}}"#,
            "\n",
        ),
    ),
];

#[tokio::test]
async fn a_store_from_before_rollouts_is_read_and_carried_on() {
    at_hand(async |place| {
        let objects = place.reach(true).expect("reached");
        for (path, content) in BEFORE {
            assert!(objects.create(path, content.into()).await.expect("written"), "{path}");
        }
        let store = Store::open(&place, TENANT, WhenMissing::Refuse).await.expect("it is there");
        let old = store.ledger(&settle(), &clock()).await.expect("readable");
        assert_eq!((&old.ledger.waves, &old.ledger.announced), (&BTreeMap::new(), &BTreeMap::new()));
        assert_eq!((old.ledger.people.len(), old.ledger.tenant.len(), old.ledger.returned.len()), (2, 1, 1));
        assert_eq!(old.unfinished, [RunId(2)]);
        let second = &old.ledger.people[&person(2)];
        assert_eq!(second.group.as_deref(), Some("pilot"), "what the dead run saw counts");
        assert!(old.ledger.entry(person(2), Setting::Dashboard).is_some_and(|entry| entry.chosen));

        let run = begin(&store, &clock()).await;
        let began = clock().now();
        run.append(vec![Record::Wave { name: "sales".into(), began: Some(began) }]).await.expect("written");
        run.finish(&()).await.expect("finished");
        let waves = BTreeMap::from([("sales".into(), began)]);
        assert_eq!(remembered(&store).await, Ledger { waves, ..old.ledger });
    })
    .await;
}

type Known = (BTreeMap<Arc<str>, Timestamp>, BTreeMap<Arc<str>, BTreeSet<PersonId>>, BTreeSet<Uuid>);

/// Draws what a run remembers, of few waves, milestones and people, so that they meet.
fn record() -> impl Strategy<Value = Record> {
    let wave = (0..3_u8, proptest::option::of(0..1_000_i64)).prop_map(|(wave, began)| Record::Wave {
        name: format!("wave {wave}").into(),
        began: began.map(|hours| clock().now() + SignedDuration::from_hours(hours)),
    });
    let people = proptest::collection::btree_set((1..30_u128).prop_map(person), 1..10);
    let told = (0..3_u8, people).prop_map(|(milestone, people)| Record::Announced {
        milestone: format!("milestone \"{milestone}\"\n").into(),
        people,
        drafts: Uuid::from_u128(u128::from(milestone)),
        at: clock().now(),
    });
    prop_oneof![wave, told]
}

/// Remembers the same by itself: the first beginning counts until the wave is held again, and nobody is untold.
fn take((waves, announced, drafts): &mut Known, record: &Record) {
    match record.clone() {
        Record::Wave { name, began: Some(began) } => {
            waves.entry(name).or_insert(began);
        }
        Record::Wave { name, began: None } => drop(waves.remove(&name)),
        Record::Announced { milestone, people, drafts: id, at: _ } => {
            drafts.insert(id);
            announced.entry(milestone).or_default().extend(people);
        }
        other @ (Record::Started(_)
        | Record::Consented(_)
        | Record::ObservedTenant { .. }
        | Record::Observed { .. }
        | Record::Returned { .. }
        | Record::ReOptInKnown { .. }
        | Record::Released { .. }
        | Record::Forgotten { .. }
        | Record::TenantRead { .. }
        | Record::Intent(_)
        | Record::Outcome { .. }
        | Record::ReadBack { .. }
        | Record::Finished { .. }) => unreachable!("none is drawn: {other:?}"),
    }
}

/// Has runs remember, each of which comes to its end or dies.
async fn runs(runs: Vec<(Vec<Record>, bool)>) {
    let place = Place::Memory(Memory::default());
    let (store, clock) = (created(&place).await, clock());
    let mut known = Known::default();
    for (records, dies) in runs {
        let run = begin(&store, &clock).await;
        for record in &records {
            take(&mut known, record);
        }
        run.append(records).await.expect("written");
        if dies {
            drop(run);
            clock.advance(SignedDuration::from_mins(1));
        } else {
            run.finish(&()).await.expect("finished");
        }
        let Ledger { waves, announced, drafts, tenant: _, people: _, returned: _, re_opt_ins: _ } =
            store.ledger(&settle(), &clock).await.expect("readable").ledger;
        assert_eq!((waves, announced, drafts), known);
    }
}

#[test]
fn when_waves_began_and_who_was_told_outlives_runs_that_end_or_die() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let drawn = proptest::collection::vec((proptest::collection::vec(record(), 0..5), any::<bool>()), 1..6);
    TestRunner::new(config)
        .run(&drawn, |drawn| {
            runtime.block_on(runs(drawn));
            Ok(())
        })
        .unwrap_or_else(|broken| panic!("{broken}"));
}
