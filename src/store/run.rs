//! One run: what an apply writes down before, while and after it writes to the tenant.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::fold::Folding;
use super::history;
use super::journal::{self, Journal};
use super::lock::Lease;
use super::meanwhile::Meanwhile;
use super::objects::Objects;
use super::record::{Record, Started};
use super::{Base, FORMAT, Remembered, RunId, Store, StoreError, error, snapshot};
use crate::clock::Clock;
use crate::model::{Ledger, PlanHash, Settle, TenantId};
use crate::plan::{Barrier, Inquiry, Note, Observations, Occasion, Plan, Target};

/// Is a run under way; it holds the lock, and the ledger as it becomes.
///
/// Batches that run side by side share it: what they append at the same time is written down together.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    tenant: TenantId,
    lease: Lease,
    folding: Mutex<Folding>,
    meanwhile: Meanwhile,
    clock: Clock,
    kept: Option<Kept>,
}

/// Is where a run is written down.
#[derive(Debug)]
struct Kept {
    objects: Objects,
    base: Base,
    journal: Journal,
}

impl Store {
    /// Begins a run: stores the plan without names, and opens the journal.
    ///
    /// Nothing may have been applied since `remembered` was read, or it is [`StoreError::Changed`]; whoever takes the
    /// lock before reading the ledger never meets that. A lease that comes to nothing is released.
    pub async fn begin_run(
        &self,
        lease: Lease,
        remembered: Remembered,
        plan: &Plan,
        settle: &Settle,
        clock: &Clock,
    ) -> Result<Run, StoreError> {
        let Remembered { ledger, unfinished: _, under_way: _, base } = remembered;
        let mut run = Run {
            id: RunId(lease.number()),
            tenant: self.tenant,
            lease,
            folding: Mutex::new(Folding::new(ledger, *settle)),
            meanwhile: Meanwhile::default(),
            clock: clock.clone(),
            kept: None,
        };
        match run.begin(self, base, plan).await {
            Ok(()) => Ok(run),
            Err(error) => {
                run.give_up().await;
                Err(error)
            }
        }
    }
}

impl Run {
    async fn begin(&mut self, store: &Store, base: Base, plan: &Plan) -> Result<(), StoreError> {
        let Some(kept) = &store.kept else { return Ok(()) };
        let objects = kept.objects.clone();
        error::check_tenant(objects.root(), self.tenant, plan.basis.tenant)?;
        if kept.id.is_none() {
            return Err(StoreError::Missing { place: objects.root() });
        }
        self.lease.hold().await?;
        let snapshot = snapshot::newest(&objects, self.tenant).await?.map_or(0, |at| at.number);
        let newest_run = journal::runs(&objects).await?.last().map_or(0, |run| run.0);
        if snapshot != base.snapshot || newest_run > base.newest_run {
            return Err(StoreError::Changed);
        }
        if plan.basis.newest_run < newest_run {
            let known = RunId(plan.basis.newest_run);
            self.meanwhile = Meanwhile::since(&objects, self.tenant, known).await?;
        }
        objects.sweep(snapshot::FOLDER);
        let path = format!("{}/plan.json", journal::folder(self.id));
        if !objects.create_json(&path, &without_names(plan)).await? {
            return Err(StoreError::Changed);
        }
        let journal = Journal::begin(&objects, self.id);
        let started = Record::Started(Started {
            format: FORMAT,
            run: self.id,
            tenant: self.tenant,
            manifest: plan.basis.manifest.clone(),
            version: plan.basis.version.clone(),
            holder: self.lease.holder().to_owned(),
            plan: plan.hash.is_sealed().then_some(plan.hash),
            standings: plan.standings.clone(),
            at: self.clock.now(),
        });
        journal.append(vec![started], drop).await?;
        self.kept = Some(Kept { objects, base, journal });
        Ok(())
    }

