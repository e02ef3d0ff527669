//! Reads the tenant over the wire, and writes to it.
//!
//! People, groups and licences come from Microsoft Graph v1.0, which Microsoft documents. Settings are read and written
//! by PowerShell with Microsoft's own module, or travel in the Exchange REST envelope: that they may is our own
//! convention. The whole room is verified against the sandbox only.
//!
//! Start with [`Reader`], which has no method that writes, and [`Writer`], which has them all. Beneath them,
//! `message` holds requests and answers as values, `http` sends one, `service` sends it again, `retry` and `pace` decide when, `cost` counts
//! ahead what it takes, `said` and `error` read refusals, and `batch` looks into the answers that hold many.

mod auth;
mod batch;
mod beside;
mod cloud;
mod connection;
mod cost;
mod defaults;
mod error;
mod examine;
mod fuse;
mod graph;
mod http;
mod insights;
mod message;
mod pace;
mod parts;
mod reader;
mod retry;
mod roots;
mod said;
mod service;
#[cfg(test)]
pub(crate) mod trial;
mod url;
mod writer;

use std::sync::Arc;

use jiff::Timestamp;

pub use self::auth::{
    Certificate, CertificateError, Credential, Federated, Lack, SignedIn, TokenClaims, advice,
};
pub use self::cloud::{exchange_environment, graph_environment};
pub use self::connection::{Connection, Endpoints, Shell, Transport};
pub use self::examine::{DirectoryExamined, Examination, examine};
pub use self::graph::GroupsFound;
pub use self::insights::powershell::{ShellVersions, look_for_powershell};
pub use self::reader::{Ask, Reader};
pub use self::roots::{NoRoots, Roots};
pub(crate) use self::url::{check_base as check_address, without_user};
pub use self::writer::{LicenceWrite, PersonWrite, Sent, WriteError, Writer};

pub(crate) use self::insights::wire::{set_person, set_tenant};

use crate::model::{Known, Refusal};

/// Says how far reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// People listed.
    People {
        /// So far.
        done: u64,
    },
    /// Groups, filters and licences of the manifest whose people are listed.
    Groups {
        /// So far.
        done: u64,
        /// In all.
        of: u64,
    },
    /// The audit log is asked, which takes its time.
    AuditLog {
        /// Seconds waited so far.
        waited: u64,
        /// The most that is waited.
        at_most: u64,
    },
    /// People whose mode and features are read.
    Settings {
        /// So far.
        done: u64,
        /// In all.
        of: u64,
    },
}

/// Is told how far reading is; called often, from any thread.
pub type OnReading = Arc<dyn Fn(Reading) + Send + Sync>;

/// Says whether a write that has waited since a moment may leave now; called before each one, from any thread.
pub type MayWrite = Arc<dyn Fn(Timestamp) -> bool + Send + Sync>;

/// Turns what could not be read into a value that is not known.
fn known<T>(read: Result<T, Refusal>) -> Known<T> {
    match read {
        Ok(value) => Known::Is(value),
        Err(refusal) => Known::Unknown(Arc::new(refusal)),
    }
}
