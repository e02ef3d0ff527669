//! Sets the stage: a sandbox in one of its worlds, the real client, planner, apply engine and store.

use std::sync::Arc;

use insightctl::apply::{FailureLimit, Report, Stop, apply};
use insightctl::clock::Clock;
use insightctl::manifest::{self, Manifest};
use insightctl::microsoft::{Connection, Credential, Endpoints, Reader, Writer};
use insightctl::model::rollout::InForce;
use insightctl::model::{ActualState, DesiredState, PersonId, Setting, TenantId};
use insightctl::plan::budget::Speed;
use insightctl::plan::{Context, Plan, Scope, plan};
use insightctl::sandbox::{Choice, DefaultsChoice, Options, Sandbox, Settings, Source, Write};
use insightctl::store::{Lease, Memory, Place, Remembered, Store, StoreError, WhenMissing};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::{Uuid, uuid};

use crate::steps::{Declared, History, PEOPLE, SETTINGS, Want};
use crate::wire::{Fault, Wire};

const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
const APP: &str = "00000000-0000-0000-0000-00000000c0de";
pub(crate) const NOON: i64 = 1_790_000_000;

/// Makes the object id of a person.
pub(crate) fn id(who: usize) -> PersonId {
    PersonId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + who as u128))
}

pub(crate) fn upn(who: usize) -> String {
    format!("p{who}@contoso.com")
}

/// Is everything that a history happens to.
#[derive(Debug)]
pub(crate) struct Stage {
    sandbox: Sandbox,
    wire: Wire,
    reader: Reader,
    pub(crate) clock: Clock,
    memory: Memory,
    written: usize,
}

/// Is what one look at the tenant gave, and the plan made of it.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) desired: DesiredState,
    pub(crate) actual: ActualState,
    pub(crate) plan: Plan,
}

/// Is what became of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) look: Look,
    /// `None` when the process died.
    pub(crate) report: Option<Report>,
    /// What the services took from us.
    pub(crate) writes: Vec<Write>,
}

fn tenant(history: &History) -> serde_json::Value {
    let on = |want: Want| want.map(|on| if on { json!(true) } else { json!(false) });
    let user = |who: usize| {
        let chosen = history.chosen[who];
        let mut insights = serde_json::Map::new();
        if let Some(opted_in) = chosen[0] {
            insights.insert("mode".to_owned(), json!(if opted_in { "opt-in" } else { "opt-out" }));
        }
        for (field, want) in ["dashboard", "digestEmail", "addIn"].iter().zip(&chosen[1..]) {
            insights.extend(on(*want).map(|on| ((*field).to_owned(), on)));
        }
        let licences = if who + 1 < PEOPLE { json!(["SPE_E5"]) } else { json!([]) };
        json!({
            "id": id(who), "userPrincipalName": upn(who), "mail": upn(who), "displayName": format!("Person {who}"),
            "usageLocation": "GB", "licenses": licences, "insights": insights,
        })
    };
    let [dashboard, digest, add_in] = history.defaults;
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [
            { "clientId": APP, "secret": "word",
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
        "users": (0..PEOPLE).map(user).collect::<Vec<_>>(),
    })
}

async fn connect(wire: &Wire, clock: &Clock) -> Reader {
    let endpoints = Endpoints::of_sandbox(&wire.url);
    let credential = Credential::ClientSecret { client_id: APP.to_owned(), secret: "word".to_owned().into() };
    Reader::connect(Connection::new(TENANT, endpoints, credential), clock.clone()).await.unwrap()
}

