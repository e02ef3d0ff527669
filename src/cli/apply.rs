//! `apply`: carries out a plan, and says what became of every operation.

use std::io;
use std::path::Path;
use std::time::Duration;

use dialoguer::Confirm;
use dialoguer::console::Term;

use super::args::{ApplyArgs, Format, Global, Output};
use super::consent;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::interrupted;
use super::locked::keeping;
use super::planning::{self, Planned};
use super::saved::{self, Reviewed, Saved, Terms};
use super::session::{Purpose, Session, clock, read_manifest};
use super::{timing, window};
use crate::apply::{
    self, Event, FailureLimit, Order, Outcome, Report, Row, Skipped, Stop, Stopped, Unrecorded, Why,
};
use crate::microsoft::Writer;
use crate::model::Waiver;
use crate::plan::Plan;
use crate::render;
use crate::store::{Lease, Remembered};

pub(super) async fn run(global: &Global, console: &Console, args: &ApplyArgs) -> Result<Exit, Failure> {
    let form = args.output.only("apply", &[Format::Text, Format::Json, Format::Markdown, Format::Csv])?;
    let limit = failure_limit(args.failure_limit.as_deref())?;
    let prepare = async |held: &mut Option<Lease>| Box::pin(prepare(global, console, args, form, held)).await;
    Box::pin(see_through(console, &args.output, form, limit, prepare)).await
}

/// Reads `--failure-limit`.
pub(super) fn failure_limit(typed: Option<&str>) -> Result<FailureLimit, Failure> {
    let limit = typed.map_or(Ok(FailureLimit::default()), str::parse);
    limit.map_err(|error| Failure::new(Exit::Wrong, error).hint("write 20, or 5%"))
}

/// Prepares under the lock, and carries out what was agreed to.
pub(super) async fn see_through(
    console: &Console,
    output: &Output,
    form: Format,
    limit: FailureLimit,
    prepare: impl AsyncFnOnce(&mut Option<Lease>) -> Result<Option<Ready>, Failure>,
) -> Result<Exit, Failure> {
    // Until something is written, Ctrl-C ends the run at once and lets go of the lock.
    let mut held = None;
    let ready = tokio::select! {
        biased;
        signalled = interrupted() => signalled.map_err(Failure::from).and(Err(nothing_applied())),
        ready = prepare(&mut held) => ready,
    };
    match (ready, held) {
        (Ok(Some(ready)), Some(lease)) => carry_out(console, output, form, limit, ready, lease).await,
        (ready, held) => {
            if let Some(lease) = held {
                lease.release().await;
            }
            ready?;
            console.say("Nothing was applied.")?;
            Ok(Exit::Done)
        }
    }
}

/// Is a plan that was shown and agreed to, and all that is needed to do it.
pub(super) struct Ready {
    pub(super) session: Session,
    pub(super) remembered: Remembered,
    pub(super) plan: Plan,
    pub(super) left_out: Skipped,
    pub(super) waivers: Vec<Waiver>,
    /// How long to wait for what does not show at once.
    pub(super) patience: Duration,
}

/// Plans or takes a saved plan, shows it, lets the guards speak, and asks; `None` when the answer is no.
///
/// The lock is put where the caller can let go of it, however this ends.
async fn prepare(
    global: &Global,
    console: &Console,
    args: &ApplyArgs,
    form: Format,
    held: &mut Option<Lease>,
) -> Result<Option<Ready>, Failure> {
    consent::may_allow(global, console, args.plan.as_deref(), &args.consent.allow)?;
    let manifest = read_manifest(global, console)?;
    timing::may_be_applied(global, &manifest)?;
    window::is_open(global, &manifest, &clock(global))?;
    let terms = Terms { freshness: &args.freshness, output: &args.output, form };
    let saved = match &args.plan {
        Some(path) => {
            let plan = saved::approved(global, console, terms, &manifest, path).await?;
            let waivers = consent::waivers(&args.waiver, plan.hash, clock(global).now())?;
            Some((plan, waivers))
        }
        None => None,
    };
    let mut session = Session::of(manifest, global, console, Purpose::Apply).await?;
    session.stand_at_the_clock(global);
    session.spare(&args.output, global, args.plan.as_deref())?;
    // The lock comes before the look: nobody else may apply between what we read and what we write.
    let lease = held.insert(session.store.lock(&console.holder, &session.clock).await?);
    let remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let (planned, waivers, meanwhile) = if let Some((plan, waivers)) = saved {
        let waived = consent::waived(&waivers);
        let Reviewed { planned, answered, meanwhile } =
            saved::reviewed(&session, &remembered, &args.consent, &waived, plan).await?;
        (planned, consent::used(waivers, &answered), Some(meanwhile))
    } else {
        let planned = keeping(lease, planning::make(&session, &remembered, &args.consent)).await?;
        (planned, Vec::new(), None)
    };
    let plan = shown(console, &args.output, form, planned, args.plan.as_deref())?;
    // What was made a moment ago needs no second look but the one before each write.
    let left_out = match &meanwhile {
        Some(meanwhile) => {
            let saved = Saved { plan: &plan, remembered: &remembered, meanwhile };
            keeping(lease, saved::look_at_all(&session, console, terms, saved)).await?
        }
        None => Skipped::default(),
    };
    let agreed = plan.operations.is_empty() || args.yes || agreed(console, APPLY)?;
    let patience = args.wait_settled.map(Duration::try_from).and_then(Result::ok).unwrap_or_default();
    Ok(agreed.then_some(Ready { session, remembered, plan, left_out, waivers, patience }))
}

