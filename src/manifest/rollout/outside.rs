//! Warns of groups that give people something and that no wave holds back.

use super::Around;
use crate::manifest::group::Group;
use crate::manifest::problem::{Reporter, quoted};
use crate::model::{ServicePlan, Value};

/// Looks at every group that no wave names, where there are waves.
///
/// Such a group is in force at any time, which is what a group of opt-outs is meant for. One that switches something on
/// has more likely lost its wave.
pub(super) fn check(around: Around<'_>, report: &mut Reporter<'_>) {
    if around.waves.is_empty() {
        return;
    }
    for (index, group) in (0_u32..).zip(around.groups) {
        let has_wave = around.waves.iter().any(|(wave, _)| wave.groups.contains(&index));
        if !has_wave && gives(group) {
            report
                .warning(
                    group.at,
                    format!("no wave names {}, so it is in force at any time", quoted(&group.name)),
                )
                .hint("name it in a wave, if its people are to wait");
        }
    }
}

fn gives(group: &Group) -> bool {
    let assigned = Value::ServicePlan(ServicePlan::Assigned);
    group
        .wants
        .iter()
        .any(|(_, want)| want.is_some_and(|want| [Value::OPT_IN, Value::ON, assigned].contains(&want)))
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Severity, parse};

    fn warnings(waves: &str, wants: &str) -> Vec<String> {
        let text = format!(
            "version: 1\ntenant: {{ id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }}\ngroups:\n  - {{ name: pilot, mode: opt-in, \
             members: [ {{ user: ada@contoso.com }} ] }}\n  - {{ name: other, {wants}, members: [ {{ user: \
             ben@contoso.com }} ] }}\nrollout: {{ time-zone: UTC{waves} }}\n"
        );
        let manifest = parse(&text, &[]).expect("a manifest");
        manifest.warnings().of(Severity::Warning).map(|problem| problem.message.clone()).collect()
    }

    #[test]
    fn a_group_that_gives_something_and_has_no_wave_is_warned_about() {
        let waves = ", waves: [ { name: one, groups: [ pilot ], starts: 2026-03-02, runs-for: 45 days } ]";
        for wants in ["mode: opt-in", "features: { dashboard: on }", "service-plan: assigned"] {
            assert_eq!(warnings(waves, wants), ["no wave names `other`, so it is in force at any time"]);
        }
        for wants in ["mode: opt-out", "features: { dashboard: off }"] {
            assert_eq!(warnings(waves, wants), [""; 0], "{wants}");
        }
        assert_eq!(warnings("", "mode: opt-in"), [""; 0], "without waves, everything is in force");
    }
}
