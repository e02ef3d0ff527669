//! A plan says how long it takes, and it takes that long: on a model of the tenant, in time that passes by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::{FailureLimit, Outcome, Stop, apply};
use crate::clock::Clock;
use crate::microsoft::Writer;
use crate::microsoft::trial::service::Bears;
use crate::microsoft::trial::tenant::connected;
use crate::model::{
    ActualPerson, ActualState, ActualTenant, BySetting, Catalogue, DesiredGroup, DesiredState, Held, Kind,
    Known, Ledger, Licences, Mode, OnLeave, OnUserChoice, PersonId, Settings, Settle, Switch, TenantId,
    TenantSetting, Value,
};
use crate::plan::budget::{CallRate, Speed};
use crate::plan::{Context, Plan, plan};
use crate::store::{Place, Store, WhenMissing};

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

/// Plans an opt-out of one half, two features off for the other, and two defaults off.
fn planned(people: u128, rate: Option<CallRate>) -> Plan {
    let group = |name: &str, wants| DesiredGroup {
        name: name.into(),
        wants,
        on_user_choice: OnUserChoice::Respect,
        on_leave: OnLeave::Keep,
        named: Some(1),
        re_opt_in: None,
        closed: None,
    };
    let off = Some(Value::OFF);
    let nothing = BySetting::default;
    let council = group("council", BySetting { mode: Some(Value::OPT_OUT), ..nothing() });
    let quiet = group("quiet", BySetting { dashboard: off, digest_email: off, ..nothing() });
    let ids = || (1..=people).map(|number| PersonId(Uuid::from_u128(number)));
    let halves =
        ids().enumerate().map(|(at, id)| (id, Held { group: u32::from(at % 2 == 0), certain: true }));
    let desired = DesiredState {
        groups: vec![council, quiet],
        people: halves.collect(),
        tenant: [TenantSetting::OutlookAddIn, TenantSetting::ScheduleSend]
            .map(|one| (one, Value::OFF))
            .into(),
        ..DesiredState::default()
    };
    let on = Switch::On;
    let settings = Settings { mode: Mode::OptIn, dashboard: on, digest_email: on, outlook_add_in: on };
    let licences = Arc::new(Licences::default());
    let person = |id: PersonId| ActualPerson {
        upn: format!("{id}@contoso.com").into(),
        kind: Kind::Member,
        enabled: true,
        mailbox: true,
        licences: Arc::clone(&licences),
        settings: Known::Is(settings),
    };
    let defaults = TenantSetting::ALL.into_iter().filter(|one| *one != TenantSetting::SurveySamplingRate);
    let now = Clock::system().now();
    let actual = ActualState {
        tenant: ActualTenant {
            id: TENANT,
            name: "Contoso".into(),
            settings: defaults.map(|setting| (setting, Known::Is(Value::ON))).collect(),
            people: Known::Is(1),
        },
        catalogue: Catalogue::default(),
        people: ids().map(|id| (id, person(id))).collect(),
        exists: BTreeMap::new(),
        licensing: BTreeMap::new(),
        read_at: now,
    };
    let context = Context {
        now,
        as_of: now,
        manifest: String::new(),
        store: None,
        keeps_ledger: true,
        newest_run: 0,
        re_pin: false,
        speed: Speed::in_batches(rate),
    };
    plan(&desired, &actual, &Ledger::default(), &context)
}

/// Carries a plan out, and gives the seconds that it says, and those that it took.
async fn timed(people: u128, rate: Option<&str>, latency: Duration) -> (f64, f64) {
    let rate: Option<CallRate> = rate.map(|rate| rate.parse().unwrap());
    let (service, reader) = connected(TENANT, Bears::anything(latency), rate).await;
    let plan = planned(people, rate);
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let missing = WhenMissing::Create(Uuid::nil());
    let store = Store::open(&Place::Folder(folder.path().to_owned()), TENANT, missing).await.unwrap();
    let lease = store.lock("a test", &clock).await.unwrap();
    let settle = Settle::default();
    let remembered = store.ledger(&settle, &clock).await.unwrap();
    let run = store.begin_run(lease, remembered, &plan, &settle, &clock).await.unwrap();
    let (writer, stop) = (Writer::new(reader), Stop::default());
    service.seen();
    let began = Instant::now();
    let report = apply(&plan, &writer, run, &clock, FailureLimit::default(), &mut drop, &stop).await.unwrap();
    let took = began.elapsed();
    assert!(report.rows.iter().all(|row| row.outcome == Outcome::Done), "{report:#?}");
    let seen = service.seen();
    assert_eq!((seen.taken, seen.refused), (plan.summary.calls + plan.summary.reads, 0));
    (f64::from(u32::try_from(plan.summary.seconds).unwrap()), took.as_secs_f64())
}

fn is_within_a_fifth((said, took): (f64, f64)) -> bool {
    (0.8..=1.2).contains(&(said / took))
}

#[tokio::test(start_paused = true)]
async fn the_time_is_within_a_fifth_under_a_stated_limit() {
    for (rate, people) in [("0.5", 12), ("5", 100), ("20", 200), ("100", 800)] {
        for millis in [20, 400] {
            let timed = timed(people, Some(rate), Duration::from_millis(millis)).await;
            assert!(is_within_a_fifth(timed), "{rate}/s, {people} people, {millis} ms: {timed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_is_within_a_fifth_where_a_batch_lasts_as_long_as_is_assumed() {
    for people in [1, 30, 400, 1_000] {
        let timed = timed(people, None, Duration::from_millis(500)).await;
        assert!(is_within_a_fifth(timed), "{people} people: {timed:?}");
    }
}
