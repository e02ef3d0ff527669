//! Imports generated tenants over the wire, and plans what was imported: nothing is left to do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends where something is not as it should be, and says what it measured"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt;
use insightctl::clock::Clock;
use insightctl::import::{Found, Imported, candidates, import};
use insightctl::manifest::{Manifest, Severity, parse};
use insightctl::microsoft::{Ask, Connection, Credential, Endpoints, Reader};
use insightctl::model::{
    ActualState, Cloud, DesiredState, Known, Ledger, Members, Membership, PersonId, Selector, TenantId,
};
use insightctl::plan::budget::Speed;
use insightctl::plan::{Context, Plan, Scope, licensing_groups, plan};
use insightctl::sandbox::{Generate, Options, Sandbox, Source, generate};
use serde_json::{Value, json};

const NOON: i64 = 1_790_000_000;

/// Gives numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Makes a tenant in which departments and groups have habits that most of their people follow.
fn tenant(people: u64, groups: u64, seed: u64) -> Value {
    let mut text = Vec::new();
    generate(&Generate { people, groups, seed }, &mut text).unwrap();
    let mut tenant: Value = serde_json::from_slice(&text).unwrap();
    let mut dice = Dice(seed);
    let mut on = || dice.below(2) == 0;
    tenant["defaults"] = json!({ "dashboard": on(), "digestEmail": on(), "addIn": on() });
    let habit = |dice: &mut Dice| match dice.below(6) {
        0 => Some(json!({ "mode": "opt-out" })),
        1 => Some(json!({ "dashboard": false, "addIn": false, "digestEmail": false })),
        2 => Some(json!({ "dashboard": true, "addIn": true })),
        _ => None,
    };
    let mut habits = std::collections::BTreeMap::new();
    let everybody = if dice.below(10) == 0 { habit(&mut dice) } else { None };
    for user in tenant["users"].as_array_mut().unwrap() {
        let department = user["department"].as_str().unwrap_or_default().to_owned();
        let habit =
            habits.entry(department).or_insert_with(|| habit(&mut dice)).clone().or(everybody.clone());
        if let Some(habit) = habit
            && dice.below(10) > 0
        {
            user["insights"] = habit;
        }
    }
    tenant
}

/// Is what was imported, and what was read for it.
struct Read {
    imported: Imported,
    membership: Membership,
    actual: ActualState,
}

struct Stage {
    sandbox: Sandbox,
    reader: Reader,
    clock: Clock,
}

impl Stage {
    async fn of(tenant: Value) -> Self {
        let id: TenantId = serde_json::from_value(tenant["tenant"]["id"].clone()).unwrap();
        let sandbox = Sandbox::start(Options::new(Source::Value(tenant), Arc::new(|| NOON))).await.unwrap();
        let credential = Credential::ClientSecret {
            client_id: "00000000-0000-0000-0000-00000000c0de".to_owned(),
            secret: "sandbox".to_owned().into(),
        };
        let connection = Connection::new(id, Endpoints::of_sandbox(sandbox.url()), credential);
        let clock = Clock::still(jiff::Timestamp::from_second(NOON).unwrap());
        let reader = Reader::connect(connection, clock.clone()).await.unwrap();
        Self { sandbox, reader, clock }
    }

    async fn import(&self) -> Read {
        let Self { reader, .. } = self;
        let profiles = reader.all_profiles().await.unwrap();
        let (groups, products) = (reader.groups().await.unwrap(), reader.products().await.unwrap());
        let candidates = candidates(&groups, 500, &profiles, &products).candidates;
        let selectors = candidates.iter().map(|candidate| candidate.selector.clone()).collect();
        let membership = reader.membership(&selectors).await.unwrap();
        let Known::Is(Members::Are(people)) = &membership.of[&Selector::Everyone] else {
            panic!("it was read")
        };
        let people: BTreeSet<PersonId> = people.iter().copied().collect();
        let ask = Ask { settings: true, tenant_settings: true, count_people: false };
        let actual = reader.observe(&people, ask).await.unwrap();
        let (name, cloud) = ("northwind.onmicrosoft.com", Cloud::default());
        let found = Found {
            name,
            cloud,
            transport: None,
            actual: &actual,
            scope: None,
            candidates: &candidates,
            membership: &membership,
        };
        let began = Clock::system().elapsed();
        let imported = import(&found);
        if people.len() > 5_000 {
            eprintln!(
                "{} people and {} sets in {:?}",
                people.len(),
                candidates.len(),
                Clock::system().elapsed().saturating_sub(began)
            );
        }
        Read { imported, membership, actual }
    }

