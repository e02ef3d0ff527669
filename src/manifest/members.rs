//! Reads lists of people in the manifest: `members`, `except` and `guards.protected`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::csv;
use super::fields::{Fields, fields, items, text};
use super::folder::{Folder, Purpose};
use super::people::{self, Column, LOST_LETTERS, List, One, Rule};
use super::problem::{At, File, Problems, Reporter, one_of, quoted};
use super::syntax::{Located, Node};
use super::text::decode;
use crate::model::Selector;

/// Lists the kinds of member, each a key; `column` goes with `csv`.
const KEYS: [&str; 7] = ["user", "group", "csv", "column", "filter", "licence", "everyone"];
const KINDS: [&str; 6] = ["user", "group", "csv", "filter", "licence", "everyone"];

/// Reads members, and keeps the files that they name.
#[derive(Debug)]
pub(super) struct Reader<'f> {
    folder: &'f Folder,
    /// Every CSV file, in the order in which it is first named.
    files: Vec<File>,
    digests: Vec<[u8; 32]>,
    by_path: BTreeMap<PathBuf, Option<usize>>,
    lists: BTreeMap<(usize, String), Option<Arc<List>>>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(folder: &'f Folder) -> Self {
        Self {
            folder,
            files: Vec::new(),
            digests: Vec::new(),
            by_path: BTreeMap::new(),
            lists: BTreeMap::new(),
        }
    }

    /// Gives up the paths and the digests of the files that were read, in order.
    pub(super) fn into_files(self) -> (Vec<Arc<Path>>, Vec<[u8; 32]>) {
        (self.files.into_iter().map(|file| file.path).collect(), self.digests)
    }

    /// Reads a list of members; `what` names the list in messages.
    pub(super) fn rules(&mut self, node: &Located<Node>, what: &str, report: &mut Reporter<'_>) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut seen: BTreeMap<Selector, u32> = BTreeMap::new();
        let mut seen_lists: BTreeSet<*const List> = BTreeSet::new();
        for item in items(node, what, report).unwrap_or_default() {
            let Some(rule) = self.rule(item, report) else { continue };
            match &rule {
                Rule::One(one) => {
                    if let Some(line) = seen.get(&one.selector) {
                        let hint = format!("the first is on line {line}");
                        report
                            .warning(one.at, format!("{} stands in {what} twice", quoted(&one.spelt)))
                            .hint(hint);
                        continue;
                    }
                    seen.insert(one.selector.clone(), one.at.line);
                }
                Rule::List(list) => {
                    if !seen_lists.insert(Arc::as_ptr(list)) {
                        report.warning(item.at, format!("the same file stands in {what} twice"));
                        continue;
                    }
                }
            }
            rules.push(rule);
        }
        rules
    }

    fn rule(&mut self, item: &Located<Node>, report: &mut Reporter<'_>) -> Option<Rule> {
        if let Node::Str(typed) = &item.value {
            let key = if typed.contains('@') { "user" } else { "group" };
            report
                .error(item.at, format!("{} does not say what it is", quoted(typed)))
                .hint(format!("write `{key}: {}`", typed.trim()));
            return None;
        }
        let fields = fields(item, "a member", &KEYS, report)?;
        // An unknown key has been told of already.
        let empty = matches!(&item.value, Node::Map(entries) if entries.is_empty());
        let silent = !empty && fields.get("column").is_none();
        self.rule_of(&fields, "member", &KINDS, silent, report)
    }

    /// Reads the one selector that a mapping holds, whatever else stands in it; `what` names the mapping in messages.
    ///
    /// `silent` says that a mapping without any has been told of already.
    pub(super) fn rule_of(
        &mut self,
        fields: &Fields<'_>,
        what: &str,
        known: &[&str],
        silent: bool,
        report: &mut Reporter<'_>,
    ) -> Option<Rule> {
        let kinds: Vec<(&str, At)> = fields.words().filter(|(word, _)| known.contains(word)).collect();
        match kinds.as_slice() {
            [] => {
                if !silent {
                    report
                        .error(fields.at, format!("this {what} names nobody"))
                        .hint(format!("write one of {}", one_of(known)));
                }
                return None;
            }
            [_] => {}
            [.., (_, at)] => {
                let words: Vec<&str> = kinds.iter().map(|(word, _)| *word).collect();
                report
                    .error(
                        *at,
                        format!(
                            "one {what} is of several kinds: {}",
                            one_of(&words).replace(" or ", " and ")
                        ),
                    )
                    .hint("begin a list item for each with `- `");
                return None;
            }
        }
        let (kind, _) = kinds[0];
        if kind != "csv" && fields.get("column").is_some() {
            report.error(fields.key("column"), "`column` goes with `csv` only").hint("remove it");
        }
        let node = fields.get(kind)?;
        match kind {
            "csv" => self.list(node, fields, report).map(Rule::List),
            "everyone" => everyone(node, report),
            kind => selector(kind, node, report),
        }
    }

    fn list(
        &mut self,
        node: &Located<Node>,
        fields: &Fields<'_>,
        report: &mut Reporter<'_>,
    ) -> Option<Arc<List>> {
        let typed = text(node, "`csv`", report)?;
        let column = match fields.get("column") {
            Some(node) => Some(text(node, "`column`", report)?),
            None => None,
        };
        let index = self.file(typed, node.at, report)?;
        let file = &self.files[index];
        let key = (index, column.unwrap_or(csv::COLUMN).to_lowercase());
        self.lists
            .entry(key)
            .or_insert_with(|| csv::read(file, column, report.problems).map(Arc::new))
            .clone()
    }

    /// Reads a file once, however often it is named.
    fn file(&mut self, typed: &str, at: At, report: &mut Reporter<'_>) -> Option<usize> {
        let opened = match self.folder.open(typed, Purpose::List) {
            Ok(opened) => opened,
            Err(refused) => {
                report.error(at, refused.message).maybe_hint(refused.hint);
                return None;
            }
        };
        if let Some(known) = self.by_path.get(&opened.real) {
            return *known;
        }
        let digest: [u8; 32] = Sha256::digest(&opened.bytes).into();
        let path: Arc<Path> = opened.shown.into();
        let index = match decode(opened.bytes) {
            Ok(text) => {
                let file = File { path, text: text.into() };
                report.problems.know(&file);
                self.files.push(file);
                self.digests.push(digest);
                Some(self.files.len() - 1)
            }
            Err(no_text) => {
                unreadable(report.problems, &path, no_text);
                None
            }
        };
        self.by_path.insert(opened.real, index);
        index
    }
}

