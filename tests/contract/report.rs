//! Writes down what was found, for a person and for programs; it names nobody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::clause::{Finding, Verdict};
use crate::scrub;
use crate::stage::Stage;

/// The questions that the documents leave open.
const OPEN: [(&str, &str); 12] = [
    ("O1", "URL, verbs and JSON of the settings service"),
    ("O2", "whether InvokeCommand takes the insights cmdlets"),
    ("O3", "the features after opt-out and opt-in"),
    ("O4", "the field that shows the survey's sampling rate"),
    ("O5", "whether a default that changes reaches who chose"),
    ("O6", "whether an administrator's write beats a person's choice"),
    ("O7", "why single people are forbidden"),
    ("O8", "which roles an application needs"),
    ("O9", "the limits of the settings service"),
    ("O10", "HTTP of the feature access policies"),
    ("O11", "whether the audit log holds what people change themselves"),
    ("O12", "the Exchange host of the cloud in China"),
];

/// Is what one run of the suite found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    format: u32,
    insightctl: &'static str,
    against: &'static str,
    /// What carried the insights cmdlets.
    transport: &'static str,
    at: String,
    pub(crate) clauses: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(stage: &Stage) -> Self {
        Self {
            format: 1,
            insightctl: env!("CARGO_PKG_VERSION"),
            against: if stage.sandbox.is_some() { "the sandbox" } else { "a tenant of Microsoft 365" },
            transport: if stage.wire.powershell.is_some() { "powershell" } else { "exchange-rest" },
            at: stage.wire.clock.now().to_string(),
            clauses: Vec::new(),
        }
    }

    /// Tries a clause and takes in what was found, with the calls that it took.
    pub(crate) async fn take(&mut self, stage: &Stage, clause: impl Future<Output = Finding>) {
        let before = stage.wire.calls().len();
        let mut finding = clause.await;
        finding.seen = scrub::without(&stage.names, &finding.seen);
        finding.calls = stage.wire.calls().split_off(before);
        self.clauses.push(finding);
    }

    /// Gives the clauses that ended so.
    pub(crate) fn ids(&self, verdict: Verdict) -> Vec<&'static str> {
        self.clauses.iter().filter(|found| found.verdict == verdict).map(|found| found.id).collect()
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("its keys are text") + "\n"
    }

    pub(crate) fn markdown(&self) -> String {
        let Self { format: _, insightctl, against, transport, at, clauses } = self;
        let mut text = format!(
            "# What insightctl relies on\n\nTried against {against} with insightctl {insightctl} over `{transport}` at {at}: {} clauses hold, \
             {} differ, {} were not tried.\n\n",
            self.ids(Verdict::Holds).len(),
            self.ids(Verdict::Differs).len(),
            self.ids(Verdict::NotTried).len(),
        );
        text.push_str("| open question | | what became of it |\n|---|---|---|\n");
        for (question, words) in OPEN {
            let about = clauses.iter().filter(|found| found.settles.contains(&question));
            let told: Vec<String> =
                about.map(|found| format!("`{}` {}", found.id, found.verdict.word())).collect();
            writeln!(text, "| {question} | {words} | {} |", told.join(", ")).expect("a text takes more text");
        }
        for found in clauses {
            let Finding { id, sentence, settles, expected, verdict, seen, calls } = found;
            write!(text, "\n## {id}: {}\n\n{sentence}\n\n", verdict.word()).expect("a text takes more text");
            let mut line = |name: &str, words: &str| {
                writeln!(text, "- {name}: {words}").expect("a text takes more text");
            };
            line("expected", expected);
            line(if *verdict == Verdict::NotTried { "why not" } else { "seen" }, seen);
            if !settles.is_empty() {
                line("settles", &settles.join(", "));
            }
            let mut counts: BTreeMap<String, u32> = BTreeMap::new();
            for call in calls {
                *counts.entry(format!("{} → {}", call.what, call.status)).or_default() += 1;
            }
            let calls = counts.into_iter().map(|(call, times)| match times {
                1 => format!("`{call}`"),
                more => format!("`{call}` ({more} times)"),
            });
            let calls: Vec<String> = calls.collect();
            if !calls.is_empty() {
                line("calls", &calls.join(", "));
            }
        }
        text
    }

    /// Writes the Markdown to a file, and the JSON beside it.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, self.markdown())?;
        fs::write(path.with_extension("json"), self.json())
    }
}
