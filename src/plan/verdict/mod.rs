//! Decides about one mode or feature of one person: the verdict table.
//!
//! The service never says who set a value, nor whether it is stored or follows the default. What can be reasoned: a
//! value that differs from the default was set by someone; a value that changed while the default did not was changed
//! by someone; a value never written moves with the default.
//!
//! The first row that matches wins.
//!
//! | # | want | have | entry | verdict | reason |
//! |---|---|---|---|---|---|
//! | 1 | – | any | any | nothing; the entry is kept and marked | released |
//! | 2 | some | unknown | any | nothing, ever | unknown |
//! | 3 | a feature | any | mode is, or will be, opt-out | nothing | opted-out |
//! | 4 | some | ≠ want | written = want, young, unconfirmed | nothing | settling |
//! | 5 | some | ≠ want | written = want, young, confirmed | nothing | own-choice, consent-floor; default-moved if a flip took it |
//! | 6 | some | = the old default | default changed lately; not chosen; have ≠ written | nothing | default-settling |
//! | 7 | some | = want = default now, ≠ after | neither written nor chosen; or written, never surely stored | set | pinned |
//! | 8 | some | = want | any | nothing | in-sync |
//! | 9 | some | ≠ want, = default, ≠ default then | written = want, confirmed | nothing, or set with consent | default-moved |
//! | 10 | some | ≠ want | written = have | set | manifest-changed |
//! | 11 | some | ≠ want | written = want, unconfirmed, in time, not retried | set once | did-not-take |
//! | 12 | some | ≠ want | chosen, or changed by someone, or 11 came too late | respect, floor, or override | own-choice … |
//! | 13 | some | ≠ want, = default now; default after = want | not chosen, respect | nothing | moves-with-default |
//! | 14 | some | ≠ want, = default | not written, not chosen | set | first-touch |
//!
//! What stands beside the table holds a write back that rows 9 to 14 would make: where a run was undone under this very
//! manifest, the value stays (rolled-back), and so does one that would move with a default that was undone.

use jiff::{SignedDuration, Timestamp};

use super::explain::Decision;
use super::look::{self, DefaultNow};
use super::{Because, Reason};
use crate::model::{Entry, Mark, OnUserChoice, Setting, Value};

/// Is everything that decides about one mode or feature.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Which knob; the service plan has rules of its own.
    pub setting: Setting,
    /// What the manifest asks for.
    pub want: Option<Value>,
    /// What is; `None` when it could not be read.
    pub have: Option<Value>,
    /// The default of this setting; `None` when it could not be read.
    pub default: Option<DefaultNow>,
    /// What the ledger remembers.
    pub entry: Option<Entry>,
    /// Whether the person is, or after this plan will be, opted out.
    pub opted_out: bool,
    /// Whose decision stands.
    pub on_user_choice: OnUserChoice,
    /// Whether a value that a default moved may be written again.
    pub re_pin: bool,
    /// The manifest in force; what was undone under it stays so.
    pub manifest: Mark,
    /// How long a write to a person may take to show.
    pub settle: SignedDuration,
    /// The moment of looking.
    pub now: Timestamp,
}

/// Is what follows from a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The row of the table, 1 to 14; `None` for a service plan, and where a run was undone.
    pub row: Option<u8>,
    /// What follows.
    pub decision: Decision,
    /// The entry after looking; `None` when there is none and none is made.
    pub entry: Option<Entry>,
    /// Somebody else changed the value since we last looked.
    pub changed_outside: bool,
    /// An opt-out that stays, which we wrote once and have released since.
    pub ours_released: bool,
}

impl Verdict {
    /// Makes the verdict on a service plan, which the table does not judge.
    pub(super) fn of_plan(decision: Decision, entry: Option<Entry>) -> Self {
        Self { row: None, decision, entry, changed_outside: false, ours_released: false }
    }
}

