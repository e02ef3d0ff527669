//! `doctor`: looks at everything that could be wrong, and says what to do about each.

use super::args::{DoctorArgs, Format, Global, PurposeName};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, StorePlace, clock, in_sandbox, real, store_place};
use super::transport;
use crate::clock::Clock;
use crate::diagnosis::{
    Amiss, Bearer, Blame, Diagnosis, GroupsSeen, ManifestSeen, Network, NoManifest, Products, Reach, Seen,
    ShellSeen, StoreSeen, TenantSeen, Unverified, judge,
};
use crate::manifest::{self, Manifest, Problems, Severity, StoreAddress};
use crate::microsoft::{
    Connection, DirectoryExamined, Endpoints, Examination, GroupsFound, Shell, ShellVersions, TokenClaims,
    Transport, examine, look_for_powershell, without_user,
};
use crate::model::{Cloud, Permission, Purpose, Sku, SkuId};
use crate::render;
use crate::sandbox::Sandbox;
use crate::store::{Store, UnderWay, WhenMissing};

pub(super) async fn run(global: &Global, console: &Console, args: &DoctorArgs) -> Result<Exit, Failure> {
    let form = args.output.only("doctor", &[Format::Text, Format::Json])?;
    let purpose = match args.purpose {
        PurposeName::Plan => Purpose::Plan,
        PurposeName::Apply => Purpose::Apply,
    };
    let seen = match manifest::read(&global.file) {
        Ok(manifest) => {
            session::spare(&manifest, &args.output, global, None)?;
            look(global, console, &manifest, purpose).await
        }
        Err(problems) => {
            Seen { purpose, manifest: Err(unusable(global, &problems)), tenant: None, store: None }
        }
    };
    let diagnosis = judge(seen);
    console.put(&args.output, |out, look| match form {
        Format::Text | Format::Markdown | Format::Csv => render::doctor::text(out, &diagnosis, look),
        Format::Json => render::doctor::json(out, &diagnosis),
    })?;
    Ok(exit(&diagnosis))
}

fn exit(diagnosis: &Diagnosis) -> Exit {
    match diagnosis.blame() {
        None => Exit::Done,
        Some(Blame::Access) => Exit::SignIn,
        Some(Blame::Wrong) => Exit::Wrong,
        Some(Blame::Unreadable) => Exit::Incomplete,
    }
}

/// Looks at everything that a manifest names, each thing by itself.
async fn look(global: &Global, console: &Console, manifest: &Manifest, purpose: Purpose) -> Seen {
    let clock = clock(global);
    let (tenant, store) = tokio::join!(
        tenant(global, console, manifest, &clock),
        store(global, console, manifest, &clock, purpose),
    );
    let seen = ManifestSeen {
        file: manifest.path().display().to_string(),
        tenant: manifest.tenant(),
        groups: number(manifest.groups().len()),
        warnings: number(manifest.warnings().count(Severity::Warning)),
        needs: manifest.needs().clone(),
    };
    Seen { purpose, manifest: Ok(seen), tenant: Some(tenant), store: Some(store.map_err(amiss)) }
}

fn unusable(global: &Global, problems: &Problems) -> NoManifest {
    NoManifest {
        file: global.file.display().to_string(),
        errors: number(problems.count(Severity::Error)),
        first: problems.of(Severity::Error).next().map(ToString::to_string).unwrap_or_default(),
    }
}

