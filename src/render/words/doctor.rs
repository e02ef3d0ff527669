//! The sentences for everything that a diagnosis can say.

use crate::diagnosis::{Amiss, Check, Finding, GroupsSeen, Network, Products, ShellSeen, State, Unverified};
use crate::model::{AdminRole, Permission};
use crate::render::inert::quoted;
use crate::render::number::{count, counted, list, moment};

/// Spells how a check ended, as the JSON does.
pub(in crate::render) fn state(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Failure(_) => "failure",
        State::Skipped => "skipped",
    }
}

/// Spells the word of a finding, as the JSON does.
pub(in crate::render) fn finding_word(finding: &Finding) -> &'static str {
    match finding {
        Finding::Skipped(_) => "skipped",
        Finding::NotNeeded => "not-needed",
        Finding::Amiss(_) => "amiss",
        Finding::Readable => "readable",
        Finding::Manifest { .. } => "valid",
        Finding::NoManifest { .. } => "wrong",
        Finding::Sandbox(_) => "sandbox",
        Finding::Cloud { .. } => "microsoft-365",
        Finding::Network(_) => "way",
        Finding::SignedIn { .. } => "signed-in",
        Finding::Clock(_) => "difference",
        Finding::ClockUntold
        | Finding::TenantUntold
        | Finding::GrantsUntold { .. }
        | Finding::RolesUntold => "untold",
        Finding::Tenant(..) => "as-meant",
        Finding::OtherTenant { .. } => "other-tenant",
        Finding::Granted { .. } => "granted",
        Finding::Missing(_) => "missing",
        Finding::Role(_) => "held",
        Finding::NoRole => "none",
        Finding::NoSurplus => "none-beyond-need",
        Finding::Surplus { .. } => "beyond-need",
        Finding::Groups(_) => "looked-up",
        Finding::Products(_) => "carrying",
        Finding::NoProduct(_) => "none-carrying",
        Finding::Shell(_) => "found",
        Finding::NoStore => "no-store",
        Finding::StoreAbsent { .. } => "absent",
        Finding::Store { .. } => "there",
        Finding::Lasting => "lasting",
        Finding::ThrownAway => "thrown-away",
        Finding::Free => "free",
        Finding::Held { .. } => "locked",
        Finding::Writable => "writable",
        Finding::WritesUntried => "untried",
    }
}

