//! `drift`: shows what differs from the manifest; read only, for a schedule.

use super::args::{Consent, DriftArgs, Format, Global};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::planning;
use super::session::{Purpose, Session};
use super::who;
use crate::render;

pub(super) async fn run(global: &Global, console: &Console, args: &DriftArgs) -> Result<Exit, Failure> {
    let form = args.output.only("drift", &[Format::Text, Format::Json, Format::Markdown, Format::Csv])?;
    let mut session = Session::open(global, console, Purpose::Look).await?;
    // It changes nothing, and what differs does so in a freeze as well.
    session.look_through_windows();
    session.spare(&args.output, global, None)?;
    let remembered = session.remembered().await?;
    let planned = planning::make(&session, &remembered, &Consent::default()).await?;
    let planned = who::of_plan(&session, &remembered, &args.who_changed, planned).await;
    session.close().await;
    let planned = planning::sealed(planned, form)?;
    console.put(&args.output, |out, look| match form {
        Format::Text => render::drift::text(out, &planned.plan, look),
        Format::Json | Format::Markdown | Format::Csv => form.plan(out, &planned, look),
    })?;
    Ok(planning::exit(&planned, args.detailed_exitcode, false))
}
