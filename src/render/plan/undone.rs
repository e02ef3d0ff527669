//! What a plan that undoes a run tells besides: which run, and what of it stays.

use std::collections::BTreeMap;
use std::io;

use super::told::names_people;
use crate::model::PersonId;
use crate::plan::{LeftOut, Occasion, Plan, Reason, Stays, Target, Undone};
use crate::render::change;
use crate::render::inert::code;
use crate::render::markdown::{Comment, row};
use crate::render::number::{count, counted, moment};
use crate::render::page::{Line, Page};
use crate::render::style::Meaning;
use crate::render::words;

/// Gives the run that a plan undoes, if it does.
pub(super) fn undone(plan: &Plan) -> Option<&Undone> {
    match plan.occasion.as_ref()? {
        Occasion::Rollback(undone) => Some(undone),
        Occasion::Recording(_) => None,
    }
}

/// Names a run as the store does: eight digits.
pub(super) fn run_name(run: u64) -> String {
    format!("{run:08}")
}

/// Says which run a plan undoes, for its head.
pub(super) fn undoes(undone: &Undone) -> String {
    format!("undoes run {} of {}", run_name(undone.run), moment(undone.at))
}

/// Is what stays for one reason: settings of the tenant, and of people, as words.
#[derive(Debug, Default)]
struct Left<'p> {
    settings: u64,
    by_name: BTreeMap<(&'p str, Option<PersonId>), Vec<String>>,
}

/// Gathers what stays, by the reason why.
fn left(undone: &Undone) -> BTreeMap<Stays, Left<'_>> {
    let mut by_reason: BTreeMap<Stays, Left<'_>> = BTreeMap::new();
    for LeftOut { target, from, wrote: _, have, why } in &undone.left_out {
        let left = by_reason.entry(*why).or_default();
        left.settings += 1;
        let (name, setting) = match target {
            Target::Tenant(setting) => (("tenant", None), setting.word()),
            Target::Person(person) => ((&*person.upn, Some(person.id)), person.setting.word()),
        };
        let was = from.map(|was| format!(", was\u{a0}{was}")).unwrap_or_default();
        let words = format!("{setting}\u{a0}is\u{a0}{}{was}", change::value(*have));
        left.by_name.entry(name).or_default().push(words);
    }
    by_reason
}

/// Says whether whoever is concerned is named, since a reviewer would ask who they are.
fn names(why: Stays) -> bool {
    match why {
        Stays::Because(reason) => names_people(reason) || concerns_few(reason),
        Stays::WrittenAgain(_)
        | Stays::DefaultChanged
        | Stays::OtherLicences
        | Stays::AfterThePlan
        | Stays::NothingKnown => true,
        Stays::WasSo | Stays::IsBack => false,
    }
}

/// Says whether a reason, which usually holds for many in scope, is worth names where a run had written to them.
fn concerns_few(reason: Reason) -> bool {
    match reason {
        Reason::Guest
        | Reason::Disabled
        | Reason::Protected
        | Reason::OutsideWindow
        | Reason::NoMailbox
        | Reason::Unlicensed
        | Reason::OptedOut
        | Reason::Settling => true,
        Reason::Unknown
        | Reason::NotFound
        | Reason::Quarantined
        | Reason::RolledBack
        | Reason::Accepted
        | Reason::ConsentFloor
        | Reason::OwnChoice
        | Reason::InheritedLicence
        | Reason::DefaultSettling
        | Reason::DefaultMoved
        | Reason::MovesWithDefault
        | Reason::Released
        | Reason::InSync => false,
    }
}

fn title(undone: &Undone) -> String {
    let settings = counted(undone.left_out.len() as u64, "setting", "settings");
    format!("Not undone: {settings} of those that run {} wrote", run_name(undone.run))
}

/// Writes what stays as text.
pub(super) fn text(
    page: &mut Page<'_>,
    plan: &Plan,
    mut rows: impl FnMut(&mut Page<'_>, Vec<(&str, String)>) -> io::Result<()>,
) -> io::Result<()> {
    let Some(undone) = undone(plan).filter(|undone| !undone.left_out.is_empty()) else { return Ok(()) };
    page.heading(&title(undone))?;
    let left = left(undone);
    let number_columns = left.values().map(|left| count(left.settings).len()).max().unwrap_or(0);
    let word_columns = left.keys().map(|why| words::stays_word(*why).len()).max().unwrap_or(0);
    for (why, Left { settings, by_name }) in left {
        let line = Line::default()
            .right(Meaning::Plain, &count(settings), number_columns)
            .plain("\u{a0}\u{a0}")
            .column(Meaning::Plain, words::stays_word(why), word_columns + 2);
        let hang = 2 + line.width();
        page.hanging(2, hang, &line.with(Meaning::Quiet, words::stays(why)))?;
        if names(why) {
            rows(page, by_name.into_iter().map(|((name, _), is)| (name, is.join("; "))).collect())?;
        }
    }
    Ok(())
}

/// Writes what stays as Markdown.
pub(super) fn markdown(comment: &mut Comment, plan: &Plan, details: usize) {
    let Some(undone) = undone(plan).filter(|undone| !undone.left_out.is_empty()) else { return };
    comment.heading(3, &title(undone));
    let left = left(undone);
    let reasons: String = left
        .iter()
        .map(|(why, left)| row(&[&count(left.settings), words::stays_word(*why), &words::stays(*why)]))
        .collect();
    comment.add(&format!("| Settings | Reason | Meaning |\n| ---: | --- | --- |\n{reasons}\n"));
    for (why, Left { settings: _, by_name }) in left.into_iter().filter(|(why, _)| names(*why)) {
        let total = by_name.len();
        let rows: Vec<_> = by_name
            .into_iter()
            .take(details)
            .map(|((name, _), is)| row(&[&code(name), &is.join("; ")]))
            .collect();
        let summary = format!("{}: {}", words::stays_word(why), count(total as u64));
        comment.folded(&summary, &["Who", "Setting"], &rows, total);
    }
}
