//! Takes out of a service's words what could name somebody, or open something.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use uuid::Uuid;

/// Is the most that is repeated of what a service said.
const LONGEST: usize = 240;

/// Gives a code span with what a service said: without addresses, ids and what it quotes, on one line, and not at any
/// length.
pub(crate) fn said(text: &str) -> String {
    static BREAKS: LazyLock<Vec<char>> = LazyLock::new(|| " \t\r\n\"'<>()[]{},;:|=`".chars().collect());
    let text = &unquoted(text);
    let mut clean = String::new();
    let mut word = String::new();
    for char in text.chars().chain([' ']) {
        // An apostrophe may be a part of an address; a quote around it goes with it then, which does no harm.
        if BREAKS.contains(&char) && char != '\'' || char.is_control() {
            clean.push_str(&harmless(&word));
            clean.push(if char.is_control() || char == '`' { ' ' } else { char });
            word.clear();
        } else {
            word.push(char);
        }
    }
    let words: Vec<&str> = clean.split_whitespace().collect();
    let mut clean: String = words.join(" ").chars().take(LONGEST).collect();
    if clean.is_empty() {
        clean.push_str("(nothing)");
    }
    format!("`{clean}`")
}

/// Takes out what stands in quotes; what is never closed goes to the end.
///
/// A quote opens before a word and closes after one, so that an apostrophe in a name or in `isn't` does neither.
fn unquoted(text: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    let mut before = None;
    while let Some(char) = rest.chars().next() {
        let after = &rest[char.len_utf8()..];
        if ['\'', '"'].contains(&char) && !before.is_some_and(char::is_alphanumeric) {
            clean.push_str("‹quoted›");
            let closes = |at: &usize| !after[at + 1..].chars().next().is_some_and(char::is_alphanumeric);
            let end = after.match_indices(char).map(|(at, _)| at).find(closes);
            rest = end.map_or("", |at| &after[at + 1..]);
        } else {
            clean.push(char);
            rest = after;
        }
        before = Some(char);
    }
    clean
}

/// Gives a name and those of its parts that tell as much: of an address the domain and what stands before it, of a
/// domain its first label.
pub(crate) fn parts(name: &str) -> Vec<String> {
    let (local, domain) = name.split_once('@').unwrap_or(("", name));
    let label = domain.split_once('.').map_or("", |(label, _)| label);
    // What is shorter would take ordinary words with it.
    [name, local, domain, label]
        .into_iter()
        .filter(|part| part.chars().count() > 2)
        .map(str::to_owned)
        .collect()
}

/// Takes out names wherever they stand as whole words, in upper or lower case.
pub(crate) fn without(names: &BTreeSet<String>, text: &str) -> String {
    let lower = |char: char| char.to_lowercase().next().unwrap_or(char);
    let mut names: Vec<Vec<char>> = names.iter().map(|name| name.chars().map(lower).collect()).collect();
    names.sort_by_key(|name| Reverse(name.len()));
    let chars: Vec<char> = text.chars().collect();
    let small: Vec<char> = chars.iter().copied().map(lower).collect();
    let ends = |at: usize| !small.get(at).copied().is_some_and(char::is_alphanumeric);
    let mut clean = String::new();
    let mut at = 0;
    while at < chars.len() {
        let starts = at == 0 || ends(at - 1);
        let stands_here =
            |name: &&Vec<char>| starts && small[at..].starts_with(name) && ends(at + name.len());
        if let Some(name) = names.iter().find(stands_here) {
            clean.push_str("‹name›");
            at += name.len();
        } else {
            clean.push(chars[at]);
            at += 1;
        }
    }
    clean
}

/// Gives a word, or what kind of thing it was that must not be repeated.
fn harmless(word: &str) -> String {
    let bare = word.trim_matches(|char: char| !char.is_alphanumeric());
    if word.contains('@') {
        "‹address›".to_owned()
    } else if Uuid::try_parse(bare).is_ok() {
        "‹id›".to_owned()
    } else if bare.len() >= 48 {
        "‹removed›".to_owned()
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_somebody_is_not_repeated() {
        let text = "Object 'o'neill@contoso.com' (3f2504e0-4f89-41d3-9a0c-0305e82c3301)\nis `gone`: \
                    ANONYM_x.com#EXT#@contoso.com, eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0eyJhdWQiOiJodHRwczovL.";
        assert_eq!(
            said(text),
            "`Object ‹quoted› (‹id›) is gone : ‹address›, ‹removed›`",
            "neither an address, nor an id, nor a token"
        );
        let text = "It isn't \"Contoso Ltd\" that o'neill@contoso.com's 'Tip O'Neill' is 'of";
        assert_eq!(
            said(text),
            "`It isn't ‹quoted› that ‹address› ‹quoted› is ‹quoted›`",
            "nor what is quoted"
        );
        assert_eq!(said(""), "`(nothing)`");
        let known =
            ["Ada.Lovelace@contoso.com", "Ada Lovelace", "Ölçek"].map(parts).concat().into_iter().collect();
        assert_eq!(
            without(
                &known,
                "ADA LOVELACE of Contoso (contoso.com) met ölçek, not Ada: contosos, ada.lovelace"
            ),
            "‹name› of ‹name› (‹name›) met ‹name›, not Ada: contosos, ‹name›"
        );
        assert!(said(&"word ".repeat(200)).chars().count() <= LONGEST + 2);
    }
}
