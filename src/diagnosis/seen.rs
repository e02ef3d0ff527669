//! Is what was seen, before it is judged: plain values, whoever gathered them.
//!
//! `None` means that nobody could look, because something before it failed or nothing hangs on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::Blame;
use crate::model::{Needs, Purpose, TenantId};

/// Is everything that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What is to be done with the manifest.
    pub purpose: Purpose,
    /// The manifest, or why it cannot be used.
    pub manifest: Result<ManifestSeen, NoManifest>,
    /// The tenant.
    pub tenant: Option<TenantSeen>,
    /// The store.
    pub store: Option<Result<StoreSeen, Amiss>>,
}

/// Is something that is wrong, as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amiss {
    /// The fact and its causes, in lower case; may contain text of a service.
    pub fact: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// Who can mend it.
    pub blame: Blame,
}

/// Is a manifest that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestSeen {
    /// Its path, as it was given.
    pub file: String,
    /// Its tenant.
    pub tenant: TenantId,
    /// How many groups it has.
    pub groups: u64,
    /// How many warnings it draws.
    pub warnings: u64,
    /// What it needs.
    pub needs: Needs,
}

/// Is a manifest that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoManifest {
    /// Its path, as it was given.
    pub file: String,
    /// How many errors it has.
    pub errors: u64,
    /// The first of them, with its place.
    pub first: String,
}

/// Says what is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A simulated tenant: a file, or an address.
    Sandbox(String),
    /// Microsoft 365.
    Microsoft365 {
        /// The cloud's word in the manifest.
        cloud: &'static str,
        /// Whether Microsoft offers personal insights there.
        offered: bool,
        /// Addresses that stand in for the cloud's own.
        replaced: Vec<String>,
    },
}

/// Says what lies between us and the services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The services are on this machine, and nothing lies between.
    pub local: bool,
    /// The proxy that the environment names, without what may be a credential.
    pub proxy: Option<String>,
    /// The files from which certificate authorities come beside the machine's own.
    pub authorities: Vec<String>,
}

/// Is what a token says of whoever bears it; everything is empty for a token that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bearer {
    /// The application that asked for it.
    pub application: Option<String>,
    /// The tenant that issued it.
    pub tenant: Option<String>,
    /// What the application was granted; `None` when the token does not tell, or is a person's.
    pub roles: Option<BTreeSet<String>>,
    /// Whether it is a person's, who is signed in.
    pub personal: bool,
    /// The directory roles of whoever signed in, by template; `None` when it does not tell.
    pub directory_roles: Option<BTreeSet<Uuid>>,
    /// When it ends.
    pub until: Option<Timestamp>,
}

/// Is what was seen of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantSeen {
    /// What is reached.
    pub reach: Reach,
    /// What lies between.
    pub network: Network,
    /// Who signs in, in words that hold no secret, or why nobody can.
    pub who: Result<String, Amiss>,
    /// The token for Microsoft Graph.
    pub directory: Option<Result<Bearer, Amiss>>,
    /// The token for Exchange Online.
    pub exchange: Option<Result<Bearer, Amiss>>,
    /// By how many seconds the services' clock is ahead of ours; `None` when none of them showed it.
    pub ahead: Option<i64>,
    /// The tenant's own record.
    pub organization: Option<Result<(TenantId, Arc<str>), Amiss>>,
    /// Whether a person could be read.
    pub people: Option<Result<(), Amiss>>,
    /// The first of the manifest's groups.
    pub groups: Option<Result<GroupsSeen, Amiss>>,
    /// The products.
    pub products: Option<Result<Products, Amiss>>,
    /// PowerShell, where it carries the settings.
    pub shell: Option<Result<ShellSeen, Amiss>>,
    /// Whether the tenant's defaults could be read.
    pub settings: Option<Result<(), Amiss>>,
    /// What nobody has verified of this way.
    pub unverified: Vec<super::Unverified>,
}

/// Is what the directory answered about groups of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsSeen {
    /// How many were looked up.
    pub looked_up: u64,
    /// How many the manifest names.
    pub of: u64,
    /// Those that are not there, or whose name several bear; as the manifest calls them.
    pub absent: Vec<String>,
    /// Those that hide their members; as the manifest calls them.
    pub hidden: Vec<String>,
}

/// Counts the tenant's products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Products {
    /// All of them.
    pub all: u64,
    /// Those that carry personal insights.
    pub carrying: u64,
}

/// Is a PowerShell that was found, and its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellSeen {
    /// The program.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The module's version.
    pub module: String,
}

/// Is what was seen of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSeen {
    /// None is wanted (`store: none`).
    Nothing,
    /// There is none yet.
    Absent {
        /// Where it was looked for.
        place: String,
        /// Whether the first apply creates it without being told to.
        by_itself: bool,
        /// Whether its folder goes when the job does.
        throw_away: bool,
    },
    /// It is there.
    There {
        /// Where.
        place: String,
        /// The newest run that it remembers; 0 before the first.
        newest_run: u64,
        /// Whether its folder goes when the job does.
        throw_away: bool,
        /// Who applies right now, and since when.
        held: Option<(String, Timestamp)>,
        /// Whether a trial object could be created and deleted; `None` when that was not tried.
        writes: Option<Result<(), Amiss>>,
    },
}
