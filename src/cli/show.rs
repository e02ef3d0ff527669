//! `show`: shows a saved plan again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::args::{Format, ShowArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::planning::Planned;
use crate::plan::{FORMAT, Plan, guard};

pub(super) fn run(console: &Console, args: &ShowArgs) -> Result<Exit, Failure> {
    let form = args.output.only("show", &[Format::Text, Format::Json, Format::Markdown, Format::Csv])?;
    let plan = read(&args.plan)?;
    // The manifest's own limits are not part of the plan; the default ones tell a reviewer enough.
    let objections = guard::review(&plan, &BTreeMap::new(), &BTreeSet::new());
    let planned = Planned { plan, objections };
    console.put(&args.output, |out, look| form.plan(out, &planned, look))?;
    Ok(Exit::Done)
}

/// Is what every version of a plan file says of itself.
#[derive(Debug, Deserialize)]
struct Version {
    format: u32,
}

/// Reads a saved plan.
pub(super) fn read(path: &Path) -> Result<Plan, Failure> {
    let place = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Exit::Wrong, error).context(format!("could not read the plan {place}"))
    })?;
    let version: Option<Version> = serde_json::from_str(&text).ok();
    if let Some(Version { format }) = version
        && format > FORMAT
    {
        return Err(Failure::wrong(format!(
            "{place} has format {format}, and this version knows up to {FORMAT}"
        ))
        .hint("use the version of insightctl that wrote it, or a later one"));
    }
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(Exit::Wrong, error)
            .context(format!("{place} is no plan of insightctl"))
            .hint("`insightctl plan --out plan.json` writes one")
    })
}
