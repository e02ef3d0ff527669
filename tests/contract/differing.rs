//! Holds the suite itself to account: the sandbox keeps the contract, a planted difference is found, and nobody is named.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::clause::Verdict;
use crate::contract;
use crate::environment::{self, Consent};
use crate::report::Report;
use crate::stage::Stage;
use crate::tokens::{Audience, Proof};

const APP: &str = "00000000-0000-0000-0000-00000000c0de";
const READER: &str = "00000000-0000-0000-0000-00000000beef";
/// Vouches for the application.
const ISSUER: &str = "https://issuer.example";
const LICENSING: &str = "00000000-0000-4000-8000-000000000053";
/// What takes a human, or more of the world than the sandbox has.
const BEYOND: [&str; 4] = ["limits", "wire-of-the-cmdlets", "audit-of-own-changes", "cloud-in-china"];

fn tenant() -> Value {
    let roles = json!([
        "User.Read.All",
        "GroupMember.Read.All",
        "Organization.Read.All",
        "LicenseAssignment.ReadWrite.All",
        "Exchange.ManageAsApp"
    ]);
    let plans = json!([
        { "servicePlanId": "33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "servicePlanName": "MYANALYTICS_P2" },
        { "servicePlanId": "34c0d7a0-a70f-4668-9238-47f9fc208882", "servicePlanName": "EXCHANGE_ANALYTICS" },
        { "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929", "servicePlanName": "TEAMS1" },
        { "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE" },
    ]);
    json!({
        "tenant": { "id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "name": "contoso.onmicrosoft.com",
                    "displayName": "Contoso", "domains": ["contoso.com"] },
        "applications": [
            { "clientId": APP, "secret": "word", "federatedCredentials": [{ "issuer": ISSUER, "subject": "contract" }], "roles": roles, "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"] },
            { "clientId": READER, "secret": "word", "roles": roles, "wids": ["f2ef992c-3afb-46b9-b7cf-a126ee74c451"] },
        ],
        "skus": [{ "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "skuPartNumber": "SPE_E5", "enabled": 25,
                   "servicePlans": plans }],
        "groups": [{ "id": LICENSING, "displayName": "Licences E5", "members": ["ben@contoso.com"],
                     "licenses": [{ "sku": "SPE_E5", "off": ["EXCHANGE_ANALYTICS"] }] }],
        "users": [
            { "userPrincipalName": "ada@contoso.com", "mail": "Ada.Lovelace@contoso.com", "displayName": "Ada Lovelace",
              "usageLocation": "GB", "licenses": [{ "sku": "SPE_E5", "off": ["TEAMS1"] }],
              "insights": { "dashboard": false } },
            { "userPrincipalName": "ben@contoso.com", "mail": "ben@contoso.com", "displayName": "Ben Ölçek", "usageLocation": "TR" },
            { "userPrincipalName": "o'neill@contoso.com", "mail": "o'neill@contoso.com", "displayName": "Tip O'Neill",
              "accountEnabled": false },
            { "userPrincipalName": "guest_fabrikam.com#EXT#@contoso.onmicrosoft.com", "mail": "guest@fabrikam.com",
              "displayName": "Zoë Guest", "userType": "Guest" },
            { "userPrincipalName": "eve@contoso.com", "mail": "eve@contoso.com", "displayName": "Eve Moneypenny", "refused": true },
            { "userPrincipalName": "$dora@contoso.com", "mail": "dora@contoso.com", "displayName": "Dora" },
        ],
    })
}

fn everything() -> Consent {
    let name = |name: &str| Some(name.to_owned());
    Consent {
        write: true,
        tenant_wide: true,
        person: name("ada@contoso.com"),
        chose: false,
        untouched: name("ben@contoso.com"),
        refused: name("eve@contoso.com"),
        group: name(LICENSING),
        rate: Some(0.2),
        patience: 900,
    }
}

