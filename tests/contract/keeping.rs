//! Holds the suite to account: the sandbox keeps the contract, what is written is put back, and nobody is named.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::clause::{Clause, Verdict};
use crate::contract;
use crate::environment::{self, Consent};
use crate::stage::Stage;
use crate::tokens::{Audience, Proof};
use crate::world::{APP, BEYOND, ISSUER, READER, everything, seen, tenant, tried};

#[tokio::test]
async fn the_sandbox_keeps_the_contract_as_far_as_a_program_can_tell() {
    let (_stage, report) = tried(tenant(), "", "").await;
    assert_eq!(report.ids(Verdict::Differs), [""; 0], "{}", report.markdown());
    assert_eq!(report.ids(Verdict::NotTried), BEYOND, "{}", report.markdown());
    report.write(&environment::beside_the_build("sandbox.md")).unwrap();
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
    let held = async |stage: &Stage| {
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
    let before = held(&stage).await;
    let report = contract(&stage).await;
    assert_eq!(held(&stage).await, before, "{}", report.markdown());
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
        let (stage, mut report) = tried(tenant(), "unlicensed=forbid", faults).await;
        let planted = Clause { id: "planted", says: "", expects: "", settles: &[] };
        report
            .take(&stage, async {
                planted.differs("Ada Lovelace, Licences E5 and EVE MONEYPENNY of Contoso")
            })
            .await;
        assert_eq!(seen(&report, "planted"), "‹name›, ‹name› and ‹name› of ‹name›");
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
