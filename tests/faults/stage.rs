//! Sets the stage: a small tenant, the real client, planner, apply engine and store, and a clock that stands still.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use insightctl::apply::{FailureLimit, Report, Stop, apply};
use insightctl::clock::Clock;
use insightctl::manifest::{self, Manifest};
use insightctl::microsoft::{Connection, Credential, Endpoints, Reader, Writer};
use insightctl::model::rollout::InForce;
use insightctl::model::{ActualState, DesiredState, Ledger, PersonId, TenantId, TenantSetting, Value};
use insightctl::plan::budget::Speed;
use insightctl::plan::{Context, Plan, Scope, plan};
use insightctl::sandbox::{Call, Options, Sandbox, Settings, Source, Write};
use insightctl::store::{Place, Remembered, Store, WhenMissing};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use uuid::{Uuid, uuid};

const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
const APP: &str = "00000000-0000-0000-0000-00000000c0de";
const NOON: i64 = 1_790_000_000;

/// Is how many people there are.
pub(crate) const PEOPLE: usize = 9;

/// Is who gives a setting their own value in some cases: one of the pilot, whose dashboard is pinned.
pub(crate) const PINNED: usize = 3;

/// Is what people end with when nobody interferes: mode, dashboard, digest e-mail, Outlook add-in.
pub(crate) const END: [[bool; 4]; PEOPLE] = [
    [false, false, true, true], // council: opted out, features follow the defaults
    [false, false, true, true], // contractors: the same, and the service plan is removed
    [true, true, true, false],  // back: an opt-out of ours is undone
    [true, true, false, true], // pilot: dashboard pinned, digest switched off, the add-in moves with its default
    [true, false, false, true], // pilot: has switched the dashboard off
    [true, false, true, true], // licensed: gets the service plan back
    [false, false, true, true], // pilot: has opted out, which nobody undoes
    [true, false, true, false], // strict: has chosen the add-in, and is overridden
    [true, false, true, true], // in no group
];

/// The manifest of the first chapter: somebody is opted out, by us.
const BEFORE: &str = "
version: 1
tenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301, name: contoso.onmicrosoft.com }
groups:
  - { name: back, mode: opt-out, members: [ { user: p2@contoso.com } ] }
";

/// The manifest of the second: it needs every kind of read and of write.
const AFTER: &str = "
version: 1
tenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301, name: contoso.onmicrosoft.com }
defaults:
  dashboard: off
  outlook-add-in: on
  meeting-survey: { enabled: on, sampling-rate: 0.3 }
groups:
  - { name: council, mode: opt-out, members: [ { group: council@contoso.com } ] }
  - name: contractors
    mode: opt-out
    service-plan: removed
    members: [ { user: p1@contoso.com } ]
  - name: back
    mode: opt-in
    features: { dashboard: on, digest-email: on, outlook-add-in: off }
    members: [ { user: p2@contoso.com } ]
  - name: pilot
    mode: opt-in
    features: { dashboard: on, digest-email: off, outlook-add-in: on }
    members: [ { filter: \"department eq 'Sales'\" } ]
  - { name: licensed, service-plan: assigned, members: [ { user: p5@contoso.com } ] }
  - name: strict
    features: { outlook-add-in: off }
    on-user-choice: override
    members: [ { user: p7@contoso.com } ]
";

/// Makes the object id of a person.
pub(crate) fn id(who: usize) -> PersonId {
    PersonId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + who as u128))
}

pub(crate) fn upn(who: usize) -> String {
    format!("p{who}@contoso.com")
}