/// Goes through the table.
#[expect(clippy::too_many_lines, reason = "one table, to be read from above to below")]
pub fn decide(case: &Case) -> Verdict {
    let kept = |row, reason, entry| Verdict {
        row: Some(row),
        decision: Decision::Leave(reason),
        entry,
        changed_outside: false,
        ours_released: false,
    };
    let Some(want) = case.want else {
        return kept(1, Reason::Released, case.entry.map(|entry| Entry { released: true, ..entry }));
    };
    let Some(have) = case.have else { return kept(2, Reason::Unknown, case.entry) };
    if case.opted_out && case.setting.feature().is_some() {
        return kept(3, Reason::OptedOut, case.entry);
    }
    let Some(default) = case.default else {
        // Without the default nobody can tell a choice from a value that nobody ever touched.
        let reason = if have == want { Reason::InSync } else { Reason::Unknown };
        return kept(if have == want { 8 } else { 2 }, reason, case.entry);
    };

    let before = look::settle_tried(case.entry, have, case.settle, case.now);
    let entry = look::look(before, have, &default, case.now);
    let changed = before.is_some_and(|before| before.value != have);
    let written = entry.written();
    let age = case.now.duration_since(entry.at);
    let young = age < case.settle;
    let differs = have != want;
    let default_moved = have == default.now && entry.default_then != Some(default.now);
    let by_someone = changed && !default_moved;

    if entry.tried.is_some() && differs {
        return kept(4, Reason::Settling, Some(entry));
    }
    if differs && written == Some(want) && young {
        if !entry.confirmed {
            return kept(4, Reason::Settling, Some(entry));
        }
        // Our own flip of the default may be what moved it, where a write of the same value is not stored.
        let reason = if default_moved { Reason::DefaultMoved } else { choice(have) };
        return Verdict { changed_outside: by_someone, ..kept(5, reason, Some(entry)) };
    }
    if default.is_settling_at(have) && !entry.chosen && written != Some(have) {
        return kept(6, Reason::DefaultSettling, Some(entry));
    }
    let set = |row, because, entry| Verdict {
        row: Some(row),
        decision: Decision::Set { to: want, because },
        entry: Some(entry),
        changed_outside: false,
        ours_released: false,
    };
    if !differs {
        let untouched = written.is_none() && !entry.chosen;
        let unproved = written.is_some() && !entry.stored && default.flips;
        if have == default.now && default.after != want && (untouched || unproved) {
            return set(7, Because::Pinned, entry);
        }
        // What was tried or written a moment ago may be what shows; that settles nothing, and blames nobody.
        let undoing = entry.rolled_back == Some(case.manifest);
        let on_its_way = young && !entry.confirmed && (written.is_some() || undoing);
        let stale = entry.tried.is_some() || on_its_way;
        let entry = if changed && !stale {
            Entry { found: entry.found, ..Entry::seen(have, Some(default.now), by_someone, case.now) }
        } else {
            Entry { released: false, ..entry }
        };
        let changed_outside = by_someone && !stale;
        return Verdict { changed_outside, ..kept(8, Reason::InSync, Some(entry)) };
    }
    if entry.is_undone(have, case.manifest) {
        return Verdict { row: None, ..kept(10, Reason::RolledBack, Some(entry)) };
    }
    if default_moved && written == Some(want) && entry.confirmed {
        if case.re_pin {
            return set(9, Because::RePin, entry);
        }
        return kept(9, Reason::DefaultMoved, Some(entry));
    }
    if written == Some(have) {
        if have == Value::OPT_OUT && entry.released {
            return Verdict { ours_released: true, ..kept(12, Reason::ConsentFloor, Some(entry)) };
        }
        let because = if entry.recorded { Because::Recorded } else { Because::ManifestChanged };
        return set(10, because, entry);
    }
    let unconfirmed = written == Some(want) && !entry.confirmed;
    let in_time = age < case.settle.checked_mul(2).unwrap_or(SignedDuration::MAX);
    if unconfirmed && in_time && !entry.retried && !entry.released {
        return set(11, Because::DidNotTake, entry);
    }
    if entry.chosen || by_someone || unconfirmed {
        let chosen = Entry { found: entry.found, ..Entry::seen(have, Some(default.now), true, case.now) };
        let entry = if entry.chosen && entry.value == have { entry } else { chosen };
        let changed_outside = by_someone && !unconfirmed;
        if want == Value::OPT_IN {
            return Verdict { changed_outside, ..kept(12, Reason::ConsentFloor, Some(entry)) };
        }
        return match case.on_user_choice {
            OnUserChoice::Respect => Verdict { changed_outside, ..kept(12, Reason::OwnChoice, Some(entry)) },
            OnUserChoice::Override => Verdict { changed_outside, ..set(12, Because::Overridden, entry) },
        };
    }
    let moved = || Entry { found: entry.found, ..Entry::seen(have, Some(default.now), false, case.now) };
    let entry = if changed { moved() } else { entry };
    if default.undone == Some(want) {
        return Verdict { row: None, ..kept(13, Reason::RolledBack, Some(entry)) };
    }
    if default.after == want && case.on_user_choice == OnUserChoice::Respect {
        return kept(13, Reason::MovesWithDefault, Some(entry));
    }
    set(14, Because::FirstTouch, entry)
}

/// Names somebody's decision: an opt-out is consent withdrawn, anything else a choice.
fn choice(have: Value) -> Reason {
    if have == Value::OPT_OUT { Reason::ConsentFloor } else { Reason::OwnChoice }
}

#[cfg(test)]
mod tests;
