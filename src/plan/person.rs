//! Decides about one person: first as a whole, then setting by setting.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::explain::Decision;
use super::look::DefaultNow;
use super::tenant::TenantVerdict;
use super::verdict::{Case, Verdict, decide};
use super::{Because, LicenceChange, Reason};
use crate::model::{
    ActualPerson, BySetting, Catalogue, DesiredGroup, Entry, Feature, GroupId, Kind, Known, Mode,
    OnUserChoice, PersonRecord, RefusalKind, ServicePlan, Setting, Settle, Value,
};

/// Is what every person of one plan is judged with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bench<'a> {
    pub(super) tenant: &'a TenantVerdict,
    pub(super) catalogue: &'a Catalogue,
    pub(super) settle: Settle,
    pub(super) re_pin: bool,
    pub(super) now: Timestamp,
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
    /// The licensing groups that stand against the service plan.
    pub(super) inherited_from: Vec<GroupId>,
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
pub(super) fn left_alone_as_a_whole(person: &ActualPerson, certain: bool, protected: bool) -> Option<Reason> {
    if !certain {
        Some(Reason::Unknown)
    } else if person.kind == Kind::Guest {
        Some(Reason::Guest)
    } else if !person.enabled {
        Some(Reason::Disabled)
    } else if protected {
        Some(Reason::Protected)
    } else if !person.mailbox {
        Some(Reason::NoMailbox)
    } else {
        None
    }
}

/// Judges one person whom a group holds.
pub(super) fn judge(
    bench: &Bench<'_>,
    group: &DesiredGroup,
    person: &ActualPerson,
    record: Option<&PersonRecord>,
    whole: Option<Reason>,
) -> Judgement {
    if whole.is_some() {
        let opted_out = person.settings.known().is_some_and(|settings| settings.mode == Mode::OptOut);
        return Judgement { opted_out, whole, ..Judgement::default() };
    }
    let mut judgement = Judgement::default();
    let licensed = person.licences.service_plan(bench.catalogue);
    let holds_plan = matches!(licensed, Some(ServicePlan::Assigned | ServicePlan::Partial));
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

    let mode = case(Setting::Mode, Some(DefaultNow::MODE));
    let decided = (mode.want.is_some() || mode.entry.is_some()).then(|| gate(decide(&mode)));
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
        let verdict = gate(decide(&case));
        let verdict = if goes == Some(Value::OPT_IN) { with_opt_in(verdict, &case) } else { verdict };
        *judgement.settings.get_mut(setting) = Some(verdict);
    }
    judge_service_plan(bench, group, person, entry(Setting::ServicePlan), &mut judgement, goes, mode.have);
    judgement
}

/// States a feature again beside an opt-in, which leaves the features in no known state.
///
/// What the person chose is stated as chosen, unless the group overrides choices.
fn with_opt_in(verdict: Verdict, case: &Case) -> Verdict {
    let (Some(want), Some(have)) = (case.want, case.have) else { return verdict };
    let respects = case.on_user_choice == OnUserChoice::Respect;
    let to = match (verdict.decision, verdict.entry) {
        (Decision::Leave(Reason::OwnChoice), _) => have,
        (_, Some(entry)) if entry.chosen && respects => entry.value,
        (Decision::Set { .. } | Decision::Leave(_), _) => want,
    };
    Verdict { decision: Decision::Set { to, because: Because::WithOptIn }, ..verdict }
}

/// Judges the service plan, which only licences decide and only an administrator changes.
fn judge_service_plan(
    bench: &Bench<'_>,
    group: &DesiredGroup,
    person: &ActualPerson,
    entry: Option<Entry>,
    judgement: &mut Judgement,
    mode_goes: Option<Value>,
    mode_have: Option<Value>,
) {
    let want = match group.wants.service_plan {
        Some(Value::ServicePlan(want)) => want,
        Some(Value::Mode(_) | Value::Switch(_) | Value::Rate(_)) | None => {
            let released = entry.map(|entry| Entry { released: true, ..entry });
            judgement.settings.service_plan = released.map(|entry| leave(Reason::Released, Some(entry)));
            return;
        }
    };
    let Some(have) = person.licences.service_plan(bench.catalogue) else {
        judgement.settings.service_plan = Some(leave(Reason::Unlicensed, entry));
        return;
    };
    let looked = look_at_plan(entry, Value::ServicePlan(have), bench.settle.service_plan, bench.now);
    if have == want {
        judgement.settings.service_plan =
            Some(leave(Reason::InSync, Some(Entry { released: false, ..looked })));
        return;
    }
    let young = bench.now.duration_since(looked.at) < bench.settle.service_plan;
    if looked.written() == Some(Value::ServicePlan(want)) && !looked.confirmed && young
        || looked.tried.is_some()
    {
        judgement.settings.service_plan = Some(leave(Reason::Settling, Some(looked)));
        return;
    }
    let changes = licence_changes(person, bench.catalogue, want);
    let inherited: Vec<GroupId> = match want {
        ServicePlan::Removed => {
            person.licences.inherited_on(bench.catalogue).map(|(_, group)| group).collect()
        }
        // A group switches it off, and nothing of the person's own could switch it on.
        ServicePlan::Assigned | ServicePlan::Partial if changes.is_empty() => {
            person.licences.0.iter().filter_map(|source| source.by_group).collect()
        }
        ServicePlan::Assigned | ServicePlan::Partial => Vec::new(),
    };
    if !inherited.is_empty() || changes.is_empty() {
        judgement.inherited_from = inherited;
        judgement.inherited_from.sort_unstable();
        judgement.inherited_from.dedup();
        judgement.settings.service_plan = Some(leave(Reason::InheritedLicence, Some(looked)));
        return;
    }
    // A person without the plan cannot be reached by an opt-out of their own, so the opt-out goes first and must show.
    let opt_out_wanted = group.wants.mode == Some(Value::OPT_OUT);
    if want == ServicePlan::Removed && opt_out_wanted && mode_have != Some(Value::OPT_OUT) {
        if mode_goes != Some(Value::OPT_OUT) {
            let reason = judgement.settings.mode.map_or(Reason::Unknown, |verdict| match verdict.decision {
                Decision::Leave(reason) => reason,
                Decision::Set { .. } => Reason::Unknown,
            });
            judgement.settings.service_plan = Some(leave(reason, Some(looked)));
            return;
        }
        judgement.after_opt_out = true;
    }
    judgement.licences = changes;
    judgement.settings.service_plan = Some(Verdict {
        row: 0,
        decision: Decision::Set { to: Value::ServicePlan(want), because: Because::Differs },
        entry: Some(looked),
        changed_outside: entry
            .is_some_and(|entry| entry.confirmed && entry.value != Value::ServicePlan(have)),
        ours_released: false,
    });
}

fn leave(reason: Reason, entry: Option<Entry>) -> Verdict {
    Verdict { row: 0, decision: Decision::Leave(reason), entry, changed_outside: false, ours_released: false }
}

/// Brings the entry of a service plan up to date; it has no default, and is no person's choice.
fn look_at_plan(entry: Option<Entry>, have: Value, settle: SignedDuration, now: Timestamp) -> Entry {
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
