//! Plain facts about one operation that several parts of an apply ask for.

use super::Why;
use crate::model::{Feature, Setting};
use crate::plan::{Because, Operation, Target};
use crate::store::Under;

/// Says on whose account an operation writes, if it is no ordinary one.
pub(super) fn under(operation: &Operation) -> Option<Under> {
    let mark = operation.mark?;
    match operation.because {
        Because::RolledBack => Some(Under::Rollback(mark)),
        Because::ReOptIn => Some(Under::ReOptIn(mark)),
        Because::Pinned
        | Because::RePin
        | Because::ManifestChanged
        | Because::DidNotTake
        | Because::Overridden
        | Because::FirstTouch
        | Because::Recorded
        | Because::WithOptIn
        | Because::Differs
        | Because::Restored => None,
    }
}

/// Gives the setting of a person that an operation touches.
pub(super) fn touches(operation: &Operation) -> Option<Setting> {
    match &operation.target {
        Target::Person(person) => Some(person.setting),
        Target::Tenant(_) => None,
    }
}

/// Says whether a setting is the person's own matter once another one was found changed by them.
///
/// Who opted out has settled every feature, and so has who changed this very one.
pub(super) fn is_theirs(own: Setting, changed: Setting) -> bool {
    changed == Setting::Mode || own == changed
}

/// Gives the tenant setting or feature that an operation pins, if it is a pin.
pub(super) fn pinned(operation: &Operation) -> Option<Feature> {
    match (&operation.target, operation.because == Because::Pinned) {
        (Target::Person(person), true) => person.setting.feature(),
        (Target::Person(_) | Target::Tenant(_), _) => None,
    }
}

/// Says whether somebody who was found changed has a value of their own where an operation was to write one.
pub(super) fn has_own_value(operation: &Operation, why: &Why) -> bool {
    match why {
        Why::Found { setting, value: _ } => touches(operation).is_some_and(|own| is_theirs(own, *setting)),
        Why::FoundDefault { .. }
        | Why::FoundLicencesChanged
        | Why::FoundOtherLicences
        | Why::Protected
        | Why::OptOutNotSeen
        | Why::OptOutUnreadable(_)
        | Why::PinNotStanding { .. }
        | Why::GroupJoined { .. }
        | Why::GroupHeldBack { .. }
        | Why::GroupProcessing { .. }
        | Why::GroupErrors { .. }
        | Why::OutsideWindow(_)
        | Why::WriteOnly
        | Why::BrokenOff
        | Why::Refused(_) => false,
    }
}
