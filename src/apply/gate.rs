//! Asks, before each batch, whether changes may be made now.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::desk::Desk;
use super::{Outcome, Stopped, Why};
use crate::microsoft::WriteError;
use crate::model::RefusalKind;
use crate::model::rollout::Closed;
use crate::plan::Target;
use crate::rollout::Windows;
use crate::store::Answer;

/// Is when changes may be made, and how far the moment that a run stands for is ahead of the clock.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    windows: Windows,
    ahead: SignedDuration,
}

impl Gate {
    /// Makes a gate; `ahead` is nothing but where a simulated tenant is applied to as of another day.
    pub fn new(windows: Windows, ahead: SignedDuration) -> Self {
        Self { windows, ahead }
    }

    /// Says why nothing at all may be changed, if so.
    pub fn closed(&self, now: Timestamp) -> Option<Closed> {
        self.windows.closed(self.moment(now))
    }

    /// Says why the people of one group may not be changed, if so.
    fn closed_for(&self, now: Timestamp, group: &str) -> Option<Closed> {
        self.windows.closed_for(self.moment(now), group)
    }

    /// Says what is closed at all: for everything, or for the people of any group.
    fn closed_for_any(&self, now: Timestamp) -> Option<Closed> {
        self.closed(now).or_else(|| self.windows.closed_for_any(self.moment(now)))
    }

    fn moment(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.ahead).unwrap_or(now)
    }
}

/// Is what the gate has answered within one batch, by group: when a group opens next takes long to find.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<Arc<str>, Option<Closed>>);

impl Desk<'_> {
    /// Ends the run when nothing at all may be changed any more; says whether it goes on.
    pub(super) fn is_within_window(&self) -> bool {
        let Some(closed) = self.gate.closed(self.clock.now()) else { return true };
        let mut state = self.state();
        if state.stopped.is_none() {
            state.end(Stopped::WindowClosed(closed));
        }
        false
    }

    /// Says whether operations of one person may be carried out now; those that may not wait for their window.
    pub(super) fn may_change(&self, answers: &mut Answers, operations: &[usize]) -> bool {
        let group = operations.first().and_then(|index| match &self.operation(*index).target {
            Target::Person(person) => Some(&person.group),
            Target::Tenant(_) => None,
        });
        let Some(group) = group else { return true };
        let Answers(answers) = answers;
        if !answers.contains_key(group) {
            answers.insert(Arc::clone(group), self.gate.closed_for(self.clock.now(), group));
        }
        let Some(closed) = answers.get(group).cloned().flatten() else { return true };
        for index in operations {
            self.leave(*index, Outcome::Waiting, Why::OutsideWindow(closed.clone()));
        }
        false
    }

    /// Says what becomes of a write that was not taken, and why.
    ///
    /// One that had to wait until it was closed is no failure: it waits, and the next run continues.
    pub(super) fn not_taken(&self, error: &WriteError) -> (Answer, Outcome, Why) {
        match error {
            WriteError::Refused(refusal) => {
                let closed = (refusal.kind == RefusalKind::Closed)
                    .then(|| self.gate.closed_for_any(self.clock.now()))
                    .flatten();
                let (outcome, why) = match closed {
                    Some(closed) => (Outcome::Waiting, Why::OutsideWindow(closed)),
                    None if refusal.kind == RefusalKind::Closed => (Outcome::Waiting, refusal.into()),
                    None => (Outcome::Failed, refusal.into()),
                };
                (Answer::Refused(refusal.kind), outcome, why)
            }
            WriteError::Unanswered(refusal) => (Answer::Unanswered, Outcome::Unanswered, refusal.into()),
        }
    }
}
