//! Sets the stage: a sandbox in a process of its own, and the built program, which is killed like any other process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

#[path = "../stage/copy.rs"]
mod copy;

pub(crate) const TENANT: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

/// Is when the program runs, in minutes after noon; its clock stands still at that moment.
pub(crate) fn at(minutes: i64) -> String {
    let noon: jiff::Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    (noon + jiff::SignedDuration::from_mins(minutes)).to_string()
}

/// Is a folder with a tenant, manifests and a store, as the first chapter leaves it.
#[derive(Debug)]
pub(crate) struct Scene(tempfile::TempDir);

/// Is a case: a copy of that folder, and a sandbox that serves its tenant.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    server: Child,
    pub(crate) url: String,
    client: reqwest::Client,
}

fn user(who: usize, insights: &Value, off: &[&str]) -> Value {
    json!({
        "id": id(who), "userPrincipalName": upn(who), "mail": upn(who), "displayName": format!("Person {who}"),
        "usageLocation": "GB", "licenses": [{ "sku": "SPE_E5", "off": off }], "insights": insights,
    })
}

pub(crate) fn id(who: usize) -> String {
    format!("00000000-0000-4000-8000-00000000000{who}")
}

pub(crate) fn upn(who: usize) -> String {
    format!("p{who}@contoso.com")
}

fn tenant() -> Value {
    json!({
        "tenant": { "id": TENANT, "name": "contoso.onmicrosoft.com", "displayName": "Contoso", "domains": ["contoso.com"] },
        "defaults": { "dashboard": true, "digestEmail": true, "addIn": false },
        "skus": [
            { "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "skuPartNumber": "SPE_E5", "enabled": 99, "servicePlans": [
                { "servicePlanId": "33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "servicePlanName": "MYANALYTICS_P2" },
                { "servicePlanId": "34c0d7a0-a70f-4668-9238-47f9fc208882", "servicePlanName": "EXCHANGE_ANALYTICS" },
                { "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE" }] },
        ],
        "groups": [],
        "users": [
            user(0, &json!({}), &[]),
            user(1, &json!({}), &[]),
            user(2, &json!({}), &[]),
            user(3, &json!({}), &[]),
            user(4, &json!({}), &["MYANALYTICS_P2", "EXCHANGE_ANALYTICS"]),
            user(5, &json!({ "addIn": true }), &[]),
        ],
    })
}

/// Makes a folder, where there is one for which no disk has to be waited for: a killed process loses nothing there.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

impl Scene {
    /// Writes the files, and plays the first chapter: somebody is opted out, by us.
    pub(crate) fn set(manifests: &[(&str, &str)]) -> Self {
        let folder = self::folder();
        fs::write(folder.path().join("tenant.json"), tenant().to_string()).unwrap();
        for (name, groups) in manifests {
            let head = format!("version: 1\ntenant: {{ id: {TENANT}, name: contoso.onmicrosoft.com }}\n");
            fs::write(folder.path().join(name), head + groups).unwrap();
        }
        let scene = Self(folder);
        let mut first = command(scene.0.path(), -60, &["apply", "--yes", "--file", "before.yaml"]);
        let ended = first.args(["--sandbox", "tenant.json"]).output().unwrap();
        assert!(ended.status.success(), "{}", said(&ended));
        scene
    }

    /// Begins a case; the sandbox plays a script from its first call on.
    pub(crate) fn begin(&self, script: &str) -> Stage {
        let folder = self::folder();
        for hidden in [".sandbox", ".insightctl"] {
            copy::copy(&self.0.path().join(hidden), &folder.path().join(hidden));
        }
        copy::copy(self.0.path(), folder.path());
        fs::write(folder.path().join("faults.yaml"), script).unwrap();
        let serve = ["sandbox", "serve", "--sandbox", "tenant.json", "--faults", "faults.yaml"];
        let mut server = command(folder.path(), 0, &serve).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Stage { folder, server, url: url.trim().to_owned(), client }
    }
}

/// Prepares a run of the program, with nothing of the surroundings that could change what it does.
fn command(folder: &Path, minutes: i64, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_insightctl"));
    command.args(arguments).args(["--now", &at(minutes), "--no-progress"]).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in ["INSIGHTCTL_SANDBOX", "INSIGHTCTL_NOW"] {
        command.env_remove(name);
    }
    command.env("CI", "true");
    command
}

/// Gives everything that a run said.
pub(crate) fn said(ended: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", ended.status, text(&ended.stdout), text(&ended.stderr))
}

impl Stage {
    /// Prepares a command against the sandbox, at a time.
    pub(crate) fn command(&self, minutes: i64, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path(), minutes, arguments);
        command.args(["--sandbox", &self.url]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Prepares an apply without questions.
    pub(crate) fn apply(&self, minutes: i64, manifest: &str) -> Command {
        let classes =
            ["defaults", "opt-in", "opt-out", "features", "service-plan-removed", "service-plan-assigned"];
        let mut command = self.command(minutes, &["apply", "--yes", "--file", manifest]);
        command.args(classes.iter().flat_map(|class| ["--allow", class]));
        command
    }

    /// Asks the sandbox's desk for a list.
    pub(crate) async fn desk(&self, list: &str) -> Vec<Value> {
        let url = format!("{}/sandbox/{list}", self.url);
        let text = self.client.get(url).send().await.unwrap().text().await.unwrap();
        let Value::Array(list) = serde_json::from_str::<Value>(&text).unwrap()["value"].take() else {
            panic!("{text}")
        };
        list
    }

    /// Sets the script of faults; what is held is closed.
    pub(crate) async fn play(&self, script: &str) {
        let url = format!("{}/sandbox/faults", self.url);
        let status = self.client.post(url).body(script.to_owned()).send().await.unwrap().status();
        assert!(status.is_success(), "{status}");
    }

    /// Reads what a person has, or the tenant gives, past the program: `IsDashboardEnabled` and so on.
    pub(crate) async fn read(&self, token: &str, cmdlet: &str, parameters: Value) -> Value {
        let url = format!("{}/exchange/adminapi/beta/{TENANT}/InvokeCommand", self.url);
        let body = json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } });
        let answer = self.client.post(url).bearer_auth(token).json(&body).send().await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["value"][0].take()
    }

    /// Signs in to the settings service, past the program.
    pub(crate) async fn sign_in(&self) -> String {
        let url = format!("{}/login/{TENANT}/oauth2/v2.0/token", self.url);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "00000000-0000-0000-0000-00000000c0de"),
            ("client_secret", "sandbox"),
            ("scope", "https://outlook.office365.com/.default"),
        ];
        let text = self.client.post(url).form(&form).send().await.unwrap().text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// Gives the store's folder.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join(".insightctl")
    }

    /// Waits until the sandbox holds a call; `false` when the program ended without it.
    pub(crate) async fn holds(&self, program: &mut Child) -> bool {
        loop {
            if self.desk("calls").await.iter().any(|call| call["held"] == true) {
                return true;
            }
            if program.try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Kills a program as the system does, between any two instructions.
pub(crate) fn kill(program: &mut Child) {
    // On Unix, this is a SIGKILL.
    program.kill().unwrap();
    program.wait().unwrap();
}
