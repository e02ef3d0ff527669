//! Renders which opt-outs of a script count as ours, as text, JSON and CSV.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::inert::{self, elide, inert};
use super::number::{count, counted, day, people};
use super::page::{Line, Page};
use super::style::Meaning;
use super::table::Table;
use super::{Look, json};
use crate::plan::{Counts, Finding, Recording};

/// Writes a recording as text: what is said, what becomes of the rows, and who is refused.
pub fn text(out: &mut dyn Write, recording: &Recording, look: Look) -> io::Result<()> {
    let Recording { format: _, by, written_on, rows } = recording;
    let mut page = Page::new(out, look);
    let said = format!("Opt-outs that a script wrote on {}", day(*written_on));
    let by = format!(", as {} says", inert::quoted(by));
    page.line(0, &Line::default().with(Meaning::Heading, said).plain(by))?;
    page.blank()?;
    let counts = recording.counted();
    let number_columns = counts.values().map(|number| count(*number).len()).max().unwrap_or(0);
    let word_columns = counts.keys().map(|counts| word(*counts).len()).max().unwrap_or(0);
    let mut by_verdict: BTreeMap<Counts, Vec<&Finding>> = BTreeMap::new();
    for row in rows {
        by_verdict.entry(row.verdict).or_default().push(row);
    }
    for (verdict, found) in by_verdict {
        let line = Line::default()
            .right(Meaning::Plain, &count(found.len() as u64), number_columns)
            .plain("\u{a0}\u{a0}")
            .column(meaning(verdict), word(verdict), word_columns + 2);
        let hang = 2 + line.width();
        page.hanging(2, hang, &line.with(Meaning::Quiet, sentence(verdict)))?;
        if verdict.is_refused() || verdict == Counts::AsOurs {
            names(&mut page, &found)?;
        }
    }
    page.last(&last_line(recording))
}

fn names(page: &mut Page<'_>, found: &[&Finding]) -> io::Result<()> {
    let shown = page.look.details.min(found.len());
    let columns = page.look.width.saturating_sub(8);
    for finding in &found[..shown] {
        page.line(8, &Line::of(elide(&inert(&finding.upn), columns)))?;
    }
    if found.len() > shown {
        let more = count((found.len() - shown) as u64);
        let line = format!("… and {more} more (--verbose shows all; --format csv lists everybody)");
        page.line(8, &Line::default().with(Meaning::Quiet, line))?;
    }
    Ok(())
}

/// Writes the last line: how many count as ours, and how many do not.
pub fn last_line(recording: &Recording) -> String {
    let counts = recording.counted();
    let ours = counts.get(&Counts::AsOurs).copied().unwrap_or(0);
    let refused: u64 =
        counts.iter().filter(|(counts, _)| counts.is_refused()).map(|(_, number)| number).sum();
    let already = counts.get(&Counts::AlreadyOurs).copied().unwrap_or(0);
    format!(
        "Recording: the opt-outs of {} count as ours, {} did already, {} refused; nothing is written to the tenant.",
        people(ours),
        count(already),
        counted(refused, "row is", "rows are")
    )
}

/// Writes the recording itself as JSON, indented, with a newline at its end.
pub fn json(out: &mut dyn Write, recording: &Recording) -> io::Result<()> {
    json::pretty(out, recording)
}

/// Writes one row for each person on the list.
pub fn csv(out: &mut dyn Write, recording: &Recording) -> io::Result<()> {
    let mut table = Table::new(out, &["UserPrincipalName", "ObjectId", "Outcome", "Message"])?;
    for Finding { upn, id, verdict } in &recording.rows {
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        table.row([&**upn, &id, word(*verdict), sentence(*verdict)])?;
    }
    table.end()
}

fn meaning(counts: Counts) -> Meaning {
    match counts {
        Counts::AsOurs | Counts::AlreadyOurs => Meaning::Plain,
        Counts::Unknown => Meaning::Unknown,
        Counts::NotFound | Counts::OptedIn | Counts::OptedInAfter | Counts::OptedOutBefore => {
            Meaning::Consent
        }
    }
}

/// Spells a verdict as the JSON does.
fn word(counts: Counts) -> &'static str {
    match counts {
        Counts::AsOurs => "as-ours",
        Counts::AlreadyOurs => "already-ours",
        Counts::Unknown => "unknown",
        Counts::NotFound => "not-found",
        Counts::OptedIn => "opted-in",
        Counts::OptedInAfter => "opted-in-after",
        Counts::OptedOutBefore => "opted-out-before",
    }
}

fn sentence(counts: Counts) -> &'static str {
    match counts {
        Counts::AsOurs => "counts as written by insightctl from now on",
        Counts::AlreadyOurs => "insightctl wrote it, as it remembers already",
        Counts::Unknown => "the person's mode could not be read, so nothing is recorded",
        Counts::NotFound => "the directory does not know the address",
        Counts::OptedIn => "the person is opted in now, so there is nothing to record",
        Counts::OptedInAfter => "seen opted in after that day, so they have opted out themselves since",
        Counts::OptedOutBefore => "seen opted out before that day, so it was not the script",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::render::sample::{HOSTILE, at, id};

    fn recording() -> Recording {
        let row =
            |number: u128, upn: &str, verdict| Finding { upn: Arc::from(upn), id: Some(id(number)), verdict };
        Recording {
            format: 1,
            by: Arc::from("Grace (IT)"),
            written_on: at("2025-11-03T00:00:00Z"),
            rows: vec![
                row(1, "ada@contoso.com", Counts::AsOurs),
                row(2, HOSTILE, Counts::OptedInAfter),
                row(3, "olu@contoso.com", Counts::AlreadyOurs),
            ],
        }
    }

    #[test]
    fn words_are_spelt_as_the_json_spells_them() {
        for counts in Counts::ALL {
            assert_eq!(serde_json::to_value(counts).expect("a word"), word(counts));
        }
    }

    #[test]
    fn hostile_names_are_inert_in_every_form() {
        for write in
            [csv, json, |out: &mut dyn Write, recording: &Recording| text(out, recording, Look::default())]
        {
            let mut out = Vec::new();
            let hostile = Recording { by: Arc::from(HOSTILE), ..recording() };
            write(&mut out, &hostile).expect("memory");
            let text = String::from_utf8(out).expect("UTF-8");
            assert!(!text.contains(|c: char| c != '\n' && crate::render::inert::acts(c)), "{text:?}");
        }
    }

    #[test]
    fn the_last_line_counts_everybody() {
        insta::assert_snapshot!(
            last_line(&recording()),
            @"Recording: the opt-outs of 1 person count as ours, 1 did already, 1 row is refused; nothing is written to the tenant."
        );
    }
}
