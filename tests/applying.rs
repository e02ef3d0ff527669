//! Carries out plans on the sandbox, over the wire.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use insightctl::apply::{Event, FailureLimit, Outcome, Report, Row, Stop, Stopped, Why, apply};
use insightctl::clock::Clock;
use insightctl::microsoft::{Ask, Credential, Endpoints, Reader, Writer};
use insightctl::model::{
    BySetting, DesiredGroup, DesiredState, Held, OnLeave, OnUserChoice, PersonId, Setting, TenantId,
    TenantSetting, Value,
};
use insightctl::plan::{Because, Context, Phase, Plan, Target, plan};
use insightctl::sandbox::{Choice, DefaultsChoice, Options, Sandbox, Source};
use insightctl::store::{Lease, Store, StoreError, WhenMissing};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Notify;
use uuid::{Uuid, uuid};

const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
const APP: &str = "00000000-0000-0000-0000-00000000c0de";
const NOON: i64 = 1_790_000_000;
const PEOPLE: u128 = 24;

/// Makes the object id of person `n`.
fn id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + n))
}

fn upn(n: u128) -> String {
    format!("p{n:02}@contoso.com")
}

fn tenant() -> serde_json::Value {
    let user = |n: u128| {
        json!({
            "id": id(n), "userPrincipalName": upn(n), "mail": upn(n), "displayName": format!("Person {n}"),
            "usageLocation": "GB", "licenses": ["SPE_E5"],
        })
    };
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [
            { "clientId": APP, "secret": "word",
              "roles": ["User.Read.All", "GroupMember.Read.All", "Organization.Read.All",
                        "LicenseAssignment.ReadWrite.All", "Exchange.ManageAsApp"],
              "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"] },
        ],
        "skus": [
            { "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "skuPartNumber": "SPE_E5", "enabled": 99, "servicePlans": [
                { "servicePlanId": "33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "servicePlanName": "MYANALYTICS_P2" },
                { "servicePlanId": "34c0d7a0-a70f-4668-9238-47f9fc208882", "servicePlanName": "EXCHANGE_ANALYTICS" },
                { "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929", "servicePlanName": "TEAMS1" },
                { "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE" }] },
        ],
        "groups": [],
        "users": (1..=PEOPLE).map(user).collect::<Vec<_>>(),
    })
}

fn nothing() -> BySetting<Option<Value>> {
    BySetting::default()
}

/// The scenario *mixed*, and a works council without insights: everything that an apply can be asked to do.
fn mixed() -> DesiredState {
    let group = |name: &str, wants| DesiredGroup {
        name: name.into(),
        wants,
        on_user_choice: OnUserChoice::Respect,
        on_leave: OnLeave::Keep,
        named: Some(8),
    };
    let on = Some(Value::ON);
    let council = BySetting { mode: Some(Value::OPT_OUT), service_plan: Some(Value::REMOVED), ..nothing() };
    let pilot = BySetting { dashboard: on, digest_email: on, outlook_add_in: on, ..nothing() };
    let quiet = BySetting { digest_email: Some(Value::OFF), ..nothing() };
    DesiredState {
        tenant: BTreeMap::from([
            (TenantSetting::Dashboard, Value::OFF),
            (TenantSetting::DigestEmail, Value::OFF),
            (TenantSetting::OutlookAddIn, Value::OFF),
        ]),
        groups: vec![group("works-council", council), group("pilot", pilot), group("quiet", quiet)],
        people: (1..=PEOPLE)
            .map(|n| (id(n), Held { group: u32::try_from((n - 1) / 8).unwrap(), certain: true }))
            .collect(),
        ..DesiredState::default()
    }
}

/// Is a sandbox, a store, and two clocks that go together: the sandbox's and ours.
struct Stage {
    sandbox: Sandbox,
    reader: Reader,
    theirs: Arc<AtomicI64>,
    ours: Clock,
    folder: tempfile::TempDir,
    desired: DesiredState,
}

impl Stage {
    async fn new(world: &str) -> Self {
        let theirs = Arc::new(AtomicI64::new(NOON));
        let clock = Arc::clone(&theirs);
        let mut options =
            Options::new(Source::Value(tenant()), Arc::new(move || clock.load(Ordering::SeqCst)));
        options.world = world.parse().unwrap();
        let sandbox = Sandbox::start(options).await.unwrap();
        let url = sandbox.url();
        let endpoints = Endpoints {
            login: format!("{url}/login"),
            graph: format!("{url}/graph"),
            exchange: format!("{url}/exchange"),
        };
        let credential =
            Credential::ClientSecret { client_id: APP.to_owned(), secret: "word".to_owned().into() };
        let ours = Clock::still(Timestamp::from_second(NOON).unwrap());
        let reader = Reader::connect(endpoints, TENANT, credential, ours.clone(), None).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { sandbox, reader, theirs, ours, folder, desired: mixed() }
    }

