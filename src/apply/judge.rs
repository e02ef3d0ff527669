//! Decides, right before a write, whether what is there is still what the plan expected.

use std::sync::Arc;

use super::Why;
use crate::model::{
    GroupId, Licences, LicensingGroup, LicensingState, Mode, ServicePlanId, Setting, Settings, SkuId, Switch,
    Value,
};
use crate::plan::{Because, GroupLicences, LicenceChange, Operation, PersonTarget, Target};

/// Says how what is there fits one person's operations of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// They are carried out.
    Write,
    /// Everything is as it should be, by our own doing: an earlier write that has come to show, or a default that
    /// this plan flipped. There is nothing to write.
    Already,
    /// Somebody changed this meanwhile, so that nothing is written for the person.
    Moved {
        /// What changed.
        setting: Setting,
        /// What was found.
        found: Value,
    },
}

/// Knows what our own doing may have made of a setting since the plan was made.
pub(super) trait Expectation {
    /// Says whether this run brought the value about: wrote it, read it back, or moved it with a default.
    fn by_this_run(&self, setting: Setting, from: Option<Value>, have: Value) -> bool;

    /// Says whether an earlier run wrote the value, or tried to.
    fn by_earlier_run(&self, setting: Setting, have: Value) -> bool;

    /// Says whether a run wrote the value after the plan was made, and read it back.
    fn since_the_plan(&self, setting: Setting, have: Value) -> bool;
}

/// Judges the operations of one person on mode and features.
///
/// A value that somebody else has brought to where the plan wants it counts as moved: it is theirs, and the next plan
/// must see it as such. An operation that starts where it ends is there to be written all the same, unless an earlier run
/// of the same plan has done so.
pub(super) fn settings(operations: &[&Operation], have: Settings, expect: &impl Expectation) -> Fit {
    let mut already = 0;
    for operation in operations {
        let Some((setting, have)) = touched(operation, have) else { continue };
        let ours = expect.by_this_run(setting, operation.from, have);
        let moved = Fit::Moved { setting, found: have };
        if have == operation.to && operation.from != Some(operation.to) {
            if ours || expect.by_earlier_run(setting, have) {
                already += 1;
            } else {
                return moved;
            }
        } else if have == operation.to && expect.since_the_plan(setting, have) {
            already += 1;
        } else if !ours && (operation.from != Some(have) || expect.since_the_plan(setting, operation.to)) {
            // Also what was done once, and is as before again: whoever undid it has decided so.
            return moved;
        }
    }
    if has_opted_out(operations, have) && !is_undone_with_it(operations, expect) {
        return Fit::Moved { setting: Setting::Mode, found: Value::OPT_OUT };
    }
    if already == operations.len() { Fit::Already } else { Fit::Write }
}

/// Says whether the person has opted out since, so that switching something on would go against that.
///
/// A plan switches nothing on for somebody who is opted out, unless it opts them in with it or restores what was.
fn has_opted_out(operations: &[&Operation], have: Settings) -> bool {
    have.mode == Mode::OptOut && goes_against_an_opt_out(operations)
}

/// Says whether operations switch something on that an opt-out would settle otherwise.
pub(super) fn goes_against_an_opt_out(operations: &[&Operation]) -> bool {
    let opts = |operation: &&Operation| matches!(operation.to, Value::Mode(_));
    let switches_on =
        |operation: &&Operation| operation.to == Value::ON && operation.because != Because::Restored;
    operations.iter().any(switches_on) && !operations.iter().any(opts)
}

/// Says whether this very run opted the person out, and undoes a run: their features go back with the mode.
fn is_undone_with_it(operations: &[&Operation], expect: &impl Expectation) -> bool {
    let undoes = |operation: &&Operation| operation.because == Because::RolledBack;
    operations.iter().all(undoes) && expect.by_this_run(Setting::Mode, None, Value::OPT_OUT)
}

fn touched(operation: &Operation, have: Settings) -> Option<(Setting, Value)> {
    let PersonTarget { setting, .. } = match &operation.target {
        Target::Person(person) => person,
        Target::Tenant(_) => return None,
    };
    Some((*setting, have.get(*setting)?))
}

/// Says how a person's direct assignments compare with a change of licences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// The lists of disabled plans are as they were found.
    Before,
    /// They are as they are to be.
    After,
    /// They are neither, or the product is not there any more.
    Neither,
}

impl Shows {
    /// Chooses by whether all lists are as one side of a change has them.
    fn by(all: impl Fn(fn(&LicenceChange) -> &[ServicePlanId]) -> bool) -> Self {
        if all(|change| &change.disabled_after) {
            Self::After
        } else if all(|change| &change.disabled_before) {
            Self::Before
        } else {
            Self::Neither
        }
    }
}

