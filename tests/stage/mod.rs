//! Sets a stage for tests of the built program: a copy of the example in a folder that goes away afterwards.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Is a folder with a copy of `examples/contoso`, in which the program runs.
pub struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// Copies the example.
    pub fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(Path::new("examples/contoso"), folder.path());
        Self { folder }
    }

    /// Gives the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Prepares a run of the program, with nothing of the surroundings that could change what it says.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_insightctl"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in ["INSIGHTCTL_SANDBOX", "INSIGHTCTL_NOW", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("CI", "true");
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }
}

/// Is how a run ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Makes sure of the exit code; shows everything that was said when it is another one.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
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

/// Copies a folder's own files; what running the example has left behind stays where it is.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