    fn later(&self, minutes: i64) {
        self.theirs.fetch_add(minutes * 60, Ordering::SeqCst);
        self.ours.advance(SignedDuration::from_mins(minutes));
    }

    fn store(&self) -> Store {
        Store::open(self.folder.path(), TENANT, WhenMissing::Create(Uuid::nil())).unwrap()
    }

    fn lock(&self) -> Lease {
        self.store().lock("a test", &self.ours).unwrap()
    }

    async fn plan(&self) -> Plan {
        let people: BTreeSet<_> = self.desired.people.keys().copied().collect();
        let ask = Ask { settings: true, tenant_settings: true, count_people: false };
        let actual = self.reader.observe(&people, ask).await.unwrap();
        let remembered = self.store().ledger(&self.desired.settle).unwrap();
        let context = Context {
            now: self.ours.now(),
            as_of: self.ours.now(),
            manifest: "00ff".to_owned(),
            store: None,
            keeps_ledger: true,
            newest_run: remembered.newest_run(),
            re_pin: false,
        };
        plan(&self.desired, &actual, &remembered.ledger, &context)
    }

    async fn apply_with(&self, plan: &Plan, stop: &Stop, mut events: impl FnMut(Event) + Send) -> Report {
        let lease = self.lock();
        let remembered = self.store().ledger(&self.desired.settle).unwrap();
        let run = self.store().begin_run(lease, remembered, plan, &self.desired.settle, &self.ours).unwrap();
        let writer = Writer::new(self.reader.clone());
        let limit = FailureLimit::default();
        apply(plan, &writer, run, &self.ours, limit, &mut events, stop).await.unwrap()
    }

    async fn apply(&self, plan: &Plan) -> Report {
        self.apply_with(plan, &Stop::default(), drop).await
    }

    /// Plans and applies once, with everything to be done.
    async fn round(&self) -> Report {
        let plan = self.plan().await;
        self.apply(&plan).await
    }

    /// Says what the tenant is in truth, person by person.
    fn end_state(&self) -> Vec<(String, insightctl::sandbox::Settings)> {
        (1..=PEOPLE).map(|n| (upn(n), self.sandbox.settings(&upn(n)).unwrap())).collect()
    }
}

fn outcomes(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for row in &report.rows {
        *counts.entry(row.outcome.word()).or_default() += 1;
    }
    counts
}

fn row(report: &Report, n: u128, setting: Setting) -> &Row {
    let is = |row: &&Row| match &row.operation.target {
        Target::Person(person) => person.id == id(n) && person.setting == setting,
        Target::Tenant(_) => false,
    };
    report.rows.iter().find(is).unwrap()
}

fn default_row(report: &Report, setting: TenantSetting) -> &Row {
    report.rows.iter().find(|row| row.operation.target == Target::Tenant(setting)).unwrap()
}

#[tokio::test]
async fn apply_then_plan_is_empty() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    assert!(plan.summary.pinned > 0 && plan.summary.tenant_settings == 3, "{:?}", plan.summary);
    let report = stage.apply(&plan).await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", plan.operations.len())]), "{report:#?}");
    assert_eq!(report.stopped, None);
    assert_eq!(report.calls, plan.summary.calls, "no call is sent twice");
    assert_eq!(stage.sandbox.writes().len() as u64, plan.summary.calls);
    for (who, settings) in stage.end_state().into_iter().skip(8).take(8) {
        assert!(settings.dashboard && settings.digest_email && settings.outlook_add_in, "{who} kept all");
    }
    assert_eq!(stage.plan().await.operations, []);
    let again = stage.round().await;
    assert_eq!((again.calls, again.rows.len()), (0, 0));
}

#[tokio::test]
async fn whoever_moved_since_the_plan_is_skipped_and_told_of() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let out = Choice { mode: Some(false), ..Choice::default() };
    stage.sandbox.person(&upn(1), &out).unwrap();
    stage.sandbox.person(&upn(17), &Choice { digest_email: Some(false), ..Choice::default() }).unwrap();
    let report = stage.apply(&plan).await;
    let mode = row(&report, 1, Setting::Mode);
    assert_eq!((mode.outcome, mode.attempts), (Outcome::Moved, 0), "they opted out by themselves");
    assert_eq!(mode.why, Some(Why::Found { setting: Setting::Mode, value: Value::OPT_OUT }));
    assert_eq!(row(&report, 1, Setting::ServicePlan).outcome, Outcome::Done, "their opt-out shows");
    let moved = outcomes(&report)["moved"];
    assert!((1..=2).contains(&moved), "{report:#?}");
    assert_eq!(outcomes(&report)["done"], plan.operations.len() - moved);
}

