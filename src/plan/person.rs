//! Decides about one person: first as a whole, then setting by setting.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::consent::{lifted, opts_in_again};
use super::explain::Decision;
use super::hold::{Deviations, Holding};
use super::look::DefaultNow;
use super::routes::Routes;
use super::service_plan::{self, ModeAhead, PlanJudgement};
use super::tenant::TenantVerdict;
use super::verdict::{Case, Verdict, decide};
use super::{Because, Context, LicenceChange, Reason};
use crate::model::{
    ActualPerson, ActualState, BySetting, Catalogue, DesiredGroup, DesiredState, Feature, GroupId, Kind,
    Known, Ledger, Mark, Mode, OnUserChoice, PersonId, PersonRecord, RefusalKind, ServicePlan, Setting,
    Settle, Value,
};

/// Is what every person of one plan is judged with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bench<'a> {
    pub(super) tenant: &'a TenantVerdict,
    /// Which licensing groups may change as a whole.
    pub(super) routes: &'a Routes,
    pub(super) catalogue: &'a Catalogue,
    pub(super) settle: Settle,
    pub(super) re_pin: bool,
    /// The manifest in force.
    pub(super) manifest: Mark,
    pub(super) now: Timestamp,
    pub(super) as_of: Timestamp,
    /// What the manifest accepts.
    pub(super) deviations: &'a Deviations<'a>,
    /// Since when decisions to opt people in again are known.
    pub(super) re_opt_ins: &'a BTreeMap<Mark, Timestamp>,
}

impl<'a> Bench<'a> {
    /// Lays out what everybody is judged with.
    pub(super) fn new(
        tenant: &'a TenantVerdict,
        routes: &'a Routes,
        deviations: &'a Deviations<'a>,
        desired: &DesiredState,
        actual: &'a ActualState,
        ledger: &'a Ledger,
        context: &Context,
    ) -> Self {
        let Context { now, as_of, manifest: _, store: _, keeps_ledger: _, newest_run: _, re_pin, speed: _ } =
            context;
        Self {
            tenant,
            routes,
            catalogue: &actual.catalogue,
            settle: desired.settle,
            re_pin: *re_pin,
            manifest: context.mark(),
            now: *now,
            as_of: *as_of,
            deviations,
            re_opt_ins: &ledger.re_opt_ins,
        }
    }
}

/// Is what follows for one person.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// By setting; `None` for a setting that is neither managed nor remembered.
    pub(super) settings: BySetting<Option<Verdict>>,
    /// The products to write for the service plan, if it is set.
    pub(super) licences: Vec<LicenceChange>,
    /// Whether the service plan waits until the opt-out was read back.
    pub(super) after_opt_out: bool,
    /// The licensing groups to change for all of their members, sorted.
    pub(super) through: Vec<GroupId>,
    /// The licensing groups that stand against the service plan, sorted.
    pub(super) inherited_from: Vec<GroupId>,
    /// Settings that we had written and that somebody else changed.
    pub(super) returned: Vec<Setting>,
    /// Settings that came back too often, with when they did.
    pub(super) quarantined: Vec<(Setting, Vec<Timestamp>)>,
    /// Whether the person is, or after this plan will be, opted out.
    pub(super) opted_out: bool,
    /// Why the person as a whole is left alone, if so.
    pub(super) whole: Option<Reason>,
}

impl Judgement {
    /// Gives the reason that weighs most, for a person without any operation.
    pub(super) fn reason(&self) -> Reason {
        let of_settings = self.settings.iter().filter_map(|(_, verdict)| match verdict.as_ref()?.decision {
            Decision::Leave(Reason::Released) | Decision::Set { .. } => None,
            Decision::Leave(reason) => Some(reason),
        });
        self.whole.or_else(|| of_settings.min()).unwrap_or(Reason::InSync)
    }

