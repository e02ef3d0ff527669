//! Carries out what changes in licensing groups: one write for all members of a group, or none.
//!
//! The group and its members are read right before the write. If anybody is in it who is not to be changed, or of
//! whose operation anything has come to nothing, the group stays as it is, and so does everybody who would have gone
//! through it. The directory takes the write at once and works on its members in the background.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::desk::Desk;
use super::gate::Answers;
use super::judge::{self, GroupFit};
use super::licences::Job;
use super::{LICENCES_AT_ONCE, Outcome, Why};
use crate::microsoft::Sent;
use crate::model::{GroupId, Known, LicensingGroup, Refusal};
use crate::plan::{GroupLicences, Phase};
use crate::store::{Answer, Record};

/// Is what is known of the change of one group: the part of a report's row that is not in the plan.
#[derive(Clone, Debug)]
pub(super) struct GroupStanding {
    pub(super) outcome: Outcome,
    pub(super) attempts: u32,
    pub(super) request_id: Option<String>,
    pub(super) why: Option<Why>,
    /// Whether the directory still worked on it when last looked at.
    pub(super) processing: bool,
    /// Whether some of its members could not be given what it hands out.
    pub(super) errors: bool,
    pub(super) at: Timestamp,
}

impl GroupStanding {
    /// Begins a group of which nothing is known yet.
    pub(super) fn not_begun(at: Timestamp) -> Self {
        Self {
            outcome: Outcome::NotBegun,
            attempts: 0,
            request_id: None,
            why: None,
            processing: false,
            errors: false,
            at,
        }
    }
}

/// Is a group as it was read, and the people of the plan who go through it.
struct Ready<'r, 'w> {
    group: &'r GroupLicences,
    now: LicensingGroup,
    written: bool,
    jobs: Vec<&'r Job<'w>>,
}

