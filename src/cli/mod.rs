//! Takes arguments in and gives an exit code out; one file per command.

/// Runs the program.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
