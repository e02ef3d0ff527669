//! Carries out what is planned for people's service plans, twenty people at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::about::under;
use super::desk::Desk;
use super::gate::Answers;
use super::judge::{self, Shows};
use super::preflight::wrote_licences;
use super::{Outcome, Why, why};
use crate::microsoft::{LicenceWrite, Sent};
use crate::model::{Known, Licences, Mode, PersonId, Refusal, Setting};
use crate::plan::{LicenceChange, subject};
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
        let mut answers = Answers::default();
        let jobs: Vec<_> =
            jobs.iter().filter(|job| self.may_change(&mut answers, &[job.operation])).collect();
        let jobs = self.opted_out(jobs).await;
        let mut refusals: Vec<Option<Refusal>> = vec![None; jobs.len()];
        let mut going = self.as_planned(&jobs, &mut refusals).await;
        // Reading may have had to wait for long.
        let mut answers = Answers::default();
        going.retain(|(_, job)| self.may_change(&mut answers, &[job.operation]));
        if !going.is_empty() && self.goes_on().await && self.journal(self.licence_intents(&going)).await {
            self.send_licences(&going, &mut refusals).await;
            let written: Vec<_> = going.iter().map(|(_, job)| *job).collect();
            self.look_again_at_licences(&written).await;
        }
        self.take_stock(jobs.iter().map(|job| job.operation), &refusals);
    }

    /// Reads people's licences, and settles those that are no longer as planned; gives the others with their places.
    pub(super) async fn as_planned<'j, 'w>(
        &self,
        jobs: &[&'j Job<'w>],
        refusals: &mut [Option<Refusal>],
    ) -> Vec<(usize, &'j Job<'w>)> {
        let mut going = Vec::new();
        for (place, (job, have)) in jobs.iter().zip(self.read_licences(jobs).await).enumerate() {
            match have {
                Known::Is(have) => match self.licences_show(job, &have) {
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
        going
    }

    /// Sends people's own products, and writes down what came of it.
    async fn send_licences(&self, going: &[(usize, &Job<'_>)], refusals: &mut [Option<Refusal>]) {
        let write = |(_, job): &(usize, &Job<'_>)| LicenceWrite { id: job.id, changes: job.changes.to_vec() };
        let writes: Vec<_> = going.iter().map(write).collect();
        let sent = self.writer.assign_licences(&writes).await;
        let mut records = Vec::with_capacity(sent.len());
        for ((place, job), sent) in going.iter().zip(sent) {
            refusals[*place] = sent.result.as_ref().err().map(|error| error.refusal().clone());
            records.push(self.licence_outcome(job, sent));
        }
        self.journal(records).await;
    }

    /// Writes what people hold beside what a group hands down, once the group is written.
    pub(super) async fn send_own(&self, jobs: &[&Job<'_>]) {
        let going: Vec<_> = jobs.iter().copied().enumerate().collect();
        let mut refusals: Vec<Option<Refusal>> = vec![None; jobs.len()];
        if self.goes_on().await && self.journal(self.licence_intents(&going)).await {
            self.send_licences(&going, &mut refusals).await;
        }
        self.take_stock(jobs.iter().map(|job| job.operation), &refusals);
    }

    /// Compares what a person holds with what their operation is to change, in their own products and in groups.
    fn licences_show(&self, job: &Job<'_>, have: &Licences) -> Shows {
        judge::licences(have, self.operation(job.operation), &self.plan.licensing_groups)
    }

    /// Reads people's licences again: all that shows now is confirmed.
    pub(super) async fn look_again_at_licences(&self, jobs: &[&Job<'_>]) {
        let mut records = Vec::new();
        for (job, now) in jobs.iter().zip(self.read_licences(jobs).await) {
            let Known::Is(now) = now else { continue };
            let waits =
                matches!(self.state().rows[job.operation].outcome, Outcome::Settling | Outcome::Unanswered);
            if waits && self.licences_show(job, &now) == Shows::After {
                records.push(self.seen_licences(job));
                self.settle(job.operation, |row| {
                    row.outcome = Outcome::Done;
                    row.why = None;
                });
            }
        }
        self.journal(records).await;
    }

    async fn read_licences(&self, jobs: &[&Job<'_>]) -> Vec<Known<Licences>> {
        let who: Vec<_> = jobs.iter().map(|job| job.id).collect();
        if who.is_empty() { Vec::new() } else { self.writer.reader().people_licences(&who).await }
    }

    /// Leaves out those whose opt-out is to be seen first and is not.
    pub(super) async fn opted_out<'j, 'w: 'j>(
        &self,
        jobs: impl IntoIterator<Item = &'j Job<'w>>,
    ) -> Vec<&'j Job<'w>> {
        let jobs: Vec<&Job<'_>> = jobs.into_iter().collect();
        let needs = |job: &&Job<'_>| self.operation(job.operation).after_opt_out;
        let seen = |id: PersonId| {
            let state = self.state();
            state.touched.get(&id).and_then(|touched| touched.last).map(|last| last.mode)
        };
        let unsure: Vec<_> = jobs
            .iter()
            .copied()
            .filter(needs)
            .filter(|job| seen(job.id) != Some(Mode::OptOut))
            .map(|job| (job.id, Arc::clone(job.upn)))
            .collect();
        if unsure.is_empty() {
            return jobs;
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
    pub(super) fn is_ours(&self, job: &Job<'_>) -> bool {
        let to = self.operation(job.operation).to;
        self.run.ledger(|ledger| wrote_licences(ledger, job.id, to))
    }

    pub(super) fn licence_intents(&self, going: &[(usize, &Job<'_>)]) -> Vec<Record> {
        let at = self.clock.now();
        let intent = |(_, job): &(usize, &Job<'_>)| {
            let operation = self.operation(job.operation);
            Record::Intent(Intent {
                operation: u32::try_from(job.operation).unwrap_or(u32::MAX),
                subject: subject(operation),
                from: operation.from,
                to: operation.to,
                repeat: false,
                by_group: !operation.through.is_empty(),
                under: under(operation),
                at,
            })
        };
        going.iter().map(intent).collect()
    }

    fn licence_outcome(&self, job: &Job<'_>, sent: Sent) -> Record {
        let Sent { attempts, request_id, result } = sent;
        self.state().count(attempts);
        let (answer, outcome, why) = match &result {
            Ok(()) => (Answer::Sent, Outcome::Settling, None),
            Err(error) => {
                let (answer, outcome, why) = self.not_taken(error);
                (answer, outcome, Some(why))
            }
        };
        self.settle(job.operation, |row| {
            row.outcome = outcome;
            row.attempts = attempts;
            row.request_id.clone_from(&request_id);
            row.why.clone_from(&why);
        });
        self.licence_outcome_of(job, answer, attempts, request_id.as_ref())
    }

    pub(super) fn licence_outcome_of(
        &self,
        job: &Job<'_>,
        answer: Answer,
        attempts: u32,
        request_id: Option<&String>,
    ) -> Record {
        let subject = subject(self.operation(job.operation));
        Record::Outcome { subject, answer, attempts, request_id: request_id.cloned(), at: self.clock.now() }
    }

    fn seen_licences(&self, job: &Job<'_>) -> Record {
        let to = self.operation(job.operation).to;
        let values = BTreeMap::from([(Setting::ServicePlan, to)]);
        Record::ReadBack { id: job.id, values, before: BTreeMap::new(), at: self.clock.now() }
    }
}
