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
use super::worker::{Lost, NoStart, Worker};
use crate::clock::Clock;
use crate::microsoft::auth::{Audience, Token, Tokens};
use crate::microsoft::error::Trouble;
use crate::microsoft::insights::wire::Cmdlet;
use crate::microsoft::message::{Effect, Failure};
use crate::microsoft::pace::Pace;
use crate::microsoft::retry::{Next, Patience};
use crate::microsoft::said::clip;
use crate::microsoft::{Shell, ShellVersions};
use crate::model::{Refusal, RefusalKind, TenantId};

/// Is what every worker runs.
pub(super) const SCRIPT: &str = include_str!("worker.ps1");

/// Is how many connections are opened at most.
///
/// Microsoft documents five open connections, for connections of the older kind ("Connect to Exchange Online
/// PowerShell", learn.microsoft.com/powershell/exchange), and no number for today's. Users met a limit of three
/// (Microsoft365DSC#359), which the pace finds by itself.
pub(super) const MOST_SESSIONS: u32 = 5;
/// Is how often PowerShell may end or hang before it is ready, one time after the other, before we stop starting it.
const MOST_STARTS: u32 = 3;
/// Is after how long a worker that has nothing to do is let go.
const IDLE: Duration = Duration::from_mins(1);

/// Holds the workers of one tenant.
#[derive(Debug)]
pub(super) struct Pool {
    shell: Shell,
    tenant: TenantId,
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
        tenant: TenantId,
        tokens: Arc<Tokens>,
        clock: Clock,
    ) -> Result<Self, Refusal> {
        let script = write_script().map_err(|error| no_script(&error))?;
        let (pace, state, seed) = (Pace::new(1, MOST_SESSIONS), Mutex::default(), AtomicU64::new(1));
        Ok(Self { shell, tenant, tokens, clock, pace, script, state, seed })
    }

    /// Makes sure that there is a worker, so that what is amiss with PowerShell is known before anything is read.
    pub(super) async fn ready(&self) -> Result<(), Refusal> {
        Ok(self.call(Effect::Read, None).await.map(drop)?)
    }

    /// Runs a cmdlet, again where that is safe and may help, and gives what it gave.
    pub(super) async fn run(&self, effect: Effect, cmdlet: &Cmdlet) -> Result<Done, Failure> {
        self.call(effect, Some(cmdlet)).await
    }

    async fn call(&self, effect: Effect, cmdlet: Option<&Cmdlet>) -> Result<Done, Failure> {
        let what = cmdlet.map_or("a connection", |cmdlet| cmdlet.name);
        let mut patience = Patience::default();
        let mut attempts = 0;
        loop {
            let refused = |refusal| Failure { refusal, maybe_done: false, attempts };
            let token = self.tokens.get(Audience::Exchange).await.map_err(refused)?;
            let permit = self.pace.permit().await;
            let trouble = match self.worker(&token).await {
                Ok(worker) => {
                    let Some(cmdlet) = cmdlet else {
                        permit.good();
                        self.put_back(worker);
                        return Ok(Done { value: Json::Null, attempts });
                    };
                    attempts += 1;
                    match self.ask(worker, cmdlet).await {
                        Ok(value) => {
                            permit.good();
                            return Ok(Done { value, attempts });
                        }
                        Err(trouble) => trouble,
                    }
                }
                Err(trouble) => trouble,
            };
            if trouble.refusal.kind == RefusalKind::Throttled {
                permit.too_many();
            }
            drop(permit);
            let next = patience.next(&trouble, effect, self.jitter());
            tracing::debug!(what, refusal = %trouble.refusal, ?next, "refused");
            match next {
                Next::SignInAgain => self.tokens.renew(Audience::Exchange, &token, None).await,
                Next::Again { wait, everyone } => {
                    let _pause = everyone.then(|| self.pace.pause());
                    self.clock.sleep(wait).await;
                }
                Next::GiveUp => {
                    let Trouble { refusal, maybe_done, retry_after: _, passing: _ } = trouble;
                    return Err(Failure { refusal, maybe_done, attempts });
                }
            }
        }
    }

    /// Lets a worker run a cmdlet, and keeps the worker if it is still one.
    async fn ask(&self, mut worker: Worker, cmdlet: &Cmdlet) -> Result<Json, Trouble> {
        let answer = worker.run(cmdlet.name, &cmdlet.parameters).await;
        match answer {
            Ok(reply) => {
                self.put_back(worker);
                if reply.ok { Ok(reply.value) } else { Err(refused::trouble(&reply.error, self.clock.now())) }
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
        match worker.connect(self.tenant, &self.shell, token).await {
            Ok(reply) if reply.ok => Ok(worker),
            Ok(reply) => {
                // The process is well, and its module loaded.
                self.put_back(worker);
                Err(refused::unconnected(refused::trouble(&reply.error, self.clock.now())))
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
        let refusal = match started {
            Ok(worker) => {
                state.failed_starts = 0;
                return Ok(worker);
            }
            Err(NoStart::Lost(lost)) => {
                state.failed_starts += 1;
                let trouble = refused::lost(&lost);
                if state.failed_starts < MOST_STARTS {
                    return Err(Trouble { maybe_done: false, passing: true, ..trouble });
                }
                no_shell(format!(
                    "PowerShell was lost {MOST_STARTS} times before it was ready: {}",
                    how(&lost)
                ))
            }
            Err(no_start @ (NoStart::NoProgram(_) | NoStart::NoModule(_))) => {
                not_started(&self.shell, no_start)
            }
        };
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

/// Starts PowerShell, lets it load the module, and says which versions they are; nobody signs in.
pub(super) async fn versions(shell: &Shell) -> Result<ShellVersions, Refusal> {
    let script = write_script().map_err(|error| no_script(&error))?;
    let worker = Worker::start(shell, &script).await.map_err(|no_start| not_started(shell, no_start))?;
    let versions = worker.versions.clone();
    worker.leave().await;
    Ok(versions)
}

/// Says why a process is no worker.
fn not_started(shell: &Shell, no_start: NoStart) -> Refusal {
    no_shell(match no_start {
        NoStart::NoProgram(error) => {
            let program = clip(&shell.program.to_string_lossy());
            format!("PowerShell could not be started as `{program}`: {error}")
        }
        NoStart::NoModule(why) => why,
        NoStart::Lost(lost) => format!("PowerShell was lost before it was ready: {}", how(&lost)),
    })
}

fn no_script(error: &std::io::Error) -> Refusal {
    no_shell(format!("the script for PowerShell cannot be written to a temporary file: {error}"))
}

/// Is what a cmdlet gave.
#[derive(Debug)]
pub(super) struct Done {
    /// A list of objects.
    pub(super) value: Json,
    /// How often it was run.
    pub(super) attempts: u32,
}

/// Writes the script to a file that nobody else can read or write, and that is removed when it is dropped.
fn write_script() -> std::io::Result<TempPath> {
    let mut file = tempfile::Builder::new().prefix("insightctl-").suffix(".ps1").tempfile()?;
    file.write_all(SCRIPT.as_bytes())?;
    file.flush()?;
    Ok(file.into_temp_path())
}

fn no_shell(message: String) -> Refusal {
    Refusal { kind: RefusalKind::NoShell, message, request_id: None }
}

/// Describes what no patience helps against.
fn never(refusal: Refusal) -> Trouble {
    Trouble { refusal, retry_after: None, passing: false, maybe_done: false }
}

fn how(lost: &Lost) -> String {
    match lost {
        Lost::Unsent(how) | Lost::Died(how) | Lost::Garbled(how) => how.clone(),
        Lost::Silent(within) => format!("it was silent for {} s", within.as_secs()),
    }
}
