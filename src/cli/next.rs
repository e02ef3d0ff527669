//! `rollout next`: proposes the edit of the manifest after a wave, as a patch that keeps comments and layout.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use jiff::civil::Date;

use super::args::{Consent, Global, NextArgs, NextChoice};
use super::console::{Console, replace};
use super::exit::Exit;
use super::failure::Failure;
use super::init::in_two_weeks;
use super::planning;
use super::session::{Purpose, Session, clock, read_manifest};
use super::timing::facts;
use crate::manifest::{self, Edit, Manifest, NotEdited};
use crate::model::rollout::Tally;
use crate::render;
use crate::rollout::next::{Advice, Choice, Why, advise, coming, current};
use crate::rollout::{Facts, Timeline, timeline};

pub(super) async fn run(global: &Global, console: &Console, args: &NextArgs) -> Result<Exit, Failure> {
    let manifest = read_manifest(global, console)?;
    if manifest.rollout().waves.is_empty() {
        return Err(Failure::wrong("the manifest has no waves, so none comes next")
            .hint("`insightctl init --pilot` writes a manifest with waves"));
    }
    let now = clock(global).now();
    let as_of = global.as_of.map_or(now, |as_of| as_of.moment(&manifest.rollout().time_zone));
    let starts = args
        .starts
        .unwrap_or_else(|| in_two_weeks(as_of.to_zoned(manifest.rollout().time_zone.clone()).date()));
    let NextChoice { extend, widen, widen_all, approve, adjust } = &args.choice;
    let typed = extend.is_some() || !widen.is_empty() || *widen_all || approve.is_some() || adjust.is_some();
    let edits = if typed {
        let timeline = by_dates(&manifest, as_of);
        chosen(&manifest, &timeline, args, starts)?
    } else {
        let (advice, timeline) = advised(&manifest, global, console).await?;
        console.say(&render::next::advice(&advice, manifest.rollout()))?;
        follow(&manifest, &timeline, &advice, starts)?
    };
    if edits.is_empty() {
        return Ok(Exit::Done);
    }
    propose(&manifest, global, console, &edits, args.write)
}

/// Says where the waves stand by their dates alone.
fn by_dates(manifest: &Manifest, as_of: jiff::Timestamp) -> Timeline {
    let groups: Vec<_> = manifest.groups().iter().map(|group| group.name().clone()).collect();
    timeline(manifest.rollout(), &groups, &Facts::default(), as_of)
}

/// Looks where people stand, and advises.
async fn advised(
    manifest: &Manifest,
    global: &Global,
    console: &Console,
) -> Result<(Advice, Timeline), Failure> {
    let session = Session::of(manifest.clone(), global, console, Purpose::Look).await?;
    let remembered = session.remembered().await?;
    let rollout = manifest.rollout();
    let groups: Vec<_> = manifest.groups().iter().map(|group| group.name().clone()).collect();
    let mut timeline = timeline(rollout, &groups, &facts(&remembered), session.as_of());
    // Where nothing has begun, or still runs, it does not matter where people stand.
    if advise(rollout, rollout.campaign.goals, &timeline).why == Why::NotMeasured {
        let planned = planning::make(&session, &remembered, &Consent::default()).await?;
        measure(&mut timeline, &planned.plan.standings);
    }
    session.close().await;
    Ok((advise(rollout, rollout.campaign.goals, &timeline), timeline))
}

/// Adds up where the people of each wave stand.
fn measure(timeline: &mut Timeline, standings: &[Tally]) {
    for Tally { wave, group: _, people } in standings {
        let status = timeline.waves.iter_mut().find(|status| Some(&status.name) == wave.as_ref());
        if let Some(status) = status {
            status.measure.get_or_insert_default().extend(people);
        }
    }
}

/// Says which edits an advice comes to.
fn follow(
    manifest: &Manifest,
    timeline: &Timeline,
    advice: &Advice,
    starts: Date,
) -> Result<Vec<Edit>, Failure> {
    match advice.choice {
        Choice::Wait => Ok(Vec::new()),
        Choice::Extend { wave, days } => Ok(vec![extended(manifest, wave, days)?]),
        Choice::Approve { wave } => Ok(vec![Edit::Approve { wave }]),
        Choice::Adjust { wave, share } => Ok(vec![Edit::Canary { wave, share }]),
        Choice::WidenToAll => everybody(manifest, timeline, starts),
    }
}

/// Says which edits were asked for.
fn chosen(
    manifest: &Manifest,
    timeline: &Timeline,
    args: &NextArgs,
    starts: Date,
) -> Result<Vec<Edit>, Failure> {
    let NextChoice { extend, widen, widen_all, approve, adjust } = &args.choice;
    let wave = || match &args.wave {
        Some(name) => named(manifest, name),
        None => current(timeline)
            .ok_or_else(|| Failure::wrong("no wave has begun by its dates").hint("name one with `--wave`")),
    };
    if let Some(days) = extend {
        return Ok(vec![extended(manifest, wave()?, *days)?]);
    }
    if let Some(share) = adjust {
        return Ok(vec![Edit::Canary { wave: wave()?, share: *share }]);
    }
    if let Some(name) = approve {
        return Ok(vec![Edit::Approve { wave: named(manifest, name)? }]);
    }
    if *widen_all {
        return everybody(manifest, timeline, starts);
    }
    widened(manifest, timeline, widen, starts)
}

fn named(manifest: &Manifest, name: &str) -> Result<u32, Failure> {
    let waves = &manifest.rollout().waves;
    let found = (0..).zip(waves).find(|(_, wave)| &*wave.name == name).map(|(index, _)| index);
    found.ok_or_else(|| {
        let names: Vec<_> = waves.iter().map(|wave| &*wave.name).collect();
        Failure::wrong(format!("the manifest has no wave `{name}`"))
            .hint(format!("its waves are: {}", names.join(", ")))
    })
}

