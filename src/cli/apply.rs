//! `apply`: carries out a plan.
use super::args::{ApplyArgs, Global};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;

pub(super) async fn run(_global: &Global, _console: &Console, _args: &ApplyArgs) -> Result<Exit, Failure> {
    Err(Failure::wrong("not built"))
}
