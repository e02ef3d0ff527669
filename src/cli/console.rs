//! How this process talks: data to standard output, talk to standard error.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::args::{Color, Format, Global, Output};
use super::environment::{Environment, Proofs, Stores, Way};
use super::exit::Exit;
use super::failure::Failure;
use crate::clock::Clock;
use crate::microsoft::{OnReading, Reading};
use crate::render::{self, Look, Progress};
use crate::store::Remembered;

/// Is the terminal, the pipe or the file at the other end.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "these are facts about the surroundings, each by itself")]
pub(super) struct Console {
    /// How data is to look.
    pub(super) look: Look,
    /// Whether talk may be coloured.
    pub(super) colour_talk: bool,
    /// Whether a person can be asked.
    pub(super) can_ask: bool,
    /// Whether this runs in a pipeline.
    pub(super) ci: bool,
    /// Who runs this.
    pub(super) who: String,
    /// Who runs this, and in which process.
    pub(super) holder: String,
    /// What the surroundings say about places where a store can be.
    pub(super) stores: Stores,
    /// What the surroundings offer to sign in with.
    pub(super) proofs: Proofs,
    /// What the surroundings say about the way to the services.
    pub(super) way: Way,
    /// PowerShell for tenants of Microsoft 365, where the surroundings name one.
    pub(super) pwsh: Option<PathBuf>,
    quiet: bool,
    progress: Arc<Mutex<Progress>>,
    clock: Clock,
}

impl Console {
    pub(super) fn new(global: &Global, environment: Environment) -> Self {
        let Environment { no_color, ci, who, holder, stores, proofs, way, pwsh } = environment;
        let may = |terminal: bool| match global.color {
            Color::Auto => terminal && !no_color,
            Color::Always => true,
            Color::Never => false,
        };
        let (stdout, stderr) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let width =
            terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0).clamp(60, 120));
        let details = if global.verbose > 0 { usize::MAX } else { Look::default().details };
        let progress = if global.quiet || global.no_progress {
            Progress::nothing()
        } else if stderr && !ci {
            Progress::bar()
        } else {
            Progress::lines(Box::new(io::stderr()))
        };
        Self {
            look: Look { colour: may(stdout), width, details },
            colour_talk: may(stderr),
            can_ask: io::stdin().is_terminal() && stderr,
            ci,
            who,
            holder,
            stores,
            proofs,
            way,
            pwsh,
            quiet: global.quiet,
            progress: Arc::new(Mutex::new(progress)),
            clock: Clock::system(),
        }
    }

    /// Says something to the person, unless they asked for quiet.
    pub(super) fn say(&self, line: &str) -> Result<(), Failure> {
        if !self.quiet {
            self.insist(line)?;
        }
        Ok(())
    }

    /// Says something even to a person who asked for quiet.
    pub(super) fn insist(&self, line: &str) -> Result<(), Failure> {
        self.end_progress();
        writeln!(io::stderr(), "{}", line.trim_end_matches('\n'))?;
        Ok(())
    }

    /// Says that earlier runs died, or that one is under way, and that what they did is known.
    pub(super) fn picked_up(&self, remembered: &Remembered) -> Result<(), Failure> {
        if let Some(holder) = &remembered.under_way {
            self.say(&render::runs::under_way(holder))?;
        }
        match remembered.unfinished.as_slice() {
            [] => Ok(()),
            runs => {
                let names: Vec<_> = runs.iter().map(ToString::to_string).collect();
                self.say(&format!(
                    "picked up unfinished run {}: what it did is taken into account",
                    names.join(", ")
                ))
            }
        }
    }

    /// Shows how far something is.
    pub(super) fn advance(&self, label: &str, done: u64, of: u64) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        // Progress that cannot be shown must not stop the work.
        drop(progress.advance(label, done, of, self.clock.elapsed()));
    }

    /// Clears progress, so that other text can follow.
    pub(super) fn end_progress(&self) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        drop(progress.end());
    }

    /// Listens to reading.
    pub(super) fn on_reading(&self) -> OnReading {
        let console = self.clone();
        Arc::new(move |reading| match reading {
            Reading::People { done } => console.advance("reading people", done, done),
            Reading::Groups { done, of } => console.advance("reading groups", done, of),
            Reading::AuditLog { waited, at_most } => {
                console.advance("waiting for the audit log (seconds)", waited, at_most);
            }
            Reading::Settings { done, of } => console.advance("reading settings", done, of),
        })
    }

    /// Writes data to standard output.
    pub(super) fn data(&self, produce: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.end_progress();
        let mut out = io::BufWriter::new(io::stdout().lock());
        produce(&mut out)?;
        out.flush()?;
        Ok(())
    }

    /// Shows on standard output what a file got as well, unless quiet was asked for.
    pub(super) fn copy(&self, produce: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.data(produce) }
    }

    /// Shows what comes before a result; where the result is for a program, it is talk.
    pub(super) fn beside(
        &self,
        output: &Output,
        form: Format,
        produce: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if output.out.is_some() {
            return self.copy(produce);
        }
        if form == Format::Text {
            return self.data(produce);
        }
        let mut text = Vec::new();
        produce(&mut text)?;
        self.say(&String::from_utf8_lossy(&text))
    }

    /// Writes a value where it was asked for: to a file, which is replaced as a whole, or to standard output.
    pub(super) fn put(
        &self,
        output: &Output,
        produce: impl FnOnce(&mut dyn Write, Look) -> io::Result<()>,
    ) -> Result<(), Failure> {
        match &output.out {
            None => self.data(|out| produce(out, self.look)),
            Some(path) => {
                self.end_progress();
                let look = Look { colour: false, ..self.look };
                replace(path, |out| produce(out, look))
            }
        }
    }
}