fn extended(manifest: &Manifest, wave: u32, days: u32) -> Result<Edit, Failure> {
    let found = &manifest.rollout().waves[wave as usize];
    match found.runs_for {
        Some(so_far) => Ok(Edit::RunsFor { wave, days: so_far.saturating_add(days) }),
        None => Err(Failure::wrong(format!("the wave `{}` has no end that could be moved", found.name))
            .hint("give it `runs-for:` first")),
    }
}

/// Takes groups into the next wave, or into one that is added.
fn widened(
    manifest: &Manifest,
    timeline: &Timeline,
    groups: &[String],
    starts: Date,
) -> Result<Vec<Edit>, Failure> {
    for name in groups {
        let index = (0..).zip(manifest.groups()).find(|(_, group)| **group.name() == **name);
        let Some((index, _)) = index else {
            let names: Vec<_> = manifest.groups().iter().map(|group| &**group.name()).collect();
            return Err(Failure::wrong(format!("the manifest has no group `{name}`"))
                .hint(format!("its groups are: {}", names.join(", "))));
        };
        let whole = |wave: &&crate::model::Wave| {
            wave.groups.contains(&index) && wave.canary == crate::model::Percent::ALL
        };
        if let Some(wave) = manifest.rollout().waves.iter().find(whole) {
            let fact = format!("the wave `{}` is for the group `{name}` already", wave.name);
            return Err(Failure::wrong(fact).hint("`--approve WAVE` lets a wave pass that waits for it"));
        }
    }
    Ok(vec![match coming(timeline) {
        Some(wave) => Edit::AddToWave { wave, groups: groups.to_vec() },
        None => added(manifest, groups.to_vec(), starts),
    }])
}

/// Adds a wave after the last one.
fn added(manifest: &Manifest, groups: Vec<String>, starts: Date) -> Edit {
    let waves = &manifest.rollout().waves;
    let taken = |name: &str| waves.iter().any(|wave| wave.name.eq_ignore_ascii_case(name));
    let own = match groups.as_slice() {
        [one] => Some(one.clone()),
        [] | [_, ..] => None,
    };
    let name = own.filter(|name| !taken(name)).unwrap_or_else(|| {
        let numbers = waves.len() + 1..;
        let mut names = numbers.map(|number| format!("wave-{number}"));
        names.find(|name| !taken(name)).expect("there are more numbers than waves")
    });
    let after = waves.last().map(|wave| wave.name.to_string()).unwrap_or_default();
    Edit::AddWave { name, groups, after, starts }
}

/// Adds a wave for everybody, and the group that it needs where there is none.
fn everybody(manifest: &Manifest, timeline: &Timeline, starts: Date) -> Result<Vec<Edit>, Failure> {
    if let Some(group) = manifest.groups().iter().find(|group| group.holds_everyone()) {
        return widened(manifest, timeline, &[group.name().to_string()], starts);
    }
    let taken = |name: &str| manifest.groups().iter().any(|group| group.name().eq_ignore_ascii_case(name));
    let mut names =
        ["everyone".to_owned()].into_iter().chain((2..).map(|number| format!("everyone-{number}")));
    let name = names.find(|name| !taken(name)).expect("there are more numbers than groups");
    let wave = current(timeline).unwrap_or(0) as usize;
    let like = manifest.rollout().waves.get(wave).and_then(|wave| wave.groups.first().copied()).unwrap_or(0);
    let group = Edit::AddEveryone { name: name.clone(), like };
    Ok(vec![group, added(manifest, vec![name], starts)])
}

/// Edits the manifest, makes sure that it can be read, and writes the patch or the manifest.
fn propose(
    manifest: &Manifest,
    global: &Global,
    console: &Console,
    edits: &[Edit],
    write: bool,
) -> Result<Exit, Failure> {
    let path = manifest.path();
    let bytes = std::fs::read(path)?;
    let after = manifest::edit(&bytes, edits)?;
    let becomes = manifest::reread(path, after.clone().into_bytes())?;
    if write {
        replace(path, |out| out.write_all(after.as_bytes()))?;
        let file = path.display().to_string();
        console.say(&format!("edited {}: look at it, and commit it", render::inert(&file)))?;
        return Ok(Exit::Done);
    }
    let before = String::from_utf8_lossy(&bytes);
    let proposed = render::next::patch(&in_repository(global), &before, &after);
    if becomes.digest() == manifest.digest() {
        console.say("The manifest says so already.")?;
    }
    // A file has to get the very bytes; a terminal must not obey them.
    if io::stdout().is_terminal() {
        console.data(|out| out.write_all(render::lines(&proposed, false).as_bytes()))?;
    } else {
        console.data(|out| Write::write_all(out, proposed.as_bytes()))?;
    }
    Ok(Exit::Done)
}

/// Gives the manifest's path as seen from the root of its repository, or else as it was typed.
fn in_repository(global: &Global) -> PathBuf {
    let real = global.file.canonicalize().ok();
    let inside = real.as_deref().and_then(|real| {
        let root = real.ancestors().find(|above| above.join(".git").exists())?;
        real.strip_prefix(root).ok().map(PathBuf::from)
    });
    inside.unwrap_or_else(|| global.file.clone())
}

impl From<NotEdited> for Failure {
    fn from(error: NotEdited) -> Self {
        match error {
            NotEdited::Problems(problems) => problems.into(),
            error @ (NotEdited::NotUtf8 | NotEdited::Layout | NotEdited::Anchors) => {
                Self::new(Exit::Wrong, error).hint("edit it by hand")
            }
        }
    }
}
