//! Arranges a plan's operations for reading: by step, by class and group, one line per person.

use std::ops::Range;

use super::mark;
use crate::model::{Class, PersonId};
use crate::plan::{Because, Operation, PersonTarget, Phase, Target};
use crate::render::page::Mark;

/// Is the kind of change that a block shows: what its people are counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::render) enum Lead {
    /// Opt-outs that a script had written, and that go now.
    Recorded,
    /// A class of change.
    Class(Class),
    /// Values that stay as they are and are written to outlive a default.
    Pinned,
}

impl Lead {
    fn of(operation: &Operation) -> Self {
        match operation.because {
            Because::Recorded => Self::Recorded,
            Because::Pinned => Self::Pinned,
            Because::RePin
            | Because::ManifestChanged
            | Because::DidNotTake
            | Because::Overridden
            | Because::FirstTouch
            | Because::WithOptIn
            | Because::Differs
            | Because::Restored
            | Because::ReOptIn
            | Because::RolledBack => Self::Class(operation.class),
        }
    }

    /// Gives the word that heads a block; but for recorded opt-outs, the last line of a plan uses it too.
    pub(in crate::render) fn word(self) -> &'static str {
        match self {
            Self::Recorded => "opt-in, where a script had opted out",
            Self::Class(class) => class.word(),
            Self::Pinned => "pinned",
        }
    }
}

/// Is one step of a plan, carried out before the next begins.
#[derive(Debug)]
pub(in crate::render) struct Step<'a> {
    pub(in crate::render) phase: Phase,
    pub(in crate::render) tenant: Vec<&'a Operation>,
    pub(in crate::render) blocks: Vec<Block<'a>>,
}

/// Is one kind of change in one group within a step.
#[derive(Debug)]
pub(in crate::render) struct Block<'a> {
    pub(in crate::render) lead: Lead,
    pub(in crate::render) group: &'a str,
    pub(in crate::render) mark: Mark,
    people: Vec<Line<'a>>,
}

#[derive(Debug)]
struct Line<'a> {
    lead: Lead,
    group: &'a str,
    upn: &'a str,
    operations: Range<usize>,
}

/// Holds a plan's operations in reading order.
#[derive(Debug)]
pub(in crate::render) struct Steps<'a> {
    by_person: Vec<(&'a PersonTarget, &'a Operation)>,
    pub(in crate::render) steps: Vec<Step<'a>>,
}

impl<'a> Steps<'a> {
    /// Arranges operations; costs as much as sorting them.
    pub(in crate::render) fn of(operations: &'a [Operation]) -> Self {
        let mut tenant = Vec::new();
        let mut by_person = Vec::with_capacity(operations.len());
        for operation in operations {
            match &operation.target {
                Target::Tenant(_) => tenant.push(operation),
                Target::Person(target) => by_person.push((target, operation)),
            }
        }
        let key = |(target, operation): &(&PersonTarget, &Operation)| -> (Phase, PersonId) {
            (operation.phase, target.id)
        };
        by_person.sort_by_key(|item| (key(item), item.0.setting));

        let mut lines: Vec<(Phase, Line<'a>)> = Vec::new();
        let mut start = 0;
        for run in by_person.chunk_by(|a, b| key(a) == key(b)) {
            let operations = start..start + run.len();
            start = operations.end;
            let (target, first) = run[0];
            let leads = || run.iter().map(|(_, operation)| Lead::of(operation));
            // Whoever is opted in against an earlier opt-out is shown by that, whatever else comes with it.
            let again = leads().find(|lead| *lead == Lead::Class(Class::ReOptIn));
            let lead = again.or_else(|| leads().min()).unwrap_or(Lead::of(first));
            lines.push((first.phase, Line { lead, group: &target.group, upn: &target.upn, operations }));
        }
        lines.sort_by_key(|(phase, line)| (*phase, line.lead, line.group, line.upn));

        let mut steps: Vec<Step<'a>> = Phase::ALL
            .into_iter()
            .map(|phase| Step {
                phase,
                tenant: tenant.iter().copied().filter(|operation| operation.phase == phase).collect(),
                blocks: Vec::new(),
            })
            .collect();
        for (phase, line) in lines {
            let Some(step) = steps.iter_mut().find(|step| step.phase == phase) else { continue };
            let marks = by_person[line.operations.clone()].iter().map(|(_, operation)| mark(operation));
            let mark = united(marks);
            match step.blocks.last_mut() {
                Some(block) if (block.lead, block.group) == (line.lead, line.group) => {
                    block.mark = united([block.mark, mark]);
                    block.people.push(line);
                }
                _ => step.blocks.push(Block { lead: line.lead, group: line.group, mark, people: vec![line] }),
            }
        }
        steps.retain(|step| !step.tenant.is_empty() || !step.blocks.is_empty());
        Self { by_person, steps }
    }

    /// Walks over a block's people and what is done for each, in display order.
    pub(in crate::render) fn people<'s>(
        &'s self,
        block: &'s Block<'a>,
    ) -> impl Iterator<Item = (&'a str, &'s [(&'a PersonTarget, &'a Operation)])> + 's {
        block.people.iter().map(|line| (line.upn, &self.by_person[line.operations.clone()]))
    }
}

impl Block<'_> {
    /// Counts the people.
    pub(in crate::render) fn len(&self) -> usize {
        self.people.len()
    }
}

/// Finds one symbol for several: theirs if they agree, that of a change otherwise; what stays does not count.
fn united(marks: impl IntoIterator<Item = Mark>) -> Mark {
    marks.into_iter().fold(Mark::InSync, |one, other| match (one, other) {
        (Mark::InSync, mark) | (mark, Mark::InSync) => mark,
        (one, other) if one == other => one,
        (_, _) => Mark::Changed,
    })
}
