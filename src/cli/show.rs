//! `show`: shows a saved plan again.

use std::collections::{BTreeMap, BTreeSet};

use super::args::{Format, ShowArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::planning::Planned;
use super::saved;
use crate::plan::guard;

pub(super) fn run(console: &Console, args: &ShowArgs) -> Result<Exit, Failure> {
    let form = args.output.only("show", &[Format::Text, Format::Json, Format::Markdown, Format::Csv])?;
    let plan = saved::read(&args.plan)?;
    // The manifest's own limits are not part of the plan; the default ones tell a reviewer enough.
    let objections = guard::review(&plan, &BTreeMap::new(), &BTreeSet::new());
    let planned = Planned { plan, objections };
    console.put(&args.output, |out, look| form.plan(out, &planned, look))?;
    Ok(Exit::Done)
}
