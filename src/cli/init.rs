//! `init`: writes a manifest to start from, and for a pilot the templates of its messages.

use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use uuid::Uuid;

use super::args::{DEFAULT_FILE, Global, InitArgs, ScenarioName};
use super::console::{Console, folder, replace};
use super::exit::Exit;
use super::failure::Failure;
use super::session::clock;
use crate::manifest::{self, Pilot, Scenario};
use crate::model::TenantId;
use crate::render;
use crate::sandbox;

pub(super) fn run(global: &Global, console: &Console, args: &InitArgs) -> Result<Exit, Failure> {
    let path = &global.file;
    let (id, name) = tenant(global, args)?;
    let scenario = args.scenario.map(|scenario| match scenario {
        ScenarioName::DefaultOn => Scenario::DefaultOn,
        ScenarioName::DefaultOff => Scenario::DefaultOff,
        ScenarioName::Mixed => Scenario::Mixed,
        ScenarioName::OptionalOptIn => Scenario::OptionalOptIn,
    });
    let files = if let Some(scenario) = scenario {
        vec![(path.clone(), manifest::template(scenario, id, &name))]
    } else {
        let starts = args.starts.unwrap_or_else(|| in_two_weeks(today(global)));
        let Pilot { manifest, messages } = manifest::pilot(id, &name, starts);
        let beside = |(file, text): (&str, &str)| (path.with_file_name("").join(file), text.to_owned());
        // The manifest last: where it is, all that it names is.
        messages.into_iter().map(beside).chain([(path.clone(), manifest)]).collect()
    };
    write(&files)?;
    for (file, _) in files.iter().filter(|(file, _)| file != path) {
        console.say(&format!("wrote {}", render::inert(&file.display().to_string())))?;
    }
    let file = path.display().to_string();
    let file = render::inert(&file);
    let named = if path == Path::new(DEFAULT_FILE) { String::new() } else { format!(" --file {file}") };
    console.say(&format!("wrote {file}: edit it, then run `insightctl validate{named}`"))?;
    Ok(Exit::Done)
}

/// Writes files where there are none yet; one that is there already, and nothing is written.
fn write(files: &[(PathBuf, String)]) -> Result<(), Failure> {
    if let Some((path, _)) = files.iter().rev().find(|(path, _)| path.exists()) {
        return Err(Failure::wrong(format!("{} exists already", path.display()))
            .hint("name another file with --file, or move it away"));
    }
    for (path, text) in files {
        let folder = folder(path);
        std::fs::create_dir_all(folder).map_err(|error| {
            Failure::new(Exit::Wrong, error)
                .context(format!("could not make the folder {}", folder.display()))
        })?;
        replace(path, |out| out.write_all(text.as_bytes()))?;
    }
    Ok(())
}

fn today(global: &Global) -> Date {
    clock(global).now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Gives the first Monday that is two weeks ahead or more.
pub(super) fn in_two_weeks(today: Date) -> Date {
    let earliest = today.saturating_add(14.days());
    let until_monday = earliest.weekday().until(Weekday::Monday);
    earliest.saturating_add(i64::from(until_monday).days())
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

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_pilot_begins_on_the_first_monday_that_is_two_weeks_ahead() {
        assert_eq!(in_two_weeks(date(2026, 2, 16)), date(2026, 3, 2), "from a Monday");
        assert_eq!(in_two_weeks(date(2026, 2, 17)), date(2026, 3, 9));
        assert_eq!(in_two_weeks(date(2026, 2, 22)), date(2026, 3, 9), "from a Sunday");
    }
}
