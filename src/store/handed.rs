//! What was recorded of a plan earlier: the moments by which a row of its results file is known again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::record::Record;
use super::{Kept, RunId, Store, StoreError, journal};
use crate::model::{PlanHash, Subject};

impl Store {
    /// Lists what runs of one plan have written, tried, read back or seen, and when; `None` when there was no such run.
    ///
    /// Only runs after `known`, the newest run that the plan knew, can be its own.
    pub async fn known_of(
        &self,
        plan: PlanHash,
        known: RunId,
    ) -> Result<Option<BTreeSet<(Subject, Timestamp)>>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(None) };
        let mut moments = None;
        for run in journal::runs(objects).await?.into_iter().filter(|run| *run > known) {
            let Some(Record::Started(started)) = journal::head(objects, run).await? else { continue };
            if started.plan != Some(plan) {
                continue;
            }
            let moments = moments.get_or_insert_with(BTreeSet::new);
            journal::read(objects, run, self.tenant, |record| take(moments, &record)).await?;
        }
        Ok(moments)
    }
}

fn take(moments: &mut BTreeSet<(Subject, Timestamp)>, record: &Record) {
    match record {
        Record::Intent(intent) => {
            moments.insert((intent.subject, intent.at));
        }
        Record::ReadBack { id, values, before: _, at } => {
            moments.extend(values.keys().map(|setting| (Subject::Person(*id, *setting), *at)));
        }
        Record::Observed { id, is } => {
            let seen = is.settings.iter().map(|(setting, entry)| (Subject::Person(*id, *setting), entry.at));
            moments.extend(seen);
        }
        Record::TenantRead { values, at } => {
            moments.extend(values.keys().map(|setting| (Subject::Tenant(*setting), *at)));
        }
        Record::Started(_)
        | Record::Consented(_)
        | Record::ObservedTenant { .. }
        | Record::Returned { .. }
        | Record::ReOptInKnown { .. }
        | Record::Wave { .. }
        | Record::Released { .. }
        | Record::Announced { .. }
        | Record::Forgotten { .. }
        | Record::Outcome { .. }
        | Record::Finished { .. } => {}
    }
}