/// Tries the contract in a world, with a script of faults that begins once the suite has looked around.
async fn tried(tenant: Value, world: &str, faults: &str) -> (Stage, Report) {
    let stage = Stage::sandbox(tenant, world, APP, everything()).await.look().await;
    if !faults.is_empty() {
        stage.sandbox.as_ref().unwrap().play(&format!("faults: [{faults}]")).unwrap();
    }
    let report = contract(&stage).await;
    (stage, report)
}

fn seen<'r>(report: &'r Report, id: &str) -> &'r str {
    &report.clauses.iter().find(|found| found.id == id).unwrap_or_else(|| panic!("no clause {id}")).seen
}

#[tokio::test]
async fn the_sandbox_keeps_the_contract_as_far_as_a_program_can_tell() {
    let (_stage, report) = tried(tenant(), "", "").await;
    assert_eq!(report.ids(Verdict::Differs), [""; 0], "{}", report.markdown());
    assert_eq!(report.ids(Verdict::NotTried), BEYOND, "{}", report.markdown());
    report.write(&environment::report("sandbox.md")).unwrap();
}

#[tokio::test]
async fn where_the_documents_leave_it_open_the_report_says_which_it_is() {
    let worlds = [
        (
            "",
            "features-and-mode",
            "(200) → the features as before; opted in again (200) → the features as before",
        ),
        ("opt-out-flags=off", "features-and-mode", "opted out (200) → all features off"),
        ("opt-in-flags=on", "features-and-mode", "opted in again (200) → all features on"),
        ("unlicensed=forbid", "forbidden-people", "without a plan: 403"),
        ("unlicensed=answer", "forbidden-people", "without a plan: 200"),
        ("person-delay=90", "read-after-write", "seen after 1"),
        ("licence-delay=60", "disabled-plans", "seen after 63 s"),
        ("default-delay=300", "reach-of-a-default", "the untouched person followed, seen after 303 s"),
        ("empty-pages=on", "next-link", "6 pages, 3 of them empty, 0 people twice"),
        ("page-size=1", "next-link", "6 pages, 0 of them empty"),
        ("batch-429=3", "batch", " × 429"),
    ];
    for (world, id, words) in worlds {
        let (_stage, report) = tried(tenant(), world, "").await;
        assert_eq!(report.ids(Verdict::Differs), [""; 0], "{world}\n{}", report.markdown());
        assert!(seen(&report, id).contains(words), "{world}: {}", seen(&report, id));
    }
}

#[tokio::test]
async fn powershell_keeps_the_contract_as_well() {
    let stage = Stage::carried(tenant(), "", APP, everything(), true).await.look().await;
    let report = contract(&stage).await;
    assert_eq!(report.ids(Verdict::Differs), [""; 0], "{}", report.markdown());
    assert_eq!(report.ids(Verdict::NotTried), BEYOND, "{}", report.markdown());
    let over = |what: &str| {
        report.clauses.iter().flat_map(|found| &found.calls).filter(|call| call.what == what).count()
    };
    assert!(over("Set-MyAnalyticsFeatureConfig (PowerShell)") > 10);
    assert_eq!(
        over("Set-MyAnalyticsFeatureConfig"),
        0,
        "only what is asked about the envelope travels in it"
    );
}

#[tokio::test]
async fn an_envelope_that_is_refused_differs_alone_when_powershell_carries_the_cmdlets() {
    let stage = Stage::carried(tenant(), "", APP, everything(), true).await.look().await;
    let refused = "{ match: { service: exchange, cmdlet: Get-MyAnalytics }, times: 2, status: 404 }";
    stage.sandbox.as_ref().unwrap().play(&format!("faults: [{refused}]")).unwrap();
    let report = contract(&stage).await;
    assert_eq!(report.ids(Verdict::Differs), ["invoke-command"], "{}", report.markdown());
    assert!(seen(&report, "batch-of-cmdlets").starts_with("one cmdlet alone is refused: 404"));
}

