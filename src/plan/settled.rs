//! Says what has become of writes that did not show when their run ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::look::{DefaultNow, look, settle_tried};
use super::tenant::{self, TenantVerdict};
use super::{Deeds, Observations, Observed, PersonDeeds, PersonTarget, Target};
use crate::model::{
    ActualPerson, ActualState, By, DesiredState, Entry, Known, Ledger, PersonId, PersonRecord, Setting,
    Settle, TenantSetting, Value,
};

/// Is what is to be looked at again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// By person.
    pub people: BTreeMap<PersonId, BTreeSet<Setting>>,
    /// Defaults of the tenant.
    pub tenant: BTreeSet<TenantSetting>,
}

impl Written {
    /// Finds everything that was written, or tried, and has not been read back since.
    pub fn unconfirmed(ledger: &Ledger) -> Self {
        let open = |entry: &Entry| (entry.by == By::Us && !entry.confirmed) || entry.tried.is_some();
        let of_person = |record: &PersonRecord| -> BTreeSet<Setting> {
            let settings = record.settings.iter();
            settings
                .filter(|(_, entry)| entry.as_ref().is_some_and(open))
                .map(|(setting, _)| setting)
                .collect()
        };
        let people = ledger.people.iter().map(|(id, record)| (*id, of_person(record)));
        let tenant = ledger.tenant.iter().filter(|(_, entry)| entry.by == By::Us && !entry.confirmed);
        Self {
            people: people.filter(|(_, settings)| !settings.is_empty()).collect(),
            tenant: tenant.map(|(setting, _)| *setting).collect(),
        }
    }

    /// Lists everything that one run wrote, read back or not.
    pub fn by(deeds: &Deeds) -> Self {
        let of_person = |deeds: &PersonDeeds| -> BTreeSet<Setting> {
            let settings = deeds.settings.iter().filter(|(_, deed)| deed.is_some());
            settings.map(|(setting, _)| setting).collect()
        };
        Self {
            people: deeds.people.iter().map(|(id, deeds)| (*id, of_person(deeds))).collect(),
            tenant: deeds.tenant.keys().copied().collect(),
        }
    }

    /// Says whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && self.tenant.is_empty()
    }
}

/// Says what has become of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settled {
    /// It shows.
    Confirmed,
    /// It does not show, and still has time to.
    Settling,
    /// It did not show in its time.
    NotTaken,
    /// It had shown, and somebody else has changed it since.
    Changed,
    /// It could not be read.
    Unknown,
}

impl Settled {
    /// Lists all of them, in display order.
    pub const ALL: [Self; 5] =
        [Self::Confirmed, Self::Settling, Self::NotTaken, Self::Changed, Self::Unknown];
}

/// Is one write that was looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    /// What was written.
    pub target: Target,
    /// The value that was written.
    pub wrote: Value,
    /// When.
    pub at: Timestamp,
    /// What is there now, if it could be read.
    pub have: Option<Value>,
    /// What has become of it.
    pub settled: Settled,
}

/// Is what looking again has found, and what the ledger learns from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// The tenant first, then people by name.
    pub rows: Vec<Verified>,
    /// What apply stores.
    pub observations: Observations,
}

/// Looks again at what was written.
///
/// The ledger learns what can be seen and nothing else: what did not take, or is otherwise now, is for the next plan to
/// judge.
pub fn verify(
    written: &Written,
    actual: &ActualState,
    ledger: &Ledger,
    settle: &Settle,
    now: Timestamp,
) -> Verification {
    let nothing_wanted = DesiredState { settle: *settle, ..DesiredState::default() };
    let tenant = tenant::judge(&nothing_wanted, actual, ledger, now, None);
    let mut found = Verification::default();
    for setting in &written.tenant {
        found.rows.extend(of_tenant(*setting, actual, ledger, settle.defaults, now));
    }
    for (id, settings) in &written.people {
        let (Some(record), person) = (ledger.people.get(id), actual.people.get(id)) else { continue };
        let mut learnt = BTreeMap::new();
        for setting in settings {
            let Some(entry) = *record.settings.get(*setting) else { continue };
            let upn = person.map_or_else(|| id.to_string().into(), |person| Arc::clone(&person.upn));
            let group = record.group.clone().unwrap_or_else(|| "".into());
            let (wrote, at) = entry.tried.map_or((entry.value, entry.at), |tried| (tried.value, tried.at));
            let have = person.and_then(|person| has(person, actual, *setting));
            let age = settle.of(*setting, Some(&entry));
            let (settled, after) = judge(entry, have, default_of(&tenant, *setting), age, now);
            let target = Target::Person(PersonTarget { upn, id: *id, group, setting: *setting });
            found.rows.push(Verified { target, wrote, at, have, settled });
            if after != entry {
                learnt.insert(*setting, after);
            }
        }
        if !learnt.is_empty() {
            let observed = Observed {
                group: record.group.clone(),
                settings: learnt,
                gone_since: record.gone_since,
                ..Observed::default()
            };
            found.observations.people.insert(*id, observed);
        }
    }
    found.rows.sort_by(|one, other| one.target.cmp(&other.target));
    // A default that somebody else has changed is for the next plan to tell of.
    let shows = |setting: &TenantSetting| {
        let target = Target::Tenant(*setting);
        found.rows.iter().any(|row| row.target == target && row.settled == Settled::Confirmed)
    };
    let confirmed = tenant.observed.into_iter().filter(|(setting, _)| shows(setting)).collect();
    found.observations.tenant = confirmed;
    found
}