impl Stage {
    pub(crate) async fn new(history: &History) -> Self {
        let clock = Clock::still(Timestamp::from_second(NOON).unwrap());
        let theirs = clock.clone();
        let now = Arc::new(move || theirs.now().as_second());
        let mut options = Options::new(Source::Value(tenant(history)), now);
        options.world = history.world.parse().unwrap();
        let sandbox = Sandbox::start(options).await.unwrap();
        let wire = Wire::to(sandbox.url()).await;
        let reader = connect(&wire, &clock).await;
        Self { sandbox, wire, reader, clock, memory: Memory::default(), written: 0 }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    pub(crate) fn pass(&self, minutes: i64) {
        self.clock.advance(SignedDuration::from_mins(minutes));
    }

    /// Gives what a person has in truth, in the order of [`SETTINGS`].
    pub(crate) fn truth(&self, who: usize) -> [bool; 4] {
        let Settings { opt_in, dashboard, digest_email, outlook_add_in } =
            self.sandbox.settings(&upn(who)).unwrap();
        [opt_in, dashboard, digest_email, outlook_add_in]
    }

    pub(crate) fn everyone(&self) -> Vec<[bool; 4]> {
        (0..PEOPLE).map(|who| self.truth(who)).collect()
    }

    /// Plays a person; who has no access to their settings cannot choose.
    pub(crate) fn choose(&self, who: usize, setting: usize, on: bool) -> bool {
        let mut choice = Choice::default();
        let fields =
            [&mut choice.mode, &mut choice.dashboard, &mut choice.digest_email, &mut choice.outlook_add_in];
        *fields.into_iter().nth(setting).unwrap() = Some(on);
        self.sandbox.person(&upn(who), &choice).is_ok()
    }

    /// Plays an administrator elsewhere.
    pub(crate) fn elsewhere(&self, feature: usize, on: bool) {
        let mut choice = DefaultsChoice::default();
        let fields = [&mut choice.dashboard, &mut choice.digest_email, &mut choice.outlook_add_in];
        *fields.into_iter().nth(feature).unwrap() = Some(on);
        self.sandbox.set_default(&choice).unwrap();
    }

    async fn store(&self) -> Store {
        let place = Place::Memory(self.memory.clone());
        Store::open(&place, TENANT, WhenMissing::Create(Uuid::nil())).await.unwrap()
    }

    /// Takes the lock, and waits for that of a process that died to expire.
    async fn lock(&self, store: &Store) -> Lease {
        match store.lock("a history", &self.clock).await {
            Err(StoreError::Locked { .. }) => {
                self.pass(1);
                store.lock("a history", &self.clock).await.unwrap()
            }
            lease => lease.unwrap(),
        }
    }

    /// Looks and plans, as every command does.
    async fn look(&self, manifest: &Manifest, remembered: &Remembered) -> Look {
        let ledger = &remembered.ledger;
        let membership = self.reader.membership(&manifest.selectors()).await.unwrap();
        let desired = manifest.resolve(&membership, &InForce::default()).unwrap();
        let scope = Scope::of(&desired, ledger);
        let actual = self.reader.observe_scope(&scope).await.unwrap();
        let now = self.clock.now();
        let context = Context {
            now,
            as_of: now,
            manifest: manifest.digest().to_owned(),
            store: self.store().await.id().map(str::to_owned),
            keeps_ledger: true,
            newest_run: remembered.newest_run(),
            re_pin: false,
            speed: Speed::default(),
        };
        let plan = plan(&desired, &actual, ledger, &context);
        Look { desired, actual, plan }
    }

    /// Plans, and writes nothing.
    pub(crate) async fn plan(&self, declared: &Declared) -> Look {
        let manifest = read(declared);
        let remembered = self.store().await.ledger(&manifest.settle(), &self.clock).await.unwrap();
        self.look(&manifest, &remembered).await
    }

    /// Plans and applies, until the end or until the process dies.
    pub(crate) async fn run(&mut self, declared: &Declared, fault: Fault) -> Ran {
        let manifest = read(declared);
        let settle = manifest.settle();
        let store = self.store().await;
        let lease = self.lock(&store).await;
        let remembered = store.ledger(&settle, &self.clock).await.unwrap();
        let look = self.look(&manifest, &remembered).await;
        let run = store.begin_run(lease, remembered, &look.plan, &settle, &self.clock).await.unwrap();
        let writer = Writer::new(self.reader.clone());
        let (stop, mut events) = (Stop::default(), drop);
        self.wire.fault(fault);
        let limit = FailureLimit::default();
        let applied = {
            let applying = apply(&look.plan, &writer, run, &self.clock, limit, &mut events, &stop);
            tokio::select! {
                biased;
                () = self.wire.died() => None,
                applied = applying => Some(applied.unwrap()),
            }
        };
        self.wire.fault(Fault::None);
        if applied.is_none() {
            self.reader = connect(&self.wire, &self.clock).await;
        }
        let all = self.sandbox.writes();
        let new = all[self.written..].to_vec();
        self.written = all.len();
        Ran { look, report: applied, writes: new }
    }
}

fn read(declared: &Declared) -> Manifest {
    let text = declared.yaml(&TENANT.to_string());
    manifest::parse(&text, &[]).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
}

/// Gives the place of a setting in [`SETTINGS`].
pub(crate) fn place(setting: Setting) -> Option<usize> {
    SETTINGS.iter().position(|word| *word == setting.word())
}
