//! Runs the built program in a copy of the example, to have real plans and journals.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::drive::paths;

/// Copies the example into a folder that goes away afterwards.
pub(crate) fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new("examples/contoso");
    for path in paths(from) {
        let to = folder.path().join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&path, to).unwrap();
    }
    folder
}

/// Runs the program at a moment that does not pass.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_insightctl"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env("CI", "true");
    command.env("INSIGHTCTL_NOW", "2026-03-01T08:00:00Z").env("INSIGHTCTL_SANDBOX", "tenant.json");
    command.output().unwrap()
}
