//! `init`: writes a manifest to start from.

use std::path::Path;

use uuid::Uuid;

use super::args::{DEFAULT_FILE, Global, InitArgs, ScenarioName};
use super::console::{Console, folder, replace};
use super::exit::Exit;
use super::failure::Failure;
use crate::manifest::{self, Scenario};
use crate::model::TenantId;
use crate::render;
use crate::sandbox;

pub(super) fn run(global: &Global, console: &Console, args: &InitArgs) -> Result<Exit, Failure> {
    let path = &global.file;
    if path.exists() {
        return Err(Failure::wrong(format!("{} exists already", path.display()))
            .hint("name another file with --file, or move it away"));
    }
    let scenario = match args.scenario {
        ScenarioName::DefaultOn => Scenario::DefaultOn,
        ScenarioName::DefaultOff => Scenario::DefaultOff,
        ScenarioName::Mixed => Scenario::Mixed,
        ScenarioName::OptionalOptIn => Scenario::OptionalOptIn,
    };
    let (id, name) = tenant(global, args)?;
    let text = manifest::template(scenario, id, &name);
    let folder = folder(path);
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::new(Exit::Wrong, error).context(format!("could not make the folder {}", folder.display()))
    })?;
    replace(path, |out| out.write_all(text.as_bytes()))?;
    let file = path.display().to_string();
    let file = render::inert(&file);
    let named = if path == Path::new(DEFAULT_FILE) { String::new() } else { format!(" --file {file}") };
    console.say(&format!("wrote {file}: edit it, then run `insightctl validate{named}`"))?;
    Ok(Exit::Done)
}

/// Takes the tenant from the command line, else from the sandbox's file, else leaves a place to fill in.
fn tenant(global: &Global, args: &InitArgs) -> Result<(TenantId, String), Failure> {
    let file = global.sandbox.as_deref().filter(|at| !at.starts_with("http"));
    let (id, name) = match file {
        Some(file) => {
            let (id, name) = sandbox::whose(Path::new(file))?;
            (id, Some(name))
        }
        None => (Uuid::nil(), None),
    };
    let id = TenantId(args.tenant_id.unwrap_or(id));
    let name = args.tenant_name.clone().or(name);
    Ok((id, name.unwrap_or_else(|| "YOUR-TENANT.onmicrosoft.com".to_owned())))
}
