//! Maps every error to an exit code and to advice; the whole policy is here.

use std::error::Error;
use std::fmt;
use std::io;

use super::console::Console;
use super::exit::Exit;
use crate::manifest::Problems;
use crate::microsoft;
use crate::model::{Refusal, RefusalKind};
use crate::render;
use crate::sandbox::{SandboxError, WorldError};
use crate::store::StoreError;

/// Is an error that ends a command: how it exits, what happened, and what to do next.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) error: Box<dyn Error + Send + Sync>,
    pub(super) hints: Vec<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit, error: error.into(), hints: Vec::new() }
    }

    /// Says that what was typed or written is wrong.
    pub(super) fn wrong(fact: impl fmt::Display) -> Self {
        Self::new(Exit::Wrong, fact.to_string())
    }

    pub(super) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// Puts a fact above an error that becomes its cause.
    pub(super) fn context(mut self, fact: impl fmt::Display) -> Self {
        self.error = Box::new(Context { fact: fact.to_string(), cause: self.error });
        self
    }

    /// Puts the failure into words: the fact, what caused it, and what to do next.
    pub(super) fn text(&self, console: &Console) -> String {
        match self.error.downcast_ref::<Mistakes>() {
            Some(Mistakes(found)) => problems(found, console.colour_talk, console.look.width),
            None => render::failure(self.error.as_ref(), &self.hints, console.colour_talk),
        }
    }

    /// Says whether the reader of our output has gone, which is a polite request to stop and no error.
    pub(super) fn is_broken_pipe(&self) -> bool {
        let mut error: Option<&(dyn Error + 'static)> = Some(self.error.as_ref());
        while let Some(at) = error {
            if at.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
                return true;
            }
            error = at.source();
        }
        false
    }
}

/// Is a fact and what caused it.
#[derive(Debug, thiserror::Error)]
#[error("{fact}")]
struct Context {
    fact: String,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Unexpected, error)
    }
}

/// Advises how PowerShell comes to a machine; what exactly is amiss stands in the error.
const POWERSHELL: &str = "install PowerShell 7 (https://aka.ms/powershell), or name it with --pwsh; then, in it, \
                          `Install-Module ExchangeOnlineManagement`";

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (exit, hint) = match refusal.kind {
            RefusalKind::SignIn => {
                (Exit::SignIn, Some("check the credential, and that it belongs to this tenant"))
            }
            RefusalKind::Forbidden => {
                (Exit::SignIn, Some("check the roles and permissions of the application"))
            }
            RefusalKind::Unreachable => (Exit::Incomplete, Some("check the network, and try again")),
            RefusalKind::Throttled | RefusalKind::Failed => (Exit::Incomplete, Some("try again later")),
            RefusalKind::NoShell => (Exit::Incomplete, Some(POWERSHELL)),
            RefusalKind::Closed => (Exit::Locked, None),
            RefusalKind::NotAsked
            | RefusalKind::Missing
            | RefusalKind::BadRequest
            | RefusalKind::Conflict
            | RefusalKind::Garbled => (Exit::Incomplete, None),
        };
        let hint = microsoft::advice(&refusal).or(hint);
        let failure = Self::new(exit, refusal);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Missing { .. }
            | StoreError::NoIdentity { .. }
            | StoreError::Damaged { .. }
            | StoreError::CutShort { .. }
            | StoreError::NoContainer { .. }
            | StoreError::Unreachable { .. } => Exit::Incomplete,
            StoreError::Denied { .. } => Exit::SignIn,
            StoreError::OtherTenant { .. } => Exit::Stale,
            StoreError::Locked { .. } | StoreError::LeaseLost { .. } | StoreError::Changed => Exit::Locked,
            StoreError::NotABucket { .. } | StoreError::Settings { .. } | StoreError::NoRun { .. } => {
                Exit::Wrong
            }
            StoreError::Newer { .. } | StoreError::BrokenOff { .. } | StoreError::Failed { .. } => {
                Exit::Unexpected
            }
        };
        let hint = error.hint();
        let failure = Self::new(exit, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let hint = error.hint();
        let failure = Self::new(Exit::Wrong, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<WorldError> for Failure {
    fn from(error: WorldError) -> Self {
        let hint = error.hint();
        Self::new(Exit::Wrong, error).hint(hint)
    }
}

/// Is a manifest with mistakes, all of which are told.
#[derive(Debug, thiserror::Error)]
#[error("the manifest is wrong")]
struct Mistakes(Problems);

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::new(Exit::Wrong, Mistakes(problems))
    }
}

/// Draws what is wrong with a manifest.
pub(super) fn problems(problems: &Problems, colour: bool, width: usize) -> String {
    render::problems::text(problems, colour, width)
}
