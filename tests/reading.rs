//! Drives the reader and the writer against the sandbox, over the wire.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use insightctl::clock::Clock;
use insightctl::microsoft::{
    Ask, Credential, Endpoints, LicenceWrite, PersonWrite, Reader, Reading, Sent, WriteError, Writer,
};
use insightctl::model::{
    Feature, GroupId, Kind, Known, Members, Mode, PersonId, Rate, Refusal, RefusalKind, Selector,
    ServicePlan, ServicePlanId, Settings, SkuId, Switch, TenantId, TenantSetting, Value,
};
use insightctl::plan::LicenceChange;
use insightctl::plan::calls::{Set, Which};
use insightctl::sandbox::{Options, Sandbox, Source};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::{Uuid, uuid};

const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
const P2: ServicePlanId = ServicePlanId(uuid!("33c4f319-9bdd-48d6-9c4d-410b750a4a5a"));
const EA: ServicePlanId = ServicePlanId(uuid!("34c0d7a0-a70f-4668-9238-47f9fc208882"));
const E5: SkuId = SkuId(uuid!("06ebc4ee-1bb5-47dd-8120-11324bc54e06"));
const LICENSING: GroupId = GroupId(uuid!("00000000-0000-4000-8000-000000000053"));
const APP: &str = "00000000-0000-0000-0000-00000000c0de";
const WEAK: &str = "00000000-0000-0000-0000-00000000beef";
const NOON: i64 = 1_790_000_000;

const ALL: Ask = Ask { settings: true, tenant_settings: true, count_people: true };

/// Makes the object id of person `n`.
fn id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + n))
}

const ADA: u128 = 1;
const BEN: u128 = 2;
const TIP: u128 = 3;
const GUEST: u128 = 4;
const EVE: u128 = 5;
const DORA: u128 = 6;

fn tenant() -> serde_json::Value {
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [
            { "clientId": APP, "secret": "word",
              "roles": ["User.Read.All", "GroupMember.Read.All", "Organization.Read.All",
                        "LicenseAssignment.ReadWrite.All", "Exchange.ManageAsApp"],
              "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"] },
            { "clientId": WEAK, "secret": "word",
              "roles": ["User.Read.All", "GroupMember.Read.All", "Organization.Read.All", "Exchange.ManageAsApp"],
              "wids": ["f2ef992c-3afb-46b9-b7cf-a126ee74c451"] },
        ],
        "skus": [
            { "skuId": E5, "skuPartNumber": "SPE_E5", "enabled": 25, "servicePlans": [
                { "servicePlanId": P2, "servicePlanName": "MYANALYTICS_P2" },
                { "servicePlanId": EA, "servicePlanName": "EXCHANGE_ANALYTICS" },
                { "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929", "servicePlanName": "TEAMS1" },
                { "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE" }] },
        ],
        "groups": [
            { "displayName": "Sales", "mail": "sales@contoso.com", "members": ["ada@contoso.com", "o'neill@contoso.com"] },
            { "displayName": "Everyone", "members": ["sales@contoso.com", "ben@contoso.com", "ada@contoso.com"] },
            { "id": LICENSING, "displayName": "Licences E5", "members": ["ben@contoso.com"],
              "licenses": [{ "sku": "SPE_E5", "off": ["EXCHANGE_ANALYTICS"] }] },
            { "displayName": "Secret", "visibility": "HiddenMembership", "members": ["ada@contoso.com"] },
            { "id": id(71), "displayName": "Twins", "mail": "one@contoso.com" },
            { "id": id(72), "displayName": "Twins", "mail": "two@contoso.com" },
            { "displayName": "Nobody" },
        ],
        "users": [
            { "id": id(ADA), "userPrincipalName": "Ada@contoso.com", "mail": "Ada.Lovelace@contoso.com", "displayName": "Ada Lovelace",
              "department": "Sales", "usageLocation": "GB", "licenses": ["SPE_E5"] },
            { "id": id(BEN), "userPrincipalName": "ben@contoso.com", "mail": "ben@contoso.com", "displayName": "Ben Ölçek",
              "department": "sales", "usageLocation": "TR", "insights": { "mode": "opt-out" } },
            { "id": id(TIP), "userPrincipalName": "o'neill@contoso.com", "mail": "o'neill@contoso.com", "displayName": "Tip O'Neill",
              "department": "Legal", "usageLocation": "US", "licenses": ["SPE_E5"], "accountEnabled": false },
            { "id": id(GUEST), "userPrincipalName": "guest_fabrikam.com#EXT#@contoso.onmicrosoft.com", "mail": "guest@fabrikam.com",
              "displayName": "A Guest", "userType": "Guest" },
            { "id": id(EVE), "userPrincipalName": "eve@contoso.com", "mail": "eve@contoso.com", "displayName": "Eve", "refused": true },
            { "id": id(DORA), "userPrincipalName": "$dora@contoso.com", "displayName": "Dora" },
        ],
    })
}

