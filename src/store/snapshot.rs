//! Ledger snapshots: numbered, created once, one line per person.
//!
//! A snapshot is written in pieces, so that a million people are never in memory as text, and no request takes long.
//! The pieces carry the run's number, which nobody else has; the head, created last and only if absent, makes them
//! the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::names::Names;
use super::objects::{self, AHEAD, Objects, json_line};
use super::{FORMAT, RunId, StoreError, error};
use crate::model::{Ledger, Mark, PersonId, PersonRecord, TenantEntry, TenantId, TenantSetting};

/// Is the folder of all snapshots.
pub(super) const FOLDER: &str = "ledger";

/// Says how many snapshots are kept; only the newest is read, the others are for people in trouble.
const KEPT: usize = 5;

/// Is the size at which a piece is written and the next one begun, in bytes.
const PIECE: usize = 4 << 20;

/// Is how many people stand on one line of those who were told of a milestone.
const TOLD_ON_A_LINE: usize = 10_000;

/// Is the content of a snapshot's head.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Header {
    format: u32,
    tenant: TenantId,
    /// Its number, which is also its name.
    pub(super) number: u64,
    /// Every run up to this one is in it; this one wrote it.
    pub(super) through: u64,
    /// How many pieces there are.
    pieces: u64,
    /// How many lines they have, so that a copy that lacks some is not taken for people who were never seen.
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
    Announced(Arc<str>, BTreeSet<PersonId>),
    Drafts(Uuid),
    Wave(Arc<str>, Timestamp),
}

/// Finds the newest snapshot, and reads its head.
pub(super) async fn newest(objects: &Objects, tenant: TenantId) -> Result<Option<Header>, StoreError> {
    let Some(number) = objects.numbers(FOLDER, ".json").await?.last().copied() else { return Ok(None) };
    let path = head(number);
    let header: Option<Header> = objects.read_json(&path).await?;
    let header = header.ok_or_else(|| StoreError::CutShort { path: objects.shown(&path) })?;
    error::check_format(objects.shown(&path), header.format)?;
    error::check_tenant(objects.shown(&path), header.tenant, tenant)?;
    Ok(Some(header))
}

/// Reads the newest snapshot; where there is none, the ledger is empty.
pub(super) async fn read_newest(
    objects: &Objects,
    tenant: TenantId,
) -> Result<(Ledger, Option<Header>), StoreError> {
    let Some(header) = newest(objects, tenant).await? else { return Ok((Ledger::default(), None)) };
    let mut ledger = Ledger::default();
    let mut names = Names::default();
    let mut lines = 0;
    let paths = (1..=header.pieces).map(|number| piece(header.number, RunId(header.through), number));
    let mut pieces = stream::iter(paths)
        .map(|path| async move {
            let read = objects.read(&path).await;
            (path, read)
        })
        .buffered(AHEAD);
    while let Some((path, read)) = pieces.next().await {
        let short = || StoreError::CutShort { path: objects.shown(&path) };
        let content = read?.ok_or_else(short)?;
        if !content.ends_with(b"\n") {
            return Err(short());
        }
        let whole = &content[..content.len() - 1];
        for (line, text) in (1..).zip(whole.split(|byte| *byte == b'\n')) {
            let parsed = serde_json::from_slice::<Line<TenantEntry, PersonRecord>>(text);
            match parsed.map_err(|source| StoreError::Damaged { path: objects.shown(&path), line, source })? {
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
                Line::Announced(milestone, people) => {
                    ledger.announced.entry(milestone).or_default().extend(people);
                }
                Line::Drafts(id) => {
                    ledger.drafts.insert(id);
                }
                Line::Wave(name, began) => {
                    ledger.waves.insert(name, began);
                }
            }
            lines += 1;
        }
    }
    if lines != header.lines {
        return Err(StoreError::CutShort { path: objects.shown(&head(header.number)) });
    }
    Ok((ledger, Some(header)))
}

