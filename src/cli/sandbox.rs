//! `sandbox`: serves, resets, plays with or generates a simulated tenant.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{Global, ModeName, PwshArgs, SandboxCommand, SwitchName};
use super::console::{Console, replace};
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::interrupted;
use super::session::{clock, sandbox_log, sandbox_options};
use crate::render;
use crate::sandbox::{self, By, Choice, DefaultsChoice, Generate, Sandbox, StandIn};

pub(super) async fn run(
    global: &Global,
    console: &Console,
    command: &SandboxCommand,
) -> Result<Exit, Failure> {
    let on = |switch: &Option<SwitchName>| switch.map(|switch| switch == SwitchName::On);
    match command {
        SandboxCommand::Serve { port } => serve(global, console, *port).await,
        SandboxCommand::Reset => {
            let file = tenant_file(global)?;
            sandbox::reset(&sandbox_log(&file))?;
            let file = file.display().to_string();
            console.say(&format!("{} is as in the beginning", render::inert(&file)))?;
            Ok(Exit::Done)
        }
        SandboxCommand::Person { person, mode, dashboard, digest_email, outlook_add_in, by } => {
            let choice = Choice {
                mode: mode.map(|mode| mode == ModeName::OptIn),
                dashboard: on(dashboard),
                digest_email: on(digest_email),
                outlook_add_in: on(outlook_add_in),
            };
            play(global, console, person, choice, by.as_ref().unwrap_or(&By::Themselves))
        }
        SandboxCommand::Defaults {
            dashboard,
            digest_email,
            outlook_add_in,
            schedule_send,
            meeting_survey,
        } => {
            let choice = DefaultsChoice {
                dashboard: on(dashboard),
                digest_email: on(digest_email),
                outlook_add_in: on(outlook_add_in),
                schedule_send: on(schedule_send),
                meeting_survey: on(meeting_survey),
                sampling_rate: None,
            };
            if choice == DefaultsChoice::default() {
                return Err(Failure::wrong("nothing to change")
                    .hint("name at least one default, such as --dashboard on"));
            }
            let file = tenant_file(global)?;
            sandbox::play_defaults(sandbox_options(global, &file, &clock(global))?, &choice)?;
            console.say("another administrator has changed the tenant's defaults")?;
            Ok(Exit::Done)
        }
        SandboxCommand::Pwsh(args) => stand_in(args).await,
        SandboxCommand::Generate { people, groups, seed, out } => {
            let options = Generate { people: *people, groups: *groups, seed: *seed };
            match out {
                Some(path) => replace(path, |mut out| sandbox::generate(&options, &mut out))?,
                None => console.data(|mut out| sandbox::generate(&options, &mut out))?,
            }
            Ok(Exit::Done)
        }
    }
}

async fn serve(global: &Global, console: &Console, port: u16) -> Result<Exit, Failure> {
    let file = tenant_file(global)?;
    let mut options = sandbox_options(global, &file, &clock(global))?;
    options.port = (port != 0).then_some(port);
    let sandbox = Sandbox::start(options).await?;
    console.data(|out| writeln!(out, "{}", sandbox.url()))?;
    console.say("serving until Ctrl-C; use it with --sandbox and the URL above")?;
    interrupted().await?;
    sandbox.stop().await;
    Ok(Exit::Done)
}

/// Stands in for PowerShell until its input ends, or it is to die.
async fn stand_in(args: &PwshArgs) -> Result<Exit, Failure> {
    let PwshArgs {
        at,
        module,
        slow,
        noise,
        stray,
        garble,
        die_before,
        die_after,
        hang_after,
        leak,
        mute,
        refuse,
        rest: _,
    } = args;
    let stand_in = StandIn {
        at: at.clone(),
        module: (module != "none").then(|| module.clone()),
        slow: Duration::from_millis(*slow),
        noise: *noise,
        stray: *stray,
        garble: *garble,
        die_before: *die_before,
        die_after: *die_after,
        hang_after: *hang_after,
        leak: *leak,
        mute: *mute,
        refuse: refuse.clone(),
    };
    let requests = tokio::io::BufReader::new(tokio::io::stdin());
    let lived = stand_in.run(requests, tokio::io::stdout(), tokio::io::stderr()).await?;
    Ok(if lived { Exit::Done } else { Exit::Unexpected })
}

fn play(global: &Global, console: &Console, person: &str, choice: Choice, by: &By) -> Result<Exit, Failure> {
    if choice == Choice::default() {
        return Err(Failure::wrong("nothing to change")
            .hint("name at least one of --mode, --dashboard, --digest-email, --outlook-add-in"));
    }
    let file = tenant_file(global)?;
    let options = sandbox_options(global, &file, &clock(global))?;
    let now = sandbox::play_person(options, person, &choice, by)?;
    let switch = |on: bool| if on { "on" } else { "off" };
    let mode = if now.opt_in { "opt-in" } else { "opt-out" };
    console.say(&format!(
        "{}: mode {mode}, dashboard {}, digest-email {}, outlook-add-in {}",
        render::inert(person),
        switch(now.dashboard),
        switch(now.digest_email),
        switch(now.outlook_add_in),
    ))?;
    Ok(Exit::Done)
}

fn tenant_file(global: &Global) -> Result<PathBuf, Failure> {
    match global.sandbox.as_deref() {
        Some(at) if !at.starts_with("http") => Ok(Path::new(at).to_owned()),
        Some(_) => Err(Failure::wrong("this command works on a tenant file, not on a URL")
            .hint("run it where the sandbox is served, with --sandbox TENANT.json")),
        None => Err(Failure::wrong("no tenant file was named").hint("name it: --sandbox TENANT.json")),
    }
}
