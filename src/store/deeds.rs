//! What one run wrote, read back from its journal, so that it can be undone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::record::{Answer, Intent, Record};
use super::{Kept, RunId, Store, StoreError, journal};
use crate::model::{PersonId, Setting, Subject};
use crate::plan::{Basis, Deed, Deeds, GroupLicences, Occasion, Operation, PersonDeeds, Summary, Wrote};

/// Is what the stored plan of a run is read for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Planned {
    operations: Vec<Operation>,
    #[serde(default)]
    licensing_groups: Vec<GroupLicences>,
}

/// Is what the stored plan of a run says about its making.
#[derive(Debug, Deserialize)]
struct Made {
    basis: Basis,
    occasion: Option<Occasion>,
    summary: Summary,
}

/// Names the stored plan of a run.
fn plan_of(run: RunId) -> String {
    format!("{}/plan.json", journal::folder(run))
}

impl Store {
    /// Lists the runs that are kept, oldest first.
    pub async fn known_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(Vec::new()) };
        journal::runs(objects).await
    }

    /// Says when the tenant was read for the newest run that is kept and looked at everybody in scope.
    pub async fn last_look(&self) -> Result<Option<Timestamp>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(None) };
        for run in journal::runs(objects).await?.into_iter().rev() {
            // Some runs only remember something, and looked at nobody.
            if let Some(Made { basis, occasion: None, summary }) = objects.read_json(&plan_of(run)).await?
                && summary.in_scope > 0
            {
                return Ok(Some(basis.read_at));
            }
        }
        Ok(None)
    }

    /// Says when the tenant was read for the second run after a moment that looked at everybody in scope.
    pub async fn second_look_after(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(None) };
        let mut looks = 0;
        for run in journal::runs(objects).await? {
            if let Some(Made { basis, occasion: None, summary }) = objects.read_json(&plan_of(run)).await?
                && summary.in_scope > 0
                && basis.read_at > after
            {
                looks += 1;
                if looks == 2 {
                    return Ok(Some(basis.read_at));
                }
            }
        }
        Ok(None)
    }

    /// Reads what one run wrote, and which later runs wrote there again; `None` when there is no such run.
    ///
    /// A run that died before its end has done what its journal tells.
    pub async fn deeds(&self, run: RunId) -> Result<Option<Deeds>, StoreError> {
        let Some(Kept { objects, id: _ }) = &self.kept else { return Ok(None) };
        let runs = journal::runs(objects).await?;
        if !runs.contains(&run) {
            return Ok(None);
        }
        let mut reading = Reading::default();
        journal::read(objects, run, self.tenant, |record| reading.take(&record)).await?;
        let mut later = BTreeMap::new();
        for next in runs.into_iter().filter(|next| *next > run) {
            let mut written = Reading::default();
            journal::read(objects, next, self.tenant, |record| written.take(&record)).await?;
            later.extend(written.subjects().into_iter().map(|subject| (subject, next.0)));
        }
        let planned: Planned = if reading.licences.is_empty() {
            Planned::default()
        } else {
            objects.read_json(&plan_of(run)).await?.unwrap_or_default()
        };
        Ok(Some(reading.close(run, planned, &later)))
    }
}

/// Gathers what a journal tells of writes.
#[derive(Debug, Default)]
struct Reading {
    began: Option<Timestamp>,
    /// Meant, and nothing heard of yet.
    open: BTreeMap<Subject, Intent>,
    deeds: BTreeMap<Subject, Deed>,
    /// Operations that wrote licences, by person.
    licences: BTreeMap<PersonId, u32>,
}

impl Reading {
    fn take(&mut self, record: &Record) {
        match record {
            Record::Started(started) => self.began = Some(started.at),
            Record::Intent(intent) => {
                if let Some(unheard) = self.open.insert(intent.subject, *intent) {
                    self.wrote(&unheard, false);
                }
            }
            Record::Outcome { subject, answer, attempts: _, request_id: _, at: _ } => {
                let Some(intent) = self.open.remove(subject) else { return };
                match answer {
                    Answer::Sent => self.wrote(&intent, true),
                    Answer::Unanswered => self.wrote(&intent, false),
                    Answer::Refused(_) => {}
                }
            }
            Record::ReadBack { id, values, before, at } => {
                for (setting, was) in before {
                    // The ledger takes a feature that changed beside a write for ours, and nothing else.
                    if let (Some(_), Some(is)) = (setting.feature(), values.get(setting)) {
                        let subject = Subject::Person(*id, *setting);
                        let deed = self.deeds.entry(subject).or_default();
                        deed.from = deed.from.or(Some(*was));
                        deed.taken = Some(Wrote { value: *is, at: *at });
                    }
                }
            }
            Record::Consented(_)
            | Record::ObservedTenant { .. }
            | Record::Observed { .. }
            | Record::Returned { .. }
            | Record::ReOptInKnown { .. }
            | Record::Wave { .. }
            | Record::Released { .. }
            | Record::Announced { .. }
            | Record::Forgotten { .. }
            | Record::TenantRead { .. }
            | Record::Finished { .. } => {}
        }
    }