fn has(person: &ActualPerson, actual: &ActualState, setting: Setting) -> Option<Value> {
    person.values(&actual.catalogue).get(setting).known().copied().flatten()
}

/// Gives the default that a setting follows; `None` where there is none, or it could not be read.
fn default_of(tenant: &TenantVerdict, setting: Setting) -> Option<DefaultNow> {
    match setting {
        Setting::Mode => Some(DefaultNow::MODE),
        Setting::ServicePlan => None,
        Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => {
            tenant.defaults.get(&setting.feature()?).copied()
        }
    }
}

/// Judges one setting of a person, and says what the ledger remembers from now on.
fn judge(
    entry: Entry,
    have: Option<Value>,
    default: Option<DefaultNow>,
    settle: SignedDuration,
    now: Timestamp,
) -> (Settled, Entry) {
    let Some(have) = have else { return (Settled::Unknown, entry) };
    let was_tried = entry.tried;
    let entry = settle_tried(Some(entry), have, settle, now).unwrap_or(entry);
    if entry.tried.is_some() {
        return (Settled::Settling, entry);
    }
    if entry.written() == Some(have) {
        let seen = Entry { confirmed: true, ..entry };
        return (Settled::Confirmed, default.map_or(seen, |default| look(Some(entry), have, &default, now)));
    }
    let gone = was_tried.is_none() && (entry.by == By::Seen || entry.confirmed);
    let has_time = was_tried.is_none() && now.duration_since(entry.at) < settle;
    let settled = if gone {
        Settled::Changed
    } else if has_time {
        Settled::Settling
    } else {
        Settled::NotTaken
    };
    (settled, entry)
}

/// Judges one default; one that has no field to read it from has no row.
fn of_tenant(
    setting: TenantSetting,
    actual: &ActualState,
    ledger: &Ledger,
    settle: SignedDuration,
    now: Timestamp,
) -> Option<Verified> {
    let entry = ledger.tenant.get(&setting)?;
    let have = match actual.tenant.settings.get(&setting)? {
        Known::Is(have) => Some(*have),
        Known::Unknown(_) => None,
    };
    let settled = match have {
        None => Settled::Unknown,
        Some(have) if have == entry.value => Settled::Confirmed,
        Some(_) if entry.by == By::Seen || entry.confirmed => Settled::Changed,
        Some(_) if now.duration_since(entry.at) < settle => Settled::Settling,
        Some(_) => Settled::NotTaken,
    };
    Some(Verified { target: Target::Tenant(setting), wrote: entry.value, at: entry.at, have, settled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BySetting, Tried};

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// An opt-out of ours, so many minutes old.
    fn opt_out(minutes: i64) -> Entry {
        let at = now() - SignedDuration::from_mins(minutes);
        Entry { by: By::Us, ..Entry::seen(Value::OPT_OUT, Some(Value::OPT_IN), false, at) }
    }

    fn judged(entry: Entry, have: Option<Value>) -> (Settled, Entry) {
        judge(entry, have, Some(DefaultNow::MODE), Settle::default().person, now())
    }

    #[test]
    fn what_shows_is_confirmed_whatever_its_age() {
        for minutes in [0, 14, 16, 500] {
            let (settled, after) = judged(opt_out(minutes), Some(Value::OPT_OUT));
            assert_eq!(settled, Settled::Confirmed);
            assert!(after.confirmed && after.stored, "the default differs, so it is stored");
        }
    }

    #[test]
    fn what_does_not_show_settles_until_its_time_is_over() {
        assert_eq!(judged(opt_out(14), Some(Value::OPT_IN)), (Settled::Settling, opt_out(14)));
        assert_eq!(judged(opt_out(15), Some(Value::OPT_IN)), (Settled::NotTaken, opt_out(15)));
        assert_eq!(judged(opt_out(15), None), (Settled::Unknown, opt_out(15)));
        let confirmed = Entry { confirmed: true, ..opt_out(5) };
        assert_eq!(judged(confirmed, Some(Value::OPT_IN)), (Settled::Changed, confirmed));
    }

    #[test]
    fn what_nobody_heard_of_is_settled_by_no_early_look() {
        let tried = |minutes| {
            let at = now() - SignedDuration::from_mins(minutes);
            let tried = Some(Tried { value: Value::OPT_OUT, at });
            Entry { tried, ..Entry::seen(Value::OPT_IN, Some(Value::OPT_IN), false, at) }
        };
        for have in [Value::OPT_IN, Value::OPT_OUT] {
            assert_eq!(judged(tried(14), Some(have)), (Settled::Settling, tried(14)));
        }
        let (settled, after) = judged(tried(15), Some(Value::OPT_OUT));
        assert_eq!((settled, after.written()), (Settled::Confirmed, Some(Value::OPT_OUT)));
        let (settled, after) = judged(tried(15), Some(Value::OPT_IN));
        assert_eq!((settled, after.tried), (Settled::NotTaken, None));
    }

    #[test]
    fn only_what_was_not_read_back_is_looked_at() {
        let mut ledger = Ledger::default();
        let confirmed = Entry { confirmed: true, ..opt_out(1) };
        let settings =
            BySetting { mode: Some(opt_out(1)), dashboard: Some(confirmed), ..BySetting::default() };
        let id = PersonId(uuid::Uuid::from_u128(1));
        ledger.people.insert(id, PersonRecord { settings, ..PersonRecord::default() });
        let written = Written::unconfirmed(&ledger);
        assert_eq!(written.people, BTreeMap::from([(id, BTreeSet::from([Setting::Mode]))]));
        assert!(Written::unconfirmed(&Ledger::default()).is_empty());
    }
}
