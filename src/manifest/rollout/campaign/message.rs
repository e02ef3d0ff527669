//! Reads what people are told at a milestone: the templates of a message, one file for each language.
//!
//! `templates: messages/welcome` means every `messages/welcome.LANGUAGE.md` beside the manifest. The files change
//! nobody's setting, so they are no part of the manifest's digest: a plan stays valid while a sentence is put right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::manifest::fields::{fields, text};
use crate::manifest::folder::Purpose;
use crate::manifest::members::unreadable;
use crate::manifest::problem::{At, File, Reporter, meant, quoted};
use crate::manifest::rollout::Around;
use crate::manifest::syntax::{Located, Node};
use crate::manifest::text::decode;
use crate::manifest::words::word;
use crate::model::rollout::{Audience, Field, Message, Piece, Role, Survey, Template, pieces};

/// Is what a message may speak of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'c> {
    /// The roles that `owners` mentions.
    pub(super) mentioned: &'c BTreeSet<Role>,
    pub(super) surveys: &'c [Survey],
    /// Whether `training` names a link.
    pub(super) training: bool,
    /// The wave of the milestone, if that could be read.
    pub(super) wave: Option<u32>,
    /// The day of the milestone, if that could be read.
    pub(super) day: Option<i32>,
}

/// Is the language of whoever's own is missing, where there is a template in it.
const DEFAULT: &str = "en";

/// Reads `message`.
pub(super) fn read(
    node: &Located<Node>,
    told: Told<'_>,
    around: Around<'_>,
    report: &mut Reporter<'_>,
) -> Option<Message> {
    let fields = fields(node, "`message`", &["to", "templates", "default"], report)?;
    let words = [("changing", Audience::Changing), ("participants", Audience::Participants)];
    let to = fields.get("to").and_then(|node| word(node, "`to`", &words, report));
    if fields.get("templates").is_none() {
        report
            .error(fields.at, "this message has no `templates`")
            .hint("add `templates: messages/welcome` for the files messages/welcome.LANGUAGE.md");
    }
    let default = fields.get("default").and_then(|node| Some((text(node, "`default`", report)?, node.at)));
    let stem = fields.get("templates")?;
    let typed = text(stem, "`templates`", report)?;
    let mut templates = Vec::new();
    for (language, path) in languages(typed, stem.at, around, report)? {
        templates.extend(template(&language, &path, stem.at, told, around, report));
    }
    // A template that could not be read has been told of, and is no missing language.
    let wanted = default.map_or(DEFAULT.to_owned(), |(typed, _)| typed.to_ascii_lowercase());
    match (templates.iter().position(|template| *template.language == *wanted), default) {
        (Some(first), _) => templates[..=first].rotate_right(1),
        (None, Some((typed, at))) if !report.problems.has_errors() => {
            report
                .error(at, format!("there is no template in the language {}", quoted(typed)))
                .hint("`default` names the language for everybody whose own is missing");
        }
        (None, _) => {}
    }
    (!templates.is_empty()).then(|| Message { to: to.unwrap_or_default(), templates })
}

/// Finds the files of a message, by language in lower case.
fn languages(
    typed: &str,
    at: At,
    around: Around<'_>,
    report: &mut Reporter<'_>,
) -> Option<BTreeMap<String, String>> {
    let beside = match around.folder.beside(typed) {
        Ok(beside) => beside,
        Err(refused) => {
            report.error(at, refused.message).maybe_hint(refused.hint);
            return None;
        }
    };
    let (folder, stem) = typed.rsplit_once('/').map_or(("", typed), |(folder, stem)| (folder, stem));
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for name in &beside {
        let language = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.'));
        let language = language.and_then(|rest| rest.strip_suffix(".md")).filter(|tag| is_language(tag));
        let Some(language) = language else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if let Some(other) = found.insert(language.to_ascii_lowercase(), path) {
            report
                .error(at, format!("two templates are in the language {}", quoted(language)))
                .hint(format!("one is {}; remove one of them", quoted(&other)));
        }
    }
    if found.is_empty() {
        let stems = beside.iter().filter_map(|name| name.strip_suffix(".md")?.rsplit_once('.'));
        let close = meant(stem, stems.map(|(stem, _)| stem));
        let hint = match close {
            Some(close) if close != stem => format!("did you mean {}?", quoted(close)),
            Some(_) | None => {
                format!("write one beside the manifest, such as {}", quoted(&format!("{typed}.en.md")))
            }
        };
        report
            .error(at, format!("there is no template {}", quoted(&format!("{typed}.LANGUAGE.md"))))
            .hint(hint);
        return None;
    }
    Some(found)
}

/// Says whether a text looks like a language: `en`, `pt-BR`, `zh-Hant`.
fn is_language(tag: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = tag.split('-').next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && tag.split('-').all(part)
}

