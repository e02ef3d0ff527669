//! Turns operations into the fewest calls of the services that carry them out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{LicenceChange, Operation, Phase, Target};
use crate::model::{Feature, Mode, PersonId, Setting, Switch, TenantSetting, Value};

/// Is one `Set-MyAnalyticsFeatureConfig`: a mode, a feature with its switch, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set {
    /// `-PrivacyMode`.
    pub mode: Option<Mode>,
    /// `-Feature` and `-IsEnabled`.
    pub feature: Option<(Which, Switch)>,
}

/// Is what `-Feature` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// One feature.
    One(Feature),
    /// `all`: the three of a person.
    All,
}

/// Is what is to be done to one person, or to the tenant, in one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// When.
    pub phase: Phase,
    /// What.
    pub task: Task,
    /// The operations that it carries out: indices into the plan's operations.
    pub operations: Vec<usize>,
}

/// Is the calls themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// One `Set-DefaultTenantMyAnalyticsFeatureConfig`.
    Tenant {
        /// The default.
        setting: TenantSetting,
        /// Its new value.
        value: Value,
    },
    /// `Set-MyAnalyticsFeatureConfig` for one person, once or more, in this order.
    Settings {
        /// Entra object id.
        id: PersonId,
        /// `userPrincipalName`, the cmdlet's `-Identity`.
        upn: Arc<str>,
        /// One call each.
        sets: Vec<Set>,
    },
    /// One `assignLicense` for one person.
    Licences {
        /// Entra object id.
        id: PersonId,
        /// `userPrincipalName`.
        upn: Arc<str>,
        /// All products of their own at once; none where a group alone brings it about.
        changes: Vec<LicenceChange>,
    },
}

impl Task {
    /// Counts the writes that this sends when nothing has to be repeated.
    pub fn calls(&self) -> u64 {
        match self {
            Self::Tenant { .. } => 1,
            // What a group hands down is written to the group.
            Self::Licences { changes, .. } => u64::from(!changes.is_empty()),
            Self::Settings { sets, .. } => sets.len() as u64,
        }
    }
}

/// Gathers sorted operations into work, in the order of the operations.
///
/// A tenant setting is always written alone: the cmdlet's `All` would reach schedule send and the survey.
pub fn calls(operations: &[Operation]) -> Vec<Work> {
    let mut work: Vec<Work> = Vec::new();
    let mut start = 0;
    while start < operations.len() {
        let first = &operations[start];
        let end = start + operations[start..].iter().take_while(|next| same_work(first, next)).count();
        let run = &operations[start..end];
        let task = match &first.target {
            Target::Tenant(setting) => Task::Tenant { setting: *setting, value: first.to },
            Target::Person(person) => match person.setting {
                Setting::ServicePlan => Task::Licences {
                    id: person.id,
                    upn: Arc::clone(&person.upn),
                    changes: first.licences.clone(),
                },
                Setting::Mode | Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => {
                    Task::Settings { id: person.id, upn: Arc::clone(&person.upn), sets: sets(run) }
                }
            },
        };
        work.push(Work { phase: first.phase, task, operations: (start..end).collect() });
        start = end;
    }
    work
}

fn same_work(first: &Operation, next: &Operation) -> bool {
    match (&first.target, &next.target) {
        (Target::Tenant(one), Target::Tenant(other)) => first.phase == next.phase && one == other,
        (Target::Person(one), Target::Person(other)) => {
            let licence = |setting| setting == Setting::ServicePlan;
            first.phase == next.phase && one.id == other.id && licence(one.setting) == licence(other.setting)
        }
        (Target::Tenant(_), Target::Person(_)) | (Target::Person(_), Target::Tenant(_)) => false,
    }
}

/// Finds the fewest cmdlets for one person's operations of one phase.
///
/// Nobody gets more on the way than they end with: an opt-in that ends with a feature off switches everything off in
/// the same call, and only then on what is wanted.
fn sets(operations: &[Operation]) -> Vec<Set> {
    let mut mode = None;
    let mut features = BTreeMap::new();
    for operation in operations {
        match operation.to {
            Value::Mode(to) => mode = Some(to),
            Value::Switch(to) => {
                if let Target::Person(person) = &operation.target
                    && let Some(feature) = person.setting.feature()
                {
                    features.insert(feature, to);
                }
            }
            Value::ServicePlan(_) | Value::Rate(_) => {}
        }
    }
    let whole = features.len() == Feature::ALL.len();
    let any = |switch: Switch| features.values().any(|to| *to == switch);
    let mut steps: Vec<(Which, Switch)> = Vec::new();
    if whole && !any(Switch::Off) {
        steps.push((Which::All, Switch::On));
    } else if whole && (!any(Switch::On) || mode == Some(Mode::OptIn)) {
        steps.push((Which::All, Switch::Off));
        steps.extend(ones(&features, Switch::On));
    } else {
        steps.extend(ones(&features, Switch::Off));
        steps.extend(ones(&features, Switch::On));
    }
    let mut sets: Vec<Set> = steps.into_iter().map(|step| Set { mode: None, feature: Some(step) }).collect();
    if let Some(mode) = mode {
        match sets.first_mut() {
            Some(first) => first.mode = Some(mode),
            None => sets.push(Set { mode: Some(mode), feature: None }),
        }
    }
    sets
}

