//! The door: calls `cli` and returns its exit code.

fn main() -> std::process::ExitCode {
    insightctl::cli::main()
}
