//! Draws what is wrong with a manifest: place, excerpt, caret, hint.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use crate::manifest::{Problem, Problems, Severity};

/// Is how many problems of one file are shown; the rest is counted.
const SHOWN: usize = 20;

/// Is how many bytes of a line are shown to either side of the place.
const AROUND: usize = 160;

/// Draws every problem, and ends with a line that counts them by file.
///
/// Control characters of the files come out as harmless signs. Of each file, the first 20 are drawn.
pub fn problems(problems: &Problems, colour: bool, width: usize) -> String {
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
pub fn problems_json(out: &mut dyn io::Write, problems: &Problems) -> io::Result<()> {
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
    let harmless = |char: char| match char {
        '\u{80}'..='\u{9F}' | '\u{61C}' => '·',
        '\u{200B}' | '\u{200C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' => {
            '\u{FFFD}'
        }
        other => other,
    };
    text.chars().map(harmless).collect()
}
