//! Folds what runs did and saw into the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::ledger::came_back;
use crate::model::{
    By, Entry, Found, Ledger, Mark, PersonId, Setting, Settle, Subject, TenantEntry, TenantSetting, Tried,
    Value,
};
use crate::plan::Observed;
use crate::store::names::Names;
use crate::store::record::{Answer, Intent, Record, Under};

/// Folds the journal of one run into a ledger.
///
/// | record | what is remembered |
/// |---|---|
/// | observed | what the plan saw, as it saw it |
/// | announced | who was told of a milestone, for good, and by which drafts |
/// | intent, outcome *sent* | the value is ours, not yet confirmed; what was there before our first write is kept |
/// | intent, outcome *refused* | nothing changes |
/// | intent, outcome *unanswered*, or none at all | the entry stays, with what was tried |
/// | read back as written | confirmed; and surely stored, if a default that has stood still differs |
/// | read back as tried, and it was not so before | the write took, although nobody said so |
/// | read back otherwise | nothing: it may not show yet |
/// | sent what somebody had chosen, to state it again | it stays their choice |
/// | sent to undo a run | ours, and marked with the manifest in force; a choice that comes back is its owner's again |
/// | a feature changed beside a write | a side effect of ours: the value is ours and confirmed, nobody chose it |
///
/// What follows from a value that is *still* unconfirmed or merely tried is for the next plan to say, with the age of
/// the write and a fresh look.
#[must_use]
pub fn fold(ledger: Ledger, records: impl IntoIterator<Item = Record>, settle: &Settle) -> Ledger {
    let mut folding = Folding::new(ledger, *settle);
    for record in records {
        folding.take(record);
    }
    folding.close()
}

/// Is a ledger into which the records of one run are being folded.
#[derive(Debug, Default)]
pub(super) struct Folding {
    ledger: Ledger,
    settle: Settle,
    /// The tenant's defaults, as last read in this run.
    defaults: BTreeMap<TenantSetting, Value>,
    /// What this run meant to write, and what was heard of it.
    writes: BTreeMap<Subject, Write>,
    groups: Names,
}

/// Is the last write of this run to one subject.
#[derive(Clone, Copy, Debug)]
struct Write {
    intent: Intent,
    heard: Option<Answer>,
    /// The entry as it was before this run first wrote there.
    original: Option<Entry>,
}

impl Folding {
    /// Begins with a ledger.
    pub(super) fn new(ledger: Ledger, settle: Settle) -> Self {
        Self { ledger, settle, defaults: BTreeMap::new(), writes: BTreeMap::new(), groups: Names::default() }
    }

    /// Gives the ledger as it is now; writes under way are not in it yet.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Folds one record.
    pub(super) fn take(&mut self, record: Record) {
        match record {
            Record::Started(_) | Record::Consented(_) => {}
            Record::ObservedTenant { setting, entry } => {
                self.ledger.tenant.insert(setting, entry);
            }
            Record::Observed { id, is } => self.observed(id, is),
            Record::Returned { setting, at } => {
                came_back(self.ledger.returned.entry(setting).or_default(), at);
            }
            Record::ReOptInKnown { mark, at } => {
                self.ledger.re_opt_ins.entry(mark).or_insert(at);
            }
            // A run that came in between may have seen it begin earlier.
            Record::Wave { name, began: Some(at) } => {
                self.ledger.waves.entry(name).or_insert(at);
            }
            Record::Wave { name, began: None } => {
                self.ledger.waves.remove(&name);
            }
            Record::Released { subject, at: _ } => self.released(subject),
            Record::Announced { milestone, people, drafts, at: _ } => {
                self.ledger.drafts.insert(drafts);
                self.ledger.announced.entry(milestone).or_default().extend(people);
            }
            Record::Forgotten { id, at: _ } => {
                self.ledger.people.remove(&id);
                for told in self.ledger.announced.values_mut() {
                    told.remove(&id);
                }
            }
            Record::TenantRead { values, at: _ } => self.tenant_read(values),
            Record::Intent(intent) => {
                let original = match (self.writes.get(&intent.subject), intent.subject) {
                    (Some(earlier), _) => earlier.original,
                    (None, Subject::Person(id, setting)) => self.ledger.entry(id, setting).copied(),
                    (None, Subject::Tenant(_)) => None,
                };
                self.writes.insert(intent.subject, Write { intent, heard: None, original });
            }
            Record::Outcome { subject, answer, attempts: _, request_id: _, at: _ } => {
                self.outcome(subject, answer);
            }
            Record::ReadBack { id, values, before, at } => self.read_back(id, &values, &before, at),
            Record::Finished { at: _ } => self.give_up(),
        }
    }

