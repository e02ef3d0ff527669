//! Starts and stops the sandbox.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::audit::By;
use super::choice::{Choice, DefaultsChoice, Settings, settings};
use super::error::SandboxError;
use super::faults::{Call, Script};
use super::file::TenantFile;
use super::http::{Shared, serve};
use super::line::{Lines, Scissors};
use super::log::Log;
use super::state::{State, Write};
use super::tenant::Tenant;
use super::world::World;

/// Tells the sandbox the time, in epoch seconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Says where a tenant comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A tenant file.
    File(PathBuf),
    /// The same, already in memory.
    Value(Value),
}

/// Says how to start a sandbox.
#[derive(Clone)]
pub struct Options {
    /// The tenant as it was in the beginning.
    pub tenant: Source,
    /// Where changes are kept between runs; `None` forgets them.
    pub log: Option<PathBuf>,
    /// How the services behave where the documents leave it open.
    pub world: World,
    /// How long every request takes at least.
    pub delay: Duration,
    /// The port to listen on; any free one by default.
    pub port: Option<u16>,
    /// A script of faults; its calls are counted from the start.
    pub faults: Option<PathBuf>,
    /// The sandbox's clock.
    pub clock: Now,
}

impl Options {
    /// Starts from a tenant in the usual world, on any port, with changes kept in memory only.
    pub fn new(tenant: Source, clock: Now) -> Self {
        let (world, delay) = (World::default(), Duration::ZERO);
        Self { tenant, log: None, world, delay, port: None, faults: None, clock }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, log, world, delay, port, faults, clock: _ } = self;
        let tenant: &dyn fmt::Debug = match tenant {
            Source::File(path) => path,
            Source::Value(_) => &"in memory",
        };
        f.debug_struct("Options")
            .field("tenant", tenant)
            .field("log", log)
            .field("world", world)
            .field("delay", delay)
            .field("port", port)
            .field("faults", faults)
            .finish_non_exhaustive()
    }
}

/// Is a running sandbox; it ends when it is stopped or dropped.
pub struct Sandbox {
    url: String,
    tenant_id: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts a sandbox on the loopback address.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        let Options { tenant, log, world, delay, port, faults, clock } = options;
        let state = open(tenant, log, world)?;
        let script = faults.map(|path| script(&path, &state.tenant)).transpose()?;
        let port = port.unwrap_or_default();
        let busy = |source| SandboxError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(busy)?;
        let address = listener.local_addr().map_err(busy)?;
        let tenant_id = state.tenant.organization.id.to_string();
        let shared = Arc::new(Shared::new(state, clock, delay, script));
        let routes = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let routes = routes.into_make_service_with_connect_info::<Scissors>();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let wait = async { drop(stopped.await) };
            // Serving ends only by being told to; a connection that fails ends by itself.
            drop(axum::serve(Lines(listener), routes).with_graceful_shutdown(wait).await);
        });
        Ok(Self { url: format!("http://{address}"), tenant_id, shared, stop: Some(stop), server })
    }

    /// Gives the base URL, such as `http://127.0.0.1:4000`; below it are `/login`, `/graph` and `/exchange`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives the tenant's directory id.
    pub fn tenant_id(&self) -> &str {
        &self.tenant_id
    }

    /// Lists the writes that the services accepted from applications, oldest first.
    pub fn writes(&self) -> Vec<Write> {
        self.shared.read().writes.clone()
    }

    /// Tells how often each route was asked, items of batches included.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.shared.requests()
    }

    /// Tells how many calls were turned away by the world's `calls-per-second`.
    pub fn turned_away(&self) -> u64 {
        self.shared.limit.turned_away()
    }

    /// Sets the script of faults, YAML or JSON: calls are counted from 1 again, and what is held is closed.
    pub fn play(&self, script: &str) -> Result<(), SandboxError> {
        self.shared.play(script)
    }

    /// Lists the calls since a script was set, oldest first; none before that.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.faults.calls()
    }

    /// Plays a person who changes their own settings, and gives what they have then.
    ///
    /// Refused for people who have no access to their settings: those without a mailbox or plan.
    pub fn person(&self, who: &str, choice: &Choice) -> Result<Settings, SandboxError> {
        self.person_by(who, choice, &By::Themselves)
    }

    /// Plays somebody who changes the settings of a person.
    pub fn person_by(&self, who: &str, choice: &Choice, by: &By) -> Result<Settings, SandboxError> {
        choice.play(&mut self.shared.write(), who, by, self.shared.now())
    }

    /// Gives what a person has in truth, whatever readers see yet.
    pub fn settings(&self, who: &str) -> Result<Settings, SandboxError> {
        let state = self.shared.read();
        let at = state.tenant.person_by_identity(who);
        Ok(settings(&state, at.ok_or_else(|| SandboxError::NoSuchPerson(who.to_owned()))?))
    }

    /// Plays an administrator elsewhere who changes the tenant's defaults.
    pub fn set_default(&self, choice: &DefaultsChoice) -> Result<(), SandboxError> {
        let mut state = self.shared.write();
        let by = By::administrator_of(&state.tenant);
        choice.play(&mut state, &by, self.shared.now())
    }

    /// Plays an administrator elsewhere who puts a person into a group, or takes them out of it.
    pub fn member(&self, group: Uuid, who: &str, joins: bool) -> Result<(), SandboxError> {
        let mut state = self.shared.write();
        let no_group = || SandboxError::NoSuchGroup(group);
        let group = state.tenant.group_by_id(group).ok_or_else(no_group)?;
        let person = state.tenant.person_by_identity(who);
        let person = person.ok_or_else(|| SandboxError::NoSuchPerson(who.to_owned()))?;
        state.join(group, person, joins)
    }

    /// Stops listening, lets the answers under way go out, and releases the log.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself; then there is nothing left to tell.
            let _ = stop.send(());
        }
        drop(tokio::time::timeout(Duration::from_secs(1), &mut self.server).await);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
        self.shared.write().close();
    }
}

