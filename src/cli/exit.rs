//! Every exit code, and what it means.

use std::process::ExitCode;

/// Says how a command ended; the numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Something unexpected.
    Unexpected = 1,
    /// Changes are pending (`plan` and `drift` with `--detailed-exitcode`).
    Pending = 2,
    /// The manifest or the command line is wrong.
    Wrong = 3,
    /// Sign-in or permission.
    SignIn = 4,
    /// The plan is stale.
    Stale = 5,
    /// Refused by a guard.
    Refused = 6,
    /// Applied in part.
    Partial = 7,
    /// Reading was incomplete.
    Incomplete = 8,
    /// Locked, or outside the change window.
    Locked = 9,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// Lists every code in order.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::Unexpected,
        Self::Pending,
        Self::Wrong,
        Self::SignIn,
        Self::Stale,
        Self::Refused,
        Self::Partial,
        Self::Incomplete,
        Self::Locked,
        Self::Interrupted,
    ];

    /// Says it in a few words, for `--help`.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Unexpected => "unexpected failure",
            Self::Pending => "changes are pending (plan and drift with --detailed-exitcode)",
            Self::Wrong => "the manifest or the command line is wrong",
            Self::SignIn => "sign-in or permission",
            Self::Stale => "the plan is stale",
            Self::Refused => "refused by a guard",
            Self::Partial => "applied in part",
            Self::Incomplete => "reading was incomplete",
            Self::Locked => "locked by somebody else, or outside the change window",
            Self::Interrupted => "interrupted",
        }
    }

    /// Gives the number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Lists all codes, one per line, for `--help`.
    pub(super) fn table() -> String {
        let lines = Self::ALL.map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()));
        lines.join("\n")
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
