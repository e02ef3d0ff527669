//! Tells what decides for one person.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::hold::{Deviations, Holding};
use super::person::{Bench, Judgement, judge, left_alone_as_a_whole};
use super::routes::Routes;
use super::waiting::reason_to_wait;
use super::{Attribution, Barrier, Because, Context, DefaultNow, Inquiry, Reason, tenant};
use crate::model::rollout::WaveStatus;
use crate::model::{
    ActualPerson, ActualState, Catalogue, DesiredGroup, DesiredState, Entry, GroupId, Kind, Ledger, PersonId,
    ServicePlan, Setting, Value,
};

/// Is everything that decides for one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one person")]
pub struct Explanation {
    /// `userPrincipalName`.
    pub upn: Arc<str>,
    /// Entra object id.
    pub id: PersonId,
    /// The group of the manifest that decides; `None` where none holds the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decides: Option<Arc<str>>,
    /// Every group of the manifest that names the person and is in force for them, in order.
    pub groups: Vec<Arc<str>>,
    /// The groups that name the person and are not in force for them, in order: their wave has not begun, takes in a
    /// share that the person is not in, or is over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_in_force: Vec<Arc<str>>,
    /// Whether `guards.protected` names the person.
    pub protected: bool,
    /// Whether the deciding group is certain; `false` when something before it could not be read.
    pub certain: bool,
    /// Member or guest.
    pub kind: Kind,
    /// Whether the account is enabled.
    pub enabled: bool,
    /// Whether the person has a mailbox.
    pub mailbox: bool,
    /// The products that carry personal insights.
    pub licences: Vec<LicenceLine>,
    /// The state over all of them; `None` when no product carries it.
    pub service_plan: Option<ServicePlan>,
    /// What the person waits for, where no group holds them yet that names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// By setting, in display order.
    pub settings: Vec<SettingExplanation>,
    /// What came of asking the audit log who chose what others chose, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inquiry: Option<Inquiry>,
}

/// Is what somebody waits for whom only groups name that are not in force yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Waits {
    /// The first such group.
    pub group: Arc<str>,
    /// Where days begin: an IANA name.
    pub time_zone: String,
    /// The next wave of that group that takes in the person; `None` where there is none, since a share of the group is
    /// all that waves take in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wave: Option<WaveStatus>,
}

/// Is one way in which a person holds a product that carries personal insights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LicenceLine {
    /// The product's name.
    pub sku: Arc<str>,
    /// The group that hands it down; `None` when assigned directly.
    pub by_group: Option<Arc<str>>,
    /// Whether this source has all of its personal-insights plans on.
    pub on: bool,
}

/// Is what decides for one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingExplanation {
    /// The setting.
    pub setting: Setting,
    /// What the manifest asks for.
    pub want: Option<Value>,
    /// What is, if it could be read.
    pub have: Option<Value>,
    /// The tenant's default now.
    pub default: Option<Value>,
    /// The tenant's default after this plan.
    pub default_after: Option<Value>,
    /// What the ledger remembers.
    pub entry: Option<Entry>,
    /// When a value that we had written was found changed by somebody else, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<Timestamp>,
    /// What accepts that the person has this value, if something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Agreed>,
    /// The group's decision to opt people in again, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub re_opt_in: Option<Agreed>,
    /// The licensing groups that the service plan is changed through, for all of their members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<Arc<str>>,
    /// The licensing groups that stand against a change of the service plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub barred: Vec<Barred>,
    /// The row of the verdict table that matched, 1 to 14; `None` for the service plan, or when the person as a whole
    /// is left alone.
    pub row: Option<u8>,
    /// Who chose what is, where somebody else did and the audit log tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Box<Attribution>>,
    /// What follows.
    pub decision: Decision,
}

/// Is a licensing group that stands against a change of the service plan, and why it is not changed itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Barred {
    /// The group's name, or its id where the name could not be read.
    pub group: Arc<str>,
    /// Why.
    pub barrier: Barrier,
}

/// Is why the manifest makes an exception, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Agreed {
    /// Why, in the words of the manifest.
    pub reason: Arc<str>,
    /// The moment from which it no longer holds.
    pub until: Timestamp,
}

/// Is what follows for one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It is written.
    Set {
        /// The new value.
        to: Value,
        /// Why.
        because: Because,
    },
    /// It is left alone.
    Leave(Reason),
}

