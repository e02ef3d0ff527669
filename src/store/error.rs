//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::FORMAT;
use crate::model::TenantId;

/// Is a fact about a store that stops us.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store, and none may be created.
    #[error("there is no store in {}", folder.display())]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// There are ledgers, but nothing says whose they are.
    #[error("the store in {} has lost its file `id`", folder.display())]
    NoIdentity {
        /// Where.
        folder: PathBuf,
    },
    /// The store belongs to another tenant.
    #[error("{} belongs to tenant {belongs}, not to {asked}", path.display())]
    OtherTenant {
        /// The store, or the file in it.
        path: PathBuf,
        /// Whose it is.
        belongs: TenantId,
        /// Who was asked for.
        asked: TenantId,
    },
    /// A later version wrote the file.
    #[error("{} has format {format}, and this version knows up to {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// A line that was complete once can no longer be read.
    #[error("{}:{line} cannot be read", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A snapshot has not all of its lines.
    #[error("{} is cut short", path.display())]
    CutShort {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else applies at this moment.
    #[error("locked by {holder} since {since}")]
    Locked {
        /// What they call themselves.
        holder: String,
        /// Since when.
        since: Timestamp,
    },
    /// Our lock expired, and somebody else took it.
    #[error("the lock was lost to {to}")]
    LeaseLost {
        /// What they call themselves.
        to: String,
    },
    /// Somebody else applied after the ledger was read.
    #[error("the ledger has changed since it was read")]
    Changed,
    /// An earlier write of this journal failed, so nothing may follow it.
    #[error("the journal of run {run} was broken off")]
    BrokenOff {
        /// The run.
        run: super::RunId,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried: a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StoreError {
    /// Gives advice, where there is any.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } => Some(
                "the first use of a store needs --new-store; a store that was there before must be brought back, \
                 since without it every choice looks like a first touch",
            ),
            Self::NoIdentity { .. } | Self::Damaged { .. } | Self::CutShort { .. } => {
                Some("bring the store back from a copy; nothing in it may be repaired by hand")
            }
            Self::OtherTenant { .. } => Some("name one store per tenant under `store:`"),
            Self::Newer { .. } => Some("use the version of insightctl that wrote it, or a later one"),
            Self::Locked { .. } => {
                Some("wait until they are done; the lock of a process that died expires after a minute")
            }
            Self::LeaseLost { .. } | Self::Changed => Some("run the same command again"),
            Self::BrokenOff { .. } | Self::Io { .. } => None,
        }
    }

    /// Makes an error of reading or writing.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// Refuses what a later version wrote.
pub(super) fn check_format(path: &Path, format: u32) -> Result<(), StoreError> {
    if format <= FORMAT { Ok(()) } else { Err(StoreError::Newer { path: path.to_owned(), format }) }
}

/// Refuses what belongs to another tenant.
pub(super) fn check_tenant(path: &Path, belongs: TenantId, asked: TenantId) -> Result<(), StoreError> {
    if belongs == asked {
        Ok(())
    } else {
        Err(StoreError::OtherTenant { path: path.to_owned(), belongs, asked })
    }
}
