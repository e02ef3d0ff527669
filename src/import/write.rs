//! Writes groups as a manifest with comments.
//!
//! Whatever the directory says is put in double quotes with everything else escaped, in comments too: a name may hold
//! quotes, line ends and YAML.

use std::fmt::Write as _;

use super::compress::{Compressed, People};
use super::groups::{Group, NOT_READ, groups};
use super::have::Defaults;
use super::{Candidate, Counts, Found, Imported, number};
use crate::manifest::{Scenario, in_quotes};
use crate::model::{Cloud, Feature, Known, PersonId, Switch, TenantSetting, Value};

/// Is what the compression found.
pub(super) struct Facts<'a> {
    /// By number: the people who matter.
    pub(super) who: Vec<PersonId>,
    pub(super) not_read: Vec<PersonId>,
    pub(super) people: People,
    /// By number of the set.
    pub(super) sets: Vec<&'a Candidate>,
    pub(super) compressed: Compressed,
    pub(super) defaults: Defaults,
    pub(super) counts: Counts,
}

/// Writes everything.
pub(super) fn write(found: &Found<'_>, facts: &Facts<'_>) -> Imported {
    let (mut groups, lists) = groups(found, facts);
    let mut counts = facts.counts;
    counts.groups = number(groups.len());
    let scenario = scenario(&groups, facts.defaults);
    if scenario == Some(Scenario::Mixed) {
        // What makes a scenario `mixed` is a group that is said to be opted in.
        for group in groups.iter_mut().filter(|group| group.grants()) {
            group.outcome.mode = Some(Value::OPT_IN);
        }
    }
    let mut text = head(found, &counts);
    let _ = write!(text, "version: 1\n\ntenant:\n  id: {}\n", found.actual.tenant.id);
    let _ = writeln!(text, "  name: {}", in_quotes(found.name));
    if found.cloud != Cloud::default() {
        let _ = writeln!(text, "cloud: {}", found.cloud);
    }
    if let Some(transport) = found.transport {
        let _ = writeln!(text, "transport: {transport}");
    }
    if let Some(scenario) = scenario {
        let _ = write!(text, "\nscenario: {scenario}\n");
    }
    defaults(found, &mut text);
    if !groups.is_empty() {
        text.push_str("\n# The first group that holds a person decides everything for them.\n");
        if groups.len() > 1 {
            text.push_str(
                "# Those who deviate stand before the group that they deviate from, and may be members of both: where that\n\
                 # makes a difference, `insightctl plan --strict` objects.\n",
            );
        }
        text.push_str("groups:\n");
        for group in &groups {
            group.write(&mut text);
        }
    }
    text.push_str(
        "\n# Remembers what was written and what was found, so that nobody's own choice is undone. Keep it.\n\
         store: file:.insightctl\n",
    );
    Imported { manifest: text, lists, counts }
}

/// Says what was found, and what nobody can know.
fn head(found: &Found<'_>, counts: &Counts) -> String {
    let Counts {
        people: _,
        as_given,
        by_rules,
        by_name,
        untouchable,
        not_read,
        groups: _,
        sets_not_read,
        defaults_not_read: _,
    } = *counts;
    let day = found.actual.read_at.strftime("%Y-%m-%d");
    let mut text = format!(
        "# What Microsoft Viva Insights was in this tenant on {day}, written by `insightctl import`.\n\
         # In people:\n"
    );
    let lines = [
        (as_given, "with what the tenant gives everyone: no group is about them"),
        (by_rules, "described by groups"),
        (by_name, "named one by one"),
        (untouchable, "never changed: guests, disabled accounts, people without a mailbox"),
    ];
    for (count, what) in lines {
        let _ = writeln!(text, "# {count:>7} {what}");
    }
    if not_read > 0 {
        let _ = writeln!(text, "# {not_read:>7} not read: {NOT_READ} lists them, and no group holds them");
    }
    if sets_not_read > 0 {
        let _ = write!(
            text,
            "#\n# Of {sets_not_read} groups, departments or licences the members could not be read, so that no rule names \
             them.\n"
        );
    }
    text.push_str(
        "#\n\
         # The service does not say who set a value. That people of a group have the same does not mean that somebody\n\
         # decided it for that group: read each one, and keep what is meant. Until then every group leaves people their\n\
         # own choice, and `insightctl plan` has nothing to do.\n",
    );
    text
}

fn defaults(found: &Found<'_>, text: &mut String) {
    text.push_str(
        "\n# What everyone has who has not chosen otherwise. A key that is left out is not managed.\n",
    );
    let settings = &found.actual.tenant.settings;
    if settings.values().any(|value| value.known().is_some()) {
        text.push_str("defaults:\n");
    }
    for setting in TenantSetting::ALL {
        match (setting, settings.get(&setting)) {
            // It has no read field, and what is not known is not asked for.
            (TenantSetting::SurveySamplingRate, _) | (_, None) => {}
            (_, Some(Known::Is(value))) => {
                let _ = writeln!(text, "  {setting}: {value}");
            }
            (_, Some(Known::Unknown(_))) => {
                let _ = writeln!(text, "  # {setting}: could not be read");
            }
        }
    }
}

impl Group {
    fn write(&self, text: &mut String) {
        let Self { name, outcome, members, except, by_sets: _ } = self;
        let _ = writeln!(text, "  - name: {}", in_quotes(name));
        if let Some(mode) = outcome.mode {
            let _ = writeln!(text, "    mode: {mode}");
        }
        let features = Feature::ALL.into_iter().filter_map(|feature| {
            let value = (*outcome.get(feature.setting()))?;
            Some(format!("{}: {value}", feature.setting()))
        });
        let features: Vec<String> = features.collect();
        if !features.is_empty() {
            let _ = writeln!(text, "    features: {{ {} }}", features.join(", "));
        }
        if let Some(plan) = outcome.service_plan {
            let _ = writeln!(text, "    service-plan: {plan}");
        }
        text.push_str("    on-user-choice: respect\n");
        for (key, lines) in [("members", members), ("except", except)] {
            if lines.is_empty() {
                continue;
            }
            let _ = writeln!(text, "    {key}:");
            for line in lines {
                let _ = writeln!(text, "      - {line}");
            }
        }
    }
}

/// Names the scenario of Microsoft's guides that the tenant looks like, if it looks like one.
fn scenario(groups: &[Group], defaults: Defaults) -> Option<Scenario> {
    let removed = |group: &Group| {
        group.outcome.mode == Some(Value::OPT_OUT) && group.outcome.service_plan == Some(Value::REMOVED)
    };
    Some(match defaults.all()? {
        Switch::On => Scenario::DefaultOn,
        Switch::Off if groups.iter().any(Group::grants) => Scenario::Mixed,
        Switch::Off if groups.iter().any(|group| group.by_sets && removed(group)) => Scenario::OptionalOptIn,
        Switch::Off => Scenario::DefaultOff,
    })
}
