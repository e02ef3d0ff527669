//! Signing in: refused, too weak, and renewed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use insightctl::microsoft::{Certificate, Connection, Credential, Federated, Lack, Reader, advice};
use insightctl::model::{Known, Refusal, RefusalKind, TenantId};
use uuid::uuid;

use crate::stage::{
    ADA, ALL, APP, BEN, DISABLED, POWERLESS, PROVEN, Stage, TENANT, WEAK, are, id, kind, people, resolve,
    tenant, user,
};

fn secret(client_id: &str, secret: &str) -> Credential {
    Credential::ClientSecret { client_id: client_id.to_owned(), secret: secret.to_owned().into() }
}

fn certificate(name: &str) -> Credential {
    let file = std::fs::read(format!("{}/tests/certificates/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let certificate = Certificate::read(&file, None).unwrap();
    Credential::Certificate { client_id: PROVEN.to_owned(), certificate }
}

fn federated(source: Federated) -> Credential {
    Credential::Federated { client_id: PROVEN.to_owned(), source }
}

/// Lets a job of GitHub Actions by this name sign in.
fn github(stage: &Stage, subject: &str) -> Credential {
    let subject = subject.replace(':', "%3A").replace('/', "%2F");
    let url = format!("{}/around/github/{subject}?api-version=2.0", stage.sandbox.url());
    federated(Federated::GitHub { url, token: "hush".to_owned().into() })
}

const MAIN: &str = "repo:contoso/insights:ref:refs/heads/main";

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
    let refusal = stage.connect_with(secret(APP, "hunter2"), TENANT).await.unwrap_err();
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
    assert_eq!(
        reader.signed_in().settings_lack(),
        Some(Lack::DirectoryRole),
        "whoever needs settings can tell before"
    );
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

#[tokio::test]
async fn every_proof_of_an_application_gets_its_token() {
    let stage = Stage::new("").await;
    let url = format!("{}/around/azure-pipelines/sc%3A%2F%2Fcontoso%2Finsights%2Fapply", stage.sandbox.url());
    let azure =
        Federated::AzurePipelines { url, token: "hush".to_owned().into(), connection: "c0de".to_owned() };
    let proofs = [secret(APP, "word"), certificate("app.pem"), github(&stage, MAIN), federated(azure)];
    for credential in proofs {
        let who = credential.describe();
        let reader =
            stage.connect_with(credential, TENANT).await.unwrap_or_else(|refusal| panic!("{who}: {refusal}"));
        assert!(people(&reader, &[ADA]).await[&id(ADA)].settings.known().is_some(), "{who}");
        let exchange = reader.signed_in().exchange.as_ref().unwrap();
        assert!(who.contains(exchange.application.as_deref().unwrap()), "{who}");
        assert_eq!(exchange.tenant, Some(TENANT.to_string()));
        assert!(exchange.roles.contains("Exchange.ManageAsApp") && exchange.scopes.is_none());
        assert_eq!(reader.signed_in().settings_lack(), None);
    }
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_every_sign_in() {
    let stage = Stage::new("").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let source = || federated(Federated::File(file.clone()));
    let refusal = stage.connect_with(source(), TENANT).await.unwrap_err();
    assert!(refusal.message.starts_with("the federated token file "), "{refusal}");
    std::fs::write(&file, format!("{}\n", vouched(&stage).await)).unwrap();
    let reader = stage.connect_with(source(), TENANT).await.unwrap();
    std::fs::write(&file, "no token any more").unwrap();
    stage.ours.advance(jiff::SignedDuration::from_hours(2));
    assert!(reader.tenant_settings().await.values().all(|value| kind(value) == RefusalKind::SignIn));
    stage.ours.advance(jiff::SignedDuration::from_mins(1));
    std::fs::write(&file, vouched(&stage).await).unwrap();
    assert!(
        reader.tenant_settings().await.values().any(|value| value.known().is_some()),
        "the file is fresh again"
    );
}

/// Gets the token of a job, as the job itself would.
async fn vouched(stage: &Stage) -> String {
    let url =
        format!("{}/around/github/{}", stage.sandbox.url(), MAIN.replace(':', "%3A").replace('/', "%2F"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = client.get(url).query(&[("audience", "api://AzureADTokenExchange")]).bearer_auth("hush");
    let answer: serde_json::Value = asked.send().await.unwrap().json().await.unwrap();
    answer["value"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_refusal_of_sign_in_is_one_sentence_with_advice() {
    let stage = Stage::new("").await;
    let other = TenantId(uuid!("aaaaaaaa-0000-4000-8000-000000000009"));
    let mut told = Vec::new();
    let mut tell = |refused: Result<_, Refusal>| {
        let refusal = refused.map(|_| ()).unwrap_err();
        let Refusal { kind, message, request_id: _ } = &refusal;
        told.push(format!("{kind:?}: {message}\n  {}", advice(&refusal).expect("there is advice")));
    };
    tell(stage.connect_with(secret(PROVEN, "old"), TENANT).await);
    tell(stage.connect_with(secret(APP, "wrong"), TENANT).await);
    tell(stage.connect_with(secret(APP, "word"), other).await);
    tell(stage.connect_with(secret(DISABLED, "word"), TENANT).await);
    tell(stage.connect_with(secret("00000000-0000-0000-0000-00000000dead", "word"), TENANT).await);
    tell(stage.connect_with(secret(POWERLESS, "word"), TENANT).await);
    tell(stage.connect_with(github(&stage, "repo:Contoso/insights:ref:refs/heads/main"), TENANT).await);
    tell(stage.connect_with(github(&stage, "repo:contoso/insights:pull_request"), TENANT).await);
    stage.theirs.fetch_add(2 * 3600, Ordering::SeqCst);
    tell(stage.connect_with(certificate("app.pem"), TENANT).await);
    assert_eq!(stage.asked("organization"), 0, "nothing was called");
    insta::assert_snapshot!(told.join("\n"), @r"
    SignIn: the client secret has expired (AADSTS7000222)
      make a new one under Certificates & secrets, or better a federated credential, which never expires
    SignIn: the client secret is wrong (AADSTS7000215)
      AZURE_CLIENT_SECRET takes the secret's value, which is shown once when it is made; often its id is taken instead
    SignIn: there is no such tenant (AADSTS90002)
      check `tenant.id` in the manifest, and `cloud:` for a national cloud
    SignIn: the application is disabled in the tenant (AADSTS7000112)
      enable it under Enterprise applications
    SignIn: the tenant does not know the application (AADSTS700016)
      check AZURE_CLIENT_ID and `tenant.id`; an application of another tenant needs consent in this one first
    Forbidden: the application may not use Microsoft Graph: its token carries no permission at all
      add the application permissions `User.Read.All` and `GroupMember.Read.All` of Microsoft Graph, and grant admin consent; docs/microsoft-365.md lists what a manifest needs
    SignIn: a federated credential of the application matches the token that was sent but for letter case (AADSTS7002138): issuer `https://token.actions.githubusercontent.com`, subject `repo:Contoso/insights:ref:refs/heads/main`, audience `api://AzureADTokenExchange`
      issuer, subject and audience are compared with their letter case: copy them from this error
    SignIn: no federated credential of the application has this subject (AADSTS700213): issuer `https://token.actions.githubusercontent.com`, subject `repo:contoso/insights:pull_request`, audience `api://AzureADTokenExchange`
      copy issuer, subject and audience from this error into a federated credential of the application (Certificates & secrets)
    SignIn: the assertion is not valid yet, or no more (AADSTS500133)
      check this machine's clock: sign-in bears a difference of five minutes
    ");
}

#[tokio::test]
async fn a_token_that_is_revoked_during_a_run_is_replaced() {
    let stage = Stage::new("").await;
    let reader = stage.connect_with(github(&stage, MAIN), TENANT).await.unwrap();
    let signed_in = stage.asked("token");
    stage.sandbox.play("faults: [{ call: 1, expire-token: true }]").unwrap();
    assert!(people(&reader, &[ADA, BEN]).await.values().all(|person| person.settings.known().is_some()));
    assert_eq!(stage.asked("token"), signed_in + 1, "one token was revoked");
}

#[tokio::test]
async fn a_job_for_which_nobody_vouches_is_told_so() {
    let stage = Stage::new("").await;
    let url = format!("{}/around/nowhere", stage.sandbox.url());
    let source = Federated::GitHub { url, token: "hush".to_owned().into() };
    let refusal = stage.connect_with(federated(source), TENANT).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::SignIn);
    assert!(refusal.message.starts_with("the pipeline's token service answered 401"), "{refusal}");
    let source =
        Federated::GitHub { url: "http://pipelines.example".to_owned(), token: "hush".to_owned().into() };
    let refusal = stage.connect_with(federated(source), TENANT).await.unwrap_err();
    assert!(refusal.message.contains("tokens are sent in the clear to this machine only"), "{refusal}");
}

#[tokio::test]
async fn the_tenants_own_record_need_not_be_readable() {
    let mut tenant = tenant();
    let applications = tenant["applications"].as_array_mut().unwrap();
    let app = applications.iter_mut().find(|one| one["clientId"] == APP).unwrap();
    app["roles"].as_array_mut().unwrap().retain(|role| role != "Organization.Read.All");
    let stage = Stage::with("", tenant).await;
    let mut connection = Connection::new(TENANT, stage.endpoints.clone(), secret(APP, "word"));
    let reader = Reader::connect(connection, stage.ours.clone()).await.unwrap();
    assert_eq!((reader.tenant(), &**reader.tenant_name()), (TENANT, TENANT.to_string().as_str()));
    connection = Connection::new(TENANT, stage.endpoints.clone(), secret(APP, "word"));
    connection.name = Some("contoso.onmicrosoft.com".into());
    let reader = Reader::connect(connection, stage.ours.clone()).await.unwrap();
    assert_eq!(&**reader.tenant_name(), "contoso.onmicrosoft.com");
}

#[tokio::test]
async fn exchange_is_not_asked_for_a_token_before_settings_are_needed() {
    let stage = Stage::new("").await;
    let mut connection = Connection::new(TENANT, stage.endpoints.clone(), secret(WEAK, "word"));
    connection.settings = false;
    let reader = Reader::connect(connection, stage.ours.clone()).await.unwrap();
    assert_eq!((stage.asked("token"), reader.signed_in().exchange.is_none()), (1, true));
    assert_eq!(reader.open_settings().await.unwrap_err(), Lack::DirectoryRole.refusal());
    assert_eq!(stage.asked("token"), 2);
}