/// Reads one file: `Subject: …`, an empty line, the text.
fn template(
    language: &str,
    path: &str,
    at: At,
    told: Told<'_>,
    around: Around<'_>,
    report: &mut Reporter<'_>,
) -> Option<Template> {
    let opened = match around.folder.open(path, Purpose::Template) {
        Ok(opened) => opened,
        Err(refused) => {
            report.error(at, refused.message).maybe_hint(refused.hint);
            return None;
        }
    };
    let shown: Arc<Path> = opened.shown.as_path().into();
    let text = match decode(opened.bytes) {
        Ok(text) => text.replace("\r\n", "\n"),
        Err(no_text) => {
            unreadable(report.problems, &shown, no_text);
            return None;
        }
    };
    let file = File { path: shown, text: text.into() };
    report.problems.know(&file);
    let mut report = Reporter { problems: &mut *report.problems, file: Arc::clone(&file.path) };
    check(&file.text, told, &mut report);
    let (subject, body) = take_apart(&file.text, &mut report)?;
    Some(Template {
        language: language.into(),
        file: opened.shown,
        subject: subject.into(),
        body: format!("{}\n", body.trim_end()).into(),
    })
}

/// Takes subject and text apart.
fn take_apart<'t>(text: &'t str, report: &mut Reporter<'_>) -> Option<(&'t str, &'t str)> {
    const HINT: &str = "begin with `Subject: …`, leave a line empty, and write the text below";
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let word = first.split_at_checked("Subject:".len());
    let subject = word.filter(|(word, _)| word.eq_ignore_ascii_case("Subject:")).map(|(_, rest)| rest.trim());
    let subject = subject.filter(|subject| !subject.is_empty());
    if subject.is_none_or(|subject| subject.len() > 500 || subject.contains(char::is_control)) {
        report.error(line(1, 0, first), "the first line is no subject").hint(HINT);
        return None;
    }
    let (second, body) = rest.split_once('\n').unwrap_or((rest, ""));
    if !second.trim().is_empty() {
        let start = first.len() + 1;
        report.error(line(2, start, second), "there is no empty line below the subject").hint(HINT);
        return None;
    }
    if body.trim().is_empty() {
        report.error(At::TOP, "the template has no text").hint(HINT);
        return None;
    }
    Some((subject?, body.trim_start_matches('\n')))
}

fn line(number: u32, start: usize, text: &str) -> At {
    place(number, 1, start, start + text.len())
}

fn place(line: u32, column: u32, start: usize, end: usize) -> At {
    let clip = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    At { start: clip(start), end: clip(end), line, column }
}

/// Says which fields of a template stand for nothing.
fn check(text: &str, told: Told<'_>, report: &mut Reporter<'_>) {
    let mut line = 1;
    let mut line_start = 0;
    let mut counted = 0;
    for (start, piece) in pieces(text) {
        let (inside, whole) = match piece {
            Piece::Text(_) => continue,
            Piece::Field(inside) => (Some(inside), inside.len() + 4),
            Piece::Open(_) => (None, 2),
        };
        for (at, _) in text[counted..start].match_indices('\n') {
            line += 1;
            line_start = counted + at + 1;
        }
        counted = start;
        let column = u32::try_from(text[line_start..start].chars().count()).unwrap_or(u32::MAX);
        let at = place(line, column.saturating_add(1), start, start + whole);
        match inside {
            None => {
                report.error(at, "this field is not closed").hint("close it on the same line with `}}`");
            }
            Some(inside) => match Field::read(inside) {
                None => unknown(inside, at, report),
                Some(field) => missing(field, at, told, report),
            },
        }
    }
}

fn unknown(inside: &str, at: At, report: &mut Reporter<'_>) {
    let owners = Role::ALL.map(|role| format!("owner:{}", role.word()));
    let words = || Field::WORDS.iter().map(|(word, _)| *word).chain(owners.iter().map(String::as_str));
    let hint = meant(inside, words()).map_or_else(
        || format!("the fields are {}", words().collect::<Vec<_>>().join(", ")),
        |word| format!("did you mean `{{{{{word}}}}}`?"),
    );
    report.error(at, format!("there is no field {}", quoted(inside.trim()))).hint(hint);
}

/// Notes where a field stands for something that the manifest does not say: it stays in the draft as it is, and
/// `announce` says so again.
fn missing(field: Field, at: At, told: Told<'_>, report: &mut Reporter<'_>) {
    let Told { mentioned, surveys, training, wave, day } = told;
    let (fact, hint) = match field {
        Field::Name | Field::Department | Field::MilestoneDate | Field::Wave => return,
        Field::Training if training => return,
        Field::Training => {
            ("`training` names no link".to_owned(), "add `training:` to the rollout".to_owned())
        }
        Field::Survey => {
            let (Some(wave), Some(day)) = (wave, day) else { return };
            match Survey::next(surveys, wave, day) {
                Some(Survey { link: Some(_), .. }) => return,
                Some(survey) => (
                    format!("the survey {} has no link", quoted(&survey.name)),
                    "add `link:` to the survey".to_owned(),
                ),
                None => ("this wave has no survey".to_owned(), "add one to `surveys:`".to_owned()),
            }
        }
        Field::Owner(role) if mentioned.contains(&role) => return,
        Field::Owner(role) => (
            format!("nobody is named as {}", role.word()),
            format!("name them under `owners:` as `{}`", role.word()),
        ),
    };
    report.note(at, fact).hint(hint);
}
