//! `rollback`: undoes one run, as a plan like any other.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::apply::{APPLY, Ready, agreed, failure_limit, see_through, shown};
use super::args::{Format, Global, Output, RollbackArgs};
use super::consent;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::locked::keeping;
use super::planning::{self, Planned};
use super::session::{Purpose, Session, View, clock, read_manifest};
use super::{timing, window};
use crate::apply::Skipped;
use crate::model::Class;
use crate::plan::guard::review;
use crate::plan::inverse;
use crate::store::{Lease, Remembered, RunId};

/// Is how many runs are named to whoever asks for one that is not there.
const NAMED: usize = 10;

pub(super) async fn run(global: &Global, console: &Console, args: &RollbackArgs) -> Result<Exit, Failure> {
    if let Some(path) = &args.plan {
        return save(global, console, args, path).await;
    }
    let form = args.output.only("rollback", &[Format::Text, Format::Json, Format::Markdown, Format::Csv])?;
    let limit = failure_limit(args.failure_limit.as_deref())?;
    let prepare = async |held: &mut Option<Lease>| prepare(global, console, args, form, held).await;
    Box::pin(see_through(console, &args.output, form, limit, prepare)).await
}

/// Plans, shows, lets the guards speak, and asks; `None` when the answer is no.
///
/// The lock is put where the caller can let go of it, however this ends.
async fn prepare(
    global: &Global,
    console: &Console,
    args: &RollbackArgs,
    form: Format,
    held: &mut Option<Lease>,
) -> Result<Option<Ready>, Failure> {
    consent::may_allow(global, console, None, &args.allow)?;
    let manifest = read_manifest(global, console)?;
    timing::may_be_applied(global, &manifest)?;
    window::is_open(global, &manifest, &clock(global))?;
    let mut session = Session::of(manifest, global, console, Purpose::Look).await?;
    session.stand_at_the_clock(global);
    session.spare(&args.output, global, None)?;
    is_known(&session, args.run).await?;
    let lease = held.insert(session.store.lock(&console.holder, &session.clock).await?);
    let remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let planned = keeping(lease, make(&session, &remembered, args.run, &args.allow)).await?;
    let plan = shown(console, &args.output, form, planned, None)?;
    let agreed = plan.operations.is_empty() || args.yes || agreed(console, APPLY)?;
    let (left_out, waivers) = (Skipped::default(), Vec::new());
    let patience = Duration::ZERO;
    Ok(agreed.then_some(Ready { session, remembered, plan, left_out, waivers, patience }))
}

/// Saves the plan, for `apply` to carry out later.
async fn save(global: &Global, console: &Console, args: &RollbackArgs, path: &Path) -> Result<Exit, Failure> {
    let output = Output { format: Some(Format::Json), out: Some(path.to_owned()) };
    let form = output.only("rollback", &[Format::Json])?;
    let session = Session::open(global, console, Purpose::Look).await?;
    session.spare(&output, global, None)?;
    is_known(&session, args.run).await?;
    let remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let planned = make(&session, &remembered, args.run, &args.allow).await?;
    session.close().await;
    let planned = planning::sealed(planned, form)?;
    console.put(&output, |out, look| form.plan(out, &planned, look))?;
    console.copy(|out| Format::Text.plan(out, &planned, console.look))?;
    Ok(planning::exit(&planned, false, false))
}

/// Makes sure that there is such a run, and names those that there are.
pub(super) async fn is_known(session: &Session, run: RunId) -> Result<(), Failure> {
    if session.store.keeps_nothing() {
        return Err(Failure::wrong("nothing is known of any run, since `store: none` keeps nothing")
            .hint("what a run wrote stands in its store: name that one with --store"));
    }
    let known = session.store.known_runs().await?;
    if known.contains(&run) {
        return Ok(());
    }
    let names: Vec<_> = known.iter().rev().take(NAMED).rev().map(ToString::to_string).collect();
    let failure = Failure::wrong(format!("there is no run {run}"));
    Err(match (names.len(), known.len()) {
        (0, _) => failure.hint("nothing was ever applied with this store"),
        (some, all) if some == all => failure.hint(format!("the runs are {}", names.join(", "))),
        (_, _) => failure.hint(format!("the latest runs are {}", names.join(", "))),
    })
}

/// Looks at everybody to whom the run wrote, and plans its inverse.
pub(super) async fn make(
    session: &Session,
    remembered: &Remembered,
    run: RunId,
    allow: &[Class],
) -> Result<Planned, Failure> {
    let deeds = session.store.deeds(run).await?;
    let deeds = deeds.ok_or_else(|| Failure::wrong(format!("there is no run {run} any more")))?;
    let seen = session.look_wider(remembered, None, false, |scope| deeds.widen(scope)).await?;
    let View { membership: _, desired, mut actual } = seen;
    let groups = deeds.groups();
    if desired.through_groups && !groups.is_empty() {
        actual.licensing.extend(session.reader.licensing_groups(&groups, &actual.people).await);
    }
    let allowed: BTreeSet<_> = allow.iter().copied().collect();
    let plan = inverse(&deeds, &desired, &actual, &remembered.ledger, &session.context(remembered, false));
    let objections = review(&plan, &desired.limits, &allowed);
    Ok(Planned { plan, objections })
}
