//! Judges what was found out about a manifest, its tenant and its store before anything is done with them.
//!
//! What was seen goes in as plain values ([`Seen`]), and a [`Diagnosis`] comes out: one line for each check, in a fixed
//! order, each well, doubtful, wrong or skipped. Nothing is asked here, and no words are chosen.

mod finding;
mod judge;
mod seen;
mod unverified;

pub use finding::{Blame, Finding, State};
pub use judge::judge;
pub use seen::{
    Amiss, Bearer, GroupsSeen, ManifestSeen, Network, NoManifest, Products, Reach, Seen, ShellSeen,
    StoreSeen, TenantSeen,
};
pub use unverified::Unverified;

use crate::model::{Needs, Purpose, TenantId};

/// Names what is looked at, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The manifest and its files.
    Manifest,
    /// Where the tenant's services are, and whether the product is offered there.
    Cloud,
    /// What lies between: a proxy, other certificate authorities.
    Network,
    /// Signing in for Microsoft Graph.
    DirectorySignIn,
    /// Signing in for Exchange Online.
    SettingsSignIn,
    /// Our clock against the services'.
    Clock,
    /// Whether it is the tenant that was meant.
    Tenant,
    /// What the application was granted, against what the manifest needs.
    Permissions,
    /// The directory role that opens the insights settings.
    Role,
    /// What was granted beyond need.
    Surplus,
    /// Whether people can be read.
    People,
    /// Whether the manifest's groups can be read.
    Groups,
    /// Whether the tenant's products can be read, and carry personal insights.
    Products,
    /// PowerShell and its module.
    PowerShell,
    /// Whether the insights settings can be read.
    Settings,
    /// The store.
    Store,
    /// Whether the store outlives the job.
    Lasting,
    /// Whether somebody applies right now.
    Lock,
    /// Whether the store can be written to.
    StoreWrites,
}

impl Check {
    /// Lists every check.
    pub const ALL: [Self; 19] = [
        Self::Manifest,
        Self::Cloud,
        Self::Network,
        Self::DirectorySignIn,
        Self::SettingsSignIn,
        Self::Clock,
        Self::Tenant,
        Self::Permissions,
        Self::Role,
        Self::Surplus,
        Self::People,
        Self::Groups,
        Self::Products,
        Self::PowerShell,
        Self::Settings,
        Self::Store,
        Self::Lasting,
        Self::Lock,
        Self::StoreWrites,
    ];

    /// Gives its id, a promise to scripts.
    pub fn id(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Cloud => "cloud",
            Self::Network => "network",
            Self::DirectorySignIn => "directory-sign-in",
            Self::SettingsSignIn => "settings-sign-in",
            Self::Clock => "clock",
            Self::Tenant => "tenant",
            Self::Permissions => "permissions",
            Self::Role => "role",
            Self::Surplus => "surplus",
            Self::People => "people",
            Self::Groups => "groups",
            Self::Products => "products",
            Self::PowerShell => "powershell",
            Self::Settings => "settings",
            Self::Store => "store",
            Self::Lasting => "lasting",
            Self::Lock => "lock",
            Self::StoreWrites => "store-writes",
        }
    }
}

/// Is one check and what it found.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What was looked at.
    pub check: Check,
    /// What was found.
    pub finding: Finding,
}

/// Is everything that was looked at, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// What is to be done with the manifest.
    pub purpose: Purpose,
    /// The tenant that the manifest names; `None` when there is no telling.
    pub tenant: Option<TenantId>,
    /// What the manifest needs of an application; `None` when it cannot be read.
    pub needs: Option<Needs>,
    /// What the tokens say was granted for Microsoft Graph and for Exchange Online, sorted; `None` where they do not tell.
    pub granted: Option<Vec<String>>,
    /// Every check, in order.
    pub lines: Vec<Line>,
    /// What nobody has verified of the way on which the tenant would be reached.
    pub unverified: Vec<Unverified>,
}

impl Diagnosis {
    /// Gives what weighs most of all that is wrong; `None` when nothing is.
    pub fn blame(&self) -> Option<Blame> {
        let blames = self.lines.iter().filter_map(|line| match line.finding.state() {
            State::Failure(blame) => Some(blame),
            State::Ok | State::Warning | State::Skipped => None,
        });
        blames.max()
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
