//! Decides about the service plan, which is nobody's choice: only licences carry it, and only an administrator acts.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::explain::Decision;
use super::person::Bench;
use super::verdict::Verdict;
use super::{Because, LicenceChange, Reason};
use crate::model::{ActualPerson, Catalogue, DesiredGroup, Entry, GroupId, ServicePlan, Value};

/// Is what follows for the service plan of one person.
#[derive(Debug, Default)]
pub(super) struct PlanJudgement {
    /// `None` when it is neither managed nor remembered.
    pub(super) verdict: Option<Verdict>,
    /// The products to write, if it is set.
    pub(super) licences: Vec<LicenceChange>,
    /// Whether it waits until the opt-out was read back.
    pub(super) after_opt_out: bool,
    /// The licensing groups that stand against it, sorted.
    pub(super) inherited_from: Vec<GroupId>,
}

/// Is what follows for the mode of the same person, which a removal waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct ModeAhead {
    /// What is.
    pub(super) have: Option<Value>,
    /// What the mode's verdict is, if the mode is managed or remembered.
    pub(super) decision: Option<Decision>,
}

/// Judges the service plan.
pub(super) fn judge(
    bench: &Bench<'_>,
    group: &DesiredGroup,
    person: &ActualPerson,
    entry: Option<Entry>,
    mode: ModeAhead,
) -> PlanJudgement {
    let left = |reason, entry| {
        let verdict = Verdict::of_plan(Decision::Leave(reason), entry);
        PlanJudgement { verdict: Some(verdict), ..PlanJudgement::default() }
    };
    let want = match group.wants.service_plan {
        Some(Value::ServicePlan(want)) => want,
        Some(Value::Mode(_) | Value::Switch(_) | Value::Rate(_)) | None => {
            let Some(entry) = entry else { return PlanJudgement::default() };
            return left(Reason::Released, Some(Entry { released: true, ..entry }));
        }
    };
    let Some(have) = person.licences.service_plan(bench.catalogue) else {
        return left(Reason::Unlicensed, entry);
    };
    let settle = bench.settle.service_plan;
    let looked = look(entry, Value::ServicePlan(have), settle, bench.now);
    // What we never wrote, or saw confirmed, and is otherwise now, somebody else changed.
    let moved = |entry: Entry| entry.value != Value::ServicePlan(have) && looked.value != entry.value;
    let changed_outside =
        entry.is_some_and(|entry| moved(entry) && (entry.confirmed || entry.written().is_none()));
    let with = |judgement: PlanJudgement| PlanJudgement {
        verdict: judgement.verdict.map(|verdict| Verdict { changed_outside, ..verdict }),
        ..judgement
    };
    if have == want {
        return with(left(Reason::InSync, Some(Entry { released: false, ..looked })));
    }
    let young = bench.now.duration_since(looked.at) < settle;
    let unseen = looked.written() == Some(Value::ServicePlan(want)) && !looked.confirmed && young;
    if unseen || looked.tried.is_some() {
        return with(left(Reason::Settling, Some(looked)));
    }
    let changes = licence_changes(person, bench.catalogue, want);
    let inherited_from = inherited(person, bench.catalogue, want, changes.is_empty());
    if !inherited_from.is_empty() {
        return PlanJudgement { inherited_from, ..with(left(Reason::InheritedLicence, Some(looked))) };
    }
    if changes.is_empty() {
        // Nothing of the person's own could change it: the licence itself does not work.
        return with(left(Reason::Unlicensed, Some(looked)));
    }
    let after_opt_out = want == ServicePlan::Removed && group.wants.mode == Some(Value::OPT_OUT);
    if after_opt_out
        && mode.have != Some(Value::OPT_OUT)
        && let Some(reason) = mode.stays()
    {
        // Once the plan is gone the person cannot undo an opt-in of their own, so the opt-out goes first.
        return with(left(reason, Some(looked)));
    }
    let decision = Decision::Set { to: Value::ServicePlan(want), because: Because::Differs };
    let verdict = Some(Verdict::of_plan(decision, Some(looked)));
    with(PlanJudgement { verdict, licences: changes, after_opt_out, inherited_from })
}

impl ModeAhead {
    /// Says why the person will not be opted out, if so.
    fn stays(self) -> Option<Reason> {
        match self.decision {
            Some(Decision::Set { to: Value::OPT_OUT, because: _ }) => None,
            Some(Decision::Set { .. }) | None => Some(Reason::Unknown),
            Some(Decision::Leave(reason)) => Some(reason),
        }
    }
}

/// Finds the groups that stand against a change: those that hand the plan down, or that alone could switch it on.
fn inherited(
    person: &ActualPerson,
    catalogue: &Catalogue,
    want: ServicePlan,
    nothing_direct: bool,
) -> Vec<GroupId> {
    let mut groups: Vec<GroupId> = match want {
        ServicePlan::Removed => person.licences.inherited_on(catalogue).map(|(_, group)| group).collect(),
        ServicePlan::Assigned | ServicePlan::Partial if nothing_direct => {
            let carries = |sku| catalogue.skus.get(&sku).is_some_and(|sku| !sku.insights.is_empty());
            let sources = person.licences.0.iter().filter(|source| carries(source.sku));
            sources.filter_map(|source| source.by_group).collect()
        }
        ServicePlan::Assigned | ServicePlan::Partial => Vec::new(),
    };
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Brings the entry of a service plan up to date; it has no default, and is no person's choice.
fn look(entry: Option<Entry>, have: Value, settle: SignedDuration, now: Timestamp) -> Entry {
    let entry = super::look::settle_tried(entry, have, settle, now);
    let Some(entry) = entry else { return Entry::seen(have, None, false, now) };
    if entry.value == have {
        return Entry { confirmed: entry.written().is_some(), ..entry };
    }
    // A try that is still remembered is young: an older one has just been settled.
    let unconfirmed = entry.written().is_some() && !entry.confirmed;
    if entry.tried.is_some() || (unconfirmed && now.duration_since(entry.at) < settle) {
        return entry;
    }
    Entry { found: entry.found, released: entry.released, ..Entry::seen(have, None, false, now) }
}

/// Lists the direct assignments to write, each with the list of disabled plans that replaces the one found.
pub(super) fn licence_changes(
    person: &ActualPerson,
    catalogue: &Catalogue,
    want: ServicePlan,
) -> Vec<LicenceChange> {
    let mut changes: Vec<LicenceChange> = person
        .licences
        .direct(catalogue)
        .filter_map(|(source, insights)| {
            let mut after = source.disabled.clone();
            match want {
                ServicePlan::Removed => after.extend(insights),
                ServicePlan::Assigned | ServicePlan::Partial => after.retain(|plan| !insights.contains(plan)),
            }
            after.sort_unstable();
            after.dedup();
            let name = Arc::clone(&catalogue.skus.get(&source.sku)?.name);
            (after != source.disabled).then(|| LicenceChange {
                sku: source.sku,
                name,
                disabled_before: source.disabled.clone(),
                disabled_after: after,
            })
        })
        .collect();
    changes.sort_by_key(|change| change.sku);
    changes
}