    fn wrote(&mut self, intent: &Intent, heard: bool) {
        if let Subject::Person(id, Setting::ServicePlan) = intent.subject {
            self.licences.insert(id, intent.operation);
        }
        let first = !self.deeds.contains_key(&intent.subject);
        let deed = self.deeds.entry(intent.subject).or_default();
        if first {
            deed.from = intent.from;
        }
        let wrote = Some(Wrote { value: intent.to, at: intent.at });
        if heard {
            (deed.taken, deed.unheard) = (wrote, None);
        } else {
            deed.unheard = wrote;
        }
    }

    /// Lists what was written, or may have been.
    fn subjects(mut self) -> BTreeSet<Subject> {
        self.give_up();
        self.deeds.into_keys().collect()
    }

    /// Ends a journal: what was meant, and never heard of, may have been written.
    fn give_up(&mut self) {
        for intent in std::mem::take(&mut self.open).into_values() {
            self.wrote(&intent, false);
        }
    }

    fn close(mut self, run: RunId, planned: Planned, later: &BTreeMap<Subject, u64>) -> Deeds {
        self.give_up();
        let at = self.began.unwrap_or(Timestamp::UNIX_EPOCH);
        let Planned { operations, licensing_groups } = planned;
        let (tenant, people) = (BTreeMap::new(), BTreeMap::new());
        let mut deeds = Deeds { run: run.0, at, tenant, people, licensing_groups };
        for (subject, deed) in self.deeds {
            let deed = Deed { again: later.get(&subject).copied(), ..deed };
            match subject {
                Subject::Tenant(setting) => {
                    deeds.tenant.insert(setting, deed);
                }
                Subject::Person(id, setting) => {
                    let person: &mut PersonDeeds = deeds.people.entry(id).or_default();
                    *person.settings.get_mut(setting) = Some(deed);
                }
            }
        }
        for (id, index) in self.licences {
            if let (Some(person), Some(operation)) =
                (deeds.people.get_mut(&id), operations.get(index as usize))
            {
                person.licences.clone_from(&operation.licences);
                person.through.clone_from(&operation.through);
            }
        }
        deeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RefusalKind, TenantSetting, Value};

    const ADA: PersonId = PersonId(uuid::Uuid::from_u128(0xada));
    const DASHBOARD: Subject = Subject::Person(ADA, Setting::Dashboard);
    const DEFAULT: Subject = Subject::Tenant(TenantSetting::Dashboard);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).expect("in range")
    }

    fn intent(subject: Subject, from: Value, to: Value, minute: i64) -> Record {
        let from = Some(from);
        Record::Intent(Intent {
            operation: 0,
            subject,
            from,
            to,
            repeat: false,
            by_group: false,
            under: None,
            at: at(minute),
        })
    }

    fn outcome(subject: Subject, answer: Answer) -> Record {
        Record::Outcome { subject, answer, attempts: 1, request_id: None, at: at(9) }
    }

    fn read(records: &[Record]) -> Deeds {
        let mut reading = Reading::default();
        for record in records {
            reading.take(record);
        }
        reading.close(RunId(1), Planned::default(), &BTreeMap::from([(DEFAULT, 7)]))
    }

    fn dashboard(records: &[Record]) -> Option<Deed> {
        read(records).people.get(&ADA).and_then(|person| person.settings.dashboard)
    }

    #[test]
    fn several_calls_are_one_deed_from_the_first_to_the_last() {
        let (on, off) = (Value::ON, Value::OFF);
        let sent = || outcome(DASHBOARD, Answer::Sent);
        let deed = dashboard(&[intent(DASHBOARD, on, off, 1), sent(), intent(DASHBOARD, off, on, 2), sent()]);
        let taken = Some(Wrote { value: on, at: at(2) });
        assert_eq!(deed, Some(Deed { from: Some(on), taken, ..Deed::default() }));
    }

    #[test]
    fn what_was_refused_was_not_done_and_what_was_never_heard_of_may_have_been() {
        let (on, off) = (Value::ON, Value::OFF);
        let write = || intent(DASHBOARD, on, off, 1);
        assert_eq!(dashboard(&[write(), outcome(DASHBOARD, Answer::Refused(RefusalKind::Forbidden))]), None);
        let unheard = Some(Wrote { value: off, at: at(1) });
        let deed = Some(Deed { from: Some(on), unheard, ..Deed::default() });
        assert_eq!(dashboard(&[write()]), deed, "the run died");
        assert_eq!(dashboard(&[write(), outcome(DASHBOARD, Answer::Unanswered)]), deed);
    }

    #[test]
    fn a_feature_that_changed_beside_a_write_is_a_deed_too() {
        let beside = |setting, was, is| Record::ReadBack {
            id: ADA,
            values: BTreeMap::from([(setting, is)]),
            before: BTreeMap::from([(setting, was)]),
            at: at(3),
        };
        let deed = dashboard(&[beside(Setting::Dashboard, Value::ON, Value::OFF)]);
        let taken = Some(Wrote { value: Value::OFF, at: at(3) });
        assert_eq!(deed, Some(Deed { from: Some(Value::ON), taken, ..Deed::default() }));
        let mode = read(&[beside(Setting::Mode, Value::OPT_IN, Value::OPT_OUT)]);
        assert!(mode.people.is_empty(), "an opt-out that nobody meant is somebody's decision");
    }

    #[test]
    fn a_later_run_that_wrote_again_is_known() {
        let deeds = read(&[intent(DEFAULT, Value::ON, Value::OFF, 1), outcome(DEFAULT, Answer::Sent)]);
        assert_eq!(deeds.tenant[&TenantSetting::Dashboard].again, Some(7));
    }
}
