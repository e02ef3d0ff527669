//! Carries out what is planned for people's service plans, twenty people at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::about::{subject, under};
use super::desk::Desk;
use super::judge::{self, Shows};
use super::preflight::wrote_licences;
use super::{Outcome, Why, why};
use crate::microsoft::{LicenceWrite, Sent, WriteError};
use crate::model::{Known, Mode, PersonId, Refusal, Setting};
use crate::plan::LicenceChange;
use crate::store::{Answer, Intent, Record};

/// Is one person of a batch.
#[derive(Debug)]
pub(super) struct Job<'w> {
    pub(super) id: PersonId,
    pub(super) upn: &'w Arc<str>,
    pub(super) changes: &'w [LicenceChange],
    /// Index into the plan's operations: a person's licences are one operation.
    pub(super) operation: usize,
}

impl Desk<'_> {
    /// Looks again, writes down what is meant, writes, writes down what came of it, and reads back.
    pub(super) async fn licences(&self, jobs: &[Job<'_>]) {
        if !self.goes_on().await {
            return;
        }
        let jobs = self.opted_out(jobs).await;
        let mut refusals: Vec<Option<Refusal>> = vec![None; jobs.len()];
        let mut going = Vec::new();
        for (place, (job, have)) in jobs.iter().zip(self.read_licences(&jobs).await).enumerate() {
            match have {
                Known::Is(have) => match judge::licences(&have, job.changes) {
                    Shows::Before => going.push((place, *job)),
                    Shows::After if self.is_ours(job) => {
                        self.journal(vec![self.seen_licences(job)]).await;
                        self.settle(job.operation, |row| row.outcome = Outcome::Done);
                    }
                    Shows::After => self.leave(job.operation, Outcome::Moved, Why::FoundLicencesChanged),
                    Shows::Neither => self.leave(job.operation, Outcome::Moved, Why::FoundOtherLicences),
                },
                Known::Unknown(why) => {
                    self.fail(&[job.operation], &why);
                    refusals[place] = Some(Refusal::clone(&why));
                }
            }
        }
        if !going.is_empty() && self.goes_on().await && self.journal(self.licence_intents(&going)).await {
            let write =
                |(_, job): &(usize, &Job<'_>)| LicenceWrite { id: job.id, changes: job.changes.to_vec() };
            let writes: Vec<_> = going.iter().map(write).collect();
            let sent = self.writer.assign_licences(&writes).await;
            let mut records = Vec::with_capacity(sent.len());
            for ((place, job), sent) in going.iter().zip(sent) {
                refusals[*place] = sent.result.as_ref().err().map(|error| error.refusal().clone());
                records.push(self.licence_outcome(job, sent));
            }
            self.journal(records).await;
            let written: Vec<_> = going.iter().map(|(_, job)| *job).collect();
            self.look_again_at_licences(&written).await;
        }
        self.take_stock(jobs.iter().map(|job| job.operation), &refusals);
    }

    /// Reads people's licences again: all that shows now is confirmed.
    pub(super) async fn look_again_at_licences(&self, jobs: &[&Job<'_>]) {
        let mut records = Vec::new();
        for (job, now) in jobs.iter().zip(self.read_licences(jobs).await) {
            let Known::Is(now) = now else { continue };
            let waits =
                matches!(self.state().rows[job.operation].outcome, Outcome::Settling | Outcome::Unanswered);
            if waits && judge::licences(&now, job.changes) == Shows::After {
                records.push(self.seen_licences(job));
                self.settle(job.operation, |row| {
                    row.outcome = Outcome::Done;
                    row.why = None;
                });
            }
        }
        self.journal(records).await;
    }

    async fn read_licences(&self, jobs: &[&Job<'_>]) -> Vec<Known<crate::model::Licences>> {
        let who: Vec<_> = jobs.iter().map(|job| job.id).collect();
        if who.is_empty() { Vec::new() } else { self.writer.reader().people_licences(&who).await }
    }

    /// Leaves out those whose opt-out is to be seen first and is not.
    async fn opted_out<'j, 'w>(&self, jobs: &'j [Job<'w>]) -> Vec<&'j Job<'w>> {
        let needs = |job: &&Job<'_>| self.operation(job.operation).after_opt_out;
        let seen = |id: PersonId| {
            let state = self.state();
            state.touched.get(&id).and_then(|touched| touched.last).map(|last| last.mode)
        };
        let unsure: Vec<_> = jobs
            .iter()
            .filter(needs)
            .filter(|job| seen(job.id) != Some(Mode::OptOut))
            .map(|job| (job.id, Arc::clone(job.upn)))
            .collect();
        if unsure.is_empty() {
            return jobs.iter().collect();
        }
        let read = self.writer.reader().people_settings(&unsure).await;
        let mut missing = BTreeMap::new();
        for ((id, _), have) in unsure.into_iter().zip(read) {
            let why = match have {
                Known::Is(have) if have.mode == Mode::OptOut => continue,
                Known::Is(_) => Why::OptOutNotSeen,
                Known::Unknown(refusal) => Why::OptOutUnreadable(why::refused(&refusal)),
            };
            missing.insert(id, why);
        }
        let mut ready = Vec::with_capacity(jobs.len());
        for job in jobs {
            match missing.remove(&job.id) {
                Some(why) => self.leave(job.operation, Outcome::Waiting, why),
                None => ready.push(job),
            }
        }
        ready
    }

    /// Says whether an earlier run brought it about, so that it is no change by somebody else.
    fn is_ours(&self, job: &Job<'_>) -> bool {
        let to = self.operation(job.operation).to;
        self.run.ledger(|ledger| wrote_licences(ledger, job.id, to))
    }

    fn licence_intents(&self, going: &[(usize, &Job<'_>)]) -> Vec<Record> {
        let at = self.clock.now();
        let intent = |(_, job): &(usize, &Job<'_>)| {
            let operation = self.operation(job.operation);
            Record::Intent(Intent {
                operation: u32::try_from(job.operation).unwrap_or(u32::MAX),
                subject: subject(operation),
                from: operation.from,
                to: operation.to,
                repeat: false,
                by_group: false,
                under: under(operation),
                at,
            })
        };
        going.iter().map(intent).collect()
    }

    fn licence_outcome(&self, job: &Job<'_>, sent: Sent) -> Record {
        let operation = self.operation(job.operation);
        let Sent { attempts, request_id, result } = sent;
        self.state().count(attempts);
        let (answer, outcome) = match &result {
            Ok(()) => (Answer::Sent, Outcome::Settling),
            Err(WriteError::Refused(why)) => (Answer::Refused(why.kind), Outcome::Failed),
            Err(WriteError::Unanswered(_)) => (Answer::Unanswered, Outcome::Unanswered),
        };
        self.settle(job.operation, |row| {
            row.outcome = outcome;
            row.attempts = attempts;
            row.request_id.clone_from(&request_id);
            row.why = result.as_ref().err().map(|error| error.refusal().into());
        });
        Record::Outcome { subject: subject(operation), answer, attempts, request_id, at: self.clock.now() }
    }

    fn seen_licences(&self, job: &Job<'_>) -> Record {
        let to = self.operation(job.operation).to;
        let values = BTreeMap::from([(Setting::ServicePlan, to)]);
        Record::ReadBack { id: job.id, values, before: BTreeMap::new(), at: self.clock.now() }
    }
}