/// Writes a ledger as snapshot `number`; `false` when somebody else has written one of that number.
pub(super) async fn create(
    objects: &Objects,
    tenant: TenantId,
    number: u64,
    through: RunId,
    ledger: &Ledger,
) -> Result<bool, StoreError> {
    let Ledger { tenant: defaults, people, returned, re_opt_ins, announced, drafts, waves } = ledger;
    let mut pieces = Pieces { objects, number, through, text: Vec::new(), written: 0 };
    for (setting, entry) in defaults {
        pieces.line(&Line::<_, &PersonRecord>::Tenant(*setting, entry)).await?;
    }
    for (setting, at) in returned {
        pieces.line(&Line::<&TenantEntry, &PersonRecord>::Returned(*setting, at.clone())).await?;
    }
    for (mark, at) in re_opt_ins {
        pieces.line(&Line::<&TenantEntry, &PersonRecord>::ReOptIn(*mark, *at)).await?;
    }
    for (milestone, told) in in_portions(announced) {
        pieces.line(&Line::<&TenantEntry, &PersonRecord>::Announced(milestone, told)).await?;
    }
    for id in drafts {
        pieces.line(&Line::<&TenantEntry, &PersonRecord>::Drafts(*id)).await?;
    }
    for (name, began) in waves {
        pieces.line(&Line::<&TenantEntry, &PersonRecord>::Wave(Arc::clone(name), *began)).await?;
    }
    for (id, record) in people {
        pieces.line(&Line::<&TenantEntry, _>::Person(*id, record)).await?;
    }
    pieces.write().await?;
    let told = in_portions(announced).count();
    let memory = defaults.len() + returned.len() + re_opt_ins.len() + drafts.len() + waves.len();
    let lines = (memory + people.len() + told) as u64;
    let header = Header { format: FORMAT, tenant, number, through: through.0, pieces: pieces.written, lines };
    let created = objects.create_json(&head(number), &header).await?;
    if created {
        // The ledger is whole; what could not be cleared away is cleared away by the next run.
        if let Err(error) = forget_old(objects, number, through).await {
            tracing::debug!(%error, "old snapshots stay");
        }
    } else {
        objects.forget_all(&folder(number, through)).await;
    }
    Ok(created)
}

/// Walks over who was told of what, in portions that fit on a line.
fn in_portions(
    announced: &BTreeMap<Arc<str>, BTreeSet<PersonId>>,
) -> impl Iterator<Item = (Arc<str>, BTreeSet<PersonId>)> {
    announced.iter().flat_map(|(milestone, people)| {
        let mut people = people.iter().copied();
        std::iter::from_fn(move || {
            let portion: BTreeSet<_> = people.by_ref().take(TOLD_ON_A_LINE).collect();
            (!portion.is_empty()).then(|| (Arc::clone(milestone), portion))
        })
    })
}

/// Deletes the snapshots before the last few, and pieces that never got a head.
async fn forget_old(objects: &Objects, number: u64, through: RunId) -> Result<(), StoreError> {
    for run in objects.folders(&format!("{FOLDER}/{}", objects::name(number))).await? {
        if RunId(run) != through {
            objects.forget_all(&folder(number, RunId(run))).await;
        }
    }
    for old in objects.numbers(FOLDER, ".json").await?.iter().rev().skip(KEPT) {
        objects.forget(&head(*old)).await;
        objects.forget_all(&format!("{FOLDER}/{}", objects::name(*old))).await;
    }
    Ok(())
}

/// Is a snapshot that is being written, piece by piece.
struct Pieces<'o> {
    objects: &'o Objects,
    number: u64,
    through: RunId,
    text: Vec<u8>,
    written: u64,
}

impl Pieces<'_> {
    async fn line(&mut self, line: &impl Serialize) -> Result<(), StoreError> {
        json_line(&mut self.text, line);
        if self.text.len() >= PIECE { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        if self.text.is_empty() {
            return Ok(());
        }
        let path = piece(self.number, self.through, self.written + 1);
        let text = std::mem::take(&mut self.text);
        if !self.objects.create(&path, text).await? {
            return Err(StoreError::Changed);
        }
        self.written += 1;
        Ok(())
    }
}

fn head(number: u64) -> String {
    format!("{FOLDER}/{}.json", objects::name(number))
}

fn folder(number: u64, through: RunId) -> String {
    format!("{FOLDER}/{}/{through}", objects::name(number))
}

fn piece(number: u64, through: RunId, piece: u64) -> String {
    format!("{}/{}.jsonl", folder(number, through), objects::name(piece))
}