/// Says what a check found.
pub(in crate::render) fn fact(check: Check, finding: &Finding) -> String {
    match finding {
        Finding::Skipped(behind) => format!("not looked at, because of `{}`", behind.id()),
        Finding::NotNeeded => not_needed(check).to_owned(),
        Finding::Amiss(Amiss { fact, advice: _, blame: _ }) => quoted(fact),
        Finding::Readable => readable(check).to_owned(),
        Finding::Manifest { file, groups, warnings } => {
            let warnings = match warnings {
                0 => String::new(),
                some => format!(", {}", counted(*some, "warning", "warnings")),
            };
            format!("{}: {}{warnings}", quoted(file), counted(*groups, "group", "groups"))
        }
        Finding::NoManifest { file: _, errors, first } => match errors {
            1 => quoted(first),
            more => format!("{}, the first of {} errors", quoted(first), count(*more)),
        },
        Finding::Sandbox(at) => format!("the sandbox {}: nothing here is Microsoft 365", quoted(at)),
        Finding::Cloud { cloud, offered, replaced } => {
            let offered = if *offered { "" } else { ", where personal insights is not offered" };
            let replaced = match replaced.as_slice() {
                [] => String::new(),
                some => format!("; instead of its own addresses: {}", each(some)),
            };
            format!("Microsoft 365, {cloud}{offered}{replaced}")
        }
        Finding::Network(network) => way(network),
        Finding::SignedIn { who, application, until } => {
            let application = application.as_deref().filter(|application| !who.contains(application));
            let application =
                application.map(|id| format!(", as application {}", quoted(id))).unwrap_or_default();
            let until = until.map(|until| format!(", until {}", moment(until))).unwrap_or_default();
            format!("{}{application}{until}", quoted(who))
        }
        Finding::Clock(ahead) => clock(*ahead),
        Finding::ClockUntold => "no service has shown its clock".to_owned(),
        Finding::Tenant(id, Some(name)) => format!("{} ({id})", quoted(name)),
        Finding::Tenant(id, None) => {
            format!("{id}, as the token says; its display name may not be read, and need not be")
        }
        Finding::OtherTenant { is, meant } => format!("signed in to tenant {is}, where {meant} was meant"),
        Finding::TenantUntold => "neither the token nor the directory says which tenant it is".to_owned(),
        Finding::Granted { granted, untold } => match (granted.as_slice(), untold.as_slice()) {
            (granted, []) => format!("all that is needed: {}", names(granted)),
            ([], untold) => format!("nobody could tell: {}", names(untold)),
            (granted, untold) => format!("{}; nobody could tell: {}", names(granted), names(untold)),
        },
        Finding::Missing(permissions) => format!("not granted: {}", names(permissions)),
        Finding::GrantsUntold { personal: true } => {
            "a person is signed in, whose own rights count; what follows tries them".to_owned()
        }
        Finding::GrantsUntold { personal: false } => {
            "the token does not tell; what follows tries it".to_owned()
        }
        Finding::Role(role) => role.name().to_owned(),
        Finding::NoRole => {
            format!("none that opens the insights settings; {} is enough", AdminRole::Exchange)
        }
        Finding::RolesUntold => "the token does not tell; what follows tries it".to_owned(),
        Finding::NoSurplus => "nothing is granted that could be taken away".to_owned(),
        Finding::Surplus { permissions, roles } => {
            let roles = roles.iter().map(|role| role.name().to_owned());
            let all: Vec<String> = permissions.iter().map(|name| quoted(name)).chain(roles).collect();
            format!("could do with less: {}", list(&all))
        }
        Finding::Groups(seen) => groups(seen),
        Finding::Products(Products { all, carrying }) => {
            format!(
                "{} of {} carry personal insights",
                count(*carrying),
                counted(*all, "product", "products")
            )
        }
        Finding::NoProduct(all) => {
            format!("none of {} carries personal insights", counted(*all, "product", "products"))
        }
        Finding::Shell(ShellSeen { program, version, module }) => format!(
            "PowerShell {} ({}), ExchangeOnlineManagement {}",
            quoted(version),
            quoted(program),
            quoted(module)
        ),
        Finding::NoStore => {
            "none is kept: only visible choices and the consent floor protect people".to_owned()
        }
        Finding::StoreAbsent { place, by_itself: true } => {
            format!("none yet in {}; the first apply creates it", quoted(place))
        }
        Finding::StoreAbsent { place, by_itself: false } => format!("there is none in {}", quoted(place)),
        Finding::Store { place, newest_run: 0 } => format!("{}, without a run yet", quoted(place)),
        Finding::Store { place, newest_run } => format!("{}, up to run {newest_run:08}", quoted(place)),
        Finding::Lasting => "nothing says that it goes with this job".to_owned(),
        Finding::ThrownAway => "a folder of a machine that is thrown away after this job".to_owned(),
        Finding::Free => "nobody applies".to_owned(),
        Finding::Held { holder, since } => format!("{} applies, since {}", quoted(holder), moment(*since)),
        Finding::Writable => "an object was created on trial, and deleted again".to_owned(),
        Finding::WritesUntried => "not tried: looking only reads".to_owned(),
    }
}