/// Is a sandbox, the addresses at which it is found, and two clocks: the sandbox's, and ours that stands still.
struct Stage {
    sandbox: Sandbox,
    endpoints: Endpoints,
    theirs: Arc<AtomicI64>,
    ours: Clock,
}

impl Stage {
    async fn new(world: &str) -> Self {
        Self::with(world, tenant()).await
    }

    async fn with(world: &str, tenant: serde_json::Value) -> Self {
        let theirs = Arc::new(AtomicI64::new(NOON));
        let clock = Arc::clone(&theirs);
        let clock = Arc::new(move || clock.load(Ordering::SeqCst));
        let mut options = Options::new(Source::Value(tenant), clock);
        options.world = world.parse().unwrap();
        let sandbox = Sandbox::start(options).await.unwrap();
        let at = |service: &str| format!("{}/{service}", sandbox.url());
        let endpoints = Endpoints { login: at("login"), graph: at("graph"), exchange: at("exchange") };
        let ours = Clock::still(jiff::Timestamp::from_second(NOON).unwrap());
        Self { sandbox, endpoints, theirs, ours }
    }

    async fn connect(&self) -> Reader {
        self.connect_as(APP, TENANT).await.unwrap()
    }

    async fn connect_as(&self, client_id: &str, tenant: TenantId) -> Result<Reader, Refusal> {
        let credential =
            Credential::ClientSecret { client_id: client_id.to_owned(), secret: "word".to_owned().into() };
        Reader::connect(self.endpoints.clone(), tenant, credential, self.ours.clone(), None).await
    }

    /// Counts requests to routes whose name contains a word.
    fn asked(&self, word: &str) -> u64 {
        self.sandbox.requests().iter().filter(|(route, _)| route.contains(word)).map(|(_, count)| count).sum()
    }
}

fn user(upn: &str) -> Selector {
    Selector::User(upn.to_owned())
}

fn mail(mail: &str) -> Selector {
    Selector::Mail(mail.to_owned())
}

fn group(name: &str) -> Selector {
    Selector::Group(name.to_owned())
}

fn filter(filter: &str) -> Selector {
    Selector::Filter(filter.to_owned())
}

fn licence(name: &str) -> Selector {
    Selector::Licence(name.to_owned())
}

fn are(people: &[u128]) -> Members {
    Members::Are(people.iter().map(|n| id(*n)).collect())
}

async fn resolve(reader: &Reader, selectors: &[Selector]) -> Vec<Known<Members>> {
    let asked: BTreeSet<Selector> = selectors.iter().cloned().collect();
    let membership = reader.membership(&asked).await.unwrap();
    assert_eq!(membership.of.len(), asked.len(), "every selector has an answer");
    selectors.iter().map(|selector| membership.of[selector].clone()).collect()
}