fn tenant(ours: bool) -> Json {
    let user = |who: usize| {
        let chosen = match who {
            6 => json!({ "mode": "opt-out" }),
            // What the first chapter has done.
            2 if ours => json!({ "mode": "opt-out" }),
            4 => json!({ "dashboard": false }),
            7 => json!({ "addIn": true }),
            _ => json!({}),
        };
        let licence = if who == 5 {
            json!({ "sku": "SPE_E5", "off": ["MYANALYTICS_P2", "EXCHANGE_ANALYTICS"] })
        } else {
            json!("SPE_E5")
        };
        json!({
            "id": id(who), "userPrincipalName": upn(who), "mail": upn(who), "displayName": format!("Person {who}"),
            "department": if [3, 4, 6].contains(&who) { "Sales" } else { "Legal" },
            "usageLocation": "GB", "licenses": [licence], "insights": chosen,
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
        "defaults": { "dashboard": true, "digestEmail": true, "addIn": false },
        "skus": [
            { "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "skuPartNumber": "SPE_E5", "enabled": 99, "servicePlans": [
                { "servicePlanId": "33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "servicePlanName": "MYANALYTICS_P2" },
                { "servicePlanId": "34c0d7a0-a70f-4668-9238-47f9fc208882", "servicePlanName": "EXCHANGE_ANALYTICS" },
                { "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929", "servicePlanName": "TEAMS1" },
                { "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE" }] },
        ],
        "groups": [ { "displayName": "Council", "mail": "council@contoso.com", "members": [upn(0)] } ],
        "users": (0..PEOPLE).map(user).collect::<Vec<_>>(),
    })
}

/// Is where every case begins: the tenant and the store after the first chapter.
#[derive(Debug)]
pub(crate) struct Scene {
    tenant: Json,
    store: tempfile::TempDir,
    pub(crate) manifest: Manifest,
}

impl Scene {
    /// Plays the first chapter, and makes sure that the tenant is as it is taken to be afterwards.
    pub(crate) async fn set() -> Self {
        let store = folder();
        let mut stage = Stage::open(tenant(false), store).await;
        let ran = stage.run(&manifest::parse(BEFORE, &[]).unwrap()).await;
        assert_eq!(ran.writes.len(), 1, "{ran:?}");
        let after = Stage::open(tenant(true), folder()).await;
        assert_eq!(stage.everyone(), after.everyone());
        let manifest = manifest::parse(AFTER, &[]).unwrap_or_else(|problems| panic!("{problems:?}"));
        Self { tenant: tenant(true), store: stage.folder, manifest }
    }

    /// Begins a case, an hour after the first chapter.
    pub(crate) async fn begin(&self) -> Stage {
        let folder = self::folder();
        copy(self.store.path(), folder.path());
        let stage = Stage::open(self.tenant.clone(), folder).await;
        stage.pass(60);
        stage
    }

    /// Plans and applies the second chapter.
    pub(crate) async fn run(&self, stage: &mut Stage) -> Ran {
        stage.run(&self.manifest).await
    }
}

/// Makes a folder, where there is one for which no disk has to be waited for.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy(&path, &to);
        } else {
            fs::copy(&path, to).unwrap();
        }
    }
}

/// Is everything that a case happens to.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    clock: Clock,
    folder: tempfile::TempDir,
    written: usize,
}

/// Is a run that came to its end.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) look: Look,
    pub(crate) plan: Plan,
    pub(crate) report: Report,
}

/// Is what is wanted, and what the tenant answered.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    desired: DesiredState,
    actual: ActualState,
}

impl Look {
    /// Gives the tenant's defaults, as far as they could be read.
    pub(crate) fn defaults(&self) -> BTreeMap<TenantSetting, Value> {
        let known = self.actual.tenant.settings.iter();
        known.filter_map(|(setting, value)| Some((*setting, *value.known()?))).collect()
    }
}

/// Is what became of one run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `Err`: so little could be read that no plan was made.
    pub(crate) done: Result<Done, String>,
    /// What the services took from us.
    pub(crate) writes: Vec<Write>,
    /// What we called.
    pub(crate) calls: Vec<Call>,
}

impl Stage {
    async fn open(tenant: Json, folder: tempfile::TempDir) -> Self {
        let clock = Clock::still(Timestamp::from_second(NOON).unwrap());
        let theirs = clock.clone();
        let now = Arc::new(move || theirs.now().as_second());
        let sandbox = Sandbox::start(Options::new(Source::Value(tenant), now)).await.unwrap();
        Self { sandbox, clock, folder, written: 0 }
    }

