//! Files that are whole or absent: written beside, flushed, then put in their place.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use super::StoreError;

/// Starts the name of a file that is being written; one that stays behind belongs to a process that died.
const UNFINISHED: &str = ".writing-";

/// Spells a number as a file name, so that names sort as numbers do.
pub(super) fn name(number: u64) -> String {
    format!("{number:08}")
}

/// Lists the numbers that name something in a folder, in order; a folder that does not exist has none.
pub(super) fn numbers(folder: &Path, ending: &str) -> Result<Vec<u64>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", folder)(error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(ending));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a folder and those above it, so that they are still there after a power cut.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
    sync_folder_of(folder)
}

/// Writes a file unless there is one of that name: of several who try, exactly one gets `true`.
pub(super) fn create(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<bool, StoreError> {
    let file = write_beside(path, content)?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_folder_of(path).map(|()| true),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(StoreError::io("create", path)(failed.error)),
    }
}

/// Writes a value as a JSON file unless there is one of that name.
pub(super) fn create_json(path: &Path, value: &impl Serialize) -> Result<bool, StoreError> {
    create(path, |out| json_line(out, value))
}

/// Writes a value as a JSON file in place of what was there.
pub(super) fn replace_json(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let file = write_beside(path, |out| json_line(out, value))?;
    file.persist(path).map_err(|failed| StoreError::io("replace", path)(failed.error))?;
    sync_folder_of(path)
}

/// Reads a JSON file; `None` when there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| StoreError::Damaged {
            path: path.to_owned(),
            line: 1,
            source,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// Writes a value as one line of JSON.
pub(super) fn json_line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Deletes a file that is no longer needed; that it stays is no harm.
pub(super) fn forget(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "an old file stays");
    }
}

/// Deletes what processes that died have left half-written in a folder.
pub(super) fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        forget(&entry.path());
    }
}

/// Makes sure that a new name in a folder outlives a power cut.
pub(super) fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    let folder = parent(path);
    // Only Unix can open a folder to flush it; elsewhere the file system does it by itself.
    if cfg!(unix) {
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io("flush", &folder))?;
    }
    Ok(())
}

fn write_beside(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<NamedTempFile, StoreError> {
    let beside = || -> io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(parent(path))?;
        let mut out = BufWriter::new(file.as_file_mut());
        content(&mut out)?;
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        Ok(file)
    };
    beside().map_err(StoreError::io("write", path))
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}
