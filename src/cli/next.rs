//! `rollout next`: proposes the edit of the manifest after a wave, as a patch that keeps comments and layout.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;

use super::args::{Consent, Global, NextArgs, NextChoice};
use super::console::{Console, replace};
use super::exit::Exit;
use super::failure::Failure;
use super::init::in_two_weeks;
use super::planning;
use super::session::{Purpose, Session, clock, open_store, read_manifest};
use super::timing::facts;
use crate::manifest::{self, Edit, Manifest, NotEdited};
use crate::model::rollout::{Percent, Tally, Wave};
use crate::model::{BySetting, Value};
use crate::render;
use crate::rollout::next::{Advice, Choice, Why, advise, current, following};
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
        let begun = begun(&manifest, global, console, args, as_of).await?;
        chosen(&manifest, begun, args, starts)?
    } else {
        let (advice, begun) = advised(&manifest, global, console).await?;
        console.say(&render::next::advice(&advice, manifest.rollout()))?;
        follow(&manifest, begun, &advice, starts)?
    };
    if edits.is_empty() {
        return Ok(Exit::Done);
    }
    if args.starts.is_some() && !edits.iter().any(|edit| matches!(edit, Edit::AddWave { .. })) {
        return Err(Failure::wrong("no wave is added, so `--starts` says nothing")
            .hint("leave it out, or write `starts:` into the manifest"));
    }
    propose(&manifest, global, console, &edits, args.write)
}

/// Finds the last wave that has begun: the one that was typed, or else by dates and by what the store remembers.
async fn begun(
    manifest: &Manifest,
    global: &Global,
    console: &Console,
    args: &NextArgs,
    as_of: Timestamp,
) -> Result<Option<u32>, Failure> {
    if let Some(name) = &args.wave {
        return Ok(Some(named(manifest, name)?));
    }
    let rollout = manifest.rollout();
    let mut known = Facts::default();
    // Which wave is approved does not hang on those that have begun; what does may need no memory.
    if args.choice.approve.is_none() && rollout.waves.iter().any(Wave::has_gate) {
        const HINT: &str = "name the last wave that has begun with `--wave`";
        let store = open_store(global, console, manifest, Purpose::Look).await;
        let store = store.map_err(|failure| failure.hint(HINT))?;
        if store.keeps_nothing() {
            return Err(Failure::wrong("no store remembers which waves with a gate have begun").hint(HINT));
        }
        known = facts(&store.ledger(&manifest.settle(), &clock(global)).await?);
    }
    let groups: Vec<_> = manifest.groups().iter().map(|group| group.name().clone()).collect();
    Ok(current(&timeline(rollout, &groups, &known, as_of)))
}

/// Looks where people stand, and advises; gives the last wave that has begun as well.
async fn advised(
    manifest: &Manifest,
    global: &Global,
    console: &Console,
) -> Result<(Advice, Option<u32>), Failure> {
    let session = Session::of(manifest.clone(), global, console, Purpose::Look).await?;
    let remembered = session.remembered().await?;
    let rollout = manifest.rollout();
    let mut timeline = session.timeline(&facts(&remembered), session.as_of());
    let groups = (0..).zip(manifest.groups());
    let everyone: Vec<u32> =
        groups.filter(|(_, group)| group.holds_everyone()).map(|(index, _)| index).collect();
    // Where nothing has begun, or still runs, it does not matter where people stand.
    if advise(rollout, &everyone, &timeline).why == Why::NotMeasured {
        let planned = planning::make(&session, &remembered, &Consent::default()).await?;
        measure(&mut timeline, &planned.plan.standings);
    }
    session.close().await;
    let advice = advise(rollout, &everyone, &timeline);
    Ok((advice, current(&timeline)))
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
    begun: Option<u32>,
    advice: &Advice,
    starts: Date,
) -> Result<Vec<Edit>, Failure> {
    match advice.choice {
        Choice::Wait => Ok(Vec::new()),
        Choice::Extend { wave, days } => Ok(vec![extended(manifest, wave, days)?]),
        Choice::Approve { wave } => Ok(vec![Edit::Approve { wave }]),
        Choice::Adjust { wave, share } => Ok(vec![Edit::Canary { wave, share }]),
        Choice::WidenToAll => everybody(manifest, begun, None, starts),
    }
}

