//! Is one PowerShell process that runs cmdlets for us, one after the other.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value as Json;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use uuid::Uuid;

use super::hush::Hush;
use super::lines::{self, Heard, Order, PROTOCOL, Reply, Request};
use crate::clock::Clock;
use crate::microsoft::Shell;
use crate::microsoft::auth::{Token, TokenClaims};
use crate::microsoft::said::clip;

/// Is how many lines of standard error are kept, to explain a death.
const LAST_WORDS: usize = 8;
/// Is how long a worker may take to leave once it is told to.
const FAREWELL: Duration = Duration::from_secs(5);

/// Is a process with the module loaded, connected as whoever the token is for.
#[derive(Debug)]
pub(super) struct Worker {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    last_words: LastWords,
    /// The tokens that it was given, which no line of it is to hold when it is used.
    hush: Hush,
    mark: String,
    number: u64,
    answer_within: Duration,
    /// The token that it is connected with, once it is.
    token: Option<Arc<Token>>,
    pub(super) versions: ShellVersions,
    /// When it was last of use, as [`Clock::elapsed`] measures.
    pub(super) used: Duration,
}

/// Is what PowerShell says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellVersions {
    /// PowerShell's own version, such as `7.4.6`.
    pub powershell: String,
    /// The version of the module `ExchangeOnlineManagement`, which is one that will do.
    pub module: String,
}

/// Says why a request has no answer.
#[derive(Debug, PartialEq)]
pub(super) enum Lost {
    /// It did not go out, and would have changed nothing at the service; the process had ended.
    Unsent(String),
    /// It was sent, and the process ended without an answer.
    Died(String),
    /// It was sent, and no answer came in time.
    Silent(Duration),
    /// It was sent, and what came cannot be read. The process is still well.
    Garbled(String),
}

/// Says why a process is no worker.
#[derive(Debug)]
pub(super) enum NoStart {
    /// The program could not be started at all.
    NoProgram(std::io::Error),
    /// It started, and was lost before it said hello.
    Lost(Lost),
    /// It is there, and the module cannot be used.
    NoModule(String),
}

impl Worker {
    /// Starts PowerShell with the script, and lets it load the module.
    pub(super) async fn start(shell: &Shell, script: &Path) -> Result<Self, NoStart> {
        let mut process = command(shell, script).spawn().map_err(NoStart::NoProgram)?;
        let requests = process.stdin.take().expect("standard input is a pipe");
        let answers = BufReader::new(process.stdout.take().expect("standard output is a pipe"));
        let errors = process.stderr.take().expect("standard error is a pipe");
        let mut worker = Self {
            process,
            requests,
            answers,
            last_words: LastWords::default(),
            hush: Hush::default(),
            mark: format!("@{}@", Uuid::new_v4().simple()),
            number: 0,
            answer_within: shell.answer_within,
            token: None,
            versions: ShellVersions::default(),
            used: Duration::ZERO,
        };
        tokio::spawn(listen(errors, worker.hush.clone(), worker.last_words.clone()));
        let mark = worker.mark.clone();
        let hello = worker.ask(Order::Hello { protocol: PROTOCOL, mark: &mark }, shell.start_within);
        let reply = hello.await.map_err(NoStart::Lost)?;
        worker.versions = judge_hello(&reply).map_err(NoStart::NoModule)?;
        let ShellVersions { powershell, module } = &worker.versions;
        tracing::debug!(process = worker.process.id(), powershell, module, "a worker has started");
        Ok(worker)
    }

    /// Says whether it is connected with this very token.
    pub(super) fn holds(&self, token: &Arc<Token>) -> bool {
        self.token.as_ref().is_some_and(|held| Arc::ptr_eq(held, token))
    }

    /// Connects with a token; what the service says to that is in the reply.
    pub(super) async fn connect(
        &mut self,
        organization: &str,
        shell: &Shell,
        token: &Arc<Token>,
    ) -> Result<Reply, Lost> {
        self.token = None;
        self.hush.add(&token.secret);
        let order = Order::Connect {
            token: token.secret.expose_secret(),
            organization,
            user: TokenClaims::read(&token.secret).and_then(|claims| claims.user),
            environment: shell.environment.as_deref(),
        };
        let reply = self.ask(order, shell.start_within).await?;
        if reply.ok {
            self.token = Some(Arc::clone(token));
        }
        Ok(reply)
    }

    /// Runs a cmdlet.
    pub(super) async fn run(&mut self, cmdlet: &str, parameters: &Json) -> Result<Reply, Lost> {
        self.ask(Order::Run { cmdlet, parameters }, self.answer_within).await
    }

    /// Lets it disconnect and end; ends it when it takes too long.
    pub(super) async fn leave(self) {
        let Self { mut process, requests, .. } = self;
        // The end of its input is the end of its work.
        drop(requests);
        tokio::select! {
            _left = process.wait() => {}
            () = Clock::beat(FAREWELL) => drop(process.start_kill()),
        }
    }

    /// Sends one request and waits for its answer; after [`Lost::Died`] and [`Lost::Silent`] the worker is of no use.
    async fn ask(&mut self, order: Order<'_>, within: Duration) -> Result<Reply, Lost> {
        self.number += 1;
        let id = self.number;
        let runs = matches!(order, Order::Run { .. });
        let line = Request { id, order }.line();
        tokio::select! {
            answer = self.exchange(id, &line, runs) => answer,
            () = Clock::beat(within) => Err(Lost::Silent(within)),
        }
    }

