//! Says whom and what to read, so that a plan can be made.

use std::collections::BTreeSet;

use super::who_left;
use crate::model::{DesiredState, Ledger, PersonId, Setting};

/// Is everything that a plan needs to see; nothing is read that would change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Whom the groups hold, and whoever left one that gives things back.
    pub people: BTreeSet<PersonId>,
    /// Who waits for a wave: nothing but what the directory says of them matters yet.
    pub waiting: BTreeSet<PersonId>,
    /// Whether anything hangs on people's mode and features.
    pub settings: bool,
    /// Whether anything hangs on the tenant's defaults.
    pub tenant_settings: bool,
    /// Whether anything hangs on how many people the tenant has.
    pub count_people: bool,
}

impl Scope {
    /// Finds out what a plan needs to see.
    pub fn of(desired: &DesiredState, ledger: &Ledger) -> Self {
        let mut people: BTreeSet<PersonId> = desired.people.keys().copied().collect();
        let left = who_left(desired, ledger);
        people.extend(&left);
        let manages = |wanted: fn(Setting) -> bool| {
            let groups = (0..).zip(&desired.groups).filter(|(index, _)| desired.is_in_force(*index));
            let mut wants = groups.flat_map(|(_, group)| group.wants.iter());
            wants.any(|(setting, want)| want.is_some() && wanted(setting))
        };
        let waiting = desired.waiting.keys().filter(|id| !people.contains(id)).copied().collect();
        // Whoever left may get back what the manifest asks for of nobody any more.
        Self {
            people,
            waiting,
            settings: !left.is_empty() || manages(|setting| setting != Setting::ServicePlan),
            tenant_settings: !desired.tenant.is_empty()
                || !left.is_empty()
                || manages(|setting| setting.feature().is_some()),
            count_people: !desired.tenant.is_empty(),
        }
    }
}
