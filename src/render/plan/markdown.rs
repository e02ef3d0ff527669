//! Writes a plan as Markdown for a pull-request comment: the last line first, then what a reviewer must see.

use std::collections::BTreeMap;

use super::told::{self, Place, belongs, deviations, group_lines, names_people, outside_by_person, refusals};
use super::{Block, Steps, Voice, last_line, mark, mark_of_group, undone};
use crate::plan::guard::Objection;
use crate::plan::{LeftAlone, Plan, Reason, Target};
use crate::render::inert::{code, html};
use crate::render::markdown::{Comment, row};
use crate::render::number::{count, counted, moment, people};
use crate::render::{change, licensing, objection, waves, words};

/// Is the most people that one folded table shows, so that one group cannot crowd out the others.
const ROWS: usize = 100;

/// Writes a plan as Markdown, below 60,000 characters.
///
/// Names stand in code spans, in which nothing is a link, a mention or HTML. `details` says how many people each
/// table shows, up to a hundred; what does not fit is left out in whole tables, and the text says so.
pub fn markdown(plan: &Plan, objections: &[Objection], details: usize) -> String {
    comment(plan, objections, details, Voice::Plan, &last_line(plan))
}

/// Writes everything that a plan says, with the last line given.
pub(in crate::render) fn comment(
    plan: &Plan,
    objections: &[Objection],
    details: usize,
    voice: Voice,
    last: &str,
) -> String {
    let details = details.min(ROWS);
    let mut comment = Comment::default();
    comment.heading(2, &format!("{} {}", voice.of_tenant(), code(&plan.basis.tenant_name)));
    comment.add(&format!("**{last}**\n\n"));
    let digest: String = plan.basis.manifest.chars().take(12).collect();
    let read = moment(plan.basis.read_at);
    let undoes = undone::undone(plan).map(|run| format!(", {}", undone::undoes(run))).unwrap_or_default();
    let (tenant, digest) = (plan.basis.tenant, code(&digest));
    comment.add(&format!("Tenant `{tenant}`, read {read}{undoes}, manifest {digest}.\n\n"));
    if let Some(rollout) = &plan.rollout {
        comment.add(&format!("{}.\n\n", waves::line(rollout, code)));
    }
    if plan.hash.is_sealed() {
        comment.add(&format!("Plan `{}`.\n\n", plan.hash));
    }
    let unmet: Vec<_> = told::notes(plan, Place::Objection).map(|note| words::note(note, code)).collect();
    if !unmet.is_empty() {
        comment.heading(3, "Asked for, and not brought about by this plan");
        comment.list(unmet);
    }
    if !objections.is_empty() {
        comment.heading(3, "Needs consent before anything of this plan is done");
        comment.list(objections.iter().map(|objection| {
            format!(
                "**!** {}; {}.",
                objection::sentence(objection, code),
                objection::remedy_of(plan, objection.class)
            )
        }));
    }
    outside(&mut comment, plan, details);
    quarantined(&mut comment, plan, details);
    steps(&mut comment, plan, details, voice);
    let groups = group_lines(plan, code);
    if !groups.is_empty() {
        comment.heading(3, "Groups");
        comment.list(groups);
    }
    left_alone(&mut comment, plan, details);
    undone::markdown(&mut comment, plan, details);
    unknown(&mut comment, plan);
    let notes: Vec<_> = told::notes(plan, Place::Aside).map(|note| words::note(note, code)).collect();
    if !notes.is_empty() {
        comment.heading(3, "Notes");
        comment.list(notes);
    }
    comment.end()
}

fn outside(comment: &mut Comment, plan: &Plan, details: usize) {
    if plan.outside_changes.is_empty() {
        return;
    }
    let total = counted(plan.outside_changes.len() as u64, "setting", "settings");
    comment.heading(3, &format!("Changed by others since the last apply: {total}"));
    let (tenant, by_person) = outside_by_person(&plan.outside_changes, code);
    if !tenant.is_empty() {
        comment.list(tenant);
    }
    if !by_person.is_empty() {
        let rows: Vec<_> = by_person
            .iter()
            .take(details)
            .map(|((upn, _), changes)| row(&[&code(upn), &changes.join(", ")]))
            .collect();
        let summary = people(by_person.len() as u64);
        comment.folded(&summary, &["Person", "Change"], &rows, by_person.len());
    }
}