/// Compares the licences of a person with what is to be changed, in their own products and in `groups`.
///
/// The whole list of disabled plans is compared, since the write replaces it: a list that somebody changed meanwhile
/// must not be overwritten, even where it concerns other services.
pub(super) fn licences(have: &Licences, operation: &Operation, groups: &[GroupLicences]) -> Shows {
    let list = |by_group: Option<GroupId>, sku: SkuId| {
        let source = have.0.iter().find(|source| source.by_group == by_group && source.sku == sku);
        source.map(|source| source.disabled.as_slice())
    };
    let through: Vec<_> = groups.iter().filter(|group| operation.through.contains(&group.id)).collect();
    Shows::by(|is| {
        let own = operation.licences.iter().all(|change| list(None, change.sku) == Some(is(change)));
        own && through.iter().all(|group| {
            let handed: Vec<_> = group
                .changes
                .iter()
                .filter_map(|change| Some(list(Some(group.id), change.sku)? == is(change)))
                .collect();
            // A group may give a product to some of its members only; what it gives has to fit.
            !handed.is_empty() && handed.iter().all(|fits| *fits)
        })
    })
}

/// Compares what a group hands out with what is to be changed in it.
pub(super) fn hands_out(group: &GroupLicences, now: &LicensingState) -> Shows {
    let list = |change: &LicenceChange| now.products.get(&change.sku).map(Vec::as_slice);
    Shows::by(|is| group.changes.iter().all(|change| list(change) == Some(is(change))))
}

/// Says how a licensing group as it is now fits what is planned for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GroupFit {
    /// It is changed.
    Write,
    /// It is as it is to be.
    Already,
    /// It cannot be changed yet.
    Waits(Why),
    /// It is no longer as planned.
    Moved(Why),
}

/// Judges a group by what it hands out and by who is in it.
pub(super) fn group(planned: &GroupLicences, now: &LicensingGroup) -> GroupFit {
    let LicensingGroup { state, members } = now;
    let mut joined = members.iter().filter(|member| planned.members.binary_search(&member.id).is_err());
    match hands_out(planned, state) {
        Shows::After => GroupFit::Already,
        Shows::Neither => GroupFit::Moved(Why::FoundOtherLicences),
        Shows::Before => match joined.next() {
            Some(first) => GroupFit::Moved(Why::GroupJoined {
                group: Arc::clone(&planned.name),
                people: 1 + joined.count() as u64,
                id: first.id,
                upn: first.upn.clone().unwrap_or_else(|| first.id.to_string().into()),
            }),
            None if state.processing => {
                GroupFit::Waits(Why::GroupProcessing { group: Arc::clone(&planned.name) })
            }
            None => GroupFit::Write,
        },
    }
}