/// Looks at the tenant.
async fn tenant(global: &Global, console: &Console, manifest: &Manifest, clock: &Clock) -> TenantSeen {
    let mut seen = TenantSeen {
        reach: reach(global, manifest),
        network: network(global, console),
        who: Ok(String::new()),
        directory: None,
        exchange: None,
        ahead: None,
        organization: None,
        people: None,
        groups: None,
        products: None,
        shell: None,
        settings: None,
        unverified: unverified(global, manifest),
    };
    match connection(global, console, manifest, clock).await {
        Ok((connection, sandbox)) => {
            seen.who = Ok(connection.credential.describe());
            let transport = connection.transport.clone();
            let groups = manifest.named_groups();
            let names: Vec<&str> = groups.iter().map(String::as_str).collect();
            match examine(connection, clock, &names).await {
                Ok(examined) => take(&mut seen, examined, &transport, number(names.len())),
                Err(refusal) => seen.who = Err(amiss(refusal)),
            }
            if let Some(sandbox) = sandbox {
                sandbox.stop().await;
            }
        }
        Err(failure) => {
            seen.who = Err(amiss(failure));
            // PowerShell can be looked at without anybody who signs in.
            if global.sandbox.is_none()
                && let Ok(Transport::PowerShell(shell)) = transport::of_tenant(global, console, manifest)
            {
                let versions = look_for_powershell(&shell).await;
                seen.shell = Some(versions.map(|versions| shell_seen(&shell, versions)).map_err(amiss));
            }
        }
    }
    seen
}

/// Makes the connection, as every other command does.
async fn connection(
    global: &Global,
    console: &Console,
    manifest: &Manifest,
    clock: &Clock,
) -> Result<(Connection, Option<Sandbox>), Failure> {
    let (mut connection, sandbox) = match &global.sandbox {
        Some(at) => in_sandbox(global, at, manifest, clock).await?,
        None => (real(global, console, manifest)?, None),
    };
    connection.settings = manifest.needs().include(Permission::Exchange, Purpose::Plan);
    connection.name = manifest.tenant_name().map(Into::into);
    Ok((connection, sandbox))
}

/// Takes over what an examination found.
fn take(seen: &mut TenantSeen, examined: Examination, transport: &Transport, groups_named: u64) {
    let Examination { graph, exchange, ahead, directory, shell, settings } = examined;
    seen.directory = Some(graph.map(bearer).map_err(amiss));
    seen.exchange = exchange.map(|exchange| exchange.map(bearer).map_err(amiss));
    seen.ahead = ahead;
    if let Some(DirectoryExamined { organization, people, groups, products }) = directory {
        seen.organization = Some(organization.map_err(amiss));
        seen.people = Some(people.map_err(amiss));
        seen.groups =
            groups.map(|groups| groups.map(|found| groups_seen(found, groups_named)).map_err(amiss));
        seen.products = Some(products.map(|skus| products_seen(&skus)).map_err(amiss));
    }
    if let Transport::PowerShell(program) = transport {
        seen.shell = shell.map(|shell| shell.map(|versions| shell_seen(program, versions)).map_err(amiss));
    }
    seen.settings = settings.map(|settings| settings.map_err(amiss));
}

fn bearer(token: Option<TokenClaims>) -> Bearer {
    let Some(token) = token else { return Bearer::default() };
    let TokenClaims {
        application,
        object: _,
        tenant,
        user: _,
        audience: _,
        roles,
        scopes,
        directory_roles,
        expires,
    } = token;
    let personal = scopes.is_some();
    Bearer {
        application,
        tenant,
        roles: (!personal).then_some(roles),
        personal,
        directory_roles,
        until: expires,
    }
}

fn groups_seen(found: GroupsFound, of: u64) -> GroupsSeen {
    let GroupsFound { looked_up, absent, hidden } = found;
    GroupsSeen { looked_up, of, absent, hidden }
}

fn products_seen(skus: &[(SkuId, Sku)]) -> Products {
    let carrying = skus.iter().filter(|(_, sku)| !sku.insights.is_empty()).count();
    Products { all: number(skus.len()), carrying: number(carrying) }
}

fn shell_seen(shell: &Shell, versions: ShellVersions) -> ShellSeen {
    let ShellVersions { powershell, module } = versions;
    // Only the stand-in for PowerShell is started with arguments of its own.
    let program = if shell.arguments.is_empty() {
        shell.program.display().to_string()
    } else {
        "played by insightctl".to_owned()
    };
    ShellSeen { program, version: powershell, module }
}

