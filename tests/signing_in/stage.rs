//! What all of these tests share: a sandbox that stands where Microsoft 365 would, and the program in bare surroundings.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use insightctl::clock::Clock;
use insightctl::sandbox::{Options, Sandbox, Source};
use serde_json::{Value, json};

use crate::stages::{Ended, Stage};

pub(crate) const APP: &str = "00000000-0000-0000-0000-00000000c0de";
/// Was granted everything but a directory role.
pub(crate) const WEAK: &str = "00000000-0000-0000-0000-00000000beef";
pub(crate) const SECRET: &str = "planted-client-secret";
pub(crate) const JOB: &str = "planted-token-of-the-job";
pub(crate) const HEADER: &str = "planted-identity-header";

const EVERYTHING: [&str; 5] = [
    "Organization.Read.All",
    "User.Read.All",
    "GroupMember.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Exchange.ManageAsApp",
];

/// Is the program's example, and a sandbox with its tenant.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) sandbox: Sandbox,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let stage = Stage::set();
        let mut tenant: Value =
            serde_json::from_slice(&std::fs::read(stage.path().join("tenant.json")).unwrap()).unwrap();
        let administrator = "29232cdf-9323-42fd-ade2-1d097af3e4de";
        tenant["applications"] = json!([
            { "clientId": APP, "secret": SECRET, "roles": EVERYTHING, "wids": [administrator],
              "certificates": ["_zZSEjxjAgFCYzBMq2peSUBKlmRsbc6nfIBcKBEdFH4"],
              "federatedCredentials": [
                  { "issuer": "https://token.actions.githubusercontent.com", "subject": "main" },
                  { "issuer": "https://vstoken.dev.azure.com/00000000-0000-4000-8000-0000000000d0", "subject": "main" }] },
            { "clientId": WEAK, "secret": SECRET, "roles": EVERYTHING, "wids": [] },
        ]);
        let clock = Clock::system();
        let now = Arc::new(move || clock.now().as_second());
        let sandbox = Sandbox::start(Options::new(Source::Value(tenant), now)).await.unwrap();
        Self { stage, sandbox }
    }

    /// Prepares a run of the program with nothing but these variables around it, over the carrier that the sandbox speaks.
    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = self.stage.command(arguments);
        command.args(["--transport", "exchange-rest"]);
        let url = self.sandbox.url();
        command.env_clear().env("CI", "true").env("PATH", "/usr/bin:/bin");
        command
            .env("INSIGHTCTL_LOGIN_URL", format!("{url}/login"))
            .env("INSIGHTCTL_GRAPH_URL", format!("{url}/graph"))
            .env("INSIGHTCTL_EXCHANGE_URL", format!("{url}/exchange"))
            .envs(variables.iter().copied());
        command
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.command(arguments, variables);
        Ended::from(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
    }

    /// Plans over the wire; a store is made up each time.
    pub(crate) async fn plan(&self, variables: &[(&str, &str)]) -> Ended {
        self.run(&["plan", "--new-store", "-vv"], variables).await
    }

    /// Counts requests to routes whose name contains a word.
    pub(crate) fn asked(&self, word: &str) -> u64 {
        self.sandbox.requests().iter().filter(|(route, _)| route.contains(word)).map(|(_, count)| count).sum()
    }

    /// Gives the address of something around the tenant.
    pub(crate) fn around(&self, what: &str) -> String {
        format!("{}/around/{what}", self.sandbox.url())
    }

    /// Asks the sandbox for something, as a test may.
    pub(crate) async fn ask(&self, request: reqwest::RequestBuilder) -> Value {
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Gets a token of the application, as another program would.
    pub(crate) async fn token(&self, resource: &str) -> String {
        let tenant = self.sandbox.tenant_id();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", APP),
            ("client_secret", SECRET),
            ("scope", &format!("{resource}/.default")),
        ];
        let url = format!("{}/login/{tenant}/oauth2/v2.0/token", self.sandbox.url());
        let answer = self.ask(client().post(url).form(&form)).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Writes a file beside the manifest, and gives its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.stage.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

pub(crate) fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Gives the path of a certificate for tests.
pub(crate) fn certificate(name: &str) -> String {
    format!("{}/tests/certificates/{name}", env!("CARGO_MANIFEST_DIR"))
}
