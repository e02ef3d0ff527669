//! `handover`: writes a saved plan as a script that an administrator runs, after everything that `apply` makes sure of.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::apply::shown;
use super::args::{Format, Global, HandoverArgs, Output};
use super::consent;
use super::console::{Console, replace};
use super::exit::Exit;
use super::failure::Failure;
use super::saved::{self, Reviewed, Saved, Terms};
use super::session::{Purpose, Session, clock, read_manifest};
use super::{timing, window};
use crate::apply::{Bounds, Handover, Skipped};
use crate::model::Waiver;
use crate::plan::{Operation, Plan, Target};
use crate::render;
use crate::store::Remembered;

/// Is what the script is called in a folder.
const SCRIPT: &str = "handover.ps1";

pub(super) async fn run(global: &Global, console: &Console, args: &HandoverArgs) -> Result<Exit, Failure> {
    let script = place(&args.out)?;
    let data = script.with_extension("jsonl");
    consent::may_allow(global, console, Some(&args.plan), &args.consent.allow)?;
    let manifest = read_manifest(global, console)?;
    timing::may_be_applied(global, &manifest)?;
    window::is_open(global, &manifest, &clock(global))?;
    let output = Output::default();
    let terms = Terms { freshness: &args.freshness, output: &output, form: Format::Text };
    let plan = saved::approved(global, console, terms, &manifest, &args.plan).await?;
    if !plan.licensing_groups.is_empty() {
        let fact = "the plan changes licensing groups, which a handed-over script does not do";
        return Err(
            Failure::wrong(fact).hint("apply it, or plan without `licences: { through-groups: true }`")
        );
    }
    let waivers = consent::waivers(&args.waiver, plan.hash, clock(global).now())?;
    // It writes nothing to the store: who runs the script, and whether, is known when the results come back.
    let mut session = Session::of(manifest, global, console, Purpose::Look).await?;
    session.stand_at_the_clock(global);
    for file in [&script, &data] {
        let output = Output { out: Some(file.clone()), ..Output::default() };
        session.spare(&output, global, Some(&args.plan))?;
    }
    let ended = write(console, &session, args, terms, plan, &waivers, [&script, &data]).await;
    session.close().await;
    ended
}

/// Shows the plan, lets the guards speak, looks at everybody in it, and writes both files.
async fn write(
    console: &Console,
    session: &Session,
    args: &HandoverArgs,
    terms: Terms<'_>,
    plan: Plan,
    waivers: &[Waiver],
    [script, data]: [&Path; 2],
) -> Result<Exit, Failure> {
    let remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let waived = consent::waived(waivers);
    let Reviewed { planned, answered: _, meanwhile } =
        saved::reviewed(session, &remembered, &args.consent, &waived, plan).await?;
    let plan = shown(console, terms.output, terms.form, planned, Some(&args.plan))?;
    let saved = Saved { plan: &plan, remembered: &remembered, meanwhile: &meanwhile };
    let left_out = saved::look_at_all(session, console, terms, saved).await?;
    // Looking takes its time, and nobody asks the windows again once the script is out of our hands.
    let closes = still_open(session, &remembered, &plan)?;
    let bounds = bounds(session, terms, &plan, &left_out, waivers);
    let bounds =
        Bounds { not_after: closes.map_or(bounds.not_after, |at| bounds.not_after.min(at)), ..bounds };
    let handover = Handover::of(&plan, &left_out, bounds);
    if handover.is_empty() {
        console.say("There is nothing to hand over: the plan, as far as it still holds, writes nothing.")?;
        return Ok(Exit::Done);
    }
    let mut fingerprint = None;
    replace(data, |out| {
        fingerprint = Some(render::handover::data(out, handover.steps())?);
        Ok(())
    })?;
    // The script comes second: it names the data by its hash, and refuses any other.
    replace(script, |out| {
        let fingerprint =
            fingerprint.as_ref().ok_or_else(|| io::Error::other("the steps were not written"))?;
        render::handover::script(out, &handover, fingerprint)
    })?;
    let [script, data] = [script, data].map(|path| path.display().to_string());
    console.say(&render::handover::written(&handover, &script, &data))?;
    Ok(Exit::Done)
}

/// Makes sure that everybody in a plan may be changed now, and says when that ends first.
fn still_open(session: &Session, remembered: &Remembered, plan: &Plan) -> Result<Option<Timestamp>, Failure> {
    let now = session.clock.now();
    let at = now.checked_add(session.ahead).unwrap_or(now);
    let windows = session.windows(remembered, plan, at);
    window::refuse(windows.closed(at))?;
    let group = |operation: &Operation| match &operation.target {
        Target::Person(person) => Some(Arc::clone(&person.group)),
        Target::Tenant(_) => None,
    };
    let groups: BTreeSet<Arc<str>> = plan.operations.iter().filter_map(group).collect();
    if let Some(closed) = groups.iter().find_map(|group| windows.closed_for(at, group)) {
        window::refuse(Some(closed))?;
    }
    let closes = windows.closes(at, groups.iter().map(|group| &**group));
    // In a sandbox the script's clock is not the moment that the plan is handed over for.
    Ok(closes.map(|closes| closes.checked_sub(session.ahead).unwrap_or(closes)))
}

/// Gives what the script makes sure of by itself, as an apply would: how old it may grow, and how many may move.
fn bounds(
    session: &Session,
    terms: Terms<'_>,
    plan: &Plan,
    left_out: &Skipped,
    waivers: &[Waiver],
) -> Bounds {
    let too_old = plan.basis.read_at.checked_add(terms.freshness.max_age).unwrap_or(Timestamp::MAX);
    let not_after = waivers.iter().map(Waiver::ends).fold(too_old, Timestamp::min);
    let limit = terms.freshness.stale_limit.of(plan.summary.people);
    Bounds {
        not_after,
        may_move: limit.saturating_sub(left_out.moved(plan)),
        cloud: session.manifest.cloud(),
    }
}

/// Finds where the script goes.
fn place(out: &Path) -> Result<PathBuf, Failure> {
    let script = if out.is_dir() { out.join(SCRIPT) } else { out.to_owned() };
    let is_script = script.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ps1"));
    let folder = super::console::folder(&script);
    if !is_script || script.is_dir() {
        return Err(Failure::wrong(format!("{} is no folder, and does not end in .ps1", out.display()))
            .hint("`--out` names a folder that exists, or a file such as handover.ps1"));
    }
    if !folder.is_dir() {
        return Err(Failure::wrong(format!("there is no folder {}", folder.display()))
            .hint("`--out` names a file in a folder that exists"));
    }
    Ok(script)
}
