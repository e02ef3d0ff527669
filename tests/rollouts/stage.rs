//! Sets the stage: a sandbox that keeps our time, the real client, timeline, planner, apply engine and store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use insightctl::apply::{Event, FailureLimit, Gate, Order, Report, Stop, apply};
use insightctl::clock::Clock;
use insightctl::manifest::{self, Manifest};
use insightctl::microsoft::{Ask, Connection, Credential, Endpoints, MayWrite, Reader, Writer};
use insightctl::model::rollout::RolloutStatus;
use insightctl::model::{DesiredState, PersonId, ServicePlan, TenantId, TenantSetting, Value};
use insightctl::plan::budget::Speed;
use insightctl::plan::{Context, Plan, Scope, plan};
use insightctl::rollout::{Facts, Windows, timeline};
use insightctl::sandbox::{Options, Sandbox, Settings, Source};
use insightctl::store::{Lease, Memory, Place, Remembered, Store, StoreError, WhenMissing};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::{Uuid, uuid};

pub(crate) const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
/// What a run of the built program signs in as, so that both find the same tenant.
const APP: &str = "00000000-0000-0000-0000-00000000c0de";

/// Makes the object id of a person.
pub(crate) fn id(who: usize) -> PersonId {
    PersonId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + who as u128))
}

pub(crate) fn upn(who: usize) -> String {
    format!("p{who:02}@contoso.com")
}

/// Gives noon of a day, counted from the first of February 2026, so that the clocks change in between.
pub(crate) fn noon(day: i64) -> Timestamp {
    let first: Timestamp = "2026-02-01T12:00:00Z".parse().unwrap();
    first + SignedDuration::from_hours(24 * day)
}

/// Is everything that a rollout happens to.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    reader: Reader,
    pub(crate) clock: Clock,
    place: Place,
    /// Goes with the stage, where the store is a folder.
    _folder: Option<tempfile::TempDir>,
    people: usize,
}

/// Is what one look at the tenant gave, and the plan made of it.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) desired: DesiredState,
    pub(crate) plan: Plan,
}

/// Is what a tenant has come to: its defaults, and what each person has in truth.
pub(crate) type End = (BTreeMap<TenantSetting, Value>, Vec<(Settings, Option<ServicePlan>)>);

/// Makes a tenant whose last person has no licence.
pub(crate) fn tenant(people: usize, defaults: [bool; 3]) -> serde_json::Value {
    let user = |who: usize| {
        let licences = if who + 1 < people { json!(["SPE_E5"]) } else { json!([]) };
        json!({
            "id": id(who), "userPrincipalName": upn(who), "mail": upn(who), "displayName": format!("Person {who}"),
            "usageLocation": "GB", "licenses": licences,
        })
    };
    let [dashboard, digest, add_in] = defaults;
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [
            { "clientId": APP, "secret": "sandbox",
              "roles": ["User.Read.All", "GroupMember.Read.All", "Organization.Read.All",
                        "LicenseAssignment.ReadWrite.All", "Exchange.ManageAsApp"],
              "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"] },
        ],
        "defaults": { "dashboard": dashboard, "digestEmail": digest, "addIn": add_in },
        "skus": [
            { "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "skuPartNumber": "SPE_E5", "enabled": 99, "servicePlans": [
                { "servicePlanId": "33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "servicePlanName": "MYANALYTICS_P2" },
                { "servicePlanId": "34c0d7a0-a70f-4668-9238-47f9fc208882", "servicePlanName": "EXCHANGE_ANALYTICS" },
                { "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929", "servicePlanName": "TEAMS1" },
                { "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE" }] },
        ],
        "groups": [],
        "users": (0..people).map(user).collect::<Vec<_>>(),
    })
}

impl Stage {
    /// Begins on a day, with a tenant of so many people.
    pub(crate) async fn at(day: i64, people: usize, defaults: [bool; 3]) -> Self {
        Self::within(day, people, defaults, |_| None).await
    }

    /// Does what [`Stage::at`] does, and lets the client ask whether it may write.
    pub(crate) async fn within(
        day: i64,
        people: usize,
        defaults: [bool; 3],
        may_write: impl FnOnce(Clock) -> Option<MayWrite>,
    ) -> Self {
        let clock = Clock::still(noon(day));
        let theirs = clock.clone();
        let now = Arc::new(move || theirs.now().as_second());
        let sandbox = Sandbox::start(Options::new(Source::Value(tenant(people, defaults)), now));
        let sandbox = sandbox.await.unwrap();
        let endpoints = Endpoints::of_sandbox(sandbox.url());
        let secret = "sandbox".to_owned().into();
        let credential = Credential::ClientSecret { client_id: APP.to_owned(), secret };
        let mut connection = Connection::new(TENANT, endpoints, credential);
        connection.may_write = may_write(clock.clone());
        let reader = Reader::connect(connection, clock.clone()).await.unwrap();
        Self { sandbox, reader, clock, place: Place::Memory(Memory::default()), _folder: None, people }
    }

    /// Keeps the store in a folder, where whatever it writes has to be waited for.
    pub(crate) fn in_folder(self) -> Self {
        // A disk need not be waited for where there is none: what is dropped here loses nothing there.
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        Self { place: Place::Folder(folder.path().to_owned()), _folder: Some(folder), ..self }
    }

