//! Reads the tenant over the wire, and writes to it.
//!
//! People, groups and licences come from Microsoft Graph v1.0, which Microsoft documents. Settings travel in the
//! Exchange REST envelope, which it does not: that the insights cmdlets may travel so is our own convention, and the
//! whole room is verified against the sandbox only.
//!
//! Start with [`Reader`], which has no method that writes, and [`Writer`], which has them all. Beneath them,
//! `message` holds requests and answers as values, `http` sends one, `service` sends it again, `retry` and `pace` decide when, `cost` counts
//! ahead what it takes, `said` and `error` read refusals, and `batch` looks into the answers that hold many.

mod auth;
mod batch;
mod connection;
mod cost;
mod error;
mod fuse;
mod graph;
mod http;
mod insights;
mod message;
mod pace;
mod reader;
mod retry;
mod said;
mod service;
#[cfg(test)]
pub(crate) mod trial;
mod url;
mod writer;

use std::sync::Arc;

pub use self::auth::Credential;
pub use self::connection::{Connection, Endpoints, Transport};
pub use self::reader::{Ask, Reader};
pub use self::writer::{LicenceWrite, PersonWrite, Sent, WriteError, Writer};

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

/// Turns what could not be read into a value that is not known.
fn known<T>(read: Result<T, Refusal>) -> Known<T> {
    match read {
        Ok(value) => Known::Is(value),
        Err(refusal) => Known::Unknown(Arc::new(refusal)),
    }
}
