//! Runs the insights cmdlets in PowerShell, with the very script that insightctl runs, and hides nothing of the answer.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use insightctl::clock::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::tokens::Audience;
use crate::wire::{Call, Seen, Wire};

const SCRIPT: &str = include_str!("../../src/microsoft/insights/powershell/worker.ps1");
/// Is how long any one order may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// Is a PowerShell that starts when it is first needed.
#[derive(Debug)]
pub(crate) struct PowerShell {
    pub(crate) program: PathBuf,
    /// What goes before PowerShell's own arguments: nothing, but for a stand-in.
    pub(crate) arguments: Vec<String>,
    worker: Mutex<Option<Worker>>,
}

#[derive(Debug)]
struct Worker {
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    mark: String,
    number: u64,
    token: String,
    /// Ends with it.
    _process: Child,
    _script: tempfile::TempDir,
}

impl PowerShell {
    pub(crate) fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        Self { program: program.into(), arguments, worker: Mutex::default() }
    }

    /// Runs a cmdlet, as whoever the token for Exchange is for.
    pub(crate) async fn run(&self, wire: &Wire, cmdlet: &str, parameters: &Value) -> (Seen, Call) {
        let token = match wire.tokens().get(wire, Audience::Exchange).await {
            Ok(token) => token,
            Err(seen) => return told(seen, cmdlet, ""),
        };
        let mut worker = self.worker.lock().await;
        let answer = self.ask(&mut worker, wire, &token, cmdlet, parameters);
        let answer = tokio::select! {
            answer = answer => answer,
            () = Clock::beat(PATIENCE) => Err("PowerShell does not answer".to_owned()),
        };
        match answer {
            Ok(answer) => judged(&answer, cmdlet),
            Err(why) => {
                // Whatever state it is in, the next cmdlet has a new one.
                *worker = None;
                told(Seen { status: 0, body: json!(why.replace(&token, "‹removed›")) }, cmdlet, "")
            }
        }
    }

    async fn ask(
        &self,
        held: &mut Option<Worker>,
        wire: &Wire,
        token: &str,
        cmdlet: &str,
        parameters: &Value,
    ) -> Result<Value, String> {
        let worker = match held {
            Some(worker) => worker,
            None => held.insert(self.start().await?),
        };
        if worker.token != token {
            let connect = json!({ "do": "connect", "token": token, "organization": wire.tenant });
            let connected = worker.order(connect).await?;
            if connected["ok"] != true {
                return Err(format!("PowerShell cannot connect: {}", connected["error"]["message"]));
            }
            token.clone_into(&mut worker.token);
        }
        worker.order(json!({ "do": "run", "cmdlet": cmdlet, "parameters": parameters })).await
    }

    async fn start(&self) -> Result<Worker, String> {
        let how = |error: std::io::Error| format!("PowerShell cannot be started: {error}");
        let folder = tempfile::tempdir().map_err(how)?;
        let script = folder.path().join("worker.ps1");
        std::fs::write(&script, SCRIPT).map_err(how)?;
        let mut process = Command::new(&self.program)
            .args(&self.arguments)
            .args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File"])
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(how)?;
        let requests = process.stdin.take().expect("standard input is a pipe");
        let answers = BufReader::new(process.stdout.take().expect("standard output is a pipe")).lines();
        let mark = format!("@{}@", Uuid::new_v4().simple());
        let (number, token) = (0, String::new());
        let mut worker =
            Worker { requests, answers, mark, number, token, _process: process, _script: folder };
        let hello = json!({ "do": "hello", "protocol": 1, "mark": worker.mark });
        let hello = worker.order(hello).await?;
        if hello["ok"] != true || hello["value"]["module"].is_null() {
            return Err(format!("the module cannot be loaded: {}", hello["error"]["message"]));
        }
        Ok(worker)
    }
}

impl Worker {
    async fn order(&mut self, mut order: Value) -> Result<Value, String> {
        self.number += 1;
        order["id"] = json!(self.number);
        let line = format!("{order}\n");
        let lost = |error: std::io::Error| format!("PowerShell is lost: {error}");
        self.requests.write_all(line.as_bytes()).await.map_err(lost)?;
        while let Some(line) = self.answers.next_line().await.map_err(lost)? {
            // Whatever else is printed lacks the mark.
            let Some((_, answer)) = line.split_once(&self.mark) else { continue };
            let answer: Value =
                serde_json::from_str(answer).map_err(|error| format!("an answer is garbled: {error}"))?;
            if answer["id"] == self.number {
                return Ok(answer);
            }
        }
        Err("PowerShell ended".to_owned())
    }
}

/// Turns an answer of the script into what HTTP would have brought.
///
/// A refusal without a status counts as 400: the module refuses parameters by itself.
fn judged(answer: &Value, cmdlet: &str) -> (Seen, Call) {
    if answer["ok"] == true {
        let value = if answer["value"].is_array() { answer["value"].clone() } else { json!([]) };
        return told(Seen { status: 200, body: json!({ "value": value }) }, cmdlet, "");
    }
    let error = &answer["error"];
    let status = error["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
    let body = error["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
    let plain = || json!({ "error": { "code": error["type"], "message": error["message"] } });
    let body = body.filter(Value::is_object).unwrap_or_else(plain);
    told(Seen { status, body }, cmdlet, error["retryAfter"].as_str().unwrap_or_default())
}

fn told(seen: Seen, cmdlet: &str, retry_after: &str) -> (Seen, Call) {
    let limits = (!retry_after.is_empty()).then(|| ("retry-after", retry_after.to_owned()));
    let call = Call {
        what: format!("{cmdlet} (PowerShell)"),
        status: seen.status,
        limits: limits.into_iter().collect(),
    };
    (seen, call)
}