    /// Reads the tenant again for the manifest, and plans.
    async fn plan(&self, manifest: &Manifest) -> Plan {
        let membership = self.reader.membership(&manifest.selectors()).await.unwrap();
        let scope = Scope::of(&resolve(manifest, &membership), &Ledger::default());
        let actual = self.reader.observe(&scope.people, Ask::from(&scope)).await.unwrap();
        self.plan_of(manifest, &membership, actual).await
    }

    /// Plans on what the import has read, which nobody has changed since; asks for those only whom lists name.
    async fn plan_on(&self, manifest: &Manifest, mut membership: Membership, actual: ActualState) -> Plan {
        let named = manifest.selectors().into_iter().filter(|named| !membership.of.contains_key(named));
        membership.of.extend(self.reader.membership(&named.collect()).await.unwrap().of);
        self.plan_of(manifest, &membership, actual).await
    }

    async fn plan_of(&self, manifest: &Manifest, membership: &Membership, mut actual: ActualState) -> Plan {
        let Self { reader, clock, .. } = self;
        let desired = resolve(manifest, membership);
        let ledger = Ledger::default();
        let licensing = licensing_groups(&desired, &actual);
        actual.licensing = reader.licensing_groups(&licensing, &actual.people).await;
        let context = Context {
            now: clock.now(),
            as_of: clock.now(),
            manifest: manifest.digest().to_owned(),
            store: None,
            keeps_ledger: true,
            newest_run: 0,
            re_pin: false,
            speed: Speed::default(),
        };
        plan(&desired, &actual, &ledger, &context)
    }

    async fn close(self) {
        self.reader.close().await;
        self.sandbox.stop().await;
    }
}

fn resolve(manifest: &Manifest, membership: &Membership) -> DesiredState {
    manifest.resolve(membership, &insightctl::model::InForce::default()).unwrap()
}

fn read(imported: &Imported) -> Manifest {
    let lists: Vec<(&str, &[u8])> =
        imported.lists.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let manifest = parse(&imported.manifest, &lists)
        .unwrap_or_else(|problems| panic!("{problems:?}\n{}", imported.manifest));
    assert_eq!(manifest.warnings().count(Severity::Warning), 0, "{}", imported.manifest);
    manifest
}

/// Says what a plan stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// What the import has read.
    Once,
    /// The tenant, read again.
    Twice,
}

/// Imports a tenant and plans what was imported; gives the number of people, of groups, and of people named one by one.
async fn round_trip(tenant: Value, look: Look) -> (u64, u64, u64) {
    let stage = Stage::of(tenant).await;
    let Read { imported, membership, actual } = stage.import().await;
    let manifest = read(&imported);
    let plan = match look {
        Look::Once => stage.plan_on(&manifest, membership, actual).await,
        Look::Twice => stage.plan(&manifest).await,
    };
    assert!(plan.operations.is_empty(), "{:?}\n{}\n{:?}", plan.operations, imported.manifest, imported.lists);
    assert!(plan.licensing_groups.is_empty());
    stage.close().await;
    let counts = imported.counts;
    (counts.people, counts.groups, counts.by_name)
}

