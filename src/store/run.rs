//! One run: what an apply writes down before, while and after it writes to the tenant.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::fold::Folding;
use super::journal::{self, Journal};
use super::lock::Lease;
use super::meanwhile::Meanwhile;
use super::record::{Record, Started};
use super::{Base, FORMAT, Remembered, RunId, Store, StoreError, error, files, snapshot};
use crate::clock::Clock;
use crate::model::{Ledger, Settle, TenantId};
use crate::plan::{Note, Observations, Occasion, Plan, Target};

/// Is a run under way; it holds the lock, and the ledger as it becomes.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    tenant: TenantId,
    lease: Lease,
    folding: Folding,
    meanwhile: Meanwhile,
    clock: Clock,
    kept: Option<Kept>,
}

/// Is where a run is written down.
#[derive(Debug)]
struct Kept {
    store: PathBuf,
    base: Base,
    journal: Journal,
}

impl Store {
    /// Begins a run: stores the plan without names, and opens the journal.
    ///
    /// Nothing may have been applied since `remembered` was read, or it is [`StoreError::Changed`]; whoever takes the
    /// lock before reading the ledger never meets that.
    pub fn begin_run(
        &self,
        lease: Lease,
        remembered: Remembered,
        plan: &Plan,
        settle: &Settle,
        clock: &Clock,
    ) -> Result<Run, StoreError> {
        let Remembered { ledger, unfinished: _, base } = remembered;
        let mut run = Run {
            id: RunId(lease.number()),
            tenant: self.tenant,
            lease,
            folding: Folding::new(ledger, *settle),
            meanwhile: Meanwhile::default(),
            clock: clock.clone(),
            kept: None,
        };
        let Some(kept) = &self.kept else { return Ok(run) };
        let store = &kept.folder;
        error::check_tenant(store, self.tenant, plan.basis.tenant)?;
        if kept.id.is_none() {
            return Err(StoreError::Missing { folder: store.clone() });
        }
        run.lease.hold()?;
        let snapshot = snapshot::newest(store, self.tenant)?.map_or(0, |at| at.number);
        let newest_run = journal::runs(store)?.last().map_or(0, |run| run.0);
        if snapshot != base.snapshot || newest_run > base.newest_run {
            return Err(StoreError::Changed);
        }
        if plan.basis.newest_run < newest_run {
            run.meanwhile = Meanwhile::since(store, self.tenant, RunId(plan.basis.newest_run))?;
        }
        snapshot::sweep(store);
        let mut journal = Journal::begin(store, run.id)?;
        files::create_json(&journal::folder(store, run.id).join("plan.json"), &without_names(plan))?;
        journal.append(&[Record::Started(Started {
            format: FORMAT,
            run: run.id,
            tenant: self.tenant,
            manifest: plan.basis.manifest.clone(),
            version: plan.basis.version.clone(),
            at: clock.now(),
        })])?;
        run.kept = Some(Kept { store: store.clone(), base, journal });
        Ok(run)
    }
}

impl Run {
    /// Gives the run's id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Gives the lock that this run holds.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Gives the ledger as it is now.
    pub fn ledger(&self) -> &Ledger {
        self.folding.ledger()
    }

    /// Gives what the ledger has learnt since the plan looked, through runs in between.
    pub fn meanwhile(&self) -> &Meanwhile {
        &self.meanwhile
    }

    /// Writes records down, flushed to the disk all at once, and folds them into the ledger.
    ///
    /// When this fails nothing may be written to the tenant any more.
    pub fn append(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        if let Some(kept) = &mut self.kept {
            kept.journal.append(&records)?;
        }
        for record in records {
            self.folding.take(record);
        }
        Ok(())
    }

    /// Ends the run: stores the report and the next snapshot of the ledger, and lets go of the lock.
    ///
    /// The report must not name people. A run that cannot finish stays unfinished: the next ledger folds its journal.
    pub fn finish(mut self, report: &impl Serialize) -> Result<Ledger, StoreError> {
        let at = self.clock.now();
        self.append(vec![Record::Finished { at }])?;
        let ledger = self.folding.close();
        if let Some(Kept { store, base, journal: _ }) = self.kept {
            files::create_json(&journal::folder(&store, self.id).join("report.json"), report)?;
            self.lease.hold()?;
            if !snapshot::create(&store, self.tenant, base.snapshot + 1, self.id, &ledger)? {
                return Err(StoreError::Changed);
            }
        }
        Ok(ledger)
    }
}

/// Takes from a plan everything that names a person, or could.
///
/// What stays is what a later look at the run or its inverse needs: the operations by object id, and the totals. What
/// was observed is in the journal.
fn without_names(plan: &Plan) -> Plan {
    let nobody: Arc<str> = Arc::from("");
    let nameless = |target: &Target| match target {
        Target::Tenant(setting) => Target::Tenant(*setting),
        Target::Person(person) => {
            let mut person = person.clone();
            person.upn = Arc::clone(&nobody);
            Target::Person(person)
        }
    };
    let mut operations = plan.operations.clone();
    for operation in &mut operations {
        operation.target = nameless(&operation.target);
    }
    let mut outside_changes = plan.outside_changes.clone();
    for change in &mut outside_changes {
        change.target = nameless(&change.target);
    }
    let mut occasion = plan.occasion.clone();
    if let Some(Occasion::Rollback(undone)) = &mut occasion {
        for left_out in &mut undone.left_out {
            left_out.target = nameless(&left_out.target);
        }
    }
    // A selector may be somebody's address, and the service's words may hold one.
    let notes = plan.notes.iter().filter_map(|note| match note {
        Note::Unreadable { .. } | Note::ProtectedNotFound { .. } => None,
        Note::TenantUnreadable { setting, message: _ } => {
            Some(Note::TenantUnreadable { setting: *setting, message: String::new() })
        }
        Note::PlanInherited { .. }
        | Note::DefaultHeldBack { .. }
        | Note::DefaultSettling { .. }
        | Note::DefaultRolledBack { .. }
        | Note::RecordedStay { .. }
        | Note::TenantWriteOnly { .. }
        | Note::GroupNowEmpty { .. }
        | Note::RemovedStillCounts { .. }
        | Note::DigestPaused
        | Note::WelcomeMail
        | Note::NoLedger
        | Note::RestoreStays { .. } => Some(note.clone()),
    });
    Plan {
        format: plan.format,
        basis: plan.basis.clone(),
        occasion,
        operations,
        left_alone: Vec::new(),
        outside_changes,
        leaving: plan.leaving.clone(),
        overlaps: plan.overlaps.clone(),
        moves_with_default: plan.moves_with_default,
        notes: notes.collect(),
        observations: Observations::default(),
        summary: plan.summary.clone(),
    }
}
