//! What most commands begin with: a manifest, a tenant, a memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::args::{Global, Output};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::{sign_in, timing, transport, window};
use crate::clock::Clock;
use crate::manifest::{self, Manifest, NotAStore, StoreAddress};
use crate::microsoft::{Connection, Credential, Endpoints, Reader};
use crate::model::{self, ActualState, DesiredState, Membership, Permission, Selector};
use crate::plan::budget::Speed;
use crate::plan::{Context, Scope, whom_to_look_up};
use crate::sandbox::{self, Sandbox};
use crate::store::{Place, Remembered, Store, WhenMissing};

/// Is a manifest, the tenant that it names, and the store that remembers.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) manifest: Manifest,
    pub(super) reader: Reader,
    pub(super) store: Store,
    pub(super) clock: Clock,
    as_of: Option<Timestamp>,
    /// Whether what may not be changed now is left out of what is looked for.
    pub(super) heeds_windows: bool,
    /// How far the moment that a run stands for is ahead of the clock.
    pub(super) ahead: SignedDuration,
    speed: Speed,
    /// Serves while it is held.
    sandbox: Option<Sandbox>,
}

/// Is what was asked of the tenant, and what it answered.
#[derive(Debug)]
pub(super) struct View {
    pub(super) membership: Membership,
    pub(super) desired: DesiredState,
    pub(super) actual: ActualState,
}

/// Says whether a command may create the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It reads, and a sandbox's missing store counts as empty.
    Look,
    /// It writes, and creates a sandbox's store by itself.
    Apply,
}

impl Session {
    /// Reads the manifest, opens the store, and signs in.
    pub(super) async fn open(global: &Global, console: &Console, purpose: Purpose) -> Result<Self, Failure> {
        Self::of(read_manifest(global, console)?, global, console, purpose).await
    }

    /// Finds out who signs in, opens the store, and signs in.
    pub(super) async fn of(
        manifest: Manifest,
        global: &Global,
        console: &Console,
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        let clock = clock(global);
        let (mut connection, sandbox) = match &global.sandbox {
            Some(at) => in_sandbox(global, at, &manifest, &clock).await?,
            None => (real(global, console, &manifest)?, None),
        };
        connection.on_reading = Some(console.on_reading());
        connection.may_write = Some(window::may_write(global, &manifest, &clock));
        connection.settings = manifest.needs().include(Permission::Exchange, model::Purpose::Plan);
        connection.name = manifest.tenant_name().map(Into::into);
        let store = open_store(global, console, &manifest, purpose).await?;
        connection.rate = global.rate;
        let speed = connection.transport.speed(global.rate);
        let reader = Reader::connect(connection, clock.clone()).await?;
        let as_of = global.as_of.map(|as_of| as_of.moment(&manifest.rollout().time_zone));
        let ahead = window::ahead(global, &manifest, &clock);
        Ok(Self { manifest, reader, store, clock, as_of, heeds_windows: true, ahead, speed, sandbox })
    }

    /// Gives the moment that decides waves, windows and expiry dates.
    pub(super) fn as_of(&self) -> Timestamp {
        self.as_of.unwrap_or_else(|| self.clock.now())
    }

    /// Stands at another moment from here on: looks and plans are for that one.
    pub(super) fn stand_at(&mut self, as_of: Timestamp) {
        self.as_of = Some(as_of);
    }

    /// Stands at the clock from here on, but in a sandbox: what is written is what is asked for now.
    pub(super) fn stand_at_the_clock(&mut self, global: &Global) {
        let zone = &self.manifest.rollout().time_zone;
        self.as_of = timing::of_writing(global).map(|as_of| as_of.moment(zone));
    }

    /// Looks, from here on, for what differs whether or not it may be changed now.
    pub(super) fn look_through_windows(&mut self) {
        self.heeds_windows = false;
    }

    /// Resolves the manifest's rules, and reads everyone in scope.
    pub(super) async fn look(
        &self,
        remembered: &Remembered,
        also: Option<&Selector>,
        everyone_named: bool,
    ) -> Result<View, Failure> {
        self.look_wider(remembered, also, everyone_named, |_| {}).await
    }

