//! Keeps as many workers as the service bears, and gets an answer from one of them or says why there is none.
//!
//! The pace decides how many requests are under way, and each has a worker to itself; so the pool grows while answers
//! are good and work waits, and shrinks when workers have nothing to do. A worker that dies or falls silent is ended
//! and replaced.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;
use tempfile::TempPath;

use super::refused;
use super::worker::{Lost, NoStart, ShellVersions, Worker};
use crate::clock::Clock;
use crate::microsoft::Shell;
use crate::microsoft::auth::{Audience, Token, Tokens};
use crate::microsoft::cost::Cost;
use crate::microsoft::error::Trouble;
use crate::microsoft::insights::wire::Cmdlet;
use crate::microsoft::message::{Effect, Failure};
use crate::microsoft::pace::Pace;
use crate::microsoft::retry::{Next, Patience};
use crate::model::{Refusal, RefusalKind};

/// Is what every worker runs.
pub(super) const SCRIPT: &str = include_str!("worker.ps1");

/// Is how often PowerShell may end or hang before it is ready, one time after the other, before we stop starting it.
const MOST_STARTS: u32 = 3;
/// Is after how long a worker that has nothing to do is let go.
const IDLE: Duration = Duration::from_mins(1);

/// Holds the workers of one tenant.
#[derive(Debug)]
pub(super) struct Pool {
    shell: Shell,
    /// Is what `Connect-ExchangeOnline` is told to connect to.
    organization: String,
    tokens: Arc<Tokens>,
    clock: Clock,
    pace: Pace,
    /// The script, readable by nobody else; it is removed with the pool.
    script: TempPath,
    state: Mutex<State>,
    seed: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Workers with nothing to do, the one that was used last at the end.
    idle: Vec<Worker>,
    /// How many starts came to nothing since the last that did not.
    failed_starts: u32,
    /// The refusal that stands for all further starts, once there is one.
    blown: Option<Refusal>,
}

impl Pool {
    /// Writes the script down; no worker is started yet.
    pub(super) fn new(
        shell: Shell,
        organization: String,
        tokens: Arc<Tokens>,
        pace: Pace,
        clock: Clock,
    ) -> Result<Self, Refusal> {
        let script = write_script()?;
        let (state, seed) = (Mutex::default(), AtomicU64::new(1));
        Ok(Self { shell, organization, tokens, clock, pace, script, state, seed })
    }

    /// Makes sure that PowerShell starts and has the module; it is not connected yet.
    pub(super) async fn ready(&self) -> Result<(), Refusal> {
        let _permit = self.pace.permit(Cost::default()).await;
        loop {
            if !self.state().idle.is_empty() {
                return Ok(());
            }
            match self.start().await {
                Ok(worker) => self.put_back(worker),
                // It ended before it was ready, which the fuse lets happen a few times only.
                Err(trouble) if trouble.passing => {}
                Err(trouble) => return Err(trouble.refusal),
            }
        }
    }

    /// Runs a cmdlet, again where that is safe and may help, and gives what it gave.
    pub(super) async fn run(&self, effect: Effect, cmdlet: &Cmdlet) -> Result<Done, Failure> {
        let mut patience = Patience::default();
        let mut attempts = 0;
        let since = self.clock.now();
        loop {
            let refused = |refusal| Failure { refusal, maybe_done: false, attempts };
            let token = self.tokens.get(Audience::Exchange).await.map_err(refused)?;
            let permit = self.pace.permit(Cost::CALL).await;
            self.pace.may_send(effect, since).map_err(refused)?;
            let answer = match self.worker(&token).await {
                Ok(worker) => {
                    attempts += 1;
                    self.ask(worker, cmdlet).await
                }
                Err(trouble) => Err(trouble),
            };
            let trouble = match answer {
                Ok(value) => {
                    permit.good();
                    return Ok(Done { value, attempts });
                }
                Err(trouble) => trouble,
            };
            if let Some(why) = trouble.too_many() {
                permit.too_many(why);
            }
            drop(permit);
            let next = patience.next(&trouble, effect, self.jitter());
            tracing::debug!(what = cmdlet.name, refusal = %trouble.refusal, ?next, "refused");
            match next {
                Next::SignInAgain => self.tokens.renew(Audience::Exchange, &token, None).await,
                Next::Again { wait, everyone } => {
                    let _pause = everyone.then(|| self.pace.pause());
                    self.clock.sleep(wait).await;
                }
                Next::GiveUp => return Err(trouble.into_failure(attempts)),
            }
        }
    }