/// Says what to do about a finding; `None` where nothing is to be done.
pub(in crate::render) fn remedy(finding: &Finding) -> Option<String> {
    let fixed = match finding {
        Finding::Amiss(Amiss { fact: _, advice, blame: _ }) => return advice.as_deref().map(quoted),
        Finding::Missing(permissions) => return Some(grant(permissions)),
        Finding::Groups(GroupsSeen { absent, hidden, .. }) => {
            let absent = (!absent.is_empty()).then_some("check how the manifest spells them");
            let hidden = (!hidden.is_empty()).then_some("grant Member.Read.Hidden to see hidden members");
            let parts: Vec<&str> = absent.into_iter().chain(hidden).collect();
            return (!parts.is_empty()).then(|| parts.join("; "));
        }
        Finding::Clock(_) if finding.state() == State::Ok => return None,
        Finding::Manifest { warnings: 1.., .. } => "`insightctl validate` shows them, with their places",
        Finding::NoManifest { .. } => "`insightctl validate` tells everything that is wrong, with its place",
        Finding::Cloud { offered: false, .. } => {
            "expect the settings service to refuse, whatever the manifest asks for"
        }
        Finding::Clock(_) => "set this machine's clock: tokens bear a difference of five minutes at most",
        Finding::OtherTenant { .. } => {
            "`tenant.id` in the manifest is the Directory (tenant) ID: sign in to that tenant, or correct it"
        }
        Finding::TenantUntold => "grant Organization.Read.All, which lets the directory say it",
        Finding::NoRole => {
            "assign Exchange Administrator to the application's service principal, under Roles & admins; a role that only \
             reads is not enough, and a token from before does not count"
        }
        Finding::Surplus { .. } => "take it away once everything works; the lines below say what is enough",
        Finding::NoProduct(_) => {
            "without a licence only opting out does anything; check whether this is the right tenant"
        }
        Finding::NoStore => "name a place under `store:`, so that people's own choices are remembered",
        Finding::StoreAbsent { by_itself: false, .. } => {
            "the first use needs --new-store; a store that was there before must be brought back, since without it \
             every choice looks like a first touch"
        }
        Finding::ThrownAway => "name a bucket under `store:`, or a folder that outlives the job",
        Finding::Held { .. } => {
            "wait until they are done; the lock of a process that died expires after a minute"
        }
        Finding::Cloud { offered: true, .. }
        | Finding::StoreAbsent { by_itself: true, .. }
        | Finding::Manifest { warnings: 0, .. }
        | Finding::Skipped(_)
        | Finding::NotNeeded
        | Finding::Readable
        | Finding::Sandbox(_)
        | Finding::Network(_)
        | Finding::SignedIn { .. }
        | Finding::ClockUntold
        | Finding::Tenant(..)
        | Finding::Granted { .. }
        | Finding::GrantsUntold { .. }
        | Finding::Role(_)
        | Finding::RolesUntold
        | Finding::NoSurplus
        | Finding::Products(_)
        | Finding::Shell(_)
        | Finding::Store { .. }
        | Finding::Lasting
        | Finding::Free
        | Finding::Writable
        | Finding::WritesUntried => return None,
    };
    Some(fixed.to_owned())
}

/// Says how permissions are granted that are missing.
fn grant(missing: &[Permission]) -> String {
    let exchange = missing.contains(&Permission::Exchange);
    let graph = missing.iter().any(|permission| *permission != Permission::Exchange);
    let of = match (graph, exchange) {
        (true, true) => "of Microsoft Graph and of Office 365 Exchange Online",
        (false, true) => "of Office 365 Exchange Online",
        (true | false, false) => "of Microsoft Graph",
    };
    let looking = match missing {
        [Permission::LicenceWrites] => "; for plans alone it is not needed, as `doctor --for plan` shows",
        _ => "",
    };
    format!("add application permissions {of}, and grant admin consent{looking}")
}

fn not_needed(check: Check) -> &'static str {
    match check {
        Check::Groups => "the manifest names no group",
        Check::SettingsSignIn | Check::Role | Check::Settings => "the manifest manages licences alone",
        Check::PowerShell => "it does not carry the settings here",
        Check::Lasting | Check::Lock | Check::StoreWrites => "there is no store to look at",
        Check::Manifest
        | Check::Cloud
        | Check::Network
        | Check::DirectorySignIn
        | Check::Clock
        | Check::Tenant
        | Check::Permissions
        | Check::Surplus
        | Check::People
        | Check::Products
        | Check::Store => "nothing hangs on it",
    }
}

fn readable(check: Check) -> &'static str {
    match check {
        Check::People => "people can be read",
        Check::Settings => "the tenant's defaults can be read",
        Check::Manifest
        | Check::Cloud
        | Check::Network
        | Check::DirectorySignIn
        | Check::SettingsSignIn
        | Check::Clock
        | Check::Tenant
        | Check::Permissions
        | Check::Role
        | Check::Surplus
        | Check::Groups
        | Check::Products
        | Check::PowerShell
        | Check::Store
        | Check::Lasting
        | Check::Lock
        | Check::StoreWrites => "it can be read",
    }
}

fn way(Network { local, proxy, authorities }: &Network) -> String {
    let way = match (local, proxy) {
        (true, _) => "this machine alone".to_owned(),
        (false, Some(proxy)) => format!("through the proxy {}", quoted(proxy)),
        (false, None) => "straight, without a proxy".to_owned(),
    };
    match authorities.as_slice() {
        [] => way,
        files => format!("{way}; certificate authorities also from {}", each(files)),
    }
}

