//! Takes arguments in and gives an exit code out; one file per command, each reads like a story.
//!
//! `args` is what was typed, `session` is what most commands begin with, `failure` maps every error to an exit code and
//! to advice, and `exit` lists the codes. The environment is read here and nowhere else.

mod announce;
mod apply;
mod args;
mod balance;
mod consent;
mod console;
mod doctor;
mod drafts;
mod drift;
mod environment;
mod exit;
mod explain;
mod export;
mod failure;
mod handover;
mod import;
mod init;
mod interrupt;
mod locked;
mod next;
mod plan;
mod planning;
mod record;
mod release;
mod report;
mod results;
mod rollback;
mod rollout;
mod runs;
mod sandbox;
mod saved;
mod schema;
mod session;
mod show;
mod sign_in;
mod timing;
mod transport;

mod validate;
mod verify;
mod waive;
mod who;
mod window;

use std::borrow::Cow;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Arguments, Command, Global};
use console::Console;
use environment::Environment;
pub use exit::Exit;
use failure::Failure;
use interrupt::until_interrupted;

use crate::render;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments.without_blanks(),
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Wrong } else { Exit::Done };
            // What was typed is repeated in it, and may come from a pull request's title.
            let plain = error.render().to_string();
            let told = match render::lines(&plain, false) {
                Cow::Borrowed(_) => error.print(),
                Cow::Owned(inert) => writeln!(io::stderr(), "{}", inert.trim_end()),
            };
            // Nobody is left to tell when even this cannot be printed.
            drop(told);
            return exit.into();
        }
    };
    let console = Console::new(&arguments.global, Environment::read());
    log(&arguments.global, console.colour_talk);
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(&arguments, &console)));
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_broken_pipe() => match arguments.command {
            // What could not be shown was not applied.
            Command::Apply(_) | Command::Rollback(_) | Command::Record(_) | Command::Announce(_) => {
                Exit::Unexpected.into()
            }
            Command::Validate(_)
            | Command::Doctor(_)
            | Command::Init(_)
            | Command::Import(_)
            | Command::Schema(_)
            | Command::Plan(_)
            | Command::Show(_)
            | Command::Waive(_)
            | Command::Handover(_)
            | Command::Explain(_)
            | Command::Rollout(_)
            | Command::Drift(_)
            | Command::Export(_)
            | Command::Verify(_)
            | Command::Release(_)
            | Command::Runs(_)
            | Command::Report(_)
            | Command::Sandbox(_) => Exit::Done.into(),
        },
        Err(failure) => {
            drop(console.insist(&failure.text(&console)));
            failure.exit.into()
        }
    }
}

async fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let Arguments { global, command } = arguments;
    match command {
        Command::Validate(args) => validate::run(global, console, args),
        Command::Doctor(args) => Box::pin(until_interrupted(doctor::run(global, console, args))).await,
        Command::Init(args) => init::run(global, console, args),
        Command::Import(args) => Box::pin(until_interrupted(import::run(global, console, args))).await,
        Command::Schema(args) => schema::run(console, args),
        Command::Plan(args) => Box::pin(until_interrupted(plan::run(global, console, args))).await,
        Command::Show(args) => show::run(console, args),
        Command::Waive(args) => waive::run(global, console, args),
        Command::Apply(args) => apply::run(global, console, args).await,
        Command::Handover(args) => Box::pin(until_interrupted(handover::run(global, console, args))).await,
        Command::Rollback(args) => Box::pin(rollback::run(global, console, args)).await,
        Command::Record(args) => Box::pin(record::run(global, console, args)).await,
        Command::Announce(args) => Box::pin(announce::run(global, console, args)).await,
        Command::Explain(args) => Box::pin(until_interrupted(explain::run(global, console, args))).await,
        Command::Rollout(args) => Box::pin(until_interrupted(rollout::run(global, console, args))).await,
        Command::Drift(args) => Box::pin(until_interrupted(drift::run(global, console, args))).await,
        Command::Export(args) => Box::pin(until_interrupted(export::run(global, console, args))).await,
        Command::Verify(args) => Box::pin(verify::run(global, console, args)).await,
        Command::Release(args) => release::run(global, console, args).await,
        Command::Runs(args) => runs::run(global, console, args).await,
        Command::Report(command) => Box::pin(until_interrupted(report::run(global, console, command))).await,
        Command::Sandbox(command) => sandbox::run(global, console, command).await,
    }
}

/// Sends what the program tells about itself to standard error: requests and pauses with `-vv`, bodies never.
fn log(global: &Global, colour: bool) {
    let level = match global.verbose {
        0 | 1 => "off",
        2 => "insightctl=debug",
        _ => "insightctl=trace",
    };
    let writer = move || Inert { colour };
    let subscriber = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(level)).with_writer(writer);
    subscriber.with_target(false).with_ansi(colour).init();
}

/// Writes lines of the log to standard error, in which nothing acts but our colours.
struct Inert {
    colour: bool,
}

impl Write for Inert {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A line comes as a whole.
        let text = String::from_utf8_lossy(bytes);
        io::stderr().write_all(render::lines(&text, self.colour).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
