//! Writes a report as Markdown: the last line first, then what needs a look.

use super::text::{is_listed, message, setting, who};
use super::{Tally, last_line};
use crate::apply::{Outcome, Report, Row};
use crate::render::inert::code;
use crate::render::markdown::{Comment, row};
use crate::render::number::{count, moment};
use crate::render::{change, licensing, words};

/// Is the most operations that one folded table shows.
const ROWS: usize = 100;

/// Writes a report as Markdown, below 60,000 characters.
///
/// Names and messages stand in code spans, in which nothing is a link, a mention or HTML. `details` says how many
/// operations each table shows, up to a hundred.
pub fn markdown(report: &Report, details: usize) -> String {
    let mut comment = Comment::default();
    comment.heading(2, &format!("Run {}", code(&report.run)));
    comment.add(&format!("**{}**\n\n", last_line(report)));
    comment.add(&format!("Begun {}, ended {}.\n\n", moment(report.started), moment(report.ended)));
    if let Some(plan) = &report.plan {
        comment.add(&format!("Plan `{plan}`.\n\n"));
    }
    if !report.waivers.is_empty() {
        comment.heading(3, "Consented to in writing");
        comment.list(report.waivers.iter().map(|waiver| format!("**!** {}", words::waiver(waiver, code))));
    }
    if let Some(stopped) = &report.stopped {
        let why = words::stopped(stopped, code);
        comment.add(&format!("**The run ended before its plan did:** {why}.\n\n"));
    }
    let tally = Tally::of(report);
    if !tally.rows.is_empty() {
        let outcomes: String = tally
            .rows
            .iter()
            .map(|(outcome, number)| row(&[&count(*number), outcome.word(), words::outcome(*outcome)]))
            .collect();
        comment.add(&format!("| Operations | Outcome | Meaning |\n| ---: | --- | --- |\n{outcomes}\n"));
    }
    if !report.licensing_groups.is_empty() {
        comment.heading(3, "What became of licensing groups");
        comment.list(report.licensing_groups.iter().map(|group| licensing::became(group, code)));
    }
    for (outcome, number) in &tally.rows {
        if is_listed(*outcome) {
            listed(&mut comment, report, *outcome, *number, details.min(ROWS));
        }
        if let Some(hint) = words::outcome_hint(*outcome) {
            comment.add(&format!("_{}_: {hint}.\n\n", outcome.word()));
        }
    }
    comment.end()
}

fn listed(comment: &mut Comment, report: &Report, outcome: Outcome, number: u64, details: usize) {
    let rows: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.outcome == outcome)
        .take(details)
        .map(|item: &Row| {
            let change = change::change(setting(item), &item.operation);
            row(&[&code(who(item)), &change, &message(item, code).unwrap_or_default()])
        })
        .collect();
    let total = usize::try_from(number).unwrap_or(usize::MAX);
    let summary = format!("{}: {}", outcome.word(), count(number));
    comment.folded(&summary, &["Person", "Change", "Message"], &rows, total);
}