    /// Gives the run's id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Gives the lock that this run holds.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Looks something up in the ledger as it is now.
    pub fn ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(self.folding().ledger())
    }

    /// Gives what the ledger has learnt since the plan looked, through runs in between.
    pub fn meanwhile(&self) -> &Meanwhile {
        &self.meanwhile
    }

    /// Writes records down where a power cut does not reach them, and folds them into the ledger.
    ///
    /// When this fails nothing may be written to the tenant any more.
    pub async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        let fold = |records: Vec<Record>| {
            let mut folding = self.folding();
            for record in records {
                folding.take(record);
            }
        };
        match &self.kept {
            None => fold(records),
            Some(kept) => {
                kept.journal.append(records, fold).await?;
                // A store that took its time may have cost us the lock.
                if self.lease.may_be_lost() {
                    self.lease.hold().await?;
                }
            }
        }
        Ok(())
    }

    /// Ends the run: stores the report and the next snapshot of the ledger, and lets go of the lock.
    ///
    /// The report must not name people. A run that cannot finish stays unfinished: the next ledger folds its journal.
    pub async fn finish(mut self, report: &impl Serialize) -> Result<Ledger, StoreError> {
        let finished = self.write_end(report).await;
        self.lease.release().await;
        finished
    }

    /// Lets go of the lock of a run that cannot be written down any more; it stays unfinished.
    pub async fn give_up(self) {
        self.lease.release().await;
    }

    async fn write_end(&mut self, report: &impl Serialize) -> Result<Ledger, StoreError> {
        let at = self.clock.now();
        self.append(vec![Record::Finished { at }]).await?;
        let folding = std::mem::take(&mut self.folding);
        let ledger = folding.into_inner().unwrap_or_else(PoisonError::into_inner).close();
        if let Some(Kept { objects, base, journal: _ }) = &self.kept {
            let path = format!("{}/report.json", journal::folder(self.id));
            if !objects.create_json(&path, report).await? {
                return Err(StoreError::Changed);
            }
            self.lease.hold().await?;
            if !snapshot::create(objects, self.tenant, base.snapshot + 1, self.id, &ledger).await? {
                return Err(StoreError::Changed);
            }
            history::purge(objects, self.id, at).await;
        }
        Ok(ledger)
    }

    fn folding(&self) -> MutexGuard<'_, Folding> {
        self.folding.lock().unwrap_or_else(PoisonError::into_inner)
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
        change.by = None;
    }
    let mut occasion = plan.occasion.clone();
    if let Some(Occasion::Rollback(undone)) = &mut occasion {
        for left_out in &mut undone.left_out {
            left_out.target = nameless(&left_out.target);
        }
    }
    let mut quarantined = plan.quarantined.clone();
    for held in &mut quarantined {
        held.target = nameless(&held.target);
    }
    // A selector may be somebody's address, and the service's words may hold one.
    let notes = plan.notes.iter().filter_map(|note| match note {
        Note::Unreadable { .. }
        | Note::ProtectedNotFound { .. }
        | Note::AcceptedNotFound { .. }
        | Note::AcceptanceEnds { .. }
        | Note::WhoChanged { inquiry: Inquiry::Silent(_) } => None,
        Note::OptsInAgain { group, reason: _, until } => {
            Some(Note::OptsInAgain { group: Arc::clone(group), reason: Arc::clone(&nobody), until: *until })
        }
        Note::PlanInherited { licensing_group, id, people, removal, barrier } => Some(Note::PlanInherited {
            licensing_group: Arc::clone(licensing_group),
            id: *id,
            people: *people,
            removal: *removal,
            barrier: match barrier {
                Barrier::Unreadable { message: _ } => Barrier::Unreadable { message: String::new() },
                Barrier::Members { others, of, names: _ } => {
                    Barrier::Members { others: *others, of: *of, names: Vec::new() }
                }
                Barrier::NotAllowed
                | Barrier::Incomplete { .. }
                | Barrier::Processing
                | Barrier::AsWanted => barrier.clone(),
            },
        }),
        Note::TenantUnreadable { setting, message: _ } => {
            Some(Note::TenantUnreadable { setting: *setting, message: String::new() })
        }
        Note::DefaultHeldBack { .. }
        | Note::DefaultOutsideWindow { .. }
        | Note::Closed { .. }
        | Note::DefaultSettling { .. }
        | Note::DefaultRolledBack { .. }
        | Note::RecordedStay { .. }
        | Note::TenantWriteOnly { .. }
        | Note::GroupNowEmpty { .. }
        | Note::RemovedStillCounts { .. }
        | Note::DigestPaused
        | Note::WelcomeMail
        | Note::NoLedger
        | Note::OptsNobodyInAgain { .. }
        | Note::RestoreStays { .. }
        | Note::WhoChanged { inquiry: Inquiry::Told { .. } } => Some(note.clone()),
    });
    Plan {
        format: plan.format,
        // These are other bytes than those that were sealed, and do not claim to be the same.
        hash: PlanHash::default(),
        basis: plan.basis.clone(),
        occasion,
        operations,
        licensing_groups: plan.licensing_groups.clone(),
        left_alone: Vec::new(),
        outside_changes,
        quarantined,
        leaving: plan.leaving.clone(),
        overlaps: plan.overlaps.clone(),
        moves_with_default: plan.moves_with_default,
        notes: notes.collect(),
        observations: Observations::default(),
        standings: plan.standings.clone(),
        summary: plan.summary.clone(),
    }
}
