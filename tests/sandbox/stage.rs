//! What all of these tests share: a small tenant, a client that is signed in, and a clock that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use insightctl::sandbox::{Options, Sandbox, Source, World};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

pub(crate) const TENANT: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
pub(crate) const P2: &str = "33c4f319-9bdd-48d6-9c4d-410b750a4a5a";
pub(crate) const EA: &str = "34c0d7a0-a70f-4668-9238-47f9fc208882";
pub(crate) const MAILBOX: &str = "efb87545-963c-4e0d-99df-69c6916d9eb0";
pub(crate) const E5: &str = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
pub(crate) const F3: &str = "66b55226-6b4f-492c-910c-a3b7a3c9d993";
pub(crate) const ADA: &str = "00000000-0000-4000-8000-0000000000a1";
pub(crate) const BEN: &str = "00000000-0000-4000-8000-0000000000b1";
pub(crate) const SALES: &str = "00000000-0000-4000-8000-000000000051";
pub(crate) const EVERYONE: &str = "00000000-0000-4000-8000-000000000052";
pub(crate) const LICENSING: &str = "00000000-0000-4000-8000-000000000053";

pub(crate) fn tenant() -> Value {
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [
            { "clientId": "00000000-0000-0000-0000-00000000c0de", "secret": "sandbox",
              "roles": ["User.Read.All", "GroupMember.Read.All", "Organization.Read.All",
                        "LicenseAssignment.ReadWrite.All", "Exchange.ManageAsApp"],
              "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"] },
            { "clientId": "00000000-0000-0000-0000-00000000dead", "secret": "reader",
              "roles": ["User.Read.All", "Exchange.ManageAsApp"], "wids": ["f2ef992c-3afb-46b9-b7cf-a126ee74c451"] },
            { "clientId": "00000000-0000-0000-0000-00000000ce27", "roles": [], "certificates": ["known"],
              "federatedCredentials": [{ "issuer": "https://issuer", "subject": "repo:a/B" }] },
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
              "department": "Sales", "jobTitle": "Analyst", "preferredLanguage": "en-GB", "manager": "ben@contoso.com",
              "usageLocation": "GB", "licenses": ["SPE_E5"] },
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
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
    pub(crate) clock: Arc<AtomicI64>,
    pub(crate) graph: String,
    pub(crate) exchange: String,
}

pub(crate) const EVENTUAL: (&str, &str) = ("ConsistencyLevel", "eventual");

impl Stage {
    pub(crate) async fn new(world: &str) -> Self {
        Self::with(world, "00000000-0000-0000-0000-00000000c0de", "sandbox").await
    }

    pub(crate) async fn with(world: &str, app: &str, secret: &str) -> Self {
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

    pub(crate) async fn token(&self, tenant: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/login/{tenant}/oauth2/v2.0/token", self.sandbox.url());
        answer(self.client.post(url).form(form)).await
    }

    pub(crate) async fn sign_in(&self, app: &str, secret: &str, scope: &str) -> String {
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

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}/graph/v1.0{path}", self.sandbox.url())).bearer_auth(&self.graph)
    }

    pub(crate) async fn read(&self, path: &str) -> (u16, Value) {
        answer(self.get(path)).await
    }

    pub(crate) async fn read_eventual(&self, path: &str) -> (u16, Value) {
        answer(self.get(path).header(EVENTUAL.0, EVENTUAL.1)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/graph/v1.0{path}", self.sandbox.url());
        answer(self.client.post(url).bearer_auth(&self.graph).json(body)).await
    }

    pub(crate) fn command(cmdlet: &str, parameters: &Value) -> Value {
        json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } })
    }

    pub(crate) fn exchange_url(&self, call: &str) -> String {
        format!("{}/exchange/adminapi/beta/{TENANT}/{call}", self.sandbox.url())
    }

    pub(crate) async fn exchange(&self, call: &str, body: &Value) -> (u16, Value) {
        answer(self.client.post(self.exchange_url(call)).bearer_auth(&self.exchange).json(body)).await
    }

    pub(crate) async fn run(&self, cmdlet: &str, parameters: Value) -> (u16, Value) {
        self.exchange("InvokeCommand", &Self::command(cmdlet, &parameters)).await
    }

    pub(crate) async fn person(&self, who: &str) -> Value {
        let (status, body) = self.run("Get-MyAnalyticsFeatureConfig", json!({ "Identity": who })).await;
        assert_eq!(status, 200, "{body}");
        body["value"][0].clone()
    }

    pub(crate) async fn set(&self, parameters: Value) -> u16 {
        self.run("Set-MyAnalyticsFeatureConfig", parameters).await.0
    }

    pub(crate) async fn defaults(&self) -> Value {
        self.run("Get-DefaultTenantMyAnalyticsFeatureConfig", json!({})).await.1["value"][0].clone()
    }

    pub(crate) async fn set_default(&self, parameters: Value) -> u16 {
        self.run("Set-DefaultTenantMyAnalyticsFeatureConfig", parameters).await.0
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("the sandbox answers");
    let status = response.status().as_u16();
    let text = response.text().await.expect("the body is text");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or_default()
}

pub(crate) fn flags(person: &Value) -> (String, [bool; 3]) {
    let flag = |name: &str| person[name].as_bool().expect("a boolean");
    let mode = person["PrivacyMode"].as_str().expect("text").to_owned();
    (mode, [flag("IsDashboardEnabled"), flag("IsAddInEnabled"), flag("IsDigestEmailEnabled")])
}

pub(crate) fn names(body: &Value) -> Vec<&str> {
    body["value"].as_array().expect("a list").iter().filter_map(|one| one["displayName"].as_str()).collect()
}
