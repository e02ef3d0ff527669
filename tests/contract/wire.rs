//! Speaks plain HTTP with the services, so that nothing of what they say is hidden by a client, and keeps count.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use insightctl::clock::Clock;
use insightctl::microsoft::Endpoints;
use reqwest::{Client, RequestBuilder, Response};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::powershell::PowerShell;
use crate::scrub;
use crate::tokens::{Audience, Tokens};

/// Is how often a request is repeated that came too fast, or met a passing fault.
const REPEATS: u32 = 4;
/// Is the longest that a service is obeyed when it says to wait, in seconds.
const LONGEST_PAUSE: f64 = 120.0;
/// The headers by which a service tells of its limits.
const LIMITS: [&str; 7] = [
    "retry-after",
    "x-ms-retry-after-ms",
    "x-ms-resource-unit",
    "x-ms-throttle-limit-percentage",
    "x-ms-throttle-scope",
    "rate-limit-remaining",
    "rate-limit-reset",
];

/// Is one call that was made: what was asked, without names, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Call {
    pub(crate) what: String,
    /// The HTTP status; 0 when there was no answer.
    pub(crate) status: u16,
    /// What the service told of its limits.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) limits: BTreeMap<&'static str, String>,
}

/// Is an answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    /// JSON, or a string with whatever else it was.
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn is_bad_request(&self) -> bool {
        self.status == 400
    }

    /// Gives the objects of an answer.
    pub(crate) fn objects(&self) -> &[Value] {
        self.body["value"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Gives the only object of an answer.
    pub(crate) fn object(&self) -> Option<&serde_json::Map<String, Value>> {
        match self.objects() {
            [Value::Object(object)] if self.is_done() => Some(object),
            _ => None,
        }
    }

    /// Says how it ended in a few words: the status, and what a refusal says.
    pub(crate) fn told(&self) -> String {
        if self.is_done() {
            return self.status.to_string();
        }
        let error = &self.body["error"];
        let texts = [&error["code"], &error["message"], &self.body["Code"], &self.body["Message"]];
        let mut said: Vec<&str> = texts.into_iter().filter_map(Value::as_str).collect();
        said.extend(self.body.as_str());
        format!("{} {}", self.status, scrub::said(&said.join(": ")))
    }
}

/// Is the way to the services of one tenant.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) client: Client,
    pub(crate) endpoints: Endpoints,
    pub(crate) tenant: Uuid,
    pub(crate) clock: Clock,
    /// What carries the insights cmdlets, where it is not the Exchange envelope.
    pub(crate) powershell: Option<PowerShell>,
    tokens: Tokens,
    calls: Mutex<Vec<Call>>,
}

impl Wire {
    pub(crate) fn new(
        client: Client,
        endpoints: Endpoints,
        tenant: Uuid,
        clock: Clock,
        tokens: Tokens,
        powershell: Option<PowerShell>,
    ) -> Self {
        Self { client, endpoints, tenant, clock, powershell, tokens, calls: Mutex::default() }
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Gives the calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("nobody panics while counting").clone()
    }

    /// Reads from the directory; `path` begins with a slash, and `what` says the same without names.
    pub(crate) async fn get(&self, what: &str, path: &str) -> Seen {
        self.read(what, &self.graph(path), false).await
    }

    /// The same as an advanced query.
    pub(crate) async fn get_eventually(&self, what: &str, path: &str) -> Seen {
        self.read(what, &self.graph(path), true).await
    }

    /// Reads an address that the directory gave.
    pub(crate) async fn follow(&self, what: &str, url: &str) -> Seen {
        self.read(what, url, false).await
    }

    pub(crate) fn graph(&self, path: &str) -> String {
        format!("{}/v1.0{path}", self.endpoints.graph)
    }

    async fn read(&self, what: &str, url: &str, eventual: bool) -> Seen {
        // A link that leads elsewhere would carry the token there.
        if !url.starts_with(&self.graph("/")) {
            return Seen { status: 0, body: json!("the link leads away from the directory") };
        }
        self.send(Audience::Graph, &format!("GET {what}"), || {
            let request = self.client.get(url);
            if eventual { request.header("ConsistencyLevel", "eventual") } else { request }
        })
        .await
    }

    /// Writes to the directory, or sends it a batch.
    pub(crate) async fn post(&self, what: &str, path: &str, body: &Value) -> Seen {
        let url = self.graph(path);
        self.send(Audience::Graph, &format!("POST {what}"), || self.client.post(&url).json(body)).await
    }

