//! `announce`: writes drafts for the people whom a milestone tells something, and remembers who they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::apply::agreed;
use super::args::{AnnounceArgs, Global};
use super::console::Console;
use super::drafts::Drafts;
use super::exit::Exit;
use super::failure::Failure;
use super::locked::Locked;
use super::record::has_a_ledger;
use super::session::{Purpose, Session, View};
use super::timing::facts;
use crate::model::rollout::{Audience, Message, Milestone};
use crate::model::{Ledger, PersonId};
use crate::plan::{self, Basis, Participants, Plan};
use crate::render;
use crate::rollout::{Announcement, WaveStatus, announcement};
use crate::store::{Record, Remembered};

/// Is how many people stand in one record of the journal.
const IN_A_RECORD: usize = 10_000;

pub(super) async fn run(global: &Global, console: &Console, args: &AnnounceArgs) -> Result<Exit, Failure> {
    let purpose = if args.list { Purpose::Look } else { Purpose::Apply };
    let session = Session::open(global, console, purpose).await?;
    let (milestone, message) = find(&session, &args.milestone)?;
    let told = (&milestone, &message);
    let ended = match &args.out {
        Some(out) if !args.list => {
            has_a_ledger(&session)?;
            let drafts = Drafts::open(out, &milestone.name, session.reader.tenant())?;
            let work = session.locked(console, async |locked| {
                see_through(&session, console, told, &drafts, args.yes, locked).await
            });
            work.await
        }
        Some(_) | None => only_list(&session, console, told).await,
    };
    session.close().await;
    ended
}

/// Finds the milestone, and what it tells.
fn find(session: &Session, name: &str) -> Result<(Milestone, Message), Failure> {
    let milestones = &session.manifest.rollout().campaign.milestones;
    let speaks = |milestone: &&Milestone| milestone.message.is_some();
    let found = milestones.iter().find(|milestone| milestone.name.eq_ignore_ascii_case(name));
    match found {
        Some(milestone @ Milestone { message: Some(message), .. }) => {
            Ok((milestone.clone(), message.clone()))
        }
        other => {
            let fact = match other {
                Some(_) => format!("the milestone `{name}` has no message"),
                None => format!("the manifest has no milestone `{name}`"),
            };
            let names: Vec<_> = milestones.iter().filter(speaks).map(|milestone| &*milestone.name).collect();
            let hint = match names.as_slice() {
                [] => "give one a `message:` under `rollout: milestones:`".to_owned(),
                names => format!("those with a message are: {}", names.join(", ")),
            };
            Err(Failure::wrong(fact).hint(hint))
        }
    }
}

async fn only_list(
    session: &Session,
    console: &Console,
    told: (&Milestone, &Message),
) -> Result<Exit, Failure> {
    let remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let (announcement, unknown) = look(session, &remembered, told).await?;
    console.data(|out| render::announcement::text(out, &announcement, console.look))?;
    console.exit(unknown)
}

/// Finishes what an earlier run left, shows who is told, asks, and writes.
async fn see_through(
    session: &Session,
    console: &Console,
    told: (&Milestone, &Message),
    drafts: &Drafts,
    yes: bool,
    locked: &mut Locked<'_>,
) -> Result<Exit, Failure> {
    if let Some(left) = drafts.left()? {
        let known = locked.remembered.ledger.announced.get(&told.0.name).cloned().unwrap_or_default();
        if !left.people.is_disjoint(&known) {
            let rest: BTreeSet<PersonId> = left.people.difference(&known).copied().collect();
            if !rest.is_empty() {
                remember(session, told.0, &rest, locked).await?;
            }
            let written = drafts.finish()?;
            console.say(&format!(
                "finished what an earlier run left: {} files; run this again",
                written.len()
            ))?;
            return Ok(Exit::Done);
        }
    }
    drafts.drop_pending()?;
    let (announcement, unknown) = {
        let looking = look(session, &locked.remembered, told);
        locked.keeping(looking).await?
    };
    console.data(|out| render::announcement::text(out, &announcement, console.look))?;
    if announcement.people.is_empty() {
        console.say("Nobody is to be told; nothing was written.")?;
        return console.exit(unknown);
    }
    if !(yes || agreed(console, "Write these drafts, and remember who was told?")?) {
        console.say("Nothing was written.")?;
        return Ok(Exit::Done);
    }
    drafts.prepare(&announcement)?;
    let people = announcement.people.iter().map(|person| person.id).collect();
    remember(session, told.0, &people, locked).await?;
    for path in drafts.finish()? {
        console.say(&format!("wrote {}", render::inert(&path.display().to_string())))?;
    }
    console.exit(unknown)
}

