//! `init`: writes a manifest to start from.

use super::args::{Global, InitArgs, ScenarioName};
use super::console::{Console, replace};
use super::exit::Exit;
use super::failure::Failure;
use crate::manifest::{self, Scenario};

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
    let id = args.tenant_id.map(crate::model::TenantId);
    let text = manifest::template(scenario, id, args.tenant_name.as_deref());
    replace(path, |out| out.write_all(text.as_bytes()))?;
    console.say(&format!("wrote {}: edit it, then run `insightctl validate`", path.display()))?;
    Ok(Exit::Done)
}
