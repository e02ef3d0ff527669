//! `verify`: looks again at what was written and did not show at once.

use std::collections::BTreeSet;

use super::args::{Format, Global, VerifyArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::locked::Locked;
use super::rollback;
use super::session::{Purpose, Session};
use crate::microsoft::Ask;
use crate::model::{PersonId, Setting};
use crate::plan::{Basis, Plan, Settled, Verification, Written, verify};
use crate::render;
use crate::store::{Record, RunId};

pub(super) async fn run(global: &Global, console: &Console, args: &VerifyArgs) -> Result<Exit, Failure> {
    let form = args.output.only("verify", &[Format::Text, Format::Json, Format::Csv])?;
    let session = Session::open(global, console, Purpose::Apply).await?;
    session.spare(&args.output, global, None)?;
    let found = session.locked(console, async |locked| settle(&session, locked, args.run).await).await;
    session.close().await;
    let found = found?;
    console.put(&args.output, |out, look| match form {
        Format::Text | Format::Markdown => render::verify::text(out, &found.rows, look),
        Format::Json => render::verify::json(out, &found.rows),
        Format::Csv => render::verify::csv(out, &found.rows),
    })?;
    Ok(exit(&found, args.detailed_exitcode))
}

/// Looks again at what one run wrote, or at all that was not read back, and stores what was seen.
async fn settle(
    session: &Session,
    locked: &mut Locked<'_>,
    run: Option<RunId>,
) -> Result<Verification, Failure> {
    let written = match run {
        None => Written::unconfirmed(&locked.remembered.ledger),
        Some(run) => {
            rollback::is_known(session, run).await?;
            session.store.deeds(run).await?.map(|deeds| Written::by(&deeds)).unwrap_or_default()
        }
    };
    if written.is_empty() {
        return Ok(Verification::default());
    }
    let people: BTreeSet<PersonId> = written.people.keys().copied().collect();
    let settings = written.people.values().flatten().any(|setting| *setting != Setting::ServicePlan);
    let ask = Ask { settings, tenant_settings: true, count_people: false };
    let looking = async { Ok(session.reader.observe(&people, ask).await?) };
    let actual = locked.keeping(looking).await?;
    let settle = session.manifest.settle();
    let found = verify(&written, &actual, &locked.remembered.ledger, &settle, session.clock.now());
    let context = session.context(&locked.remembered, false);
    let basis = Basis::of(&context, actual.tenant.id, &actual.tenant.name, actual.read_at);
    let tenant = found.observations.tenant.iter();
    let tenant = tenant.map(|(setting, entry)| Record::ObservedTenant { setting: *setting, entry: *entry });
    let people = found.observations.people.iter();
    let people = people.map(|(id, is)| Record::Observed { id: *id, is: is.clone() });
    locked.write_down(&Plan::empty(basis), tenant.chain(people)).await?;
    Ok(found)
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
