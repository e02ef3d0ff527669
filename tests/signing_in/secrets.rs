//! What is told when signing in fails, and what never is.

use crate::credentials::silent;
use crate::stage::{APP, JOB, SECRET, Scene, WEAK, certificate};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_sign_in_with_is_one_sentence() {
    let scene = Scene::set().await;
    let ended = scene.run(&["plan", "--new-store"], &[]).await.with(4);
    assert!(ended.err.contains("error: nothing to sign in with: no federated token ("), "{}", ended.err);
    assert!(ended.err.contains("hint: docs/microsoft-365.md shows each"), "{}", ended.err);
    assert_eq!(scene.asked("token"), 0);
}

/// Is what went wrong, the variables that make it so, and what is told.
type Wrong<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_no_secret_is_told() {
    let scene = Scene::set().await;
    let app = ("AZURE_CLIENT_ID", APP);
    let stranger = ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000dead");
    let branch = scene.around("github/branch");
    let nowhere = scene.around("nowhere");
    let encrypted = certificate("encrypted.pem");
    let pfx = certificate("app.pfx");
    let token = scene.file("token", &format!("{SECRET}.{SECRET}.{SECRET}")).display().to_string();
    let wrong: [Wrong<'_>; 9] = [
        (
            "stranger",
            &[stranger, ("AZURE_CLIENT_SECRET", SECRET)],
            "the tenant does not know the application",
        ),
        ("wrong", &[app, ("AZURE_CLIENT_SECRET", "planted-client-secret-2")], "the client secret is wrong"),
        ("nameless", &[("AZURE_CLIENT_SECRET", SECRET)], "AZURE_CLIENT_ID is not set"),
        (
            "tenant",
            &[app, ("AZURE_CLIENT_SECRET", SECRET), ("AZURE_TENANT_ID", "other")],
            "AZURE_TENANT_ID is other",
        ),
        (
            "subject",
            &[app, ("ACTIONS_ID_TOKEN_REQUEST_URL", &branch), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", JOB)],
            "subject `branch`",
        ),
        (
            "pipeline",
            &[app, ("ACTIONS_ID_TOKEN_REQUEST_URL", &nowhere), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", JOB)],
            "the pipeline's token service answered 401",
        ),
        ("file", &[app, ("AZURE_FEDERATED_TOKEN_FILE", &token)], "AADSTS50027"),
        ("key", &[app, ("AZURE_CLIENT_CERTIFICATE_PATH", &encrypted)], "its key is encrypted"),
        (
            "password",
            &[app, ("AZURE_CLIENT_CERTIFICATE_PATH", &pfx), ("AZURE_CLIENT_CERTIFICATE_PASSWORD", SECRET)],
            "its password is another one",
        ),
    ];
    for (how, variables, fact) in wrong {
        let ended = scene.plan(variables).await.with(4);
        silent(how, &ended);
        assert!(ended.err.contains(fact) && ended.err.contains("hint: "), "{how}: {}", ended.err);
        assert_eq!(ended.out, "", "{how}");
    }
    assert_eq!(scene.asked("users") + scene.asked("InvokeCommand") + scene.asked("batch"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_role_is_told_before_anybody_is_asked_about() {
    let scene = Scene::set().await;
    let ended = scene.plan(&[("AZURE_CLIENT_ID", WEAK), ("AZURE_CLIENT_SECRET", SECRET)]).await.with(4);
    assert!(
        ended.err.contains("error: the insights settings are closed to whoever signed in"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("hint: assign Exchange Administrator"), "{}", ended.err);
    assert_eq!(scene.asked("exchange"), 0);

    // Who needs licences only is not stopped by it.
    let manifest = format!(
        "version: 1\ntenant: {{ id: {} }}\ngroups:\n  - name: sales\n    service-plan: assigned\n    members:\n      \
         - group: sales@contoso.com\n",
        scene.sandbox.tenant_id()
    );
    scene.file("licences.yaml", &manifest);
    let arguments = ["plan", "--new-store", "--file", "licences.yaml"];
    let ended = scene.run(&arguments, &[("AZURE_CLIENT_ID", WEAK), ("AZURE_CLIENT_SECRET", SECRET)]).await;
    assert!(ended.out.contains("Plan: ") || ended.out.contains("No changes"), "{}\n{}", ended.out, ended.err);
}
