//! Says what is wrong with a manifest, and where.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

/// Says how much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The manifest cannot be used.
    Error,
    /// It can be used, and probably does not mean what its author thinks.
    Warning,
    /// Something to know.
    Note,
}

/// Is one thing that is wrong, or worth knowing, with the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// The manifest, or the CSV file; spelt as the manifest's own path was given.
    pub file: Arc<Path>,
    /// Line in the file, from 1.
    pub line: u32,
    /// Column in the line, in characters from 1.
    pub column: u32,
    /// Bytes in the file's text, as [`Problems::text`] gives it; `None` when the file as a whole is meant.
    pub span: Option<Range<usize>>,
    /// The fact, in lower case, without a full stop; may contain text of the file.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// Adds what to do about it.
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do about it, if there is something.
    pub(super) fn maybe_hint(&mut self, hint: Option<String>) -> &mut Self {
        self.hint = hint.or(self.hint.take());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

/// Is a place in a file's text: bytes, and what an editor calls them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl At {
    /// Points at a file as a whole: the caret stands at its beginning.
    pub(super) const TOP: Self = Self { start: 0, end: 0, line: 1, column: 1 };
}

/// Is a file of which problems can speak.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: Arc<Path>,
    pub(super) text: Arc<str>,
}

/// Is everything that is wrong, or worth knowing, with the texts that it speaks of.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    texts: BTreeMap<Arc<Path>, Arc<str>>,
}

impl Problems {
    /// Lists them in order of place: the manifest's first, then each file's in the order in which it is named.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// Walks over those of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Problem> {
        self.list.iter().filter(move |problem| problem.severity == severity)
    }

    /// Gives those that matter on every run; notes are for whoever checks the manifest.
    #[must_use]
    pub fn without_notes(&self) -> Self {
        let matters = |problem: &&Problem| problem.severity != Severity::Note;
        Self { list: self.list.iter().filter(matters).cloned().collect(), texts: self.texts.clone() }
    }

    /// Says whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.of(Severity::Error).next().is_some()
    }

    /// Says whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Gives the text of a file, to cut excerpts from; `None` when it could not be read.
    pub fn text(&self, file: &Path) -> Option<&str> {
        self.texts.get(file).map(AsRef::as_ref)
    }

    /// Takes over the problems of another list.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
        self.texts.extend(other.texts);
    }

    /// Puts them in order of place; files that are not listed come last, by name.
    pub(super) fn sort(&mut self, files: &[Arc<Path>]) {
        let rank: BTreeMap<&Path, usize> =
            files.iter().enumerate().rev().map(|(at, file)| (file.as_ref(), at)).collect();
        let place = |problem: &Problem| {
            let rank = rank.get(problem.file.as_ref()).copied().unwrap_or(usize::MAX);
            (rank, Arc::clone(&problem.file), problem.line, problem.column)
        };
        self.list.sort_by_cached_key(place);
    }

    /// Says that a file exists and what it contains, so that excerpts can be cut from it.
    pub(super) fn know(&mut self, file: &File) {
        self.texts.insert(Arc::clone(&file.path), Arc::clone(&file.text));
    }

    /// Adds a problem at a place.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        file: &Arc<Path>,
        at: At,
        message: impl Into<String>,
    ) -> &mut Problem {
        let span = (at != At::TOP).then(|| at.start as usize..at.end.max(at.start) as usize);
        self.list.push(Problem {
            severity,
            file: Arc::clone(file),
            line: at.line.max(1),
            column: at.column.max(1),
            span,
            message: message.into(),
            hint: None,
        });
        self.list.last_mut().expect("one was just pushed")
    }

    /// Counts those of one severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.of(severity).count()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count(Severity::Error) {
            1 => f.write_str("the manifest has 1 error"),
            errors => write!(f, "the manifest has {errors} errors"),
        }
    }
}

impl std::error::Error for Problems {}

/// Gathers the problems of one file.
#[derive(Debug)]
pub(super) struct Reporter<'p> {
    pub(super) problems: &'p mut Problems,
    pub(super) file: Arc<Path>,
}

impl Reporter<'_> {
    pub(super) fn error(&mut self, at: At, message: impl Into<String>) -> &mut Problem {
        self.problems.add(Severity::Error, &self.file, at, message)
    }

    pub(super) fn warning(&mut self, at: At, message: impl Into<String>) -> &mut Problem {
        self.problems.add(Severity::Warning, &self.file, at, message)
    }

    pub(super) fn note(&mut self, at: At, message: impl Into<String>) -> &mut Problem {
        self.problems.add(Severity::Note, &self.file, at, message)
    }

    /// Says whether looking for the word that was meant is still worth its time.
    pub(super) fn is_patient(&self) -> bool {
        self.problems.list.len() < 200
    }
}

/// Quotes a word of the file in a message, cut short where it is long.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut quoted: String = text.chars().take(LONGEST).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    format!("`{quoted}`")
}

/// Finds the word that was probably meant.
pub(super) fn meant<'w>(typed: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    // A longer one is no slip of the fingers, and comparing it would take its square of time.
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.trim().to_lowercase().replace(['_', ' '], "-");
    let mut best: Option<(f32, &str)> = None;
    for word in words.into_iter().filter(|word| word.len() <= 64) {
        let ratio = similar::TextDiff::from_chars(typed.as_str(), word.to_lowercase().as_str()).ratio();
        if ratio >= 0.6 && best.is_none_or(|(so_far, _)| ratio > so_far) {
            best = Some((ratio, word));
        }
    }
    best.map(|(_, word)| word)
}

/// Lists words for a hint: `a, b or c`.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_finds_the_word_that_was_meant() {
        let words = ["members", "mode", "name", "service-plan"];
        assert_eq!(meant("memebrs", words), Some("members"));
        assert_eq!(meant("service_plan", words), Some("service-plan"));
        assert_eq!(meant("Mode", words), Some("mode"));
        assert_eq!(meant("zebra", words), None);
        assert_eq!(meant(&"m".repeat(100_000), words), None);
    }

    #[test]
    fn long_words_are_cut_short() {
        assert_eq!(quoted("ada"), "`ada`");
        assert_eq!(quoted(&"ä".repeat(61)).chars().count(), 63);
    }

    #[test]
    fn words_are_listed_as_one_says_them() {
        assert_eq!(one_of(&["a"]), "`a`");
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
