//! `announce`: writes drafts for the people whom a milestone tells something, and remembers who they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

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
use crate::model::PersonId;
use crate::model::rollout::{Audience, Message, Milestone};
use crate::plan::{self, Basis, Participants, Plan, TakenIn};
use crate::render;
use crate::rollout::{Announcement, WaveStatus, announcement, timeline};
use crate::store::{Record, Remembered};

/// Is how many people stand in one record of the journal.
const IN_A_RECORD: usize = 10_000;

pub(super) async fn run(global: &Global, console: &Console, args: &AnnounceArgs) -> Result<Exit, Failure> {
    let purpose = if args.list { Purpose::Look } else { Purpose::Apply };
    let mut session = Session::open(global, console, purpose).await?;
    let (milestone, message) = find(&session, &args.milestone)?;
    let wave = wave(&session, &session.remembered().await?, &milestone)?;
    session.stand_at(wave.as_of);
    let told = Told { milestone: &milestone, message: &message, wave: &wave };
    let ended = match &args.out {
        Some(out) if !args.list => {
            has_a_ledger(&session)?;
            let drafts = Drafts::open(out, &milestone.name, session.reader.tenant())?;
            let work = session.locked(console, async |locked| {
                Box::pin(see_through(&session, console, told, &drafts, args.yes, locked)).await
            });
            Box::pin(work).await
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

async fn only_list(session: &Session, console: &Console, told: Told<'_>) -> Result<Exit, Failure> {
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
    told: Told<'_>,
    drafts: &Drafts,
    yes: bool,
    locked: &mut Locked<'_>,
) -> Result<Exit, Failure> {
    if let Some(left) = drafts.left()? {
        let known = locked.remembered.ledger.announced.get(&told.milestone.name).cloned().unwrap_or_default();
        if !left.people.is_disjoint(&known) {
            let rest: BTreeSet<PersonId> = left.people.difference(&known).copied().collect();
            if !rest.is_empty() {
                remember(session, told.milestone, &rest, locked).await?;
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
        Box::pin(locked.keeping(looking)).await?
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
    remember(session, told.milestone, &people, locked).await?;
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
    told: Told<'_>,
) -> Result<(Announcement, u64), Failure> {
    let Told { milestone, message, wave } = told;
    let rollout = session.manifest.rollout();
    let taken_in =
        TakenIn { groups: wave.status.groups.iter().cloned().collect(), share: wave.status.canary };
    let ledger = &remembered.ledger;
    let View { membership: _, mut desired, actual } = session.look(remembered, None, false).await?;
    // People are told before a window opens.
    desired.closed = None;
    desired.groups.iter_mut().for_each(|group| group.closed = None);
    let (concerned, unknown) = match message.to {
        Audience::Changing => {
            let plan = plan::plan(&desired, &actual, ledger, &session.context(remembered, false));
            (plan::changing(&plan, &taken_in), plan::unknown(&plan, &taken_in))
        }
        Audience::Participants => {
            let Participants { people, unknown } = plan::participants(&desired, &actual, ledger, &taken_in);
            (people, unknown)
        }
    };
    let all = concerned.len();
    let concerned = plan::not_told(concerned, ledger.announced.get(&milestone.name));
    let told_before = (all - concerned.len()) as u64;
    let people: BTreeSet<PersonId> = concerned.keys().copied().collect();
    let profiles = session.reader.profiles(&people).await?;
    let of_wave = (&wave.status.name, wave.first);
    let milestone = (milestone, message);
    Ok((announcement(&rollout.campaign, milestone, of_wave, concerned, told_before, &profiles), unknown))
}

/// Is the milestone, what it tells, and where its wave stands.
#[derive(Clone, Copy)]
struct Told<'a> {
    milestone: &'a Milestone,
    message: &'a Message,
    wave: &'a Standing,
}

/// Is where the milestone's wave stands.
struct Standing {
    status: WaveStatus,
    /// The day whose plan decides: today, or the one on which the wave begins.
    as_of: Timestamp,
    /// The first day of the wave.
    first: Date,
}

/// Says where the milestone's wave stands.
fn wave(session: &Session, remembered: &Remembered, milestone: &Milestone) -> Result<Standing, Failure> {
    let rollout = session.manifest.rollout();
    let groups: Vec<_> = session.manifest.groups().iter().map(|group| Arc::clone(group.name())).collect();
    let facts = facts(remembered);
    let find = |as_of| {
        let waves = timeline(rollout, &groups, &facts, as_of).waves;
        waves.into_iter().nth(milestone.wave as usize).expect("a milestone names a wave of its manifest")
    };
    let now = session.as_of();
    let status = find(now);
    let not_yet = || {
        Failure::wrong(format!("nobody knows when the wave `{}` begins", render::inert(&status.name))).hint(
            "`insightctl rollout` says what holds it; approve it, or give it a day, before people are told",
        )
    };
    let begins = status.begins.ok_or_else(not_yet)?;
    let as_of = if status.has_begun() { now } else { begins };
    let then = find(as_of);
    if !then.has_begun() {
        return Err(not_yet());
    }
    let first = begins.to_zoned(rollout.time_zone.clone()).date();
    Ok(Standing { status: then, as_of, first })
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