    /// Resolves the manifest's rules, and reads everyone in a scope that is made wider.
    pub(super) async fn look_wider(
        &self,
        remembered: &Remembered,
        also: Option<&Selector>,
        everyone_named: bool,
        widen: impl FnOnce(&mut Scope),
    ) -> Result<View, Failure> {
        let mut selectors = self.manifest.selectors();
        selectors.extend(also.cloned());
        let membership = self.reader.membership(&selectors).await?;
        let mut timely = self.timely(&membership, remembered)?;
        let desired = &timely.desired;
        let mut scope = Scope::of(desired, &remembered.ledger);
        if everyone_named {
            scope.people.extend(membership.everyone_named());
            scope.waiting.retain(|id| !scope.people.contains(id));
        }
        scope.settings |= everyone_named;
        scope.tenant_settings |= also.is_some();
        widen(&mut scope);
        // Asking for each person what is closed to everybody would only take long.
        if scope.settings || scope.tenant_settings {
            self.reader.open_settings().await?;
        }
        let mut actual = self.reader.observe_scope(&scope).await?;
        self.read_choices(&timely, &mut actual).await?;
        Box::pin(self.ask_conditions(&mut timely, &mut actual, scope, &membership, remembered)).await?;
        let desired = timely.desired;
        if !everyone_named {
            let missed = whom_to_look_up(&desired, &actual, &remembered.ledger, remembered.newest_run());
            actual.exists = self.reader.exist(&missed).await;
        }
        self.read_licensing(&desired, &mut actual).await;
        Ok(View { membership, desired, actual })
    }

    /// Reads what is remembered.
    pub(super) async fn remembered(&self) -> Result<Remembered, Failure> {
        Ok(self.store.ledger(&self.manifest.settle(), &self.clock).await?)
    }

    /// Gives what a plan needs to know besides.
    pub(super) fn context(&self, remembered: &Remembered, re_pin: bool) -> Context {
        let now = self.clock.now();
        Context {
            now,
            as_of: self.as_of(),
            manifest: self.manifest.digest().to_owned(),
            store: self.store.id().map(str::to_owned),
            keeps_ledger: !self.store.keeps_nothing(),
            newest_run: remembered.newest_run(),
            re_pin,
            speed: self.speed,
        }
    }

    /// Makes sure that the result does not replace what this run reads.
    pub(super) fn spare(&self, output: &Output, global: &Global, plan: Option<&Path>) -> Result<(), Failure> {
        spare(&self.manifest, output, global, plan)
    }

    /// Lets go of the tenant.
    pub(super) async fn close(self) {
        self.reader.close().await;
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
    }
}

/// Makes sure that the result does not replace what this run reads.
pub(super) fn spare(
    manifest: &Manifest,
    output: &Output,
    global: &Global,
    plan: Option<&Path>,
) -> Result<(), Failure> {
    let tenant = global.sandbox.as_deref().map(Path::new);
    output.spare(manifest.files().into_iter().chain(tenant).chain(plan))
}

/// Reads the manifest, and tells its warnings; notes are for whoever asks `validate`.
pub(super) fn read_manifest(global: &Global, console: &Console) -> Result<Manifest, Failure> {
    let manifest = manifest::read(&global.file)?;
    let warnings = manifest.warnings().without_notes();
    if !warnings.is_empty() {
        console.say(&super::failure::problems(&warnings, console.colour_talk, console.look.width))?;
    }
    Ok(manifest)
}

/// Chooses the clock: the machine's, or one that stands still for a replay.
pub(super) fn clock(global: &Global) -> Clock {
    global.now.map_or_else(Clock::system, Clock::still)
}

/// Says how a sandbox starts: from its file, in its world, with what has happened to it so far.
pub(super) fn sandbox_options(
    global: &Global,
    file: &Path,
    clock: &Clock,
) -> Result<sandbox::Options, Failure> {
    let clock = clock.clone();
    let now = Arc::new(move || clock.now().as_second());
    let mut options = sandbox::Options::new(sandbox::Source::File(file.to_owned()), now);
    if let Some(world) = &global.sandbox_world {
        options.world = world.parse()?;
    }
    options.delay = Duration::from_millis(global.sandbox_delay);
    options.log = Some(sandbox_log(file));
    options.faults.clone_from(&global.sandbox_faults);
    Ok(options)
}

/// Says where everything that happens to a sandbox tenant is kept.
pub(super) fn sandbox_log(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".log");
    file.parent().unwrap_or(Path::new("")).join(".sandbox").join(name)
}

