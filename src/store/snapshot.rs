//! Ledger snapshots: numbered, created once, one line per person.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::Names;
use super::{FORMAT, RunId, StoreError, error, files};
use crate::model::{Ledger, Mark, PersonId, PersonRecord, TenantEntry, TenantId, TenantSetting};

/// Is the folder of all snapshots.
pub(super) const FOLDER: &str = "ledger";

/// Says how many snapshots are kept; only the newest is read, the others are for people in trouble.
const KEPT: usize = 5;

/// Is the first line of a snapshot.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Header {
    format: u32,
    tenant: TenantId,
    /// Its number, which is also its name.
    pub(super) number: u64,
    /// Every run up to this one is in it.
    pub(super) through: u64,
    /// How many lines follow, so that a copy that was cut short is not taken for people who were never seen.
    lines: u64,
}

/// Is any other line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line<T, P> {
    Tenant(TenantSetting, T),
    Person(PersonId, P),
    Returned(TenantSetting, Vec<Timestamp>),
    ReOptIn(Mark, Timestamp),
}

/// Finds the newest snapshot, without reading it whole.
pub(super) fn newest(store: &Path, tenant: TenantId) -> Result<Option<Header>, StoreError> {
    Ok(open_newest(store, tenant)?.map(|(header, _)| header))
}

/// Reads the newest snapshot; where there is none, the ledger is empty.
pub(super) fn read_newest(store: &Path, tenant: TenantId) -> Result<(Ledger, Option<Header>), StoreError> {
    let Some((header, mut lines)) = open_newest(store, tenant)? else { return Ok((Ledger::default(), None)) };
    let mut ledger = Ledger::default();
    let mut names = Names::default();
    for _ in 0..header.lines {
        match lines.next::<Line<TenantEntry, PersonRecord>>()? {
            Line::Tenant(setting, entry) => {
                ledger.tenant.insert(setting, entry);
            }
            Line::Person(id, mut record) => {
                record.group = record.group.map(|group| names.share(group));
                ledger.people.insert(id, record);
            }
            Line::Returned(setting, at) => {
                ledger.returned.insert(setting, at);
            }
            Line::ReOptIn(mark, at) => {
                ledger.re_opt_ins.insert(mark, at);
            }
        }
    }
    Ok((ledger, Some(header)))
}

/// Writes a ledger as snapshot `number`; `false` when somebody else has written one of that number.
pub(super) fn create(
    store: &Path,
    tenant: TenantId,
    number: u64,
    through: RunId,
    ledger: &Ledger,
) -> Result<bool, StoreError> {
    let folder = store.join(FOLDER);
    files::make_folder(&folder)?;
    let Ledger { tenant: defaults, people, returned, re_opt_ins } = ledger;
    let lines = (defaults.len() + people.len() + returned.len() + re_opt_ins.len()) as u64;
    let header = Header { format: FORMAT, tenant, number, through: through.0, lines };
    let created = files::create(&path(store, number), |out| {
        files::json_line(out, &header)?;
        for (setting, entry) in defaults {
            files::json_line(out, &Line::<_, &PersonRecord>::Tenant(*setting, entry))?;
        }
        for (setting, at) in returned {
            files::json_line(out, &Line::<&TenantEntry, &PersonRecord>::Returned(*setting, at.clone()))?;
        }
        for (mark, at) in re_opt_ins {
            files::json_line(out, &Line::<&TenantEntry, &PersonRecord>::ReOptIn(*mark, *at))?;
        }
        for (id, record) in people {
            files::json_line(out, &Line::<&TenantEntry, _>::Person(*id, record))?;
        }
        Ok(())
    })?;
    if created {
        let numbers = numbers(store)?;
        for old in numbers.iter().rev().skip(KEPT) {
            files::forget(&path(store, *old));
        }
    }
    Ok(created)
}

/// Deletes what runs that died have left half-written; only for whoever holds the lock.
pub(super) fn sweep(store: &Path) {
    files::sweep(&store.join(FOLDER));
}

fn path(store: &Path, number: u64) -> PathBuf {
    store.join(FOLDER).join(format!("{}.jsonl", files::name(number)))
}

fn numbers(store: &Path) -> Result<Vec<u64>, StoreError> {
    files::numbers(&store.join(FOLDER), ".jsonl")
}

fn open_newest(store: &Path, tenant: TenantId) -> Result<Option<(Header, Lines)>, StoreError> {
    let Some(number) = numbers(store)?.last().copied() else { return Ok(None) };
    let path = path(store, number);
    let file = File::open(&path).map_err(StoreError::io("read", &path))?;
    let mut lines = Lines { path, file: BufReader::new(file), line: Vec::new(), number: 0 };
    let header: Header = lines.next()?;
    error::check_format(&lines.path, header.format)?;
    error::check_tenant(&lines.path, header.tenant, tenant)?;
    Ok(Some((header, lines)))
}

/// Reads a snapshot line by line, so that a million people need not be in memory twice.
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, StoreError> {
        self.line.clear();
        self.number += 1;
        self.file.read_until(b'\n', &mut self.line).map_err(StoreError::io("read", &self.path))?;
        if !self.line.ends_with(b"\n") {
            return Err(StoreError::CutShort { path: self.path.clone() });
        }
        serde_json::from_slice(&self.line).map_err(|source| StoreError::Damaged {
            path: self.path.clone(),
            line: self.number,
            source,
        })
    }
}
