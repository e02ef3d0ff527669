//! Decides which opt-outs of an administrator's script count as ours from now on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Basis, Observations, Observed, Occasion, Plan, Recorded};
use crate::model::{
    ActualState, By, Entry, Known, Ledger, Members, Membership, Mode, PersonId, PersonRecord, Selector,
    Setting, Value,
};

/// Is the version of the recording's form that this program writes.
const FORMAT: u32 = 1;

/// Is what somebody says about a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who says so.
    pub by: Arc<str>,
    /// When the script wrote.
    pub written_on: Timestamp,
    /// When a plan last looked at everybody in scope and was applied, if that is known.
    pub last_look: Option<Timestamp>,
    /// When a plan looked at everybody for the second time after the script had written, if that is known.
    pub second_look: Option<Timestamp>,
}

/// Is a script's list, and what becomes of each person on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recording {
    /// The version of this form.
    pub format: u32,
    /// Who says that a script wrote this.
    pub by: Arc<str>,
    /// When the script wrote.
    pub written_on: Timestamp,
    /// Everybody on the list, sorted by address; nobody twice.
    pub rows: Vec<Finding>,
}

/// Is what becomes of one person on the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// `userPrincipalName` as the directory spells it, or the address as the list does.
    pub upn: Arc<str>,
    /// Entra object id; absent when not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PersonId>,
    /// What becomes of their opt-out.
    pub verdict: Counts,
}

/// Says whether an opt-out counts as ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// From now on.
    AsOurs,
    /// It did before: insightctl wrote it.
    AlreadyOurs,
    /// Nobody knows: the person's mode, or the person, could not be read.
    Unknown,
    /// The directory does not know the address.
    NotFound,
    /// The person is opted in.
    OptedIn,
    /// The person was seen opted in after the script wrote, so the opt-out is a later one.
    OptedInAfter,
    /// The person was seen opted out before the script wrote, so it was not the script.
    OptedOutBefore,
}

impl Counts {
    /// Lists all of them, in display order.
    pub const ALL: [Self; 7] = [
        Self::AsOurs,
        Self::AlreadyOurs,
        Self::Unknown,
        Self::NotFound,
        Self::OptedIn,
        Self::OptedInAfter,
        Self::OptedOutBefore,
    ];

    /// Says whether the row does not hold what is said of it.
    pub fn is_refused(self) -> bool {
        match self {
            Self::AsOurs | Self::AlreadyOurs => false,
            Self::Unknown | Self::NotFound | Self::OptedIn | Self::OptedInAfter | Self::OptedOutBefore => {
                true
            }
        }
    }
}

/// Decides about everybody on a script's list.
///
/// Nobody's choice may be laundered: whoever is opted in now, or was seen otherwise than a script of that day would have
/// left them, is refused.
pub fn record<'s>(
    listed: impl IntoIterator<Item = (Selector, &'s str)>,
    membership: &Membership,
    actual: &ActualState,
    ledger: &Ledger,
    claim: &Claim,
) -> Recording {
    let mut rows = BTreeSet::new();
    for (selector, spelt) in listed {
        let spelt = || Arc::from(spelt);
        let finding = match membership.of.get(&selector) {
            Some(Known::Is(Members::Are(people))) if people.len() == 1 => {
                let id = people[0];
                let person = actual.people.get(&id);
                let mode = person.and_then(|person| person.settings.known()).map(|settings| settings.mode);
                let upn = person.map_or_else(spelt, |person| Arc::clone(&person.upn));
                Finding { upn, id: Some(id), verdict: judge(mode, ledger.people.get(&id), claim) }
            }
            Some(Known::Is(Members::NoSuchPerson | Members::Gone)) => {
                Finding { upn: spelt(), id: None, verdict: Counts::NotFound }
            }
            Some(Known::Is(Members::Are(_) | Members::Ambiguous(_)) | Known::Unknown(_)) | None => {
                Finding { upn: spelt(), id: None, verdict: Counts::Unknown }
            }
        };
        rows.insert(finding);
    }
    let Claim { by, written_on, last_look: _, second_look: _ } = claim;
    let rows = rows.into_iter().collect();
    Recording { format: FORMAT, by: Arc::clone(by), written_on: *written_on, rows }
}

fn judge(mode: Option<Mode>, record: Option<&PersonRecord>, claim: &Claim) -> Counts {
    match mode {
        None => return Counts::Unknown,
        Some(Mode::OptIn) => return Counts::OptedIn,
        Some(Mode::OptOut) => {}
    }
    let Some(record) = record else { return Counts::AsOurs };
    let Some(entry) = record.settings.mode else { return Counts::AsOurs };
    if entry.is_being_written(Value::OPT_OUT) {
        return Counts::AlreadyOurs;
    }
    if entry.value == Value::OPT_OUT {
        // Seen first at the second look after the script or later, it was not yet there at the first.
        let later = claim.second_look.is_some_and(|second| entry.at >= second);
        return if entry.at < claim.written_on {
            Counts::OptedOutBefore
        } else if later {
            Counts::OptedInAfter
        } else {
            Counts::AsOurs
        };
    }
    // The entry has not changed since, so whoever a group held was still opted in at the last look.
    let looked = claim.last_look.filter(|_| record.group.is_some());
    let last_in = looked.map_or(entry.at, |looked| looked.max(entry.at));
    if last_in > claim.written_on { Counts::OptedInAfter } else { Counts::AsOurs }
}

