//! Stands in for PowerShell with the Exchange Online module, where there is none: it speaks the same lines as the script
//! that insightctl would run, and asks a sandbox instead of Microsoft.
//!
//! Nothing is known here of that script but what goes over the pipes. On request it also behaves as badly as a real
//! process can: it prints warnings between the answers, cuts answers, falls silent, or dies.

mod http;
mod noise;

use std::io;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

use self::http::Answer;
use super::text::from_base64url;

/// Says how a stand-in behaves; every number counts the cmdlets of one process, from 1.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way to misbehave, and they go together")]
pub struct StandIn {
    /// The sandbox that it asks, such as `http://127.0.0.1:8080`.
    pub at: String,
    /// The version of the module that it pretends to have; `None` for no module.
    pub module: Option<String>,
    /// How much longer each cmdlet takes.
    pub slow: Duration,
    /// Whether it prints warnings, CLIXML, byte order marks and blank lines around every answer.
    pub noise: bool,
    /// Whether it gives answers that nobody asked for before the one that somebody did.
    pub stray: bool,
    /// Cuts every so-manieth answer in half.
    pub garble: Option<u64>,
    /// Dies instead of running this cmdlet.
    pub die_before: Option<u64>,
    /// Dies after this cmdlet was run, and before its answer.
    pub die_after: Option<u64>,
    /// Falls silent after this cmdlet was run, and before its answer.
    pub hang_after: Option<u64>,
    /// Prints its token everywhere, and dies, instead of running a cmdlet.
    pub leak: bool,
    /// Never says hello.
    pub mute: bool,
    /// Refuses every connection with these words.
    pub refuse: Option<String>,
}

/// Is what a process knows.
#[derive(Debug, Default)]
struct Memory {
    mark: String,
    token: String,
    organization: String,
    /// How many cmdlets it was asked to run.
    cmdlets: u64,
}

/// Says what follows a request.
enum Next {
    Answer(Value),
    /// The process ends here.
    Die,
    /// The same, after its token has been printed.
    Leak,
    /// The process goes on, and says nothing any more.
    Hang,
}

impl StandIn {
    /// Answers requests until there are no more, or until it is to die, which `Ok(false)` tells.
    pub async fn run(
        &self,
        requests: impl AsyncBufRead + Unpin,
        mut answers: impl AsyncWrite + Unpin,
        mut errors: impl AsyncWrite + Unpin,
    ) -> io::Result<bool> {
        let mut memory = Memory::default();
        let mut requests = requests.lines();
        let mut given = 0;
        while let Some(line) = requests.next_line().await? {
            let answer = match self.follow(&mut memory, &line).await {
                Next::Answer(answer) => answer,
                Next::Die => return Ok(false),
                Next::Leak => {
                    let token = &memory.token;
                    let (first, second) = token.split_at(token.len() / 2);
                    answers.write_all(format!("WARNING: {token}\n").as_bytes()).await?;
                    answers.flush().await?;
                    let words = format!("Bearer {first}\n| {second}\nthe token {token} is odd\n");
                    errors.write_all(words.as_bytes()).await?;
                    errors.flush().await?;
                    return Ok(false);
                }
                Next::Hang => return std::future::pending().await,
            };
            given += 1;
            let mut text = String::new();
            if self.noise {
                errors.write_all(noise::ERRORS.as_bytes()).await?;
                text.push_str(noise::BEFORE);
            }
            if self.stray {
                let id = answer["id"].as_u64().unwrap_or_default();
                for id in [id + 1000, id.saturating_sub(1)] {
                    let stray = json!({ "id": id, "ok": true, "value": [] });
                    text.extend([memory.mark.as_str(), " ", &stray.to_string(), "\n"]);
                }
            }
            let line = format!("{} {answer}", memory.mark);
            let cut = self.garble.is_some_and(|every| given % every == 0) && memory.cmdlets > 0;
            text.push_str(if cut { half(&line) } else { &line });
            text.push_str(if self.noise { noise::AFTER } else { "\n" });
            answers.write_all(text.as_bytes()).await?;
            answers.flush().await?;
        }
        Ok(true)
    }