async fn people(reader: &Reader, numbers: &[u128]) -> BTreeMap<PersonId, insightctl::model::ActualPerson> {
    reader.observe(&numbers.iter().map(|n| id(*n)).collect(), ALL).await.unwrap().people
}

fn kind<T: std::fmt::Debug>(known: &Known<T>) -> RefusalKind {
    match known {
        Known::Unknown(why) => why.kind,
        Known::Is(value) => panic!("it was read: {value:?}"),
    }
}

#[tokio::test]
async fn every_selector_stands_for_somebody() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let expected = [
        (Selector::Id(id(ADA)), are(&[ADA])),
        (Selector::Id(id(99)), Members::NoSuchPerson),
        (user("ada@contoso.com"), are(&[ADA])),
        (user("o'neill@contoso.com"), are(&[TIP])),
        (user("$dora@contoso.com"), are(&[DORA])),
        (user("guest_fabrikam.com#ext#@contoso.onmicrosoft.com"), are(&[GUEST])),
        (user("gone@contoso.com"), Members::NoSuchPerson),
        (mail("ada.lovelace@contoso.com"), are(&[ADA])),
        (mail("o'neill@contoso.com"), are(&[TIP])),
        (mail("gone@contoso.com"), Members::NoSuchPerson),
        (group("Sales"), are(&[ADA, TIP])),
        (group("sales@contoso.com"), are(&[ADA, TIP])),
        (group("Everyone"), are(&[ADA, BEN, TIP])),
        (group(&LICENSING.to_string()), are(&[BEN])),
        (group("Nobody"), are(&[])),
        (group("Gone"), Members::Gone),
        (group("gone@contoso.com"), Members::Gone),
        (group(&Uuid::from_u128(7).to_string()), Members::Gone),
        (group("Twins"), Members::Ambiguous(2)),
        (filter("department eq 'Sales'"), are(&[ADA, BEN])),
        (filter("not(department eq 'Sales') and accountEnabled eq false"), are(&[TIP])),
        (licence("spe_e5"), are(&[ADA, BEN, TIP])),
        (licence("EXCHANGE_ANALYTICS"), are(&[ADA, TIP])),
        (licence(&P2.0.to_string()), are(&[ADA, BEN, TIP])),
        (licence("SPE_E3"), Members::Gone),
    ];
    let selectors: Vec<Selector> = expected.iter().map(|(selector, _)| selector.clone()).collect();
    for ((selector, members), found) in expected.iter().zip(resolve(&reader, &selectors).await) {
        assert_eq!(found, Known::Is(members.clone()), "{selector:?}");
    }
    let everyone = resolve(&reader, &[Selector::Everyone]).await;
    assert_eq!(everyone, [Known::Is(are(&[ADA, BEN, TIP, GUEST, EVE, DORA]))]);
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_not_nobody() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let selectors = [group("Secret"), filter("shoeSize eq 43"), filter("department eq"), group("Sales")];
    let found = resolve(&reader, &selectors).await;
    assert_eq!(kind(&found[0]), RefusalKind::Forbidden, "hidden members");
    assert_eq!(kind(&found[1]), RefusalKind::BadRequest, "no such property");
    assert_eq!(kind(&found[2]), RefusalKind::BadRequest, "no sentence");
    assert_eq!(found[3], Known::Is(are(&[ADA, TIP])), "the others are none the worse");
}

#[tokio::test]
async fn small_and_empty_pages_change_nothing() {
    let stage = Stage::new("page-size=1,empty-pages=on").await;
    let reader = stage.connect().await;
    let selectors = [
        Selector::Everyone,
        group("Everyone"),
        filter("department eq 'Sales'"),
        mail("ben@contoso.com"),
        group("Twins"),
    ];
    let found = resolve(&reader, &selectors).await;
    assert_eq!(found[0], Known::Is(are(&[ADA, BEN, TIP, GUEST, EVE, DORA])));
    assert_eq!(found[1], Known::Is(are(&[ADA, BEN, TIP])));
    assert_eq!(found[2], Known::Is(are(&[ADA, BEN])));
    assert_eq!(found[3], Known::Is(are(&[BEN])));
    assert_eq!(found[4], Known::Is(Members::Ambiguous(2)));
}