#[tokio::test]
async fn a_limit_that_is_met_is_written_down() {
    let limit = "{ match: { cmdlet: Get-DefaultTenant }, status: 429, retry-after: 2.5, times: 2 }";
    let (_stage, report) = tried(tenant(), "", limit).await;
    assert_eq!(report.ids(Verdict::Differs), [""; 0], "{}", report.markdown());
    assert!(seen(&report, "limits").starts_with("2 of "), "{}", seen(&report, "limits"));
    assert!(seen(&report, "limits").contains("Retry-After: 2.5, 2.5"), "{}", seen(&report, "limits"));
}

/// A clause that no difference can break would be worth nothing, so every clause has one here.
#[tokio::test]
async fn a_planted_difference_is_found() {
    let get = "cmdlet: Get-MyAnalyticsFeatureConfig";
    let defaults = "cmdlet: Get-DefaultTenant";
    let person =
        r#"UserId: ada@contoso.com, PrivacyMode: opt-in, IsDashboardEnabled: true, IsAddInEnabled: true"#;
    let tenant_id = "TenantId: 3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let switches = "IsDashboardEnabled: true, IsAddInEnabled: true, IsDigestEmailEnabled: true, IsScheduleSendEnabled: true";
    let users = "{ match: { path: v1.0/users }, body: { json: { value: [] } }, every: 1 }";
    let instead = |which: &str, object: &str| {
        format!("{{ match: {{ {which} }}, body: {{ json: {{ value: [{{ {object} }}] }} }}, every: 1 }}")
    };
    let status = |which: &str, status: u16| format!("{{ match: {{ {which} }}, status: {status}, every: 1 }}");
    let ignored =
        |which: &str| format!("{{ match: {{ {which} }}, body: {{ json: {{ value: [] }} }}, every: 1 }}");
    let plants: Vec<(&str, String)> = vec![
        ("organization", instead("path: organization", "id: 00000000-0000-0000-0000-000000000001")),
        ("token-of-another-service", instead("path: organization", tenant_id)),
        ("page-limit", users.to_owned()),
        ("next-link", "{ match: { path: v1.0/users }, every: 4, status: 410 }".to_owned()),
        ("advanced-query", status("path: '*$count'", 400)),
        ("members", status("path: transitiveMembers", 403)),
        ("batch", "{ match: { path: v1.0/users/ }, every: 7, status: 500 }".to_owned()),
        ("name-of-a-guest", status("path: '*%23EXT%23*'", 404)),
        ("name-with-an-apostrophe", status("path: '*o%27neill*'", 400)),
        ("name-with-a-dollar", status("path: '*%24dora*'", 400)),
        ("mail-in-a-filter", users.to_owned()),
        ("products", instead("path: subscribedSkus", "skuId: x, skuPartNumber: SPE_E5, servicePlans: []")),
        ("role", status(defaults, 403)),
        ("unknown-cmdlet", ignored("cmdlet: Probe")),
        ("invoke-command", status(get, 404)),
        ("batch-of-cmdlets", status("service: exchange, path: $batch", 400)),
        ("person-fields", instead(get, &format!("{person}, IsDigestEmailEnabled: true, ChangedBy: somebody"))),
        ("unknown-person", instead(get, person)),
        ("forbidden-people", status(get, 500)),
        ("tenant-fields", instead(defaults, &format!("{tenant_id}, {switches}, IsMeetingEffectivenessSurveyEnabled: true"))),
        (
            "sampling-rate-field",
            instead(defaults, &format!("{tenant_id}, {switches}, IsMeetingEffectivenessSurveyEnabled: opted-in, MeetingEffectivenessSurveySamplingRate: 0.2")),
        ),
        ("client", "{ match: { cmdlet: Get-DefaultTenant }, after: 3, every: 1, status: 403 }".to_owned()),
        ("own-choice", ignored("cmdlet: Set-MyAnalytics")),
        ("read-after-write", ignored("cmdlet: Set-MyAnalytics")),
        (
            "features-and-mode",
            "{ match: { cmdlet: Set-MyAnalytics }, after: 14, person: { who: ada@contoso.com, dashboard: false, outlook-add-in: true } }"
                .to_owned(),
        ),
        ("one-call", status("cmdlet: Set-MyAnalytics", 400)),
        ("wrong-words", ignored("cmdlet: Set-MyAnalytics")),
        ("disabled-plans", status("path: '*users/*/assignLicense'", 400)),
        ("plan-of-another-product", ignored("path: '*users/*/assignLicense'")),
        ("licence-of-a-group", "{ match: { path: '*groups/*/assignLicense' }, status: 200, every: 1 }".to_owned()),
        ("scheduled-send", ignored("cmdlet: Set-DefaultTenant")),
        ("sampling-rate-range", ignored("cmdlet: Set-DefaultTenant")),
        (
            "reach-of-a-default",
            "{ match: { cmdlet: Set-DefaultTenant }, after: 5, person: { who: ada@contoso.com, dashboard: false } }".to_owned(),
        ),
        ("limits", "{ match: { cmdlet: Get-DefaultTenant }, status: 429, times: 1 }".to_owned()),
    ];
    let mut found = BTreeSet::from(BEYOND);
    // What is read differs without anything being written, which is quicker.
    let first_write = plants.iter().position(|(id, _)| *id == "own-choice").unwrap();
    for (at, (id, faults)) in plants.iter().enumerate() {
        let write = at >= first_write;
        let consent = Consent { write, tenant_wide: write, ..everything() };
        let stage = Stage::sandbox(tenant(), "", APP, consent).await.look().await;
        stage.sandbox.as_ref().unwrap().play(&format!("faults: [{faults}]")).unwrap();
        let report = contract(&stage).await;
        assert!(report.ids(Verdict::Differs).contains(id), "{id} with {faults}\n{}", report.markdown());
        found.insert(id);
    }

    let (_stage, report) = tried(tenant(), "noop=ignored", "").await;
    assert_eq!(report.ids(Verdict::Differs), ["pin"], "{}", report.markdown());
    found.insert("pin");

    let mut weak = tenant();
    weak["applications"][0]["roles"] = json!([]);
    let (_stage, report) = tried(weak, "", "").await;
    for id in ["graph-token", "exchange-token"] {
        assert!(report.ids(Verdict::Differs).contains(&id), "{id}\n{}", report.markdown());
        found.insert(id);
    }

    let mut stage = Stage::sandbox(tenant(), "", APP, everything()).await.look().await;
    stage.people[0]
        .states
        .push(json!({ "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "state": "Active" }));
    let report = contract(&stage).await;
    assert_eq!(report.ids(Verdict::Differs), ["licence-states"], "{}", report.markdown());
    found.insert("licence-states");

    let all: BTreeSet<&str> = report.clauses.iter().map(|found| found.id).collect();
    assert_eq!(found, all, "every clause can be broken");
}

#[tokio::test]
async fn an_application_without_the_role_cannot_use_the_settings_and_the_report_says_so() {
    let stage = Stage::sandbox(tenant(), "", READER, everything()).await.look().await;
    let report = contract(&stage).await;
    assert_eq!(report.ids(Verdict::Differs), ["exchange-token", "invoke-command"], "{}", report.markdown());
    assert!(seen(&report, "role").starts_with("an application with none of the four: 403"));
    assert!(seen(&report, "tenant-fields").starts_with("the settings cannot be read this way: 403"));
    let written = stage.sandbox.as_ref().unwrap().writes();
    assert!(written.iter().all(|write| write.call == "assignLicense"), "{written:?}");
}

#[tokio::test]
async fn nothing_is_written_without_consent() {
    let read_only = Consent { write: false, tenant_wide: false, ..everything() };
    let stage = Stage::sandbox(tenant(), "", APP, read_only).await.look().await;
    let report = contract(&stage).await;
    assert_eq!(stage.sandbox.as_ref().unwrap().writes(), [], "{}", report.markdown());
    assert_eq!(report.ids(Verdict::Differs), [""; 0], "{}", report.markdown());
    assert_eq!(report.ids(Verdict::NotTried).len(), 16, "{}", report.markdown());

    let one_person = Consent { tenant_wide: false, ..everything() };
    let stage = Stage::sandbox(tenant(), "", APP, one_person).await.look().await;
    let report = contract(&stage).await;
    let written = stage.sandbox.as_ref().unwrap().writes();
    assert!(!written.is_empty() && written.iter().all(|write| write.target != "tenant"), "{written:?}");
    assert_eq!(report.ids(Verdict::NotTried).len(), 8, "{}", report.markdown());
}

#[tokio::test]
async fn what_was_written_is_put_back() {
    let stage = Stage::sandbox(tenant(), "opt-in-flags=on", APP, everything()).await.look().await;
    let state = async |stage: &Stage| {
        let sandbox = stage.sandbox.as_ref().unwrap();
        let ada = stage.wire.get("ada", "/users/ada@contoso.com?$select=licenseAssignmentStates").await;
        let plans = ada.body["licenseAssignmentStates"][0]["disabledPlans"].clone();
        let defaults = stage.defaults().await.body["value"].clone();
        (
            sandbox.settings("ada@contoso.com").unwrap(),
            sandbox.settings("ben@contoso.com").unwrap(),
            plans,
            defaults,
        )
    };
    let before = state(&stage).await;
    let report = contract(&stage).await;
    assert_eq!(state(&stage).await, before, "{}", report.markdown());
    assert!(!stage.sandbox.as_ref().unwrap().writes().is_empty());
}

#[tokio::test]
async fn tokens_that_are_handed_in_do_as_well() {
    let stage = Stage::sandbox(tenant(), "", APP, everything()).await.look().await;
    let token = async |audience| stage.wire.tokens().get(&stage.wire, audience).await.unwrap();
    let [graph, exchange] = [token(Audience::Graph).await, token(Audience::Exchange).await];
    let kept = tempfile::NamedTempFile::new().unwrap();
    let ends = stage.wire.clock.now().as_second() + 86_400;
    let trusted =
        json!({ "iss": ISSUER, "sub": "contract", "aud": "api://AzureADTokenExchange", "exp": ends });
    let word = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let assertion = format!("{}.{}.signature\n", word(&json!({ "alg": "RS256" })), word(&trusted));
    std::fs::write(kept.path(), assertion).unwrap();
    let federated = Proof::Federated { client_id: APP.to_owned(), file: kept.path().to_owned() };
    let given = Proof::Given { graph: graph.into(), exchange: exchange.into() };
    for (proof, given) in [(given, true), (federated, false)] {
        let other = stage.beside(proof).look().await;
        let report = contract(&other).await;
        assert_eq!(report.ids(Verdict::Differs), [""; 0], "{}", report.markdown());
        let ours = report.ids(Verdict::NotTried).contains(&"client");
        assert_eq!(ours, given, "the client takes no tokens");
        assert!(seen(&report, "own-choice").starts_with("it takes a human"), "nobody can be played there");
    }
}

#[tokio::test]
async fn the_report_names_nobody() {
    // Everything is refused in a way that repeats the name, and then again it is not.
    for faults in ["", "{ match: { service: exchange }, every: 2, status: 404 }"] {
        let (stage, report) = tried(tenant(), "unlicensed=forbid", faults).await;
        let text = report.markdown() + &report.json();
        let users = tenant()["users"].as_array().unwrap().clone();
        let names = users.iter().flat_map(|user| {
            ["userPrincipalName", "mail", "displayName"].into_iter().filter_map(|name| user[name].as_str())
        });
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.extend(stage.people.iter().map(|person| person.id.clone()));
        names.extend([APP, "3f2504e0", "contoso", "eyJ", "word\""].map(str::to_owned));
        for name in names {
            let shown = text.to_lowercase().contains(&name.to_lowercase());
            assert!(!shown, "{name} in {text}");
        }
    }
}