/// Gives the URL of a sandbox that serves already, or starts one in this process.
async fn reach(global: &Global, at: &str, clock: &Clock) -> Result<(String, Option<Sandbox>), Failure> {
    if at.starts_with("http://") || at.starts_with("https://") {
        if global.sandbox_faults.is_some() {
            return Err(Failure::wrong("a sandbox that serves already plays its own script of faults").hint(
                "name it there: `insightctl sandbox serve --faults FILE`, or POST it to /sandbox/faults",
            ));
        }
        return Ok((at.trim_end_matches('/').to_owned(), None));
    }
    let sandbox = Sandbox::start(sandbox_options(global, Path::new(at), clock)?).await?;
    Ok((sandbox.url().to_owned(), Some(sandbox)))
}

/// Opens the store that was typed, or else the manifest's.
pub(super) async fn open_store(
    global: &Global,
    console: &Console,
    manifest: &Manifest,
    purpose: Purpose,
) -> Result<Store, Failure> {
    let Some(StorePlace { place, by_itself, throw_away }) = store_place(global, console, manifest)? else {
        return Ok(Store::none(manifest.tenant()));
    };
    if throw_away {
        console.say(
            "warning: the store is a folder of a runner that is thrown away after this job, and what it remembers \
             goes with it\nhint: name a bucket under `store:`, or a folder that outlives the job",
        )?;
    }
    let missing = match (purpose, by_itself) {
        (_, false) => WhenMissing::Refuse,
        (Purpose::Look, true) => WhenMissing::Empty,
        (Purpose::Apply, true) => WhenMissing::Create(Uuid::new_v4()),
    };
    Ok(Store::open(&place, manifest.tenant(), missing).await?)
}

/// Is where a store is, or is to be.
#[derive(Debug)]
pub(super) struct StorePlace {
    pub(super) place: Place,
    /// Whether one that is not there is created without being asked for again.
    pub(super) by_itself: bool,
    /// Whether it is a folder that goes when this job does.
    pub(super) throw_away: bool,
}

/// Finds where the store is; `None` where none is wanted.
pub(super) fn store_place(
    global: &Global,
    console: &Console,
    manifest: &Manifest,
) -> Result<Option<StorePlace>, Failure> {
    let address = match &global.store {
        Some(typed) => store_address(typed)?,
        None => manifest.store().clone(),
    };
    let sandbox = global.sandbox.is_some();
    Ok(match address {
        StoreAddress::None => None,
        StoreAddress::Folder(folder) => Some(StorePlace {
            place: Place::Folder(folder),
            by_itself: sandbox || global.new_store,
            throw_away: console.stores.throw_away && !sandbox,
        }),
        StoreAddress::Remote(address) => Some(StorePlace {
            place: Place::bucket(&address, console.stores.options.clone())?,
            by_itself: global.new_store,
            throw_away: false,
        }),
    })
}

/// Reads `--store`; unlike the manifest's, its path starts from the current folder and may lie anywhere.
fn store_address(typed: &str) -> Result<StoreAddress, Failure> {
    typed.parse().map_err(|error: NotAStore| {
        let hint = error.hint();
        Failure::new(Exit::Wrong, error).hint(hint)
    })
}

/// Reaches the tenant of a sandbox, and makes sure that it is the manifest's.
pub(super) async fn in_sandbox(
    global: &Global,
    at: &str,
    manifest: &Manifest,
    clock: &Clock,
) -> Result<(Connection, Option<Sandbox>), Failure> {
    let (url, sandbox) = reach(global, at, clock).await?;
    if let Some(sandbox) = &sandbox
        && sandbox.tenant_id() != manifest.tenant().to_string()
    {
        let (is, named) = (sandbox.tenant_id(), manifest.tenant());
        let fact = format!("{at} is a tenant file of {is}, and the manifest names {named}");
        return Err(Failure::new(Exit::SignIn, fact)
            .hint("`insightctl init --sandbox FILE` writes a manifest for the tenant of a file"));
    }
    let credential = Credential::ClientSecret {
        client_id: "00000000-0000-0000-0000-00000000c0de".to_owned(),
        secret: "sandbox".to_owned().into(),
    };
    let mut connection = Connection::new(manifest.tenant(), Endpoints::of_sandbox(&url), credential);
    connection.transport = transport::of_sandbox(global, manifest, &url)?;
    Ok((connection, sandbox))
}

/// Reaches a tenant of Microsoft 365.
pub(super) fn real(global: &Global, console: &Console, manifest: &Manifest) -> Result<Connection, Failure> {
    let mut connection = sign_in::connection(manifest, &global.reach, &console.proofs)?;
    tracing::debug!(who = connection.credential.describe(), "signing in");
    connection.transport = transport::of_tenant(global, console, manifest)?;
    Ok(connection)
}