#[tokio::test]
async fn many_names_are_answered_by_one_listing() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let mut selectors: Vec<Selector> = (0..50).map(|n| user(&format!("u{n}@contoso.com"))).collect();
    selectors.extend([user("ben@contoso.com"), mail("ada.lovelace@contoso.com"), Selector::Id(id(EVE))]);
    let found = resolve(&reader, &selectors).await;
    assert!(found[..50].iter().all(|members| *members == Known::Is(Members::NoSuchPerson)));
    assert_eq!(found[50..], [are(&[BEN]), are(&[ADA]), are(&[EVE])].map(Known::Is));
    assert_eq!(stage.asked("/users/*"), 0, "nobody was asked for by name: {:?}", stage.sandbox.requests());
}

#[tokio::test]
async fn nobody_is_read_twice() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let before = stage.sandbox.requests();
    resolve(&reader, &[group("Everyone"), user("ada@contoso.com"), user("eve@contoso.com")]).await;
    people(&reader, &[ADA, BEN, TIP, EVE]).await;
    let read = |before: &BTreeMap<String, u64>| {
        let after = stage.sandbox.requests();
        after
            .iter()
            .map(|(route, count)| (route.clone(), count - before.get(route).copied().unwrap_or_default()))
            .filter(|(route, count)| *count > 0 && route.ends_with("/users/*"))
            .map(|(_, count)| count)
            .sum::<u64>()
    };
    assert_eq!(read(&before), 1, "only Eve was in no group: {:?}", stage.sandbox.requests());

    let between = stage.sandbox.requests();
    people(&reader, &[ADA]).await;
    assert_eq!(read(&between), 1, "another reading looks again");
}

#[tokio::test]
async fn people_are_seen_as_they_are() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let everyone: BTreeSet<PersonId> = [ADA, BEN, TIP, GUEST, EVE, DORA, 99].map(id).into_iter().collect();
    let actual = reader.observe(&everyone, ALL).await.unwrap();
    assert_eq!((actual.tenant.id, &*actual.tenant.name), (TENANT, "Contoso"));
    assert_eq!(actual.tenant.people, Known::Is(4), "enabled members: Ada, Ben, Eve, Dora");
    assert_eq!(actual.people.len(), 6, "one is not in the directory");
    let all_on = Settings {
        mode: Mode::OptIn,
        dashboard: Switch::On,
        digest_email: Switch::On,
        outlook_add_in: Switch::On,
    };

    let ada = &actual.people[&id(ADA)];
    assert_eq!(
        (&*ada.upn, ada.kind, ada.enabled, ada.mailbox),
        ("Ada@contoso.com", Kind::Member, true, true)
    );
    assert_eq!(ada.settings, Known::Is(all_on));
    assert_eq!(ada.licences.service_plan(&actual.catalogue), Some(ServicePlan::Assigned));
    let ben = &actual.people[&id(BEN)];
    assert_eq!(ben.settings, Known::Is(Settings { mode: Mode::OptOut, ..all_on }));
    assert_eq!(ben.licences.service_plan(&actual.catalogue), Some(ServicePlan::Partial));
    assert_eq!(actual.catalogue.groups, BTreeMap::from([(LICENSING, "Licences E5".into())]));
    assert_eq!(kind(&actual.people[&id(EVE)].settings), RefusalKind::Forbidden, "for herself only");
    assert_eq!(actual.people[&id(EVE)].licences.service_plan(&actual.catalogue), None);
    for (who, why) in [(TIP, "disabled"), (GUEST, "a guest"), (DORA, "no mailbox")] {
        assert_eq!(kind(&actual.people[&id(who)].settings), RefusalKind::NotAsked, "{why}");
    }
    assert!(!actual.people[&id(DORA)].mailbox);
    assert!(Arc::ptr_eq(&ada.licences, &actual.people[&id(TIP)].licences), "equal licences are shared");

    assert_eq!(actual.tenant.settings.len(), 5, "the sampling rate cannot be read");
    assert!(actual.tenant.settings.values().all(|value| *value == Known::Is(Value::ON)));
}