/// Remembers who was told, so that nobody is told twice.
async fn remember(
    session: &Session,
    milestone: &Milestone,
    people: &BTreeSet<PersonId>,
    locked: &mut Locked<'_>,
) -> Result<(), Failure> {
    let now = session.clock.now();
    let context = session.context(&locked.remembered, false);
    let plan = Plan::empty(Basis::of(&context, session.reader.tenant(), session.reader.tenant_name(), now));
    let mut people = people.iter().copied();
    let records = std::iter::from_fn(|| {
        let people: BTreeSet<_> = people.by_ref().take(IN_A_RECORD).collect();
        let milestone = Arc::clone(&milestone.name);
        (!people.is_empty()).then_some(Record::Announced { milestone, people, at: now })
    });
    locked.write_down(&plan, records).await?;
    Ok(())
}

/// Finds out whom the milestone tells what, and how many people nobody can say that of.
async fn look(
    session: &Session,
    remembered: &Remembered,
    (milestone, message): (&Milestone, &Message),
) -> Result<(Announcement, u64), Failure> {
    let rollout = session.manifest.rollout();
    let (wave, as_of, begins) = wave(session, remembered, milestone)?;
    let groups: BTreeSet<Arc<str>> = wave.groups.iter().cloned().collect();
    let ledger = &remembered.ledger;
    let view = session.look_as_of(remembered, as_of).await?;
    let View { membership: _, desired, actual } = &view;
    let (concerned, unknown) = match message.to {
        Audience::Changing => {
            let context = session.context_as_of(remembered, as_of);
            let plan = plan::plan(desired, actual, ledger, &context);
            let unknown = plan.summary.left_alone.get(&plan::Reason::Unknown).copied().unwrap_or(0);
            (plan::changing(&plan, &groups), unknown)
        }
        Audience::Participants => {
            let Participants { people, unknown } = plan::participants(desired, actual, ledger, &groups);
            (people, unknown)
        }
    };
    let all = concerned.len();
    let concerned = plan::not_told(concerned, told(ledger, milestone));
    let told_before = (all - concerned.len()) as u64;
    let people: BTreeSet<PersonId> = concerned.keys().copied().collect();
    let profiles = session.reader.profiles(&people).await?;
    let first = begins.to_zoned(rollout.time_zone.clone()).date();
    let wave = (&wave.name, first);
    let made = announcement(&rollout.campaign, (milestone, message), wave, concerned, told_before, &profiles);
    Ok((made, unknown))
}

fn told<'l>(ledger: &'l Ledger, milestone: &Milestone) -> Option<&'l BTreeSet<PersonId>> {
    ledger.announced.get(&milestone.name)
}

/// Says where the milestone's wave stands, the day whose plan decides, and when the wave begins.
fn wave(
    session: &Session,
    remembered: &Remembered,
    milestone: &Milestone,
) -> Result<(WaveStatus, Timestamp, Timestamp), Failure> {
    let index = milestone.wave as usize;
    let facts = facts(remembered);
    let find = |as_of| session.timeline(&facts, as_of).waves.into_iter().nth(index);
    let now = session.as_of();
    let status = find(now).ok_or_else(|| Failure::wrong("the milestone's wave is not in the manifest"))?;
    let not_yet = |status: &WaveStatus| {
        Failure::wrong(format!("nobody knows when the wave `{}` begins", status.name)).hint(
            "`insightctl rollout` says what holds it; approve it, or give it a day, before people are told",
        )
    };
    let begins = status.begins.ok_or_else(|| not_yet(&status))?;
    if status.has_begun() {
        return Ok((status, now, begins));
    }
    let then = find(begins).filter(WaveStatus::has_begun).ok_or_else(|| not_yet(&status))?;
    Ok((then, begins, begins))
}

impl Console {
    /// Says how many people nobody knows anything of, if there are any.
    fn exit(&self, unknown: u64) -> Result<Exit, Failure> {
        if unknown == 0 {
            return Ok(Exit::Done);
        }
        self.say(&render::announcement::unknown(unknown))?;
        Ok(Exit::Incomplete)
    }
}
