//! Says what can go wrong before the sandbox answers its first request.

use std::io;
use std::path::PathBuf;

use uuid::Uuid;

use super::faults::Mistake;

/// Says why a sandbox could not start, or why a person could not be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The tenant file could not be read from the disk.
    #[error("cannot read the tenant file {}", .path.display())]
    Read {
        /// The tenant file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The tenant file is not JSON of the right shape.
    #[error("the tenant file {} cannot be understood", .path.display())]
    Shape {
        /// The tenant file.
        path: PathBuf,
        /// What was found and where.
        source: serde_json::Error,
    },
    /// The tenant file contradicts itself.
    #[error("the tenant file contradicts itself: {0}")]
    Tenant(String),
    /// The log could not be read or written.
    #[error("cannot use the sandbox's log {}", .path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// A whole line of the log is not what the sandbox writes.
    #[error("line {line} of the sandbox's log {} is damaged", .path.display())]
    Damaged {
        /// The log.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The log was written over another tenant file.
    #[error("the tenant file has changed since the sandbox's log {} was begun", .path.display())]
    TenantChanged {
        /// The log.
        path: PathBuf,
    },
    /// Another process holds the log.
    #[error("the sandbox's log {} is in use by another process", .path.display())]
    InUse {
        /// The log.
        path: PathBuf,
    },
    /// The port could not be had.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port; 0 when any would have done.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The script of faults could not be read from the disk.
    #[error("cannot read the script of faults {}", .path.display())]
    Faults {
        /// The script.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The script of faults cannot be played.
    #[error("{name} cannot be played\n{}", .mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Script {
        /// The file, or where else it came from.
        name: String,
        /// All that is wrong with it, in the order of its lines.
        mistakes: Vec<Mistake>,
    },
    /// Nobody has that address or id.
    #[error("nobody in the tenant is called `{0}`")]
    NoSuchPerson(String),
    /// There is no group with that id.
    #[error("the tenant has no group {0}")]
    NoSuchGroup(Uuid),
    /// The person has no access to their own settings.
    #[error("{who} cannot change these settings themselves: {why}")]
    NoAccess {
        /// The person's user principal name.
        who: String,
        /// What they lack.
        why: &'static str,
    },
}

impl SandboxError {
    /// Advises what to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TenantChanged { .. } | Self::Damaged { .. } => {
                Some("start afresh from the tenant file with `insightctl sandbox reset`")
            }
            Self::InUse { .. } => {
                Some("run one `insightctl sandbox serve` and let every command talk to that one")
            }
            Self::NoSuchPerson(_) => Some("name a user principal name, a mail address or an object id"),
            Self::NoAccess { .. } => Some("only an administrator can change them"),
            Self::Read { .. } => Some("`insightctl sandbox generate` writes such a file"),
            Self::Script { .. } | Self::Faults { .. } => {
                Some("docs/sandbox.md says what a script of faults is made of")
            }
            Self::NoSuchGroup(_)
            | Self::Shape { .. }
            | Self::Tenant(_)
            | Self::Log { .. }
            | Self::Listen { .. } => None,
        }
    }
}
