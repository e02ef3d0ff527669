//! Writes the comment at the top of the script: what a reviewer reads before anybody runs it.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::Handover;
use crate::model::{Class, PersonId};
use crate::plan::{Phase, Target};
use crate::render::number::{count, counted, moment, people};
use crate::render::{inert, words};

/// Writes the header, each line a comment of its own, in which nothing ends the comment.
pub(super) fn header(handover: &Handover<'_>) -> String {
    let basis = &handover.plan.basis;
    let mut lines = vec![
        format!("Plan      {}", handover.plan.hash),
        format!("Tenant    {} ({})", inert::quoted(&basis.tenant_name), basis.tenant),
        format!("Planned   from what was read at {}", moment(basis.read_at)),
        format!("Holds     until {}, and writes nothing after it", moment(handover.bounds.not_after)),
        "          (the plan's age, consent to it, the next closing of a window or begin of a freeze)"
            .to_owned(),
        format!("Manifest  sha256:{}", inert::quoted(&basis.manifest)),
        format!("Written   by insightctl {}", env!("CARGO_PKG_VERSION")),
        format!("Calls     {} or more, one after the other", count(calls(handover))),
        String::new(),
        "What it does, in this order; each step looks first, and leaves alone what is no longer as planned:"
            .to_owned(),
    ];
    let work = Work::of(handover);
    if handover.is_empty() {
        lines.push("  nothing".to_owned());
    }
    for (phase, operations) in &work.operations {
        let operations = counted(*operations, "operation", "operations");
        lines.push(format!("  {}: {operations}", words::phase(*phase)));
    }
    if !work.classes.is_empty() {
        lines.push(String::new());
        lines.push("Whom it touches, by class of change:".to_owned());
    }
    for (class, touched) in &work.classes {
        let mut parts = Vec::new();
        if !touched.people.is_empty() {
            parts.push(people(touched.people.len() as u64));
        }
        if touched.defaults > 0 {
            parts.push(words::tenant_settings(touched.defaults));
        }
        lines.push(format!("  {class}: {}", parts.join(", ")));
    }
    lines.push(String::new());
    if handover.people_left_out > 0 {
        let number = people(handover.people_left_out);
        lines.push(format!("Left out of it: {number} no longer as planned, or protected by now."));
    }
    if handover.defaults_left_out > 0 {
        let number = count(handover.defaults_left_out);
        lines.push(format!(
            "Left out of it: {number} of the tenant's defaults, which somebody else has changed."
        ));
    }
    lines.extend(WHAT_IT_WILL_NOT_DO.map(str::to_owned));
    if handover.licences() > 0 {
        lines.extend(ON_LICENCES.map(str::to_owned));
    }
    lines.extend(HOW_TO_RUN_IT.map(str::to_owned));
    let mut text = String::new();
    for line in lines {
        text.push_str("# ");
        text.push_str(&line);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// Counts the calls where nothing has to be repeated: each write, and a look before and after each step.
fn calls(handover: &Handover<'_>) -> u64 {
    handover.calls() + 2 * handover.len()
}

/// Counts what a script does.
struct Work {
    operations: BTreeMap<Phase, u64>,
    classes: BTreeMap<Class, Touched>,
}

/// Is whom and what a class of change touches.
#[derive(Default)]
struct Touched {
    people: BTreeSet<PersonId>,
    defaults: u64,
}

impl Work {
    fn of(handover: &Handover<'_>) -> Self {
        let mut work = Self { operations: BTreeMap::new(), classes: BTreeMap::new() };
        for operation in handover.operations() {
            *work.operations.entry(operation.phase).or_default() += 1;
            let touched = work.classes.entry(operation.class).or_default();
            match &operation.target {
                Target::Tenant(_) => touched.defaults += 1,
                Target::Person(person) => {
                    touched.people.insert(person.id);
                }
            }
        }
        work
    }
}

const WHAT_IT_WILL_NOT_DO: [&str; 9] = [
    "What it will not do: touch anybody or anything that does not stand in the file of steps beside it; write for",
    "somebody whose settings it could not read, or who has changed them since the plan; switch a default while a",
    "value that is to outlive it does not stand; remove a service plan before the opt-out shows; ask for, hold or write a secret.",
    "",
    "The moment between its look and its write is not guarded: the service has no conditional write.",
    "The script was checked against a grammar of PowerShell, and never run against Microsoft 365.",
    "",
    "Needs: Windows PowerShell 5.1 or PowerShell 7, the module ExchangeOnlineManagement 3.2.0 or later, and an",
    "account with the role Exchange Administrator, Insights Administrator or Global Administrator.",
];

const ON_LICENCES: [&str; 4] = [
    "For the service plans it also needs the module Microsoft.Graph.Authentication 2.0.0 or later, and the scopes",
    "User.Read.All and LicenseAssignment.ReadWrite.All. With -WithoutLicences they are left alone.",
    "Where both modules do not load side by side, run it twice: first so, and then in a new window with both, which",
    "does only what is left.",
];

const HOW_TO_RUN_IT: [&str; 7] = [
    "",
    "Run it in the folder of both files; NAME is this file's name without its ending:",
    "  ./NAME.ps1 -WhatIf     looks, and writes nothing",
    "  ./NAME.ps1             does it; run it again to go on where it stopped",
    "and hand the results back, or insightctl takes all of it for somebody else's changes:",
    "  insightctl record NAME.results.csv --plan PLAN.json",
    "",
];
