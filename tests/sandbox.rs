//! Drives the sandbox as a stranger would: plain HTTP, section by section of the vendor's documents.

use std::collections::BTreeSet;
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

#[tokio::test]
async fn the_documented_values_are_taken_and_all_others_refused() {
    let stage = Stage::new("").await;
    let set = "Set-MyAnalyticsFeatureConfig";
    for parameters in [
        json!({ "Identity": "", "PrivacyMode": "opt-out" }),
        json!({ "Identity": "  ", "PrivacyMode": "opt-out" }),
        json!({ "PrivacyMode": "opt-out" }),
        json!({ "Identity": ADA }),
        json!({ "Identity": ADA, "PrivacyMode": "Excluded" }),
        json!({ "Identity": ADA, "Feature": "opt-in", "IsEnabled": true }),
        json!({ "Identity": ADA, "Feature": "schedule-send", "IsEnabled": true }),
        json!({ "Identity": ADA, "Feature": "dashboard" }),
        json!({ "Identity": ADA, "Feature": "dashboard", "IsEnabled": "true" }),
        json!({ "Identity": ADA, "Enabled": true }),
    ] {
        let (status, body) = stage.run(set, parameters.clone()).await;
        assert_eq!((status, code(&body)), (400, "BadRequest"), "{parameters}");
        let details = body["error"]["details"][0]["message"].as_str().expect("text");
        assert_eq!(details.split('|').count(), 3, "{details}");
    }
    for parameters in [
        json!({ "Feature": "Schedule-send", "IsEnabled": true }),
        json!({ "Feature": "Meeting-effectiveness-survey-sampling-rate", "SamplingRate": 0.05 }),
        json!({ "Feature": "Meeting-effectiveness-survey-sampling-rate", "SamplingRate": 0.71 }),
        json!({ "Feature": "Meeting-effectiveness-survey-sampling-rate", "IsEnabled": true }),
        json!({ "Feature": "Dashboard", "SamplingRate": 0.2 }),
        json!({ "PrivacyMode": "opt-out" }),
    ] {
        assert_eq!(stage.set_default(parameters.clone()).await, 400, "{parameters}");
    }
    assert_eq!(stage.run("Get-UserAnalyticsConfig", json!({ "Identity": ADA })).await.0, 400);
    let body = json!({ "CmdletInput": { "CmdletName": set, "Parameter": {} } });
    assert_eq!(stage.exchange("InvokeCommand", &body).await.0, 400, "a misspelt envelope");
    assert_eq!(stage.sandbox.writes(), [], "nothing was written");
}

#[tokio::test]
async fn the_tenant_has_five_switches_and_a_rate_that_nobody_can_read() {
    let stage = Stage::new("").await;
    let before = stage.defaults().await;
    assert_eq!(before["TenantId"], TENANT);
    assert_eq!(before["IsMeetingEffectivenessSurveyEnabled"], "opted-in");
    for feature in ["Scheduled-send", "Meeting-effectiveness-survey", "digest-email"] {
        assert_eq!(stage.set_default(json!({ "Feature": feature, "IsEnabled": false })).await, 200);
    }
    let rate = json!({ "Feature": "Meeting-Effectiveness-Survey-Sampling-Rate", "SamplingRate": 0.3 });
    assert_eq!(stage.set_default(rate).await, 200);
    let after = stage.defaults().await;
    assert_eq!(after["IsScheduleSendEnabled"], false);
    assert_eq!(after["IsMeetingEffectivenessSurveyEnabled"], "opted-out");
    assert_eq!(after["IsDigestEmailEnabled"], false);
    assert_eq!(after["IsDashboardEnabled"], true);
    assert!(!after.to_string().contains("0.3"), "{after}");
    assert_eq!(stage.set_default(json!({ "Feature": "All", "IsEnabled": true })).await, 200);
    assert_eq!(stage.defaults().await, before);
    let calls: Vec<String> = stage.sandbox.writes().into_iter().map(|write| write.target).collect();
    assert_eq!(calls, ["tenant"; 5]);
}

