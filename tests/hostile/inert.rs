//! Judges outputs: whether anything in them would act where it is read.

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

/// Refuses text that does anything to a terminal but show; colours are allowed where they were asked for.
pub(crate) fn terminal(text: &str, colour: bool) -> Result<(), String> {
    let text = if colour { without_colours(text)? } else { text.to_owned() };
    match text.char_indices().find(|(_, character)| acts(*character)) {
        None => Ok(()),
        Some((at, character)) => Err(format!("{character:?} comes through: {:?}", around(&text, at))),
    }
}

/// Lists what no output may hold: controls, what turns writing around, what hides, and what breaks lines elsewhere.
fn acts(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Takes out the colours that we write: numbers between `ESC [` and `m`.
fn without_colours(text: &str) -> Result<String, String> {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let end = part.find(|character: char| !(character.is_ascii_digit() || character == ';'));
        match end.filter(|end| part[*end..].starts_with('m')) {
            Some(end) => plain.push_str(&part[end + 1..]),
            None => return Err(format!("it is no colour: {:?}", around(part, 0))),
        }
    }
    Ok(plain)
}

fn around(text: &str, at: usize) -> String {
    let before = text[..at].chars().rev().take(60).collect::<Vec<_>>();
    before.into_iter().rev().chain(text[at..].chars().take(60)).collect()
}

/// Refuses a table in which a spreadsheet finds something to run, whether it cuts at commas or at semicolons.
pub(crate) fn csv(text: &str) -> Result<(), String> {
    let runs = |cell: &str| {
        cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
    };
    let mut rows = csv_rows(text);
    let width = rows.next().ok_or("there is no header")?.len();
    for row in rows {
        if row.len() != width {
            return Err(format!("a row has {} of {width} cells: {row:?}", row.len()));
        }
        if let Some(cell) = row.iter().find(|cell| runs(cell.trim_start())) {
            return Err(format!("a spreadsheet runs {cell:?}"));
        }
    }
    for line in text.lines() {
        if let Some(cell) = line.split(';').skip(1).find(|cell| runs(cell.trim_start_matches([' ', '"']))) {
            return Err(format!("a spreadsheet that cuts at semicolons runs {cell:?}"));
        }
    }
    Ok(())
}

fn csv_rows(text: &str) -> impl Iterator<Item = Vec<String>> + '_ {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    reader.into_records().map(|row| row.unwrap().iter().map(str::to_owned).collect())
}

/// Refuses Markdown that is more than text, tables and what we fold away ourselves.
pub(crate) fn markdown(text: &str) -> Result<(), String> {
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let mut rest = html.to_string();
                for ours in ["details", "summary", "code", "strong", "sub", "br"] {
                    rest = rest.replace(&format!("<{ours}>"), "").replace(&format!("</{ours}>"), "");
                }
                if rest.contains('<') {
                    return Err(format!("HTML comes through: {html:?}"));
                }
                said(&rest)?;
            }
            Event::Start(tag @ (Tag::Link { .. } | Tag::Image { .. } | Tag::FootnoteDefinition(_))) => {
                return Err(format!("Markdown comes through: {tag:?}"));
            }
            Event::Text(text) => said(&text)?,
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                return Err(format!("Markdown comes through: {text:?}"));
            }
            Event::Start(_)
            | Event::End(_)
            | Event::Code(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }
    Ok(())
}

/// Refuses text in which a forge finds somebody to call, an issue or an address.
fn said(text: &str) -> Result<(), String> {
    let calls = ["@", "http:", "https:", "www.", "javascript:", "GH-1", "#1"];
    match calls.iter().find(|call| text.contains(**call)) {
        Some(call) => Err(format!("{call:?} stands outside of code: {text:?}")),
        None => Ok(()),
    }
}

/// Gathers the texts of a JSON document, names of members included.
pub(crate) fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(members) => {
            for (name, member) in members {
                into.push(name.clone());
                texts(member, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
