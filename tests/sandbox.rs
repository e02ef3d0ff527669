//! Drives the sandbox as a stranger would: plain HTTP, section by section of the vendor's documents.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use insightctl::sandbox::{
    Choice, DefaultsChoice, Options, Sandbox, SandboxError, Source, World, play_person,
};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

const TENANT: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const P2: &str = "33c4f319-9bdd-48d6-9c4d-410b750a4a5a";
const EA: &str = "34c0d7a0-a70f-4668-9238-47f9fc208882";
const MAILBOX: &str = "efb87545-963c-4e0d-99df-69c6916d9eb0";
const E5: &str = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
const F3: &str = "66b55226-6b4f-492c-910c-a3b7a3c9d993";
const ADA: &str = "00000000-0000-4000-8000-0000000000a1";
const BEN: &str = "00000000-0000-4000-8000-0000000000b1";
const SALES: &str = "00000000-0000-4000-8000-000000000051";
const EVERYONE: &str = "00000000-0000-4000-8000-000000000052";
const LICENSING: &str = "00000000-0000-4000-8000-000000000053";

fn tenant() -> Value {
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [
            { "clientId": "00000000-0000-0000-0000-00000000c0de", "secret": "sandbox",
              "roles": ["User.Read.All", "GroupMember.Read.All", "Organization.Read.All",
                        "LicenseAssignment.ReadWrite.All", "Exchange.ManageAsApp"],
              "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"] },
            { "clientId": "00000000-0000-0000-0000-00000000dead", "secret": "reader",
              "roles": ["User.Read.All", "Exchange.ManageAsApp"], "wids": ["f2ef992c-3afb-46b9-b7cf-a126ee74c451"] },
        ],
        "skus": [
            { "skuId": E5, "skuPartNumber": "SPE_E5", "enabled": 25, "servicePlans": [
                { "servicePlanId": P2, "servicePlanName": "MYANALYTICS_P2" },
                { "servicePlanId": EA, "servicePlanName": "EXCHANGE_ANALYTICS" },
                { "servicePlanId": MAILBOX, "servicePlanName": "EXCHANGE_S_ENTERPRISE" }] },
            { "skuId": F3, "skuPartNumber": "SPE_F1", "enabled": 25, "servicePlans": [
                { "servicePlanId": "4a82b400-a79f-41a4-b4e2-e94f5787b113", "servicePlanName": "EXCHANGE_S_DESKLESS" }] },
        ],
        "groups": [
            { "id": SALES, "displayName": "Sales", "mail": "sales@contoso.com",
              "members": ["ada@contoso.com", "o'neill@contoso.com"] },
            { "id": EVERYONE, "displayName": "Everyone", "mail": "everyone@contoso.com",
              "members": ["sales@contoso.com", "ben@contoso.com", "ada@contoso.com", "Everyone"] },
            { "id": LICENSING, "displayName": "Licences E5", "licenses": [{ "sku": "SPE_E5", "off": ["EXCHANGE_ANALYTICS"] }],
              "members": ["ben@contoso.com", "Sales"] },
            { "displayName": "Secret", "visibility": "HiddenMembership", "members": ["ada@contoso.com"] },
        ],
        "users": [
            { "id": ADA, "userPrincipalName": "ada@contoso.com", "mail": "Ada.Lovelace@contoso.com", "displayName": "Ada Lovelace",
              "department": "Sales", "usageLocation": "GB", "licenses": ["SPE_E5"] },
            { "id": BEN, "userPrincipalName": "ben@contoso.com", "mail": "ben@contoso.com", "displayName": "Ben Ölçek",
              "department": "sales", "usageLocation": "TR", "insights": { "mode": "opt-out" } },
            { "userPrincipalName": "o'neill@contoso.com", "mail": "o'neill@contoso.com", "displayName": "Tip O'Neill",
              "department": "Legal", "usageLocation": "US", "licenses": ["SPE_F1"], "accountEnabled": false },
            { "userPrincipalName": "guest_fabrikam.com#EXT#@contoso.onmicrosoft.com", "mail": "guest@fabrikam.com",
              "displayName": "A Guest", "userType": "Guest" },
            { "userPrincipalName": "eve@contoso.com", "mail": "eve@contoso.com", "displayName": "Eve", "refused": true },
        ],
    })
}

