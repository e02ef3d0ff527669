//! Writes a plan as text: objections, changes made outside, the steps, who is left alone, what is unknown, one last line.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::told::{self, Place, belongs, deviations, group_lines, names_people, outside_by_person, refusals};
use super::{Block, Lead, Steps, Voice, last_line, mark, mark_of_group, undone};
use crate::model::Class;
use crate::plan::guard::Objection;
use crate::plan::{LeftAlone, Operation, OutsideChange, Plan, Reason, Target};
use crate::render::inert::{self, elide, inert};
use crate::render::number::{count, counted, day, moment, people};
use crate::render::page::{Line, Mark, Page};
use crate::render::style::Meaning;
use crate::render::{Look, change, licensing, objection, words};

pub(super) fn text(out: &mut dyn Write, plan: &Plan, objections: &[Objection], look: Look) -> io::Result<()> {
    body(out, plan, objections, look, Voice::Plan, &last_line(plan))
}

/// Writes everything that a plan says, with the last line given.
pub(in crate::render) fn body(
    out: &mut dyn Write,
    plan: &Plan,
    objections: &[Objection],
    look: Look,
    voice: Voice,
    last: &str,
) -> io::Result<()> {
    let mut page = Page::new(out, look);
    header(&mut page, plan, voice)?;
    unmet(&mut page, plan)?;
    refused(&mut page, plan, objections)?;
    outside(&mut page, &plan.outside_changes)?;
    quarantined(&mut page, plan)?;
    changes(&mut page, plan, objections, voice)?;
    groups(&mut page, plan)?;
    left_alone(&mut page, plan)?;
    undone::text(&mut page, plan, |page, left| {
        let (total, left) = (left.len(), left.iter().map(|(name, is)| (*name, is.clone(), "")));
        rows(page, 8, total, left)
    })?;
    unknown(&mut page, plan)?;
    notes(&mut page, plan)?;
    page.legend()?;
    page.last(last)
}

fn header(page: &mut Page<'_>, plan: &Plan, voice: Voice) -> io::Result<()> {
    let basis = &plan.basis;
    let name = inert::quoted(&basis.tenant_name);
    page.line(
        0,
        &Line::default()
            .with(Meaning::Heading, format!("{} {name}", voice.of_tenant()))
            .with(Meaning::Quiet, format!(" (tenant {})", basis.tenant)),
    )?;
    let mut facts = vec![format!("read {}", moment(basis.read_at))];
    if day(basis.as_of) != day(basis.read_at) {
        facts.push(format!("as of {}", day(basis.as_of)));
    }
    facts.extend(undone::undone(plan).map(undone::undoes));
    let digest: String = basis.manifest.chars().take(12).collect();
    facts.push(format!("manifest {}", inert(&digest)));
    if voice == Voice::Drift {
        facts.push("what is → what the manifest asks".to_owned());
    }
    page.line(0, &Line::default().with(Meaning::Quiet, facts.join(", ")))?;
    if plan.hash.is_sealed() {
        page.line(0, &Line::default().with(Meaning::Quiet, format!("plan {}", plan.hash)))?;
    }
    Ok(())
}

fn unmet(page: &mut Page<'_>, plan: &Plan) -> io::Result<()> {
    let mut notes = told::notes(plan, Place::Objection).peekable();
    if notes.peek().is_none() {
        return Ok(());
    }
    page.heading("Asked for, and not brought about by this plan")?;
    for note in notes {
        page.hanging(2, 4, &Line::of(format!("•\u{a0}{}", words::note(note, inert::quoted))))?;
    }
    Ok(())
}

fn refused(page: &mut Page<'_>, plan: &Plan, objections: &[Objection]) -> io::Result<()> {
    if objections.is_empty() {
        return Ok(());
    }
    page.heading("Needs consent before anything of this plan is done")?;
    for objection in objections {
        let line = Line::of(format!("{}.", objection::sentence(objection, inert::quoted)));
        page.marked(2, Mark::Consent, line)?;
        page.hanging(4, 6, &hint(&objection::remedy_of(plan, objection.class)))?;
    }
    Ok(())
}

fn hint(text: &str) -> Line {
    Line::default().with(Meaning::Hint, "hint: ").plain(text)
}