#[tokio::test]
async fn nothing_is_read_that_was_not_asked_for() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let nothing = Ask { settings: false, tenant_settings: false, count_people: false };
    let actual = reader.observe(&BTreeSet::from([id(ADA)]), nothing).await.unwrap();
    assert_eq!(kind(&actual.people[&id(ADA)].settings), RefusalKind::NotAsked);
    assert_eq!(kind(&actual.tenant.people), RefusalKind::NotAsked);
    assert!(actual.tenant.settings.values().all(|value| kind(value) == RefusalKind::NotAsked));
    assert_eq!(stage.asked("InvokeCommand") + stage.asked("$count"), 0);
}

#[tokio::test]
async fn throttled_items_of_a_batch_are_asked_again_by_themselves() {
    let mut crowd = tenant();
    for n in 0..95 {
        let upn = format!("p{n}@contoso.com");
        let person = json!({ "id": id(1000 + n), "userPrincipalName": upn, "mail": upn, "displayName": upn });
        crowd["users"].as_array_mut().unwrap().push(person);
    }
    let stage = Stage::with("batch-429=3", crowd).await;
    let reader = stage.connect().await;
    let who: Vec<u128> = (1000..1095).collect();
    let read = people(&reader, &who).await;
    assert_eq!(read.len(), 95);
    assert!(read.values().all(|person| person.settings.known().is_some()));
    let asked = stage.asked("InvokeCommand");
    assert!(asked < 150, "only what was turned away: {:?}", stage.sandbox.requests());
}

#[tokio::test]
async fn progress_is_told_to_the_end() {
    let stage = Stage::new("page-size=2").await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&told);
    let credential = Credential::ClientSecret { client_id: APP.to_owned(), secret: "word".to_owned().into() };
    let on_reading: insightctl::microsoft::OnReading =
        Arc::new(move |reading| ear.lock().unwrap().push(reading));
    let reader =
        Reader::connect(stage.endpoints.clone(), TENANT, credential, stage.ours.clone(), Some(on_reading))
            .await
            .unwrap();
    resolve(&reader, &[Selector::Everyone, group("Sales")]).await;
    people(&reader, &[ADA, BEN, EVE]).await;
    let told = told.lock().unwrap();
    assert!(told.contains(&Reading::People { done: 6 }), "{told:?}");
    assert!(told.contains(&Reading::Groups { done: 2, of: 2 }), "{told:?}");
    assert_eq!(told.last(), Some(&Reading::Settings { done: 3, of: 3 }));
}

