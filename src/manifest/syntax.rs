//! Turns YAML text into a tree in which everything knows its place; the only module that calls the YAML library.
//!
//! The tree is decoded by hand afterwards, since serde stops at the first mistake and we tell all of them.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{DefaultMessageFormatter, Error, Location, MessageFormatter, Spanned};

use super::problem::{At, Reporter};

/// Is a value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// Is any YAML value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    Seq(Vec<Located<Self>>),
    Map(Vec<(Located<String>, Located<Self>)>),
}

impl Node {
    /// Names its type for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a switch",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Str(_) => "a text",
            Self::Seq(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads a document; what the parser objects to becomes a problem, and ends reading.
pub(super) fn read(text: &str, report: &mut Reporter<'_>) -> Option<Located<Node>> {
    // The limits leave room for a manifest of 10 MB with 100,000 entries, and refuse alias bombs and absurd nesting
    // long before they cost a second. Booleans are strict so that `on` and `off` keep their spelling in names.
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_events: 12_000_000,
            max_nodes: 4_000_000,
            max_depth: 24,
            flow_nesting_limit: 24,
            max_aliases: 10_000,
            max_anchors: 1_000,
            max_documents: 1,
            max_total_scalar_bytes: 64 << 20,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    match serde_yaml::from_str_with_options::<Located<Node>>(text, options) {
        Ok(tree) => Some(tree),
        Err(error) => {
            let at = error.location().map_or(At::TOP, |location| found(text, place(location)));
            let (message, hint) = explain(error.without_snippet(), text, at);
            report.error(at, message).maybe_hint(hint);
            None
        }
    }
}

/// Puts an objection of the parser in our words where we have better ones, and says what usually lies behind it.
fn explain(error: &Error, text: &str, at: At) -> (String, Option<String>) {
    const WRITE_OUT: &str = "write the values out instead of repeating them by anchors";
    let ours = |message: &str, hint: &str| (message.to_owned(), Some(hint.to_owned()));
    if let Error::Budget { breach: BudgetBreach::Depth { .. }, .. } = error {
        return ours("this is nested too deeply", "a manifest needs six levels at most");
    }
    if let Error::Budget { breach: BudgetBreach::Documents { .. }, .. } = error {
        return ours("a second document begins here", "a manifest is one document: remove the line `---`");
    }
    if let Error::Budget {
        breach:
            BudgetBreach::Events { .. }
            | BudgetBreach::Nodes { .. }
            | BudgetBreach::ScalarBytes { .. }
            | BudgetBreach::InputBytes { .. },
        ..
    } = error
    {
        return ours("the manifest is too large", "name people by groups or CSV files");
    }
    // What is left of the budget counts anchors and their copies.
    if matches!(
        error,
        Error::Budget { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
    ) {
        return ours("anchors and aliases repeat too much", WRITE_OUT);
    }
    if matches!(error, Error::NullIntoString { .. } | Error::Unexpected { expected: "string scalar", .. }) {
        return ours("a key must be a text", "write it as one word, or put it in quotes");
    }
    if matches!(error, Error::UnknownAnchor { .. }) {
        return ours("this alias has no anchor", "put a text that begins with `*` in quotes");
    }
    if matches!(error, Error::RecursiveReferencesRequireWeakTypes { .. }) {
        return ours("this alias refers to itself", WRITE_OUT);
    }
    let message = DefaultMessageFormatter.format_message(error);
    let message = lower(message.trim_end_matches('.').trim());
    let line = text.lines().nth(at.line.saturating_sub(1) as usize).unwrap_or_default();
    let hint = if line.trim_start_matches(' ').starts_with('\t') {
        Some("indent with spaces: YAML does not allow tabs there")
    } else if message.contains("mapping values are not allowed") {
        Some("put a text that contains `: ` in quotes, and check the indentation")
    } else if message.contains("unexpected character") {
        Some("put a text that begins with a special character in quotes")
    } else if message.contains("indentation") || message.contains("did not find expected key") {
        Some("check the indentation, and that every quote is closed")
    } else {
        None
    };
    (message, hint.map(str::to_owned))
}

/// Begins a message in lower case, unless it begins with a name.
fn lower(message: &str) -> String {
    let mut chars = message.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        (Some(_) | None, _) => message.to_owned(),
    }
}

/// Finds the bytes of a place of which the parser told line and column alone.
fn found(text: &str, at: At) -> At {
    if at.start > 0 || at.line == 0 {
        return at;
    }
    // YAML's own line breaks: LF, CRLF, and CR by itself.
    let bytes = text.as_bytes();
    let breaks = (0..bytes.len())
        .filter(|at| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n')));
    let line = if at.line == 1 {
        0
    } else {
        breaks.map(|at| at + 1).nth(at.line as usize - 2).unwrap_or(text.len())
    };
    let before = text[line..].chars().take_while(|char| !matches!(char, '\n' | '\r'));
    let before = before.take((at.column as usize).saturating_sub(1));
    let start = u32::try_from(line + before.map(char::len_utf8).sum::<usize>()).unwrap_or(u32::MAX);
    At { start, end: start.max(at.end), ..at }
}

fn place(location: Location) -> At {
    let clip = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let span = location.span();
    let start = span.byte_offset().unwrap_or_default();
    At {
        start: clip(start),
        end: clip(start.saturating_add(span.byte_len().unwrap_or_default())),
        line: clip(location.line()),
        column: clip(location.column()),
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, defined: _ } = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { value, at: place(referenced) })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Int(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Int(value.into()))
            }

            fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
                Ok(Node::Int(value))
            }

            fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
                Ok(Node::Int(i128::try_from(value).unwrap_or(i128::MAX)))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Str(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Node, E> {
                Ok(Node::Str(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::Seq(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    list.push(entry);
                }
                Ok(Node::Map(list))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
