//! What the text and the Markdown of a plan both tell.

use std::collections::BTreeMap;

use crate::model::{Class, Overlap, PersonId, RefusalKind};
use crate::plan::{Deviation, Leaving, LeftAlone, Note, OutsideChange, Phase, Plan, Reason, Target};
use crate::render::number::{count, list, people};
use crate::render::words::{self, Quote};
use crate::render::{agreed, who};

use super::{Block, Lead};

/// Says what a rendering is for, which decides a few headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) enum Voice {
    /// What will be done.
    Plan,
    /// What differs.
    Drift,
}

impl Voice {
    /// Begins the title, before the tenant's name.
    pub(super) fn of_tenant(self) -> &'static str {
        match self {
            Self::Plan => "Plan for",
            Self::Drift => "Drift of",
        }
    }

    /// Titles one step; those who only look are told what differs instead.
    pub(super) fn step(self, number: usize, phase: Phase) -> String {
        match self {
            Self::Plan => format!("Step {number}: {}", words::phase(phase)),
            Self::Drift => format!("Differs: {}", words::differs(phase)),
        }
    }
}

/// Says how the people of a block belong to its group.
pub(super) fn belongs(block: &Block<'_>) -> &'static str {
    match block.lead {
        Lead::Class(Class::Restore) => "who left",
        Lead::Recorded | Lead::Class(_) | Lead::Pinned => "in",
    }
}

/// Is what others changed: of the tenant, and of each person, as words.
type Outside<'a> = (Vec<String>, BTreeMap<(&'a str, PersonId), Vec<String>>);

/// Gathers the changes that others made, by person.
pub(super) fn outside_by_person(changes: &[OutsideChange], quote: Quote) -> Outside<'_> {
    let mut tenant = Vec::new();
    let mut by_person: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for OutsideChange { target, was, is, by } in changes {
        let by = who::aside(by.as_deref(), quote);
        match target {
            Target::Tenant(setting) => {
                tenant.push(format!("tenant's {setting}\u{a0}{was}\u{a0}→\u{a0}{is}{by}"));
            }
            Target::Person(person) => {
                let change = format!("{}\u{a0}{was}\u{a0}→\u{a0}{is}{by}", person.setting);
                by_person.entry((&*person.upn, person.id)).or_default().push(change);
            }
        }
    }
    (tenant, by_person)
}

/// Says who left or moved, and which groups share people.
pub(super) fn group_lines(plan: &Plan, quote: Quote) -> Vec<String> {
    let leaving = plan.leaving.iter().filter(|leaving| leaving.left > 0 || !leaving.moved.is_empty());
    let leaving = leaving.map(|Leaving { group, held, left, moved }| {
        let left = (*left > 0).then(|| format!("{} of them left", count(*left)));
        let moved = moved.iter().map(|(to, number)| format!("{} moved to {}", count(*number), quote(to)));
        let parts: Vec<_> = left.into_iter().chain(moved).collect();
        format!("{} held {} when last applied; {}", quote(group), people(*held), list(&parts))
    });
    leaving.chain(plan.overlaps.iter().map(|shared| overlap(shared, quote))).collect()
}

/// Says who decides for the people whom two groups name.
pub(super) fn overlap(overlap: &Overlap, quote: Quote) -> String {
    let Overlap { winner, loser, people: shared, same_outcome } = overlap;
    let outcome = if *same_outcome { "both ask for the same" } else { "they ask for different things" };
    let (winner, loser) = (quote(winner), quote(loser));
    format!("{winner} decides for {} whom {loser} names too; {outcome}", people(*shared))
}

/// Says whether the people left alone for a reason are named, since a reviewer would ask who they are.
pub(super) fn names_people(reason: Reason) -> bool {
    match reason {
        Reason::Unknown
        | Reason::NotFound
        | Reason::Quarantined
        | Reason::RolledBack
        | Reason::Accepted
        | Reason::ConsentFloor
        | Reason::OwnChoice
        | Reason::InheritedLicence
        | Reason::DefaultMoved => true,
        Reason::Guest
        | Reason::Disabled
        | Reason::Protected
        | Reason::OutsideWindow
        | Reason::NoMailbox
        | Reason::Unlicensed
        | Reason::OptedOut
        | Reason::Settling
        | Reason::DefaultSettling
        | Reason::MovesWithDefault
        | Reason::Released
        | Reason::InSync => false,
    }
}