impl Recording {
    /// Counts the rows, by what becomes of them.
    pub fn counted(&self) -> BTreeMap<Counts, u64> {
        let mut counted = BTreeMap::new();
        for row in &self.rows {
            *counted.entry(row.verdict).or_default() += 1;
        }
        counted
    }

    /// Makes the plan that remembers it, and writes nothing to the tenant.
    pub fn plan(&self, basis: Basis, ledger: &Ledger) -> Plan {
        let ours = self.rows.iter().filter(|row| row.verdict == Counts::AsOurs).filter_map(|row| row.id);
        let people: BTreeMap<PersonId, Observed> =
            ours.map(|id| (id, self.observed(ledger.people.get(&id)))).collect();
        let recorded =
            Recorded { by: Arc::clone(&self.by), written_on: self.written_on, people: people.len() as u64 };
        Plan {
            occasion: Some(Occasion::Recording(recorded)),
            observations: Observations { people, ..Observations::default() },
            ..Plan::empty(basis)
        }
    }

    /// Remembers one person's opt-out as ours; all else that is known of them stays.
    fn observed(&self, record: Option<&PersonRecord>) -> Observed {
        let opt_in = Some(Value::OPT_IN);
        let entry = Entry {
            by: By::Us,
            confirmed: true,
            stored: true,
            recorded: true,
            ..Entry::seen(Value::OPT_OUT, opt_in, false, self.written_on)
        };
        Observed {
            group: record.and_then(|record| record.group.clone()),
            settings: BTreeMap::from([(Setting::Mode, entry)]),
            gone_since: record.and_then(|record| record.gone_since),
            ..Observed::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    /// The script wrote on day 10; a plan last looked on day 20, unless told otherwise.
    fn claim() -> Claim {
        Claim {
            by: "Grace".into(),
            written_on: day(10),
            last_look: Some(day(20)),
            second_look: Some(day(15)),
        }
    }

    fn judged(entry: Option<Entry>, group: Option<&str>) -> Counts {
        let mut record = PersonRecord { group: group.map(Arc::from), ..PersonRecord::default() };
        record.settings.mode = entry;
        judge(Some(Mode::OptOut), Some(&record), &claim())
    }

    fn seen(value: Value, on: i64) -> Entry {
        Entry::seen(value, Some(Value::OPT_IN), value == Value::OPT_OUT, day(on))
    }

    #[test]
    fn an_opt_out_that_nothing_contradicts_counts_as_ours() {
        assert_eq!(judge(Some(Mode::OptOut), None, &claim()), Counts::AsOurs);
        assert_eq!(judged(None, Some("pilot")), Counts::AsOurs);
        assert_eq!(judged(Some(seen(Value::OPT_OUT, 11)), Some("pilot")), Counts::AsOurs);
        assert_eq!(
            judged(Some(seen(Value::OPT_IN, 5)), None),
            Counts::AsOurs,
            "nobody looked after the script"
        );
    }

    #[test]
    fn whoever_was_opted_in_after_the_script_has_opted_out_since() {
        assert_eq!(judged(Some(seen(Value::OPT_IN, 11)), None), Counts::OptedInAfter);
        assert_eq!(
            judged(Some(seen(Value::OPT_IN, 5)), Some("pilot")),
            Counts::OptedInAfter,
            "the last look"
        );
        let ours = Entry { by: By::Us, confirmed: true, ..seen(Value::OPT_IN, 11) };
        assert_eq!(judged(Some(ours), None), Counts::OptedInAfter);
    }

    #[test]
    fn whoever_was_opted_out_before_the_script_did_so_themselves() {
        assert_eq!(judged(Some(seen(Value::OPT_OUT, 9)), Some("pilot")), Counts::OptedOutBefore);
    }

    #[test]
    fn what_is_ours_already_is_not_recorded_again() {
        let ours = Entry { by: By::Us, ..seen(Value::OPT_OUT, 9) };
        assert_eq!(judged(Some(ours), None), Counts::AlreadyOurs);
    }

    #[test]
    fn nobody_is_recorded_who_is_opted_in_or_could_not_be_read() {
        assert_eq!(judge(Some(Mode::OptIn), None, &claim()), Counts::OptedIn);
        assert_eq!(judge(None, None, &claim()), Counts::Unknown);
        assert!(Counts::ALL.into_iter().filter(|counts| !counts.is_refused()).count() == 2);
    }

    #[test]
    fn what_else_is_remembered_of_a_person_stays() {
        let id = PersonId(uuid::Uuid::from_u128(1));
        let finding = |verdict| Finding { upn: "ada@contoso.com".into(), id: Some(id), verdict };
        let rows = vec![finding(Counts::AsOurs)];
        let recording = Recording { format: FORMAT, by: "Grace".into(), written_on: day(10), rows };
        let record = PersonRecord { group: Some("pilot".into()), ..PersonRecord::default() };
        let observed = recording.observed(Some(&record));
        assert_eq!(observed.group.as_deref(), Some("pilot"));
        let entry = observed.settings[&Setting::Mode];
        assert!(
            entry.recorded && entry.written() == Some(Value::OPT_OUT) && entry.at == day(10) && !entry.chosen
        );
    }
}
