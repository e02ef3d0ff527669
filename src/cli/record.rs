//! `record`: takes into the ledger what a script wrote; here, the opt-outs of a script of one's own.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use jiff::Timestamp;

use super::apply::agreed;
use super::args::{Format, Global, RecordArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::{Failure, problems};
use super::locked::Locked;
use super::results;
use super::session::{Purpose, Session};
use crate::manifest::{self, Script};
use crate::microsoft::Ask;
use crate::plan::{Basis, Claim, Counts, Recording, record};
use crate::render::{self, Look};
use crate::store::{Record, Remembered};

pub(super) async fn run(global: &Global, console: &Console, args: &RecordArgs) -> Result<Exit, Failure> {
    let form = args.output.only("record", &[Format::Text, Format::Json, Format::Csv])?;
    if let Some(plan) = &args.plan {
        return results::run(global, console, args, plan).await;
    }
    let script = manifest::script(&args.list)?;
    let (Some(by), Some(written_on)) = (&args.by, args.written_on) else {
        return Err(Failure::wrong("it is not said whose script this was, and when it wrote")
            .hint("say `--written-on DATE` and `--by WHO`; for the results of a plan that was handed over, `--plan PLAN.json`"));
    };
    let vouched = Vouched { by, written_on };
    let warnings = script.warnings();
    if !warnings.is_empty() {
        console.say(&problems(warnings, console.colour_talk, console.look.width))?;
    }
    let session = Session::open(global, console, Purpose::Apply).await?;
    session.spare(&args.output, global, Some(Path::new(&args.list)))?;
    let now = session.clock.now();
    if written_on > now {
        return Err(Failure::wrong(format!("--written-on is {written_on}, which is still to come"))
            .hint("name the day on which the script ran"));
    }
    has_a_ledger(&session)?;
    let ended = session.locked(console, async |locked| {
        see_through(&session, console, &script, args, vouched, form, locked).await
    });
    let ended = Box::pin(ended).await;
    session.close().await;
    ended
}

/// Is what somebody says about their script.
#[derive(Clone, Copy)]
struct Vouched<'a> {
    by: &'a str,
    written_on: Timestamp,
}

/// Refuses a store that keeps nothing.
pub(super) fn has_a_ledger(session: &Session) -> Result<(), Failure> {
    if session.store.keeps_nothing() {
        return Err(Failure::wrong(
            "there is no ledger to record this in, since `store: none` keeps nothing",
        ));
    }
    Ok(())
}

/// Finds everybody on the list, shows what becomes of them, asks, and stores what was agreed to.
async fn see_through(
    session: &Session,
    console: &Console,
    script: &Script,
    args: &RecordArgs,
    vouched: Vouched<'_>,
    form: Format,
    locked: &mut Locked<'_>,
) -> Result<Exit, Failure> {
    let looking = look(session, &locked.remembered, script, vouched);
    let (recording, basis) = locked.keeping(looking).await?;
    show(console, args, form, &recording)?;
    let counted = recording.counted();
    if args.strict && counted.keys().any(|counts| counts.is_refused()) {
        return Err(Failure::wrong("some rows are refused, so nothing was recorded")
            .hint("take them out of the list, or leave --strict away"));
    }
    let any = counted.contains_key(&Counts::AsOurs);
    if any && (args.yes || agreed(console, "Count these opt-outs as ours?")?) {
        let plan = recording.plan(basis, &locked.remembered.ledger);
        let people = plan.observations.people.iter();
        let run =
            locked.write_down(&plan, people.map(|(id, is)| Record::Observed { id: *id, is: is.clone() }));
        console.say(&format!("recorded as run {}", run.await?))?;
    } else {
        console.say("Nothing was recorded.")?;
    }
    let incomplete = counted.contains_key(&Counts::Unknown);
    Ok(if incomplete { Exit::Incomplete } else { Exit::Done })
}

/// Shows what is about to happen; where the result is for a program, or for a file, that is talk.
fn show(console: &Console, args: &RecordArgs, form: Format, recording: &Recording) -> Result<(), Failure> {
    let text = |out: &mut dyn Write, look: Look| render::recording::text(out, recording, look);
    if args.output.out.is_some() {
        console.copy(|out| text(out, console.look))?;
    } else if form != Format::Text {
        let mut said = Vec::new();
        text(&mut said, console.look)?;
        console.say(&String::from_utf8_lossy(&said))?;
    }
    console.put(&args.output, |out, look| match form {
        Format::Text | Format::Markdown => text(out, look),
        Format::Json => render::recording::json(out, recording),
        Format::Csv => render::recording::csv(out, recording),
    })
}

/// Finds everybody on the list, reads their mode, and decides whose opt-out counts.
async fn look(
    session: &Session,
    remembered: &Remembered,
    script: &Script,
    vouched: Vouched<'_>,
) -> Result<(Recording, Basis), Failure> {
    let Vouched { by, written_on } = vouched;
    let selectors: BTreeSet<_> = script.people().map(|(selector, _)| selector).collect();
    let membership = session.reader.membership(&selectors).await?;
    let ask = Ask { settings: true, tenant_settings: false, count_people: false };
    let actual = session.reader.observe(&membership.everyone_named(), ask).await?;
    let claim = Claim {
        by: by.into(),
        written_on,
        last_look: session.store.last_look().await?,
        second_look: session.store.second_look_after(written_on).await?,
    };
    let recording = record(script.people(), &membership, &actual, &remembered.ledger, &claim);
    let context = session.context(remembered, false);
    let basis = Basis::of(&context, actual.tenant.id, &actual.tenant.name, actual.read_at);
    Ok((recording, basis))
}