/// Says how a person differs from the manifest: `mode is opt-out, not opt-in`.
pub(super) fn deviations(person: &LeftAlone, quote: Quote) -> String {
    if person.settings.is_empty() {
        return format!("in {}", quote(&person.group));
    }
    let parts: Vec<_> = person
        .settings
        .iter()
        .map(|Deviation { setting, want, have, reason: _, ours_released, until, by }| {
            let ours = if *ours_released { " (ours, released)" } else { "" };
            let until = until.map(|until| format!(", until {}", agreed::until(until))).unwrap_or_default();
            let by = who::aside(by.as_deref(), quote);
            format!("{setting}\u{a0}is\u{a0}{have}, not\u{a0}{want}{ours}{until}{by}")
        })
        .collect();
    parts.join("; ")
}

/// Counts the people who could not be read, by what the service said.
pub(super) fn refusals(plan: &Plan) -> BTreeMap<(RefusalKind, &str), u64> {
    let mut refusals = BTreeMap::new();
    for refusal in plan.left_alone.iter().filter_map(|person| person.refusal.as_deref()) {
        *refusals.entry((refusal.kind, refusal.message.as_str())).or_insert(0) += 1;
    }
    refusals
}

/// Says why a block's people are opted in although they had opted out, if they are.
pub(super) fn opted_in_again(plan: &Plan, block: &Block<'_>, quote: Quote) -> Option<String> {
    if block.lead != Lead::Class(Class::ReOptIn) {
        return None;
    }
    notes(plan, Place::Beside).find_map(|note| {
        let Note::OptsInAgain { group, reason, until } = note else { return None };
        (**group == *block.group).then(|| agreed::opts_in_again(reason, *until, quote))
    })
}

/// Splits what came back too often: defaults of the tenant, and settings of people with their names.
pub(super) fn quarantined(plan: &Plan) -> (Vec<String>, Vec<(&str, String)>) {
    let mut tenant = Vec::new();
    let mut people = Vec::new();
    for held in &plan.quarantined {
        let how = agreed::quarantined(held);
        match &held.target {
            Target::Tenant(setting) => tenant.push(format!("tenant's {setting}\u{a0}{how}")),
            Target::Person(person) => people.push((&*person.upn, format!("{}\u{a0}{how}", person.setting))),
        }
    }
    (tenant, people)
}

/// Heads what came back too often.
pub(super) const QUARANTINED: &str = "Quarantined, since it came back three times within 30 days";

/// Advises what to do about it.
pub(super) const QUARANTINE_REMEDY: &str =
    "find out who or what changes it back; `insightctl release` lets it be written again";

/// Says where in a plan a note belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the top: the manifest asks for something that this plan does not bring about.
    Objection,
    /// With what is unknown.
    Unknown,
    /// Beside the people whom it concerns.
    Beside,
    /// At the end.
    Aside,
}

/// Gathers the notes of one place.
pub(super) fn notes(plan: &Plan, at: Place) -> impl Iterator<Item = &Note> {
    plan.notes.iter().filter(move |note| place(note) == at)
}

fn place(note: &Note) -> Place {
    match note {
        Note::PlanInherited { .. }
        | Note::DefaultHeldBack { .. }
        | Note::ProtectedNotFound { .. }
        | Note::AcceptedNotFound { .. }
        | Note::OptsNobodyInAgain { .. }
        | Note::DefaultOutsideWindow { .. }
        | Note::Closed { .. } => Place::Objection,
        Note::OptsInAgain { .. } => Place::Beside,
        Note::Unreadable { .. } | Note::TenantUnreadable { .. } => Place::Unknown,
        Note::DefaultSettling { .. }
        | Note::DefaultRolledBack { .. }
        | Note::RecordedStay { .. }
        | Note::TenantWriteOnly { .. }
        | Note::GroupNowEmpty { .. }
        | Note::RemovedStillCounts { .. }
        | Note::DigestPaused
        | Note::WelcomeMail
        | Note::NoLedger
        | Note::AcceptanceEnds { .. }
        | Note::WhoChanged { .. }
        | Note::RestoreStays { .. } => Place::Aside,
    }
}
