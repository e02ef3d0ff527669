//! Makes text that others wrote harmless wherever it is shown: in a terminal, in Markdown, in a spreadsheet.
//!
//! Names come from the directory, the manifest and the service. They may hold terminal escapes, marks that turn the
//! direction of writing, Markdown, HTML or formulas. What could act is shown as an escape such as `\u{1b}`, so that
//! a reviewer sees that it is there.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Is the longest piece of foreign text that is shown in the middle of ours, in columns.
const LONGEST: usize = 300;

/// Says whether a character acts instead of showing: controls, line breaks, and what hides or turns text around.
pub(super) fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'                        // soft hyphen
                | '\u{61c}'                 // Arabic letter mark
                | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers, which show as nothing
                | '\u{180b}'..='\u{180f}'   // Mongolian selectors and vowel separator
                | '\u{200b}'..='\u{200f}'   // zero-width characters, direction marks
                | '\u{2028}'..='\u{202e}'   // line and paragraph separators, direction embeddings
                | '\u{2060}'..='\u{206f}'   // word joiner, direction isolates
                | '\u{fe00}'..='\u{fe0f}'   // variation selectors
                | '\u{feff}'                // byte order mark
                | '\u{fff9}'..='\u{fffb}'   // interlinear annotation
                | '\u{e0000}'..='\u{e0fff}' // tags and further variation selectors
        )
}

fn escaped(text: &str, must: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&must) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if must(character) {
            write!(shown, "{}", character.escape_unicode()).expect("writing to a string cannot fail");
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Escapes what acts; the rest stays as it is.
pub fn inert(text: &str) -> Cow<'_, str> {
    escaped(text, acts)
}

/// Makes foreign text fit into a sentence: inert, and shortened at its end.
pub(super) fn quoted(text: &str) -> String {
    cut(&inert(text), LONGEST).into_owned()
}

/// Makes a Markdown code span in which nothing is a link, a mention, HTML, or the end of a table's cell.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let shown = escaped(text, |character| acts(character) || matches!(character, '`' | '|'));
    format!("`{}`", cut(&shown, LONGEST))
}

/// Makes HTML code for places where Markdown is not read, such as a `<summary>`.
pub(super) fn html(text: &str) -> String {
    format!("<code>{}</code>", html_text(text))
}

/// Makes text for a page of HTML, between tags or in an attribute in quotes.
pub(super) fn html_text(text: &str) -> String {
    let shown = inert(text);
    let mut safe = String::with_capacity(shown.len() + 16);
    for character in cut(&shown, LONGEST).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Makes talk of several lines harmless: line breaks stay, and with `colour` so do colours, which are then ours, since
/// whoever wrote the lines has escaped the names in them.
pub fn lines(text: &str, colour: bool) -> Cow<'_, str> {
    if !colour {
        return escaped(text, |character| acts(character) && character != '\n');
    }
    let mut parts = text.split("\u{1b}[");
    let mut shown = lines(parts.next().unwrap_or_default(), false).into_owned();
    for part in parts {
        let end = part.find(|character: char| !(character.is_ascii_digit() || character == ';'));
        let is_colour = end.is_some_and(|end| part[end..].starts_with('m'));
        shown.push_str(if is_colour { "\u{1b}[" } else { "\\u{1b}[" });
        shown.push_str(&lines(part, false));
    }
    Cow::Owned(shown)
}

