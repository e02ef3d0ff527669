//! Splices a change into the text, in the layout that is there: block or flow, its indentation, its line ends.

use super::Change;
use crate::manifest::syntax::{Located, Node};

/// Gives the text with the change; `None` where the layout is not one that we know.
pub(super) fn splice(text: &str, node: &Located<Node>, change: &Change) -> Option<String> {
    match (change, &node.value) {
        (Change::Set(key, value), Node::Map(entries)) => {
            match entries.iter().find(|(found, _)| found.value == *key) {
                Some((_, old)) => replaced(text, old, value),
                None => entry(text, node, key, value),
            }
        }
        (Change::Push(value), Node::Seq(items)) => item(text, node, items, value),
        (
            Change::Set(..) | Change::Push(_),
            Node::Null
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Float(_)
            | Node::Str(_)
            | Node::Seq(_)
            | Node::Map(_),
        ) => None,
    }
}

/// Puts a plain value in the place of another one.
fn replaced(text: &str, old: &Located<Node>, value: &Node) -> Option<String> {
    let (start, end) = (old.at.start as usize, end(text, old)?);
    // An anchor or a tag belongs to the value and stands before it, where we do not look.
    let is_plain = matches!(old.value, Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Str(_));
    (is_plain && start < end).then(|| format!("{}{}{}", &text[..start], flow(value), &text[end..]))
}

/// Adds an entry to a mapping.
fn entry(text: &str, node: &Located<Node>, key: &str, value: &Node) -> Option<String> {
    let Node::Map(entries) = &node.value else { return None };
    let (first, _) = entries.first()?;
    let (_, last) = entries.last()?;
    let end = end(text, last)?;
    if is_flow(text, node) {
        return Some(format!("{}, {key}: {}{}", &text[..end], flow(value), &text[end..]));
    }
    let indent = " ".repeat(column(text, first.at.start as usize)?);
    Some(after_line(text, end, &format!("{indent}{key}: {}", flow(value))))
}

/// Adds an item to a list.
fn item(text: &str, node: &Located<Node>, items: &[Located<Node>], value: &Node) -> Option<String> {
    let last = items.last()?;
    let end = end(text, last)?;
    if is_flow(text, node) {
        return Some(format!("{}, {}{}", &text[..end], flow(value), &text[end..]));
    }
    let start = last.at.start as usize;
    let dash = text.get(..start)?.trim_end().len().checked_sub(1)?;
    if text.as_bytes()[dash] != b'-' || !text[line_start(text, dash)..dash].bytes().all(|byte| byte == b' ') {
        return None;
    }
    let indent = " ".repeat(column(text, dash)?);
    let Node::Map(entries) = value else {
        return Some(after_line(text, end, &format!("{indent}- {}", flow(value))));
    };
    if is_flow(text, last) {
        return Some(after_line(text, end, &format!("{indent}- {}", flow(value))));
    }
    let on_one_line = !text[dash..start].contains('\n');
    let gap = if on_one_line { start - dash - 1 } else { 1 };
    let nl = line_end(text);
    let mut lines = String::new();
    for (number, (key, value)) in entries.iter().enumerate() {
        let before = match number {
            0 => format!("{indent}-{}", " ".repeat(gap)),
            _ => format!("{nl}{indent} {}", " ".repeat(gap)),
        };
        lines.extend([&before, &key.value, ": ", &flow(&value.value)]);
    }
    Some(after_line(text, end, &lines))
}

/// Puts lines behind the line on which something ends, with the comment that stands there.
fn after_line(text: &str, end: usize, lines: &str) -> String {
    // A block of text ends with its line.
    let end = text[..end].trim_end_matches(['\r', '\n']).len();
    let rest = &text[end..];
    let line = rest.find('\n').map_or(rest.len(), |at| if rest[..at].ends_with('\r') { at - 1 } else { at });
    let at = end + line;
    format!("{}{}{lines}{}", &text[..at], line_end(text), &text[at..])
}

fn line_end(text: &str) -> &'static str {
    let first = text.find('\n').unwrap_or(0);
    if text[..first].ends_with('\r') { "\r\n" } else { "\n" }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |line| line + 1)
}

/// Counts the columns before a place; `None` where something is wider or narrower than a space.
fn column(text: &str, at: usize) -> Option<usize> {
    let before = text.get(line_start(text, at)..at)?;
    before.bytes().all(|byte| byte == b' ' || byte == b'-').then_some(before.len())
}

fn is_flow(text: &str, node: &Located<Node>) -> bool {
    // A list whose items stand on lines of their own has the place of its first item.
    let opens = match &node.value {
        Node::Seq(_) => b'[',
        Node::Map(_) => b'{',
        Node::Null | Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Str(_) => return false,
    };
    text.as_bytes().get(node.at.start as usize) == Some(&opens)
}

/// Finds the byte behind the end of a value.
fn end(text: &str, node: &Located<Node>) -> Option<usize> {
    let last = match &node.value {
        Node::Seq(_) | Node::Map(_) if is_flow(text, node) => return closed(text, node.at.start as usize),
        Node::Seq(items) => items.last(),
        Node::Map(entries) => entries.last().map(|(_, value)| value),
        Node::Null => None,
        Node::Bool(_) | Node::Int(_) | Node::Float(_) | Node::Str(_) => {
            let end = node.at.end as usize;
            return (end > node.at.start as usize && text.is_char_boundary(end)).then_some(end);
        }
    };
    end(text, last?)
}

/// Finds the byte behind the bracket that closes the one at a place.
fn closed(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut at, mut before) = (0_usize, start, b' ');
    while let Some(byte) = bytes.get(at).copied() {
        let begins = matches!(before, b' ' | b'\t' | b'\n' | b'\r' | b'[' | b'{' | b',' | b':');
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'#' if matches!(before, b' ' | b'\t' | b'\n' | b'\r') => {
                at += text[at..].find('\n')?;
            }
            quote @ (b'"' | b'\'') if begins => {
                at += 1;
                loop {
                    match (*bytes.get(at)?, bytes.get(at + 1)) {
                        (b'\\', _) if quote == b'"' => at += 2,
                        (byte, Some(next)) if byte == quote && *next == quote && quote == b'\'' => at += 2,
                        (byte, _) if byte == quote => break,
                        _ => at += 1,
                    }
                }
            }
            _ => {}
        }
        before = bytes[at];
        at += 1;
    }
    None
}

/// Writes a value on one line.
fn flow(value: &Node) -> String {
    match value {
        Node::Null => "null".to_owned(),
        Node::Bool(is) => is.to_string(),
        Node::Int(number) => number.to_string(),
        Node::Float(number) => number.to_string(),
        Node::Str(text) => scalar(text),
        Node::Seq(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(&item.value)).collect();
            format!("[ {} ]", items.join(", "))
        }
        Node::Map(entries) => {
            let entry = |(key, value): &(Located<String>, Located<Node>)| {
                format!("{}: {}", scalar(&key.value), flow(&value.value))
            };
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Writes a text without quotes where it stays a text so.
fn scalar(text: &str) -> String {
    const OTHERS: [&str; 8] = ["true", "false", "null", "yes", "no", "y", "n", "nan"];
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            && !OTHERS.contains(&word.to_ascii_lowercase().as_str())
    };
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number = text.strip_suffix('%').or_else(|| text.strip_suffix(" days")).is_some_and(digits);
    let day = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    if is_word(text) || number || day {
        return text.to_owned();
    }
    serde_json::to_string(text).expect("a text can be written")
}