impl Output {
    /// Gives the form that was asked for, by name or by the file's ending.
    pub(super) fn form(&self) -> Format {
        let ending = self.out.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
        self.format.unwrap_or(match ending {
            Some("json") => Format::Json,
            Some("md" | "markdown") => Format::Markdown,
            Some("csv") => Format::Csv,
            Some(_) | None => Format::Text,
        })
    }

    /// Refuses a place where something stands that this run reads.
    pub(super) fn spare<'p>(&self, inputs: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
        let Some(out) = self.out.as_deref().and_then(|out| out.canonicalize().ok()) else { return Ok(()) };
        let same = |input: &&Path| input.canonicalize().is_ok_and(|input| input == out);
        match inputs.into_iter().find(same) {
            None => Ok(()),
            Some(input) => {
                Err(Failure::wrong(format!("--out would replace {}, which this run reads", input.display()))
                    .hint("name another file"))
            }
        }
    }

    /// Refuses a place where no file can be, before anything is done.
    pub(super) fn could_be_written(&self) -> Result<(), Failure> {
        self.out.as_deref().map_or(Ok(()), could_be_written)
    }

    /// Refuses a form that a value does not have, and a place where no file can be, before anything is done.
    pub(super) fn only(&self, command: &str, forms: &[Format]) -> Result<Format, Failure> {
        let form = self.form();
        self.could_be_written()?;
        if forms.contains(&form) {
            return Ok(form);
        }
        let names: Vec<_> = forms.iter().map(|form| form.word()).collect();
        Err(Failure::wrong(format!("`{command}` has no {} form", form.word()))
            .hint(format!("choose one of: {}", names.join(", "))))
    }
}

impl Format {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
        }
    }
}

/// Refuses a place where no file can be, before a long run ends there.
fn could_be_written(path: &Path) -> Result<(), Failure> {
    let fact = if path.is_dir() {
        format!("{} is a folder", path.display())
    } else if folder(path).is_dir() {
        return Ok(());
    } else {
        format!("there is no folder {}", folder(path).display())
    };
    Err(Failure::wrong(fact).hint("`--out` names a file in a folder that exists"))
}

/// Gives the folder in which a file is, or will be.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Replaces a file as a whole, or not at all.
pub(super) fn replace(
    path: &Path,
    produce: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        // What a link leads to is replaced, not the link; a device or a pipe cannot be replaced, only written to.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if real.exists() && !real.is_file() {
            let mut out = io::BufWriter::new(std::fs::OpenOptions::new().write(true).open(&real)?);
            produce(&mut out)?;
            return out.flush();
        }
        let folder = folder(&real);
        let mut builder = tempfile::Builder::new();
        // What any new file gets, less the umask; a temporary file's own permissions would hide it from others.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        {
            let mut out = io::BufWriter::new(&mut file);
            produce(&mut out)?;
            out.flush()?;
        }
        file.as_file().sync_all()?;
        file.persist(&real).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| {
        Failure::new(Exit::Unexpected, error).context(format!("could not write {}", path.display()))
    })
}
