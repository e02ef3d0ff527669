//! Plans how the settings of one person go back.

use std::sync::Arc;

use super::super::explain::Decision;
use super::super::look::settle_tried;
use super::super::person::{Bench, holds_plan, is_unknown, left_alone_as_a_whole};
use super::super::{
    Because, Deed, Deeds, LicenceChange, Operation, PersonDeeds, PersonTarget, Reason, Stays, Target, class,
    phase,
};
use super::groups::Open;
use super::{Undoing, group, undoing, with_default};
use crate::model::{
    ActualPerson, ActualState, BySetting, DesiredState, Entry, Feature, GroupId, Known, Ledger, Licences,
    PersonId, RefusalKind, Setting, Value,
};

/// Says what becomes of one setting.
#[derive(Clone, Copy, Debug)]
pub(super) enum Back {
    /// It is written.
    To(Value),
    /// It stays.
    Stays(Stays),
}

impl Undoing {
    /// Judges everything that the run wrote to one person.
    #[expect(
        clippy::too_many_arguments,
        reason = "the three states, and the run with what may be undone of it"
    )]
    pub(super) fn person(
        &mut self,
        bench: &Bench<'_>,
        deeds: &Deeds,
        done: &PersonDeeds,
        open: &Open,
        desired: &DesiredState,
        actual: &ActualState,
        ledger: &Ledger,
        id: PersonId,
    ) {
        let group = group(desired, ledger, id);
        let person = actual.people.get(&id);
        let upn = person.map_or_else(|| id.to_string().into(), |person| Arc::clone(&person.upn));
        let target = |setting| {
            Target::Person(PersonTarget { upn: Arc::clone(&upn), id, group: Arc::clone(&group), setting })
        };
        let whole = whole(desired, actual, id);
        let Some(person) = person.filter(|_| whole.is_none()) else {
            let why = Stays::Because(whole.unwrap_or(Reason::NotFound));
            for (setting, deed) in done.settings.iter() {
                if let Some(deed) = deed {
                    self.leave(target(setting), deed, None, why);
                }
            }
            return;
        };

        let entry = |setting| ledger.entry(id, setting).copied();
        let values = person.values(bench.catalogue);
        let back = goes_back(bench, deeds, done, open, person, entry);
        let opts = |to| matches!(back.mode, Some(Back::To(mode)) if mode == to);
        let (opts_in, opts_out) = (opts(Value::OPT_IN), opts(Value::OPT_OUT));
        let mode = Decision::Set { to: Value::OPT_IN, because: Because::RolledBack };
        let mut stays_stored = false;
        for (setting, back) in back.iter() {
            let have = values.get(setting).known().copied().flatten();
            match (back, have) {
                (None, _) | (Some(Back::To(_)), None) => {}
                (Some(Back::Stays(why)), _) => {
                    if let Some(deed) = done.settings.get(setting) {
                        self.leave(target(setting), deed, have, *why);
                    }
                }
                (Some(Back::To(to)), Some(from)) => {
                    let licence = setting == Setting::ServicePlan;
                    let was_stored =
                        entry(setting).and_then(|entry| entry.found).is_some_and(|found| found.chosen);
                    stays_stored |= setting.feature().is_some() && !was_stored;
                    let operation = Operation {
                        phase: phase(Because::RolledBack, *to, opts_in.then_some(mode)),
                        target: target(setting),
                        from: Some(from),
                        to: *to,
                        class: class(Because::RolledBack, *to),
                        because: Because::RolledBack,
                        mark: None,
                        licences: if licence { turned(&done.licences) } else { Vec::new() },
                        after_opt_out: *to == Value::REMOVED && opts_out,
                        through: if licence { done.through.clone() } else { Vec::new() },
                    };
                    self.draft.operations.push(undoing(operation, bench.manifest));
                }
            }
        }
        self.draft.restore_stays += u64::from(stays_stored);
    }
}

/// Says what becomes of each setting; a feature that the run did not write is stated beside an opt-in.
fn goes_back(
    bench: &Bench<'_>,
    deeds: &Deeds,
    done: &PersonDeeds,
    open: &Open,
    person: &ActualPerson,
    entry: impl Fn(Setting) -> Option<Entry>,
) -> BySetting<Option<Back>> {
    let mut back: BySetting<Option<Back>> = BySetting::default();
    let values = person.values(bench.catalogue);
    let judged = |setting: Setting| {
        let deed = (*done.settings.get(setting))?;
        Some(judge(bench, person, setting, &deed, values.get(setting), entry(setting)))
    };
    back.service_plan = judged(Setting::ServicePlan).map(|back| match back {
        Back::To(_) if !is_as_left(&person.licences, deeds, done) => Back::Stays(Stays::OtherLicences),
        Back::To(_) if !open.has_all(&done.through) => Back::Stays(Stays::Because(Reason::InheritedLicence)),
        Back::To(_) | Back::Stays(_) => back,
    });
    let plan_comes = matches!(back.service_plan, Some(Back::To(plan)) if plan != Value::REMOVED);
    let licensed = holds_plan(person, bench.catalogue);
    let needs_plan = |back: Back| match back {
        Back::To(Value::OPT_IN | Value::ON) if !licensed => {
            Back::Stays(if plan_comes { Stays::AfterThePlan } else { Stays::Because(Reason::Unlicensed) })
        }
        Back::To(_) | Back::Stays(_) => back,
    };
    back.mode = judged(Setting::Mode).map(needs_plan);
    let mode_goes = match back.mode {
        Some(Back::To(to)) => Some(to),
        Some(Back::Stays(_)) | None => None,
    };
    let is_out = values.mode.known().copied().flatten() == Some(Value::OPT_OUT);
    for feature in Feature::ALL {
        let setting = feature.setting();
        let have = values.get(setting).known().copied().flatten();
        let judged = judged(setting).map(needs_plan);
        *back.get_mut(setting) = match (mode_goes, judged, have) {
            // An opt-in leaves the features in no known state, so each is stated with it.
            // What somebody chose is stated as it is, whatever the default becomes.
            (Some(Value::OPT_IN), None | Some(Back::Stays(_)), Some(have))
                if entry(setting).is_some_and(|entry| entry.chosen) =>
            {
                Some(Back::To(have))
            }
            (Some(Value::OPT_IN), None | Some(Back::Stays(_)), Some(have)) => {
                Some(Back::To(with_default(bench.tenant, feature, have)))
            }
            // Who opted out since is done with features.
            (None, Some(Back::To(_)), _) if is_out => Some(Back::Stays(Stays::Because(Reason::OptedOut))),
            (_, judged, _) => judged,
        };
    }
    back
}

