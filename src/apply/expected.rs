//! Tells what our own doing may have made of a person from what somebody else has changed.

use std::collections::{BTreeMap, BTreeSet};

use super::Memory;
use super::judge::Expectation;
use crate::model::{BySetting, Entry, Feature, Ledger, PersonId, Setting, Settings, Value};
use crate::store::Meanwhile;

/// Is what this run has made of one person so far.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// What was last read back.
    pub(super) last: Option<Settings>,
    /// What was found right before the last write.
    pub(super) before: Option<Settings>,
    /// What was meant to be written, whatever became of it.
    pub(super) meant: BTreeSet<Setting>,
    /// What was written, whether or not it shows yet, and what changed beside it.
    pub(super) written: Vec<(Setting, Value)>,
}

/// Is what our own doing may have made of one person.
pub(super) struct Expected<'a> {
    pub(super) id: PersonId,
    pub(super) touched: Option<&'a Touched>,
    pub(super) flipped: &'a BTreeMap<Feature, (Value, Value)>,
    /// What the ledger remembers of them.
    pub(super) remembered: BySetting<Option<Entry>>,
    pub(super) meanwhile: &'a Meanwhile,
}

impl<'a> Expected<'a> {
    /// Says what earlier runs may have made of one person, before this one has done anything.
    pub(super) fn before(
        id: PersonId,
        memory: Memory<'a>,
        flipped: &'a BTreeMap<Feature, (Value, Value)>,
    ) -> Self {
        let Memory { ledger, meanwhile } = memory;
        Self { id, touched: None, flipped, remembered: remembered(ledger, id), meanwhile }
    }

    /// Gives what has changed beside what this run meant to write, as it was right before.
    ///
    /// What followed a default that this run flipped is no side effect of a write to the person.
    pub(super) fn changed_beside(&self, now: Settings) -> BTreeMap<Setting, Value> {
        let Some(Touched { before: Some(before), meant, .. }) = self.touched else { return BTreeMap::new() };
        let beside = |setting: Setting| {
            let (was, is) = (before.get(setting)?, now.get(setting)?);
            let ours = !meant.contains(&setting) && !self.moved_with_default(setting, Some(was), is);
            (was != is && ours).then_some((setting, was))
        };
        Setting::ALL.into_iter().filter_map(beside).collect()
    }

    fn moved_with_default(&self, setting: Setting, from: Option<Value>, have: Value) -> bool {
        let flip = setting.feature().and_then(|feature| self.flipped.get(&feature));
        flip.is_some_and(|(was, is)| from == Some(*was) && have == *is)
    }
}

/// Gives what the ledger remembers of a person.
pub(super) fn remembered(ledger: &Ledger, id: PersonId) -> BySetting<Option<Entry>> {
    ledger.people.get(&id).map(|record| record.settings).unwrap_or_default()
}

impl Expectation for Expected<'_> {
    fn by_this_run(&self, setting: Setting, from: Option<Value>, have: Value) -> bool {
        let touched = self.touched.is_some_and(|touched| {
            touched.written.contains(&(setting, have))
                || (touched.meant.contains(&setting)
                    && touched.last.is_some_and(|last| last.get(setting) == Some(have)))
        });
        touched || self.moved_with_default(setting, from, have)
    }

    fn by_earlier_run(&self, setting: Setting, have: Value) -> bool {
        self.remembered.get(setting).is_some_and(|entry| {
            entry.written() == Some(have) || entry.tried.is_some_and(|tried| tried.value == have)
        })
    }

    fn since_the_plan(&self, setting: Setting, have: Value) -> bool {
        let entry = self.remembered.get(setting);
        let written = entry.is_some_and(|entry| entry.written() == Some(have) && entry.confirmed);
        written && self.meanwhile.of(self.id, setting)
    }
}