/// Says that a file is no text, at the line where that shows.
pub(super) fn unreadable(problems: &mut Problems, file: &Arc<Path>, why: super::text::NoText) {
    let at = At { line: why.line, ..At::TOP };
    let problem = problems.add(super::Severity::Error, file, at, why.message);
    problem.span = None;
    problem.hint(why.hint);
}

fn everyone(node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Rule> {
    if super::words::switch(node, "`everyone`", report)? == crate::model::Switch::Off {
        report.error(node.at, "`everyone: false` names nobody").hint("remove this member");
        return None;
    }
    Some(Rule::One(One { selector: Selector::Everyone, spelt: "everyone".to_owned(), at: node.at }))
}

fn selector(kind: &str, node: &Located<Node>, report: &mut Reporter<'_>) -> Option<Rule> {
    if let Node::Seq(_) = node.value {
        report
            .error(node.at, format!("`{kind}` names one, not a list"))
            .hint(format!("begin a list item for each: `- {kind}: …`"));
        return None;
    }
    let spelt = text(node, &format!("`{kind}`"), report)?;
    let selector = match kind {
        "user" => {
            if let Err(why) = people::check(spelt) {
                report
                    .error(node.at, format!("{} {why}", quoted(spelt)))
                    .hint("write it as `ada@contoso.com`, or use the object id");
                return None;
            }
            people::person(spelt, Column::User)
        }
        "group" => Selector::Group(folded(spelt)),
        "filter" => {
            if spelt.matches('\'').count() % 2 == 1 {
                report
                    .error(node.at, "a quote of this filter is not closed")
                    .hint("a `'` inside a text is written twice: `'O''Neil'`");
                return None;
            }
            Selector::Filter(spelt.to_owned())
        }
        _ => Selector::Licence(people::id(spelt).map_or_else(|| spelt.to_owned(), |id| id.to_string())),
    };
    let is_address = kind == "user" || (kind == "group" && spelt.contains('@'));
    if is_address && people::lost_letters(spelt) {
        report.warning(node.at, format!("{} has lost a letter", quoted(spelt))).hint(LOST_LETTERS);
    }
    Some(Rule::One(One { selector, spelt: spelt.to_owned(), at: node.at }))
}

/// Folds what the directory compares without case: object ids and addresses, not display names.
pub(super) fn folded(group: &str) -> String {
    match people::id(group) {
        Some(id) => id.to_string(),
        None if group.contains('@') => group.to_ascii_lowercase(),
        None => group.to_owned(),
    }
}
