//! Plants differences and sees that each is found: a clause that nothing can break would be worth nothing.

use std::collections::BTreeSet;

use serde_json::json;

use crate::clause::Verdict;
use crate::contract;
use crate::environment::Consent;
use crate::stage::Stage;
use crate::world::{APP, BEYOND, everything, tenant, tried};

#[tokio::test]
async fn a_planted_difference_is_found() {
    let get = "cmdlet: Get-MyAnalyticsFeatureConfig";
    let defaults = "cmdlet: Get-DefaultTenant";
    let person =
        "UserId: ada@contoso.com, PrivacyMode: opt-in, IsDashboardEnabled: true, IsAddInEnabled: true";
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
