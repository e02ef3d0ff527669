//! `rollout`: shows the whole timeline, or one side of it, and changes nothing.

use std::collections::BTreeMap;

use super::args::{Global, Output, RolloutArgs, RolloutCommand, RolloutFormat};
use super::balance;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::next;
use super::session::{Purpose, Session, View, clock, read_manifest, spare};
use super::timing::facts;
use crate::manifest::Manifest;
use crate::model::{DesiredState, Membership};
use crate::render;
use crate::rollout::{About, Facts, Headcount, Overview, Timeline, timeline};

pub(super) async fn run(global: &Global, console: &Console, args: &RolloutArgs) -> Result<Exit, Failure> {
    match &args.command {
        None => overview(global, console, args).await,
        Some(RolloutCommand::Balance(args)) => balance::run(global, console, args).await,
        Some(RolloutCommand::Next(args)) => next::run(global, console, args).await,
    }
}

async fn overview(global: &Global, console: &Console, args: &RolloutArgs) -> Result<Exit, Failure> {
    let form = args.output.form();
    let output = Output { format: None, out: args.output.out.clone() };
    output.could_be_written()?;
    let manifest = read_manifest(global, console)?;
    spare(&manifest, &output, global, None)?;
    let stamp = clock(global).now();
    let (timeline, people) = if args.offline {
        let as_of = global.as_of.map_or(stamp, |as_of| as_of.moment(&manifest.rollout().time_zone));
        let groups: Vec<_> = manifest.groups().iter().map(|group| group.name().clone()).collect();
        (timeline(manifest.rollout(), &groups, &Facts::default(), as_of), None)
    } else {
        let session = Session::of(manifest.clone(), global, console, Purpose::Look).await?;
        let (timeline, membership) = reached(&session).await?;
        session.close().await;
        (timeline, Some(headcounts(&manifest, &membership)))
    };
    let about =
        About { tenant: manifest.tenant(), tenant_name: manifest.tenant_name(), timeline: &timeline, people };
    let overview = Overview::of(manifest.rollout(), &about);
    console.end_progress();
    console.put(&output, |out, look| match form {
        RolloutFormat::Text => render::rollout::text(out, &overview, look),
        RolloutFormat::Json => render::rollout::json(out, &overview),
        RolloutFormat::Markdown => out.write_all(render::rollout::markdown(&overview).as_bytes()),
        RolloutFormat::Svg => out.write_all(render::rollout::svg(&overview).as_bytes()),
        RolloutFormat::Ics => out.write_all(render::rollout::calendar(&overview, stamp).as_bytes()),
    })?;
    let gaps = overview.unread();
    for gap in &gaps {
        console.say(&render::rollout::unread(gap))?;
    }
    Ok(if gaps.is_empty() { Exit::Done } else { Exit::Incomplete })
}

/// Says where the waves stand; people's settings are read only where a condition hangs on them.
async fn reached(session: &Session) -> Result<(Timeline, Membership), Failure> {
    let remembered = session.remembered().await?;
    let timeline = session.timeline(&facts(&remembered), session.as_of());
    if !timeline.waits_for_a_measure() {
        let membership = session.reader.membership(&session.manifest.selectors()).await?;
        return Ok((timeline, membership));
    }
    let View { membership, desired, actual: _ } = session.look(&remembered, None, false).await?;
    let DesiredState { rollout, in_force, .. } = desired;
    Ok((Timeline { as_of: timeline.as_of, waves: rollout.waves, in_force }, membership))
}

/// Counts the people of each wave; one of which something could not be read is missing.
fn headcounts(manifest: &Manifest, membership: &Membership) -> BTreeMap<u32, Headcount> {
    let waves = (0..).zip(&manifest.rollout().waves);
    let counts = waves.filter_map(|(index, wave)| {
        let people = manifest.named_by(&wave.groups, membership)?;
        let taken_in = people.iter().filter(|person| wave.canary.takes_in(**person)).count();
        Some((index, Headcount { named: people.len() as u64, taken_in: taken_in as u64 }))
    });
    counts.collect()
}