/// Makes a cell that no spreadsheet reads as a formula.
///
/// A cell that begins with `=`, `+`, `-`, `@` (or their full-width twins), after spaces too, gets a leading apostrophe,
/// which spreadsheets take as "this is text". A tab, carriage return or line feed at the start is escaped as every
/// control character is, and gets the apostrophe too. Where the machine's list separator is a semicolon, a spreadsheet
/// begins a cell behind each one, quoted or not: a formula there is shown as an escape. Source: OWASP, "CSV Injection".
pub(super) fn cell(text: &str) -> Cow<'_, str> {
    let shown = inert(text);
    let first = text.trim_start().chars().next();
    let formula = first.is_some_and(begins_formula) || text.starts_with(['\t', '\r', '\n']);
    let shown = if formula { Cow::Owned(format!("'{shown}")) } else { shown };
    if !shown.contains(';') {
        return shown;
    }
    let mut safe = String::with_capacity(shown.len() + 8);
    let mut behind = false;
    for character in shown.chars() {
        if behind && begins_formula(character) {
            write!(safe, "{}", character.escape_unicode()).expect("writing to a string cannot fail");
        } else {
            safe.push(character);
        }
        behind = character == ';' || (behind && (character.is_whitespace() || character == '"'));
    }
    Cow::Owned(safe)
}

/// Says whether a cell that begins so is computed.
fn begins_formula(character: char) -> bool {
    matches!(character, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
}

/// Measures text in terminal columns.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Shortens text to so many columns at its end, with `…`.
pub(super) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", head(text, columns.saturating_sub(1))))
}

/// Shortens text to so many columns in its middle, with `…`, since both ends of an address tell people apart.
pub(super) fn elide(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let kept = columns.saturating_sub(1);
    let tail_columns = kept / 2;
    let mut tail_start = text.len();
    let mut taken = 0;
    for (index, character) in text.char_indices().rev() {
        taken += character.width().unwrap_or(0);
        if taken > tail_columns {
            break;
        }
        tail_start = index;
    }
    Cow::Owned(format!("{}…{}", head(text, kept - tail_columns), &text[tail_start..]))
}

fn head(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (index, character) in text.char_indices() {
        taken += character.width().unwrap_or(0);
        if taken > columns {
            return &text[..index];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_direction_marks_are_shown_not_obeyed() {
        assert_eq!(inert("\u{1b}[2Jada\u{202e}moc"), "\\u{1b}[2Jada\\u{202e}moc");
        assert_eq!(inert("a\r\nb\u{9b}c\u{200d}"), "a\\u{d}\\u{a}b\\u{9b}c\\u{200d}");
        assert!(matches!(inert("zoë@contoso.com"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(code("a`b|c @team <b>"), "`a\\u{60}b\\u{7c}c @team <b>`");
        assert_eq!(code("a\n\n# b"), "`a\\u{a}\\u{a}# b`");
        assert_eq!(code(""), "(empty)");
    }

    #[test]
    fn html_cannot_be_left() {
        assert_eq!(html("</code><img src='x'>"), "<code>&lt;/code&gt;&lt;img src=&#39;x&#39;&gt;</code>");
    }

    #[test]
    fn formulas_are_text() {
        for formula in ["=cmd()", "+1", "-1", "@x", "\u{ff1d}cmd()"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        assert_eq!(cell("\t=x"), "'\\u{9}=x");
        assert_eq!(cell(" =x"), "' =x");
        assert_eq!(cell("a;=x; \"+1;b"), "a;\\u{3d}x; \"\\u{2b}1;b");
        assert_eq!(cell("ada@contoso.com"), "ada@contoso.com");
    }

    #[test]
    fn talk_keeps_its_lines_and_its_colours() {
        let talk = "\u{1b}[1;31merror\u{1b}[0m:\n\u{1b}[2Ja\u{9b}\u{202e}";
        assert_eq!(lines(talk, true), "\u{1b}[1;31merror\u{1b}[0m:\n\\u{1b}[2Ja\\u{9b}\\u{202e}");
        assert_eq!(lines("a\nb\u{1b}[31m", false), "a\nb\\u{1b}[31m");
    }

    #[test]
    fn long_addresses_keep_both_ends() {
        let shown = elide("a.very.long.name.of.a.person@subsidiary.contoso.com", 20);
        assert_eq!(shown, "a.very.lon…ntoso.com");
        assert_eq!(width(&shown), 20);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(width("山田"), 4);
        assert_eq!(cut("山田太郎", 5), "山田…");
        assert_eq!(elide("山田太郎山田太郎", 9), "山田…太郎");
    }
}