#[tokio::test]
async fn nothing_is_switched_on_for_somebody_who_opts_out_meanwhile() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    stage.sandbox.person(&upn(9), &Choice { mode: Some(false), ..Choice::default() }).unwrap();
    let report = stage.apply(&plan).await;
    assert_eq!(row(&report, 9, Setting::Dashboard).outcome, Outcome::Moved);
    assert_eq!(default_row(&report, TenantSetting::Dashboard).outcome, Outcome::Done);
    assert!(stage.sandbox.writes().iter().all(|write| !format!("{write:?}").contains(&upn(9))));
}

#[tokio::test]
async fn a_default_waits_for_a_pin_that_does_not_stand() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    stage.sandbox.person(&upn(9), &Choice { dashboard: Some(false), ..Choice::default() }).unwrap();
    let report = stage.apply(&plan).await;
    let default = |setting| default_row(&report, setting).outcome;
    assert_eq!(default(TenantSetting::Dashboard), Outcome::Done, "what they chose stands by itself");
    assert_eq!(default(TenantSetting::DigestEmail), Outcome::Waiting, "their digest would have gone");
    assert_eq!(default(TenantSetting::OutlookAddIn), Outcome::Waiting);
    let next = stage.round().await;
    assert_eq!(outcomes(&next).keys().collect::<Vec<_>>(), [&"done"], "{next:#?}");
    assert!(stage.sandbox.settings(&upn(9)).unwrap().digest_email);
    assert_eq!(stage.plan().await.operations, []);
}

#[tokio::test]
async fn an_older_plan_does_not_undo_what_was_learnt_since() {
    let mut stage = Stage::new("").await;
    let older = stage.plan().await;
    stage.later(5);
    stage.desired.people.get_mut(&id(1)).unwrap().group = 1;
    stage.round().await;
    let learnt = stage.store().ledger(&stage.desired.settle).unwrap().ledger;
    assert_eq!(learnt.people[&id(1)].group.as_deref(), Some("pilot"));
    stage.later(5);
    stage.apply(&older).await;
    let known = stage.store().ledger(&stage.desired.settle).unwrap().ledger;
    assert_eq!(known.people[&id(1)].group.as_deref(), Some("pilot"), "who holds them was looked up since");
    assert_eq!(known.tenant, learnt.tenant);
    for n in 2..=8 {
        assert_eq!(known.people[&id(n)].settings.mode, learnt.people[&id(n)].settings.mode, "{n}");
    }
}

#[tokio::test]
async fn a_default_that_somebody_else_changed_is_left_alone() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    stage
        .sandbox
        .set_default(&DefaultsChoice { dashboard: Some(false), ..DefaultsChoice::default() })
        .unwrap();
    let report = stage.apply(&plan).await;
    let default = default_row(&report, TenantSetting::Dashboard);
    assert_eq!(
        (default.outcome, &default.why),
        (Outcome::Moved, &Some(Why::FoundDefault { value: Value::OFF }))
    );
}