/// Tells what decides for one person, through the same judgement as a plan.
///
/// `naming` are the groups of the manifest that name the person, by index, in order. `None` when the tenant did not describe the
/// person.
pub fn explain(
    desired: &DesiredState,
    actual: &ActualState,
    ledger: &Ledger,
    context: &Context,
    naming: &[u32],
    id: PersonId,
) -> Option<Explanation> {
    let person = actual.people.get(&id)?;
    let tenant = tenant::judge(desired, actual, ledger, context.now, Some(context.mark()));
    let deviations = Deviations::new(desired, context.as_of);
    let assumed = Routes::assumed();
    let bench = Bench::new(&tenant, &assumed, &deviations, desired, actual, ledger, context);
    let routes = Routes::decide(&bench, desired, actual, ledger);
    let bench = Bench { routes: &routes, ..bench };
    let held = desired.people.get(&id).copied();
    let protected = desired.protected.contains(&id);
    let certain = match held {
        Some(held) => held.certain,
        None => !desired.waiting.contains_key(&id) || desired.unreadable.is_empty(),
    };
    let record = ledger.people.get(&id);
    let waiting = desired.waiting.get(&id).copied();
    let waits = waiting.map(|group| Waits {
        group: Arc::clone(&desired.groups[group as usize].name),
        time_zone: desired.rollout.time_zone.clone(),
        wave: desired.awaited_by(id, group).cloned(),
    });
    let judged = held.map(|held| {
        let group = desired.group(held);
        let whole = left_alone_as_a_whole(person, held.certain, protected, group.closed.is_some());
        (group, judge(&bench, group, id, person, record, whole))
    });
    let judged = judged.or_else(|| {
        let group = &desired.groups[waiting? as usize];
        let whole = reason_to_wait(desired, person, protected);
        Some((group, judge(&bench, group, id, person, record, Some(whole))))
    });
    let holding = Holding { deviations: &deviations, id, record, now: context.now };
    let settings =
        Setting::ALL.map(|setting| explain_setting(&bench, &holding, person, judged.as_ref(), setting));
    let (in_force, not_in_force): (Vec<u32>, Vec<u32>) =
        naming.iter().partition(|group| desired.in_force.group(**group).holds(id));
    let names = |groups: Vec<u32>| {
        groups.iter().map(|group| Arc::clone(&desired.groups[*group as usize].name)).collect()
    };
    Some(Explanation {
        upn: Arc::clone(&person.upn),
        id,
        decides: held.map(|held| Arc::clone(&desired.group(held).name)),
        groups: names(in_force),
        not_in_force: names(not_in_force),
        protected,
        certain,
        kind: person.kind,
        enabled: person.enabled,
        mailbox: person.mailbox,
        licences: licence_lines(person, &actual.catalogue),
        service_plan: person.licences.service_plan(&actual.catalogue),
        waits,
        settings: settings.into(),
        inquiry: None,
    })
}

fn explain_setting(
    bench: &Bench<'_>,
    holding: &Holding<'_>,
    person: &ActualPerson,
    judged: Option<&(&DesiredGroup, Judgement)>,
    setting: Setting,
) -> SettingExplanation {
    let default = match setting {
        Setting::Mode => Some(DefaultNow::MODE),
        Setting::ServicePlan => None,
        Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => {
            setting.feature().and_then(|feature| bench.tenant.defaults.get(&feature)).copied()
        }
    };
    let verdict = judged.and_then(|(_, judgement)| judgement.settings.get(setting).as_ref());
    let whole = judged.and_then(|(_, judgement)| judgement.whole);
    let have = person.values(bench.catalogue).get(setting).known().copied().flatten();
    let entry = holding.record.and_then(|record| *record.settings.get(setting));
    let accepted = have.and_then(|have| bench.deviations.accepts(holding.id, setting, have));
    let of_mode = |(group, _): &(&DesiredGroup, Judgement)| group.re_opt_in.clone();
    let re_opt_in = judged.filter(|_| setting == Setting::Mode).and_then(of_mode);
    let judgement =
        judged.filter(|_| setting == Setting::ServicePlan).map(|(group, judgement)| (group, judgement));
    let through = judgement.iter().flat_map(|(_, judgement)| &judgement.through);
    let barred = judgement.iter().flat_map(|(group, judgement)| {
        let removal = group.wants.service_plan == Some(Value::REMOVED);
        judgement.inherited_from.iter().map(move |id| (*id, removal))
    });
    SettingExplanation {
        setting,
        want: judged.and_then(|(group, _)| *group.wants.get(setting)),
        have,
        default: default.map(|default| default.now),
        default_after: default.map(|default| default.after),
        entry,
        returned: verdict.map(|verdict| holding.history(setting, verdict)).unwrap_or_default(),
        accepted: accepted.map(|it| Agreed { reason: Arc::clone(&it.reason), until: it.until }),
        re_opt_in: re_opt_in.map(|rule| Agreed { reason: rule.reason, until: rule.until }),
        through: through.map(|id| licensing_name(*id, bench.catalogue)).collect(),
        barred: barred
            .map(|way| Barred {
                group: licensing_name(way.0, bench.catalogue),
                barrier: bench.routes.barrier(way),
            })
            .collect(),
        row: verdict.and_then(|verdict| verdict.row),
        by: None,
        decision: match (verdict, whole) {
            (Some(verdict), None) => verdict.decision,
            (_, Some(reason)) => Decision::Leave(reason),
            (None, None) => Decision::Leave(Reason::Released),
        },
    }
}

/// Names a licensing group, by its id where the name could not be read.
fn licensing_name(id: GroupId, catalogue: &Catalogue) -> Arc<str> {
    catalogue.groups.get(&id).cloned().unwrap_or_else(|| id.to_string().into())
}

fn licence_lines(person: &ActualPerson, catalogue: &Catalogue) -> Vec<LicenceLine> {
    let line = |source: &crate::model::Source| {
        let sku = catalogue.skus.get(&source.sku).filter(|sku| !sku.insights.is_empty())?;
        Some(LicenceLine {
            sku: Arc::clone(&sku.name),
            by_group: source.by_group.map(|group| licensing_name(group, catalogue)),
            on: source.active && sku.insights.iter().all(|plan| !source.disabled.contains(plan)),
        })
    };
    person.licences.0.iter().filter_map(line).collect()
}
