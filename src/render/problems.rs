//! Draws what is wrong with a manifest: place, excerpt, caret, hint.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::inert::acts;
use crate::manifest::{Problem, Problems, Severity};

/// Is how many problems of one file are shown; the rest is counted.
const SHOWN: usize = 20;

/// Is how many bytes of a line are shown to either side of the place.
const AROUND: usize = 160;

/// Draws every problem, and ends with a line that counts them by file.
///
/// Control characters of the files come out as harmless signs. Of each file, the first 20 are drawn.
pub fn text(problems: &Problems, colour: bool, width: usize) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(width.max(40));
    let mut drawn: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut text = String::new();
    for problem in problems.list() {
        let count = drawn.entry(&problem.file).or_default();
        *count += 1;
        if *count <= SHOWN {
            text.push_str(&draw(problem, problems, &renderer));
            text.push_str("\n\n");
        }
    }
    for (file, count) in drawn.iter().filter(|(_, count)| **count > SHOWN) {
        let (file, more) = (inert(&file.display().to_string()), count - SHOWN);
        writeln!(text, "… and {more} more in {file}\n").expect("writing to a string cannot fail");
    }
    text.push_str(&summary(problems));
    text
}

/// Writes every problem as JSON: a list, in order of file and place.
pub fn json(out: &mut dyn io::Write, problems: &Problems) -> io::Result<()> {
    super::json::pretty(out, &problems.list())
}

/// Counts the problems by file: `insights.yaml: 10 errors, 2 warnings`.
pub fn summary(problems: &Problems) -> String {
    let mut counts: Vec<(&Path, [usize; 3])> = Vec::new();
    let mut index: BTreeMap<&Path, usize> = BTreeMap::new();
    for problem in problems.list() {
        let file: &Path = &problem.file;
        let at = *index.entry(file).or_insert_with(|| {
            counts.push((file, [0; 3]));
            counts.len() - 1
        });
        counts[at].1[problem.severity as usize] += 1;
    }
    let mut text = String::new();
    for (file, [errors, warnings, notes]) in counts {
        let parts: Vec<String> = [(errors, "error"), (warnings, "warning"), (notes, "note")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
            .collect();
        let file = inert(&file.display().to_string());
        writeln!(text, "{file}: {}", parts.join(", ")).expect("writing to a string cannot fail");
    }
    text
}

fn draw(problem: &Problem, problems: &Problems, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let path = inert(&problem.file.display().to_string());
    let (line, column) = (problem.line as usize, problem.column as usize);
    let title = level.primary_title(inert(&problem.message));
    let excerpt = problem.span.as_ref().and_then(|span| excerpt_of(problems.text(&problem.file)?, span));
    let mut group: Group<'_> = match excerpt {
        None => title.element(Origin::path(path).line(line).char_column(column)),
        Some(Excerpt { line: text, span, whole }) => {
            let snippet =
                Snippet::source(text).line_start(line).annotation(AnnotationKind::Primary.span(span));
            // The library counts the column from the excerpt's beginning; where that was cut off, it is told.
            if whole {
                title.element(snippet.path(path))
            } else {
                title.element(Origin::path(path).line(line).char_column(column)).element(snippet)
            }
        }
    };
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(inert(hint)));
    }
    renderer.render(&[group])
}

/// Is the line of a place.
struct Excerpt {
    line: String,
    /// The place, in bytes of the line.
    span: Range<usize>,
    /// Whether it begins where the line begins.
    whole: bool,
}

/// Cuts the line of a place out of a text, shortened where it is long.
fn excerpt_of(text: &str, span: &Range<usize>) -> Option<Excerpt> {
    let bytes = text.as_bytes();
    let start = span.start.min(bytes.len());
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let before = &bytes[start.saturating_sub(AROUND)..start];
    let from = start - before.iter().rev().position(is_end).unwrap_or(before.len());
    let to = bytes.len().min(start + AROUND);
    let to = start + bytes[start..to].iter().position(is_end).unwrap_or(to - start);
    let from = (0..=from).rev().find(|at| text.is_char_boundary(*at))?;
    let to = (to..=bytes.len()).find(|at| text.is_char_boundary(*at))?;
    let start = (from..=start).rev().find(|at| text.is_char_boundary(*at))?;
    let end = (span.end.clamp(start, to)..=to).find(|at| text.is_char_boundary(*at))?;
    let whole = from == 0 || is_end(&bytes[from - 1]);
    Some(Excerpt { line: same_length(&text[from..to]), span: start - from..end - from, whole })
}

