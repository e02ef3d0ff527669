//! The journal of one run: lines of JSON, only ever added to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use super::record::Record;
use super::{RunId, StoreError, error, files};
use crate::model::TenantId;

/// Is the folder of all runs.
const FOLDER: &str = "runs";

/// Lists all runs, oldest first.
pub(super) fn runs(store: &Path) -> Result<Vec<RunId>, StoreError> {
    Ok(files::numbers(&store.join(FOLDER), "")?.into_iter().map(RunId).collect())
}

/// Gives the folder of one run.
pub(super) fn folder(store: &Path, run: RunId) -> PathBuf {
    store.join(FOLDER).join(run.to_string())
}

/// Gives the path of one run's journal.
fn path(store: &Path, run: RunId) -> PathBuf {
    folder(store, run).join("journal.jsonl")
}

/// Reads one run's journal, record by record.
///
/// The last line may be torn, since a machine can die while writing it: it has no end then, and what it was to say did
/// not happen yet, or is found out by looking. An unreadable line that has its end is an error, because it did say
/// something once. A run that died before it wrote anything has an empty journal, or none.
pub(super) fn read(
    store: &Path,
    run: RunId,
    tenant: TenantId,
    mut each: impl FnMut(Record),
) -> Result<(), StoreError> {
    let path = path(store, run);
    let mut lines = match File::open(&path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(StoreError::io("read", &path))? == 0 {
            break;
        }
        let record = match serde_json::from_slice::<Record>(&line) {
            Ok(record) => record,
            Err(source) if line.ends_with(b"\n") => {
                return Err(StoreError::Damaged { path, line: number, source });
            }
            Err(_) => {
                tracing::warn!(path = %path.display(), line = number, "a journal ends in a torn line");
                return Ok(());
            }
        };
        if let Record::Started(started) = &record {
            error::check_format(&path, started.format)?;
            error::check_tenant(&path, started.tenant, tenant)?;
        }
        each(record);
    }
    Ok(())
}

/// Is a journal that is being written.
#[derive(Debug)]
pub(super) struct Journal {
    run: RunId,
    path: PathBuf,
    file: File,
    /// Reused from one batch of records to the next.
    lines: Vec<u8>,
    broken: bool,
}

impl Journal {
    /// Begins the journal of a run, in a folder of its own.
    pub(super) fn begin(store: &Path, run: RunId) -> Result<Self, StoreError> {
        let folder = folder(store, run);
        files::make_folder(&store.join(FOLDER))?;
        fs::create_dir(&folder).map_err(StoreError::io("create", &folder))?;
        files::sync_folder_of(&folder)?;
        let path = path(store, run);
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(StoreError::io("create", &path))?;
        files::sync_folder_of(&path)?;
        Ok(Self { run, path, file, lines: Vec::new(), broken: false })
    }

    /// Adds records and flushes them to the disk, all at once.
    ///
    /// After a failure nothing more can be added: a half-written line must stay the last one.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::BrokenOff { run: self.run });
        }
        if records.is_empty() {
            return Ok(());
        }
        self.lines.clear();
        let mut add = || -> io::Result<()> {
            for record in records {
                files::json_line(&mut self.lines, record)?;
            }
            self.file.write_all(&self.lines)?;
            self.file.sync_data()
        };
        let added = add();
        self.broken = added.is_err();
        added.map_err(StoreError::io("write", &self.path))
    }
}
