//! Works out the least that an application has to be granted for a manifest, and which lines ask for it.

use std::collections::BTreeSet;

use super::group::Group;
use super::people::Rule;
use crate::model::{Because, Need, Needs, Permission, Purpose, Selector, Setting};

/// Works out the needs of a manifest's parts: the lines of its defaults, its groups, whether licences are also changed
/// at groups that hand them down, and all rules that name people.
pub(super) fn needs<'m>(
    defaults: BTreeSet<u32>,
    groups: &[Group],
    through_groups: bool,
    rules: impl Iterator<Item = &'m Rule>,
) -> Needs {
    let asked_of = |wanted: fn(Setting) -> bool| {
        let mut lines = BTreeSet::new();
        for group in groups {
            let asked = group.wants.iter().filter(|(setting, want)| want.is_some() && wanted(*setting));
            lines.extend(asked.map(|(setting, _)| group.places.get(setting).line));
        }
        lines
    };
    let mut asked_groups: BTreeSet<u32> = rules
        .filter_map(|rule| match rule {
            Rule::One(one) => matches!(one.selector, Selector::Group(_)).then_some(one.at.line),
            Rule::List(_) => None,
        })
        .collect();
    let plans = asked_of(|setting| setting == Setting::ServicePlan);
    if through_groups {
        // Whether every member is to lose a plan is found out by reading the group.
        asked_groups.extend(&plans);
    }
    let mut settings = asked_of(|setting| setting != Setting::ServicePlan);
    settings.extend(defaults);

    let needs = [
        (Permission::GroupMembers, Purpose::Plan, Because::Lines(asked_groups)),
        (Permission::Users, Purpose::Plan, Because::Always),
        (Permission::Licences, Purpose::Plan, Because::Always),
        (Permission::LicenceWrites, Purpose::Apply, Because::Lines(plans)),
        (Permission::Exchange, Purpose::Plan, Because::Lines(settings)),
    ];
    let is_needed = |because: &Because| match because {
        Because::Always => true,
        Because::Lines(lines) => !lines.is_empty(),
    };
    let needs = needs.into_iter().filter(|(.., because)| is_needed(because));
    Needs(needs.map(|(permission, purpose, because)| Need { permission, purpose, because }).collect())
}