/// Shows up to `details` rows of a name and what belongs to it, aligned, and says how many more there are.
fn rows<'r>(
    page: &mut Page<'_>,
    indent: usize,
    total: usize,
    rows: impl Iterator<Item = (&'r str, String, &'static str)>,
) -> io::Result<()> {
    let room = page.look.width / 2;
    let shown: Vec<_> =
        if page.look.details >= total { rows.collect() } else { rows.take(page.look.details).collect() };
    let longest = shown.iter().map(|(name, ..)| inert::width(&inert(name))).max().unwrap_or(0);
    let columns = longest.min(room.saturating_sub(indent)).max(12);
    for (name, what, label) in &shown {
        let name = inert(name);
        let mut line =
            Line::default().column(Meaning::Plain, &elide(&name, columns), columns + 2).plain(what.clone());
        if !label.is_empty() {
            line = line.with(Meaning::Quiet, format!(" ({})", label.replace(' ', "\u{a0}")));
        }
        page.hanging(indent, indent + columns + 2, &line)?;
    }
    if total > shown.len() {
        let more = count((total - shown.len()) as u64);
        let line = format!("… and {more} more (--verbose shows all; --format csv lists everybody)");
        page.line(indent, &Line::default().with(Meaning::Quiet, line))?;
    }
    Ok(())
}

fn outside(page: &mut Page<'_>, changes: &[OutsideChange]) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let total = counted(changes.len() as u64, "setting", "settings");
    page.heading(&format!("Changed by others since the last apply: {total}"))?;
    let (tenant, by_person) = outside_by_person(changes, inert::quoted);
    for change in tenant {
        page.marked(2, Mark::Changed, Line::of(change))?;
    }
    if by_person.is_empty() {
        return Ok(());
    }
    page.marked(2, Mark::Changed, Line::of(people(by_person.len() as u64)))?;
    let total = by_person.len();
    rows(page, 6, total, by_person.into_iter().map(|((upn, _), changes)| (upn, changes.join(", "), "")))
}

fn quarantined(page: &mut Page<'_>, plan: &Plan) -> io::Result<()> {
    let (tenant, people) = told::quarantined(plan);
    if tenant.is_empty() && people.is_empty() {
        return Ok(());
    }
    page.heading(told::QUARANTINED)?;
    for line in tenant {
        page.hanging(2, 4, &Line::of(line))?;
    }
    let total = people.len();
    rows(page, 2, total, people.into_iter().map(|(upn, how)| (upn, how, "")))?;
    page.hanging(2, 4, &hint(told::QUARANTINE_REMEDY))
}

fn changes(page: &mut Page<'_>, plan: &Plan, objections: &[Objection], voice: Voice) -> io::Result<()> {
    let arranged = Steps::of(&plan.operations);
    let mut moves = plan.moves_with_default.as_ref();
    for (index, step) in arranged.steps.iter().enumerate() {
        page.heading(&voice.step(index + 1, step.phase))?;
        let columns = step.tenant.iter().map(|operation| name(&operation.target).len()).max().unwrap_or(0);
        for operation in &step.tenant {
            let line = Line::default()
                .column(Meaning::Plain, name(&operation.target), columns + 2)
                .plain(change::becomes(operation));
            page.marked(2, mark(operation), line)?;
        }
        if !step.tenant.is_empty()
            && voice == Voice::Plan
            && let Some(moves) = moves.take()
        {
            let line = Line::of(words::moves_with_default(moves));
            if objections.iter().any(|objection| objection.class == Class::Defaults) {
                page.marked(2, Mark::Consent, line)?;
            } else {
                page.hanging(4, 4, &line)?;
            }
        }
        for group in plan.licensing_groups.iter().filter(|group| group.phase() == step.phase) {
            page.marked(2, mark_of_group(group), Line::of(licensing::change(group, inert::quoted)))?;
        }
        for block in &step.blocks {
            show(page, plan, &arranged, block, objections)?;
        }
    }
    Ok(())
}

fn show(
    page: &mut Page<'_>,
    plan: &Plan,
    arranged: &Steps<'_>,
    block: &Block<'_>,
    objections: &[Objection],
) -> io::Result<()> {
    let group = if block.group.is_empty() { "no group".to_owned() } else { inert::quoted(block.group) };
    let held = belongs(block);
    let total = people(block.len() as u64);
    let mut line = Line::default()
        .with(block.mark.meaning(), block.lead.word())
        .plain(format!(": {total} {held} "))
        .with(Meaning::Heading, group);
    let refused =
        |operation: &Operation| objections.iter().any(|objection| objection.class == operation.class);
    if arranged.people(block).flat_map(|(_, operations)| operations).any(|(_, operation)| refused(operation))
    {
        let symbol = page.uses(Mark::Consent);
        line = line.with(Meaning::Consent, format!("  {symbol}"));
    }
    page.marked(2, block.mark, line)?;
    if let Some(why) = told::opted_in_again(plan, block, inert::quoted) {
        page.hanging(4, 6, &Line::of(why))?;
    }
    rows(
        page,
        6,
        block.len(),
        arranged.people(block).map(|(upn, operations)| {
            let label = match block.lead {
                Lead::Recorded | Lead::Pinned => None,
                Lead::Class(_) => {
                    operations.iter().find_map(|(_, operation)| words::label(operation.because))
                }
            };
            (upn, change::changes(operations), label.unwrap_or_default())
        }),
    )
}

