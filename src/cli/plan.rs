//! `plan`: shows what would change, and why; writes nothing.

use super::args::{Format, Global, PlanArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::planning::{self, Planned};
use super::session::{Purpose, Session};
use super::who;
use crate::render;

pub(super) async fn run(global: &Global, console: &Console, args: &PlanArgs) -> Result<Exit, Failure> {
    let form = args.output.only("plan", &[Format::Text, Format::Json, Format::Markdown, Format::Csv])?;
    let session = Session::open(global, console, Purpose::Look).await?;
    session.spare(&args.output, global, None)?;
    let remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let planned = planning::make(&session, &remembered, &args.consent).await?;
    let planned = who::of_plan(&session, &remembered, &args.who_changed, planned).await;
    session.close().await;
    let planned = planning::sealed(planned, form)?;
    console.put(&args.output, |out, look| form.plan(out, &planned, look))?;
    if args.output.out.is_some() {
        // A file is for later; the reviewer sees the plan all the same.
        console.copy(|out| Format::Text.plan(out, &planned, console.look))?;
    }
    Ok(planning::exit(&planned, args.detailed_exitcode, args.enforce_guards))
}

impl Format {
    /// Writes a plan in this form.
    pub(super) fn plan(
        self,
        out: &mut dyn std::io::Write,
        planned: &Planned,
        look: render::Look,
    ) -> std::io::Result<()> {
        let Planned { plan, objections } = planned;
        match self {
            Self::Text => render::plan::text(out, plan, objections, look),
            Self::Json => render::plan::json(out, plan),
            Self::Markdown => {
                out.write_all(render::plan::markdown(plan, objections, look.details).as_bytes())
            }
            Self::Csv => render::plan::csv(out, plan),
        }
    }
}