/// Shows a plan, and lets the guards speak; `file` is where it was saved.
pub(super) fn shown(
    console: &Console,
    output: &Output,
    form: Format,
    planned: Planned,
    file: Option<&Path>,
) -> Result<Plan, Failure> {
    console.beside(output, form, |out| Format::Text.plan(out, &planned, console.look))?;
    let Planned { plan, objections } = planned;
    if objections.is_empty() {
        return Ok(plan);
    }
    let file = file.map(|path| path.display().to_string());
    let (fact, remedies) = render::plan::refusal(&objections, file.as_deref());
    Err(Failure { hints: remedies, ..Failure::new(Exit::Refused, fact) })
}

async fn carry_out(
    console: &Console,
    output: &Output,
    form: Format,
    limit: FailureLimit,
    ready: Ready,
    lease: Lease,
) -> Result<Exit, Failure> {
    let Ready { session, remembered, plan, left_out, waivers, patience } = ready;
    // A run names its plan, also one that nobody saved.
    let sealed = if plan.hash.is_sealed() { Ok(plan) } else { render::plan::sealed(plan) };
    let plan = match sealed {
        Ok(plan) => plan,
        Err(error) => {
            lease.release().await;
            return Err(error.into());
        }
    };
    let incomplete = planning::is_incomplete(&plan);
    let settle = session.manifest.settle();
    let gate = session.gate(&remembered, &plan);
    // Looking and asking take their time, and outside its windows not even an observation is stored.
    if let Err(failure) = window::refuse(gate.closed(session.clock.now())) {
        lease.release().await;
        return Err(failure);
    }
    let run = session.store.begin_run(lease, remembered, &plan, &settle, &session.clock).await?;
    let writer = Writer::new(session.reader.clone());
    let stop = Stop::default();
    let mut listen = |event: Event| follow(console, &event);
    let order = Order { plan: &plan, left_out, waivers, patience, gate };
    let applying = apply::apply(order, &writer, run, &session.clock, limit, &mut listen, &stop);
    let applied = tokio::select! {
        applied = applying => applied,
        interrupted = interrupted_twice(console, &stop) => return interrupted,
    };
    session.close().await;
    console.end_progress();
    // What was done is told even when it could not be written down.
    let (report, unrecorded) = match applied {
        Ok(report) => (report, None),
        Err(Unrecorded { report, source }) => (*report, Some(source)),
    };
    let told = if plan.operations.is_empty() { Ok(()) } else { tell(console, output, form, &report) };
    if let Some(error) = unrecorded {
        return Err(Failure::from(error).context("the run could not be written down to its end"));
    }
    match told {
        // Whoever reads the exit code still wants to know what was done.
        Err(failure) if !failure.is_broken_pipe() => {
            Err(failure.context("the plan was carried out, but the result could not be written"))
        }
        Ok(()) | Err(_) => Ok(exit(&report, incomplete)),
    }
}

/// Is the question before a plan is carried out.
pub(super) const APPLY: &str = "Apply this plan?";

/// Asks the person at the terminal.
pub(super) fn agreed(console: &Console, question: &str) -> Result<bool, Failure> {
    if !console.can_ask {
        return Err(Failure::wrong("nobody can be asked here, so nothing is done")
            .hint("`--yes` goes on without asking"));
    }
    console.end_progress();
    let asked = Confirm::new().with_prompt(question).default(false).interact();
    asked.map_err(|dialoguer::Error::IO(error)| {
        // The question hides the cursor, and Ctrl-C leaves it so, in the middle of the line.
        drop(Term::stderr().show_cursor().and_then(|()| Term::stderr().write_line("")));
        let interrupted = error.kind() == io::ErrorKind::Interrupted;
        if interrupted { nothing_applied() } else { error.into() }
    })
}

pub(super) fn nothing_applied() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted, so nothing was applied")
}

/// Shows an apply's events as progress.
pub(super) fn follow(console: &Console, event: &Event) {
    match event {
        Event::Progress { done, of } => console.advance("applying", *done, *of),
        Event::Stopping(stopped) => {
            // Talk that cannot be heard must not stop the work.
            drop(console.say(&render::report::stopping(stopped)));
        }
        Event::LookingAhead { done, of } => console.advance("comparing with the plan", *done, *of),
        Event::LookingAgain { operations } => console.advance("reading back", 0, *operations),
        Event::Waiting { waited, at_most } => {
            console.advance("waiting for what does not show yet (seconds)", *waited, *at_most);
        }
        Event::Started { .. } | Event::Phase { .. } | Event::Row { .. } => {}
    }
}