fn clock(ahead: i64) -> String {
    match ahead {
        -1..=1 => "agrees with that of the services".to_owned(),
        2.. => format!("this machine's is {} s behind that of the services", count(ahead.unsigned_abs())),
        ..-1 => format!("this machine's is {} s ahead of that of the services", count(ahead.unsigned_abs())),
    }
}

fn groups(GroupsSeen { looked_up, of, absent, hidden }: &GroupsSeen) -> String {
    let mut parts = vec![format!("{} of {} looked up", count(*looked_up), counted(*of, "group", "groups"))];
    if !absent.is_empty() {
        parts.push(format!("not there, or not alone with that name: {}", each(absent)));
    }
    if !hidden.is_empty() {
        parts.push(format!("hiding their members: {}", each(hidden)));
    }
    parts.join("; ")
}

fn names(permissions: &[Permission]) -> String {
    let names: Vec<String> = permissions.iter().map(|permission| permission.name().to_owned()).collect();
    list(&names)
}

fn each(texts: &[String]) -> String {
    list(&texts.iter().map(|text| quoted(text)).collect::<Vec<_>>())
}

/// Says what a permission is for.
pub(in crate::render) fn serves(permission: Permission) -> &'static str {
    match permission {
        Permission::GroupMembers => "groups and their members, and what groups hand out",
        Permission::Users => "people, filters, licences that people hold",
        Permission::Licences => "the tenant's products (`subscribedSkus`)",
        Permission::LicenceWrites => "`assignLicense`, of people and of groups",
        Permission::HiddenMembers => "groups with hidden membership",
        Permission::Organization => "the tenant's display name",
        Permission::AuditLog => "who changed a setting",
        Permission::Exchange => "mode, features, the tenant's defaults",
    }
}

/// Says when a permission is needed.
pub(in crate::render) fn needed_when(permission: Permission) -> &'static str {
    match permission {
        Permission::GroupMembers => {
            "the manifest names a group, or says `licences: { through-groups: true }`"
        }
        Permission::Users => "always",
        Permission::Licences => "always; `Organization.Read.All` covers it too",
        Permission::LicenceWrites => "apply, if some group has `service-plan:`",
        Permission::HiddenMembers => "the manifest names such a group",
        Permission::Organization => "never; without it the manifest's name is shown",
        Permission::AuditLog => "you use `--who-changed`; without it, a note says so",
        Permission::Exchange => "the manifest manages any of them",
    }
}

/// Says in a sentence what nobody has verified.
pub(in crate::render) fn unverified(what: Unverified) -> &'static str {
    match what {
        Unverified::LiveTenant => {
            "No request of this version has met a live tenant: all of them are written by Microsoft's documents, and tested \
             against the sandbox."
        }
        Unverified::PowerShell => {
            "The PowerShell worker has not met the real ExchangeOnlineManagement module: its script is checked with a \
             grammar, and a stand-in speaks its lines in the tests."
        }
        Unverified::ExchangeRest => {
            "Whether Microsoft's service takes the insights cmdlets in the Exchange REST envelope is unknown."
        }
        Unverified::AppOnly => {
            "That an application with Exchange Administrator may read and write insights settings is reported by others, not \
             always with success; for Insights Administrator nobody has reported it."
        }
        Unverified::FlagsAfterOptIn => {
            "What opting out and in again does to somebody's features is not documented: they are read back and written anew."
        }
        Unverified::DefaultsAndChoices => {
            "Whether a changed default of the tenant reaches people who chose for themselves is not documented."
        }
        Unverified::SamplingRate => {
            "The meeting survey's sampling rate has no documented field to read it from: it is compared with the ledger alone."
        }
        Unverified::ForbiddenPeople => {
            "Why the settings service refuses to speak of some people is not documented; they are left alone."
        }
        Unverified::Limits => {
            "How many requests the settings service bears is not published: the pace begins low and adapts."
        }
        Unverified::AuditLog => {
            "Whether the audit log tells of changes that people made themselves is not documented."
        }
        Unverified::OtherClouds => {
            "The addresses of the government clouds and of China come from documents, and none has been called."
        }
        Unverified::GoogleStore => "A store in Google Cloud Storage has met no test, not even an emulator.",
    }
}
