//! Works out licences: who holds which product from where, and what the sources come to together.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::tenant::{Assignment, Group, Person, Sku, Tenant};

/// Chooses between what is and what the directory shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// What a reader sees at this second.
    At(i64),
    /// What the next write builds on.
    Truth,
}

impl Look {
    pub(super) fn person(self, person: &Person) -> &[Assignment] {
        match self {
            Self::At(now) => person.licences.seen(now),
            Self::Truth => person.licences.truth(),
        }
    }

    /// Gives what a group hands down to its members.
    pub(super) fn group(self, group: &Group) -> &[Assignment] {
        match self {
            Self::At(now) => group.licences.seen(now),
            Self::Truth => group.licences.truth(),
        }
    }

    /// Gives what a group says that it hands down, which its members learn `ahead` seconds later.
    pub(super) fn group_itself(self, group: &Group, ahead: i64) -> &[Assignment] {
        match self {
            Self::At(now) => Self::At(now + ahead).group(group),
            Self::Truth => Self::Truth.group(group),
        }
    }

    /// Says how far the directory is with the members of a group.
    pub(super) fn processing(self, group: &Group, ahead: i64) -> &'static str {
        let Self::At(now) = self else { return "ProcessingComplete" };
        match group.licences.due(now).map(|due| due - now) {
            Some(left) if left <= ahead && left > ahead / 2 => "QueuedForProcessing",
            Some(left) if left <= ahead => "ProcessingInProgress",
            // The directory does not show the change itself yet.
            Some(_) | None => "ProcessingComplete",
        }
    }
}

/// Is one way in which a person holds a product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// `None` for a direct assignment.
    pub(super) group: Option<Uuid>,
    /// Whether it came to nothing.
    pub(super) failed: bool,
    pub(super) assignment: &'a Assignment,
}