/// Is a sandbox, a client that is signed in to it, and a clock that stands still.
struct Stage {
    sandbox: Sandbox,
    client: Client,
    clock: Arc<AtomicI64>,
    graph: String,
    exchange: String,
}

const EVENTUAL: (&str, &str) = ("ConsistencyLevel", "eventual");

impl Stage {
    async fn new(world: &str) -> Self {
        Self::with(world, "00000000-0000-0000-0000-00000000c0de", "sandbox").await
    }

    async fn with(world: &str, app: &str, secret: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(1_800_000_000));
        let now = Arc::clone(&clock);
        let mut options = Options::new(Source::Value(tenant()), Arc::new(move || now.load(Ordering::SeqCst)));
        options.world = world.parse::<World>().expect("the world exists");
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        // Plain http only, but the client wants its cryptography all the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder().no_proxy().build().expect("a client");
        let mut stage = Self { sandbox, client, clock, graph: String::new(), exchange: String::new() };
        stage.graph = stage.sign_in(app, secret, "https://graph.microsoft.com/.default").await;
        stage.exchange = stage.sign_in(app, secret, "https://outlook.office365.com/.default").await;
        stage
    }

    async fn token(&self, tenant: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/login/{tenant}/oauth2/v2.0/token", self.sandbox.url());
        answer(self.client.post(url).form(form)).await
    }

    async fn sign_in(&self, app: &str, secret: &str, scope: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", app),
            ("client_secret", secret),
            ("scope", scope),
        ];
        let (status, body) = self.token(TENANT, &form).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}/graph/v1.0{path}", self.sandbox.url())).bearer_auth(&self.graph)
    }

    async fn read(&self, path: &str) -> (u16, Value) {
        answer(self.get(path)).await
    }

    async fn read_eventual(&self, path: &str) -> (u16, Value) {
        answer(self.get(path).header(EVENTUAL.0, EVENTUAL.1)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/graph/v1.0{path}", self.sandbox.url());
        answer(self.client.post(url).bearer_auth(&self.graph).json(body)).await
    }

    fn command(cmdlet: &str, parameters: &Value) -> Value {
        json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } })
    }

    fn exchange_url(&self, call: &str) -> String {
        format!("{}/exchange/adminapi/beta/{TENANT}/{call}", self.sandbox.url())
    }

    async fn exchange(&self, call: &str, body: &Value) -> (u16, Value) {
        answer(self.client.post(self.exchange_url(call)).bearer_auth(&self.exchange).json(body)).await
    }

    async fn run(&self, cmdlet: &str, parameters: Value) -> (u16, Value) {
        self.exchange("InvokeCommand", &Self::command(cmdlet, &parameters)).await
    }

    async fn person(&self, who: &str) -> Value {
        let (status, body) = self.run("Get-MyAnalyticsFeatureConfig", json!({ "Identity": who })).await;
        assert_eq!(status, 200, "{body}");
        body["value"][0].clone()
    }

    async fn set(&self, parameters: Value) -> u16 {
        self.run("Set-MyAnalyticsFeatureConfig", parameters).await.0
    }

    async fn defaults(&self) -> Value {
        self.run("Get-DefaultTenantMyAnalyticsFeatureConfig", json!({})).await.1["value"][0].clone()
    }

    async fn set_default(&self, parameters: Value) -> u16 {
        self.run("Set-DefaultTenantMyAnalyticsFeatureConfig", parameters).await.0
    }

    fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("the sandbox answers");
    let status = response.status().as_u16();
    let text = response.text().await.expect("the body is text");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or_default()
}

fn flags(person: &Value) -> (String, [bool; 3]) {
    let flag = |name: &str| person[name].as_bool().expect("a boolean");
    let mode = person["PrivacyMode"].as_str().expect("text").to_owned();
    (mode, [flag("IsDashboardEnabled"), flag("IsAddInEnabled"), flag("IsDigestEmailEnabled")])
}

fn names(body: &Value) -> Vec<&str> {
    body["value"].as_array().expect("a list").iter().filter_map(|one| one["displayName"].as_str()).collect()
}

// Signing in.

