//! Takes mappings and lists of the tree apart, and says what does not belong there.

use std::collections::BTreeMap;

use super::problem::{At, Reporter, meant, one_of, quoted};
use super::syntax::{Located, Node};

/// Lists second spellings of keys: Microsoft's own pages use both.
const ALSO: [(&str, &str); 3] =
    [("scheduled-send", "schedule-send"), ("license", "licence"), ("licenses", "licences")];

/// Lists keys that one may well try, and why they are not read.
const TRIED: [(&str, &str); 4] = [
    ("waves", "waves stand under `rollout:`"),
    ("windows", "windows stand under `rollout:`"),
    ("freezes", "freezes stand under `rollout:`"),
    ("mail", "use `user` with the user principal name, or `csv` with `column: Mail`"),
];

/// Is a mapping whose keys are known words.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    /// Where the mapping begins.
    pub(super) at: At,
    found: BTreeMap<&'static str, (At, &'n Located<Node>)>,
}

impl<'n> Fields<'n> {
    /// Gives the value of a key.
    pub(super) fn get(&self, word: &str) -> Option<&'n Located<Node>> {
        self.found.get(word).map(|(_, node)| *node)
    }

    /// Gives the place of a key, or else of the mapping.
    pub(super) fn key(&self, word: &str) -> At {
        self.found.get(word).map_or(self.at, |(at, _)| *at)
    }

    /// Lists the keys that are there, in the order of the alphabet.
    pub(super) fn words(&self) -> impl Iterator<Item = (&'static str, At)> {
        self.found.iter().map(|(word, (at, _))| (*word, *at))
    }
}

/// Takes a mapping apart; tells of unknown and doubled keys and of keys without a value.
pub(super) fn fields<'n>(
    node: &'n Located<Node>,
    what: &str,
    known: &[&'static str],
    report: &mut Reporter<'_>,
) -> Option<Fields<'n>> {
    let Node::Map(entries) = &node.value else {
        report
            .error(node.at, format!("{what} must be a mapping, not {}", node.value.kind()))
            .hint(format!("the keys here are {}", one_of(known)));
        return None;
    };
    let mut found: BTreeMap<&'static str, (At, &Located<Node>)> = BTreeMap::new();
    let mut guessed = Vec::new();
    for (key, value) in entries {
        let typed =
            ALSO.iter().find(|(also, _)| *also == key.value).map_or(key.value.as_str(), |(_, word)| word);
        let Some(word) = known.iter().find(|word| **word == typed) else {
            guessed.extend(unknown(key, what, known, report).map(|word| (word, (key.at, value))));
            continue;
        };
        if let Some((first, _)) = found.get(word) {
            let line = first.line;
            report
                .error(key.at, format!("`{}` stands in {what} twice", key.value))
                .hint(format!("the first is on line {line}"));
        } else if value.value == Node::Null {
            report
                .error(key.at, format!("`{}` has no value", key.value))
                .hint("remove the key, or give it a value");
            // It is there all the same: nobody should be told that it is missing as well.
            found.insert(word, (key.at, value));
        } else {
            found.insert(word, (key.at, value));
        }
    }
    // A misspelt key is read as what was meant, so that nobody is told that it is missing, and its value is looked at.
    for (word, entry) in guessed {
        found.entry(word).or_insert(entry);
    }
    let at = entries.first().map_or(node.at, |(key, _)| key.at);
    Some(Fields { at, found })
}

/// Tells of an unknown key, and gives the one that was probably meant.
fn unknown(
    key: &Located<String>,
    what: &str,
    known: &[&'static str],
    report: &mut Reporter<'_>,
) -> Option<&'static str> {
    let typed = key.value.as_str();
    if typed == "<<" {
        report
            .error(key.at, "merge keys (`<<`) are not read")
            .hint("write the keys out, so that a reviewer sees what each group asks for");
        return None;
    }
    let tried = TRIED.iter().find(|(tried, _)| *tried == typed).map(|(_, why)| *why);
    let is_guess = tried.is_none() && report.is_patient();
    let close = is_guess.then(|| meant(typed, known.iter().copied())).flatten();
    let hint = match (tried, close) {
        (Some(why), _) => why.to_owned(),
        (None, Some(word)) => format!("did you mean `{word}`?"),
        (None, None) => format!("the keys here are {}", one_of(known)),
    };
    report.error(key.at, format!("unknown key {} in {what}", quoted(typed))).hint(hint);
    close
}

/// Gives the items of a list that must hold something; tells of those without a value, and leaves them out.
pub(super) fn items<'n>(
    node: &'n Located<Node>,
    what: &str,
    report: &mut Reporter<'_>,
) -> Option<Vec<&'n Located<Node>>> {
    match &node.value {
        Node::Seq(items) if items.is_empty() => {
            report
                .error(node.at, format!("{what} is an empty list"))
                .hint("remove the key, or name somebody");
            None
        }
        Node::Seq(items) => {
            let (empty, items): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.value == Node::Null);
            for item in empty {
                report
                    .error(item.at, format!("an item of {what} has no value"))
                    .hint("remove it, or give it a value");
            }
            Some(items)
        }
        Node::Null => None,
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Str(_) | Node::Map(_) => {
            report
                .error(node.at, format!("{what} must be a list, not {}", node.value.kind()))
                .hint("begin each item with `- `");
            None
        }
    }
}

/// Gives a text that must not be blank, without the spaces around it.
pub(super) fn text<'n>(node: &'n Located<Node>, what: &str, report: &mut Reporter<'_>) -> Option<&'n str> {
    match &node.value {
        Node::Str(text) if text.trim().is_empty() => {
            report.error(node.at, format!("{what} is empty"));
            None
        }
        Node::Str(text) => Some(text.trim()),
        Node::Null => None,
        Node::Bool(_) | Node::Int(_) | Node::Float(_) => {
            report
                .error(node.at, format!("{what} must be a text, not {}", node.value.kind()))
                .hint("put it in quotes");
            None
        }
        Node::Seq(_) | Node::Map(_) => {
            report.error(node.at, format!("{what} must be a text, not {}", node.value.kind()));
            None
        }
    }
}
