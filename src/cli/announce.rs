//! `announce`: writes drafts for the people whom a milestone tells something, and remembers who they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::apply::agreed;
use super::args::{AnnounceArgs, Global};
use super::console::Console;
use super::drafts::Drafts;
use super::exit::Exit;
use super::failure::Failure;
use super::locked::Locked;
use super::record::has_a_ledger;
use super::session::{Purpose, Session, View, read_manifest};
use super::timing::{facts, may_be_applied};
use crate::model::PersonId;
use crate::model::rollout::{Audience, Hold, Message, Milestone, Rollout};
use crate::plan::{self, Basis, Participants, Plan, TakenIn};
use crate::render;
use crate::rollout::{Announcement, Facts, OfWave, WaveStatus, announcement, timeline};
use crate::store::{Record, Remembered};

/// Is how many people stand in one record of the journal.
const IN_A_RECORD: usize = 10_000;

pub(super) async fn run(global: &Global, console: &Console, args: &AnnounceArgs) -> Result<Exit, Failure> {
    let purpose = if args.list { Purpose::Look } else { Purpose::Apply };
    let manifest = read_manifest(global, console)?;
    if args.out.is_some() {
        may_be_applied(global, &manifest)?;
    }
    let mut session = Session::of(manifest, global, console, purpose).await?;
    let (milestone, message) = find(&session, &args.milestone)?;
    let facts = facts(&session.remembered().await?);
    let groups = session.group_names();
    let wave = wave(session.manifest.rollout(), &groups, facts, session.as_of(), milestone.wave)?;
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
    let mut remembered = session.remembered().await?;
    console.picked_up(&remembered)?;
    let (announcement, unknown) = look(session, &mut remembered, told).await?;
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
    let left = drafts.left()?;
    if left.is_some_and(|left| locked.remembered.ledger.drafts.contains(&left)) {
        let written = drafts.finish()?.len();
        console.say(&format!("finished what an earlier run left: {written} files; run this again"))?;
        return Ok(Exit::Done);
    }
    // Nobody was remembered for what is left, so whoever is told now is told once.
    drafts.drop_pending()?;
    let mut remembered = std::mem::take(&mut locked.remembered);
    let found = Box::pin(locked.keeping(look(session, &mut remembered, told))).await;
    locked.remembered = remembered;
    let (announcement, unknown) = found?;
    console.data(|out| render::announcement::text(out, &announcement, console.look))?;
    if announcement.people.is_empty() {
        console.say("Nobody is to be told; nothing was written.")?;
        if announcement.told_before == 0 && announcement.to == Audience::Changing {
            console.say(
                "hint: the plan of that day changes nothing that people of this wave would notice; as long as the \
                 defaults are on, they have everything already",
            )?;
        }
        return console.exit(unknown);
    }
    if !(yes || agreed(console, "Write these drafts, and remember who was told?")?) {
        console.say("Nothing was written.")?;
        return Ok(Exit::Done);
    }
    let id = drafts.prepare(&announcement)?;
    let people = announcement.people.iter().map(|person| person.id).collect();
    remember(session, told.milestone, &people, id, locked).await?;
    for path in drafts.finish()? {
        console.say(&format!("wrote {}", render::inert(&path.display().to_string())))?;
    }
    console.exit(unknown)
}

/// Remembers who was told, so that nobody is told twice: all of them at once, so that a crash leaves none or all.
async fn remember(
    session: &Session,
    milestone: &Milestone,
    people: &BTreeSet<PersonId>,
    drafts: Uuid,
    locked: &mut Locked<'_>,
) -> Result<(), Failure> {
    let now = session.clock.now();
    let context = session.context(&locked.remembered, false);
    let plan = Plan::empty(Basis::of(&context, session.reader.tenant(), session.reader.tenant_name(), now));
    let mut people = people.iter().copied();
    let records = std::iter::from_fn(|| {
        let people: BTreeSet<_> = people.by_ref().take(IN_A_RECORD).collect();
        let milestone = Arc::clone(&milestone.name);
        (!people.is_empty()).then_some(Record::Announced { milestone, people, drafts, at: now })
    });
    locked.write_down(&plan, records).await?;
    Ok(())
}

/// Finds out whom the milestone tells what, and how many people nobody can say that of.
///
/// A wave that only conditions hold counts as begun for this look, and what is remembered is the same afterwards.
async fn look(
    session: &Session,
    remembered: &mut Remembered,
    told: Told<'_>,
) -> Result<(Announcement, u64), Failure> {
    let waves = remembered.ledger.waves.clone();
    if told.wave.conditional {
        remembered.ledger.waves.insert(Arc::clone(&told.wave.status.name), told.wave.as_of);
    }
    let looked = Box::pin(look_as_remembered(session, remembered, told)).await;
    remembered.ledger.waves = waves;
    looked
}