    async fn follow(&self, memory: &mut Memory, line: &str) -> Next {
        let request: Value = serde_json::from_str(line).unwrap_or_default();
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let id = &request["id"];
        let failed = |error: Value| Next::Answer(json!({ "id": id, "ok": false, "error": error }));
        match request["do"].as_str() {
            Some("hello") => {
                if self.mute {
                    return Next::Hang;
                }
                memory.mark = text("mark");
                let value = json!({
                    "protocol": request["protocol"], "powershell": "7.4.6", "module": self.module, "oldest": "3.2.0",
                });
                Next::Answer(json!({ "id": id, "ok": true, "value": value }))
            }
            Some("connect") => {
                if let Some(words) = &self.refuse {
                    return failed(thrown("System.Exception", words));
                }
                let (token, organization) = (text("token"), text("organization"));
                // Either name of a tenant will do; the sandbox knows its id only.
                let domain = organization.to_ascii_lowercase().ends_with(".onmicrosoft.com");
                let known = domain.then(|| tenant_of(&token)).flatten();
                (memory.token, memory.organization) = (token, known.unwrap_or(organization));
                Next::Answer(json!({ "id": id, "ok": true, "value": null }))
            }
            Some("run") => {
                memory.cmdlets += 1;
                if self.leak {
                    return Next::Leak;
                }
                if self.die_before == Some(memory.cmdlets) {
                    return Next::Die;
                }
                let ran = self.cmdlet(memory, &text("cmdlet"), &request["parameters"]).await;
                if !self.slow.is_zero() {
                    tokio::time::sleep(self.slow).await;
                }
                if self.die_after == Some(memory.cmdlets) {
                    return Next::Die;
                }
                if self.hang_after == Some(memory.cmdlets) {
                    return Next::Hang;
                }
                match ran {
                    Ok(value) => Next::Answer(json!({ "id": id, "ok": true, "value": value })),
                    Err(error) => failed(error),
                }
            }
            Some(_) | None => failed(thrown("System.ArgumentException", "there is no such order")),
        }
    }

    /// Runs a cmdlet at the sandbox, and gives its objects or what it throws.
    async fn cmdlet(&self, memory: &Memory, name: &str, parameters: &Value) -> Result<Value, Value> {
        if memory.token.is_empty() {
            let words = "You must call the Connect-ExchangeOnline cmdlet before calling any other cmdlets.";
            return Err(thrown("System.Exception", words));
        }
        let path = format!("/exchange/adminapi/beta/{}/InvokeCommand", memory.organization);
        let body = json!({ "CmdletInput": { "CmdletName": name, "Parameters": parameters } });
        let answer = http::post(&self.at, &path, &memory.token, &body.to_string()).await;
        let Answer { status, headers, body } = answer.map_err(|error| {
            thrown(
                "System.Net.Http.HttpRequestException",
                &format!("An error occurred while sending the request. {error}"),
            )
        })?;
        if (200..300).contains(&status) {
            return objects(&body);
        }
        let exception = headers.get("x-exceptiontype").map_or(REST, String::as_str);
        let mut error = thrown(exception, &words(&body));
        error["status"] = json!(status);
        error["body"] = json!(body);
        if let Some(span) = headers.get("retry-after") {
            error["retryAfter"] = json!(span);
        }
        Err(error)
    }
}

const REST: &str = "Microsoft.Exchange.Management.RestApiClient.RestClientException";

/// Is an exception as the script tells of it.
fn thrown(kind: &str, message: &str) -> Value {
    json!({ "type": kind, "message": message, "category": "NotSpecified", "fullyQualifiedId": kind })
}

/// Takes the objects out of an answer, without what is about the answer itself.
fn objects(body: &str) -> Result<Value, Value> {
    if body.trim().is_empty() {
        return Ok(json!([]));
    }
    let Ok(Value::Object(body)) = serde_json::from_str::<Value>(body) else {
        let words = "Unexpected character encountered while parsing value: <. Path '', line 0, position 0.";
        return Err(thrown("Newtonsoft.Json.JsonReaderException", words));
    };
    let plain = |object: &Value| -> Value {
        let object: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
        object.into_iter().filter(|(name, _)| !name.contains('@')).collect()
    };
    Ok(body["value"].as_array().into_iter().flatten().map(plain).collect())
}

/// Takes the words out of a refusal.
fn words(body: &str) -> String {
    let refusal: Value = serde_json::from_str(body).unwrap_or_default();
    let said = refusal["error"]["message"].as_str().or_else(|| refusal["Message"].as_str());
    said.unwrap_or(body).to_owned()
}

/// Reads of which tenant a token is.
fn tenant_of(token: &str) -> Option<String> {
    let claims = from_base64url(token.split('.').nth(1)?)?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims["tid"].as_str()?.to_owned())
}

fn half(line: &str) -> &str {
    let mut at = line.len() * 2 / 3;
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    &line[..at]
}