impl Tenant {
    /// Lists the ways in which a person holds products: direct ones, then those of groups, which reach their
    /// direct members only.
    pub(super) fn sources(&self, at: usize, look: Look) -> Vec<Source<'_>> {
        let direct = look.person(&self.people[at]).iter();
        let mut sources: Vec<Source<'_>> =
            direct.map(|assignment| Source { group: None, failed: false, assignment }).collect();
        for group in self.licensing.iter().map(|at| &self.groups[*at]) {
            let handed_down = look.group(group);
            let holds =
                |group: &Group| u32::try_from(at).is_ok_and(|at| group.people.binary_search(&at).is_ok());
            if !handed_down.is_empty() && holds(group) {
                let failed = u32::try_from(at).is_ok_and(|at| group.failing.binary_search(&at).is_ok());
                let group = Some(group.id);
                sources.extend(handed_down.iter().map(|assignment| Source { group, failed, assignment }));
            }
        }
        sources
    }

    /// Unites the sources: by product, the plans that every one of them switches off.
    pub(super) fn held(&self, at: usize, look: Look) -> Vec<(&Sku, Vec<Uuid>)> {
        let mut held: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        let sources = self.sources(at, look).into_iter().filter(|source| !source.failed);
        for Source { group: _, failed: _, assignment } in sources {
            held.entry(assignment.sku_id)
                .and_modify(|off| off.retain(|plan| assignment.disabled_plans.contains(plan)))
                .or_insert_with(|| assignment.disabled_plans.clone());
        }
        held.into_iter().filter_map(|(sku, off)| Some((self.skus.get(&sku)?, off))).collect()
    }

    /// Says whether any product of the person carries one of these plans, switched on.
    pub(super) fn has_plan(&self, at: usize, names: &[&str]) -> bool {
        self.held(at, Look::Truth).iter().any(|(sku, off)| {
            sku.plans.iter().any(|(id, name)| names.contains(&name.as_str()) && !off.contains(id))
        })
    }

    /// Writes `licenseAssignmentStates`.
    pub(super) fn license_assignment_states(&self, at: usize, look: Look) -> Value {
        let state = |source: Source<'_>| {
            json!({
                "skuId": source.assignment.sku_id,
                "disabledPlans": source.assignment.disabled_plans,
                "assignedByGroup": source.group,
                "state": if source.failed { "Error" } else { "Active" },
                "error": if source.failed { "CountViolation" } else { "None" },
                "lastUpdatedDateTime": moment(source.assignment.at),
            })
        };
        self.sources(at, look).into_iter().map(state).collect()
    }

    /// Writes `assignedLicenses`.
    pub(super) fn assigned_licenses(&self, at: usize, look: Look) -> Value {
        self.held(at, look)
            .into_iter()
            .map(|(sku, off)| json!({ "disabledPlans": off, "skuId": sku.id }))
            .collect()
    }

    /// Lists the person's plans with their `capabilityStatus`; a plan is on if any product has it on.
    pub(super) fn plans(&self, at: usize, look: Look) -> Vec<(Uuid, &str, &'static str)> {
        let mut plans: BTreeMap<Uuid, (&str, bool)> = BTreeMap::new();
        for (sku, off) in self.held(at, look) {
            for (plan, name) in &sku.plans {
                let on = !off.contains(plan);
                plans.entry(*plan).and_modify(|known| known.1 |= on).or_insert((name, on));
            }
        }
        plans
            .into_iter()
            .map(|(plan, (name, on))| (plan, service(name), if on { "Enabled" } else { "Deleted" }))
            .collect()
    }

    /// Writes `assignedPlans`.
    pub(super) fn assigned_plans(&self, at: usize, look: Look) -> Value {
        self.plans(at, look)
            .into_iter()
            .map(|(plan, service, status)| {
                json!({
                    "assignedDateTime": moment(0),
                    "capabilityStatus": status,
                    "service": service,
                    "servicePlanId": plan,
                })
            })
            .collect()
    }

    /// Writes `licenseDetails`.
    pub(super) fn license_details(&self, at: usize, look: Look) -> Value {
        self.held(at, look)
            .into_iter()
            .map(|(sku, off)| {
                json!({
                    "id": Uuid::new_v5(&self.people[at].id, sku.id.as_bytes()),
                    "skuId": sku.id,
                    "skuPartNumber": sku.name,
                    "servicePlans": plans_of(sku, |plan| if off.contains(&plan) { "Disabled" } else { "Success" }),
                })
            })
            .collect()
    }

    /// Writes `subscribedSkus`, with the seats counted afresh.
    pub(super) fn subscribed_skus(&self, look: Look) -> Vec<Value> {
        let mut used: BTreeMap<Uuid, u64> = BTreeMap::new();
        for at in 0..self.people.len() {
            for (sku, _) in self.held(at, look) {
                *used.entry(sku.id).or_default() += 1;
            }
        }
        self.skus
            .values()
            .map(|sku| {
                json!({
                    "id": format!("{}_{}", self.organization.id, sku.id),
                    "accountId": self.organization.id,
                    "accountName": self.organization.name.split('.').next(),
                    "appliesTo": "User",
                    "capabilityStatus": "Enabled",
                    "consumedUnits": used.get(&sku.id).copied().unwrap_or_default(),
                    "prepaidUnits": { "enabled": sku.enabled, "suspended": 0, "warning": 0, "lockedOut": 0 },
                    "skuId": sku.id,
                    "skuPartNumber": sku.name,
                    "servicePlans": plans_of(sku, |_| "Success"),
                    "subscriptionIds": [Uuid::new_v5(&self.organization.id, sku.id.as_bytes())],
                })
            })
            .collect()
    }
}

fn plans_of(sku: &Sku, status: impl Fn(Uuid) -> &'static str) -> Value {
    sku.plans
        .iter()
        .map(|(id, name)| {
            json!({
                "servicePlanId": id,
                "servicePlanName": name,
                "provisioningStatus": status(*id),
                "appliesTo": "User",
            })
        })
        .collect()
}

/// Writes a second as the directory does; what the tenant file says happened on the sandbox's first day.
fn moment(second: i64) -> String {
    const FIRST_DAY: i64 = 1_704_096_000; // 2024-01-01T08:00:00Z
    let second = if second == 0 { FIRST_DAY } else { second };
    jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Names the service behind a plan, as far as the plan's own name tells it.
fn service(plan: &str) -> &'static str {
    const SERVICES: [(&str, &str); 7] = [
        ("EXCHANGE_ANALYTICS", "exchange"),
        ("MYANALYTICS", "exchange"),
        ("EXCHANGE", "exchange"),
        ("TEAMS", "TeamspaceAPI"),
        ("SHAREPOINT", "SharePoint"),
        ("WORKPLACE_ANALYTICS", "WorkplaceAnalytics"),
        ("OFFICESUBSCRIPTION", "MicrosoftOffice"),
    ];
    SERVICES
        .iter()
        .find(|(start, _)| plan.starts_with(start))
        .map_or("MicrosoftOnline", |(_, service)| service)
}
