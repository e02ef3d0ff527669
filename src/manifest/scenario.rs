//! Knows the scenarios of Microsoft's deployment guides, and checks the rest of a manifest against the one it names.

use std::fmt;
use std::str::FromStr;

use super::group::Group;
use super::problem::{At, Reporter};
use super::tenant::Defaults;
use crate::model::{Feature, Switch, Value};

/// Names a scenario of the deployment guides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scenario {
    /// Everyone has everything; people may opt out.
    DefaultOn,
    /// Everything is off until people switch it on.
    DefaultOff,
    /// Off for everyone, on for groups.
    Mixed,
    /// Off for everyone, and groups opted out; those without the service plan cannot opt in.
    OptionalOptIn,
}

impl Scenario {
    /// Lists every scenario.
    pub const ALL: [Self; 4] = [Self::DefaultOn, Self::DefaultOff, Self::Mixed, Self::OptionalOptIn];

    /// Gives the word used for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::DefaultOn => "default-on",
            Self::DefaultOff => "default-off",
            Self::Mixed => "mixed",
            Self::OptionalOptIn => "optional-opt-in",
        }
    }

    /// Gives what the three features default to.
    pub fn defaults(self) -> Switch {
        match self {
            Self::DefaultOn => Switch::On,
            Self::DefaultOff | Self::Mixed | Self::OptionalOptIn => Switch::Off,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Scenario {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|scenario| scenario.word().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// Says how defaults and groups contradict the scenario, and which group hides another.
pub(super) fn check(
    scenario: Option<(Scenario, At)>,
    defaults: &Defaults,
    groups: &[Group],
    report: &mut Reporter<'_>,
) {
    hidden(groups, report);
    let Some((scenario, at)) = scenario else { return };
    let wanted = scenario.defaults();
    let word = Value::Switch(wanted);
    for setting in Feature::ALL.map(Feature::tenant_setting) {
        match defaults.get(&setting) {
            Some((value, _)) if value.is_none_or(|value| value == word) => {}
            Some((_, at)) => {
                report
                    .error(
                        *at,
                        format!("the scenario `{scenario}` asks for `{setting}: {word}` in `defaults`"),
                    )
                    .hint("change one of them, or remove `scenario`");
            }
            None => {
                report
                    .error(
                        at,
                        format!("the scenario `{scenario}` asks for `{setting}: {word}` in `defaults`"),
                    )
                    .hint(format!("add `{setting}: {word}` under `defaults`, or remove `scenario`"));
            }
        }
    }
    match scenario {
        Scenario::DefaultOn | Scenario::DefaultOff => {}
        Scenario::Mixed => {
            let opted_in = |group: &&Group| group.wants.mode == Some(Value::OPT_IN);
            let Some(first) = groups.iter().find(opted_in) else {
                report
                    .error(
                        at,
                        "the scenario `mixed` asks for a group with `mode: opt-in` and features switched on",
                    )
                    .hint("add one, or use the scenario `default-off`");
                return;
            };
            if !groups.iter().filter(opted_in).any(Group::grants_features) {
                report
                    .error(first.at, "the scenario `mixed` asks for features switched on in this group")
                    .hint("`mode: opt-in` alone does nothing: it is the default; add `features: { dashboard: on }`");
            }
        }
        Scenario::OptionalOptIn => {
            if !groups.iter().any(|group| group.wants.mode == Some(Value::OPT_OUT)) {
                report
                    .error(at, "the scenario `optional-opt-in` asks for a group with `mode: opt-out`")
                    .hint("add one, or use the scenario `default-off`");
            } else if !groups.iter().any(|group| group.wants.service_plan == Some(Value::REMOVED)) {
                report
                    .note(at, "everyone can opt in again, since no group has `service-plan: removed`")
                    .hint("add it to the group of those who must not opt in");
            }
        }
    }
}

/// Warns of groups that can never decide, since everyone belongs to an earlier one.
fn hidden(groups: &[Group], report: &mut Reporter<'_>) {
    let Some(first) = groups.iter().position(Group::takes_everyone) else { return };
    for group in &groups[first + 1..] {
        report
            .warning(
                group.at,
                format!(
                    "`{}` decides for nobody: `{}` before it names everyone",
                    group.name, groups[first].name
                ),
            )
            .hint("the first group that holds a person decides: put this one before it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_read_back_from_its_word() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.to_string().to_uppercase().parse(), Ok(scenario));
        }
    }
}