fn ones(features: &BTreeMap<Feature, Switch>, switch: Switch) -> impl Iterator<Item = (Which, Switch)> {
    features.iter().filter(move |(_, to)| **to == switch).map(|(feature, to)| (Which::One(*feature), *to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Class;
    use crate::plan::{Because, PersonTarget};

    fn operation(setting: Setting, to: Value) -> Operation {
        Operation {
            phase: Phase::Grant,
            target: Target::Person(PersonTarget {
                upn: "ada@contoso.com".into(),
                id: PersonId(uuid::Uuid::from_u128(1)),
                group: "pilot".into(),
                setting,
            }),
            from: None,
            to,
            class: Class::Features,
            because: Because::FirstTouch,
            mark: None,
            licences: Vec::new(),
            after_opt_out: false,
            through: Vec::new(),
        }
    }

    fn written(operations: &[(Setting, Value)]) -> String {
        let operations: Vec<_> = operations.iter().map(|(setting, to)| operation(*setting, *to)).collect();
        let mut lines = Vec::new();
        for work in calls(&operations) {
            if let Task::Settings { sets, .. } = work.task {
                for set in sets {
                    let mode = set.mode.map(|mode| Value::Mode(mode).to_string());
                    let feature = set.feature.map(|(which, to)| {
                        let which = match which {
                            Which::One(feature) => feature.setting().word(),
                            Which::All => "all",
                        };
                        format!("{which} {}", Value::Switch(to))
                    });
                    lines.push([mode, feature].into_iter().flatten().collect::<Vec<_>>().join(" + "));
                }
            }
        }
        lines.join("; ")
    }

    const THREE: [Setting; 3] = [Setting::Dashboard, Setting::DigestEmail, Setting::OutlookAddIn];

    #[test]
    fn a_mode_alone_is_one_call() {
        assert_eq!(written(&[(Setting::Mode, Value::OPT_OUT)]), "opt-out");
    }

    #[test]
    fn a_mode_and_one_feature_share_a_call() {
        assert_eq!(
            written(&[(Setting::Mode, Value::OPT_IN), (Setting::DigestEmail, Value::OFF)]),
            "opt-in + digest-email off"
        );
    }

    #[test]
    fn three_features_that_end_alike_are_one_call() {
        assert_eq!(written(&THREE.map(|setting| (setting, Value::ON))), "all on");
        assert_eq!(written(&THREE.map(|setting| (setting, Value::OFF))), "all off");
    }

    #[test]
    fn an_opt_in_never_grants_more_than_is_wanted_on_the_way() {
        assert_eq!(
            written(&[
                (Setting::Mode, Value::OPT_IN),
                (Setting::Dashboard, Value::ON),
                (Setting::DigestEmail, Value::OFF),
                (Setting::OutlookAddIn, Value::ON),
            ]),
            "opt-in + all off; dashboard on; outlook-add-in on"
        );
    }

    #[test]
    fn an_opt_in_with_everything_on_is_one_call() {
        let mut operations = vec![(Setting::Mode, Value::OPT_IN)];
        operations.extend(THREE.map(|setting| (setting, Value::ON)));
        assert_eq!(written(&operations), "opt-in + all on");
    }

    #[test]
    fn unmanaged_features_are_never_named() {
        assert_eq!(
            written(&[
                (Setting::Mode, Value::OPT_IN),
                (Setting::Dashboard, Value::ON),
                (Setting::DigestEmail, Value::OFF)
            ]),
            "opt-in + digest-email off; dashboard on"
        );
        assert_eq!(
            written(&[(Setting::Dashboard, Value::ON), (Setting::OutlookAddIn, Value::ON)]),
            "dashboard on; outlook-add-in on"
        );
    }
}
