//! Takes out of a service's words what could name somebody, or open something.

use std::sync::LazyLock;

use uuid::Uuid;

/// Is the most that is repeated of what a service said.
const LONGEST: usize = 240;

/// Gives a code span with what a service said: without addresses and ids, on one line, and not at any length.
pub(crate) fn said(text: &str) -> String {
    static BREAKS: LazyLock<Vec<char>> = LazyLock::new(|| " \t\r\n\"'<>()[]{},;:|=`".chars().collect());
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
            "`Object ‹address› (‹id›) is gone : ‹address›, ‹removed›`",
            "neither an address, nor an id, nor a token"
        );
        assert_eq!(said(""), "`(nothing)`");
        assert!(said(&"word ".repeat(200)).chars().count() <= LONGEST + 2);
    }
}
