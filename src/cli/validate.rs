//! `validate`: checks the manifest and its files, without a tenant.

use super::args::{Format, Global, ValidateArgs};
use super::console::Console;
use super::exit::Exit;
use super::failure::{Failure, problems};
use crate::manifest::{self, Problems, Severity};
use crate::render;

pub(super) fn run(global: &Global, console: &Console, args: &ValidateArgs) -> Result<Exit, Failure> {
    let form = args.output.only("validate", &[Format::Text, Format::Json])?;
    let read = manifest::read(&global.file);
    let (found, name) = match &read {
        Ok(manifest) => (manifest.warnings(), manifest.tenant_name()),
        Err(found) => (found, None),
    };
    let overlaps = read.as_ref().map(manifest::Manifest::overlaps).unwrap_or_default();
    let contested = overlaps.iter().any(|overlap| !overlap.same_outcome);
    let strict = args.strict && (contested || found.count(Severity::Warning) > 0);
    let exit = if read.is_err() || strict { Exit::Wrong } else { Exit::Done };
    match form {
        Format::Json => console.put(&args.output, |out, _| render::problems::json(out, found))?,
        Format::Text | Format::Markdown | Format::Csv => {
            if !found.is_empty() {
                say(console, found)?;
            }
            for overlap in &overlaps {
                console.insist(&render::plan::overlap(overlap))?;
            }
            if exit == Exit::Done {
                let groups = read.as_ref().map_or(0, |manifest| manifest.groups().len());
                let tenant = name.map(|name| format!(" for {}", render::inert(name))).unwrap_or_default();
                let file = global.file.display().to_string();
                let file = render::inert(&file);
                let groups = match groups {
                    0 => "no groups".to_owned(),
                    1 => "1 group".to_owned(),
                    _ => format!("{groups} groups"),
                };
                let line = format!("{file} is a valid manifest{tenant}, with {groups}.");
                console.put(&args.output, |out, _| writeln!(out, "{line}"))?;
            }
        }
    }
    Ok(exit)
}

fn say(console: &Console, found: &Problems) -> Result<(), Failure> {
    console.insist(&problems(found, console.colour_talk, console.look.width))
}
