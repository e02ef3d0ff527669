//! `record --plan`: takes the results of a handed-over plan into the ledger.

use std::path::Path;

use super::apply::agreed;
use super::args::{Format, Global, RecordArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::locked::Locked;
use super::record::has_a_ledger;
use super::saved;
use super::session::{Purpose, Session, clock, read_manifest};
use crate::apply::{Recorded, Unrecorded, take_over};
use crate::manifest;
use crate::model::ResultRow;
use crate::plan::{Plan, mismatches};
use crate::render;
use crate::store::RunId;

pub(super) async fn run(
    global: &Global,
    console: &Console,
    args: &RecordArgs,
    path: &Path,
) -> Result<Exit, Failure> {
    let form = args.output.only("record --plan", &[Format::Text, Format::Json])?;
    let manifest = read_manifest(global, console)?;
    let plan = saved::read(path)?;
    saved::fits(&plan, &manifest)?;
    let results = manifest::results(&args.list)?;
    let wrong = mismatches(&plan, &results.rows, clock(global).now());
    let wrong = wrong.into_iter().map(|(index, why)| {
        let hint = why.hint();
        (index, why, hint)
    });
    let rows = results.checked(wrong)?;
    let session = Session::of(manifest, global, console, Purpose::Apply).await?;
    session.spare(&args.output, global, Some(&args.list))?;
    session.spare(&args.output, global, Some(path))?;
    has_a_ledger(&session)?;
    saved::same_store(&session, &plan).map_err(|failure| {
        failure.hint("record the results where the plan was made: `--store` or the manifest's `store`")
    })?;
    let ended = session.locked(console, async |locked| {
        see_through(&session, console, args, form, (&plan, &rows), locked).await
    });
    let ended = ended.await;
    session.close().await;
    ended
}

/// Shows what the script did, asks, and takes what is new into the ledger.
async fn see_through(
    session: &Session,
    console: &Console,
    args: &RecordArgs,
    form: Format,
    (plan, rows): (&Plan, &[ResultRow]),
    locked: &mut Locked<'_>,
) -> Result<Exit, Failure> {
    console.put(&args.output, |out, look| match form {
        Format::Text | Format::Markdown | Format::Csv => render::results::text(out, plan, rows, look),
        Format::Json => render::results::json(out, plan, rows),
    })?;
    let known = session.store.known_of(plan.hash, RunId(plan.basis.newest_run)).await?;
    let second_look = match rows.iter().map(|row| row.at).min() {
        Some(began) => session.store.second_look_after(began).await?,
        None => None,
    };
    let recorded = Recorded { plan, rows, known: known.as_ref(), second_look };
    if !recorded.is_news(&locked.remembered.ledger) {
        console.say("All of this is in the ledger already, so nothing was recorded.")?;
        return Ok(Exit::Done);
    }
    if !args.yes && !agreed(console, "Take these results into the ledger?")? {
        console.say("Nothing was recorded.")?;
        return Ok(Exit::Done);
    }
    let run = locked.begin(plan).await?;
    let id = run.id();
    let taken = match take_over(recorded, run, &session.clock).await {
        Ok(taken) => taken,
        Err(Unrecorded { report: _, source }) => {
            return Err(Failure::from(source).context("the results could not be recorded to their end"));
        }
    };
    if taken.overtaken > 0 {
        console.say(&render::results::overtaken(taken.overtaken))?;
    }
    console.say(&format!("recorded as run {id}"))?;
    Ok(Exit::Done)
}