#[tokio::test]
async fn some_people_are_not_spoken_of_and_each_refusal_is_theirs_alone() {
    let stage = Stage::new("").await;
    let get = "Get-MyAnalyticsFeatureConfig";
    let (status, body) = stage.run(get, json!({ "Identity": "eve@contoso.com" })).await;
    assert_eq!((status, &body["Code"]), (403, &json!("Forbidden")));
    assert_eq!(body["Message"], "Access to the requested resource is forbidden.");
    assert_eq!(
        (&body["Target"], &body["Details"][0]["Code"]),
        (&json!("eve@contoso.com"), &json!("PolicyNotSatisfied"))
    );
    let guest = json!({ "Identity": "guest@fabrikam.com" });
    assert_eq!(stage.run(get, guest).await.0, 403, "a guest has no mailbox here");
    let (status, body) = stage.run(get, json!({ "Identity": "nobody@contoso.com" })).await;
    assert_eq!((status, code(&body)), (404, "NotFound"));
    let unlicensed = json!({ "Identity": "o'neill@contoso.com" });
    assert_eq!(stage.run(get, unlicensed.clone()).await.0, 200, "people without a plan have settings too");
    let stage = Stage::new("unlicensed=forbid").await;
    assert_eq!(stage.run(get, unlicensed).await.0, 403, "unless the world says otherwise");
    assert_eq!(stage.run(get, json!({ "Identity": BEN })).await.0, 200, "a plan from a group is a plan");
}

#[tokio::test]
async fn a_read_only_role_is_refused_even_for_reading() {
    let stage = Stage::with("", "00000000-0000-0000-0000-00000000dead", "reader").await;
    let (status, body) = stage.run("Get-MyAnalyticsFeatureConfig", json!({ "Identity": ADA })).await;
    assert_eq!(status, 403);
    let details = body["Details"][0]["Message"].as_str().expect("text");
    assert!(details.contains("29232cdf-9323-42fd-ade2-1d097af3e4de"), "{details}");
    assert_eq!(stage.read("/users").await.0, 200);
    let (status, body) = stage.read("/groups").await;
    assert_eq!((status, code(&body)), (403, "Authorization_RequestDenied"));
    assert_eq!(stage.read("/subscribedSkus").await.0, 403);
    let body = json!({ "addLicenses": [], "removeLicenses": [] });
    assert_eq!(stage.post(&format!("/users/{ADA}/assignLicense"), &body).await.0, 403);
}

