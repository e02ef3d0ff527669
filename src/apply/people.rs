//! Carries out what is planned for people's mode and features, ten people at a time.

use std::sync::Arc;

use super::about::{is_theirs, pinned, touches, under};
use super::desk::Desk;
use super::gate::Answers;
use super::judge::{self, Expectation, Fit};
use super::theirs::Moved;
use super::{Outcome, Why};
use crate::microsoft::{PersonWrite, Sent, WriteError};
use crate::model::{Known, PersonId, Refusal, RefusalKind, Setting, Settings, Value};
use crate::plan::calls::Set;
use crate::plan::{Because, subject};
use crate::store::{Answer, Intent, Record};

/// Is one person of a batch.
#[derive(Debug)]
pub(super) struct Job<'w> {
    pub(super) id: PersonId,
    pub(super) upn: &'w Arc<str>,
    pub(super) sets: &'w [Set],
    /// Indices into the plan's operations.
    pub(super) operations: &'w [usize],
}

/// Is a person to whom something is being written.
struct Going<'w> {
    /// Its place in the batch.
    place: usize,
    job: &'w Job<'w>,
    before: Settings,
    /// One for each call that was sent; shorter than the calls when one failed.
    sent: Vec<Sent>,
}

impl Desk<'_> {
    /// Looks again, writes down what is meant, writes, writes down what came of it, and reads back.
    pub(super) async fn people(&self, jobs: &[Job<'_>]) {
        if !self.goes_on().await {
            return;
        }
        let mut answers = Answers::default();
        let jobs: Vec<_> = jobs.iter().filter(|job| self.may_change(&mut answers, job.operations)).collect();
        let mut refusals: Vec<Option<Refusal>> = vec![None; jobs.len()];
        let (mut going, mut moved) = (Vec::new(), Vec::new());
        let read = self.read(jobs.iter().copied()).await;
        for (place, (job, have)) in jobs.iter().copied().zip(read).enumerate() {
            match have {
                Known::Is(before) => {
                    if self.may_be_written(job, before, &mut moved).await {
                        going.push(Going { place, job, before, sent: Vec::new() });
                    }
                }
                Known::Unknown(why) => {
                    // Unknown is never written over.
                    self.fail(job.operations, &why);
                    refusals[place] = Some(Refusal::clone(&why));
                }
            }
        }
        self.remember_theirs(&moved).await;
        // Reading may have had to wait for long.
        let mut answers = Answers::default();
        going.retain(|person| self.may_change(&mut answers, person.job.operations));
        if !going.is_empty() && self.goes_on().await {
            self.send(&mut going).await;
            self.settle_sent(&going);
            self.read_back(&going).await;
            for person in &going {
                refusals[person.place] = person.failure().cloned();
            }
        }
        self.take_stock(jobs.iter().flat_map(|job| job.operations.iter().copied()), &refusals);
    }

    async fn read<'j>(&self, jobs: impl Iterator<Item = &'j Job<'j>>) -> Vec<Known<Settings>> {
        let who: Vec<_> = jobs.map(|job| (job.id, Arc::clone(job.upn))).collect();
        if who.is_empty() { Vec::new() } else { self.writer.reader().people_settings(&who).await }
    }

    /// Judges what was found; whoever moved is skipped and told of.
    async fn may_be_written(&self, job: &Job<'_>, before: Settings, moved: &mut Vec<Moved>) -> bool {
        let operations: Vec<_> = job.operations.iter().map(|index| self.operation(*index)).collect();
        let fit = judge::settings(&operations, before, &self.state().expectation(job.id, &self.run));
        match fit {
            Fit::Write => true,
            Fit::Already => {
                self.journal(vec![self.seen(job.id, before)]).await;
                for index in job.operations {
                    self.settle(*index, |row| row.outcome = Outcome::Done);
                }
                false
            }
            Fit::Moved { setting, found } => {
                moved.push((job.id, self.features_changed(job, before)));
                for index in job.operations {
                    let theirs = touches(self.operation(*index)).is_some_and(|own| is_theirs(own, setting));
                    self.leave(*index, Outcome::Moved, Why::Found { setting, value: found });
                    self.state().rows[*index].theirs = theirs;
                }
                false
            }
        }
    }

    /// Lists the features of a person's operations that are no longer as planned, and not by our doing.
    fn features_changed(&self, job: &Job<'_>, before: Settings) -> Vec<(Setting, Value)> {
        let changed = |index: &usize| {
            let operation = self.operation(*index);
            let setting = touches(operation)?;
            let have = before.get(setting)?;
            let ours = self.state().expectation(job.id, &self.run).by_this_run(setting, operation.from, have);
            (setting.feature().is_some() && operation.from != Some(have) && !ours).then_some((setting, have))
        };
        job.operations.iter().filter_map(changed).collect()
    }

    /// Sends everybody's first call in one batch, then everybody's second, and so on.
    ///
    /// Each round has its own intents and outcomes, and says what *this* call leaves in a setting: a run that dies
    /// between "all off" and "dashboard on" must know that the off is ours.
    async fn send(&self, going: &mut [Going<'_>]) {
        let rounds = going.iter().map(|person| person.job.sets.len()).max().unwrap_or(0);
        for round in 0..rounds {
            let mut next: Vec<_> = going.iter_mut().filter(|person| person.may_go_on(round)).collect();
            // Between two calls for one person only a lost lock or journal stops, or a closing that the service had the
            // second wait for: half of a change is worse than a late stop, and better than one in a freeze.
            if next.is_empty() || !self.may_finish().await {
                return;
            }
            let intents = next.iter().flat_map(|person| self.intents(person, round)).collect();
            if !self.journal(intents).await {
                return;
            }
            let write = |person: &&mut Going<'_>| PersonWrite {
                id: person.job.id,
                upn: Arc::clone(person.job.upn),
                set: person.job.sets[round],
            };
            let writes: Vec<_> = next.iter().map(write).collect();
            let sent = self.writer.set_people(&writes).await;
            let mut outcomes = Vec::new();
            for (person, sent) in next.iter_mut().zip(sent) {
                self.state().count(sent.attempts);
                outcomes.extend(self.outcomes(person, round, &sent));
                person.sent.push(sent);
            }
            self.journal(outcomes).await;
        }
    }

    fn intents(&self, person: &Going<'_>, round: usize) -> Vec<Record> {
        let at = self.clock.now();
        {
            let mut state = self.state();
            let touched = state.touched.entry(person.job.id).or_default();
            touched.before = Some(person.before);
            touched.meant.extend(person.touched_by(round).map(|(setting, _)| setting));
        }
        let touched = person.touched_by(round);
        let intents = touched.filter_map(|(setting, to)| {
            let index = self.operation_on(person.job, setting)?;
            let operation = self.operation(index);
            let before = person.left_by_those_before(round, setting);
            Some(Record::Intent(Intent {
                operation: u32::try_from(index).unwrap_or(u32::MAX),
                subject: subject(operation),
                from: before.or_else(|| person.before.get(setting)),
                to,
                repeat: operation.because == Because::DidNotTake,
                by_group: false,
                under: under(operation),
                at,
            }))
        });
        intents.collect()
    }

    fn outcomes(&self, person: &Going<'_>, round: usize, sent: &Sent) -> Vec<Record> {
        let at = self.clock.now();
        let Sent { attempts, request_id, result } = sent;
        let outcome = |(setting, value)| {
            let index = self.operation_on(person.job, setting)?;
            let answer = match result {
                Ok(()) => Answer::Sent,
                Err(WriteError::Refused(why)) => Answer::Refused(why.kind),
                Err(WriteError::Unanswered(_)) => Answer::Unanswered,
            };
            if result.is_ok() {
                self.state().touched.entry(person.job.id).or_default().written.push((setting, value));
            }
            Some(Record::Outcome {
                subject: subject(self.operation(index)),
                answer,
                attempts: *attempts,
                request_id: request_id.clone(),
                at,
            })
        };
        person.touched_by(round).filter_map(outcome).collect()
    }

    /// Finds the operation of a person on one setting; calls touch nothing that no operation asks for.
    fn operation_on(&self, job: &Job<'_>, setting: Setting) -> Option<usize> {
        job.operations.iter().copied().find(|index| touches(self.operation(*index)) == Some(setting))
    }

    /// Settles the rows of those to whom something was sent, all calls of a person taken together.
    fn settle_sent(&self, going: &[Going<'_>]) {
        for person in going.iter().filter(|person| !person.sent.is_empty()) {
            let error = person.sent.iter().find_map(|sent| sent.result.as_ref().err());
            let failure: Option<Why> = error.map(|error| self.not_taken(error).2);
            // What no call has touched waits; what one has touched and another should have is half done.
            let closed = person.failure().is_some_and(|why| why.kind == RefusalKind::Closed);
            for index in person.job.operations {
                let Some(setting) = touches(self.operation(*index)) else { continue };
                let (outcome, last) = person.outcome(setting);
                let untouched = closed && outcome == Outcome::Failed && !person.is_touched(setting);
                let outcome = if untouched { Outcome::Waiting } else { outcome };
                self.settle(*index, |row| {
                    row.outcome = outcome;
                    row.attempts = last.map_or(0, |sent| sent.attempts);
                    row.request_id = last.and_then(|sent| sent.request_id.clone());
                    row.why = match outcome {
                        Outcome::Settling | Outcome::NotBegun => None,
                        Outcome::Failed if closed => Some(Why::BrokenOff),
                        Outcome::Failed => Some(failure.clone().unwrap_or(Why::BrokenOff)),
                        Outcome::Done | Outcome::Unanswered | Outcome::Moved | Outcome::Waiting => {
                            failure.clone()
                        }
                    };
                    row.from = person.before.get(setting);
                });
            }
        }
    }

    /// Reads everybody again to whom something was sent: all that shows now is confirmed.
    async fn read_back(&self, going: &[Going<'_>]) {
        let written = || going.iter().filter(|person| !person.sent.is_empty());
        let now = self.read(written().map(|person| person.job)).await;
        let mut records = Vec::new();
        for (person, now) in written().zip(now) {
            if let Known::Is(now) = now {
                records.push(self.seen(person.job.id, now));
                self.shows(person.job.operations, now);
            }
        }
        self.journal(records).await;
    }

    /// Looks once more at people whose writes did not show at once.
    pub(super) async fn look_again(&self, jobs: &[Job<'_>]) {
        let mut records = Vec::new();
        for (job, now) in jobs.iter().zip(self.read(jobs.iter()).await) {
            if let Known::Is(now) = now {
                records.push(self.seen(job.id, now));
                self.shows(job.operations, now);
            }
        }
        self.journal(records).await;
    }

    /// Remembers what a person has now, for the journal and for the rest of this run.
    ///
    /// A side effect may show late, so every look after a write compares with what was there right before it.
    fn seen(&self, id: PersonId, now: Settings) -> Record {
        let mut state = self.state();
        let before = state.expectation(id, &self.run).changed_beside(now);
        let touched = state.touched.entry(id).or_default();
        touched.last = Some(now);
        // Anything else was so before we came, and is somebody's.
        let beside = before.keys().filter_map(|setting| Some((*setting, now.get(*setting)?)));
        touched.written.extend(beside);
        Record::ReadBack { id, values: values(now).collect(), before, at: self.clock.now() }
    }

    /// Settles what can be seen: a write that shows is done, also one of which nobody heard, if it changed something.
    fn shows(&self, operations: &[usize], now: Settings) {
        for index in operations {
            let operation = self.operation(*index);
            let shows = touches(operation).and_then(|setting| now.get(setting)) == Some(operation.to);
            let row = self.state().rows[*index].clone();
            let proven = match row.outcome {
                Outcome::Settling => true,
                Outcome::Unanswered => row.from.is_some_and(|from| from != operation.to),
                Outcome::Done | Outcome::Moved | Outcome::Waiting | Outcome::Failed | Outcome::NotBegun => {
                    false
                }
            };
            if shows && proven {
                self.settle(*index, |row| {
                    row.outcome = Outcome::Done;
                    row.why = None;
                });
            }
        }
    }

    /// Holds a default back when a value that is to outlive it does not surely stand.
    ///
    /// Somebody who changed the very value meanwhile has one of their own, which no default moves.
    pub(super) fn hold_back_defaults(&self, jobs: &[Job<'_>]) {
        let mut state = self.state();
        for job in jobs {
            for index in job.operations {
                let Some(feature) = pinned(self.operation(*index)) else { continue };
                let row = &state.rows[*index];
                if row.outcome != Outcome::Done && !row.theirs {
                    let (id, upn, outcome) = (job.id, Arc::clone(job.upn), row.outcome);
                    let why = Why::PinNotStanding { id, upn, outcome };
                    state.unpinned.entry(feature).or_insert(why);
                }
            }
        }
    }
}

impl Going<'_> {
    fn may_go_on(&self, round: usize) -> bool {
        round < self.job.sets.len()
            && self.sent.len() == round
            && self.sent.iter().all(|sent| sent.result.is_ok())
    }

    /// Says whether a call that was taken leaves something in a setting.
    fn is_touched(&self, setting: Setting) -> bool {
        let taken = self.sent.iter().take_while(|sent| sent.result.is_ok()).count();
        self.left_by_those_before(taken, setting).is_some()
    }

    fn failure(&self) -> Option<&Refusal> {
        self.sent.iter().find_map(|sent| sent.result.as_ref().err()).map(WriteError::refusal)
    }

    /// Gives what one call leaves in the settings that it touches.
    fn touched_by(&self, round: usize) -> impl Iterator<Item = (Setting, Value)> + use<> {
        let set = self.job.sets[round];
        Setting::ALL.into_iter().filter_map(move |setting| Some((setting, judge::leaves(set, setting)?)))
    }

    /// Gives what the calls before one have left in a setting, if they touched it.
    fn left_by_those_before(&self, round: usize, setting: Setting) -> Option<Value> {
        self.job.sets[..round].iter().rev().find_map(|set| judge::leaves(*set, setting))
    }

    /// Says what became of one setting, with the call that says so.
    fn outcome(&self, setting: Setting) -> (Outcome, Option<&Sent>) {
        let calls = || {
            let touches = |(_, set): &(usize, &Set)| judge::leaves(**set, setting).is_some();
            self.job.sets.iter().enumerate().filter(touches).map(|(at, _)| self.sent.get(at))
        };
        let last = calls().flatten().next_back();
        let is = |sent: Option<&Sent>, what: fn(&Sent) -> bool| sent.is_some_and(what);
        let outcome = if calls().all(|sent| is(sent, |sent| sent.result.is_ok())) {
            Outcome::Settling
        } else if calls().any(|sent| is(sent, |sent| matches!(sent.result, Err(WriteError::Unanswered(_))))) {
            Outcome::Unanswered
        } else if last.is_none() && self.failure().is_none() {
            Outcome::NotBegun
        } else {
            Outcome::Failed
        };
        (outcome, last)
    }
}

fn values(settings: Settings) -> impl Iterator<Item = (Setting, Value)> {
    Setting::ALL.into_iter().filter_map(move |setting| Some((setting, settings.get(setting)?)))
}
