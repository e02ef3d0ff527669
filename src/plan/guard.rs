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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::model::{TenantId, TenantSetting, Value};
    use crate::plan::{Basis, Because, Leaving, MovesWithDefault, Operation, Phase, Summary};

    fn plan(in_scope: u64, by_class: &[(Class, u64)]) -> Plan {
        let now = Timestamp::UNIX_EPOCH;
        let basis = Basis {
            version: String::new(),
            manifest: String::new(),
            tenant: TenantId(Uuid::nil()),
            tenant_name: "Contoso".into(),
            store: None,
            as_of: now,
            newest_run: 0,
            read_at: now,
        };
        Plan {
            summary: Summary { in_scope, by_class: by_class.iter().copied().collect(), ..Summary::default() },
            ..Plan::empty(basis)
        }
    }

    fn flip(people: Option<u64>) -> Plan {
        let operation = Operation {
            phase: Phase::DefaultsOff,
            target: Target::Tenant(TenantSetting::Dashboard),
            from: Some(Value::ON),
            to: Value::OFF,
            class: Class::Defaults,
            because: Because::Differs,
            mark: None,
            licences: Vec::new(),
            after_opt_out: false,
            through: Vec::new(),
        };
        let moves =
            MovesWithDefault { people, of: people.map(|_| 1_000), in_groups: 0, protected: 0, waiting: 0 };
        Plan { operations: vec![operation], moves_with_default: Some(moves), ..plan(50, &[]) }
    }

    fn objects(plan: &Plan, limits: &[(Class, Limit)], allowed: &[Class]) -> Vec<(Class, Option<u64>, u64)> {
        let limits = limits.iter().copied().collect();
        let allowed = allowed.iter().copied().collect();
        let objections = review(plan, &limits, &allowed);
        objections.into_iter().map(|objection| (objection.class, objection.people, objection.of)).collect()
    }

    #[test]
    fn the_smaller_of_percent_and_people_binds() {
        let limit = |percent, people| [(Class::OptOut, Limit { percent, people })];
        for (people, limits, refused) in [
            (30, limit(30, 500), false),
            (31, limit(30, 500), true),
            (20, limit(30, 20), false),
            (21, limit(30, 20), true),
        ] {
            let plan = plan(100, &[(Class::OptOut, people)]);
            assert_eq!(!objects(&plan, &limits, &[]).is_empty(), refused, "{people} of 100, {limits:?}");
        }
    }

    #[test]
    fn small_tenants_can_work_unless_the_limit_is_nobody() {
        let ten_of_twelve = plan(12, &[(Class::OptOut, 10)]);
        assert_eq!(objects(&ten_of_twelve, &[], &[]), []);
        let nobody = [(Class::OptOut, Limit { percent: 30, people: 0 })];
        assert_eq!(objects(&ten_of_twelve, &nobody, &[]), [(Class::OptOut, Some(10), 12)]);
        assert_eq!(objects(&plan(12, &[(Class::OptOut, 11)]), &[], &[]), [(Class::OptOut, Some(11), 12)]);
    }

    #[test]
    fn consent_is_given_by_class() {
        let plan = plan(20, &[(Class::OptOut, 20), (Class::Features, 20)]);
        assert_eq!(objects(&plan, &[], &[Class::OptOut]), [(Class::Features, Some(20), 20)]);
        assert_eq!(objects(&plan, &[], &[Class::OptOut, Class::Features]), []);
    }

    #[test]
    fn leaving_is_counted_per_group_with_those_who_moved() {
        let leaving = |group: &str, left, moved| Leaving {
            group: group.into(),
            held: 100,
            left,
            moved: [("other".into(), moved)].into(),
        };
        let plan = Plan { leaving: vec![leaving("a", 6, 5), leaving("b", 5, 5)], ..plan(500, &[]) };
        assert_eq!(objects(&plan, &[], &[]), [(Class::Leaving, Some(11), 100)]);
    }

    #[test]
    fn a_flip_of_a_default_needs_consent_and_more_so_when_nobody_can_count() {
        assert_eq!(objects(&flip(Some(1)), &[], &[]), [(Class::Defaults, Some(1), 1_000)]);
        assert_eq!(objects(&flip(Some(0)), &[], &[]), []);
        assert_eq!(objects(&flip(None), &[], &[]), [(Class::Defaults, None, 50)]);
        let limits = [(Class::Defaults, Limit { percent: 10, people: 500 })];
        assert_eq!(objects(&flip(Some(100)), &limits, &[]), []);
        assert_eq!(objects(&flip(Some(101)), &limits, &[]).len(), 1);
        assert_eq!(objects(&flip(None), &limits, &[]).len(), 1);
        assert_eq!(objects(&flip(None), &[], &[Class::Defaults]), []);
    }
}