    /// Ends the run: a write of which nothing was heard is one that was tried.
    pub(super) fn close(mut self) -> Ledger {
        self.give_up();
        self.ledger
    }

    fn give_up(&mut self) {
        for write in std::mem::take(&mut self.writes).into_values() {
            if write.heard.is_none() {
                self.tried(&write.intent);
            }
        }
    }

    fn observed(&mut self, id: PersonId, is: Observed) {
        let Observed { group, settings, returned, gone_since } = is;
        let group = group.map(|group| self.groups.share(group));
        let record = self.ledger.people.entry(id).or_default();
        record.group = group;
        record.gone_since = gone_since;
        for (setting, at) in returned {
            came_back(record.returned.entry(setting).or_default(), at);
        }
        for (setting, entry) in settings {
            *record.settings.get_mut(setting) = Some(entry);
        }
    }

    /// Lets go of a setting that was quarantined.
    fn released(&mut self, subject: Subject) {
        match subject {
            Subject::Tenant(setting) => {
                self.ledger.returned.remove(&setting);
            }
            Subject::Person(id, setting) => {
                if let Some(record) = self.ledger.people.get_mut(&id) {
                    record.returned.remove(&setting);
                }
            }
        }
    }

    fn outcome(&mut self, subject: Subject, answer: Answer) {
        // An intent is flushed before its write is sent, so an outcome without one cannot be.
        let Some(write) = self.writes.get_mut(&subject) else { return };
        write.heard = Some(answer);
        let write = *write;
        match answer {
            Answer::Sent => self.sent(&write),
            Answer::Refused(_) => {}
            Answer::Unanswered => self.tried(&write.intent),
        }
    }

    fn sent(&mut self, write: &Write) {
        let Write { intent, heard: _, original } = write;
        match intent.subject {
            Subject::Tenant(setting) => self.sent_tenant(intent, setting),
            Subject::Person(id, setting) => {
                let default = self.default_of(setting);
                let record = self.ledger.people.entry(id).or_default();
                if let Some(Under::ReOptIn(mark)) = intent.under {
                    record.re_opted_in = Some(mark);
                }
                let slot = record.settings.get_mut(setting);
                // An opt-in states every feature again. What somebody had chosen is still theirs after that.
                let theirs = original.filter(|old| old.is_choice_of(intent.to));
                let ours = || {
                    let written = ours(intent.to, default, intent.at, intent.from, slot.as_ref());
                    let undoes = rolled_back(intent);
                    // Undoing brings a choice back that we had written over, and it is its owner's again.
                    let theirs = undoes.is_some() && written.was_chosen(intent.to);
                    let by = if theirs { By::Seen } else { By::Us };
                    Entry {
                        by,
                        chosen: theirs,
                        retried: intent.repeat,
                        by_group: intent.by_group,
                        rolled_back: undoes,
                        ..written
                    }
                };
                *slot = Some(theirs.map_or_else(ours, |old| Entry { tried: None, ..old }));
            }
        }
    }

