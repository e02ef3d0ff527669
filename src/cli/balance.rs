//! `rollout balance`: tells how mixed the people of a wave are.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::args::{BalanceArgs, Format, Global};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::session::{Purpose, Session};
use crate::microsoft::Ask;
use crate::model::rollout::Rollout;
use crate::model::{DesiredState, InForce, Kind, Known, Members, PersonId, Selector};
use crate::render;
use crate::rollout::balance::{Seen, balance};

/// Is what is read of everybody: who they are, and no settings.
const WHO: Ask = Ask { settings: false, tenant_settings: false, count_people: false };

pub(super) async fn run(global: &Global, console: &Console, args: &BalanceArgs) -> Result<Exit, Failure> {
    let form = args.output.only("rollout balance", &[Format::Text, Format::Json, Format::Markdown])?;
    let session = Session::open(global, console, Purpose::Look).await?;
    session.spare(&args.output, global, None)?;
    let wave = wave(session.manifest.rollout(), args.wave.as_deref())?;
    let mut selectors = session.manifest.selectors();
    selectors.insert(Selector::Everyone);
    let membership = session.reader.membership(&selectors).await?;
    // Whom the wave takes in once it is in force, whatever day it is.
    let desired = session.manifest.resolve(&membership, &InForce::default())?;
    let everyone = match membership.of.get(&Selector::Everyone) {
        Some(Known::Is(Members::Are(people))) => people.iter().copied().collect(),
        Some(Known::Unknown(why)) => return Err(Failure::from((**why).clone())),
        Some(Known::Is(Members::NoSuchPerson | Members::Gone | Members::Ambiguous(_))) | None => {
            BTreeSet::new()
        }
    };
    let actual = session.reader.observe(&everyone, WHO).await?;
    let members = actual.people.iter().filter(|(_, person)| person.enabled && person.kind == Kind::Member);
    let members: BTreeSet<PersonId> = members.map(|(id, _)| *id).collect();
    let mut everybody = session.reader.profiles(&members).await?;
    // Of whom the directory says nothing they count all the same.
    for member in members {
        everybody.entry(member).or_default();
    }
    let found = balance(&Seen {
        tenant: (actual.tenant.id, Arc::clone(&actual.tenant.name)),
        wave: wave.map(|wave| Arc::clone(&session.manifest.rollout().waves[wave].name)),
        groups: taking_part(session.manifest.rollout(), wave, &desired),
        everybody: &everybody,
    });
    session.close().await;
    console.put(&args.output, |out, look| match form {
        Format::Json => render::balance::json(out, &found),
        Format::Markdown => out.write_all(render::balance::markdown(&found).as_bytes()),
        Format::Text | Format::Csv => render::balance::text(out, &found, look),
    })?;
    if desired.unreadable.is_empty() {
        return Ok(Exit::Done);
    }
    console.say("some of those whom the groups name could not be read, and are not counted")?;
    Ok(Exit::Incomplete)
}

/// Finds the wave that was asked for, by index; `None` where the manifest has none, and nobody asked for one.
fn wave(rollout: &Rollout, asked: Option<&str>) -> Result<Option<usize>, Failure> {
    let Some(asked) = asked else { return Ok((!rollout.waves.is_empty()).then_some(0)) };
    let found = rollout.waves.iter().position(|wave| &*wave.name == asked);
    if found.is_some() {
        return Ok(found);
    }
    let names: Vec<_> = rollout.waves.iter().map(|wave| render::inert(&wave.name)).collect();
    let hint = if names.is_empty() {
        "without --wave, everybody whom the groups hold is looked at".to_owned()
    } else {
        format!("choose one of: {}", names.join(", "))
    };
    Err(Failure::wrong(format!("the manifest has no wave `{}`", render::inert(asked))).hint(hint))
}

/// Gathers the people of a wave by the group that holds them.
fn taking_part(
    rollout: &Rollout,
    wave: Option<usize>,
    desired: &DesiredState,
) -> Vec<(Arc<str>, Vec<PersonId>)> {
    let mut groups: Vec<_> =
        desired.groups.iter().map(|group| (Arc::clone(&group.name), Vec::new())).collect();
    for (person, held) in &desired.people {
        let inside = wave.is_none() || rollout.wave_of(held.group, Some(*person)) == wave;
        if inside && !desired.protected.contains(person) {
            groups[held.group as usize].1.push(*person);
        }
    }
    let named = |group: u32| wave.is_none_or(|wave| rollout.waves[wave].groups.contains(&group));
    (0..).zip(groups).filter(|(index, _)| named(*index)).map(|(_, group)| group).collect()
}