/// Says what becomes of one setting that the run wrote, taken by itself.
fn judge(
    bench: &Bench<'_>,
    person: &ActualPerson,
    setting: Setting,
    deed: &Deed,
    have: &Known<Option<Value>>,
    entry: Option<Entry>,
) -> Back {
    let stays = |reason| Back::Stays(Stays::Because(reason));
    let have = match have {
        Known::Is(Some(have)) => *have,
        Known::Is(None) => return stays(Reason::Unlicensed),
        Known::Unknown(why) => {
            let for_lack_of_it = why.kind == RefusalKind::Forbidden && !holds_plan(person, bench.catalogue);
            return stays(if for_lack_of_it { Reason::Unlicensed } else { Reason::Unknown });
        }
    };
    let Some(before) = deed.from else { return Back::Stays(Stays::NothingKnown) };
    let settle = bench.settle.of(setting, entry.as_ref());
    let entry = settle_tried(entry, have, settle, bench.now);
    let wrote = entry.and_then(|entry| deed.known_as(entry.written(), entry.at));
    if let Some(entry) = entry
        && deed.again.is_none()
        && let young = bench.now.duration_since(entry.at) < settle
        && (entry.tried.is_some()
            || (young && !entry.confirmed && wrote.is_some_and(|wrote| wrote.value != have)))
    {
        return stays(Reason::Settling);
    }
    if deed.to() == Some(before) && have == before {
        return Back::Stays(Stays::WasSo);
    }
    if have == before {
        return Back::Stays(Stays::IsBack);
    }
    if let Some(run) = deed.again {
        return Back::Stays(Stays::WrittenAgain(run));
    }
    if wrote.is_none_or(|wrote| wrote.value != have) {
        let out = have == Value::OPT_OUT;
        return stays(if out { Reason::ConsentFloor } else { Reason::OwnChoice });
    }
    // What the manifest has let go of since is nobody's but the person's.
    if before == Value::OPT_IN && entry.is_some_and(|entry| entry.released) {
        return stays(Reason::ConsentFloor);
    }
    Back::To(before)
}

/// Says whether the products are as the run left them, down to the last plan that is switched off.
fn is_as_left(have: &Licences, deeds: &Deeds, done: &PersonDeeds) -> bool {
    let list = |by_group: Option<GroupId>, change: &LicenceChange| {
        let source = have.0.iter().find(|source| source.by_group == by_group && source.sku == change.sku);
        source.map(|source| source.disabled == change.disabled_after)
    };
    let own = done.licences.iter().all(|change| list(None, change) == Some(true));
    let handed_down =
        deeds.licensing_groups.iter().filter(|group| done.through.contains(&group.id)).all(|group| {
            let lists: Vec<_> =
                group.changes.iter().filter_map(|change| list(Some(group.id), change)).collect();
            !lists.is_empty() && lists.iter().all(|as_left| *as_left)
        });
    !(done.licences.is_empty() && done.through.is_empty()) && own && handed_down
}

/// Says why a person as a whole is left alone, if so.
fn whole(desired: &DesiredState, actual: &ActualState, id: PersonId) -> Option<Reason> {
    // Whom a group that could not be read holds, or protects, nobody knows.
    let held = desired.people.get(&id);
    let certain = held.map_or(desired.unreadable.is_empty(), |held| held.certain);
    let closed = held.is_some_and(|held| desired.group(*held).closed.is_some());
    let protected = desired.protected.contains(&id);
    let person = actual.people.get(&id);
    let Some(person) = person else { return Some(Reason::NotFound) };
    let whole = left_alone_as_a_whole(person, certain, protected, closed);
    let unknown = || person.mailbox && is_unknown(person, &actual.catalogue);
    if whole == Some(Reason::OutsideWindow) && unknown() { Some(Reason::Unknown) } else { whole }
}

/// Says what would become of a person's service plan if every licensing group could change back.
pub(super) fn service_plan_back(
    bench: &Bench<'_>,
    deeds: &Deeds,
    done: &PersonDeeds,
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    id: PersonId,
) -> Option<Back> {
    let person = actual.people.get(&id).filter(|_| whole(desired, actual, id).is_none())?;
    let deed = done.settings.service_plan?;
    let values = person.values(bench.catalogue);
    let entry = ledger.entry(id, Setting::ServicePlan).copied();
    let back = judge(bench, person, Setting::ServicePlan, &deed, &values.service_plan, entry);
    is_as_left(&person.licences, deeds, done).then_some(back)
}

/// Turns changes of products round.
pub(super) fn turned(changes: &[LicenceChange]) -> Vec<LicenceChange> {
    let turn = |change: &LicenceChange| LicenceChange {
        sku: change.sku,
        name: Arc::clone(&change.name),
        disabled_before: change.disabled_after.clone(),
        disabled_after: change.disabled_before.clone(),
    };
    changes.iter().map(turn).collect()
}
