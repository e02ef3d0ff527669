//! What all of these tests share: a small tenant, the addresses of its services, and two clocks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use insightctl::clock::Clock;
use insightctl::microsoft::{Ask, Connection, Credential, Endpoints, PersonWrite, Reader};
use insightctl::model::{
    GroupId, Known, Members, Mode, PersonId, Refusal, RefusalKind, Selector, ServicePlanId, SkuId, Switch,
    TenantId,
};
use insightctl::plan::calls::{Set, Which};
use insightctl::sandbox::{Options, Sandbox, Source};
use serde_json::json;
use uuid::{Uuid, uuid};

pub(crate) const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));
pub(crate) const P2: ServicePlanId = ServicePlanId(uuid!("33c4f319-9bdd-48d6-9c4d-410b750a4a5a"));
pub(crate) const EA: ServicePlanId = ServicePlanId(uuid!("34c0d7a0-a70f-4668-9238-47f9fc208882"));
pub(crate) const E5: SkuId = SkuId(uuid!("06ebc4ee-1bb5-47dd-8120-11324bc54e06"));
pub(crate) const LICENSING: GroupId = GroupId(uuid!("00000000-0000-4000-8000-000000000053"));
pub(crate) const APP: &str = "00000000-0000-0000-0000-00000000c0de";
pub(crate) const WEAK: &str = "00000000-0000-0000-0000-00000000beef";
/// Proves itself by a certificate or by federated tokens; its secret has expired.
pub(crate) const PROVEN: &str = "00000000-0000-0000-0000-00000000ce27";
/// Was granted nothing of the directory.
pub(crate) const POWERLESS: &str = "00000000-0000-0000-0000-000000000bad";
pub(crate) const DISABLED: &str = "00000000-0000-0000-0000-0000000000ff";
pub(crate) const NOON: i64 = 1_790_000_000;
pub(crate) const ALL: Ask = Ask { settings: true, tenant_settings: true, count_people: true };

/// Makes the object id of person `n`.
pub(crate) fn id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(0x4000_8000_0000_0000_0000 + n))
}

pub(crate) const ADA: u128 = 1;
pub(crate) const BEN: u128 = 2;
pub(crate) const TIP: u128 = 3;
pub(crate) const GUEST: u128 = 4;
pub(crate) const EVE: u128 = 5;
pub(crate) const DORA: u128 = 6;

pub(crate) fn tenant() -> serde_json::Value {
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [
            { "clientId": PROVEN, "secret": "old", "secretEnds": "2026-01-01T00:00:00Z",
              "certificates": ["_zZSEjxjAgFCYzBMq2peSUBKlmRsbc6nfIBcKBEdFH4"],
              "federatedCredentials": [
                  { "issuer": "https://token.actions.githubusercontent.com", "subject": "repo:contoso/insights:ref:refs/heads/main" },
                  { "issuer": "https://vstoken.dev.azure.com/00000000-0000-4000-8000-0000000000d0", "subject": "sc://contoso/insights/apply" }],
              "roles": ["User.Read.All", "GroupMember.Read.All", "Organization.Read.All", "Exchange.ManageAsApp"],
              "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"] },
            { "clientId": POWERLESS, "secret": "word", "roles": ["Exchange.ManageAsApp"] },
            { "clientId": DISABLED, "secret": "word", "disabled": true, "roles": [] },
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
              "department": "Sales", "jobTitle": "Analyst", "preferredLanguage": "en-GB", "manager": "ben@contoso.com",
              "usageLocation": "GB", "licenses": ["SPE_E5"] },
            { "id": id(BEN), "userPrincipalName": "ben@contoso.com", "mail": "ben@contoso.com", "displayName": "Ben Ölçek",
              "department": "sales", "preferredLanguage": "en-GB", "usageLocation": "TR", "insights": { "mode": "opt-out" } },
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
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) endpoints: Endpoints,
    pub(crate) theirs: Arc<AtomicI64>,
    pub(crate) ours: Clock,
}

impl Stage {
    pub(crate) async fn new(world: &str) -> Self {
        Self::with(world, tenant()).await
    }

    pub(crate) async fn with(world: &str, tenant: serde_json::Value) -> Self {
        let theirs = Arc::new(AtomicI64::new(NOON));
        let clock = Arc::clone(&theirs);
        let clock = Arc::new(move || clock.load(Ordering::SeqCst));
        let mut options = Options::new(Source::Value(tenant), clock);
        options.world = world.parse().unwrap();
        let sandbox = Sandbox::start(options).await.unwrap();
        let endpoints = Endpoints::of_sandbox(sandbox.url());
        let ours = Clock::still(jiff::Timestamp::from_second(NOON).unwrap());
        Self { sandbox, endpoints, theirs, ours }
    }

    pub(crate) async fn connect(&self) -> Reader {
        self.connect_as(APP, TENANT).await.unwrap()
    }

    pub(crate) async fn connect_as(&self, client_id: &str, tenant: TenantId) -> Result<Reader, Refusal> {
        let credential =
            Credential::ClientSecret { client_id: client_id.to_owned(), secret: "word".to_owned().into() };
        self.connect_with(credential, tenant).await
    }

    pub(crate) async fn connect_with(
        &self,
        credential: Credential,
        tenant: TenantId,
    ) -> Result<Reader, Refusal> {
        Reader::connect(Connection::new(tenant, self.endpoints.clone(), credential), self.ours.clone()).await
    }

    /// Counts requests to routes whose name contains a word.
    pub(crate) fn asked(&self, word: &str) -> u64 {
        self.sandbox.requests().iter().filter(|(route, _)| route.contains(word)).map(|(_, count)| count).sum()
    }
}

pub(crate) fn user(upn: &str) -> Selector {
    Selector::User(upn.to_owned())
}

pub(crate) fn mail(mail: &str) -> Selector {
    Selector::Mail(mail.to_owned())
}

pub(crate) fn group(name: &str) -> Selector {
    Selector::Group(name.to_owned())
}

pub(crate) fn filter(filter: &str) -> Selector {
    Selector::Filter(filter.to_owned())
}

pub(crate) fn licence(name: &str) -> Selector {
    Selector::Licence(name.to_owned())
}

pub(crate) fn are(people: &[u128]) -> Members {
    Members::Are(people.iter().map(|n| id(*n)).collect())
}

pub(crate) async fn resolve(reader: &Reader, selectors: &[Selector]) -> Vec<Known<Members>> {
    let asked: BTreeSet<Selector> = selectors.iter().cloned().collect();
    let membership = reader.membership(&asked).await.unwrap();
    assert_eq!(membership.of.len(), asked.len(), "every selector has an answer");
    selectors.iter().map(|selector| membership.of[selector].clone()).collect()
}

pub(crate) async fn people(
    reader: &Reader,
    numbers: &[u128],
) -> BTreeMap<PersonId, insightctl::model::ActualPerson> {
    reader.observe(&numbers.iter().map(|n| id(*n)).collect(), ALL).await.unwrap().people
}

pub(crate) fn kind<T: std::fmt::Debug>(known: &Known<T>) -> RefusalKind {
    match known {
        Known::Unknown(why) => why.kind,
        Known::Is(value) => panic!("it was read: {value:?}"),
    }
}

pub(crate) fn write(n: u128, upn: &str, mode: Option<Mode>, feature: Option<(Which, Switch)>) -> PersonWrite {
    PersonWrite { id: id(n), upn: upn.into(), set: Set { mode, feature } }
}