/// Gives the value that a call leaves in a setting, if it touches it.
pub(super) fn leaves(set: crate::plan::calls::Set, setting: Setting) -> Option<Value> {
    use crate::plan::calls::{Set, Which};
    let Set { mode, feature } = set;
    let switch = |switch: Switch| Some(Value::Switch(switch));
    match setting {
        Setting::Mode => mode.map(Value::Mode),
        Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => match feature? {
            (Which::All, to) => switch(to),
            (Which::One(one), to) => {
                if one.setting() == setting {
                    switch(to)
                } else {
                    None
                }
            }
        },
        Setting::ServicePlan => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{Class, PersonId, Source};
    use crate::plan::Phase;

    /// Holds what this run and an earlier one have brought about.
    #[derive(Default)]
    struct Ours {
        this: Option<(Setting, Value)>,
        earlier: Option<(Setting, Value)>,
        since: Option<(Setting, Value)>,
    }

    impl Expectation for Ours {
        fn by_this_run(&self, setting: Setting, _: Option<Value>, have: Value) -> bool {
            self.this == Some((setting, have))
        }

        fn by_earlier_run(&self, setting: Setting, have: Value) -> bool {
            self.earlier == Some((setting, have))
        }

        fn since_the_plan(&self, setting: Setting, have: Value) -> bool {
            self.since == Some((setting, have))
        }
    }

    fn operation(setting: Setting, from: Value, to: Value, because: Because) -> Operation {
        let id = PersonId(Uuid::from_u128(1));
        Operation {
            phase: Phase::Grant,
            target: Target::Person(PersonTarget { upn: "ada".into(), id, group: "pilot".into(), setting }),
            from: Some(from),
            to,
            class: Class::Features,
            because,
            mark: None,
            licences: Vec::new(),
            after_opt_out: false,
            through: Vec::new(),
        }
    }

    fn have(mode: Mode, dashboard: Switch) -> Settings {
        Settings { mode, dashboard, digest_email: Switch::Off, outlook_add_in: Switch::Off }
    }

    const OFF: Settings = Settings {
        mode: Mode::OptIn,
        dashboard: Switch::Off,
        digest_email: Switch::Off,
        outlook_add_in: Switch::Off,
    };

    #[test]
    fn every_case_of_one_setting_is_judged_as_it_should() {
        let on = have(Mode::OptIn, Switch::On);
        let switch_on = || operation(Setting::Dashboard, Value::OFF, Value::ON, Because::FirstTouch);
        let pin = || operation(Setting::Dashboard, Value::ON, Value::ON, Because::Pinned);
        let it = |value| Some((Setting::Dashboard, value));
        let moved = |found| Fit::Moved { setting: Setting::Dashboard, found };
        let nobody = Ours::default;
        let table = [
            ("as planned", switch_on(), OFF, nobody(), Fit::Write),
            ("somebody was faster", switch_on(), on, nobody(), moved(Value::ON)),
            ("this run did it", switch_on(), on, Ours { this: it(Value::ON), ..nobody() }, Fit::Already),
            ("it was late", switch_on(), on, Ours { earlier: it(Value::ON), ..nobody() }, Fit::Already),
            ("a pin is written although it shows", pin(), on, nobody(), Fit::Write),
            (
                "a pin is not written twice",
                pin(),
                on,
                Ours { since: it(Value::ON), ..nobody() },
                Fit::Already,
            ),
            ("a pin comes too late", pin(), OFF, nobody(), moved(Value::OFF)),
            ("a side effect of ours", pin(), OFF, Ours { this: it(Value::OFF), ..nobody() }, Fit::Write),
        ];
        for (name, operation, have, expect, expected) in table {
            assert_eq!(settings(&[&operation], have, &expect), expected, "{name}");
        }
    }

    #[test]
    fn one_setting_that_moved_stops_all_of_a_person() {
        let digest = operation(Setting::DigestEmail, Value::OFF, Value::ON, Because::FirstTouch);
        let dashboard = operation(Setting::Dashboard, Value::ON, Value::ON, Because::Pinned);
        let verdict = settings(&[&digest, &dashboard], OFF, &Ours::default());
        assert_eq!(verdict, Fit::Moved { setting: Setting::Dashboard, found: Value::OFF });
    }

    #[test]
    fn nothing_is_switched_on_for_somebody_who_has_opted_out() {
        let out = have(Mode::OptOut, Switch::Off);
        let on = |because| operation(Setting::Dashboard, Value::OFF, Value::ON, because);
        let off = operation(Setting::OutlookAddIn, Value::OFF, Value::OFF, Because::Pinned);
        let opt_in = operation(Setting::Mode, Value::OPT_OUT, Value::OPT_IN, Because::ManifestChanged);
        let judged = |operations: &[&Operation]| settings(operations, out, &Ours::default());
        let moved = Fit::Moved { setting: Setting::Mode, found: Value::OPT_OUT };
        assert_eq!(judged(&[&on(Because::FirstTouch)]), moved);
        assert_eq!(judged(&[&off]), Fit::Write, "switching off goes against nobody");
        assert_eq!(judged(&[&opt_in, &on(Because::WithOptIn)]), Fit::Write);
    }

    #[test]
    fn a_list_of_disabled_plans_that_somebody_changed_is_not_overwritten() {
        let plan = |n| ServicePlanId(Uuid::from_u128(n));
        let sku = SkuId(Uuid::from_u128(9));
        let holds = |by_group, disabled: &[u128]| {
            let disabled = disabled.iter().map(|n| plan(*n)).collect();
            Licences(vec![Source { sku, by_group, disabled, active: true }])
        };
        let change = [LicenceChange {
            sku,
            name: Arc::from("E5"),
            disabled_before: vec![plan(7)],
            disabled_after: vec![plan(1), plan(7)],
        }];
        let removal = || operation(Setting::ServicePlan, Value::ASSIGNED, Value::REMOVED, Because::Differs);
        let own = Operation { licences: change.to_vec(), ..removal() };
        let shows = |have: &Licences| licences(have, &own, &[]);
        assert_eq!(shows(&holds(None, &[7])), Shows::Before);
        assert_eq!(shows(&holds(None, &[1, 7])), Shows::After);
        assert_eq!(shows(&holds(None, &[])), Shows::Neither);
        let id = GroupId(Uuid::from_u128(5));
        assert_eq!(shows(&holds(Some(id), &[7])), Shows::Neither, "it is not direct");
        assert_eq!(shows(&Licences::default()), Shows::Neither);
        let by_group = Operation { through: vec![id], ..removal() };
        let group = GroupLicences {
            id,
            name: "staff".into(),
            to: Value::REMOVED,
            changes: change.to_vec(),
            members: Vec::new(),
        };
        let shows = |have: &Licences| licences(have, &by_group, std::slice::from_ref(&group));
        assert_eq!(shows(&holds(Some(id), &[7])), Shows::Before);
        assert_eq!(shows(&holds(Some(id), &[1, 7])), Shows::After);
        assert_eq!(shows(&holds(None, &[1, 7])), Shows::Neither, "the group hands nothing down");
    }
}
