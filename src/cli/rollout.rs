//! `rollout`: looks at the rollout that the manifest declares.

use super::args::{Global, RolloutArgs, RolloutCommand};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::next;

pub(super) async fn run(global: &Global, console: &Console, args: &RolloutArgs) -> Result<Exit, Failure> {
    match &args.command {
        RolloutCommand::Next(args) => next::run(global, console, args).await,
    }
}