/// Plays somebody who changes a person's settings on the log alone, while no sandbox runs; gives what they have then.
pub fn play_person(options: Options, who: &str, choice: &Choice, by: &By) -> Result<Settings, SandboxError> {
    let Options { tenant, log, world, delay: _, port: _, faults: _, clock } = options;
    let mut state = open(tenant, log.clone(), world)?;
    let settings = choice.play(&mut state, who, by, clock())?;
    match state.log_file().map(|file| file.sync_data()) {
        Some(Err(source)) => Err(SandboxError::Log { path: log.unwrap_or_default(), source }),
        Some(Ok(())) | None => Ok(settings),
    }
}

/// Plays an administrator elsewhere on the log alone, while no sandbox runs.
pub fn play_defaults(options: Options, choice: &DefaultsChoice) -> Result<(), SandboxError> {
    let Options { tenant, log, world, faults: _, delay: _, port: _, clock } = options;
    let mut state = open(tenant, log.clone(), world)?;
    let by = By::administrator_of(&state.tenant);
    choice.play(&mut state, &by, clock())?;
    match state.log_file().map(|file| file.sync_data()) {
        Some(Err(source)) => Err(SandboxError::Log { path: log.unwrap_or_default(), source }),
        Some(Ok(())) | None => Ok(()),
    }
}

/// Reads the tenant and what its log says has changed.
fn open(source: Source, log: Option<PathBuf>, world: World) -> Result<State, SandboxError> {
    let (file, digest) = match source {
        Source::File(path) => read(path)?,
        Source::Value(value) => {
            let digest = digest(value.to_string().as_bytes());
            let path = PathBuf::from("in memory");
            let file =
                serde_json::from_value(value).map_err(|source| SandboxError::Shape { path, source })?;
            (file, digest)
        }
    };
    let tenant = Tenant::new(file)?;
    let log = log.map(|path| Log::open(&path, &digest)).transpose()?;
    Ok(State::new(tenant, world, log))
}

/// Reads a script of faults for a tenant.
fn script(path: &Path, tenant: &Tenant) -> Result<Script, SandboxError> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Script::read(&text, tenant).map_err(|mistakes| SandboxError::Script { name, mistakes }),
        Err(source) => Err(SandboxError::Faults { path: path.to_owned(), source }),
    }
}

/// Says whose file a tenant file is: the directory id and the initial domain.
pub fn whose(path: &Path) -> Result<(Uuid, String), SandboxError> {
    let (file, _) = read(path.to_owned())?;
    Ok((file.tenant.id, file.tenant.name))
}

fn read(path: PathBuf) -> Result<(TenantFile, String), SandboxError> {
    let mut bytes = Vec::new();
    let read = |bytes: &mut Vec<u8>| -> io::Result<usize> { File::open(&path)?.read_to_end(bytes) };
    match read(&mut bytes) {
        Ok(_) => {}
        Err(source) => return Err(SandboxError::Read { path, source }),
    }
    let digest = digest(&bytes);
    match serde_json::from_slice(&bytes) {
        Ok(file) => Ok((file, digest)),
        Err(source) => Err(SandboxError::Shape { path, source }),
    }
}

fn digest(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    sum.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}
