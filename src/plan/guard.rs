//! Says what of a plan may not be done without consent.
//!
//! Guards speak after the plan is shown: a reviewer must see what tripped them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Plan, Target};
use crate::model::{Class, Limit};

/// Is a class of change that goes beyond its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Objection {
    /// The class.
    pub class: Class,
    /// The group, for `leaving`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
    /// How many people the plan changes in this class; `None` when nobody can count them (`defaults`).
    pub people: Option<u64>,
    /// Of how many: the scope, the group, or everyone whom a default reaches.
    pub of: u64,
    /// The limit that binds.
    pub limit: Limit,
    /// Up to so many people the percentage does not bind.
    pub floor: u64,
}

/// Counts every class against its limit, in order of class; classes that were consented to do not object.
///
/// The smaller of percent and people binds. Up to the class's floor nothing does, so that small tenants can work.
pub fn review(plan: &Plan, limits: &BTreeMap<Class, Limit>, allowed: &BTreeSet<Class>) -> Vec<Objection> {
    let mut objections = Vec::new();
    for class in Class::ALL {
        if allowed.contains(&class) {
            continue;
        }
        let limit = limits.get(&class).copied().unwrap_or_else(|| class.default_limit());
        let mut object = |group: Option<&Arc<str>>, people: Option<u64>, of: u64| {
            // A limit of nobody means nobody: no floor softens it.
            let floor = if limit.people == 0 || limit.percent == 0 { 0 } else { class.floor() };
            let most = limit.people.min(of.saturating_mul(u64::from(limit.percent)) / 100).max(floor);
            if people.is_none_or(|people| people > most) {
                objections.push(Objection { class, group: group.cloned(), people, of, limit, floor });
            }
        };
        match class {
            Class::Leaving => {
                for leaving in &plan.leaving {
                    let people = leaving.left + leaving.moved.values().sum::<u64>();
                    object(Some(&leaving.group), Some(people), leaving.held);
                }
            }
            Class::Defaults => {
                if plan.operations.iter().any(|operation| matches!(operation.target, Target::Tenant(_))) {
                    let moves = plan.moves_with_default;
                    let of = moves.and_then(|moves| moves.of).unwrap_or(plan.summary.in_scope);
                    object(None, moves.and_then(|moves| moves.people), of);
                }
            }
            Class::OptIn
            | Class::OptOut
            | Class::Features
            | Class::ServicePlanAssigned
            | Class::ServicePlanRemoved
            | Class::Restore
            | Class::ReOptIn
            | Class::RePin
            | Class::Rollback => {
                if let Some(people) = plan.summary.by_class.get(&class) {
                    object(None, Some(*people), plan.summary.in_scope);
                }
            }
        }
    }
    objections
}