#[tokio::test]
async fn a_token_is_a_jwt_that_names_audience_tenant_roles_and_expiry() {
    let stage = Stage::new("").await;
    assert_eq!(stage.graph.split('.').count(), 3);
    let (status, body) = stage.read("/organization").await;
    assert_eq!((status, &body["value"][0]["id"]), (200, &json!(TENANT)));
    assert_eq!(body["value"][0]["verifiedDomains"][0]["name"], "contoso.onmicrosoft.com");
}

#[tokio::test]
async fn the_login_service_refuses_with_its_numbers() {
    let stage = Stage::new("").await;
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", "00000000-0000-0000-0000-00000000c0de"),
        ("client_secret", "sandbox"),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    for (at, name, value, number) in [
        (2, "client_secret", "wrong", 7_000_215),
        (1, "client_id", "00000000-0000-0000-0000-000000000001", 700_016),
        (3, "scope", "https://graph.microsoft.com/User.Read", 70_011),
        (2, "other", "x", 7_000_218),
    ] {
        let mut form = good;
        form[at] = (name, value);
        let (status, body) = stage.token(TENANT, &form).await;
        assert!(matches!(status, 400 | 401), "{body}");
        assert_eq!(body["error_codes"], json!([number]), "{body}");
        let description = body["error_description"].as_str().expect("text");
        assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
    }
    let (_, body) = stage.token("11111111-1111-1111-1111-111111111111", &good).await;
    assert_eq!(body["error_codes"], json!([90_002]));
    assert_eq!(stage.token("contoso.com", &good).await.0, 200, "a domain names the tenant too");
    let mut asserted = good;
    asserted[2] = ("client_assertion", "eyJ9.e30.c2ln");
    let mut form = asserted.to_vec();
    form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    assert_eq!(stage.token(TENANT, &form).await.0, 200, "an assertion is taken by its shape");
    form[2].1 = "no token";
    assert_eq!(stage.token(TENANT, &form).await.1["error_codes"], json!([50_027]));
}

#[tokio::test]
async fn the_services_refuse_a_missing_expired_or_foreign_token() {
    let mut stage = Stage::new("").await;
    let bare = stage.client.get(format!("{}/graph/v1.0/users", stage.sandbox.url()));
    let (status, body) = answer(bare).await;
    assert_eq!((status, code(&body)), (401, "InvalidAuthenticationToken"));
    assert!(body["error"]["innerError"]["request-id"].is_string(), "{body}");
    std::mem::swap(&mut stage.graph, &mut stage.exchange);
    assert_eq!(stage.read("/users").await.0, 401, "a token for Exchange");
    let get = json!({ "Identity": "ada@contoso.com" });
    assert_eq!(stage.run("Get-MyAnalyticsFeatureConfig", get).await.0, 401, "a token for Graph");
    std::mem::swap(&mut stage.graph, &mut stage.exchange);
    assert_eq!(stage.read("/users").await.0, 200);
    stage.wait(3600);
    assert_eq!(stage.read("/users").await.0, 401, "the hour is over");
}

// The settings service.

#[tokio::test]
async fn a_person_has_what_is_stored_or_else_the_default() {
    let stage = Stage::new("").await;
    let ada = stage.person("ADA@contoso.com").await;
    assert_eq!(ada["UserId"], "ada@contoso.com");
    assert_eq!(flags(&ada), ("opt-in".to_owned(), [true; 3]));
    assert_eq!(stage.person("ada.lovelace@contoso.com").await, ada, "by mail");
    assert_eq!(stage.person(ADA).await, ada, "by object id");
    let digest = json!({ "Identity": ADA, "Feature": "Digest-Email", "IsEnabled": false });
    assert_eq!(stage.set(digest).await, 200);
    let both = json!({ "Identity": ADA, "PrivacyMode": "Opt-Out", "Feature": "add-in", "IsEnabled": true });
    assert_eq!(stage.set(both).await, 200);
    for feature in ["Dashboard", "Add-in"] {
        assert_eq!(stage.set_default(json!({ "Feature": feature, "IsEnabled": false })).await, 200);
    }
    assert_eq!(flags(&stage.person(ADA).await), ("opt-out".to_owned(), [false, true, false]));
    assert_eq!(stage.set(json!({ "Identity": ADA, "Feature": "all", "IsEnabled": true })).await, 200);
    assert_eq!(flags(&stage.person(ADA).await).1, [true; 3]);
}