    fn sent_tenant(&mut self, intent: &Intent, setting: TenantSetting) {
        let old = self.ledger.tenant.get(&setting).copied();
        let undoes = rolled_back(intent);
        let remembered = old.map(|old| old.value);
        // Undoing a write that is on its way finds what it writes; what it takes back is in the ledger.
        let found = intent.from.filter(|from| undoes.is_none() || *from != intent.to);
        let was = found.or(remembered).filter(|was| *was != intent.to);
        let entry = TenantEntry {
            value: intent.to,
            by: By::Us,
            at: intent.at,
            confirmed: false,
            previous: was.or(old.and_then(|old| old.previous)),
            changed_at: Some(intent.at),
            rolled_back: undoes,
        };
        self.ledger.tenant.insert(setting, entry);
    }

    /// Remembers a write of which nobody knows whether it happened.
    fn tried(&mut self, intent: &Intent) {
        match intent.subject {
            Subject::Tenant(setting) => {
                // The entry stays, so that the next plan sets it again if it did not happen. People may already show
                // the new default, though, and that must not be taken for their choice: until the change has had its
                // time to settle, either value is one that a default gave them.
                let found = || {
                    let value = intent.from?;
                    Some(TenantEntry {
                        value,
                        by: By::Seen,
                        at: intent.at,
                        confirmed: false,
                        previous: None,
                        changed_at: None,
                        rolled_back: None,
                    })
                };
                if let Some(old) = self.ledger.tenant.get(&setting).copied().or_else(found) {
                    let (previous, changed_at) = (Some(intent.to), Some(intent.at));
                    let rolled_back = rolled_back(intent).or(old.rolled_back);
                    let entry = TenantEntry { previous, changed_at, rolled_back, ..old };
                    self.ledger.tenant.insert(setting, entry);
                }
            }
            Subject::Person(id, setting) => {
                let default = self.default_of(setting);
                let record = self.ledger.people.entry(id).or_default();
                if let Some(Under::ReOptIn(mark)) = intent.under {
                    // It may have met the person, and meets nobody twice.
                    record.re_opted_in = Some(mark);
                }
                let slot = record.settings.get_mut(setting);
                let found = || {
                    let value = intent.from?;
                    let chosen = default.is_some_and(|default| default != value);
                    Some(Entry::seen(value, default, chosen, intent.at))
                };
                if let Some(old) = slot.or_else(found) {
                    // Should it turn out to be ours, what was there before is known by then.
                    let found = ours(intent.to, default, intent.at, intent.from, Some(&old)).found;
                    let tried = Some(Tried { value: intent.to, at: intent.at });
                    let rolled_back = rolled_back(intent).or(old.rolled_back);
                    *slot = Some(Entry { by_group: intent.by_group, rolled_back, found, tried, ..old });
                }
            }
        }
    }

    fn tenant_read(&mut self, values: BTreeMap<TenantSetting, Value>) {
        for (setting, value) in &values {
            let subject = Subject::Tenant(*setting);
            if let Some(write) = self.writes.get_mut(&subject)
                && write.took_unheard(*value)
            {
                write.heard = Some(Answer::Sent);
                let write = *write;
                self.sent(&write);
            }
            if let Some(entry) = self.ledger.tenant.get_mut(setting)
                && entry.by == By::Us
                && entry.value == *value
            {
                entry.confirmed = true;
            }
        }
        self.defaults.extend(values);
    }

    fn read_back(
        &mut self,
        id: PersonId,
        values: &BTreeMap<Setting, Value>,
        before: &BTreeMap<Setting, Value>,
        at: Timestamp,
    ) {
        for (&setting, &value) in values {
            if let Some(was) = before.get(&setting) {
                self.side_effect(id, setting, *was, value, at);
            } else if let Some(write) = self.writes.get_mut(&Subject::Person(id, setting))
                && write.took_unheard(value)
            {
                write.heard = Some(Answer::Sent);
                let write = *write;
                self.sent(&write);
            }
            self.confirm(id, setting, value, at);
        }
    }

