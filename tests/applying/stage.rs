//! What all of these tests share: a tenant of three groups, a store, and two clocks that go together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use insightctl::apply::{Event, FailureLimit, Report, Row, Stop, apply};
use insightctl::clock::Clock;
use insightctl::microsoft::{Ask, Connection, Credential, Endpoints, Reader, Writer};
use insightctl::model::{
    BySetting, DesiredGroup, DesiredState, Held, OnLeave, OnUserChoice, PersonId, Setting, TenantId,
    TenantSetting, Value,
};
use insightctl::plan::budget::Speed;
use insightctl::plan::{Context, Plan, Target, licensing_groups, plan};
use insightctl::sandbox::{Options, Sandbox, Source};
use insightctl::store::{Lease, Place, Store, StoreError, WhenMissing};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::{Uuid, uuid};

pub(crate) const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
pub(crate) const APP: &str = "00000000-0000-0000-0000-00000000c0de";
pub(crate) const NOON: i64 = 1_790_000_000;
pub(crate) const PEOPLE: u128 = 24;

/// Makes the object id of person `n`.
pub(crate) fn id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + n))
}

pub(crate) fn upn(n: u128) -> String {
    format!("p{n:02}@contoso.com")
}

pub(crate) fn tenant(people: u128) -> serde_json::Value {
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
        "users": (1..=people).map(user).collect::<Vec<_>>(),
    })
}

pub(crate) fn nothing() -> BySetting<Option<Value>> {
    BySetting::default()
}

/// The scenario *mixed*, and a works council without insights: everything that an apply can be asked to do.
pub(crate) fn mixed() -> DesiredState {
    let group = |name: &str, wants| DesiredGroup {
        name: name.into(),
        wants,
        on_user_choice: OnUserChoice::Respect,
        on_leave: OnLeave::Keep,
        named: Some(8),
        re_opt_in: None,
        closed: None,
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
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) reader: Reader,
    pub(crate) theirs: Arc<AtomicI64>,
    pub(crate) ours: Clock,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) desired: DesiredState,
}

impl Stage {
    pub(crate) async fn new(world: &str) -> Self {
        Self::of(world, PEOPLE).await
    }

    /// Makes a tenant of so many people.
    pub(crate) async fn of(world: &str, people: u128) -> Self {
        Self::with(world, tenant(people), mixed()).await
    }

    /// Makes a tenant of one's own, and what is asked of it.
    pub(crate) async fn with(world: &str, tenant: serde_json::Value, desired: DesiredState) -> Self {
        let theirs = Arc::new(AtomicI64::new(NOON));
        let clock = Arc::clone(&theirs);
        let mut options = Options::new(Source::Value(tenant), Arc::new(move || clock.load(Ordering::SeqCst)));
        options.world = world.parse().unwrap();
        let sandbox = Sandbox::start(options).await.unwrap();
        let endpoints = Endpoints::of_sandbox(sandbox.url());
        let credential =
            Credential::ClientSecret { client_id: APP.to_owned(), secret: "word".to_owned().into() };
        let ours = Clock::still(Timestamp::from_second(NOON).unwrap());
        let reader =
            Reader::connect(Connection::new(TENANT, endpoints, credential), ours.clone()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { sandbox, reader, theirs, ours, folder, desired }
    }

    pub(crate) fn later(&self, minutes: i64) {
        self.theirs.fetch_add(minutes * 60, Ordering::SeqCst);
        self.ours.advance(SignedDuration::from_mins(minutes));
    }

    pub(crate) async fn store(&self) -> Store {
        let place = Place::Folder(self.folder.path().to_owned());
        Store::open(&place, TENANT, WhenMissing::Create(Uuid::nil())).await.unwrap()
    }

    /// Takes the lock, and waits for that of a run that died to expire.
    pub(crate) async fn lock(&self) -> Lease {
        let store = self.store().await;
        match store.lock("a test", &self.ours).await {
            Err(StoreError::Locked { .. }) => {
                self.later(1);
                store.lock("a test", &self.ours).await.unwrap()
            }
            lease => lease.unwrap(),
        }
    }

    pub(crate) async fn plan(&self) -> Plan {
        let people: BTreeSet<_> = self.desired.people.keys().copied().collect();
        let ask = Ask { settings: true, tenant_settings: true, count_people: false };
        let mut actual = self.reader.observe(&people, ask).await.unwrap();
        let licensing = licensing_groups(&self.desired, &actual);
        actual.licensing = self.reader.licensing_groups(&licensing, &actual.people).await;
        let remembered = self.store().await.ledger(&self.desired.settle, &self.ours).await.unwrap();
        let context = Context {
            now: self.ours.now(),
            as_of: self.ours.now(),
            manifest: "00ff".to_owned(),
            store: None,
            keeps_ledger: true,
            newest_run: remembered.newest_run(),
            re_pin: false,
            speed: Speed::default(),
        };
        plan(&self.desired, &actual, &remembered.ledger, &context)
    }

    pub(crate) async fn apply_with(
        &self,
        plan: &Plan,
        stop: &Stop,
        mut events: impl FnMut(Event) + Send,
    ) -> Report {
        let lease = self.lock().await;
        let remembered = self.store().await.ledger(&self.desired.settle, &self.ours).await.unwrap();
        let store = self.store().await;
        let run = store.begin_run(lease, remembered, plan, &self.desired.settle, &self.ours).await.unwrap();
        let writer = Writer::new(self.reader.clone());
        let limit = FailureLimit::default();
        apply(plan, &writer, run, &self.ours, limit, &mut events, stop).await.unwrap()
    }

    pub(crate) async fn apply(&self, plan: &Plan) -> Report {
        self.apply_with(plan, &Stop::default(), drop).await
    }

    /// Plans and applies once, with everything to be done.
    pub(crate) async fn round(&self) -> Report {
        let plan = self.plan().await;
        self.apply(&plan).await
    }

    /// Says what the tenant is in truth, person by person.
    pub(crate) fn end_state(&self) -> Vec<(String, insightctl::sandbox::Settings)> {
        (1..=PEOPLE).map(|n| (upn(n), self.sandbox.settings(&upn(n)).unwrap())).collect()
    }
}

pub(crate) fn outcomes(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for row in &report.rows {
        *counts.entry(row.outcome.word()).or_default() += 1;
    }
    counts
}

pub(crate) fn row(report: &Report, n: u128, setting: Setting) -> &Row {
    let is = |row: &&Row| match &row.operation.target {
        Target::Person(person) => person.id == id(n) && person.setting == setting,
        Target::Tenant(_) => false,
    };
    report.rows.iter().find(is).unwrap()
}

pub(crate) fn default_row(report: &Report, setting: TenantSetting) -> &Row {
    report.rows.iter().find(|row| row.operation.target == Target::Tenant(setting)).unwrap()
}

/// Opts everybody of a stage out, and then asks for an opt-in with some features on and some off: three calls each.
pub(crate) async fn opted_out(world: &str) -> Stage {
    let mut stage = Stage::new(world).await;
    let back = opt_out_first(&mut stage);
    stage.round().await;
    stage.later(20);
    stage.desired.groups = vec![back];
    stage
}

/// Asks for an opt-out of the first group, and gives what to ask of it afterwards.
pub(crate) fn opt_out_first(stage: &mut Stage) -> DesiredGroup {
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
