//! Holds the tenant as it is now and takes every write, in memory and in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::audit::{Audited, By};
use super::error::SandboxError;
use super::graph::Left;
use super::log::{Change, Log};
use super::settings::{Defaults, Stored};
use super::tenant::{Assignment, Tenant, place};
use super::world::World;

/// Is a write that a service accepted, for tests to count.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// When, in epoch seconds by the sandbox's clock.
    pub at: i64,
    /// Which application (`appid` of the token).
    pub by: Uuid,
    /// What was called: a cmdlet, or `assignLicense`.
    pub call: String,
    /// Whose settings: the object id of a person or group, or `tenant`.
    pub target: String,
    /// The parameters or body, as they were sent.
    pub what: Value,
}

/// Is everything that can change while a sandbox runs.
#[derive(Debug)]
pub(super) struct State {
    pub(super) tenant: Tenant,
    pub(super) world: World,
    pub(super) writes: Vec<Write>,
    /// Directory objects in the order in which they changed; a place in it is a delta token.
    pub(super) moved: Vec<Uuid>,
    pub(super) epoch: Uuid,
    /// The tenant's audit log, oldest first.
    pub(super) audit: Vec<Audited>,
    /// What the audit log was asked while this sandbox runs.
    pub(super) queries: BTreeMap<Uuid, Left>,
    log: Option<Log>,
}

impl State {
    /// Brings a tenant up to what its log says.
    pub(super) fn new(tenant: Tenant, world: World, log: Option<(Log, Vec<Change>)>) -> Self {
        let mut state = Self {
            tenant,
            world,
            writes: Vec::new(),
            moved: Vec::new(),
            epoch: Uuid::new_v4(),
            audit: Vec::new(),
            queries: BTreeMap::new(),
            log: None,
        };
        if let Some((log, changes)) = log {
            for change in changes {
                state.adopt(change);
            }
            // A log that was tidied up is in no order.
            state.audit.sort_by_key(|record| (record.at, record.id));
            state.epoch = log.epoch;
            state.log = Some(log);
        }
        state
    }

    /// Gives the file to flush before a write is acknowledged.
    pub(super) fn log_file(&self) -> Option<Arc<File>> {
        self.log.as_ref().map(Log::file)
    }

    /// Lets go of the log; whatever is written from here on is forgotten.
    pub(super) fn close(&mut self) {
        self.log = None;
    }

    /// Writes somebody's choice for a person.
    pub(super) fn choose(&mut self, at: usize, asked: Stored, by: &By, now: i64) -> Result<(), SandboxError> {
        let person = &self.tenant.people[at];
        let mut stored = person.stored();
        stored.take(asked, self.tenant.defaults.truth(), &self.world);
        if stored == person.stored() {
            return Ok(());
        }
        let mut delayed = person.insights.as_deref().cloned().unwrap_or_default();
        delayed.write(stored, now, self.world.person_delay);
        let id = person.id;
        self.commit(Change::Insights { person: id, now: delayed })?;
        if *by == By::Themselves && !self.world.audit_people {
            return Ok(());
        }
        self.commit(Change::Audited(Audited::of_person(id, asked, by, now)))
    }

    /// Writes the tenant's defaults.
    pub(super) fn set_defaults(&mut self, defaults: Defaults, by: &By, now: i64) -> Result<(), SandboxError> {
        if defaults == *self.tenant.defaults.truth() {
            return Ok(());
        }
        let mut delayed = self.tenant.defaults.clone();
        let record = Audited::of_defaults(delayed.truth(), &defaults, by, now);
        delayed.write(defaults, now, self.world.default_delay);
        self.commit(Change::Defaults { now: delayed })?;
        self.commit(Change::Audited(record))
    }

    /// Writes a person's direct licences.
    pub(super) fn license_person(
        &mut self,
        at: usize,
        licences: Vec<Assignment>,
        now: i64,
    ) -> Result<(), SandboxError> {
        let person = &self.tenant.people[at];
        let mut delayed = person.licences.clone();
        delayed.write(licences, now, self.world.licence_delay);
        self.commit(Change::Licences { person: person.id, now: delayed })
    }

