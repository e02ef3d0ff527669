//! Is the small world in which the suite itself is tried: a sandbox tenant with somebody of every kind.

use serde_json::{Value, json};

use crate::contract;
use crate::environment::Consent;
use crate::report::Report;
use crate::stage::Stage;

pub(crate) const APP: &str = "00000000-0000-0000-0000-00000000c0de";
pub(crate) const READER: &str = "00000000-0000-0000-0000-00000000beef";
/// Vouches for the application.
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const LICENSING: &str = "00000000-0000-4000-8000-000000000053";
/// What takes a human, or more of the world than the sandbox has.
pub(crate) const BEYOND: [&str; 4] =
    ["limits", "wire-of-the-cmdlets", "audit-of-own-changes", "cloud-in-china"];

pub(crate) fn tenant() -> Value {
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

pub(crate) fn everything() -> Consent {
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
pub(crate) async fn tried(tenant: Value, world: &str, faults: &str) -> (Stage, Report) {
    let stage = Stage::sandbox(tenant, world, APP, everything()).await.look().await;
    if !faults.is_empty() {
        stage.sandbox.as_ref().unwrap().play(&format!("faults: [{faults}]")).unwrap();
    }
    let report = contract(&stage).await;
    (stage, report)
}

pub(crate) fn seen<'r>(report: &'r Report, id: &str) -> &'r str {
    &report.clauses.iter().find(|found| found.id == id).unwrap_or_else(|| panic!("no clause {id}")).seen
}
