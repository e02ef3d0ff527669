//! Carries out what is planned for the tenant's defaults, one at a time.

use std::collections::BTreeMap;

use super::about::under;
use super::desk::{Desk, held_back};
use super::preflight::wrote_default;
use super::{Outcome, Why};
use crate::microsoft::Sent;
use crate::model::{Known, Refusal, TenantSetting, Value};
use crate::plan::subject;
use crate::store::{Answer, Intent, Record};

impl Desk<'_> {
    /// Reads the defaults, and writes down what they are: people's values are compared with them from here on.
    pub(super) async fn read_tenant(&self) -> BTreeMap<TenantSetting, Known<Value>> {
        let read = self.keeping_the_lock(self.writer.reader().tenant_settings()).await;
        let values: BTreeMap<_, _> =
            read.iter().filter_map(|(setting, value)| Some((*setting, *value.known()?))).collect();
        if !values.is_empty() {
            self.journal(vec![Record::TenantRead { values, at: self.clock.now() }]).await;
        }
        read
    }

    /// Carries out the operation on one default.
    pub(super) async fn tenant(&self, setting: TenantSetting, index: usize) {
        if self.goes_on().await {
            let refusal = self.write_default(setting, index).await;
            self.take_stock([index], &[refusal]);
        }
    }

    /// Looks again, writes down what is meant, writes, writes down what came of it, and reads back.
    async fn write_default(&self, setting: TenantSetting, index: usize) -> Option<Refusal> {
        let waits = held_back(&self.state(), setting);
        if let Some(why) = waits {
            self.leave(index, Outcome::Waiting, why);
            return None;
        }
        let operation = self.operation(index);
        let from = match self.read_tenant().await.remove(&setting) {
            Some(Known::Unknown(why)) => {
                // Unknown is never written over.
                self.fail(&[index], &why);
                return Some(Refusal::clone(&why));
            }
            Some(Known::Is(have)) if have == operation.to && self.is_our_default(setting, have) => {
                // An earlier run of this plan flipped it, and people moved with it then.
                if let (Some(feature), Some(from)) = (setting.feature(), operation.from) {
                    self.state().flipped.insert(feature, (from, have));
                }
                self.settle(index, |row| row.outcome = Outcome::Done);
                return None;
            }
            Some(Known::Is(have)) if Some(have) != operation.from => {
                self.leave(index, Outcome::Moved, Why::FoundDefault { value: have });
                return None;
            }
            Some(Known::Is(have)) => Some(have),
            // The service has no field to read it from.
            None => None,
        };
        let intent = Intent {
            operation: u32::try_from(index).unwrap_or(u32::MAX),
            subject: subject(operation),
            from,
            to: operation.to,
            repeat: false,
            by_group: false,
            under: under(operation),
            at: self.clock.now(),
        };
        if !self.goes_on().await || !self.journal(vec![Record::Intent(intent)]).await {
            return None;
        }
        let sent = self.keeping_the_lock(self.writer.set_tenant(setting, operation.to)).await;
        let refusal = sent.result.as_ref().err().map(|error| error.refusal().clone());
        self.tenant_outcome(setting, index, from, sent).await;
        self.look_again_at_tenant(&[(setting, index)]).await;
        refusal
    }

    /// Reads the defaults again: all that shows now is confirmed.
    pub(super) async fn look_again_at_tenant(&self, settings: &[(TenantSetting, usize)]) {
        let waits = |index: usize| {
            matches!(self.state().rows[index].outcome, Outcome::Settling | Outcome::Unanswered)
        };
        if !settings.iter().any(|(_, index)| waits(*index)) {
            return;
        }
        let read = self.read_tenant().await;
        for (setting, index) in settings {
            let operation = self.operation(*index);
            let accepted = self.state().rows[*index].outcome == Outcome::Settling;
            let (shows, why) = match read.get(setting) {
                // A write of which nothing was heard is proved by nothing but a change.
                Some(Known::Is(now)) => {
                    let proved = accepted || operation.from != Some(operation.to);
                    (*now == operation.to && proved, None)
                }
                Some(Known::Unknown(_)) => (false, None),
                None => (accepted, Some(Why::WriteOnly)),
            };
            if waits(*index) && shows {
                self.settle(*index, |row| {
                    row.outcome = Outcome::Done;
                    row.why = why;
                });
            }
        }
    }

    fn is_our_default(&self, setting: TenantSetting, have: Value) -> bool {
        self.run.ledger(|ledger| wrote_default(ledger, setting, have, self.plan.basis.read_at))
    }

    async fn tenant_outcome(&self, setting: TenantSetting, index: usize, from: Option<Value>, sent: Sent) {
        let operation = self.operation(index);
        let Sent { attempts, request_id, result } = sent;
        let (answer, outcome, why) = match &result {
            Ok(()) => (Answer::Sent, Outcome::Settling, None),
            Err(error) => {
                let (answer, outcome, why) = self.not_taken(error);
                (answer, outcome, Some(why))
            }
        };
        {
            let mut state = self.state();
            state.count(attempts);
            if matches!(outcome, Outcome::Settling | Outcome::Unanswered)
                && let (Some(feature), Some(from)) = (setting.feature(), from)
            {
                state.flipped.insert(feature, (from, operation.to));
            }
        }
        self.settle(index, |row| {
            row.outcome = outcome;
            row.attempts = attempts;
            row.request_id.clone_from(&request_id);
            row.why.clone_from(&why);
        });
        let at = self.clock.now();
        self.journal(vec![Record::Outcome { subject: subject(operation), answer, attempts, request_id, at }])
            .await;
    }
}