    /// Lists what is to be written.
    pub(super) fn sets(&self) -> impl Iterator<Item = (Setting, Value, Because)> {
        self.settings.iter().filter_map(|(setting, verdict)| match verdict.as_ref()?.decision {
            Decision::Set { to, because } => Some((setting, to, because)),
            Decision::Leave(_) => None,
        })
    }
}

/// Says why a person as a whole is left alone, whatever the settings are.
pub(super) fn left_alone_as_a_whole(
    person: &ActualPerson,
    certain: bool,
    protected: bool,
    closed: bool,
) -> Option<Reason> {
    if !certain {
        Some(Reason::Unknown)
    } else if person.kind == Kind::Guest {
        Some(Reason::Guest)
    } else if !person.enabled {
        Some(Reason::Disabled)
    } else if protected {
        Some(Reason::Protected)
    } else if closed {
        Some(Reason::OutsideWindow)
    } else if !person.mailbox {
        Some(Reason::NoMailbox)
    } else {
        None
    }
}

/// Says whether a person has personal insights by licence; without it, nothing can be granted.
pub(super) fn holds_plan(person: &ActualPerson, catalogue: &Catalogue) -> bool {
    matches!(person.licences.service_plan(catalogue), Some(ServicePlan::Assigned | ServicePlan::Partial))
}

/// Says whether a person's settings were refused because there is no licence; with one, a refusal explains nothing.
fn is_refused_for_lack_of_licence(person: &ActualPerson, catalogue: &Catalogue) -> bool {
    let forbidden = matches!(&person.settings, Known::Unknown(why) if why.kind == RefusalKind::Forbidden);
    forbidden && !holds_plan(person, catalogue)
}

/// Says whether nobody knows what this person has, although it matters.
pub(super) fn is_unknown(person: &ActualPerson, catalogue: &Catalogue) -> bool {
    match &person.settings {
        Known::Is(_) => false,
        Known::Unknown(why) => {
            why.kind != RefusalKind::NotAsked && !is_refused_for_lack_of_licence(person, catalogue)
        }
    }
}