/// Makes a text of a file harmless to a terminal.
fn inert(text: &str) -> String {
    normalize_untrusted_str(&same_length(text)).replace('\n', " ")
}

/// Replaces the characters that the drawing library lets through and terminals obey, by others of the same length in
/// bytes, so that places stay true.
fn same_length(text: &str) -> String {
    let harmless = |char: char| match char.len_utf8() {
        // Controls of one byte are shown by the library.
        2 if acts(char) => '·',
        3 if acts(char) => '\u{FFFD}',
        4 if acts(char) => '\u{1FBC4}',
        _ => char,
    };
    text.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::manifest::parse;

    const HEAD: &str = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\n";

    fn drawn(text: &str, files: &[(&str, &[u8])]) -> String {
        super::text(&parse(text, files).unwrap_err(), false, 100)
    }

    #[test]
    fn a_problem_shows_its_place_the_line_and_what_to_do() {
        insta::assert_snapshot!(drawn(&format!("{HEAD}scenario: mixd\n"), &[]), @r"
        error: `mixd` is no value of `scenario`
         --> insights.yaml:3:11
          |
        3 | scenario: mixd
          |           ^^^^
          |
          = help: did you mean `mixed`?

        insights.yaml: 1 error
        ");
    }

    #[test]
    fn a_long_line_is_shown_around_the_place_only() {
        let long = "x".repeat(100_000);
        let text = drawn(
            &format!("{HEAD}groups: [ {{ name: {long}, mode: opt-maybe, members: [ {{ user: ada }} ] }} ]\n"),
            &[],
        );
        assert!(text.contains("insights.yaml:3:100027"), "{text}");
        assert!(text.lines().all(|line| line.len() < 400), "{text}");
    }

    #[test]
    fn nothing_in_a_file_reaches_the_terminal_as_a_command() {
        let key = "d\\u009b31m\u{202E}";
        let text = format!("{HEAD}scenario: \"a\\u001b[31mb\"\ndefaults: {{ \"{key}\": on }}\n");
        let csv = "UserPrincipalName\n\u{1B}[31mada\u{9B}@\u{200F}@\n";
        let group = "groups: [ { name: a, mode: opt-out, members: [ { csv: p.csv } ] } ]\n";
        let drawn = drawn(&format!("{text}{group}"), &[("p.csv", csv.as_bytes())]);
        assert!(drawn.contains("p.csv:2:1"), "{drawn}");
        let commands = drawn.chars().filter(|char| char.is_control() && *char != '\n').count();
        assert_eq!(commands, 0, "{drawn:?}");
        assert!(!drawn.contains(['\u{202E}', '\u{200F}']), "{drawn:?}");
    }

    #[test]
    fn of_many_mistakes_the_first_are_shown_and_the_rest_is_counted() {
        let mut csv = String::from("UserPrincipalName\n");
        for number in 0..10_000 {
            writeln!(csv, "nobody{number}").unwrap();
        }
        let text = format!(
            "{HEAD}scenario: mixd\ngroups: [ {{ name: a, mode: opt-out, members: [ {{ csv: p.csv }} ] }} ]\n"
        );
        let drawn = drawn(&text, &[("p.csv", csv.as_bytes())]);
        assert_eq!(drawn.matches("error: ").count(), 21);
        assert!(
            drawn.ends_with("… and 9980 more in p.csv\n\ninsights.yaml: 1 error\np.csv: 10000 errors\n"),
            "{drawn}"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_problem_of_any_text_is_drawn(
            word in "[ -~\t\u{80}-\u{9F}üß漢\u{301}👩]{0,300}",
            csv in proptest::collection::vec("[ -~\r\n\u{80}-\u{9F}üß漢\u{301}👩\u{202E}]{0,60}", 0..8),
            width in 0_usize..200,
        ) {
            let text = format!("{HEAD}scenario: {word}\ngroups: [ {{ name: a, mode: opt-out, members: [ {{ csv: p.csv }} ] }} ]\n");
            let csv = format!("UserPrincipalName\n{}", csv.join("\n"));
            if let Err(found) = parse(&text, &[("p.csv", csv.as_bytes())]) {
                let drawn = super::text(&found, false, width);
                proptest::prop_assert!(drawn.contains("error: "));
                proptest::prop_assert!(!drawn.contains(|char: char| char.is_control() && char != '\n'), "{drawn:?}");
            }
        }
    }
}
