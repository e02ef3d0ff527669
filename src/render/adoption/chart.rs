//! Draws an adoption report: stacked bars for its rows, lines for its trend; SVG that stands inside a page.

use std::io::{self, Write};

use super::words;
use crate::model::Standing;
use crate::render::inert::{elide, html_text, quoted};
use crate::render::number::{count, day, people, percent};
use crate::rollout::adoption::Row;

/// Is how wide a chart is, and where its bars or lines begin, in units of its own.
const WIDTH: u64 = 720;
const LEFT: u64 = 190;
const BAR: u64 = 22;
const PITCH: u64 = 32;

/// Is how high the lines are, and the space above them.
const HEIGHT: u64 = 160;
const TOP: u64 = 12;

/// Is a row that a chart shows, and how it is called.
#[derive(Clone, Debug)]
pub(super) struct Bar<'a> {
    pub(super) name: String,
    pub(super) row: &'a Row,
}

/// Gives the class of a standing's colour.
pub(super) fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::OptedIn => "s-in",
        Standing::OptedOutThemselves => "s-self",
        Standing::OptedOut => "s-asked",
        Standing::Settling => "s-settling",
        Standing::Pending => "s-pending",
        Standing::Failed => "s-failed",
        Standing::Unlicensed => "s-unlicensed",
        Standing::Unknown => "s-unknown",
        Standing::Waiting => "s-waiting",
        Standing::OutOfReach => "s-reach",
    }
}

/// Draws one bar for each row, as long as the row's people are everybody in it, split by where they stand.
///
/// `id` makes the names of its title and description unique on the page.
pub(super) fn bars(out: &mut dyn Write, id: &str, title: &str, bars: &[Bar<'_>]) -> io::Result<()> {
    let height = PITCH * bars.len() as u64 + 4;
    writeln!(
        out,
        "<svg role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" viewBox=\"0 0 {WIDTH} {height}\">\n\
         <title id=\"{id}-title\">{}</title>\n\
         <desc id=\"{id}-desc\">One bar for each row of the table below, split by where its people stand.</desc>",
        html_text(title)
    )?;
    for (bar, at) in bars.iter().zip((0..).step_by(32)) {
        let Bar { name, row } = bar;
        let (text_y, bar_y) = (at + 17, at + 2);
        writeln!(
            out,
            "<text x=\"{}\" y=\"{text_y}\" text-anchor=\"end\">{}</text>",
            LEFT - 10,
            html_text(&elide(&quoted(name), 22))
        )?;
        let mut told = 0;
        let cells = Standing::ALL.into_iter().filter_map(|standing| {
            let people = row.told(standing).filter(|people| *people > 0)?;
            Some((class(standing), words::standing(standing).to_owned(), people))
        });
        let together =
            (row.not_told_apart > 0).then(|| ("s-together", "not told apart".to_owned(), row.not_told_apart));
        for (class, what, number) in cells.chain(together) {
            let (from, to) = (along(told, row.people), along(told + number, row.people));
            told += number;
            writeln!(
                out,
                "<rect class=\"{class}\" x=\"{}\" y=\"{bar_y}\" width=\"{}\" height=\"{BAR}\"><title>{}: {} of {} {what}</title></rect>",
                tenths(LEFT * 10 + from),
                tenths(to - from),
                html_text(&quoted(name)),
                count(number),
                people(row.people)
            )?;
        }
    }
    writeln!(out, "</svg>")
}

/// Gives how far along its bar so many people of all reach, in tenths of a unit.
fn along(part: u64, of: u64) -> u64 {
    part.saturating_mul((WIDTH - LEFT - 2) * 10).checked_div(of).unwrap_or(0)
}

fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}

/// Draws how two shares of those in reach went over runs; a run of which a share is not told leaves a gap.
pub(super) fn lines(
    out: &mut dyn Write,
    id: &str,
    title: &str,
    points: &[(jiff::Timestamp, &Row)],
) -> io::Result<()> {
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { return Ok(()) };
    let bottom = TOP + HEIGHT;
    writeln!(
        out,
        "<svg role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" viewBox=\"0 0 {WIDTH} {}\">\n\
         <title id=\"{id}-title\">{}</title>\n\
         <desc id=\"{id}-desc\">The shares of those in reach who are opted in and who opted out by themselves, from {} to \
         {}; the table below has the numbers.</desc>",
        bottom + 30,
        html_text(title),
        day(*first),
        day(*last)
    )?;
    for share in [0, 25, 50, 75, 100] {
        let y = bottom - HEIGHT * share / 100;
        writeln!(
            out,
            "<line class=\"grid\" x1=\"60\" y1=\"{y}\" x2=\"{WIDTH}\" y2=\"{y}\"/><text x=\"50\" y=\"{}\" \
             text-anchor=\"end\">{share} %</text>",
            y + 5
        )?;
    }
    writeln!(
        out,
        "<text x=\"60\" y=\"{0}\">{1}</text><text x=\"{WIDTH}\" y=\"{0}\" text-anchor=\"end\">{2}</text>",
        bottom + 24,
        day(*first),
        day(*last)
    )?;
    let span = u64::try_from(last.duration_since(*first).as_secs()).unwrap_or(0).max(1);
    for (standing, line) in [(Standing::OptedIn, "l-in"), (Standing::OptedOutThemselves, "l-self")] {
        let mut piece: Vec<(u64, u64)> = Vec::new();
        for (at, row) in points {
            let Some((part, of)) = row.share(standing) else {
                stroke(out, line, &std::mem::take(&mut piece))?;
                continue;
            };
            let passed = u64::try_from(at.duration_since(*first).as_secs()).unwrap_or(0);
            let x = 66 + (WIDTH - 72) * passed.min(span) / span;
            let y = bottom - (HEIGHT * part).checked_div(of).unwrap_or(0);
            piece.push((x, y));
            let told = percent(part, of).unwrap_or_default();
            writeln!(
                out,
                "<circle class=\"{line}\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\"><title>{}: {told} {}</title></circle>",
                day(*at),
                words::standing(standing)
            )?;
        }
        stroke(out, line, &piece)?;
    }
    writeln!(out, "</svg>")
}

fn stroke(out: &mut dyn Write, class: &str, piece: &[(u64, u64)]) -> io::Result<()> {
    if piece.len() < 2 {
        return Ok(());
    }
    let points: Vec<_> = piece.iter().map(|(x, y)| format!("{x},{y}")).collect();
    writeln!(out, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "))
}