#[tokio::test]
async fn a_sign_in_that_fails_says_so_and_keeps_the_secret() {
    let stage = Stage::new("").await;
    let refusal = stage.connect_as("00000000-0000-0000-0000-00000000dead", TENANT).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::SignIn);
    assert!(refusal.message.contains("AADSTS700016"), "{refusal}");
    let other = TenantId(uuid!("aaaaaaaa-0000-4000-8000-000000000009"));
    let refusal = stage.connect_as(APP, other).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::SignIn);
    assert!(refusal.message.contains("AADSTS90002"), "{refusal}");
    let credential =
        Credential::ClientSecret { client_id: APP.to_owned(), secret: "hunter2".to_owned().into() };
    let refusal = Reader::connect(stage.endpoints.clone(), TENANT, credential, stage.ours.clone(), None)
        .await
        .unwrap_err();
    assert!(refusal.message.contains("AADSTS7000215"), "{refusal}");
    assert!(!format!("{refusal} {refusal:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_role_that_is_missing_leaves_settings_unknown_and_the_directory_known() {
    let stage = Stage::new("").await;
    let reader = stage.connect_as(WEAK, TENANT).await.unwrap();
    assert_eq!(resolve(&reader, &[user("ada@contoso.com")]).await, [Known::Is(are(&[ADA]))]);
    let actual = reader.observe(&BTreeSet::from([id(ADA)]), ALL).await.unwrap();
    assert_eq!(kind(&actual.people[&id(ADA)].settings), RefusalKind::Forbidden);
    assert!(actual.tenant.settings.values().all(|value| kind(value) == RefusalKind::Forbidden));
}

#[tokio::test]
async fn a_token_that_ends_during_a_run_is_renewed() {
    let stage = Stage::new("").await;
    let reader = stage.connect().await;
    let signed_in = stage.asked("token");
    // Their clock runs on and ours does not, so that only the refusal can tell us.
    stage.theirs.fetch_add(2 * 3600, Ordering::SeqCst);
    assert!(people(&reader, &[ADA, BEN]).await.values().all(|person| person.settings.known().is_some()));
    assert_eq!(
        stage.asked("token"),
        signed_in + 2,
        "once for each service, however many requests were refused"
    );
    // And when our clock does tell, no request is refused in the first place.
    stage.ours.advance(jiff::SignedDuration::from_hours(2));
    reader.tenant_settings().await;
    assert_eq!(stage.asked("token"), signed_in + 3);
}

fn write(n: u128, upn: &str, mode: Option<Mode>, feature: Option<(Which, Switch)>) -> PersonWrite {
    PersonWrite { id: id(n), upn: upn.into(), set: Set { mode, feature } }
}

#[tokio::test]
async fn writes_are_taken_and_seen() {
    let stage = Stage::new("").await;
    let writer = Writer::new(stage.connect().await);
    let sent = writer
        .set_people(&[
            write(ADA, "Ada@contoso.com", Some(Mode::OptOut), None),
            write(
                BEN,
                "ben@contoso.com",
                Some(Mode::OptIn),
                Some((Which::One(Feature::OutlookAddIn), Switch::Off)),
            ),
            write(EVE, "eve@contoso.com", None, Some((Which::All, Switch::Off))),
            write(99, "gone@contoso.com", Some(Mode::OptOut), None),
            write(98, " ", Some(Mode::OptOut), None),
        ])
        .await;
    assert_eq!((&sent[0].result, &sent[1].result), (&Ok(()), &Ok(())));
    assert!(sent[0].request_id.is_some());
    let refused = |sent: &Sent| match &sent.result {
        Err(WriteError::Refused(refusal)) => (refusal.kind, sent.attempts),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&sent[2]), (RefusalKind::Forbidden, 1));
    assert_eq!(refused(&sent[3]), (RefusalKind::Missing, 1));
    assert_eq!(refused(&sent[4]), (RefusalKind::BadRequest, 0), "nobody's name is never sent");

    let again = [(id(BEN), "ben@contoso.com".into()), (id(ADA), "Ada@contoso.com".into())];
    let seen = writer.reader().people_settings(&again).await;
    let ben = seen[0].known().unwrap();
    assert_eq!((ben.mode, ben.dashboard, ben.outlook_add_in), (Mode::OptIn, Switch::On, Switch::Off));
    assert_eq!(seen[1].known().unwrap().mode, Mode::OptOut);
    assert_eq!(stage.sandbox.writes().len(), 2);
}