    pub(crate) fn pass(&self, minutes: i64) {
        self.clock.advance(SignedDuration::from_mins(minutes));
    }

    async fn store(&self) -> Store {
        Store::open(&self.place, TENANT, WhenMissing::Create(Uuid::nil())).await.unwrap()
    }

    /// Takes the lock, and waits for that of a run that died to expire.
    async fn lock(&self, store: &Store) -> Lease {
        match store.lock("a rollout", &self.clock).await {
            Err(StoreError::Locked { .. }) => {
                self.pass(1);
                store.lock("a rollout", &self.clock).await.unwrap()
            }
            lease => lease.unwrap(),
        }
    }

    pub(crate) async fn remembered(&self, manifest: &Manifest) -> Remembered {
        self.store().await.ledger(&manifest.settle(), &self.clock).await.unwrap()
    }

    /// Looks and plans as of a moment, as every command does.
    pub(crate) async fn look(&self, manifest: &Manifest, as_of: Timestamp) -> Look {
        let remembered = self.remembered(manifest).await;
        let ledger = &remembered.ledger;
        let membership = self.reader.membership(&manifest.selectors()).await.unwrap();
        let names: Vec<_> = manifest.groups().iter().map(|group| Arc::clone(group.name())).collect();
        let facts = Facts { began: ledger.waves.clone(), ..Facts::default() };
        let timeline = timeline(manifest.rollout(), &names, &facts, as_of);
        let mut desired = manifest.resolve(&membership, &timeline.in_force).unwrap();
        let time_zone = manifest.rollout().time_zone.iana_name().unwrap().to_owned();
        desired.rollout = RolloutStatus { time_zone, waves: timeline.waves.clone() };
        let actual = self.reader.observe_scope(&Scope::of(&desired, ledger)).await.unwrap();
        let context = Context {
            now: self.clock.now(),
            as_of,
            manifest: manifest.digest().to_owned(),
            store: self.store().await.id().map(str::to_owned),
            keeps_ledger: true,
            newest_run: remembered.newest_run(),
            re_pin: false,
            speed: Speed::default(),
        };
        let plan = plan(&desired, &actual, ledger, &context);
        Look { desired, plan }
    }

    /// Carries out a plan.
    pub(crate) async fn apply(
        &self,
        manifest: &Manifest,
        plan: &Plan,
        gate: Gate,
        mut events: impl FnMut(Event) + Send,
    ) -> Report {
        let store = self.store().await;
        let lease = self.lock(&store).await;
        let remembered = self.remembered(manifest).await;
        let settle = manifest.settle();
        let run = store.begin_run(lease, remembered, plan, &settle, &self.clock).await.unwrap();
        let writer = Writer::new(self.reader.clone());
        let order = Order { gate, ..Order::from(plan) };
        let (limit, stop) = (FailureLimit::default(), Stop::default());
        apply(order, &writer, run, &self.clock, limit, &mut events, &stop).await.unwrap()
    }

    /// Plans as of a moment, and applies.
    pub(crate) async fn run(&self, manifest: &Manifest, as_of: Timestamp) -> Look {
        let look = self.look(manifest, as_of).await;
        self.apply(manifest, &look.plan, Gate::default(), drop).await;
        look
    }

    /// Applies as of a moment until nothing is left to be done; between two rounds everything settles.
    pub(crate) async fn until_idle(&self, manifest: &Manifest, as_of: Timestamp) -> Result<Look, String> {
        for _ in 0..5 {
            let look = self.look(manifest, as_of).await;
            if look.plan.operations.is_empty() {
                return Ok(look);
            }
            self.apply(manifest, &look.plan, Gate::default(), drop).await;
            self.pass(25 * 60);
        }
        Err(format!("there is still something to do: {:?}", self.look(manifest, as_of).await.plan.operations))
    }

    /// Says what the tenant has come to.
    pub(crate) async fn end(&self) -> End {
        let ask = Ask { settings: false, tenant_settings: true, count_people: false };
        let people: BTreeSet<_> = (0..self.people).map(id).collect();
        let actual = self.reader.observe(&people, ask).await.unwrap();
        let defaults = actual.tenant.settings.iter();
        let defaults = defaults.filter_map(|(setting, value)| Some((*setting, *value.known()?))).collect();
        let person = |who: usize| {
            let plan = actual.people[&id(who)].licences.service_plan(&actual.catalogue);
            (self.sandbox.settings(&upn(who)).unwrap(), plan)
        };
        (defaults, (0..self.people).map(person).collect())
    }

    /// Gives when changes may be made, by what the manifest says.
    pub(crate) fn windows(manifest: &Manifest, as_of: Timestamp) -> Windows {
        let names: Vec<_> = manifest.groups().iter().map(|group| Arc::clone(group.name())).collect();
        let timeline = timeline(manifest.rollout(), &names, &Facts::default(), as_of);
        Windows::of(manifest.rollout(), &names, &timeline)
    }
}

/// Reads a manifest that has to be right.
pub(crate) fn read(rest: &str) -> Manifest {
    let head = format!("version: 1\ntenant: {{ id: {TENANT}, name: contoso.onmicrosoft.com }}\n");
    let text = head + rest;
    manifest::parse(&text, &[]).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
}