#[tokio::test]
async fn commands_travel_in_batches_of_ten_with_absolute_urls() {
    let stage = Stage::new("").await;
    let item = |id: usize, url: String, who: &str| {
        let body = Stage::command("Get-MyAnalyticsFeatureConfig", &json!({ "Identity": who }));
        json!({ "id": id.to_string(), "method": "POST", "url": url, "headers": {}, "body": body })
    };
    let url = || stage.exchange_url("InvokeCommand");
    let relative = format!("/adminapi/beta/{TENANT}/InvokeCommand");
    let batch = json!({ "requests": [
        item(1, url(), ADA), item(2, url(), "eve@contoso.com"), item(3, relative, ADA), item(4, url(), "nobody@x"),
    ] });
    let (status, body) = stage.exchange("$batch", &batch).await;
    assert_eq!(status, 200, "{body}");
    let answers: Vec<(&Value, &Value)> = body["responses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|answer| (&answer["id"], &answer["status"]))
        .collect();
    let expected =
        [("1", 200), ("2", 403), ("3", 400), ("4", 404)].map(|(id, status)| (json!(id), json!(status)));
    assert_eq!(answers, expected.iter().map(|(id, status)| (id, status)).collect::<Vec<_>>());
    assert_eq!(body["responses"][0]["body"]["value"][0]["UserId"], "ada@contoso.com");
    let eleven: Vec<Value> = (0..11).map(|id| item(id, url(), ADA)).collect();
    assert_eq!(stage.exchange("$batch", &json!({ "requests": eleven })).await.0, 400);
    let twice = json!({ "requests": [item(1, url(), ADA), item(1, url(), BEN)] });
    assert_eq!(stage.exchange("$batch", &twice).await.0, 400);
}

#[tokio::test]
async fn a_world_refuses_some_items_of_batches() {
    let stage = Stage::new("batch-429=3").await;
    let requests: Vec<Value> = (0..6)
        .map(|id| json!({ "id": id.to_string(), "method": "GET", "url": format!("/users/{ADA}") }))
        .collect();
    let (_, body) = stage.post("/$batch", &json!({ "requests": requests })).await;
    let throttled: Vec<&Value> = body["responses"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|answer| answer["status"] == 429)
        .collect();
    assert_eq!(throttled.len(), 2);
    assert!(throttled.iter().all(|answer| answer["headers"]["Retry-After"] == "1"), "{throttled:?}");
    assert_eq!(throttled[0]["body"]["error"]["code"], "TooManyRequests");
}

#[tokio::test]
async fn readers_learn_of_a_write_after_the_delay_of_the_world() {
    let stage = Stage::new("person-delay=900,default-delay=86400").await;
    assert_eq!(stage.set(json!({ "Identity": ADA, "PrivacyMode": "opt-out" })).await, 200);
    assert_eq!(stage.set_default(json!({ "Feature": "Dashboard", "IsEnabled": false })).await, 200);
    stage.wait(899);
    assert_eq!(flags(&stage.person(ADA).await), ("opt-in".to_owned(), [true; 3]));
    assert!(!stage.sandbox.settings(ADA).expect("ada is there").opt_in, "the truth is already another");
    stage.wait(1);
    assert_eq!(flags(&stage.person(ADA).await), ("opt-out".to_owned(), [true; 3]));
    assert_eq!(stage.defaults().await["IsDashboardEnabled"], true);
    stage.wait(86_400 - 900);
    let mut stage = stage;
    stage.exchange = stage
        .sign_in("00000000-0000-0000-0000-00000000c0de", "sandbox", "https://outlook.office365.com/.default")
        .await;
    assert_eq!(stage.defaults().await["IsDashboardEnabled"], false);
    assert_eq!(flags(&stage.person(ADA).await).1, [false, true, true], "who never chose follows the default");
}

#[tokio::test]
async fn a_pin_holds_or_does_not_as_the_world_says() {
    for (world, dashboard) in [("", true), ("noop=ignored", false)] {
        let stage = Stage::new(world).await;
        assert_eq!(
            stage.set(json!({ "Identity": ADA, "Feature": "dashboard", "IsEnabled": true })).await,
            200
        );
        assert_eq!(stage.set_default(json!({ "Feature": "Dashboard", "IsEnabled": false })).await, 200);
        assert_eq!(flags(&stage.person(ADA).await).1[0], dashboard, "{world}");
    }
}

// People and groups.

#[tokio::test]
async fn users_show_what_was_selected_and_nothing_else() {
    let stage = Stage::new("").await;
    let (_, ada) = stage.read(&format!("/users/{ADA}")).await;
    assert_eq!(ada["userPrincipalName"], "ada@contoso.com");
    assert!(ada.get("assignedLicenses").is_none() && ada.get("department").is_none(), "{ada}");
    let (_, body) =
        stage.read("/users?$select=userPrincipalName,licenseAssignmentStates,companyName&$top=1").await;
    let shown: BTreeSet<&str> =
        body["value"][0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(shown, BTreeSet::from(["companyName", "licenseAssignmentStates", "userPrincipalName"]));
    let (status, body) = stage.read("/users?$select=userPrincipleName").await;
    assert_eq!((status, code(&body)), (400, "BadRequest"));
    assert_eq!(stage.read("/users?$select=aboutMe").await.0, 501);
}

#[tokio::test]
async fn people_are_found_by_id_and_principal_name_however_odd() {
    let stage = Stage::new("").await;
    for key in
        ["ADA@contoso.com", "o'neill@contoso.com", "guest_fabrikam.com%23EXT%23@contoso.onmicrosoft.com", BEN]
    {
        assert_eq!(stage.read(&format!("/users/{key}")).await.0, 200, "{key}");
    }
    assert_eq!(stage.read("/users('o''neill@contoso.com')").await.0, 200);
    for key in ["guest_fabrikam.com#EXT#@contoso.onmicrosoft.com", "ada.lovelace@contoso.com", TENANT] {
        let (status, body) = stage.read(&format!("/users/{key}")).await;
        assert_eq!((status, code(&body)), (404, "Request_ResourceNotFound"), "{key}");
    }
    let answer = stage.get("/users/x").header("client-request-id", "mine").send().await.expect("an answer");
    assert_eq!(answer.headers()["client-request-id"], "mine");
    assert!(answer.headers().contains_key("request-id"));
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["error"]["innerError"]["client-request-id"], "mine");
}

#[tokio::test]
async fn pages_are_followed_by_opaque_links_and_counted_once() {
    for world in ["", "page-size=1", "empty-pages=on", "empty-pages=on,page-size=2"] {
        let stage = Stage::new(world).await;
        let mut path = "/users?$select=displayName&$top=2&$count=true".to_owned();
        let (mut seen, mut counts, mut empty, mut pages) = (Vec::new(), Vec::new(), 0, 0);
        loop {
            let (status, body) = stage.read_eventual(&path).await;
            assert_eq!(status, 200, "{body}");
            seen.extend(names(&body).into_iter().map(str::to_owned));
            counts.extend(body.get("@odata.count").and_then(Value::as_u64));
            empty += usize::from(names(&body).is_empty());
            pages += 1;
            let Some(next) = body["@odata.nextLink"].as_str() else { break };
            path = next
                .strip_prefix(&format!("{}/graph/v1.0", stage.sandbox.url()))
                .expect("an absolute link")
                .to_owned();
            let (status, refused) = stage.read(&path).await;
            assert_eq!(
                (status, code(&refused)),
                (400, "Request_UnsupportedQuery"),
                "the header is needed again"
            );
        }
        seen.sort();
        assert_eq!(seen, ["A Guest", "Ada Lovelace", "Ben Ölçek", "Eve", "Tip O'Neill"], "{world}");
        assert_eq!(counts, [5], "{world}");
        let expected = match world {
            "" => (3, 0),
            "page-size=1" => (5, 0),
            _ => (6, 3),
        };
        assert_eq!((pages, empty), expected, "{world}");
    }
}

#[tokio::test]
async fn page_sizes_and_options_have_limits() {
    let stage = Stage::new("").await;
    for top in ["0", "1000", "x"] {
        let (status, body) = stage.read(&format!("/users?$top={top}")).await;
        assert_eq!(status, 400);
        assert!(
            body["error"]["message"].as_str().expect("text").contains("between 1 and 999 inclusive"),
            "{body}"
        );
    }
    for option in
        ["$skip=1", "$orderby=displayName", "$expand=manager", "$skiptoken=x", "$slect=id", "selekt=id"]
    {
        assert_eq!(stage.read(&format!("/users?{option}")).await.0, 400, "{option}");
    }
    assert_eq!(stage.read("/userz").await.0, 400);
}

#[tokio::test]
async fn filters_are_evaluated_or_refused() {
    let stage = Stage::new("").await;
    let found = async |filter: &str, eventual: bool| {
        let mut request = stage.get("/users").query(&[("$select", "displayName"), ("$filter", filter)]);
        if eventual {
            request = request.query(&[("$count", "true")]).header(EVENTUAL.0, EVENTUAL.1);
        }
        let (status, body) = answer(request).await;
        let mut found =
            names(&json!({ "value": body.get("value").cloned().unwrap_or_else(|| json!([])) })).join(", ");
        if status != 200 {
            found = format!("{status} {}", code(&body));
        }
        found
    };
    assert_eq!(found("department eq 'SALES'", false).await, "Ada Lovelace, Ben Ölçek");
    assert_eq!(found("startsWith(displayName,'ben ö')", false).await, "Ben Ölçek");
    assert_eq!(found("mail eq 'o''neill@contoso.com'", false).await, "Tip O'Neill");
    assert_eq!(found("accountEnabled eq false or userType eq 'guest'", false).await.split(", ").count(), 2);
    assert_eq!(found(&format!("id in ('{ADA}', '{BEN}')"), false).await, "Ada Lovelace, Ben Ölçek");
    assert_eq!(
        found("proxyAddresses/any(p:p eq 'smtp:ada.lovelace@contoso.com')", false).await,
        "Ada Lovelace"
    );
    let any = format!("assignedLicenses/any(x:x/skuId eq {E5})");
    assert_eq!(found(&any, false).await, "Ada Lovelace, Ben Ölçek", "nested groups hand nothing down");
    let plan = format!("assignedPlans/any(x:x/servicePlanId eq {EA} and x/capabilityStatus eq 'Enabled')");
    assert_eq!(found(&plan, false).await, "400 Request_UnsupportedQuery");
    assert_eq!(found(&plan, true).await, "Ada Lovelace", "the group's licence has that plan off");
    for (filter, hits) in [
        ("department ne 'Sales'", 3),
        ("endsWith(mail,'@contoso.com')", 4),
        ("not(usageLocation eq null)", 3),
    ] {
        assert_eq!(found(filter, false).await, "400 Request_UnsupportedQuery", "{filter}");
        assert_eq!(found(filter, true).await.split(", ").count(), hits, "{filter}");
    }
    assert_eq!(
        found("licenseAssignmentStates/any(x:x/state eq 'Active')", true).await,
        "400 Request_UnsupportedQuery"
    );
    assert_eq!(found("departement eq 'Sales'", true).await, "400 BadRequest");
    let (status, body) = stage.read_eventual("/users/$count").await;
    assert_eq!((status, body), (200, json!(5)));
    assert_eq!(stage.read("/users/$count").await.0, 400);
    let search = "/users?$search=%22displayName:lov%22&$count=true";
    assert_eq!(names(&stage.read_eventual(search).await.1), ["Ada Lovelace"]);
    assert_eq!(stage.read(search).await.0, 400);
}

#[tokio::test]
async fn groups_are_found_by_name_or_mail_and_nest() {
    let stage = Stage::new("").await;
    assert_eq!(names(&stage.read("/groups?$filter=displayName eq 'sales'").await.1), ["Sales"]);
    assert_eq!(names(&stage.read("/groups?$filter=mail eq 'everyone@contoso.com'").await.1), ["Everyone"]);
    assert_eq!(stage.read(&format!("/groups/{SALES}")).await.1["mail"], "sales@contoso.com");
    let (status, body) = stage.read(&format!("/groups/{ADA}")).await;
    assert_eq!((status, code(&body)), (404, "Request_ResourceNotFound"));
    assert_eq!(names(&stage.read(&format!("/groups/{EVERYONE}/members")).await.1).len(), 4);
    let (_, all) = stage.read(&format!("/groups/{EVERYONE}/transitiveMembers")).await;
    let users = all["value"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one["@odata.type"] == "#microsoft.graph.user");
    assert_eq!(users.count(), 3, "each once, also in a circle: {all}");
    let cast =
        format!("/groups/{EVERYONE}/transitiveMembers/microsoft.graph.user?$select=displayName&$top=999");
    assert_eq!(stage.read(&cast).await.0, 400, "a cast is an advanced query");
    let (_, body) = stage.read_eventual(&format!("{cast}&$count=true")).await;
    assert_eq!((names(&body).len(), &body["@odata.count"]), (3, &json!(3)));
    let (_, secret) = stage.read("/groups?$filter=displayName eq 'Secret'").await;
    assert_eq!(secret["value"][0]["visibility"], "HiddenMembership");
    let id = secret["value"][0]["id"].as_str().expect("an id");
    assert_eq!(names(&stage.read(&format!("/groups/{id}/members")).await.1), [""; 0]);
}

#[tokio::test]
async fn a_batch_answers_each_request_by_itself() {
    let stage = Stage::new("").await;
    let requests = json!([
        { "id": "a", "method": "GET", "url": format!("/users/{ADA}?$select=id") },
        { "id": "b", "method": "GET", "url": "/users/nobody@contoso.com" },
        { "id": "c", "method": "GET", "url": "/organization", "dependsOn": ["b"] },
        { "id": "d", "method": "GET", "url": format!("{}/graph/v1.0/users", stage.sandbox.url()) },
        { "id": "e", "method": "GET", "url": "/users?$count=true&$top=1", "headers": { "ConsistencyLevel": "eventual" } },
        { "id": "f", "method": "POST", "url": format!("/users/{ADA}/assignLicense"),
          "body": { "addLicenses": [], "removeLicenses": [] } },
    ]);
    let (status, body) = stage.post("/$batch", &json!({ "requests": requests })).await;
    assert_eq!(status, 200);
    let answers: Vec<String> = body["responses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|answer| format!("{}{}", answer["id"].as_str().expect("text"), answer["status"]))
        .collect();
    assert_eq!(answers, ["f400", "e200", "d400", "c424", "b404", "a200"], "in no promised order");
    assert!(body["responses"][1]["headers"]["request-id"].is_string());
    assert_eq!(body["responses"][1]["body"]["@odata.count"], 5);
    for (count, distinct, expected) in [(20, true, 200), (21, true, 400), (2, false, 400)] {
        let item = |id: usize| json!({ "id": if distinct { id } else { 0 }.to_string(), "method": "GET", "url": "/organization" });
        let requests: Vec<Value> = (0..count).map(item).collect();
        assert_eq!(
            stage.post("/$batch", &json!({ "requests": requests })).await.0,
            expected,
            "{count} {distinct}"
        );
    }
}

// Licences.

#[tokio::test]
async fn sources_of_one_product_unite() {
    let stage = Stage::new("").await;
    let path =
        |who: &str| format!("/users/{who}?$select=licenseAssignmentStates,assignedLicenses,assignedPlans");
    let (_, ben) = stage.read(&path(BEN)).await;
    let states = ben["licenseAssignmentStates"].as_array().expect("a list");
    assert_eq!(states.len(), 1);
    assert_eq!(
        (&states[0]["assignedByGroup"], &states[0]["disabledPlans"]),
        (&json!(LICENSING), &json!([EA]))
    );
    assert_eq!((&states[0]["state"], &states[0]["error"]), (&json!("Active"), &json!("None")));
    let body = json!({ "addLicenses": [{ "skuId": E5, "disabledPlans": [P2] }], "removeLicenses": [] });
    assert_eq!(stage.post(&format!("/users/{BEN}/assignLicense"), &body).await.0, 200);
    let (_, ben) = stage.read(&path(BEN)).await;
    assert_eq!(ben["licenseAssignmentStates"].as_array().expect("a list").len(), 2);
    assert_eq!(
        ben["assignedLicenses"],
        json!([{ "disabledPlans": [], "skuId": E5 }]),
        "each source has one of them on"
    );
    let enabled = ben["assignedPlans"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|plan| plan["capabilityStatus"] == "Enabled");
    assert_eq!(enabled.count(), 3);
    let (_, details) = stage.read(&format!("/users/{BEN}/licenseDetails")).await;
    assert_eq!(details["value"][0]["skuPartNumber"], "SPE_E5");
}

#[tokio::test]
async fn disabled_plans_replace_what_was_there() {
    let stage = Stage::new("").await;
    let url = format!("/users/{ADA}/assignLicense");
    let disabled = async |plans: Value| {
        let body = json!({ "addLicenses": [{ "skuId": E5, "disabledPlans": plans }], "removeLicenses": [] });
        let (status, body) = stage.post(&url, &body).await;
        assert_eq!(status, 200, "{body}");
        stage.read(&format!("/users/{ADA}?$select=assignedLicenses")).await.1["assignedLicenses"][0]["disabledPlans"].clone()
    };
    assert_eq!(disabled(json!([P2, EA])).await, json!([P2, EA]));
    assert_eq!(disabled(json!([MAILBOX])).await, json!([MAILBOX]));
    let writes = stage.sandbox.writes();
    assert_eq!(writes.len(), 2);
    assert_eq!((writes[0].call.as_str(), writes[0].target.as_str()), ("assignLicense", ADA));
    assert_eq!(writes[0].by.to_string(), "00000000-0000-0000-0000-00000000c0de");
}

#[tokio::test]
async fn licence_calls_are_refused_as_documented() {
    let stage = Stage::new("").await;
    let refuse = async |who: &str, body: Value, words: &str| {
        let (status, answer) = stage.post(&format!("/users/{who}/assignLicense"), &body).await;
        assert_eq!(status, 400, "{body}");
        let message = answer["error"]["message"].as_str().expect("text");
        assert!(message.contains(words), "{message}");
    };
    let add = |sku: &str, plans: Value| json!({ "addLicenses": [{ "skuId": sku, "disabledPlans": plans }], "removeLicenses": [] });
    let remove = |sku: &str| json!({ "addLicenses": [], "removeLicenses": [sku] });
    refuse(BEN, remove(E5), "inherited from a group membership and it cannot be removed directly").await;
    refuse(BEN, remove(F3), "does not have a corresponding license").await;
    refuse(ADA, add(F3, json!([P2])), "is not part of the license").await;
    refuse(ADA, add(P2, json!([])), "does not correspond to a valid company License").await;
    refuse("eve@contoso.com", add(E5, json!([])), "invalid usage location").await;
    refuse(ADA, json!({ "addLicenses": [] }), "removeLicenses").await;
    refuse(
        ADA,
        json!({ "addLicenses": [{ "skuId": E5, "disabledplans": [] }], "removeLicenses": [] }),
        "disabledplans",
    )
    .await;
    assert_eq!(stage.sandbox.writes(), []);
}

#[tokio::test]
async fn a_groups_licence_changes_in_the_background() {
    let stage = Stage::new("licence-delay=60").await;
    let body = json!({ "addLicenses": [{ "skuId": E5, "disabledPlans": [P2, EA] }], "removeLicenses": [] });
    assert_eq!(stage.post(&format!("/groups/{LICENSING}/assignLicense"), &body).await.0, 202);
    let disabled = async || {
        let (_, ben) = stage.read(&format!("/users/{BEN}?$select=assignedLicenses")).await;
        ben["assignedLicenses"][0]["disabledPlans"].as_array().expect("a list").len()
    };
    assert_eq!(disabled().await, 1);
    stage.wait(60);
    assert_eq!(disabled().await, 2);
    let (_, skus) = stage.read("/subscribedSkus").await;
    let used: Vec<&Value> =
        skus["value"].as_array().expect("a list").iter().map(|sku| &sku["consumedUnits"]).collect();
    assert_eq!(used, [&json!(2), &json!(1)]);
}

#[tokio::test]
async fn a_delta_tells_what_changed() {
    let stage = Stage::new("").await;
    let path = |link: &Value| {
        let link = link.as_str().expect("a link");
        link.strip_prefix(&format!("{}/graph/v1.0", stage.sandbox.url()))
            .expect("an absolute link")
            .to_owned()
    };
    let (_, first) = stage.read("/users/delta?$select=displayName,assignedLicenses").await;
    assert_eq!(names(&first).len(), 5);
    let link = path(&first["@odata.deltaLink"]);
    assert_eq!(names(&stage.read(&link).await.1), [""; 0]);
    let body = json!({ "addLicenses": [], "removeLicenses": [E5] });
    assert_eq!(stage.post(&format!("/users/{ADA}/assignLicense"), &body).await.0, 200);
    let (_, changed) = stage.read(&link).await;
    assert_eq!(
        (names(&changed), &changed["value"][0]["assignedLicenses"]),
        (vec!["Ada Lovelace"], &json!([]))
    );
    let (status, body) = stage.read("/users/delta?$deltatoken=b2xk").await;
    assert_eq!((status, code(&body)), (410, "syncStateNotFound"));
    assert_eq!(names(&stage.read("/users/delta?$deltatoken=latest").await.1), [""; 0]);
    assert_eq!(stage.read("/users/delta?$top=5").await.0, 400);
    let (_, groups) = stage.read("/groups/delta").await;
    let sales =
        groups["value"].as_array().expect("a list").iter().find(|group| group["id"] == SALES).expect("sales");
    assert_eq!(sales["members@delta"].as_array().expect("a list").len(), 2);
}

#[tokio::test]
async fn a_change_between_two_pages_of_a_delta_is_told_next_time() {
    let stage = Stage::new("page-size=4").await;
    let path = |link: &Value| {
        let link = link.as_str().expect("a link");
        link.strip_prefix(&format!("{}/graph/v1.0", stage.sandbox.url()))
            .expect("an absolute link")
            .to_owned()
    };
    let (_, first) = stage.read("/users/delta?$select=displayName").await;
    let body = json!({ "addLicenses": [], "removeLicenses": [E5] });
    assert_eq!(stage.post(&format!("/users/{ADA}/assignLicense"), &body).await.0, 200);
    let (_, second) = stage.read(&path(&first["@odata.nextLink"])).await;
    assert_eq!(names(&first).len() + names(&second).len(), 5);
    let (_, changed) = stage.read(&path(&second["@odata.deltaLink"])).await;
    assert_eq!(names(&changed), ["Ada Lovelace"]);
}

// The sandbox itself.

#[tokio::test]
async fn people_and_other_administrators_can_be_played() {
    let stage = Stage::new("").await;
    let choice = Choice { mode: Some(false), digest_email: Some(false), ..Choice::default() };
    stage.sandbox.person("ada@contoso.com", &choice).expect("ada is licensed");
    assert_eq!(flags(&stage.person(ADA).await), ("opt-out".to_owned(), [true, true, false]));
    stage
        .sandbox
        .set_default(&DefaultsChoice { dashboard: Some(false), ..DefaultsChoice::default() })
        .expect("it is stored");
    assert_eq!(stage.defaults().await["IsDashboardEnabled"], false);
    let error =
        stage.sandbox.person("o'neill@contoso.com", &choice).expect_err("frontline plans have no insights");
    assert!(matches!(error, SandboxError::NoAccess { .. }), "{error}");
    assert!(matches!(stage.sandbox.person("x", &choice), Err(SandboxError::NoSuchPerson(_))));
    let url = format!("{}/sandbox", stage.sandbox.url());
    let body = json!({ "who": "ben@contoso.com", "mode": "opt-in", "dashboard": false });
    let (status, answered) = answer(stage.client.post(format!("{url}/person")).json(&body)).await;
    assert_eq!((status, &answered["optIn"], &answered["dashboard"]), (200, &json!(true), &json!(false)));
    assert_eq!(
        answer(stage.client.get(format!("{url}/writes"))).await.1,
        json!({ "value": [] }),
        "nobody's program wrote"
    );
    let (_, requests) = answer(stage.client.get(format!("{url}/requests"))).await;
    assert_eq!(requests["value"]["POST /login/*/oauth2/v2.0/token"], 2, "{requests}");
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenant.json");
    let text = tenant().to_string();
    std::fs::write(&file, &text).expect("the disk has room");
    let options = || Options {
        log: Some(folder.path().join(".sandbox/tenant.json.log")),
        ..Options::new(Source::File(file.clone()), Arc::new(|| 1_800_000_000))
    };
    let sandbox = Sandbox::start(options()).await.expect("it starts");
    sandbox.person(BEN, &Choice { mode: Some(true), ..Choice::default() }).expect("ben is licensed");
    assert!(matches!(Sandbox::start(options()).await, Err(SandboxError::InUse { .. })));
    sandbox.stop().await;
    let add_in = Choice { outlook_add_in: Some(false), ..Choice::default() };
    let settings = play_person(options(), "ben@contoso.com", &add_in).expect("nobody holds the log");
    assert!(settings.opt_in && !settings.outlook_add_in && settings.dashboard);
    let again = Sandbox::start(options()).await.expect("it starts again");
    assert_eq!(again.settings(BEN).expect("ben is there"), settings);
    again.stop().await;
    assert_eq!(
        std::fs::read_to_string(&file).expect("it is there"),
        text,
        "the tenant file is never written"
    );
    std::fs::write(&file, text.replace("Ada Lovelace", "Ada King")).expect("the disk has room");
    let error = Sandbox::start(options()).await.expect_err("the file has changed");
    assert!(error.hint().expect("advice").contains("insightctl sandbox reset"));
    insightctl::sandbox::reset(&folder.path().join(".sandbox/tenant.json.log")).expect("nobody holds it");
    Sandbox::start(options()).await.expect("it starts afresh").stop().await;
}

#[tokio::test]
async fn the_example_of_contoso_is_a_sound_tenant() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/contoso/tenant.json");
    let sandbox = Sandbox::start(Options::new(Source::File(path), Arc::new(|| 1_800_000_000)))
        .await
        .expect("it starts");
    assert_eq!(sandbox.tenant_id(), TENANT);
    let mode =
        |who: &str| sandbox.settings(&format!("{who}@contoso.com")).expect("a person of the story").opt_in;
    assert!(mode("ada") && !mode("greta") && !mode("bruno"));
    sandbox.stop().await;
}