    pub(crate) fn pass(&self, minutes: i64) {
        self.clock.advance(SignedDuration::from_mins(minutes));
    }

    /// Gives what everybody has in truth, in the order of [`END`].
    pub(crate) fn everyone(&self) -> Vec<[bool; 4]> {
        let truth = |who| {
            let Settings { opt_in, dashboard, digest_email, outlook_add_in } =
                self.sandbox.settings(&upn(who)).unwrap();
            [opt_in, dashboard, digest_email, outlook_add_in]
        };
        (0..PEOPLE).map(truth).collect()
    }

    /// Signs in, plans and applies, as one run of the program does.
    async fn run(&mut self, manifest: &Manifest) -> Ran {
        let done = self.try_run(manifest).await;
        let all = self.sandbox.writes();
        let writes = all[self.written..].to_vec();
        self.written = all.len();
        Ran { done, writes, calls: self.sandbox.calls() }
    }

    /// Plans anew with what this case remembers, from a look at a tenant that is as this one is.
    pub(crate) async fn plan_from(&self, look: &Look, manifest: &Manifest) -> Plan {
        let store = self.store().await;
        let remembered = store.ledger(&manifest.settle(), &self.clock).await.unwrap();
        self.plan(look, manifest, &store, &remembered)
    }

    fn plan(&self, look: &Look, manifest: &Manifest, store: &Store, remembered: &Remembered) -> Plan {
        let now = self.clock.now();
        let context = Context {
            now,
            as_of: now,
            manifest: manifest.digest().to_owned(),
            store: store.id().map(str::to_owned),
            keeps_ledger: true,
            newest_run: remembered.newest_run(),
            re_pin: false,
            speed: Speed::default(),
        };
        plan(&look.desired, &look.actual, &remembered.ledger, &context)
    }

    async fn store(&self) -> Store {
        let place = Place::Folder(self.folder.path().to_owned());
        Store::open(&place, TENANT, WhenMissing::Create(Uuid::nil())).await.unwrap()
    }

    async fn look(&self, reader: &Reader, manifest: &Manifest, ledger: &Ledger) -> Result<Look, String> {
        let membership = reader.membership(&manifest.selectors()).await;
        let membership = membership.map_err(|refusal| refusal.to_string())?;
        let desired =
            manifest.resolve(&membership, &InForce::default()).map_err(|problems| format!("{problems:?}"))?;
        let scope = Scope::of(&desired, ledger);
        let actual = reader.observe_scope(&scope).await;
        Ok(Look { desired, actual: actual.map_err(|refusal| refusal.to_string())? })
    }

    async fn try_run(&self, manifest: &Manifest) -> Result<Done, String> {
        let settle = manifest.settle();
        let store = self.store().await;
        let lease = store.lock("a case", &self.clock).await.unwrap();
        let remembered = store.ledger(&settle, &self.clock).await.unwrap();
        let endpoints = Endpoints::of_sandbox(self.sandbox.url());
        let credential =
            Credential::ClientSecret { client_id: APP.to_owned(), secret: "word".to_owned().into() };
        let reader =
            Reader::connect(Connection::new(TENANT, endpoints, credential), self.clock.clone()).await;
        let reader = reader.map_err(|refusal| refusal.to_string())?;
        let look = self.look(&reader, manifest, &remembered.ledger).await?;
        let plan = self.plan(&look, manifest, &store, &remembered);
        let run = store.begin_run(lease, remembered, &plan, &settle, &self.clock).await.unwrap();
        let (writer, stop, mut events) = (Writer::new(reader), Stop::default(), drop);
        let limit = FailureLimit::default();
        let report = apply(&plan, &writer, run, &self.clock, limit, &mut events, &stop).await.unwrap();
        Ok(Done { look, plan, report })
    }
}