/// Says which edits were asked for.
fn chosen(
    manifest: &Manifest,
    begun: Option<u32>,
    args: &NextArgs,
    starts: Date,
) -> Result<Vec<Edit>, Failure> {
    let NextChoice { extend, widen, widen_all, approve, adjust } = &args.choice;
    let wave = || begun.ok_or_else(|| Failure::wrong("no wave has begun").hint("name one with `--wave`"));
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
        return everybody(manifest, begun, args.like.as_deref(), starts);
    }
    widened(manifest, begun, widen, starts)
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

fn group(manifest: &Manifest, name: &str) -> Result<u32, Failure> {
    let found = (0..).zip(manifest.groups()).find(|(_, group)| **group.name() == *name);
    found.map(|(index, _)| index).ok_or_else(|| {
        let names: Vec<_> = manifest.groups().iter().map(|group| &**group.name()).collect();
        Failure::wrong(format!("the manifest has no group `{name}`"))
            .hint(format!("its groups are: {}", names.join(", ")))
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
    begun: Option<u32>,
    groups: &[String],
    starts: Date,
) -> Result<Vec<Edit>, Failure> {
    for name in groups {
        let index = group(manifest, name)?;
        let whole = |wave: &&Wave| wave.groups.contains(&index) && wave.canary == Percent::ALL;
        if let Some(wave) = manifest.rollout().waves.iter().find(whole) {
            let fact = format!("the wave `{}` is for the group `{name}` already", wave.name);
            return Err(Failure::wrong(fact).hint("`--approve WAVE` lets a wave pass that waits for it"));
        }
    }
    Ok(vec![match following(begun, manifest.rollout().waves.len()) {
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

/// Adds a wave for everybody, and the group that it needs where there is none, which asks for the same as `like`.
fn everybody(
    manifest: &Manifest,
    begun: Option<u32>,
    like: Option<&str>,
    starts: Date,
) -> Result<Vec<Edit>, Failure> {
    if let Some(group) = manifest.groups().iter().find(|group| group.holds_everyone()) {
        return widened(manifest, begun, &[group.name().to_string()], starts);
    }
    let taken = |name: &str| manifest.groups().iter().any(|group| group.name().eq_ignore_ascii_case(name));
    let mut names =
        ["everyone".to_owned()].into_iter().chain((2..).map(|number| format!("everyone-{number}")));
    let name = names.find(|name| !taken(name)).expect("there are more numbers than groups");
    let like = match like {
        Some(like) => group(manifest, like)?,
        None => taken_after(manifest, begun.unwrap_or(0))?,
    };
    let group = Edit::AddEveryone { name: name.clone(), like };
    Ok(vec![group, added(manifest, vec![name], starts)])
}

/// Finds the group of a wave that a group for everybody may take after: all of them ask for the same, and take nothing
/// away.
fn taken_after(manifest: &Manifest, wave: u32) -> Result<u32, Failure> {
    let refuse = |fact: String| {
        Err(Failure::wrong(fact).hint("name the group to take after: `--widen-all --like GROUP`"))
    };
    let wave = &manifest.rollout().waves[wave as usize];
    let wants = |index: u32| manifest.groups()[index as usize].wants();
    let Some(first) = wave.groups.first().copied() else {
        return refuse(format!("the wave `{}` has no group", wave.name));
    };
    if wave.groups.iter().any(|group| wants(*group) != wants(first)) {
        return refuse(format!("the groups of `{}` do not all ask for the same", wave.name));
    }
    let BySetting { mode, dashboard: _, digest_email: _, outlook_add_in: _, service_plan } = wants(first);
    let takes_away = [*mode == Some(Value::OPT_OUT), *service_plan == Some(Value::REMOVED)];
    if takes_away.contains(&true) {
        let name = manifest.groups()[first as usize].name();
        return refuse(format!("what `{name}` asks for takes something away, which is not widened unasked"));
    }
    Ok(first)
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