    async fn exchange(&mut self, id: u64, line: &str, runs: bool) -> Result<Reply, Lost> {
        if let Err(error) = self.requests.write_all(line.as_bytes()).await {
            let why = self.why(&error.to_string()).await;
            // What did go out may be all but the line's end, and a line that is cut off by the end is read as one.
            return Err(if runs { Lost::Died(why) } else { Lost::Unsent(why) });
        }
        loop {
            let line = match lines::next(&mut self.answers).await {
                Ok(Some(line)) => line,
                Ok(None) => return Err(Lost::Died(self.why("PowerShell ended").await)),
                Err(error) => return Err(Lost::Died(self.why(&error.to_string()).await)),
            };
            // Whoever quotes a token does not make us quote it.
            let line = self.hush.clean(&line);
            match lines::hear(&line, &self.mark) {
                Heard::Reply(reply) if reply.id == id => return Ok(reply),
                Heard::Reply(reply) => {
                    tracing::debug!(waiting_for = id, came = reply.id, "an answer that nobody waits for");
                }
                Heard::Garbled(how) => return Err(Lost::Garbled(how)),
                Heard::Noise => {
                    if !line.trim().is_empty() {
                        tracing::trace!(line = clip(&line), "PowerShell prints");
                    }
                }
            }
        }
    }

    /// Says what happened, with the last that was said about it.
    async fn why(&self, what: &str) -> String {
        // Its last words may still be on their way when its standard output has ended.
        Clock::beat(Duration::from_millis(50)).await;
        match self.last_words.last() {
            Some(words) => format!("{what}: {words}"),
            None => what.to_owned(),
        }
    }
}

/// Writes the command line: it holds no secret and nothing of the tenant.
fn command(shell: &Shell, script: &Path) -> Command {
    let mut command = Command::new(&shell.program);
    command
        .args(&shell.arguments)
        .args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File"])
        .arg(script)
        // It prints for nobody, and calls nobody but Exchange Online.
        .envs([("NO_COLOR", "1"), ("TERM", "dumb"), ("POWERSHELL_UPDATECHECK", "Off")])
        .env("POWERSHELL_TELEMETRY_OPTOUT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Ctrl-C at a terminal reaches a whole group: the first one drains, for which the workers have to live on.
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(windows)]
    command.creation_flags(0x0000_0200);
    command
}

/// Judges what a worker says of itself.
fn judge_hello(reply: &Reply) -> Result<ShellVersions, String> {
    let text = |value: Option<&Json>| value.and_then(Json::as_str).map(clip);
    if !reply.ok {
        let message = text(reply.error.get("message")).unwrap_or_else(|| "it does not say why".to_owned());
        return Err(format!("PowerShell cannot load the module ExchangeOnlineManagement: {message}"));
    }
    if reply.value.get("protocol").and_then(Json::as_u64) != Some(u64::from(PROTOCOL)) {
        return Err("PowerShell runs another script than ours".to_owned());
    }
    let oldest = text(reply.value.get("oldest")).unwrap_or_default();
    match text(reply.value.get("module")) {
        None => Err(format!(
            "PowerShell has no module ExchangeOnlineManagement, and version {oldest} or later is needed"
        )),
        Some(module) if version(&module) < version(&oldest) => Err(format!(
            "the module ExchangeOnlineManagement of PowerShell is version {module}, and {oldest} or later is needed"
        )),
        Some(module) => {
            Ok(ShellVersions { powershell: text(reply.value.get("powershell")).unwrap_or_default(), module })
        }
    }
}

/// Reads a version's numbers; what is no number ends it.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map_while(|part| part.parse().ok()).collect()
}

/// Is what was said last on standard error.
#[derive(Clone, Debug, Default)]
struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    fn add(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_WORDS {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Gives the last line that is not CLIXML, in which PowerShell packs what only PowerShell reads.
    fn last(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().find(|line| !line.contains("CLIXML") && !line.contains("<Objs")).cloned()
    }
}

/// Takes in standard error, so that it never fills up.
async fn listen(errors: ChildStderr, hush: Hush, last_words: LastWords) {
    let mut errors = BufReader::new(errors);
    while let Ok(Some(line)) = lines::next(&mut errors).await {
        let line = clip(&hush.clean(&line));
        if !line.is_empty() {
            tracing::trace!(line, "PowerShell complains");
            last_words.add(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hello(module: &Json) -> Result<(), String> {
        let value = json!({ "protocol": 1, "powershell": "7.4.6", "module": module, "oldest": "3.2.0" });
        judge_hello(&Reply { id: 1, ok: true, value, error: serde_json::Map::new() }).map(drop)
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for fits in ["3.2.0", "3.10.0", "3.2.0.1", "4.0", "3.9.1-Preview1"] {
            assert_eq!(hello(&json!(fits)), Ok(()), "{fits}");
        }
        for old in ["3.1.9", "2.0.5", "3", "", "latest"] {
            assert!(hello(&json!(old)).is_err(), "{old}");
        }
        insta::assert_snapshot!(
            hello(&json!("3.1.0")).unwrap_err(),
            @"the module ExchangeOnlineManagement of PowerShell is version 3.1.0, and 3.2.0 or later is needed"
        );
        insta::assert_snapshot!(
            hello(&Json::Null).unwrap_err(),
            @"PowerShell has no module ExchangeOnlineManagement, and version 3.2.0 or later is needed"
        );
    }

    #[test]
    fn the_command_line_holds_no_secret_and_the_script_speaks_our_version() {
        let command = command(&Shell::new("pwsh"), Path::new("/tmp/worker.ps1"));
        let arguments: Vec<_> = command.as_std().get_args().collect();
        assert_eq!(arguments, ["-NoLogo", "-NoProfile", "-NonInteractive", "-File", "/tmp/worker.ps1"]);
        assert!(super::super::pool::SCRIPT.contains(&format!("$Protocol = {PROTOCOL}\n")));
    }
}
