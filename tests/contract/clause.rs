//! Says what a clause of the contract is, and what became of it.

use serde::Serialize;

use crate::wire::Call;

/// Is one thing that insightctl relies on, before anybody has looked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clause {
    /// A short name that stays.
    pub(crate) id: &'static str,
    /// What is relied on, as a sentence.
    pub(crate) says: &'static str,
    /// What should be seen.
    pub(crate) expects: &'static str,
    /// The open questions that it settles, such as `O3`; none where the documents have the answer.
    pub(crate) settles: &'static [&'static str],
}

/// Is what became of a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// insightctl can go on relying on it.
    Holds,
    /// Something else was seen.
    Differs,
    /// Nobody looked; `seen` says why, and what it would take.
    NotTried,
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Differs => "differs",
            Self::NotTried => "not tried",
        }
    }
}

/// Is a clause with what was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) settles: &'static [&'static str],
    pub(crate) expected: &'static str,
    pub(crate) verdict: Verdict,
    /// What was seen, or why nobody looked; Markdown that names nobody.
    pub(crate) seen: String,
    pub(crate) calls: Vec<Call>,
}

impl Clause {
    fn found(self, verdict: Verdict, seen: String) -> Finding {
        let Self { id, says, expects, settles } = self;
        Finding { id, sentence: says, settles, expected: expects, verdict, seen, calls: Vec::new() }
    }

    /// Holds if what was expected was seen.
    pub(crate) fn judged(self, holds: bool, seen: impl Into<String>) -> Finding {
        self.found(if holds { Verdict::Holds } else { Verdict::Differs }, seen.into())
    }

    pub(crate) fn differs(self, seen: impl Into<String>) -> Finding {
        self.found(Verdict::Differs, seen.into())
    }

    pub(crate) fn untried(self, why: impl Into<String>) -> Finding {
        self.found(Verdict::NotTried, why.into())
    }
}