    /// Writes what a group hands down.
    pub(super) fn license_group(
        &mut self,
        at: usize,
        licences: Vec<Assignment>,
        now: i64,
    ) -> Result<(), SandboxError> {
        let group = &self.tenant.groups[at];
        let mut delayed = group.licences.clone();
        delayed.write(licences, now, self.world.licence_delay + self.world.group_delay);
        self.commit(Change::GroupLicences { group: group.id, now: delayed })
    }

    /// Puts a person into a group, or takes them out of it.
    pub(super) fn join(&mut self, group: usize, person: usize, joins: bool) -> Result<(), SandboxError> {
        let (id, place) = (self.tenant.groups[group].id, place(person));
        let mut people = self.tenant.groups[group].people.clone();
        match (people.binary_search(&place), joins) {
            (Err(at), true) => people.insert(at, place),
            (Ok(at), false) => drop(people.remove(at)),
            (Ok(_), true) | (Err(_), false) => return Ok(()),
        }
        let people = people.iter().map(|place| self.tenant.people[*place as usize].id).collect();
        self.commit(Change::Members { group: id, people })
    }

    /// Keeps what readers see of people, and of the defaults, for so many seconds more.
    pub(super) fn freeze(
        &mut self,
        people: &[usize],
        defaults: bool,
        now: i64,
        seconds: i64,
    ) -> Result<(), SandboxError> {
        for at in people {
            let person = &self.tenant.people[*at];
            let mut insights = person.insights.as_deref().cloned().unwrap_or_default();
            let (id, mut licences) = (person.id, person.licences.clone());
            insights.freeze(now, seconds);
            licences.freeze(now, seconds);
            self.commit(Change::Insights { person: id, now: insights })?;
            self.commit(Change::Licences { person: id, now: licences })?;
        }
        if defaults {
            let mut defaults = self.tenant.defaults.clone();
            defaults.freeze(now, seconds);
            self.commit(Change::Defaults { now: defaults })?;
        }
        Ok(())
    }

    /// Lists the objects that changed between two places in [`State::moved`], each once.
    pub(super) fn moved_between(&self, from: usize, until: usize) -> BTreeSet<Uuid> {
        self.moved.iter().take(until).skip(from).copied().collect()
    }

    fn commit(&mut self, change: Change) -> Result<(), SandboxError> {
        if let Some(log) = &self.log {
            log.add(&change)?;
        }
        self.adopt(change);
        Ok(())
    }

    fn adopt(&mut self, change: Change) {
        match change {
            Change::Insights { person, now } => {
                if let Some(at) = self.tenant.person_by_id(person) {
                    self.tenant.people[at].insights = Some(Box::new(now));
                }
            }
            Change::Licences { person, now } => {
                if let Some(at) = self.tenant.person_by_id(person) {
                    self.tenant.people[at].licences = now;
                    self.moved.push(person);
                }
            }
            Change::GroupLicences { group, now } => {
                if let Some(at) = self.tenant.group_by_id(group) {
                    self.tenant.groups[at].licences = now;
                    self.tenant.licensing.insert(at);
                    let held = &self.tenant.groups[at].people;
                    self.moved.extend(held.iter().map(|person| self.tenant.people[*person as usize].id));
                    self.moved.push(group);
                }
            }
            Change::Members { group, people } => {
                if let Some(at) = self.tenant.group_by_id(group) {
                    let places = people.iter().filter_map(|id| self.tenant.person_by_id(*id)).map(place);
                    let mut places: Vec<u32> = places.collect();
                    places.sort_unstable();
                    self.tenant.groups[at].people = places;
                    for group in &mut self.tenant.groups {
                        group.everyone = OnceLock::new();
                    }
                    self.moved.push(group);
                }
            }
            Change::Defaults { now } => self.tenant.defaults = now,
            Change::Audited(record) => self.audit.push(record),
        }
    }
}