fn quarantined(comment: &mut Comment, plan: &Plan, details: usize) {
    let (tenant, people) = told::quarantined(plan);
    if tenant.is_empty() && people.is_empty() {
        return;
    }
    comment.heading(3, told::QUARANTINED);
    comment.add(&format!("To go on: {}.\n\n", told::QUARANTINE_REMEDY));
    if !tenant.is_empty() {
        comment.list(tenant);
    }
    if !people.is_empty() {
        let rows: Vec<_> = people.iter().take(details).map(|(upn, how)| row(&[&code(upn), how])).collect();
        let summary = counted(people.len() as u64, "setting", "settings");
        comment.folded(&summary, &["Person", "Setting"], &rows, people.len());
    }
}

fn steps(comment: &mut Comment, plan: &Plan, details: usize, voice: Voice) {
    let arranged = Steps::of(&plan.operations);
    let mut moves = plan.moves_with_default.as_ref();
    for (index, step) in arranged.steps.iter().enumerate() {
        comment.heading(3, &voice.step(index + 1, step.phase));
        if !step.tenant.is_empty() {
            comment.list(step.tenant.iter().filter_map(|operation| match &operation.target {
                Target::Tenant(setting) => Some(format!(
                    "`{}` {}",
                    mark(operation).symbol(),
                    change::change(setting.word(), operation)
                )),
                Target::Person(_) => None,
            }));
            if voice == Voice::Plan
                && let Some(moves) = moves.take()
            {
                comment.add(&format!("{}.\n\n", words::moves_with_default(moves)));
            }
        }
        let groups = plan.licensing_groups.iter().filter(|group| group.phase() == step.phase);
        let groups: Vec<_> = groups
            .map(|group| format!("`{}` {}", mark_of_group(group).symbol(), licensing::change(group, code)))
            .collect();
        if !groups.is_empty() {
            comment.list(groups);
        }
        for block in &step.blocks {
            if let Some(why) = told::opted_in_again(plan, block, code) {
                comment.add(&format!("{}: {why}.\n\n", code(block.group)));
            }
            people_of(comment, &arranged, block, details);
        }
    }
}

fn people_of(comment: &mut Comment, arranged: &Steps<'_>, block: &Block<'_>, details: usize) {
    let rows: Vec<_> = arranged
        .people(block)
        .take(details)
        .map(|(upn, operations)| {
            let label = operations.iter().find_map(|(_, operation)| words::label(operation.because));
            row(&[&code(upn), &change::changes(operations), label.unwrap_or_default()])
        })
        .collect();
    let held = belongs(block);
    let summary = format!(
        "<code>{}</code> {}: {} {held} {}",
        block.mark.symbol(),
        block.lead.word(),
        people(block.len() as u64),
        if block.group.is_empty() { "no group".to_owned() } else { html(block.group) }
    );
    comment.folded(&summary, &["Person", "Change", "Why"], &rows, block.len());
}

fn left_alone(comment: &mut Comment, plan: &Plan, details: usize) {
    let total: u64 = plan.summary.left_alone.values().sum();
    if total == 0 {
        return;
    }
    comment
        .heading(3, &format!("Left alone: {} of {} in scope", count(total), people(plan.summary.in_scope)));
    let reasons: String = plan
        .summary
        .left_alone
        .iter()
        .map(|(reason, number)| row(&[&count(*number), words::reason_word(*reason), words::reason(*reason)]))
        .collect();
    comment.add(&format!("| People | Reason | Meaning |\n| ---: | --- | --- |\n{reasons}\n"));
    let mut named: BTreeMap<Reason, Vec<&LeftAlone>> = BTreeMap::new();
    for person in plan.left_alone.iter().filter(|person| names_people(person.reason)) {
        named.entry(person.reason).or_default().push(person);
    }
    for (reason, persons) in named {
        let rows: Vec<_> = persons
            .iter()
            .take(details)
            .map(|person| row(&[&code(&person.upn), &deviations(person, code)]))
            .collect();
        let summary = format!("{}: {}", words::reason_word(reason), people(persons.len() as u64));
        comment.folded(&summary, &["Person", "Setting"], &rows, persons.len());
    }
}

fn unknown(comment: &mut Comment, plan: &Plan) {
    let notes = told::notes(plan, Place::Unknown).map(|note| words::note(note, code));
    let refusals = refusals(plan).into_iter().map(|((kind, message), number)| {
        format!("{}: {}: {}", people(number), words::refusal(kind), code(message))
    });
    let all: Vec<_> = notes.chain(refusals).collect();
    if !all.is_empty() {
        comment.heading(3, "Unknown, and therefore left alone");
        comment.list(all);
    }
}
