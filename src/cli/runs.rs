//! `runs`: lists earlier runs, or tells one of them.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::args::{Format, Global, Output, RunsArgs, RunsCommand};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, Purpose, read_manifest};
use crate::apply::Report;
use crate::clock::Clock;
use crate::render::{self, runs::Told};
use crate::store::{RunId, Store, StoreError, Story};

/// Is how many runs are read at once: each is a few small objects.
const AT_ONCE: usize = 8;

pub(super) async fn run(global: &Global, console: &Console, args: &RunsArgs) -> Result<Exit, Failure> {
    let manifest = read_manifest(global, console)?;
    let clock = session::clock(global);
    let open = || session::open_store(global, console, &manifest, Purpose::Look);
    match &args.command {
        None => list(&open().await?, &clock, console, args).await,
        Some(RunsCommand::Show { run, output }) => {
            let form = output.only("runs show", &[Format::Text, Format::Json, Format::Csv])?;
            show(&open().await?, &clock, console, *run, (output, form)).await
        }
    }
}

async fn list(store: &Store, clock: &Clock, console: &Console, args: &RunsArgs) -> Result<Exit, Failure> {
    let form = args.output.only("runs", &[Format::Text, Format::Json])?;
    let past = store.runs(args.last, clock).await?;
    let told = stream::iter(past)
        .map(|past| async { Ok::<_, StoreError>(told(store.story(past).await?)) })
        .buffered(AT_ONCE);
    let told: Vec<Told> = told.try_collect().await?;
    console.put(&args.output, |out, look| match form {
        Format::Json => render::runs::list_json(out, &told),
        Format::Text | Format::Markdown | Format::Csv => render::runs::list(out, &told, look),
    })?;
    Ok(Exit::Done)
}

async fn show(
    store: &Store,
    clock: &Clock,
    console: &Console,
    run: RunId,
    (output, form): (&Output, Format),
) -> Result<Exit, Failure> {
    let told = told(store.run(run, clock).await?);
    if form == Format::Csv && told.report.is_none() {
        let fact = format!("run {run} died before it wrote down what it was to do, so there are no rows");
        return Err(Failure::new(Exit::Incomplete, fact));
    }
    console.put(output, |out, look| match (form, &told.report) {
        (Format::Json, Some(report)) => render::runs::json(out, report),
        (Format::Csv, Some(report)) => render::runs::csv(out, report),
        (Format::Json, None) => render::runs::list_json(out, std::slice::from_ref(&told)),
        (Format::Text | Format::Markdown | Format::Csv, _) => render::runs::text(out, &told, look),
    })?;
    Ok(Exit::Done)
}

/// Takes from a run's journal what no report says.
fn told(Story { past, plan, report, records }: Story<Report>) -> Told {
    let retold = || {
        let began = past.started.as_ref()?.at;
        Some(Report::retold(past.id, plan.as_ref()?, &records, began))
    };
    let report = report.or_else(retold);
    Told { past, report }
}