fn name(target: &Target) -> &'static str {
    match target {
        Target::Tenant(setting) => setting.word(),
        Target::Person(person) => person.setting.word(),
    }
}

fn groups(page: &mut Page<'_>, plan: &Plan) -> io::Result<()> {
    let lines = group_lines(plan, inert::quoted);
    if lines.is_empty() {
        return Ok(());
    }
    page.heading("Groups")?;
    let shown = page.look.details.min(lines.len());
    for line in &lines[..shown] {
        page.line(2, &Line::of(line))?;
    }
    if lines.len() > shown {
        let more = format!("… and {} more", count((lines.len() - shown) as u64));
        page.line(2, &Line::default().with(Meaning::Quiet, more))?;
    }
    Ok(())
}

fn left_alone(page: &mut Page<'_>, plan: &Plan) -> io::Result<()> {
    let counts = &plan.summary.left_alone;
    let total: u64 = counts.values().sum();
    if total == 0 {
        return Ok(());
    }
    page.heading(&format!("Left alone: {} of {} in scope", count(total), people(plan.summary.in_scope)))?;
    let number_columns = counts.values().map(|number| count(*number).len()).max().unwrap_or(0);
    let word_columns = counts.keys().map(|reason| words::reason_word(*reason).len()).max().unwrap_or(0);
    let mut named: BTreeMap<Reason, Vec<&LeftAlone>> = BTreeMap::new();
    for person in plan.left_alone.iter().filter(|person| names_people(person.reason)) {
        named.entry(person.reason).or_default().push(person);
    }
    for (reason, number) in counts {
        let (symbol, meaning) = match reason {
            Reason::ConsentFloor => (page.uses(Mark::Consent), Meaning::Consent),
            Reason::Unknown => (page.uses(Mark::Unknown), Meaning::Unknown),
            Reason::InSync => (page.uses(Mark::InSync), Meaning::Quiet),
            Reason::NotFound
            | Reason::Guest
            | Reason::Disabled
            | Reason::Protected
            | Reason::OutsideWindow
            | Reason::NoMailbox
            | Reason::Unlicensed
            | Reason::Quarantined
            | Reason::RolledBack
            | Reason::Accepted
            | Reason::OwnChoice
            | Reason::InheritedLicence
            | Reason::OptedOut
            | Reason::Settling
            | Reason::DefaultSettling
            | Reason::DefaultMoved
            | Reason::MovesWithDefault
            | Reason::Released => ("\u{a0}", Meaning::Plain),
        };
        let line = Line::default()
            .with(meaning, format!("{symbol}\u{a0}"))
            .right(Meaning::Plain, &count(*number), number_columns)
            .plain("\u{a0}\u{a0}")
            .column(meaning, words::reason_word(*reason), word_columns + 2);
        let hang = 2 + line.width();
        page.hanging(2, hang, &line.with(Meaning::Quiet, words::reason(*reason)))?;
        if let Some(people) = named.get(reason) {
            let shown = people.iter().map(|person| (&*person.upn, deviations(person, inert::quoted), ""));
            rows(page, 6 + number_columns, people.len(), shown)?;
        }
    }
    Ok(())
}

fn unknown(page: &mut Page<'_>, plan: &Plan) -> io::Result<()> {
    let refusals = refusals(plan);
    let mut notes = told::notes(plan, Place::Unknown).peekable();
    if refusals.is_empty() && notes.peek().is_none() {
        return Ok(());
    }
    page.heading("Unknown, and therefore left alone")?;
    for note in notes {
        page.marked(2, Mark::Unknown, Line::of(words::note(note, inert::quoted)))?;
    }
    let total = refusals.len();
    for ((kind, message), number) in refusals.into_iter().take(page.look.details) {
        let line = format!("{}: {}: {}", people(number), words::refusal(kind), inert::quoted(message));
        page.marked(2, Mark::Unknown, Line::of(line))?;
    }
    if total > page.look.details {
        let more = format!("… and {} more answers", count((total - page.look.details) as u64));
        page.line(4, &Line::default().with(Meaning::Quiet, more))?;
    }
    Ok(())
}

fn notes(page: &mut Page<'_>, plan: &Plan) -> io::Result<()> {
    let mut notes = told::notes(plan, Place::Aside).peekable();
    if notes.peek().is_none() {
        return Ok(());
    }
    page.heading("Notes")?;
    for note in notes {
        page.hanging(2, 4, &Line::of(format!("•\u{a0}{}", words::note(note, inert::quoted))))?;
    }
    Ok(())
}