fn median(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers[numbers.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imported_from_two_hundred_tenants_leaves_nothing_to_do() {
    let began = Clock::system().elapsed();
    let trips = (0..200).map(async |seed| {
        let people = match seed {
            0 => 10_000,
            1 => 1_000,
            2..=5 => 300,
            seed => 10 + seed % 60,
        };
        let groups = if seed == 0 { 200 } else { 6 + seed % 30 };
        // Reading again costs as much as importing: every tenth shows that it makes no difference.
        let look = if seed % 10 == 1 { Look::Twice } else { Look::Once };
        round_trip(tenant(people, groups, seed), look).await
    });
    let rows: Vec<(u64, u64, u64)> = futures_util::stream::iter(trips).buffer_unordered(4).collect().await;
    for sizes in [0..40, 40..200, 200..2_000, 2_000..u64::MAX] {
        let rows: Vec<&(u64, u64, u64)> = rows.iter().filter(|row| sizes.contains(&row.0)).collect();
        let column = |pick: fn(&(u64, u64, u64)) -> u64| median(rows.iter().map(|row| pick(row)));
        let (people, groups, named) = (column(|row| row.0), column(|row| row.1), column(|row| row.2));
        eprintln!(
            "{} tenants: median of {people} people, {groups} groups, {named} people by name",
            rows.len()
        );
        assert!(named * 2 <= people && groups <= 80, "rules say more than lists would");
    }
    eprintln!("in {:?}", Clock::system().elapsed().saturating_sub(began));
}

async fn twice(tenant: Value) {
    round_trip(tenant, Look::Twice).await;
}

fn small(change: impl FnOnce(&mut Value)) -> Value {
    let mut small = tenant(60, 24, 7);
    change(&mut small);
    small
}

fn each_user(tenant: &mut Value, change: impl Fn(&mut Value)) {
    tenant["users"].as_array_mut().unwrap().iter_mut().for_each(change);
}

#[tokio::test]
async fn odd_tenants_leave_nothing_to_do_either() {
    twice(small(|tenant| each_user(tenant, |user| user["insights"] = json!({ "mode": "opt-out" })))).await;
    twice(small(|tenant| {
        each_user(tenant, |user| user["licenses"] = json!([]));
        for group in tenant["groups"].as_array_mut().unwrap() {
            group["licenses"] = json!([]);
        }
    }))
    .await;
    twice(small(|tenant| {
        for group in tenant["groups"].as_array_mut().unwrap() {
            group["displayName"] = json!("Twins");
            group.as_object_mut().unwrap().remove("mail");
            group["members"]
                .as_array_mut()
                .unwrap()
                .retain(|member| member.as_str().unwrap().matches('.').count() > 1);
        }
    }))
    .await;
    twice(small(|tenant| {
        each_user(tenant, |user| {
            user["department"] = json!("\"Sales\": - #1\n'{{O'Neill}}'\t&x");
            user["insights"] = json!({ "mode": "opt-out" });
        });
        for (n, group) in tenant["groups"].as_array_mut().unwrap().iter_mut().enumerate() {
            let mail = group.as_object_mut().unwrap().remove("mail");
            if let Some(mail) = mail {
                // What nests it goes by its address.
                group["mail"] = mail;
            } else {
                group["displayName"] = json!(format!("{n}: \"quoted\"\n- and 'more' #"));
            }
        }
    }))
    .await;
    twice(small(|tenant| {
        for group in tenant["groups"].as_array_mut().unwrap() {
            group["visibility"] = json!("HiddenMembership");
        }
    }))
    .await;
    twice(small(|tenant| {
        each_user(tenant, |user| {
            user["accountEnabled"] = json!(false);
            user["insights"] = json!({ "mode": "opt-out" });
        });
    }))
    .await;
    twice(small(|tenant| each_user(tenant, |user| user["refused"] = json!(true)))).await;
    twice(tenant(0, 0, 1)).await;
    twice(tenant(1, 1, 1)).await;
}

#[tokio::test]
async fn whom_the_service_does_not_speak_of_is_listed() {
    let stage = Stage::of(small(|tenant| each_user(tenant, |user| user["refused"] = json!(true)))).await;
    let Read { imported, .. } = stage.import().await;
    let rows = imported.lists["people/not-read.csv"].lines().count() as u64 - 1;
    assert_eq!((imported.counts.not_read, imported.counts.groups), (rows, 0));
    assert!(rows > 30);
    stage.close().await;
}
