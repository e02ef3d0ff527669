//! Brings an entry of the ledger up to date with what is seen now.

use jiff::{SignedDuration, Timestamp};

use crate::model::{By, Entry, Value};

/// Is the default of one setting, now and after this plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultNow {
    /// The tenant's answer; for the mode always `opt-in`, since there is no tenant privacy mode.
    pub now: Value,
    /// What it will be once this plan, and any earlier write that does not show yet, has taken effect.
    pub after: Value,
    /// Whether an operation of this plan changes it.
    pub flips: bool,
    /// What it was, if it changed so lately that people may still show the old value.
    pub settling_from: Option<Value>,
    /// What the manifest asks for, and what was undone under this very manifest, so that it does not come.
    pub undone: Option<Value>,
}

impl DefaultNow {
    /// Makes the default of the privacy mode, which never changes.
    pub const MODE: Self =
        Self { now: Value::OPT_IN, after: Value::OPT_IN, flips: false, settling_from: None, undone: None };

    /// Says whether a value may merely be the old default that still shows.
    pub fn is_settling_at(&self, have: Value) -> bool {
        self.settling_from == Some(have)
    }
}

/// Settles a write whose outcome nobody heard, once enough time has passed for it to show.
///
/// The first reading may be stale, so neither answer counts before the settle time. Afterwards, the value that we
/// tried to write means that the write was ours; any other means that it never happened. What somebody had chosen before
/// we stated it again stays their choice.
pub(super) fn settle_tried(
    entry: Option<Entry>,
    have: Value,
    settle: SignedDuration,
    now: Timestamp,
) -> Option<Entry> {
    let entry = entry?;
    let Some(tried) = entry.tried else { return Some(entry) };
    if now.duration_since(tried.at) < settle {
        return Some(entry);
    }
    if entry.is_choice_of(have) {
        return Some(Entry { tried: None, ..entry });
    }
    if have != tried.value {
        // What was to be undone was not.
        return Some(Entry { tried: None, rolled_back: None, ..entry });
    }
    let theirs = entry.rolled_back.is_some() && entry.was_chosen(have);
    Some(Entry {
        value: have,
        by: if theirs { By::Seen } else { By::Us },
        at: tried.at,
        confirmed: !theirs,
        chosen: theirs,
        released: false,
        tried: None,
        ..entry
    })
}

/// Looks at a value: remembers it if it is new, confirms it if it is as remembered, and else leaves the entry as it is
/// for the verdict to judge.
pub(super) fn look(entry: Option<Entry>, have: Value, default: &DefaultNow, now: Timestamp) -> Entry {
    // While a default is settling, a person who shows the old one has chosen nothing.
    let in_force = if default.is_settling_at(have) { have } else { default.now };
    let Some(entry) = entry else {
        return Entry::seen(have, Some(in_force), have != in_force, now);
    };
    if entry.value != have {
        return entry;
    }
    let settled = default.settling_from.is_none();
    let default_then = if settled { Some(default.now) } else { entry.default_then };
    match entry.by {
        By::Us => Entry {
            confirmed: true,
            stored: entry.stored || (settled && have != default.now),
            default_then,
            ..entry
        },
        By::Seen => Entry { chosen: entry.chosen || have != in_force, default_then, ..entry },
    }
}