    /// Writes an insights cmdlet in the Exchange envelope.
    pub(crate) fn envelope(cmdlet: &str, parameters: &Value) -> Value {
        json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } })
    }

    pub(crate) fn exchange(&self, call: &str) -> String {
        format!("{}/adminapi/beta/{}/{call}", self.endpoints.exchange, self.tenant)
    }

    /// Gives the headers that go with a cmdlet.
    pub(crate) fn routing(&self, cmdlet: &str) -> [(&'static str, String); 4] {
        let mailbox = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";
        [
            ("X-CmdletName", cmdlet.to_owned()),
            ("X-AnchorMailbox", format!("APP:{mailbox}@{}", self.tenant)),
            ("X-ResponseFormat", "json".to_owned()),
            ("Prefer", "odata.maxpagesize=1000;odata.continue-on-error".to_owned()),
        ]
    }

    /// Runs an insights cmdlet over whatever carries them.
    pub(crate) async fn run(&self, cmdlet: &str, parameters: &Value) -> Seen {
        let Some(powershell) = &self.powershell else { return self.invoke(cmdlet, parameters).await };
        let mut repeats = 0;
        loop {
            let (seen, call) = powershell.run(self, cmdlet, parameters).await;
            let pause = pause(&call.limits);
            self.count(call);
            if !is_passing(&seen) || repeats == REPEATS {
                return seen;
            }
            repeats += 1;
            self.clock.sleep(pause.unwrap_or(Duration::from_secs(2_u64.pow(repeats)))).await;
        }
    }

    /// Runs an insights cmdlet in the Exchange envelope.
    pub(crate) async fn invoke(&self, cmdlet: &str, parameters: &Value) -> Seen {
        self.posted(cmdlet, "InvokeCommand", cmdlet, &Self::envelope(cmdlet, parameters)).await
    }

    /// Sends insights cmdlets in one batch.
    pub(crate) async fn batch(&self, cmdlet: &str, requests: &[Value]) -> Seen {
        let what = format!("a batch of {} × {cmdlet}", requests.len());
        self.posted(&what, "$batch", cmdlet, &json!({ "requests": requests })).await
    }

    async fn posted(&self, what: &str, call: &str, cmdlet: &str, body: &Value) -> Seen {
        let url = self.exchange(call);
        self.send(Audience::Exchange, what, || {
            let request = self.client.post(&url).json(body);
            self.routing(cmdlet)
                .into_iter()
                .fold(request, |request, (name, value)| request.header(name, value))
        })
        .await
    }

    /// Sends a request with a token for some service, again after a pause if it came too fast or met a passing fault.
    pub(crate) async fn send(
        &self,
        audience: Audience,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Seen {
        let mut repeats = 0;
        loop {
            let token = match self.tokens.get(self, audience).await {
                Ok(token) => token,
                Err(seen) => return seen,
            };
            let (seen, pause) = self.once(what, request().bearer_auth(token)).await;
            if !is_passing(&seen) || repeats == REPEATS {
                return seen;
            }
            repeats += 1;
            self.clock.sleep(pause.unwrap_or(Duration::from_secs(2_u64.pow(repeats)))).await;
        }
    }

    /// Sends a request once and writes down how it ended.
    pub(crate) async fn once(&self, what: &str, request: RequestBuilder) -> (Seen, Option<Duration>) {
        let request = request.header("client-request-id", Uuid::new_v4().to_string());
        let (seen, limits) = match request.header("Accept", "application/json").send().await {
            Ok(response) => heard(response).await,
            Err(error) => {
                let text = json!(error.without_url().to_string());
                (Seen { status: 0, body: text }, BTreeMap::new())
            }
        };
        let pause = pause(&limits);
        self.count(Call { what: what.to_owned(), status: seen.status, limits });
        (seen, pause)
    }

    fn count(&self, call: Call) {
        self.calls.lock().expect("nobody panics while counting").push(call);
    }
}

/// Says whether a refusal may pass by itself.
fn is_passing(seen: &Seen) -> bool {
    matches!(seen.status, 429 | 502..=504)
}

/// Reads how long a service asks to wait.
fn pause(limits: &BTreeMap<&'static str, String>) -> Option<Duration> {
    let seconds: f64 = limits.get("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs_f64(seconds.clamp(0.0, LONGEST_PAUSE)))
}

async fn heard(response: Response) -> (Seen, BTreeMap<&'static str, String>) {
    let status = response.status().as_u16();
    let header = |name: &'static str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some((name, value.chars().take(60).collect()))
    };
    let limits = LIMITS.into_iter().filter_map(header).collect();
    let text = response.text().await.unwrap_or_default();
    let body = match text.trim() {
        "" => Value::Null,
        _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
    };
    (Seen { status, body }, limits)
}
