//! Says whom a decision to opt people in again meets.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Because;
use super::explain::Decision;
use super::verdict::Verdict;
use crate::model::{Mark, PersonRecord, ReOptIn, Value};

/// Says whether a decision to opt people in again meets a person whose opt-out stands.
///
/// It holds until its date; it meets nobody twice; and it meets only those whose opt-out the ledger had seen before the
/// decision was first applied, as known in `known`. Who opted out at that moment or later has answered it.
pub fn opts_in_again(
    rule: &ReOptIn,
    known: &BTreeMap<Mark, Timestamp>,
    record: Option<&PersonRecord>,
    as_of: Timestamp,
) -> bool {
    let Some(record) = record else { return false };
    let Some(entry) = record.settings.mode else { return false };
    // What the ledger has seen without knowing the decision, it has seen before it.
    let seen_before = known.get(&rule.mark).is_none_or(|known| entry.at < *known);
    as_of < rule.until
        && entry.value == Value::OPT_OUT
        && seen_before
        && record.re_opted_in != Some(rule.mark)
}

/// Turns an opt-out that stands into an opt-in.
pub(super) fn lifted(verdict: Verdict) -> Verdict {
    let decision = Decision::Set { to: Value::OPT_IN, because: Because::ReOptIn };
    Verdict { decision, ours_released: false, ..verdict }
}
