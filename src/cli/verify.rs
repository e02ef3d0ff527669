//! `verify`: looks again at what was written and did not show at once.

use std::collections::BTreeSet;

use super::args::{Format, Global, VerifyArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::session::{Purpose, Session};
use crate::apply::{self, FailureLimit, Stop, Unrecorded};
use crate::microsoft::{Ask, Writer};
use crate::model::{PersonId, Setting};
use crate::plan::{Basis, Plan, Settled, Verification, Written, verify};
use crate::render;
use crate::store::{Lease, Remembered};

pub(super) async fn run(global: &Global, console: &Console, args: &VerifyArgs) -> Result<Exit, Failure> {
    let form = args.output.only("verify", &[Format::Text, Format::Json, Format::Csv])?;
    let session = Session::open(global, console, Purpose::Apply).await?;
    session.spare(&args.output, global, None)?;
    let mut held = Some(session.store.lock(&console.holder, &session.clock).await?);
    let found = settle(&session, console, &mut held).await;
    if let Some(lease) = held {
        lease.release().await;
    }
    let found = found?;
    session.close().await;
    console.put(&args.output, |out, look| match form {
        Format::Text | Format::Markdown => render::verify::text(out, &found.rows, look),
        Format::Json => render::verify::json(out, &found.rows),
        Format::Csv => render::verify::csv(out, &found.rows),
    })?;
    Ok(exit(&found, args.detailed_exitcode))
}

/// Looks again, if there is something to look for, and stores what was seen; the lock goes to whoever stores it.
async fn settle(
    session: &Session,
    console: &Console,
    held: &mut Option<Lease>,
) -> Result<Verification, Failure> {
    let remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let written = Written::unconfirmed(&remembered.ledger);
    if written.is_empty() {
        return Ok(Verification::default());
    }
    let found = look(session, &remembered, &written).await?;
    if let Some(lease) = held.take() {
        remember(session, lease, remembered, &found).await?;
    }
    Ok(found)
}

/// Reads everyone to whom something was written that has not been read back.
async fn look(
    session: &Session,
    remembered: &Remembered,
    written: &Written,
) -> Result<Verification, Failure> {
    let people: BTreeSet<PersonId> = written.people.keys().copied().collect();
    let settings = written.people.values().flatten().any(|setting| *setting != Setting::ServicePlan);
    let ask = Ask { settings, tenant_settings: true, count_people: false };
    let actual = session.reader.observe(&people, ask).await?;
    let settle = session.manifest.settle();
    Ok(verify(written, &actual, &remembered.ledger, &settle, session.clock.now()))
}

/// Stores what was seen, as an apply of a plan that changes nothing.
async fn remember(
    session: &Session,
    lease: Lease,
    remembered: Remembered,
    found: &Verification,
) -> Result<(), Failure> {
    let (reader, context) = (&session.reader, session.context(&remembered, false));
    let basis = Basis::of(&context, reader.tenant(), reader.tenant_name(), context.now);
    let plan = Plan { observations: found.observations.clone(), ..Plan::empty(basis) };
    let settle = session.manifest.settle();
    let run = session.store.begin_run(lease, remembered, &plan, &settle, &session.clock).await?;
    let writer = Writer::new(session.reader.clone());
    let limit = FailureLimit::default();
    apply::apply(&plan, &writer, run, &session.clock, limit, &mut drop, &Stop::default())
        .await
        .map(drop)
        .map_err(|Unrecorded { report: _, source }| {
            Failure::from(source).context("what was seen could not be written down")
        })
}

/// Chooses the exit code: what did not take weighs more than what could not be read, and that more than waiting.
fn exit(found: &Verification, detailed: bool) -> Exit {
    let any = |wanted: &[Settled]| found.rows.iter().any(|row| wanted.contains(&row.settled));
    if any(&[Settled::NotTaken]) {
        Exit::Partial
    } else if any(&[Settled::Unknown]) {
        Exit::Incomplete
    } else if detailed && any(&[Settled::Settling]) {
        Exit::Pending
    } else {
        Exit::Done
    }
}
