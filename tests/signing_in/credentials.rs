//! Every way to sign in leads to the same plan.

use insightctl::clock::Clock;

use crate::stage::{APP, HEADER, JOB, SECRET, Scene, certificate, client};
use crate::stages::Ended;

/// Makes sure that a run planned, and printed nothing that it must keep to itself; gives the plan.
#[track_caller]
fn planned(how: &str, ended: &Ended) -> String {
    assert_eq!(ended.code, Some(0), "{how}: {}\n{}", ended.out, ended.err);
    silent(how, ended);
    assert!(ended.err.contains("signing in"), "{how}: -vv says who signs in\n{}", ended.err);
    assert!(
        ended.err.contains("verified against the sandbox only"),
        "{how}: the carrier is told\n{}",
        ended.err
    );
    // When it was read differs from one to the next.
    ended.out.lines().filter(|line| !line.starts_with("read ")).collect::<Vec<_>>().join("\n")
}

/// Makes sure that no secret and no token was printed. Every token begins so, as every JSON object in base64 does.
#[track_caller]
pub(crate) fn silent(how: &str, ended: &Ended) {
    for planted in [SECRET, JOB, HEADER, "eyJ"] {
        for said in [&ended.out, &ended.err] {
            assert!(!said.contains(planted), "{how} tells `{planted}`:\n{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_credential_leads_to_the_same_plan() {
    let scene = Scene::set().await;
    let app = ("AZURE_CLIENT_ID", APP);
    let base = scene.plan(&[app, ("AZURE_CLIENT_SECRET", SECRET)]).await;
    let plan = planned("secret", &base);
    assert!(plan.contains("Plan: "), "{plan}");

    let pem = certificate("app.pem");
    let pfx = certificate("app.pfx");
    let vouched = scene.around("github/main?api-version=2.0");
    let asked = client().get(&vouched).query(&[("audience", "api://AzureADTokenExchange")]).bearer_auth(JOB);
    let token = scene.ask(asked).await["value"].as_str().unwrap().to_owned();
    let token = scene.file("token", &token).display().to_string();
    let connection = scene.around("azure-pipelines/main");
    let managed = scene.around(&format!("managed/{APP}"));
    let ways: [(&str, &[(&str, &str)]); 6] = [
        ("certificate", &[app, ("AZURE_CLIENT_CERTIFICATE_PATH", &pem)]),
        (
            "pfx",
            &[app, ("AZURE_CLIENT_CERTIFICATE_PATH", &pfx), ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "word")],
        ),
        ("file", &[app, ("AZURE_FEDERATED_TOKEN_FILE", &token)]),
        (
            "github",
            &[app, ("ACTIONS_ID_TOKEN_REQUEST_URL", &vouched), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", JOB)],
        ),
        (
            "azure pipelines",
            &[
                ("SYSTEM_OIDCREQUESTURI", &connection),
                ("SYSTEM_ACCESSTOKEN", JOB),
                ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "c0de"),
                ("AZURESUBSCRIPTION_CLIENT_ID", APP),
            ],
        ),
        ("managed", &[("IDENTITY_ENDPOINT", &managed), ("IDENTITY_HEADER", HEADER)]),
    ];
    for (how, variables) in ways {
        assert_eq!(planned(how, &scene.plan(variables).await), plan, "{how}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_in_to_the_azure_cli_can_plan() {
    use std::os::unix::fs::PermissionsExt;

    let scene = Scene::set().await;
    let tokens = [
        scene.token("https://graph.microsoft.com").await,
        scene.token("https://outlook.office365.com").await,
    ];
    let ends = Clock::system().now().as_second() + 3600;
    let [graph, exchange] = tokens
        .map(|token| format!(r#"{{"accessToken":"{token}","expires_on":{ends},"tokenType":"Bearer"}}"#));
    let asked = scene.stage.path().join("asked");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> '{}'\ncase \"$*\" in *graph*) echo '{graph}' ;; *) echo '{exchange}' ;; esac\n",
        asked.display()
    );
    let az = scene.file("az", &script);
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", scene.stage.path().display());
    let plan = planned("az", &scene.plan(&[("PATH", &path)]).await);
    assert!(plan.contains("Plan: "), "{plan}");
    let mut asked: Vec<String> = std::fs::read_to_string(asked).unwrap().lines().map(str::to_owned).collect();
    asked.sort();
    let tenant = scene.sandbox.tenant_id();
    assert_eq!(
        asked,
        ["graph.microsoft.com", "outlook.office365.com"].map(|host| format!(
            "account get-access-token -o json --scope https://{host}/.default --tenant {tenant}"
        ))
    );

    scene.file("az", "#!/bin/sh\necho 'Please run az login' >&2; exit 1\n");
    let ended = scene.plan(&[("PATH", &path)]).await.with(4);
    assert!(ended.err.contains("error: the Azure CLI gave no token: Please run az login"), "{}", ended.err);
    scene.file("az", "#!/bin/sh\necho '{\"accessToken\":\"planted-client-secret\",\"tokenType\":7}'\n");
    let ended = scene.plan(&[("PATH", &path)]).await.with(4);
    silent("az that answers nonsense", &ended);
    assert!(
        ended.err.contains("error: the Azure CLI gave no token: its answer cannot be read"),
        "{}",
        ended.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_identity_that_is_not_there_is_told_soon() {
    let scene = Scene::set().await;
    let managed = scene.around("managed/00000000-0000-0000-0000-00000000dead");
    let ended = scene.plan(&[("IDENTITY_ENDPOINT", &managed), ("IDENTITY_HEADER", HEADER)]).await.with(4);
    silent("managed", &ended);
    assert!(
        ended
            .err
            .contains("the managed identity gave no token: The requested identity has not been assigned"),
        "{}",
        ended.err
    );
    let nobody = [("IDENTITY_ENDPOINT", "http://127.0.0.1:9"), ("IDENTITY_HEADER", HEADER)];
    let ended = scene.plan(&nobody).await.with(4);
    assert!(ended.err.contains("nobody answers where a managed identity would be"), "{}", ended.err);
}
