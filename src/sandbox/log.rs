//! Keeps what changed since the tenant file was written, as lines that are only ever added.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::audit::Audited;
use super::delayed::Delayed;
use super::error::SandboxError;
use super::settings::{Defaults, Stored};
use super::tenant::Assignment;

/// Is the new state of one object; the last line about an object is what holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// What is stored for a person.
    Insights { person: Uuid, now: Delayed<Stored> },
    /// A person's direct licences.
    Licences { person: Uuid, now: Delayed<Vec<Assignment>> },
    /// What a group hands down.
    GroupLicences { group: Uuid, now: Delayed<Vec<Assignment>> },
    /// Who is in a group, without groups in it.
    Members { group: Uuid, people: Vec<Uuid> },
    /// The tenant's defaults.
    Defaults { now: Delayed<Defaults> },
    /// Who changed what; every one of them is kept.
    Audited(Audited),
}

impl Change {
    fn key(&self) -> (u8, Uuid) {
        match self {
            Self::Insights { person, now: _ } => (0, *person),
            Self::Licences { person, now: _ } => (1, *person),
            Self::GroupLicences { group, now: _ } => (2, *group),
            Self::Defaults { now: _ } => (3, Uuid::nil()),
            Self::Members { group, people: _ } => (4, *group),
            Self::Audited(record) => (5, record.id),
        }
    }
}

/// Is the first line of a log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    /// SHA-256 of the tenant file, in hex.
    tenant: String,
    /// New whenever the lines are counted anew; delta tokens hang on it.
    epoch: Uuid,
}

const FORMAT: u32 = 1;
/// Below so many lines, a log is not worth tidying up.
const SMALL: usize = 1024;

/// Is an open log; nobody else can open it meanwhile.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Arc<File>,
    pub(super) epoch: Uuid,
    _lock: File,
}

impl Log {
    /// Opens or begins the log of a tenant file, and tells what changed since that file was written.
    pub(super) fn open(path: &Path, tenant: &str) -> Result<(Self, Vec<Change>), SandboxError> {
        let broken = |source| SandboxError::Log { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(broken)?;
        }
        let lock = lock(path)?;
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(broken)?;
        let (head, changes) = read(path, &mut file)?;
        let live: BTreeMap<(u8, Uuid), &Change> =
            changes.iter().map(|change| (change.key(), change)).collect();
        let fits = |head: &Head| head.tenant == tenant && head.format == FORMAT;
        let epoch = match head {
            // Where nothing has happened yet, a new tenant file is as good as the old one.
            Some(head) if !fits(&head) && !changes.is_empty() => {
                return Err(SandboxError::TenantChanged { path: path.to_owned() });
            }
            Some(head) if fits(&head) && changes.len() <= 2 * live.len() + SMALL => head.epoch,
            Some(_) | None => {
                let head = Head { format: FORMAT, tenant: tenant.to_owned(), epoch: Uuid::new_v4() };
                file = rewrite(path, &head, live.values().copied()).map_err(broken)?;
                let changes = live.into_values().cloned().collect();
                return Ok((
                    Self { path: path.to_owned(), file: Arc::new(file), epoch: head.epoch, _lock: lock },
                    changes,
                ));
            }
        };
        Ok((Self { path: path.to_owned(), file: Arc::new(file), epoch, _lock: lock }, changes))
    }

    /// Adds a line; [`Log::file`] tells what to flush before the change is acknowledged.
    pub(super) fn add(&self, change: &Change) -> Result<(), SandboxError> {
        let write = || -> io::Result<()> {
            let mut line = serde_json::to_vec(change)?;
            line.push(b'\n');
            (&*self.file).write_all(&line)
        };
        write().map_err(|source| SandboxError::Log { path: self.path.clone(), source })
    }

    /// Gives the file to flush with `sync_data`, outside of any lock.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }
}

/// Removes a log, so that the tenant is again what its file says.
///
/// Succeeds when there is none; refuses while another process uses it.
pub fn reset(log: &Path) -> Result<(), SandboxError> {
    if !log.exists() {
        return Ok(());
    }
    let _held = lock(log)?;
    let broken = |source| SandboxError::Log { path: log.to_owned(), source };
    std::fs::remove_file(log).map_err(broken)
}

/// Takes the lock beside the log; the log itself cannot bear it, since tidying up replaces the file.
fn lock(log: &Path) -> Result<File, SandboxError> {
    let path = beside(log, "lock");
    let broken = |source| SandboxError::Log { path: path.clone(), source };
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(broken)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SandboxError::InUse { path: log.to_owned() }),
        Err(TryLockError::Error(source)) => Err(broken(source)),
    }
}