/// Drains at the first Ctrl-C, and gives up waiting at the second; the journal resumes after both.
async fn interrupted_twice(console: &Console, stop: &Stop) -> Result<Exit, Failure> {
    interrupted().await?;
    stop.request();
    console.insist("stopping: what is under way is finished first; Ctrl-C again gives up at once")?;
    interrupted().await?;
    console.insist("given up; the next run looks at what was under way, and continues")?;
    Ok(Exit::Interrupted)
}

fn tell(console: &Console, output: &Output, form: Format, report: &Report) -> Result<(), Failure> {
    console.put(output, |out, look| match form {
        Format::Text => render::report::text(out, report, look),
        Format::Json => render::report::json(out, report),
        Format::Markdown => out.write_all(render::report::markdown(report, look.details).as_bytes()),
        Format::Csv => render::report::csv(out, report),
    })?;
    if output.out.is_some() {
        console.copy(|out| render::report::text(out, report, console.look))?;
    }
    Ok(())
}

/// Chooses the exit code; what a run could not do weighs more than what it could not read.
fn exit(report: &Report, incomplete: bool) -> Exit {
    match &report.stopped {
        Some(Stopped::Interrupted) => return Exit::Interrupted,
        Some(Stopped::LockLost | Stopped::WindowClosed(_)) => return Exit::Locked,
        Some(Stopped::Tenant(refused)) if refused.kind.denies_access() => return Exit::SignIn,
        // A network that died is no matter of permission.
        Some(Stopped::Tenant(_) | Stopped::FailureLimit { .. }) => return Exit::Partial,
        None => {}
    }
    let undone = |outcome: Outcome| match outcome {
        Outcome::Done | Outcome::Settling => false,
        Outcome::Unanswered | Outcome::Moved | Outcome::Waiting | Outcome::Failed | Outcome::NotBegun => true,
    };
    let mut undone = report.rows.iter().filter(|row| undone(row.outcome)).peekable();
    if undone.peek().is_some() {
        if undone.all(waits_for_a_window) { Exit::Locked } else { Exit::Partial }
    } else if incomplete {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

/// Says whether nothing but a window keeps an operation from being done.
///
/// What waits for somebody else's has a row beside it that says what that one waits for.
fn waits_for_a_window(row: &Row) -> bool {
    matches!(
        row.why,
        Some(
            Why::OutsideWindow(_)
                | Why::PinNotStanding { outcome: Outcome::Waiting, .. }
                | Why::GroupHeldBack { outcome: Outcome::Waiting, .. }
        )
    ) && row.outcome == Outcome::Waiting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rollout::{Closed, ClosedBy};
    use crate::model::{Class, PersonId, RefusalKind, TenantSetting, Value};
    use crate::plan::{Because, Operation, Phase, Refused, Summary, Target};

    fn report(rows: Vec<Row>, stopped: Option<Stopped>) -> Report {
        let at = jiff::Timestamp::UNIX_EPOCH;
        Report {
            format: apply::FORMAT,
            run: "1".to_owned(),
            plan: None,
            waivers: Vec::new(),
            started: at,
            ended: at,
            planned: Summary::default(),
            rows,
            licensing_groups: Vec::new(),
            stopped,
            calls: 0,
        }
    }

    fn row(outcome: Outcome, why: Why) -> Row {
        let operation = Operation {
            phase: Phase::DefaultsOff,
            target: Target::Tenant(TenantSetting::Dashboard),
            from: Some(Value::ON),
            to: Value::OFF,
            class: Class::Defaults,
            because: Because::Differs,
            mark: None,
            licences: Vec::new(),
            after_opt_out: false,
            through: Vec::new(),
        };
        let at = jiff::Timestamp::UNIX_EPOCH;
        Row { operation, outcome, attempts: 0, request_id: None, why: Some(why), at }
    }

    #[test]
    fn a_default_whose_pin_waits_for_a_window_waits_for_it_too() {
        let closed = Closed { by: ClosedBy::Window("nights".into()), opens: None };
        let outside = row(Outcome::Waiting, Why::OutsideWindow(closed));
        let held = |outcome| {
            let id = PersonId(uuid::Uuid::nil());
            row(Outcome::Waiting, Why::PinNotStanding { id, upn: "".into(), outcome })
        };
        let ended = |rows| exit(&report(rows, None), false);
        assert_eq!(ended(vec![outside.clone(), held(Outcome::Waiting)]), Exit::Locked);
        assert_eq!(ended(vec![outside, held(Outcome::Failed)]), Exit::Partial);
    }

    #[test]
    fn only_a_closed_door_is_a_matter_of_signing_in() {
        let ended = |kind| {
            let stopped = Stopped::Tenant(Refused { kind, message: "no".to_owned() });
            exit(&report(Vec::new(), Some(stopped)), false)
        };
        assert_eq!(ended(RefusalKind::SignIn), Exit::SignIn);
        assert_eq!(ended(RefusalKind::Forbidden), Exit::SignIn);
        assert_eq!(ended(RefusalKind::Unreachable), Exit::Partial);
    }
}