#[tokio::test]
async fn the_tenants_defaults_are_taken_one_by_one() {
    let stage = Stage::new("").await;
    let writer = Writer::new(stage.connect().await);
    for setting in TenantSetting::ALL {
        let value = if setting == TenantSetting::SurveySamplingRate {
            Value::Rate(Rate::new(0.3).unwrap())
        } else {
            Value::OFF
        };
        assert_eq!(writer.set_tenant(setting, value).await.result, Ok(()), "{setting}");
    }
    let seen = writer.reader().tenant_settings().await;
    assert_eq!(seen.len(), 5);
    assert!(seen.values().all(|value| *value == Known::Is(Value::OFF)));
    assert_eq!(stage.sandbox.writes().len(), 6);
    let too_much = Value::Rate(Rate::new(0.9).unwrap());
    let sent = writer.set_tenant(TenantSetting::SurveySamplingRate, too_much).await;
    assert!(
        matches!(sent.result, Err(WriteError::Refused(refusal)) if refusal.kind == RefusalKind::BadRequest)
    );
}

#[tokio::test]
async fn licences_are_replaced_where_they_are_direct() {
    let stage = Stage::new("").await;
    let writer = Writer::new(stage.connect().await);
    let change = |n, disabled: &[ServicePlanId]| LicenceWrite {
        id: id(n),
        changes: vec![LicenceChange {
            sku: E5,
            name: "SPE_E5".into(),
            disabled_before: vec![],
            disabled_after: disabled.to_vec(),
        }],
    };
    let no_plan_of_it = ServicePlanId(uuid!("aaaaaaaa-0000-4000-8000-000000000009"));
    let changes = [change(ADA, &[P2, EA]), change(TIP, &[no_plan_of_it]), change(99, &[P2])];
    let sent = writer.assign_licences(&changes).await;
    assert_eq!(sent[0].result, Ok(()));
    let kinds: Vec<_> = sent[1..]
        .iter()
        .map(|sent| match &sent.result {
            Err(WriteError::Refused(refusal)) => refusal.kind,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [RefusalKind::BadRequest, RefusalKind::Missing]);

    let seen = writer.reader().people_licences(&[id(TIP), id(ADA), id(99)]).await;
    assert_eq!(seen[0].known().unwrap().0[0].disabled, []);
    assert_eq!(seen[1].known().unwrap().0[0].disabled, [P2, EA]);
    assert_eq!(kind(&seen[2]), RefusalKind::Missing);
}

/// Listens on a port of its own, reads each request, and answers it with these bytes or by hanging up.
async fn gateway(answer: &'static str) -> (String, Arc<AtomicU64>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                let mut some = vec![0; 65_536];
                if socket.read(&mut some).await.is_ok_and(|read| read > 0) {
                    counter.fetch_add(1, Ordering::SeqCst);
                    drop(socket.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    (url, requests)
}

/// Connects to the sandbox, except that settings are to be found elsewhere.
async fn with_settings_at(url: String) -> (Stage, Writer) {
    let mut stage = Stage::new("").await;
    stage.endpoints.exchange = url;
    let reader = stage.connect().await;
    (stage, Writer::new(reader))
}

const CLOSE: &str = "Connection: close\r\n";

#[tokio::test]
async fn a_write_without_an_answer_is_not_repeated_and_a_read_is() {
    let html = "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 26\r\n\r\n<html><title>no</title></h";
    let half = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n{\"responses\"";
    let odd = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>";
    assert!([html, half, odd].iter().all(|answer| answer.contains(CLOSE)));
    for answer in ["", html, half, odd] {
        let (url, requests) = gateway(answer).await;
        let (_stage, writer) = with_settings_at(url).await;
        let sent = writer.set_people(&[write(ADA, "ada@contoso.com", Some(Mode::OptOut), None)]).await;
        assert!(matches!(sent[0].result, Err(WriteError::Unanswered(_))), "{answer:?}: {sent:?}");
        assert_eq!((sent[0].attempts, requests.load(Ordering::SeqCst)), (1, 1), "{answer:?}");
        let seen = writer.reader().people_settings(&[(id(ADA), "ada@contoso.com".into())]).await;
        assert!(seen[0].known().is_none());
        let reads = requests.load(Ordering::SeqCst) - 1;
        assert_eq!(reads, if answer == odd { 1 } else { 5 }, "{answer:?}");
    }
}

#[tokio::test]
async fn a_write_that_never_left_is_refused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (_stage, writer) = with_settings_at(url).await;
    let sent = writer.set_people(&[write(ADA, "ada@contoso.com", Some(Mode::OptOut), None)]).await;
    assert!(
        matches!(&sent[0].result, Err(WriteError::Refused(refusal)) if refusal.kind == RefusalKind::Unreachable),
        "{sent:?}"
    );
    assert_eq!(sent[0].attempts, 5, "it was tried until patience ended");
}

#[tokio::test]
async fn a_plain_text_throttle_is_waited_for() {
    let crowded = "HTTP/1.1 429 Too Many\r\nConnection: close\r\nContent-Length: 76\r\n\r\n\
                   You have reached the maximum number of concurrent requests per tenant. Wait.";
    let (url, requests) = gateway(crowded).await;
    let (stage, writer) = with_settings_at(url).await;
    let began = stage.ours.now();
    let sent = writer.set_tenant(TenantSetting::Dashboard, Value::OFF).await;
    assert!(
        matches!(&sent.result, Err(WriteError::Refused(refusal)) if refusal.kind == RefusalKind::Throttled)
    );
    assert_eq!((sent.attempts, requests.load(Ordering::SeqCst)), (12, 12), "surely not done, so sent again");
    assert!(stage.ours.now().duration_since(began) >= jiff::SignedDuration::from_secs(60));
}

#[tokio::test]
async fn a_next_page_elsewhere_is_refused() {
    let mut stage = Stage::new("page-size=1").await;
    let (elsewhere, requests) = gateway("").await;
    // A proxy that claims the next page is at another address: the sandbox builds links from the Host header.
    let behind = stage.sandbox.url().to_owned();
    let rewrite = move |answer: String| answer.replace(&behind, &elsewhere);
    let front = impostor(stage.sandbox.url().to_owned(), rewrite).await;
    stage.endpoints.graph = format!("{front}/graph");
    let reader = stage.connect().await;
    let found = resolve(&reader, &[Selector::Everyone]).await;
    assert_eq!(kind(&found[0]), RefusalKind::Garbled);
    assert_eq!(requests.load(Ordering::SeqCst), 0, "no token went there");
}

#[tokio::test]
async fn one_person_who_cannot_be_read_stops_nobody_elses_reading() {
    let mut stage = Stage::new("").await;
    let refuse_ben = |answer: String| {
        let Ok(mut answer) = serde_json::from_str::<serde_json::Value>(&answer) else { return answer };
        for item in answer["responses"].as_array_mut().into_iter().flatten() {
            if item["body"]["id"] == id(BEN).to_string() {
                item["status"] = json!(400);
                item["body"] = json!({ "error": { "code": "BadRequest", "message": "not today" } });
            }
        }
        answer.to_string()
    };
    let front = impostor(stage.sandbox.url().to_owned(), refuse_ben).await;
    stage.endpoints.graph = format!("{front}/graph");
    let reader = stage.connect().await;
    let read = people(&reader, &[ADA, BEN, EVE]).await;
    assert_eq!(read.keys().copied().collect::<Vec<_>>(), [id(ADA), id(EVE)]);
}

/// Passes requests on, and rewrites the answers.
async fn impostor(
    behind: String,
    rewrite: impl Fn(String) -> String + Clone + Send + Sync + 'static,
) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Another test may have installed it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let routes = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let (client, behind, rewrite) = (client.clone(), behind.clone(), rewrite.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let mut onward =
                client.request(head.method, format!("{behind}{}", head.uri.path_and_query().unwrap()));
            for name in ["authorization", "content-type"] {
                if let Some(value) = head.headers.get(name) {
                    onward = onward.header(name, value);
                }
            }
            rewrite(onward.body(body).send().await.unwrap().text().await.unwrap())
        }
    });
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}