fn beside(log: &Path, ending: &str) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn read(path: &Path, file: &mut File) -> Result<(Option<Head>, Vec<Change>), SandboxError> {
    let broken = |source| SandboxError::Log { path: path.to_owned(), source };
    let mut reader = BufReader::new(&*file);
    let (mut head, mut changes) = (None, Vec::new());
    let (mut line, mut number, mut whole) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(broken)?;
        number += 1;
        if line.last() != Some(&b'\n') {
            break;
        }
        whole += read as u64;
        let damaged = |_| SandboxError::Damaged { path: path.to_owned(), line: number };
        if number == 1 {
            head = Some(serde_json::from_slice(&line).map_err(damaged)?);
        } else {
            changes.push(serde_json::from_slice(&line).map_err(damaged)?);
        }
    }
    // A line without an end was never acknowledged: the process died while writing it.
    if !line.is_empty() {
        file.set_len(whole).map_err(broken)?;
    }
    file.seek(SeekFrom::End(0)).map_err(broken)?;
    Ok((head, changes))
}

/// Writes a log anew beside the old one and puts it in its place.
fn rewrite<'a>(path: &Path, head: &Head, changes: impl Iterator<Item = &'a Change>) -> io::Result<File> {
    let fresh = beside(path, "new");
    let mut text = serde_json::to_vec(head)?;
    text.push(b'\n');
    for change in changes {
        serde_json::to_writer(&mut text, change)?;
        text.push(b'\n');
    }
    let mut file = File::create(&fresh)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // Not every system can flush a folder; where it cannot, the rename is as safe as it gets.
        drop(File::open(folder).and_then(|folder| folder.sync_all()));
    }
    OpenOptions::new().read(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(person: u128, dashboard: bool) -> Change {
        let stored = Stored { dashboard: Some(dashboard), ..Stored::default() };
        Change::Insights { person: Uuid::from_u128(person), now: Delayed::new(stored) }
    }

    fn text(changes: &[Change]) -> Vec<String> {
        changes.iter().map(|change| serde_json::to_string(change).expect("a change is JSON")).collect()
    }

    #[test]
    fn a_log_remembers_and_a_torn_line_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/tenant.log");
        let (log, before) = Log::open(&path, "a").expect("a log begins");
        assert!(before.is_empty());
        log.add(&change(1, true)).expect("the disk has room");
        log.add(&change(2, false)).expect("the disk has room");
        (&*log.file).write_all(b"{\"insights\":{\"per").expect("the disk has room");
        drop(log);
        for _ in 0..2 {
            let (log, after) = Log::open(&path, "a").expect("the torn line is no harm");
            assert_eq!(text(&after), text(&[change(1, true), change(2, false)]));
            drop(log);
        }
    }

    #[test]
    fn a_log_belongs_to_one_tenant_file_and_one_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tenant.log");
        let (held, _) = Log::open(&path, "a").expect("a log begins");
        assert!(matches!(Log::open(&path, "a"), Err(SandboxError::InUse { .. })));
        assert!(matches!(reset(&path), Err(SandboxError::InUse { .. })));
        drop(held);
        let (fresh, _) = Log::open(&path, "b").expect("nothing has happened yet");
        fresh.add(&change(1, true)).expect("the disk has room");
        drop(fresh);
        let error = Log::open(&path, "a").expect_err("the tenant file is another one");
        assert!(matches!(error, SandboxError::TenantChanged { .. }));
        assert!(error.hint().is_some_and(|hint| hint.contains("insightctl sandbox reset")));
        reset(&path).expect("nobody holds it");
        Log::open(&path, "b").expect("a new log begins");
        std::fs::write(&path, "{}\n").expect("the disk has room");
        assert!(matches!(Log::open(&path, "b"), Err(SandboxError::Damaged { line: 1, .. })));
    }

    #[test]
    fn a_log_that_says_the_same_over_and_over_is_tidied_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tenant.log");
        let (log, _) = Log::open(&path, "a").expect("a log begins");
        for turn in 0..2 * SMALL {
            log.add(&change(1, turn % 2 == 0)).expect("the disk has room");
        }
        let before = log.epoch;
        drop(log);
        let (log, changes) = Log::open(&path, "a").expect("the log is sound");
        assert_eq!(text(&changes), text(&[change(1, false)]));
        assert_ne!(log.epoch, before);
        log.add(&change(2, true)).expect("the disk has room");
        drop(log);
        assert_eq!(Log::open(&path, "a").expect("the log is sound").1.len(), 2);
        assert_eq!(std::fs::read_to_string(&path).expect("it is text").lines().count(), 3);
    }
}