#[tokio::test]
async fn what_does_not_show_yet_is_settling_and_never_failed() {
    let stage = Stage::new("person-delay=300,default-delay=3600,licence-delay=600").await;
    let report = stage.round().await;
    let counts = outcomes(&report);
    assert_eq!(counts.get("failed"), None, "{counts:?}");
    assert_eq!(counts["waiting"], 8, "plans are removed once the opt-outs show: {counts:?}");
    let soon = stage.plan().await;
    assert_eq!(soon.outside_changes, [], "nobody is blamed for what is only late");
    assert_eq!(soon.operations, [], "nothing is written twice");
    stage.later(24 * 60);
    let next = stage.round().await;
    assert_eq!(next.rows.len(), 8, "the plans");
    stage.later(24 * 60);
    let last = stage.plan().await;
    assert_eq!((last.operations, last.outside_changes), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn side_effects_of_an_opt_out_are_nobodys_choice() {
    let stage = opted_out("opt-out-flags=off").await;
    let plan = stage.plan().await;
    assert_eq!((plan.outside_changes.as_slice(), plan.summary.people), (&[][..], 8));
    stage.apply(&plan).await;
    let ended = stage.plan().await;
    assert_eq!((ended.operations, ended.outside_changes), (Vec::new(), Vec::new()));
    assert!(stage.end_state().iter().take(8).all(|(_, settings)| settings.dashboard));
}

#[tokio::test]
async fn side_effects_that_show_late_are_nobodys_choice() {
    let mut stage = Stage::new("opt-out-flags=off,person-delay=60").await;
    let back = opt_out_first(&mut stage);
    let plan = stage.plan().await;
    let theirs = Arc::clone(&stage.theirs);
    let report = stage
        .apply_with(&plan, &Stop::default(), |event| {
            if let Event::LookingAgain { .. } = event {
                theirs.fetch_add(60, Ordering::SeqCst);
            }
        })
        .await;
    assert_eq!(outcomes(&report), BTreeMap::from([("done", 8)]), "all shows in the last look");
    stage.later(20);
    stage.desired.groups = vec![back];
    stage.round().await;
    assert!(stage.end_state().iter().take(8).all(|(_, settings)| settings.dashboard), "nobody chose it off");
}

#[tokio::test]
async fn a_choice_that_an_opt_in_states_again_stays_the_persons() {
    let stage = opted_out("").await;
    let choice = Choice { mode: Some(false), dashboard: Some(false), ..Choice::default() };
    stage.sandbox.person(&upn(1), &choice).unwrap();
    for _ in 0..3 {
        stage.round().await;
        stage.later(20);
        assert!(!stage.sandbox.settings(&upn(1)).unwrap().dashboard, "they had switched it off");
    }
    assert_eq!(stage.plan().await.operations, []);
}

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
    assert!(matches!(stage.store().lock("a test", &stage.ours), Err(StoreError::Locked { .. })));
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
        let known = stage.store().ledger(&stage.desired.settle).unwrap();
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

/// Opts everybody of a stage out, and then asks for an opt-in with some features on and some off: three calls each.
async fn opted_out(world: &str) -> Stage {
    let mut stage = Stage::new(world).await;
    let back = opt_out_first(&mut stage);
    stage.round().await;
    stage.later(20);
    stage.desired.groups = vec![back];
    stage
}

/// Asks for an opt-out of the first group, and gives what to ask of it afterwards.
fn opt_out_first(stage: &mut Stage) -> DesiredGroup {
    let group = |wants| DesiredGroup { wants, ..stage.desired.groups[0].clone() };
    let out = group(BySetting { mode: Some(Value::OPT_OUT), ..nothing() });
    let (on, off) = (Some(Value::ON), Some(Value::OFF));
    let back = group(BySetting {
        mode: Some(Value::OPT_IN),
        dashboard: on,
        digest_email: off,
        outlook_add_in: on,
        ..nothing()
    });
    stage.desired.tenant.clear();
    stage.desired.people.retain(|_, held| held.group == 0);
    stage.desired.groups = vec![out];
    back
}

/// Applies, and drops everything the moment that the service has taken its `count`th write from now.
async fn dropped_at_write(stage: &Stage, plan: &Plan, count: usize) {
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
async fn one_persons_failure_never_stops_the_others() {
    let stage = Stage::new("").await;
    let plan = stage.plan().await;
    let mut broken = plan.clone();
    // Two people whom the directory does not know any more.
    for operation in &mut broken.operations {
        if let Target::Person(person) = &mut operation.target
            && (person.id == id(2) || person.id == id(10))
        {
            person.upn = format!("gone-{}", person.upn).into();
        }
    }
    let report = stage.apply(&broken).await;
    assert_eq!(report.stopped, None);
    let failed = row(&report, 2, Setting::Mode);
    assert_eq!((failed.outcome, failed.attempts), (Outcome::Failed, 0));
    assert!(matches!(failed.why, Some(Why::Refused(_))));
    assert_eq!(row(&report, 2, Setting::ServicePlan).outcome, Outcome::Waiting);
    assert_eq!(outcomes(&report)["failed"], 4, "an opt-out and three pins");
    assert_eq!(
        outcomes(&report)["waiting"],
        4,
        "a plan, and the defaults that would undo what was not pinned"
    );
    assert_eq!(outcomes(&report)["done"], plan.operations.len() - 8);
}

#[tokio::test]
async fn too_many_failures_stop_the_run() {
    let stage = Stage::new("").await;
    let mut plan = stage.plan().await;
    for operation in &mut plan.operations {
        if let Target::Person(person) = &mut operation.target {
            person.upn = format!("gone-{}", person.upn).into();
        }
    }
    let report = stage.apply(&plan).await;
    assert!(matches!(report.stopped, Some(Stopped::FailureLimit { failed: 11.., limit: 10 })), "{report:#?}");
    assert_eq!((report.calls, stage.sandbox.writes().len()), (0, 0));
    assert_eq!(default_row(&report, TenantSetting::Dashboard).outcome, Outcome::NotBegun);
}