fn reach(global: &Global, manifest: &Manifest) -> Reach {
    if let Some(at) = &global.sandbox {
        return Reach::Sandbox(without_user(at));
    }
    let cloud = manifest.cloud();
    let Endpoints { login, graph, exchange, .. } = Endpoints::of(cloud);
    let super::args::Reach { sign_in: _, login_url, graph_url, exchange_url, ca_file: _ } = &global.reach;
    let own = [(login, login_url), (graph, graph_url), (exchange, exchange_url)];
    let replaced = own.into_iter().filter_map(|(own, typed)| typed.as_ref().filter(|typed| **typed != own));
    Reach::Microsoft365 {
        cloud: cloud.word(),
        offered: cloud.offers_insights(),
        replaced: replaced.map(|typed| without_user(typed)).collect(),
    }
}

fn network(global: &Global, console: &Console) -> Network {
    let local = global.sandbox.as_ref().is_some_and(|at| !at.starts_with("https://"));
    if local {
        return Network { local, ..Network::default() };
    }
    let typed = global.reach.ca_file.iter().map(|path| path.display().to_string());
    Network {
        local,
        proxy: console.way.proxy.as_deref().map(without_user),
        authorities: typed.chain(console.way.authorities.iter().cloned()).collect(),
    }
}

/// Lists what nobody has verified of what this manifest relies on.
fn unverified(global: &Global, manifest: &Manifest) -> Vec<Unverified> {
    let settings = manifest.needs().include(Permission::Exchange, Purpose::Plan);
    let carrier = global.transport.or(manifest.transport()).unwrap_or(if global.sandbox.is_some() {
        manifest::Transport::ExchangeRest
    } else {
        manifest::Transport::PowerShell
    });
    let google = matches!(manifest.store(), StoreAddress::Remote(at) if at.starts_with("gs://"));
    let concerns = |what: &Unverified| match what {
        Unverified::LiveTenant => true,
        Unverified::PowerShell => settings && carrier == manifest::Transport::PowerShell,
        Unverified::ExchangeRest => settings && carrier == manifest::Transport::ExchangeRest,
        Unverified::AppOnly
        | Unverified::FlagsAfterOptIn
        | Unverified::DefaultsAndChoices
        | Unverified::SamplingRate
        | Unverified::ForbiddenPeople
        | Unverified::Limits
        | Unverified::AuditLog => settings,
        Unverified::OtherClouds => manifest.cloud() != Cloud::Worldwide,
        Unverified::GoogleStore => google,
    };
    Unverified::ALL.into_iter().filter(concerns).collect()
}

/// Looks at the store; tries whether it takes objects where something is to be written.
async fn store(
    global: &Global,
    console: &Console,
    manifest: &Manifest,
    clock: &Clock,
    purpose: Purpose,
) -> Result<StoreSeen, Failure> {
    let Some(StorePlace { place, by_itself, throw_away }) = store_place(global, console, manifest)? else {
        return Ok(StoreSeen::Nothing);
    };
    let store = Store::open(&place, manifest.tenant(), WhenMissing::Empty).await?;
    let place = place.to_string();
    if store.id().is_none() {
        return Ok(StoreSeen::Absent { place, by_itself, throw_away });
    }
    let held = store.under_way(clock).await?.map(|UnderWay { run: _, holder, since }| (holder, since));
    let newest_run = store.newest_run().await?.map_or(0, |run| run.0);
    let writes = match purpose {
        Purpose::Plan => None,
        Purpose::Apply => Some(store.try_writing().await.map_err(amiss)),
    };
    Ok(StoreSeen::There { place, newest_run, throw_away, held, writes })
}

/// Takes the fact, the causes and the advice out of a failure, and what its exit code says.
fn amiss(failure: impl Into<Failure>) -> Amiss {
    let Failure { exit, error, hints } = failure.into();
    let mut fact = error.to_string();
    let mut told = fact.clone();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if text != told {
            fact = format!("{fact}: {text}");
            told = text;
        }
        next = cause.source();
    }
    let blame = match exit {
        Exit::SignIn => Blame::Access,
        Exit::Wrong | Exit::Stale => Blame::Wrong,
        Exit::Done
        | Exit::Unexpected
        | Exit::Pending
        | Exit::Refused
        | Exit::Partial
        | Exit::Incomplete
        | Exit::Locked
        | Exit::Interrupted => Blame::Unreadable,
    };
    Amiss { fact, advice: (!hints.is_empty()).then(|| hints.join("; ")), blame }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
