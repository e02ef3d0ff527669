//! Imports generated tenants over the wire, and plans what was imported: nothing is left to do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends where something is not as it should be, and says what it measured"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use insightctl::clock::Clock;
use insightctl::import::{Candidate, Found, Imported, candidates, import};
use insightctl::manifest::{Manifest, Severity, parse};
use insightctl::microsoft::{Ask, Connection, Credential, Endpoints, Reader};
use insightctl::model::{Cloud, Known, Ledger, Members, PersonId, Selector, TenantId};
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

    async fn import(&self) -> Imported {
        let Self { reader, .. } = self;
        let profiles = reader.all_profiles().await.unwrap();
        let candidates: Vec<Candidate> =
            candidates(&reader.groups().await.unwrap(), 500, &profiles, &reader.products().await.unwrap());
        let selectors = candidates.iter().map(|candidate| candidate.selector.clone()).collect();
        let membership = reader.membership(&selectors).await.unwrap();
        let Known::Is(Members::Are(people)) = &membership.of[&Selector::Everyone] else {
            panic!("it was read")
        };
        let people: BTreeSet<PersonId> = people.iter().copied().collect();
        let ask = Ask { settings: true, tenant_settings: true, count_people: false };
        let actual = reader.observe(&people, ask).await.unwrap();
        let (name, cloud) = ("northwind.onmicrosoft.com", Cloud::default());
        import(&Found {
            name,
            cloud,
            actual: &actual,
            scope: None,
            candidates: &candidates,
            membership: &membership,
        })
    }

    async fn plan(&self, manifest: &Manifest) -> Plan {
        let Self { reader, clock, .. } = self;
        let membership = reader.membership(&manifest.selectors()).await.unwrap();
        let desired = manifest.resolve(&membership).unwrap();
        let ledger = Ledger::default();
        let scope = Scope::of(&desired, &ledger);
        let mut actual = reader.observe(&scope.people, Ask::from(&scope)).await.unwrap();
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

fn read(imported: &Imported) -> Manifest {
    let lists: Vec<(&str, &[u8])> =
        imported.lists.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let manifest = parse(&imported.manifest, &lists)
        .unwrap_or_else(|problems| panic!("{problems:?}\n{}", imported.manifest));
    assert_eq!(manifest.warnings().count(Severity::Warning), 0, "{}", imported.manifest);
    manifest
}

/// Imports a tenant and plans what was imported; gives the number of people, of groups, and of people named one by one.
async fn round_trip(tenant: Value) -> (u64, u64, u64) {
    let stage = Stage::of(tenant).await;
    let imported = stage.import().await;
    let plan = stage.plan(&read(&imported)).await;
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
    let began = Instant::now();
    let mut rows = Vec::new();
    for seed in 0..200 {
        let people = match seed {
            0 => 10_000,
            1..=4 => 1_000,
            5..=20 => 300,
            seed => 10 + seed % 90,
        };
        let groups = if seed == 0 { 200 } else { 6 + seed % 30 };
        rows.push(round_trip(tenant(people, groups, seed)).await);
    }
    for sizes in [0..50, 50..200, 200..2_000, 2_000..u64::MAX] {
        let rows: Vec<&(u64, u64, u64)> = rows.iter().filter(|row| sizes.contains(&row.0)).collect();
        let column = |pick: fn(&(u64, u64, u64)) -> u64| median(rows.iter().map(|row| pick(row)));
        let (people, groups, named) = (column(|row| row.0), column(|row| row.1), column(|row| row.2));
        eprintln!(
            "{} tenants: median of {people} people, {groups} groups, {named} people by name",
            rows.len()
        );
        assert!(named * 2 <= people && groups <= 80, "rules say more than lists would");
    }
    eprintln!("in {:?}", began.elapsed());
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
    round_trip(small(|tenant| each_user(tenant, |user| user["insights"] = json!({ "mode": "opt-out" }))))
        .await;
    round_trip(small(|tenant| {
        each_user(tenant, |user| user["licenses"] = json!([]));
        for group in tenant["groups"].as_array_mut().unwrap() {
            group["licenses"] = json!([]);
        }
    }))
    .await;
    round_trip(small(|tenant| {
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
    round_trip(small(|tenant| {
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
    round_trip(small(|tenant| {
        for group in tenant["groups"].as_array_mut().unwrap() {
            group["visibility"] = json!("HiddenMembership");
        }
    }))
    .await;
    round_trip(small(|tenant| {
        each_user(tenant, |user| {
            user["accountEnabled"] = json!(false);
            user["insights"] = json!({ "mode": "opt-out" });
        });
    }))
    .await;
    round_trip(small(|tenant| each_user(tenant, |user| user["refused"] = json!(true)))).await;
    round_trip(tenant(0, 0, 1)).await;
    round_trip(tenant(1, 1, 1)).await;
}

#[tokio::test]
async fn whom_the_service_does_not_speak_of_is_listed() {
    let stage = Stage::of(small(|tenant| each_user(tenant, |user| user["refused"] = json!(true)))).await;
    let imported = stage.import().await;
    let rows = imported.lists["people/not-read.csv"].lines().count() as u64 - 1;
    assert_eq!((imported.counts.not_read, imported.counts.groups), (rows, 0));
    assert!(rows > 30);
    stage.close().await;
}
