//! Decides about the service plan, which is nobody's choice: only licences carry it, and only an administrator acts.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::explain::Decision;
use super::hold::Holding;
use super::person::Bench;
use super::verdict::Verdict;
use super::{Because, LicenceChange, Reason};
use crate::model::{
    ActualPerson, Catalogue, DesiredGroup, Entry, GroupId, ServicePlan, ServicePlanId, Setting, Sku, SkuId,
    Value,
};

/// Is what follows for the service plan of one person.
#[derive(Debug, Default)]
pub(super) struct PlanJudgement {
    /// `None` when it is neither managed nor remembered.
    pub(super) verdict: Option<Verdict>,
    /// The products to write, if it is set.
    pub(super) licences: Vec<LicenceChange>,
    /// Whether it waits until the opt-out was read back.
    pub(super) after_opt_out: bool,
    /// The licensing groups to change for all of their members, sorted.
    pub(super) through: Vec<GroupId>,
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
    holding: &Holding<'_>,
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
    let settle = bench.settle.of(Setting::ServicePlan, entry.as_ref());
    let looked = look(entry, Value::ServicePlan(have), settle, bench.now);
    // What we never wrote, or saw confirmed, and is otherwise now, somebody else changed.
    let moved = |entry: Entry| {
        let ours = entry.tried.is_some_and(|tried| tried.value == Value::ServicePlan(have));
        entry.value != Value::ServicePlan(have) && looked.value != entry.value && !ours
    };
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
    if looked.is_undone(Value::ServicePlan(have), bench.manifest) {
        return with(left(Reason::RolledBack, Some(looked)));
    }
    let changes = licence_changes(person, bench.catalogue, want);
    let groups = inherited(person, bench.catalogue, want, changes.is_empty());
    let unworkable = changes.is_empty() && groups.is_empty();
    let through = bench.routes.choose(groups, want == ServicePlan::Removed);
    let differs = Decision::Set { to: Value::ServicePlan(want), because: Because::Differs };
    let verdict = Verdict { changed_outside, ..Verdict::of_plan(differs, Some(looked)) };
    let verdict = holding.hold(Setting::ServicePlan, Some(Value::ServicePlan(have)), verdict);
    if verdict.decision != differs && !unworkable {
        return PlanJudgement { verdict: Some(verdict), ..PlanJudgement::default() };
    }
    let through = match through {
        Ok(through) => through,
        Err(inherited_from) => {
            return PlanJudgement { inherited_from, ..with(left(Reason::InheritedLicence, Some(looked))) };
        }
    };
    if unworkable {
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
    PlanJudgement {
        verdict: Some(verdict),
        licences: changes,
        after_opt_out,
        through,
        inherited_from: Vec::new(),
    }
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
            person.licences.handed_down_by(catalogue).collect()
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
        .filter_map(|(source, sku)| with_plans(source.sku, sku, &source.disabled, want))
        .collect();
    changes.sort_by_key(|change| change.sku);
    changes
}

/// Switches the insights of a product on or off; `None` where that is so already.
///
/// All else that is disabled stays so, except what the product no longer contains: the directory refuses the id of a
/// plan that is not part of the product.
pub(super) fn with_plans(
    id: SkuId,
    sku: &Sku,
    disabled: &[ServicePlanId],
    want: ServicePlan,
) -> Option<LicenceChange> {
    let Sku { name, insights, mailbox: _, plans } = sku;
    let is_off = |plan: &ServicePlanId| disabled.contains(plan);
    let wanted_off = want == ServicePlan::Removed;
    if insights.iter().all(|plan| is_off(plan) == wanted_off) {
        return None;
    }
    let stays_off = |plan: &&ServicePlanId| is_off(plan) && !insights.contains(plan);
    let mut after: Vec<_> = plans.iter().filter(stays_off).copied().collect();
    if wanted_off {
        after.extend(insights);
    }
    after.sort_unstable();
    Some(LicenceChange {
        sku: id,
        name: Arc::clone(name),
        disabled_before: disabled.to_vec(),
        disabled_after: after,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::*;
    use crate::model::{
        BySetting, Kind, Known, Licences, Mark, Mode, OnLeave, OnUserChoice, PersonId, Settings, Settle,
        Source, Switch, Tried,
    };
    use crate::plan::hold::Deviations;
    use crate::plan::routes::Routes;
    use crate::plan::tenant::TenantVerdict;

    const E3: SkuId = SkuId(Uuid::from_u128(3));
    const E5: SkuId = SkuId(Uuid::from_u128(5));
    const P2: ServicePlanId = ServicePlanId(Uuid::from_u128(20));
    const FULL: ServicePlanId = ServicePlanId(Uuid::from_u128(21));
    const TEAMS: ServicePlanId = ServicePlanId(Uuid::from_u128(30));
    const SALES: GroupId = GroupId(Uuid::from_u128(40));

    fn direct(sku: SkuId, disabled: &[ServicePlanId]) -> Source {
        Source { sku, by_group: None, disabled: disabled.to_vec(), active: true }
    }

    fn inherited(sku: SkuId, disabled: &[ServicePlanId]) -> Source {
        Source { by_group: Some(SALES), ..direct(sku, disabled) }
    }

    fn judged(want: Value, mode: Option<Value>, ahead: ModeAhead, sources: &[Source]) -> PlanJudgement {
        remembering(None, want, mode, ahead, sources)
    }

    fn remembering(
        entry: Option<Entry>,
        want: Value,
        mode: Option<Value>,
        ahead: ModeAhead,
        sources: &[Source],
    ) -> PlanJudgement {
        let sku = |name: &str, insights: &[ServicePlanId]| Sku {
            name: name.into(),
            insights: insights.to_vec(),
            mailbox: Vec::new(),
            plans: insights.iter().copied().chain([TEAMS]).collect(),
        };
        let catalogue = Catalogue {
            skus: BTreeMap::from([(E3, sku("E3", &[P2])), (E5, sku("E5", &[P2, FULL]))]),
            groups: BTreeMap::new(),
        };
        let tenant = TenantVerdict::default();
        let now = Timestamp::UNIX_EPOCH;
        let settle = Settle::default();
        let (deviations, re_opt_ins) = (Deviations::default(), BTreeMap::new());
        let routes = Routes::default();
        let bench = Bench {
            routes: &routes,
            tenant: &tenant,
            catalogue: &catalogue,
            settle,
            re_pin: false,
            manifest: Mark::of("version: 1\n"),
            now,
            as_of: now,
            deviations: &deviations,
            re_opt_ins: &re_opt_ins,
        };
        let group = DesiredGroup {
            name: "contractors".into(),
            wants: BySetting { mode, service_plan: Some(want), ..BySetting::default() },
            on_user_choice: OnUserChoice::Respect,
            on_leave: OnLeave::Keep,
            named: None,
            re_opt_in: None,
            closed: None,
        };
        let on = Switch::On;
        let settings = Settings { mode: Mode::OptIn, dashboard: on, digest_email: on, outlook_add_in: on };
        let person = ActualPerson {
            upn: "kofi@contoso.com".into(),
            kind: Kind::Member,
            enabled: true,
            mailbox: true,
            licences: Arc::new(Licences(sources.to_vec())),
            settings: Known::Is(settings),
        };
        let id = PersonId(Uuid::from_u128(1));
        let holding = Holding { deviations: &deviations, id, record: None, now };
        judge(&bench, &group, &person, entry, ahead, &holding)
    }

    const NO_MODE: ModeAhead = ModeAhead { have: Some(Value::OPT_IN), decision: None };

    fn reason(judgement: &PlanJudgement) -> Option<Reason> {
        match judgement.verdict?.decision {
            Decision::Leave(reason) => Some(reason),
            Decision::Set { .. } => None,
        }
    }

    fn written(judgement: &PlanJudgement) -> Vec<(SkuId, Vec<ServicePlanId>)> {
        judgement.licences.iter().map(|change| (change.sku, change.disabled_after.clone())).collect()
    }

    #[test]
    fn every_sku_that_carries_it_is_switched_off_and_what_was_off_stays_off() {
        let judgement = judged(Value::REMOVED, None, NO_MODE, &[direct(E5, &[TEAMS]), direct(E3, &[])]);
        assert_eq!(written(&judgement), [(E3, vec![P2]), (E5, vec![P2, FULL, TEAMS])]);
        assert!(!judgement.after_opt_out);
    }

    #[test]
    fn assigning_switches_on_what_the_person_already_holds_and_nothing_else() {
        let judgement = judged(Value::ASSIGNED, None, NO_MODE, &[direct(E5, &[P2, FULL, TEAMS])]);
        assert_eq!(written(&judgement), [(E5, vec![TEAMS])]);
        let one_is_enough = [direct(E5, &[P2, FULL]), direct(E3, &[])];
        assert_eq!(reason(&judged(Value::ASSIGNED, None, NO_MODE, &one_is_enough)), Some(Reason::InSync));
        assert_eq!(reason(&judged(Value::ASSIGNED, None, NO_MODE, &[])), Some(Reason::Unlicensed));
    }

    #[test]
    fn what_a_group_hands_down_is_left_alone_whole_and_the_group_is_named() {
        let judgement = judged(Value::REMOVED, None, NO_MODE, &[direct(E3, &[]), inherited(E5, &[])]);
        assert_eq!(reason(&judgement), Some(Reason::InheritedLicence));
        assert_eq!((judgement.inherited_from.as_slice(), judgement.licences.len()), (&[SALES][..], 0));
        let off_already = [direct(E3, &[]), inherited(E5, &[P2, FULL])];
        assert_eq!(written(&judged(Value::REMOVED, None, NO_MODE, &off_already)), [(E3, vec![P2])]);
        let off_by_group = judged(Value::ASSIGNED, None, NO_MODE, &[inherited(E5, &[P2, FULL])]);
        assert_eq!(reason(&off_by_group), Some(Reason::InheritedLicence));
    }

    #[test]
    fn a_write_that_nobody_heard_of_and_that_shows_is_nobody_elses_change() {
        let ago = |hours| Timestamp::UNIX_EPOCH - SignedDuration::from_hours(hours);
        let tried = |hours| Some(Tried { value: Value::REMOVED, at: ago(hours) });
        let entry = |hours, by_group| {
            let seen = Entry::seen(Value::ASSIGNED, None, false, ago(90));
            Some(Entry { tried: tried(hours), by_group, ..seen })
        };
        let shows = [direct(E3, &[P2])];
        let told = |entry| {
            let judgement = remembering(entry, Value::REMOVED, None, NO_MODE, &shows);
            (reason(&judgement), judgement.verdict.unwrap().changed_outside)
        };
        assert_eq!(told(entry(2, false)), (Some(Reason::InSync), false));
        assert_eq!(told(entry(25, true)), (Some(Reason::InSync), false));
        let seen = Entry::seen(Value::ASSIGNED, None, false, ago(90));
        assert_eq!(told(Some(seen)), (Some(Reason::InSync), true), "without a try, somebody else did it");
        let still_on = remembering(entry(2, true), Value::REMOVED, None, NO_MODE, &[direct(E3, &[])]);
        assert_eq!(reason(&still_on), Some(Reason::Settling), "a group has a day");
    }

    #[test]
    fn a_licence_that_does_not_work_is_none() {
        let broken = Source { active: false, ..direct(E3, &[]) };
        let judgement = judged(Value::ASSIGNED, None, NO_MODE, &[broken]);
        assert_eq!((reason(&judgement), judgement.inherited_from), (Some(Reason::Unlicensed), vec![]));
    }

    #[test]
    fn removal_waits_for_the_opt_out_and_stays_away_if_there_is_none() {
        let out = Some(Value::OPT_OUT);
        let goes = Decision::Set { to: Value::OPT_OUT, because: Because::FirstTouch };
        let ahead = |have, decision| ModeAhead { have: Some(have), decision: Some(decision) };
        let e3 = [direct(E3, &[])];
        let judgement = judged(Value::REMOVED, out, ahead(Value::OPT_IN, goes), &e3);
        assert!(judgement.after_opt_out && !judgement.licences.is_empty());
        let stays = Decision::Leave(Reason::OwnChoice);
        let judgement = judged(Value::REMOVED, out, ahead(Value::OPT_IN, stays), &e3);
        assert_eq!((reason(&judgement), judgement.licences.len()), (Some(Reason::OwnChoice), 0));
        let is_out = Decision::Leave(Reason::InSync);
        let judgement = judged(Value::REMOVED, out, ahead(Value::OPT_OUT, is_out), &e3);
        assert!(judgement.after_opt_out, "somebody may opt in again before it is carried out");
    }
}
