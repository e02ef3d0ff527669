//! The sandbox itself: who can be played, and what is kept.

use std::sync::Arc;

use insightctl::sandbox::{By, Choice, DefaultsChoice, Options, Sandbox, SandboxError, Source, play_person};
use serde_json::json;

use crate::stage::{ADA, BEN, Stage, TENANT, answer, flags, tenant};

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
    let settings =
        play_person(options(), "ben@contoso.com", &add_in, &By::Themselves).expect("nobody holds the log");
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
