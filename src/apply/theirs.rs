//! Remembers what somebody changed between the plan and the write, while it can still be told that it was somebody.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::desk::Desk;
use crate::model::{By, Entry, Ledger, PersonId, Setting, Settle, TenantEntry, Value};
use crate::plan::Observed;
use crate::store::Record;

/// Is a person, with the features that are no longer as the plan found them.
pub(super) type Moved = (PersonId, Vec<(Setting, Value)>);

impl Desk<'_> {
    /// Remembers as somebody's decision each feature that changed while its default did not.
    ///
    /// Once this run has flipped the default, such a value looks like one that merely followed it, and the next plan
    /// would write over the decision. The mode has no default, so the next plan sees by itself what became of it.
    pub(super) async fn remember_theirs(&self, moved: &[Moved]) {
        if moved.iter().all(|(_, found)| found.is_empty()) {
            return;
        }
        // People may have followed a default that somebody else has changed: it is looked at after them.
        let defaults = self.read_tenant().await;
        let now = self.clock.now();
        let mut records = Vec::new();
        for (id, found) in moved {
            let decision = |ledger: &Ledger, setting: Setting, value: Value| {
                let default = setting.feature()?.tenant_setting();
                let entry = ledger.tenant.get(&default)?;
                let unmoved = defaults.get(&default)?.known() == Some(&entry.value);
                decided(entry, ledger.entry(*id, setting), value, now).filter(|_| unmoved)
            };
            let is = self.run.ledger(|ledger| {
                let decided = |(setting, value): &(Setting, Value)| {
                    Some((*setting, decision(ledger, *setting, *value)?))
                };
                let person = ledger.people.get(id);
                Observed {
                    group: person.and_then(|person| person.group.clone()),
                    settings: found.iter().filter_map(decided).collect(),
                    returned: BTreeMap::new(),
                    gone_since: person.and_then(|person| person.gone_since),
                }
            });
            if !is.settings.is_empty() {
                records.push(Record::Observed { id: *id, is });
            }
        }
        self.journal(records).await;
    }
}

/// Makes the entry of a value that somebody decided on while its default stood, as far as that can be told.
pub(super) fn decided(
    default: &TenantEntry,
    old: Option<&Entry>,
    value: Value,
    now: Timestamp,
) -> Option<Entry> {
    let TenantEntry { value: then, previous, changed_at, .. } = default;
    let lately = changed_at.is_some_and(|at| now.duration_since(at) < Settle::default().defaults);
    let follows = lately && *previous == Some(value);
    // What we wrote or tried, and what does not show yet, says nothing about anybody.
    let unsettled = old.is_some_and(|old| old.tried.is_some() || (old.by == By::Us && !old.confirmed));
    let found = old.and_then(|old| old.found);
    (!follows && !unsettled).then(|| Entry { found, ..Entry::seen(value, Some(*then), true, now) })
}
