//! `report`: tells what was reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::args::{AdoptionArgs, AdoptionFormat, Consent, Global, ReportCommand};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::planning::{self, Planned};
use super::session::{Purpose, Session};
use crate::model::{Measure, PersonId, Profile};
use crate::render;
use crate::rollout::adoption::{Adoption, Found, Stands};
use crate::store::Measured;

pub(super) async fn run(
    global: &Global,
    console: &Console,
    command: &ReportCommand,
) -> Result<Exit, Failure> {
    match command {
        ReportCommand::Adoption(args) => adoption(global, console, args).await,
    }
}

async fn adoption(global: &Global, console: &Console, args: &AdoptionArgs) -> Result<Exit, Failure> {
    let (form, output) = (args.form(), args.output());
    output.could_be_written()?;
    let session = Session::open(global, console, Purpose::Look).await?;
    session.spare(&output, global, None)?;
    let remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let (planned, stands) = planning::measured(&session, &remembered, &Consent::default()).await?;
    let people: BTreeSet<PersonId> = stands.iter().filter_map(|stands| stands.person).collect();
    let profiles = session.reader.profiles(&people).await;
    let runs = session.store.measured(args.last).await?;
    let goals = session.manifest.rollout().campaign.goals;
    session.close().await;
    let departments = profiles.as_ref().ok().map(|profiles| by_department(&stands, profiles));
    let Planned { plan, objections: _ } = &planned;
    let run = |Measured { run, at, standings }: Measured| (run.to_string(), at, standings);
    let found = Found {
        tenant: (plan.basis.tenant, Arc::clone(&plan.basis.tenant_name)),
        as_of: plan.basis.as_of,
        read_at: plan.basis.read_at,
        tallies: &plan.standings,
        departments: departments.as_ref(),
        runs: &runs.into_iter().map(run).collect::<Vec<_>>(),
    };
    let adoption = Adoption::of(&found, goals, args.min_group);
    console.put(&output, |out, look| match form {
        AdoptionFormat::Text => render::adoption::text(out, &adoption, look),
        AdoptionFormat::Json => render::adoption::json(out, &adoption),
        AdoptionFormat::Csv => render::adoption::csv(out, &adoption),
        AdoptionFormat::Html => render::adoption::html(out, &adoption),
    })?;
    if let Err(refusal) = &profiles {
        console.say(&format!("departments could not be read: {}", render::inert(&refusal.to_string())))?;
        return Ok(Exit::Incomplete);
    }
    Ok(planning::exit(&planned, false, false))
}

fn by_department(
    stands: &[Stands],
    profiles: &BTreeMap<PersonId, Profile>,
) -> BTreeMap<Option<Arc<str>>, Measure> {
    let mut departments: BTreeMap<Option<Arc<str>>, Measure> = BTreeMap::new();
    for Stands { person, group: _, standing } in stands {
        let department = person.and_then(|person| profiles.get(&person)?.department.clone());
        departments.entry(department).or_default().add(*standing);
    }
    departments
}