async fn look_as_remembered(
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
    let of_wave = OfWave { name: &wave.status.name, first: wave.first, conditional: wave.conditional };
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
#[derive(Debug)]
struct Standing {
    status: WaveStatus,
    /// The day whose plan decides: today, or the one on which the wave begins.
    as_of: Timestamp,
    /// The first day of the wave.
    first: Date,
    /// Whether its conditions are asked on that day, and it is only supposed to begin then.
    conditional: bool,
}

/// Says where a wave stands, by its index, and on which day people are told of it.
///
/// People are told before conditions can be asked, so one that nothing else holds is supposed to begin on its day.
fn wave(
    rollout: &Rollout,
    groups: &[Arc<str>],
    mut facts: Facts,
    now: Timestamp,
    index: u32,
) -> Result<Standing, Failure> {
    let find = |facts: &Facts, as_of| {
        let waves = timeline(rollout, groups, facts, as_of).waves;
        waves.into_iter().nth(index as usize).expect("a milestone names a wave of its manifest")
    };
    let today = find(&facts, now);
    let as_of = if today.has_begun() { now } else { today.begins.unwrap_or(now) };
    let mut status = find(&facts, as_of);
    let conditional = !status.holds.is_empty() && status.holds.iter().all(Hold::is_condition);
    if conditional {
        facts.began.insert(Arc::clone(&status.name), as_of);
        status = find(&facts, as_of);
    }
    let Some(begins) = status.begins.filter(|_| status.has_begun()) else {
        let fact = format!("nobody knows when the wave `{}` begins", render::inert(&status.name));
        return Err(Failure::wrong(fact).hint(
            "`insightctl rollout` says what holds it; approve it, or give it a day, before people are told",
        ));
    };
    let first = begins.to_zoned(rollout.time_zone.clone()).date();
    Ok(Standing { status, as_of, first, conditional })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rollout::{Conditions, Percent, Then, Wave};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    /// Gives a pilot of 45 days, and a wave that waits for it, for a reviewer and for most of its people.
    fn rollout(approved: bool) -> Rollout {
        let pilot = Wave {
            name: "pilot".into(),
            groups: vec![0],
            starts: Some(at("2026-03-02T00:00:00Z")),
            runs_for: Some(45),
            after: None,
            approved: None,
            canary: Percent::ALL,
            when: Conditions::default(),
            then: Then::Stay,
        };
        let next = Wave {
            name: "next".into(),
            starts: None,
            after: Some(0),
            approved: Some(approved),
            when: Conditions { converged: Some(Percent::ALL), ..Conditions::default() },
            ..pilot.clone()
        };
        Rollout { waves: vec![pilot, next], ..Rollout::default() }
    }

    fn stands(rollout: &Rollout, now: &str) -> Result<Standing, Failure> {
        wave(rollout, &["pilot".into()], Facts::default(), at(now), 1)
    }

    #[test]
    fn people_are_told_of_a_wave_that_only_conditions_hold() {
        let ahead = stands(&rollout(true), "2026-04-01T09:00:00Z").expect("its day is known");
        assert!(ahead.conditional && ahead.status.has_begun());
        assert_eq!((ahead.as_of, ahead.first.to_string()), (at("2026-04-16T00:00:00Z"), "2026-04-16".into()));
        let late = stands(&rollout(true), "2026-05-01T09:00:00Z").expect("it may begin today");
        assert!(late.conditional);
        assert_eq!(late.as_of, at("2026-05-01T09:00:00Z"));
    }

    #[test]
    fn nobody_is_told_of_a_wave_that_a_reviewer_holds() {
        for now in ["2026-04-01T09:00:00Z", "2026-05-01T09:00:00Z"] {
            assert_eq!(stands(&rollout(false), now).expect_err("nobody approved it").exit, Exit::Wrong);
        }
    }

    #[test]
    fn a_wave_whose_conditions_held_is_not_told_of_with_a_condition() {
        let began = [(Arc::from("next"), at("2026-04-17T00:00:00Z"))].into();
        let facts = Facts { began, ..Facts::default() };
        let now = at("2026-05-01T09:00:00Z");
        let standing = wave(&rollout(true), &["pilot".into()], facts, now, 1).expect("it has begun");
        assert!(!standing.conditional);
        assert_eq!(standing.first.to_string(), "2026-04-17");
    }
}