impl Desk<'_> {
    /// Changes the groups of one phase; `jobs` are all who go through them, left out or not.
    pub(super) async fn by_group(&self, phase: Phase, jobs: &[Job<'_>]) {
        // Whoever waits for a window keeps the groups they are in from changing.
        let mut answers = Answers::default();
        let mut may_go =
            |job: &&Job<'_>| self.is_open(job.operation) && self.may_change(&mut answers, &[job.operation]);
        let open: Vec<_> = jobs.iter().filter(|job| may_go(job)).collect();
        if open.is_empty() || !self.goes_on().await {
            return;
        }
        self.in_batches(open.chunks(LICENCES_AT_ONCE), |jobs| self.members_as_planned(jobs)).await;
        let groups: Vec<_> =
            self.plan.licensing_groups.iter().filter(|group| group.phase() == phase).collect();
        let ids: BTreeSet<GroupId> = groups.iter().map(|group| group.id).collect();
        let nobody = BTreeMap::new();
        let mut now = self.keeping_the_lock(self.writer.reader().licensing_groups(&ids, &nobody)).await;
        let ready = groups.into_iter().filter_map(|group| {
            let through = |job: &&Job<'_>| self.operation(job.operation).through.contains(&group.id);
            let jobs: Vec<_> = jobs.iter().filter(through).collect();
            self.as_it_is(group, now.remove(&group.id)?, jobs)
        });
        let mut ready: Vec<_> = ready.collect();
        while let Some((at, why)) =
            ready.iter().enumerate().find_map(|(at, group)| Some((at, self.held_back(group)?)))
        {
            let group = ready.remove(at);
            self.leave_group(group.group.id, &group.jobs, Outcome::Waiting, &why);
        }
        for group in &ready {
            self.write_group(group).await;
        }
        let own: Vec<_> = open
            .into_iter()
            .filter(|job| !job.changes.is_empty() && self.outcome(job) == Outcome::Settling)
            .collect();
        self.in_batches(own.chunks(LICENCES_AT_ONCE), |jobs| self.send_own(jobs)).await;
        let written: Vec<_> = ready.iter().flat_map(|group| group.jobs.iter().copied()).collect();
        let shown = self.not_in_process(written).await;
        self.in_batches(shown.chunks(LICENCES_AT_ONCE), |jobs| self.look_again_at_licences(jobs)).await;
    }

    fn outcome(&self, job: &Job<'_>) -> Outcome {
        self.state().rows[job.operation].outcome
    }

    /// Settles those of a batch who are no longer as planned; the others stay open.
    async fn members_as_planned(&self, jobs: &[&Job<'_>]) {
        if self.goes_on().await {
            let jobs = self.opted_out(jobs.iter().copied()).await;
            let mut refusals: Vec<Option<Refusal>> = vec![None; jobs.len()];
            self.as_planned(&jobs, &mut refusals).await;
            self.take_stock(jobs.iter().map(|job| job.operation), &refusals);
        }
    }

    /// Compares a group with the plan; `None` when it is left as it is, with everybody who would go through it.
    fn as_it_is<'r, 'w>(
        &self,
        group: &'r GroupLicences,
        now: Known<LicensingGroup>,
        jobs: Vec<&'r Job<'w>>,
    ) -> Option<Ready<'r, 'w>> {
        let now = match now {
            Known::Is(now) => now,
            Known::Unknown(why) => {
                // Unknown is never written over.
                self.leave_group(group.id, &jobs, Outcome::Failed, &Why::from(&*why));
                return None;
            }
        };
        match judge::group(group, &now) {
            GroupFit::Write => Some(Ready { group, now, written: false, jobs }),
            GroupFit::Already => Some(Ready { group, now, written: true, jobs }),
            GroupFit::Waits(why) => {
                self.leave_group(group.id, &jobs, Outcome::Waiting, &why);
                None
            }
            GroupFit::Moved(why) => {
                self.leave_group(group.id, &jobs, Outcome::Moved, &why);
                None
            }
        }
    }

    /// Leaves a group as it is, with everybody who would have gone through it.
    fn leave_group(&self, id: GroupId, jobs: &[&Job<'_>], outcome: Outcome, why: &Why) {
        for job in jobs.iter().filter(|job| self.is_open(job.operation)) {
            self.leave(job.operation, outcome, why.clone());
        }
        self.settle_group(id, |standing| {
            standing.outcome = outcome;
            standing.why = Some(why.clone());
        });
        self.take_stock(jobs.iter().map(|job| job.operation), &[]);
    }

    fn settle_group(&self, id: GroupId, change: impl FnOnce(&mut GroupStanding)) {
        let at = self.clock.now();
        let mut state = self.state();
        let standing = state.groups.entry(id).or_insert_with(|| GroupStanding::not_begun(at));
        change(standing);
        standing.at = at;
    }

    /// Says whose operation has come to nothing, so that the group they are in must not change either.
    fn held_back(&self, ready: &Ready<'_, '_>) -> Option<Why> {
        let state = self.state();
        let stays = |job: &&&Job<'_>| {
            let row = &state.rows[job.operation];
            let is_in = ready.now.members.binary_search_by_key(&job.id, |member| member.id).is_ok();
            let comes_to_nothing = match row.outcome {
                Outcome::NotBegun | Outcome::Settling | Outcome::Done => false,
                // Somebody else has done to them what was to be done.
                Outcome::Moved => row.why != Some(Why::FoundLicencesChanged),
                Outcome::Unanswered | Outcome::Waiting | Outcome::Failed => true,
            };
            is_in && comes_to_nothing
        };
        ready.jobs.iter().find(stays).map(|job| Why::GroupHeldBack {
            group: Arc::clone(&ready.group.name),
            id: job.id,
            upn: Arc::clone(job.upn),
            outcome: state.rows[job.operation].outcome,
        })
    }

    /// Writes down what is meant for every member, writes to the group, and writes down what came of it.
    async fn write_group(&self, ready: &Ready<'_, '_>) {
        let Ready { group, now: _, written, jobs } = ready;
        // The look may have had to wait for long.
        let mut answers = Answers::default();
        for job in jobs.iter().filter(|job| self.is_open(job.operation)) {
            self.may_change(&mut answers, &[job.operation]);
        }
        // What became of the groups before may concern its members too.
        if let Some(why) = self.held_back(ready) {
            return self.leave_group(group.id, jobs, Outcome::Waiting, &why);
        }
        let going: Vec<(usize, &Job<'_>)> = jobs
            .iter()
            .filter(|job| matches!(self.outcome(job), Outcome::NotBegun | Outcome::Settling))
            .map(|job| (0, *job))
            .collect();
        if *written {
            return self.was_written(group.id, &going);
        }
        if going.is_empty() || !self.goes_on().await || !self.journal(self.licence_intents(&going)).await {
            return;
        }
        let sent = self.keeping_the_lock(self.writer.assign_group_licences(group.id, &group.changes)).await;
        let Sent { attempts, request_id, result } = sent;
        self.state().count(attempts);
        let (answer, outcome, why) = match &result {
            Ok(()) => (Answer::Sent, Outcome::Settling, None),
            Err(error) => {
                let (answer, outcome, why) = self.not_taken(error);
                (answer, outcome, Some(why))
            }
        };
        let mut records: Vec<Record> = Vec::with_capacity(going.len());
        for (_, job) in &going {
            self.settle(job.operation, |row| {
                row.outcome = outcome;
                row.attempts = attempts;
                row.request_id.clone_from(&request_id);
                row.why.clone_from(&why);
            });
            records.push(self.licence_outcome_of(job, answer, attempts, request_id.as_ref()));
        }
        self.settle_group(group.id, |standing| {
            standing.outcome = outcome;
            standing.attempts = attempts;
            standing.request_id.clone_from(&request_id);
            standing.why.clone_from(&why);
            standing.processing = outcome == Outcome::Settling;
        });
        self.journal(records).await;
        let refusal = result.err().map(|error| error.refusal().clone());
        self.take_stock(going.iter().map(|(_, job)| job.operation), &[refusal]);
    }

    /// Settles a group that is as it is to be: by an earlier run of ours, or by somebody else.
    fn was_written(&self, id: GroupId, going: &[(usize, &Job<'_>)]) {
        let mut ours = going.is_empty();
        for (_, job) in going {
            if self.is_ours(job) {
                ours = true;
                self.settle(job.operation, |row| row.outcome = Outcome::Settling);
            } else {
                self.leave(job.operation, Outcome::Moved, Why::FoundLicencesChanged);
            }
        }
        self.settle_group(id, |standing| {
            standing.outcome = if ours { Outcome::Settling } else { Outcome::Moved };
            standing.why = (!ours).then_some(Why::FoundLicencesChanged);
        });
    }

    /// Looks how far the directory is with the groups of people, and gives those whom it is done with.
    pub(super) async fn not_in_process<'j, 'w>(&self, jobs: Vec<&'j Job<'w>>) -> Vec<&'j Job<'w>> {
        let through = |job: &&Job<'_>| self.operation(job.operation).through.clone();
        let ids: BTreeSet<GroupId> = jobs.iter().flat_map(through).collect();
        if ids.is_empty() {
            return jobs;
        }
        let states = self.keeping_the_lock(self.writer.reader().licensing_states(&ids)).await;
        let mut working = BTreeSet::new();
        let mut failing: BTreeMap<GroupId, Arc<str>> = BTreeMap::new();
        for (id, state) in &states {
            let Some(group) = self.plan.licensing_groups.iter().find(|group| group.id == *id) else {
                continue;
            };
            let Known::Is(state) = state else { continue };
            if state.processing {
                working.insert(*id);
            } else if state.errors {
                failing.insert(*id, Arc::clone(&group.name));
            }
            let shows = !state.processing && judge::hands_out(group, state) == judge::Shows::After;
            self.settle_group(*id, |standing| {
                standing.processing = state.processing;
                standing.errors = state.errors;
                let open = matches!(standing.outcome, Outcome::Settling | Outcome::Unanswered);
                if open && shows {
                    standing.outcome = Outcome::Done;
                    standing.why = None;
                }
            });
        }
        for job in &jobs {
            let group = self.operation(job.operation).through.iter().find_map(|id| failing.get(id));
            if let Some(group) = group.filter(|_| self.outcome(job) == Outcome::Settling) {
                let why = Why::GroupErrors { group: Arc::clone(group) };
                self.state().rows[job.operation].why = Some(why);
            }
        }
        let done_with =
            |job: &&Job<'_>| self.operation(job.operation).through.iter().all(|id| !working.contains(id));
        jobs.into_iter().filter(done_with).collect()
    }
}
