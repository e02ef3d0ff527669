//! Sets a stage for tests of the built program: a copy of the example in a folder that goes away afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod copy;

use copy::copy;

/// Is a folder with a copy of `examples/contoso`, in which the program runs.
pub(crate) struct Stage {
    folder: PathBuf,
    _kept: tempfile::TempDir,
}

impl Stage {
    /// Copies the example.
    pub(crate) fn set() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().join("examples/contoso");
        copy(Path::new("examples/contoso"), &folder);
        Self { folder, _kept: kept }
    }

    /// Gives the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Prepares a run of the program, with nothing of the surroundings that could change what it says.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_insightctl"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in ["INSIGHTCTL_SANDBOX", "INSIGHTCTL_NOW", "INSIGHTCTL_PWSH", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("CI", "true");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }
}

/// Is how a run ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Makes sure of the exit code; shows everything that was said when it is another one.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}
