//! `schema`: prints the JSON Schema of what people write, and of what we write.

use super::args::{SchemaArgs, SchemaOf};
use super::console::{Console, replace};
use super::exit::Exit;
use super::failure::Failure;
use crate::{apply, manifest, plan, rollout};

pub(super) fn run(console: &Console, args: &SchemaArgs) -> Result<Exit, Failure> {
    let schema = of(args.of);
    let mut text = serde_json::to_string_pretty(&schema).map_err(std::io::Error::from)?;
    text.push('\n');
    match &args.out {
        Some(path) => replace(path, |out| out.write_all(text.as_bytes()))?,
        None => console.data(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(Exit::Done)
}

/// Generates a schema in draft-07, which every editor knows; written as it is, it keeps title and type first.
fn of(what: SchemaOf) -> schemars::Schema {
    let generate = || schemars::generate::SchemaSettings::draft07().into_generator();
    match what {
        SchemaOf::Manifest => manifest::schema(),
        SchemaOf::Plan => generate().into_root_schema_for::<plan::Plan>(),
        SchemaOf::Waiver => manifest::waiver_schema(),
        SchemaOf::Adoption => generate().into_root_schema_for::<rollout::adoption::Adoption>(),
        SchemaOf::Balance => generate().into_root_schema_for::<rollout::balance::Balance>(),
        SchemaOf::Report => generate().into_root_schema_for::<apply::Report>(),
    }
}