    /// Remembers a feature that changed beside a write as ours, so that nobody is blamed for it.
    ///
    /// Only features: an opt-out that we did not mean to write is somebody's decision until shown otherwise.
    fn side_effect(&mut self, id: PersonId, setting: Setting, was: Value, is: Value, at: Timestamp) {
        if setting.feature().is_none() {
            return;
        }
        let default = self.default_of(setting);
        let slot = self.ledger.people.entry(id).or_default().settings.get_mut(setting);
        let released = slot.is_some_and(|old| old.released);
        *slot = Some(Entry { released, ..ours(is, default, at, Some(was), slot.as_ref()) });
    }

    fn confirm(&mut self, id: PersonId, setting: Setting, value: Value, at: Timestamp) {
        let default = self.default_of(setting);
        let steady = self.steady(setting, at);
        let Some(record) = self.ledger.people.get_mut(&id) else { return };
        if let Some(entry) = record.settings.get_mut(setting)
            && entry.written() == Some(value)
        {
            entry.confirmed = true;
            entry.tried = None;
            entry.default_then = default.or(entry.default_then);
            entry.stored |= steady && default.is_some_and(|default| default != value);
        }
    }

    /// Gives the default that this setting follows where nothing is stored.
    fn default_of(&self, setting: Setting) -> Option<Value> {
        match setting {
            // There is no tenant privacy mode: everyone begins opted in.
            Setting::Mode => Some(Value::OPT_IN),
            Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => {
                let default = setting.feature()?.tenant_setting();
                let remembered = || self.ledger.tenant.get(&default).map(|entry| entry.value);
                self.defaults.get(&default).copied().or_else(remembered)
            }
            Setting::ServicePlan => None,
        }
    }

    /// Says whether the default of this setting has had its time to show everywhere.
    fn steady(&self, setting: Setting, at: Timestamp) -> bool {
        let changed = setting
            .feature()
            .and_then(|feature| self.ledger.tenant.get(&feature.tenant_setting()))
            .and_then(|entry| entry.changed_at);
        changed.is_none_or(|changed| at.duration_since(changed) >= self.settle.defaults)
    }
}

impl Write {
    /// Says whether a write of which nothing was heard can be seen: the value is there now, and was not right before.
    ///
    /// The opposite proves nothing, since a read may be stale.
    fn took_unheard(&self, value: Value) -> bool {
        let Self { intent, heard, original: _ } = self;
        let unheard = match heard {
            None | Some(Answer::Unanswered) => true,
            Some(Answer::Sent | Answer::Refused(_)) => false,
        };
        unheard && value == intent.to && intent.from.is_some_and(|from| from != value)
    }
}

/// Gives the manifest under which a write undoes a run.
fn rolled_back(intent: &Intent) -> Option<Mark> {
    match intent.under {
        Some(Under::Rollback(mark)) => Some(mark),
        Some(Under::ReOptIn(_)) | None => None,
    }
}

/// Makes the entry of a value that we wrote, keeping what was there before we first wrote.
///
/// What somebody else decided after an earlier write of ours is what a later restore brings back, not what was there
/// before that.
fn ours(
    value: Value,
    default: Option<Value>,
    at: Timestamp,
    from: Option<Value>,
    old: Option<&Entry>,
) -> Entry {
    let found = match old {
        Some(old) => match old.by {
            By::Us => old.found,
            By::Seen => {
                let was = from.unwrap_or(old.value);
                Some(Found { value: was, chosen: old.chosen || was != old.value })
            }
        },
        None => from.map(|was| Found { value: was, chosen: default.is_some_and(|default| default != was) }),
    };
    Entry {
        value,
        by: By::Us,
        default_then: default.or(old.and_then(|old| old.default_then)),
        at,
        confirmed: false,
        stored: false,
        chosen: false,
        released: false,
        retried: false,
        by_group: false,
        recorded: false,
        rolled_back: None,
        found,
        tried: None,
    }
}

#[cfg(test)]
mod tests;
