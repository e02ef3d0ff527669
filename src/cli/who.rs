//! Asks the audit log who made the changes that others made, where that was asked for.

use std::time::Duration;

use jiff::SignedDuration;

use super::args::WhoChanged;
use super::planning::Planned;
use super::session::Session;
use crate::plan::explain::Explanation;
use crate::plan::{AuditRecord, Questions, Silence, attribute, attribute_explanation};
use crate::store::Remembered;

/// Adds to a plan who changed what others changed; costs no call where nobody did.
pub(super) async fn of_plan(
    session: &Session,
    remembered: &Remembered,
    asked: &WhoChanged,
    planned: Planned,
) -> Planned {
    let Some(patience) = asked.patience() else { return planned };
    let Planned { plan, objections } = planned;
    let plan = match Questions::of(&plan, &remembered.ledger, session.clock.now()) {
        Some(questions) => {
            let heard = ask(session, &questions, patience).await;
            attribute(plan, &questions, heard.as_deref().map_err(Silence::clone))
        }
        None => plan,
    };
    Planned { plan, objections }
}

/// Adds to an explanation who chose what others chose.
pub(super) async fn of_explanation(
    session: &Session,
    asked: &WhoChanged,
    explanation: Explanation,
) -> Explanation {
    let Some(patience) = asked.patience() else { return explanation };
    let Some(questions) = Questions::about(&explanation, session.reader.tenant(), session.clock.now()) else {
        return explanation;
    };
    let heard = ask(session, &questions, patience).await;
    attribute_explanation(explanation, &questions, heard.as_deref().map_err(Silence::clone))
}

async fn ask(
    session: &Session,
    questions: &Questions,
    patience: Duration,
) -> Result<Vec<AuditRecord>, Silence> {
    session.reader.who_changed(questions, patience).await
}

impl WhoChanged {
    /// Gives how long to wait for an answer; `None` where nobody wants to know.
    fn patience(&self) -> Option<Duration> {
        let Self { who_changed } = self;
        who_changed.map(SignedDuration::unsigned_abs)
    }
}
