//! Is what one check found, and how much it weighs.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Amiss, Check, GroupsSeen, Network, Products, ShellSeen};
use crate::model::{AdminRole, Permission, TenantId};

/// Says how a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// All is well.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// It does not work, and who can mend it.
    Failure(Blame),
    /// It was not looked at: something stands in the way, or nothing hangs on it.
    Skipped,
}

/// Sorts failures by who can mend them; of several, the last in this order is what the exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blame {
    /// Something cannot be read: the network, a service, a store, a clock that is off.
    Unreadable,
    /// The manifest or the command line is wrong.
    Wrong,
    /// Sign-in or permission.
    Access,
}

/// Is what one check found: facts, for which words are chosen elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Something else failed on which this hangs.
    Skipped(Check),
    /// Nothing hangs on it, or another way was chosen.
    NotNeeded,
    /// It is wrong, or could not be read.
    Amiss(Amiss),
    /// It could be read.
    Readable,
    /// The manifest was read.
    Manifest {
        /// Its path.
        file: String,
        /// Its groups.
        groups: u64,
        /// Its warnings.
        warnings: u64,
    },
    /// The manifest cannot be used.
    NoManifest {
        /// Its path.
        file: String,
        /// Its errors.
        errors: u64,
        /// The first of them.
        first: String,
    },
    /// A simulated tenant is reached.
    Sandbox(String),
    /// Microsoft 365 is reached.
    Cloud {
        /// The cloud's word in the manifest.
        cloud: &'static str,
        /// Whether Microsoft offers personal insights there.
        offered: bool,
        /// Addresses that stand in for the cloud's own.
        replaced: Vec<String>,
    },
    /// What lies between.
    Network(Network),
    /// Somebody signed in.
    SignedIn {
        /// Who, in words without a secret.
        who: String,
        /// The application, where the token names it.
        application: Option<String>,
        /// When the token ends, where it says so.
        until: Option<Timestamp>,
    },
    /// The clocks differ by so many seconds; positive when the services are ahead.
    Clock(i64),
    /// No service showed its clock.
    ClockUntold,
    /// It is the tenant that was meant; the name is absent where it may not be read.
    Tenant(TenantId, Option<Arc<str>>),
    /// It is another tenant.
    OtherTenant {
        /// This one.
        is: TenantId,
        /// Where that one was meant.
        meant: TenantId,
    },
    /// Neither the token nor the directory says which tenant it is.
    TenantUntold,
    /// Nothing that is needed is known to be missing.
    Granted {
        /// What was granted.
        granted: Vec<Permission>,
        /// What no token told of.
        untold: Vec<Permission>,
    },
    /// Something that is needed was not granted.
    Missing(Vec<Permission>),
    /// The token does not say what was granted.
    GrantsUntold {
        /// It is a person's, whose own rights count.
        personal: bool,
    },
    /// A directory role opens the insights settings.
    Role(AdminRole),
    /// No directory role does.
    NoRole,
    /// The token does not say which roles its bearer has.
    RolesUntold,
    /// Nothing was granted beyond need.
    NoSurplus,
    /// Something was granted beyond need.
    Surplus {
        /// Permissions.
        permissions: Vec<String>,
        /// Directory roles.
        roles: Vec<AdminRole>,
    },
    /// The groups could be looked up.
    Groups(GroupsSeen),
    /// The products, of which at least one carries personal insights.
    Products(Products),
    /// No product carries personal insights; the number of products.
    NoProduct(u64),
    /// PowerShell and its module are there.
    Shell(ShellSeen),
    /// No store is wanted.
    NoStore,
    /// There is no store yet.
    StoreAbsent {
        /// Where it was looked for.
        place: String,
        /// Whether the first apply creates it without being told to.
        by_itself: bool,
    },
    /// The store is there.
    Store {
        /// Where.
        place: String,
        /// The newest run that it remembers; 0 before the first.
        newest_run: u64,
    },
    /// The store lies where later jobs find it again, as far as can be told.
    Lasting,
    /// The store is a folder of a machine that is thrown away after this job.
    ThrownAway,
    /// Nobody applies.
    Free,
    /// Somebody applies.
    Held {
        /// Who.
        holder: String,
        /// Since when.
        since: Timestamp,
    },
    /// A trial object was created in the store, and deleted again.
    Writable,
    /// Nobody tried whether the store takes objects.
    WritesUntried,
}

/// Is the difference of clocks, in seconds, that tokens do not bear any more.
const CLOCK_FAILS: i64 = 300;
/// Is the difference of clocks, in seconds, that is worth a word.
const CLOCK_WARNS: i64 = 60;

impl Finding {
    /// Says how the check ended.
    pub fn state(&self) -> State {
        let warn_if = |doubtful: bool| if doubtful { State::Warning } else { State::Ok };
        match self {
            Self::Readable
            | Self::Sandbox(_)
            | Self::Network(_)
            | Self::SignedIn { .. }
            | Self::Tenant(..)
            | Self::Role(_)
            | Self::NoSurplus
            | Self::Products(_)
            | Self::Shell(_)
            | Self::Store { .. }
            | Self::Lasting
            | Self::Free
            | Self::Writable => State::Ok,
            Self::Granted { granted: _, untold } => warn_if(!untold.is_empty()),
            Self::Manifest { warnings, .. } => warn_if(*warnings > 0),
            Self::Cloud { offered, .. } => warn_if(!offered),
            Self::Groups(GroupsSeen { absent, hidden, .. }) => {
                warn_if(!absent.is_empty() || !hidden.is_empty())
            }
            Self::StoreAbsent { by_itself, .. } => warn_if(!by_itself),
            Self::Clock(ahead) if ahead.saturating_abs() <= CLOCK_WARNS => State::Ok,
            Self::Clock(ahead) if ahead.saturating_abs() <= CLOCK_FAILS => State::Warning,
            Self::Clock(_) => State::Failure(Blame::Unreadable),
            Self::Surplus { .. }
            | Self::NoProduct(_)
            | Self::NoStore
            | Self::ThrownAway
            | Self::Held { .. } => State::Warning,
            Self::Amiss(Amiss { blame, .. }) => State::Failure(*blame),
            Self::NoManifest { .. } => State::Failure(Blame::Wrong),
            Self::OtherTenant { .. } | Self::TenantUntold | Self::Missing(_) | Self::NoRole => {
                State::Failure(Blame::Access)
            }
            Self::Skipped(_)
            | Self::NotNeeded
            | Self::ClockUntold
            | Self::GrantsUntold { .. }
            | Self::RolesUntold
            | Self::WritesUntried => State::Skipped,
        }
    }
}
