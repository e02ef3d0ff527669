//! Decides, right before a write, whether what is there is still what the plan expected.

use crate::model::{Licences, Mode, Setting, Settings, Source, Switch, Value};
use crate::plan::{Because, LicenceChange, Operation, PersonTarget, Target};

/// Is what follows for one person's operations of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
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
}

/// Judges the operations of one person on mode and features.
///
/// A value that somebody else has brought to where the plan wants it counts as moved: it is theirs, and the next plan
/// must see it as such. An operation that starts where it ends is there to be written all the same.
pub(super) fn settings(operations: &[Operation], have: Settings, expect: &impl Expectation) -> Verdict {
    let mut already = 0;
    for operation in operations {
        let Some((setting, have)) = touched(operation, have) else { continue };
        let ours = expect.by_this_run(setting, operation.from, have);
        let moved = Verdict::Moved { setting, found: have };
        if have == operation.to && operation.from != Some(operation.to) {
            if ours || expect.by_earlier_run(setting, have) {
                already += 1;
            } else {
                return moved;
            }
        } else if operation.from != Some(have) && !ours {
            return moved;
        }
    }
    if has_opted_out(operations, have) {
        return Verdict::Moved { setting: Setting::Mode, found: Value::OPT_OUT };
    }
    if already == operations.len() { Verdict::Already } else { Verdict::Write }
}

/// Says whether the person has opted out since, so that switching something on would go against that.
///
/// A plan switches nothing on for somebody who is opted out, unless it opts them in with it or restores what was.
fn has_opted_out(operations: &[Operation], have: Settings) -> bool {
    let opts = |operation: &Operation| matches!(operation.to, Value::Mode(_));
    let switches_on =
        |operation: &Operation| operation.to == Value::ON && operation.because != Because::Restored;
    have.mode == Mode::OptOut && operations.iter().any(switches_on) && !operations.iter().any(opts)
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

/// Compares the licences of a person with what is to be changed.
///
/// The whole list of disabled plans is compared, since the write replaces it: a list that somebody changed meanwhile
/// must not be overwritten, even where it concerns other services.
pub(super) fn licences(have: &Licences, changes: &[LicenceChange]) -> Shows {
    let direct = |change: &LicenceChange| {
        let of_product = |source: &&Source| source.by_group.is_none() && source.sku == change.sku;
        have.0.iter().find(of_product).map(|source| source.disabled.as_slice())
    };
    let all = |is: fn(&LicenceChange) -> &[crate::model::ServicePlanId]| {
        changes.iter().all(|change| direct(change) == Some(is(change)))
    };
    if all(|change| &change.disabled_after) {
        Shows::After
    } else if all(|change| &change.disabled_before) {
        Shows::Before
    } else {
        Shows::Neither
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
