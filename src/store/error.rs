//! What can go wrong with a store.

use std::error::Error;

use jiff::Timestamp;
use object_store::client::{HttpError, HttpErrorKind};

use super::FORMAT;
use super::cause::Cause;
use super::place::Options;
use crate::model::TenantId;

/// Is a fact about a store that stops us.
///
/// `what` and `path` name an object as a person would look for it: the folder or the bucket's address, and the path.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store, and none may be created.
    #[error("there is no store in {place}")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// There are ledgers, but nothing says whose they are.
    #[error("the store in {place} has lost its file `id`")]
    NoIdentity {
        /// Where.
        place: String,
    },
    /// The store belongs to another tenant.
    #[error("{path} belongs to tenant {belongs}, not to {asked}")]
    OtherTenant {
        /// The store, or the file in it.
        path: String,
        /// Whose it is.
        belongs: TenantId,
        /// Who was asked for.
        asked: TenantId,
    },
    /// A later version wrote the file.
    #[error("{path} has format {format}, and this version knows up to {FORMAT}")]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        format: u32,
    },
    /// A line that was complete once can no longer be read.
    #[error("{path}:{line} cannot be read")]
    Damaged {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A snapshot or a journal has not all of its lines.
    #[error("{path} is cut short")]
    CutShort {
        /// The file.
        path: String,
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
    /// There is no run of that number.
    #[error("there is no run {run} in {place}")]
    NoRun {
        /// The number that was asked for.
        run: super::RunId,
        /// The store.
        place: String,
    },
    /// A text is no address of a bucket.
    #[error("`{address}` is no address of a bucket")]
    NotABucket {
        /// The text.
        address: String,
    },
    /// What the environment says about reaching a bucket makes no sense.
    #[error("{address} cannot be reached with what the environment says")]
    Settings {
        /// The bucket.
        address: String,
        /// Why.
        source: Cause,
    },
    /// The container or bucket does not exist.
    #[error("there is no container or bucket for {what}")]
    NoContainer {
        /// What was to be read or written.
        what: String,
        /// What the service said.
        source: Cause,
    },
    /// The credential is missing or not good enough.
    #[error("not allowed to {doing} {what}")]
    Denied {
        /// What was tried: a verb.
        doing: &'static str,
        /// What was to be read or written.
        what: String,
        /// What the service said.
        source: Cause,
    },
    /// The service does not answer.
    #[error("cannot {doing} {what}: the store does not answer")]
    Unreachable {
        /// What was tried: a verb.
        doing: &'static str,
        /// What was to be read or written.
        what: String,
        /// Why.
        source: Cause,
    },
    /// Something could not be read or written.
    #[error("cannot {doing} {what}")]
    Failed {
        /// What was tried: a verb.
        doing: &'static str,
        /// The file, folder or object.
        what: String,
        /// Why.
        source: Cause,
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
            Self::NoRun { .. } => Some("`insightctl runs` lists them; runs are purged after 400 days"),
            Self::NotABucket { .. } => {
                Some("write `az://account/container/prefix`, `s3://bucket/prefix` or `gs://bucket/prefix`")
            }
            Self::Settings { .. } => Some("check the variables AZURE_…, AWS_… or GOOGLE_…"),
            Self::NoContainer { .. } => Some(
                "create it first: insightctl makes its own files, and neither containers nor buckets; if it was there \
                 before, bring it back",
            ),
            Self::Denied { .. } => Some(
                "the credential in the environment needs to list, read, write and delete objects there, and nothing \
                 more",
            ),
            Self::Unreachable { .. } => Some(
                "check the network and the address; without a credential in the environment, the machine's own is \
                 asked for",
            ),
            Self::BrokenOff { .. } | Self::Failed { .. } => None,
        }
    }

    /// Says what an error of the library means.
    pub(super) fn of(
        doing: &'static str,
        what: String,
        options: Option<&Options>,
        error: &object_store::Error,
    ) -> Self {
        let nothing = Options::new();
        let source = Cause::of(error, options.unwrap_or(&nothing));
        if options.is_none() {
            return Self::Failed { doing, what, source };
        }
        match Answer::of(error) {
            Answer::Denied => Self::Denied { doing, what, source },
            // An object that is not there is no error, so it is what should hold it.
            Answer::NothingThere => Self::NoContainer { what, source },
            Answer::None => Self::Unreachable { doing, what, source },
            Answer::Other => Self::Failed { doing, what, source },
        }
    }
}

/// Is what a bucket's service has to say about a request that failed.
enum Answer {
    Denied,
    NothingThere,
    /// It did not answer, or was not itself.
    None,
    Other,
}

impl Answer {
    fn of(error: &object_store::Error) -> Self {
        if let object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } =
            error
        {
            return Self::Denied;
        }
        if let object_store::Error::NotFound { .. } = error {
            return Self::NothingThere;
        }
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(at) = next {
            if let Some(http) = at.downcast_ref::<HttpError>() {
                let silent = [
                    HttpErrorKind::Connect,
                    HttpErrorKind::Request,
                    HttpErrorKind::Timeout,
                    HttpErrorKind::Interrupted,
                ];
                return if silent.contains(&http.kind()) { Self::None } else { Self::Other };
            }
            next = at.source();
        }
        // An answer to a listing keeps its status in a type that is private to the library, but tells it.
        let text = error.to_string();
        match text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3)) {
            Some("401" | "403") => Self::Denied,
            Some("404") => Self::NothingThere,
            Some("429") => Self::None,
            Some(status) if status.starts_with('5') => Self::None,
            Some(_) | None => Self::Other,
        }
    }
}

/// Refuses what a later version wrote.
pub(super) fn check_format(path: String, format: u32) -> Result<(), StoreError> {
    if format <= FORMAT { Ok(()) } else { Err(StoreError::Newer { path, format }) }
}

/// Refuses what belongs to another tenant.
pub(super) fn check_tenant(path: String, belongs: TenantId, asked: TenantId) -> Result<(), StoreError> {
    if belongs == asked { Ok(()) } else { Err(StoreError::OtherTenant { path, belongs, asked }) }
}
