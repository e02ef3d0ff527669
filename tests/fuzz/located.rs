//! Holds every problem to its place: a file that is there, a line and a column inside it, an excerpt that can be drawn.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use insightctl::manifest::{Problem, Problems};
use insightctl::render;

/// Says what is wrong with how problems are told; `known` gives the bytes of each file.
pub(crate) fn check(problems: &Problems, known: &dyn Fn(&Path) -> Option<Vec<u8>>) -> Result<(), String> {
    let mut texts: BTreeMap<&Path, Vec<Range<usize>>> = BTreeMap::new();
    for problem in problems.list() {
        let text = problems.text(&problem.file);
        let lines = texts.entry(&problem.file).or_insert_with(|| lines(text.unwrap_or_default()));
        place(problem, text, lines, known).map_err(|how| format!("{how}\nfor {problem:?}"))?;
    }
    if problems.is_empty() {
        return Ok(());
    }
    // At most 20 of a file are drawn, so that this stays cheap.
    for (colour, width) in [(false, 0), (false, 100), (true, 250)] {
        let drawn = render::problems::text(problems, colour, width);
        inert(&drawn, colour).map_err(|how| format!("{how}\nin {drawn:?}"))?;
    }
    let mut json = Vec::new();
    render::problems::json(&mut json, problems).unwrap();
    let again: Vec<serde::de::IgnoredAny> =
        serde_json::from_slice(&json).map_err(|error| error.to_string())?;
    if again.len() == problems.list().len() {
        Ok(())
    } else {
        Err("the JSON has another number of problems".to_owned())
    }
}

/// Refuses text in which something acts on a terminal.
fn inert(drawn: &str, colour: bool) -> Result<(), String> {
    let mut rest = drawn.chars();
    while let Some(character) = rest.next() {
        if colour && character == '\u{1b}' {
            let end = rest.find(|character| !(character.is_ascii_digit() || matches!(character, '[' | ';')));
            if end == Some('m') {
                continue;
            }
        }
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
        if turns || (character.is_control() && character != '\n') {
            return Err(format!("{character:?} reaches the terminal"));
        }
    }
    Ok(())
}

/// Compares a problem with the text of its file and the bytes of each line.
fn place(
    problem: &Problem,
    text: Option<&str>,
    lines: &[Range<usize>],
    known: &dyn Fn(&Path) -> Option<Vec<u8>>,
) -> Result<(), String> {
    if problem.message.is_empty() {
        return Err("it says nothing".to_owned());
    }
    let Some(text) = text else {
        // The file is no text; its line breaks are still there.
        let bytes = known(&problem.file).ok_or("it names no file that is there")?;
        let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
        return if problem.line as usize <= lines { Ok(()) } else { Err("its line is too high".to_owned()) };
    };
    let Some(line) = lines.get(problem.line as usize - 1) else {
        return Err(format!("its line is above the last, {}", lines.len()));
    };
    let length = text[line.clone()].chars().count();
    if problem.column as usize > length + 1 {
        return Err(format!("its column is behind the line's end, {length}"));
    }
    let Some(span) = &problem.span else { return Ok(()) };
    if span.start > span.end || span.end > text.len() {
        return Err(format!("its bytes are outside the {} of the file", text.len()));
    }
    if !text.is_char_boundary(span.start) || !text.is_char_boundary(span.end) {
        return Err("its bytes cut a character".to_owned());
    }
    let line = lines.partition_point(|line| line.start <= span.start);
    let column = text[lines[line - 1].start..span.start].chars().count() + 1;
    if (line, column) != (problem.line as usize, problem.column as usize) {
        return Err(format!("its first byte is at {line}:{column}"));
    }
    Ok(())
}

/// Finds the lines of a text as editors do: after LF, CRLF and CR; after the last break there is one more.
fn lines(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let ends = *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        if ends {
            let end = if *byte == b'\n' && at > start && bytes[at - 1] == b'\r' { at - 1 } else { at };
            lines.push(start..end);
            start = at + 1;
        }
    }
    lines.push(start..bytes.len());
    lines
}
