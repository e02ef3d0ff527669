//! `waive`: writes down consent to what guards object to in one saved plan.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};

use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::args::{Global, WaiveArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::saved;
use super::session::{clock, read_manifest};
use crate::manifest::waiver_text;
use crate::model::{Class, Waiver};
use crate::plan::guard::{Objection, review};
use crate::render;

pub(super) fn run(global: &Global, console: &Console, args: &WaiveArgs) -> Result<Exit, Failure> {
    let manifest = read_manifest(global, console)?;
    let plan = saved::read(&args.plan)?;
    saved::fits(&plan, &manifest)?;
    let objections = review(&plan, manifest.limits(), &BTreeSet::new());
    let class: BTreeSet<_> = args.class.iter().copied().collect();
    something_to_waive(&class, &objections)?;
    let today = clock(global).now().to_zoned(TimeZone::UTC).date();
    let until = args.until.map_or_else(|| today.checked_add(1.week()), Ok).map_err(Failure::wrong)?;
    if until < today {
        return Err(
            Failure::wrong(format!("{until} is over")).hint("`--until` names the last day on which it holds")
        );
    }
    let said = |option: &str, text: &str| {
        let text = text.trim();
        if text.is_empty() {
            Err(Failure::wrong(format!("`{option}` is empty")))
        } else {
            Ok(text.to_owned())
        }
    };
    let waiver = Waiver {
        plan: plan.hash,
        class,
        reason: said("--reason", &args.reason)?,
        by: said("--by", args.by.as_deref().unwrap_or(&console.who))?,
        until,
    };
    write_new(args, &waiver)?;
    console.copy(|out| render::waiver::text(out, &waiver, &objections, console.look))?;
    let (plan, out) = (args.plan.display(), args.out.display());
    console.say(&format!("Written to {out}; `insightctl apply {plan} --waiver {out}` uses it."))?;
    Ok(Exit::Done)
}

/// Refuses consent to what nobody objects to: it would look as if something had been agreed.
fn something_to_waive(class: &BTreeSet<Class>, objections: &[Objection]) -> Result<(), Failure> {
    let objects: BTreeSet<Class> = objections.iter().map(|objection| objection.class).collect();
    let Some(idle) = class.difference(&objects).next() else { return Ok(()) };
    let words: Vec<_> = objects.iter().map(|class| class.word()).collect();
    let hint = if words.is_empty() {
        "guards object to nothing in this plan: apply it without a waiver".to_owned()
    } else {
        format!("guards object to {}", words.join(", "))
    };
    Err(Failure::wrong(format!("no guard objects to {idle} in this plan")).hint(hint))
}

/// Writes the waiver to a file that was not there: another one is never replaced.
fn write_new(args: &WaiveArgs, waiver: &Waiver) -> Result<(), Failure> {
    let place = args.out.display();
    let write = || -> io::Result<()> {
        let mut file = File::create_new(&args.out)?;
        file.write_all(waiver_text(waiver).as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            Failure::wrong(format!("{place} exists")).hint("`--out` names another file")
        } else {
            Failure::new(Exit::Wrong, error).context(format!("could not write {place}"))
        }
    })
}