    /// Lets a worker run a cmdlet, and keeps the worker if it is still one.
    async fn ask(&self, mut worker: Worker, cmdlet: &Cmdlet) -> Result<Json, Trouble> {
        let answer = worker.run(cmdlet.name, &cmdlet.parameters).await;
        match answer {
            Ok(reply) => {
                self.put_back(worker);
                if reply.ok {
                    Ok(reply.value)
                } else {
                    let identity = cmdlet.parameters.get("Identity").and_then(Json::as_str);
                    Err(refused::trouble(&reply.error, identity, self.clock.now()))
                }
            }
            Err(lost) => {
                match &lost {
                    Lost::Garbled(_) => self.put_back(worker),
                    // Whatever it is still doing ends with it; it is not asked what became of it.
                    Lost::Unsent(_) | Lost::Died(_) | Lost::Silent(_) => drop(worker),
                }
                Err(refused::lost(&lost))
            }
        }
    }

    /// Gives a worker that is connected with this token.
    async fn worker(&self, token: &Arc<Token>) -> Result<Worker, Trouble> {
        let idle = {
            let idle = &mut self.state().idle;
            let last = idle.iter().rposition(|worker| worker.holds(token));
            last.or(idle.len().checked_sub(1)).map(|at| idle.remove(at))
        };
        let mut worker = match idle {
            Some(worker) if worker.holds(token) => return Ok(worker),
            Some(worker) => worker,
            None => self.start().await?,
        };
        match worker.connect(&self.organization, &self.shell, token).await {
            Ok(reply) if reply.ok => Ok(worker),
            Ok(reply) => {
                // The process is well, and its module loaded.
                self.put_back(worker);
                Err(refused::unconnected(refused::trouble(&reply.error, None, self.clock.now())))
            }
            Err(lost) => Err(refused::unconnected(refused::lost(&lost))),
        }
    }

    async fn start(&self) -> Result<Worker, Trouble> {
        let blown = self.state().blown.clone();
        if let Some(refusal) = blown {
            return Err(never(refusal));
        }
        let started = Worker::start(&self.shell, &self.script).await;
        let mut state = self.state();
        let no_start = match started {
            Ok(worker) => {
                state.failed_starts = 0;
                return Ok(worker);
            }
            Err(no_start) => no_start,
        };
        if let NoStart::Lost(lost) = &no_start {
            state.failed_starts += 1;
            if state.failed_starts < MOST_STARTS {
                return Err(Trouble { maybe_done: false, passing: true, ..refused::lost(lost) });
            }
        }
        let refusal = refused::no_shell(&self.shell, no_start);
        state.blown = Some(refusal.clone());
        Err(never(refusal))
    }

    /// Takes a worker back, and lets go of one that has had nothing to do for a while.
    fn put_back(&self, mut worker: Worker) {
        worker.used = self.clock.elapsed();
        let mut state = self.state();
        let tired = state.idle.first().is_some_and(|idle| worker.used.saturating_sub(idle.used) > IDLE);
        let leaves = tired.then(|| state.idle.remove(0));
        state.idle.push(worker);
        drop(state);
        if let Some(worker) = leaves {
            tracing::debug!("a worker with nothing to do leaves");
            tokio::spawn(worker.leave());
        }
    }

    /// Lets every worker that has nothing to do disconnect and end.
    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        futures_util::future::join_all(idle.into_iter().map(Worker::leave)).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives numbers between 0 and 1 that differ from call to call and are the same in every run.
    fn jitter(&self) -> f64 {
        // Steps of the golden ratio never come close to each other for long.
        let step = self.seed.fetch_add(1, Ordering::Relaxed) % 1024;
        (f64::from(u32::try_from(step).unwrap_or(0)) * 0.618_033_988_75).fract()
    }
}

/// Is what a cmdlet gave.
#[derive(Debug)]
pub(super) struct Done {
    /// A list of objects.
    pub(super) value: Json,
    /// How often it was run.
    pub(super) attempts: u32,
}

/// Starts PowerShell to see what there is, and lets it end.
pub(super) async fn look(shell: &Shell) -> Result<ShellVersions, Refusal> {
    let script = write_script()?;
    match Worker::start(shell, &script).await {
        Ok(worker) => {
            let versions = worker.versions.clone();
            worker.leave().await;
            Ok(versions)
        }
        Err(no_start) => Err(refused::no_shell(shell, no_start)),
    }
}

/// Writes the script to a file that nobody else can read or write, and that is removed when it is dropped.
fn write_script() -> Result<TempPath, Refusal> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix("insightctl-").suffix(".ps1").tempfile()?;
        file.write_all(SCRIPT.as_bytes())?;
        file.flush()?;
        Ok(file.into_temp_path())
    };
    write().map_err(|error: std::io::Error| Refusal {
        kind: RefusalKind::NoShell,
        message: format!("the script for PowerShell cannot be written to a temporary file: {error}"),
        request_id: None,
    })
}

/// Describes what no patience helps against.
fn never(refusal: Refusal) -> Trouble {
    Trouble { refusal, retry_after: None, passing: false, maybe_done: false, crowded: false }
}