/// Judges one person whom a group holds.
pub(super) fn judge(
    bench: &Bench<'_>,
    group: &DesiredGroup,
    id: PersonId,
    person: &ActualPerson,
    record: Option<&PersonRecord>,
    whole: Option<Reason>,
) -> Judgement {
    // What could not be read weighs more than that nothing may be changed now: somebody has to look into it.
    let unknown =
        || person.mailbox && judge(bench, group, id, person, record, None).reason() == Reason::Unknown;
    let whole = if whole == Some(Reason::OutsideWindow) && unknown() { Some(Reason::Unknown) } else { whole };
    if whole.is_some() {
        let opted_out = person.settings.known().is_some_and(|settings| settings.mode == Mode::OptOut);
        return Judgement { opted_out, whole, ..Judgement::default() };
    }
    let mut judgement = Judgement::default();
    let holds_plan = holds_plan(person, bench.catalogue);
    let values = person.values(bench.catalogue);
    let entry = |setting| record.and_then(|record| *record.settings.get(setting));
    let case = |setting, default| Case {
        setting,
        want: *group.wants.get(setting),
        have: values.get(setting).known().copied().flatten(),
        default,
        entry: entry(setting),
        opted_out: false,
        on_user_choice: group.on_user_choice,
        re_pin: bench.re_pin,
        manifest: bench.manifest,
        settle: bench.settle.person,
        now: bench.now,
    };
    let refused_for_lack_of_licence =
        !holds_plan && matches!(&person.settings, Known::Unknown(why) if why.kind == RefusalKind::Forbidden);
    let gate = |mut verdict: Verdict| {
        verdict.decision = match verdict.decision {
            Decision::Set { to: Value::OPT_IN | Value::ON, because: _ } if !holds_plan => {
                Decision::Leave(Reason::Unlicensed)
            }
            Decision::Leave(Reason::Unknown) if refused_for_lack_of_licence => {
                Decision::Leave(Reason::Unlicensed)
            }
            decision @ (Decision::Set { .. } | Decision::Leave(_)) => decision,
        };
        verdict
    };

    let holding = Holding { deviations: bench.deviations, id, record, now: bench.now };
    let held = |case: &Case, verdict: Verdict| holding.hold(case.setting, case.have, gate(verdict));

    let mode = case(Setting::Mode, Some(DefaultNow::MODE));
    let decided = (mode.want.is_some() || mode.entry.is_some()).then(|| {
        let verdict = decide(&mode);
        let floor = verdict.decision == Decision::Leave(Reason::ConsentFloor);
        let again = group.re_opt_in.as_ref().filter(|_| floor && mode.want == Some(Value::OPT_IN));
        let meets = again
            .is_some_and(|rule| opts_in_again(rule, bench.re_opt_ins, record, bench.as_of.max(bench.now)));
        held(&mode, if meets { lifted(verdict) } else { verdict })
    });
    judgement.settings.mode = decided;
    let goes = decided.and_then(|verdict| match verdict.decision {
        Decision::Set { to, because: _ } => Some(to),
        Decision::Leave(_) => None,
    });
    // An opt-out of ours that does not show yet counts as well, whether or not anybody heard that it was taken.
    let on_its_way = decided.is_some_and(|verdict| {
        let settling = verdict.decision == Decision::Leave(Reason::Settling);
        settling && verdict.entry.is_some_and(|entry| entry.is_being_written(Value::OPT_OUT))
    });
    let opted_out = on_its_way || goes.or(mode.have) == Some(Value::OPT_OUT);
    judgement.opted_out = opted_out;
    for feature in Feature::ALL {
        let setting = feature.setting();
        let default = bench.tenant.defaults.get(&feature).copied();
        let case = Case { opted_out, ..case(setting, default) };
        if case.want.is_none() && case.entry.is_none() {
            continue;
        }
        let verdict = held(&case, decide(&case));
        let held_as_it_is =
            || case.have.is_some_and(|have| holding.holds(setting, have, false, &verdict).is_some());
        let verdict =
            if goes == Some(Value::OPT_IN) { with_opt_in(verdict, &case, held_as_it_is()) } else { verdict };
        *judgement.settings.get_mut(setting) = Some(verdict);
    }
    let ahead = ModeAhead { have: mode.have, decision: decided.map(|verdict| verdict.decision) };
    let plan = service_plan::judge(bench, group, person, entry(Setting::ServicePlan), ahead, &holding);
    let PlanJudgement { verdict, licences, after_opt_out, through, inherited_from } = plan;
    judgement.settings.service_plan = verdict;
    for (setting, verdict) in judgement.settings.iter() {
        let Some(verdict) = verdict else { continue };
        if holding.comes_back(setting, verdict) {
            judgement.returned.push(setting);
        }
        if verdict.decision == Decision::Leave(Reason::Quarantined) {
            judgement.quarantined.push((setting, holding.history(setting, verdict)));
        }
    }
    Judgement { licences, after_opt_out, through, inherited_from, ..judgement }
}

/// States a feature again beside an opt-in, which leaves the features in no known state.
///
/// What the person chose is stated as chosen, unless the group overrides choices; what is held is stated as it is.
fn with_opt_in(verdict: Verdict, case: &Case, held: bool) -> Verdict {
    let (Some(want), Some(have)) = (case.want, case.have) else { return verdict };
    let respects = case.on_user_choice == OnUserChoice::Respect;
    let to = match (verdict.decision, verdict.entry) {
        (Decision::Set { .. } | Decision::Leave(_), _) if held => have,
        (Decision::Leave(Reason::OwnChoice | Reason::RolledBack), _) => have,
        (_, Some(entry)) if entry.chosen && respects => entry.value,
        (Decision::Set { .. } | Decision::Leave(_), _) => want,
    };
    Verdict { decision: Decision::Set { to, because: Because::WithOptIn }, ..verdict }
}
