//! Signing in: refused, too weak, and renewed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use insightctl::microsoft::{Connection, Credential, Reader};
use insightctl::model::{Known, RefusalKind, TenantId};
use uuid::uuid;

use crate::stage::{ADA, ALL, APP, BEN, Stage, TENANT, WEAK, are, id, kind, people, resolve, user};

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
    let connection = Connection::new(TENANT, stage.endpoints.clone(), credential);
    let refusal = Reader::connect(connection, stage.ours.clone()).await.unwrap_err();
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
