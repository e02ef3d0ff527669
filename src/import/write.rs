//! Writes rules as a manifest with comments, and people who have to be named as CSV files.
//!
//! Whatever the directory says is put in double quotes with everything else escaped, in comments too: a name may hold
//! quotes, line ends and YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::compress::{Compressed, People};
use super::have::{Defaults, Outcome};
use super::{Candidate, Counts, Found, Imported, is_plain, number};
use crate::manifest::{Scenario, in_quotes};
use crate::model::{Cloud, Feature, Known, PersonId, Selector, Setting, Switch, TenantSetting, Value};

/// Lists people who have what the tenant gives, and are members of sets that do not.
const AS_GIVEN: &str = "people/as-the-tenant-gives.csv";
/// Lists people of whom something could not be read.
const NOT_READ: &str = "people/not-read.csv";

/// So many people at most are named in the manifest itself, and not in a list.
const FEW: usize = 3;

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

/// Is one group of the manifest.
struct Group {
    name: String,
    outcome: Outcome,
    members: Vec<String>,
    except: Vec<String>,
    /// Whether sets describe it, and not a list of people.
    by_sets: bool,
}

/// Writes everything.
pub(super) fn write(found: &Found<'_>, facts: &Facts<'_>) -> Imported {
    let (mut groups, mut lists) = groups(found, facts);
    if !facts.not_read.is_empty() {
        lists.insert(NOT_READ.to_owned(), list(found, facts.not_read.iter().copied()));
    }
    let mut counts = facts.counts;
    counts.groups = number(groups.len());
    let scenario = scenario(&groups, &facts.defaults);
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
    if let Some(scenario) = scenario {
        let _ = write!(text, "\nscenario: {scenario}\n");
    }
    defaults(found, &mut text);
    if !groups.is_empty() {
        text.push_str("\n# The first group that holds a person decides everything for them.\ngroups:\n");
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
        (as_given, "have what the tenant gives everyone: no group is about them"),
        (by_rules, "are described by groups"),
        (by_name, "are named one by one"),
        (untouchable, "are never changed: guests, disabled accounts, people without a mailbox"),
    ];
    for (count, what) in lines {
        let _ = writeln!(text, "# {count:>7} {what}");
    }
    if not_read > 0 {
        let _ = writeln!(
            text,
            "# {not_read:>7} could not be read: {NOT_READ} lists them, and nothing here names them"
        );
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

/// Makes groups of rules: neighbours with the same outcome are one, and what lets people go is an exception from all
/// behind it. People who have to be named go first, in a group for each outcome.
fn groups(found: &Found<'_>, facts: &Facts<'_>) -> (Vec<Group>, BTreeMap<String, String>) {
    let Facts { who, not_read: _, people, sets, compressed, defaults, counts: _ } = facts;
    let Compressed { rules, named } = compressed;
    let mut lists = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut by_outcome: BTreeMap<Outcome, Vec<PersonId>> = BTreeMap::new();
    let mut as_given = vec![false; people.sort.len()];
    for person in named {
        let at = *person as usize;
        let least = people.sorts[people.sort[at] as usize].least(defaults);
        as_given[at] = least == Outcome::default();
        by_outcome.entry(least).or_default().push(who[at]);
    }
    for (outcome, some) in by_outcome {
        if outcome == Outcome::default() {
            lists.insert(AS_GIVEN.to_owned(), list(found, some.into_iter()));
            continue;
        }
        let word = word(&outcome);
        let members = if some.len() <= FEW {
            let rows = rows(found, some.into_iter());
            rows.into_iter().map(|row| format!("user: {}", in_quotes(&row))).collect()
        } else {
            let path = format!("people/{word}.csv");
            let member = format!("csv: {path}   # {} people", some.len());
            lists.insert(path, list(found, some.into_iter()));
            vec![member]
        };
        groups.push(Group {
            name: format!("{word}-by-name"),
            outcome,
            members,
            except: Vec::new(),
            by_sets: false,
        });
    }
    let mut excepted: Vec<String> = Vec::new();
    let mut last: Option<Outcome> = None;
    for rule in rules {
        let line = member(sets[rule.set]);
        if rule.outcome == Outcome::default() {
            excepted.push(line);
            last = None;
            continue;
        }
        let needs_list = people.sets[rule.set].iter().any(|person| as_given[*person as usize]);
        let list = needs_list.then(|| format!("csv: {AS_GIVEN}"));
        if last == Some(rule.outcome)
            && let Some(group) = groups.last_mut()
        {
            group.members.push(line);
            if let Some(list) = list
                && !group.except.contains(&list)
            {
                group.except.push(list);
            }
            continue;
        }
        let name = format!("{}-{}", word(&rule.outcome), slug(&sets[rule.set].label));
        let except = excepted.iter().cloned().chain(list).collect();
        groups.push(Group { name, outcome: rule.outcome, members: vec![line], except, by_sets: true });
        last = Some(rule.outcome);
    }
    tell_apart(&mut groups);
    (groups, lists)
}

/// Numbers groups that would bear the same name.
fn tell_apart(groups: &mut [Group]) {
    let mut taken = BTreeSet::new();
    for group in groups {
        let name = group.name.clone();
        let mut number = 1;
        while !taken.insert(group.name.clone()) {
            number += 1;
            group.name = format!("{name}-{number}");
        }
    }
}

impl Group {
    /// Says whether sets of people, not lists, are given features here.
    fn grants(&self) -> bool {
        let on = |feature: Feature| *self.outcome.get(feature.setting()) == Some(Value::ON);
        self.by_sets && self.outcome.mode != Some(Value::OPT_OUT) && Feature::ALL.into_iter().any(on)
    }

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

/// Writes a member of a group, and in a comment what the directory calls it, if that is not the same.
fn member(candidate: &Candidate) -> String {
    let Candidate { selector, label } = candidate;
    let (key, spelt) = match selector {
        Selector::Id(id) => ("user", id.to_string()),
        Selector::User(address) | Selector::Mail(address) => ("user", address.clone()),
        Selector::Group(group) => ("group", group.clone()),
        Selector::Filter(filter) => ("filter", filter.clone()),
        Selector::Licence(licence) => ("licence", licence.clone()),
        Selector::Everyone => return "everyone: true".to_owned(),
    };
    let comment = match selector {
        Selector::Group(_) | Selector::Id(_) | Selector::Licence(_) if spelt != **label => {
            format!("   # {}", in_quotes(label))
        }
        Selector::Group(_)
        | Selector::Id(_)
        | Selector::Licence(_)
        | Selector::User(_)
        | Selector::Mail(_)
        | Selector::Filter(_)
        | Selector::Everyone => String::new(),
    };
    format!("{key}: {}{comment}", in_quotes(&spelt))
}

/// Names people by user principal name; by object id where a name could not be read back as it is.
fn rows(found: &Found<'_>, people: impl Iterator<Item = PersonId>) -> Vec<String> {
    let mut rows: Vec<String> = people
        .map(|id| match found.actual.people.get(&id) {
            Some(person) if is_plain(&person.upn) => person.upn.to_string(),
            Some(_) | None => id.to_string(),
        })
        .collect();
    rows.sort_unstable();
    rows
}

/// Writes a list of people as a CSV file of one column.
fn list(found: &Found<'_>, people: impl Iterator<Item = PersonId>) -> String {
    let mut text = "UserPrincipalName\n".to_owned();
    for row in rows(found, people) {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

/// Names an outcome, for groups and files: `opted-out`, `dashboard-off`, `opted-out-no-service-plan`.
///
/// At most 64 letters, so that a name of at most 100 bytes has room for more.
fn word(outcome: &Outcome) -> String {
    let words = outcome.iter().filter_map(|(setting, value)| {
        let value = (*value)?;
        Some(match setting {
            Setting::Mode if value == Value::OPT_OUT => "opted-out".to_owned(),
            Setting::Mode => "opted-in".to_owned(),
            Setting::ServicePlan if value == Value::REMOVED => "no-service-plan".to_owned(),
            Setting::ServicePlan => "service-plan".to_owned(),
            Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => format!("{setting}-{value}"),
        })
    });
    words.collect::<Vec<_>>().join("-")
}

/// Makes a short word of a name.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for char in name.chars() {
        if slug.len() > 24 {
            break;
        }
        if char.is_alphanumeric() {
            slug.extend(char.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "unnamed".to_owned() } else { slug.to_owned() }
}

/// Names the scenario of Microsoft's guides that the tenant looks like, if it looks like one.
fn scenario(groups: &[Group], defaults: &Defaults) -> Option<Scenario> {
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
