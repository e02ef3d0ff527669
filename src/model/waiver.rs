//! Somebody's consent, in writing, to what a guard objects to in one plan.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Class, PlanHash};

/// Is consent to classes of change in one plan, with who gave it, why, and until when.
///
/// It names the plan by its hash, so that one changed byte of the plan makes it useless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Waiver {
    /// The plan.
    pub plan: PlanHash,
    /// What is consented to.
    #[schemars(with = "Vec<Class>")]
    pub class: BTreeSet<Class>,
    /// Why.
    pub reason: String,
    /// Who consents.
    pub by: String,
    /// The last day on which it holds, to its end in UTC.
    #[schemars(with = "String")]
    pub until: Date,
}

impl Waiver {
    /// Says whether its last day has passed.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.to_zoned(TimeZone::UTC).date() > self.until
    }

    /// Gives the end of its last day.
    pub fn ends(&self) -> Timestamp {
        let next = self.until.tomorrow().and_then(|day| day.to_zoned(TimeZone::UTC));
        next.map_or(Timestamp::MAX, |day| day.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiver_holds_to_the_end_of_its_last_day() {
        let waiver = Waiver {
            plan: PlanHash::default(),
            class: BTreeSet::new(),
            reason: String::new(),
            by: String::new(),
            until: jiff::civil::date(2026, 3, 1),
        };
        let over = |at: &str| waiver.is_over(at.parse().expect("a moment"));
        assert!(!over("2026-02-28T00:00:00Z") && !over("2026-03-01T23:59:59Z"));
        assert!(over("2026-03-02T00:00:00Z"));
    }
}
