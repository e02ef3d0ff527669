//! Licences: which SKUs carry personal insights, who holds them, and from where.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::{GroupId, PersonId, ServicePlan};

/// Is a product's id (`skuId`).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct SkuId(#[schemars(with = "String")] pub Uuid);

/// Is a service plan's id (`servicePlanId`).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct ServicePlanId(#[schemars(with = "String")] pub Uuid);

/// Lists the service plans that carry personal insights.
///
/// `MYANALYTICS_P2`, `EXCHANGE_ANALYTICS` and their government twins, from Microsoft's list of service plan
/// identifiers. E5 carries two of them, A5 only one, frontline SKUs none.
pub const PERSONAL_INSIGHTS: [ServicePlanId; 4] = [
    ServicePlanId(uuid!("33c4f319-9bdd-48d6-9c4d-410b750a4a5a")),
    ServicePlanId(uuid!("34c0d7a0-a70f-4668-9238-47f9fc208882")),
    ServicePlanId(uuid!("6e5b7995-bd4f-4cbd-9d19-0e32010c72f0")),
    ServicePlanId(uuid!("208120d1-9adb-4daf-8c22-816bd5d237e7")),
];

/// Is one product of the tenant, as far as it concerns us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sku {
    /// `skuPartNumber`, for people to read.
    pub name: Arc<str>,
    /// The personal-insights plans that it contains, sorted; empty for most products.
    pub insights: Vec<ServicePlanId>,
    /// The plans that come with a mailbox, sorted.
    pub mailbox: Vec<ServicePlanId>,
    /// All of its plans, sorted: a list of disabled plans may name no others.
    pub plans: Vec<ServicePlanId>,
}

/// Is what a group hands out, and how far the directory is with that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicensingState {
    /// What it hands out (`assignedLicenses`): by product, the plans that it switches off, sorted.
    pub products: BTreeMap<SkuId, Vec<ServicePlanId>>,
    /// Whether the directory still works on an earlier change of it (`licenseProcessingState`).
    pub processing: bool,
    /// Whether some of its members could not be given what it hands out (`hasMembersWithLicenseErrors`).
    pub errors: bool,
}

/// Is a group that hands out licences, with those whom it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicensingGroup {
    /// What it hands out.
    pub state: LicensingState,
    /// Its direct user members, sorted by id: licences of a group do not reach members of nested groups.
    pub members: Vec<GroupMember>,
}

/// Is a direct member of a licensing group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Entra object id.
    pub id: PersonId,
    /// `userPrincipalName`, where it was shown and nothing else tells it.
    pub upn: Option<Arc<str>>,
}

/// Lists the tenant's products (`subscribedSkus`) and the names of groups that hand out licences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// By SKU.
    pub skus: BTreeMap<SkuId, Sku>,
    /// Display names of licensing groups, where they could be read.
    pub groups: BTreeMap<GroupId, Arc<str>>,
}

/// Is one way in which a person holds one product (`licenseAssignmentStates`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The product.
    pub sku: SkuId,
    /// The group that hands it down; `None` for a direct assignment.
    pub by_group: Option<GroupId>,
    /// The plans that this source switches off, sorted.
    pub disabled: Vec<ServicePlanId>,
    /// Whether the assignment works (`state` is `Active` or `ActiveWithError`).
    pub active: bool,
}

/// Lists all ways in which a person holds products; people with the same licences share one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Licences(pub Vec<Source>);

impl Licences {
    /// Computes the state of personal insights over all SKUs and sources; `None` when no SKU carries it.
    ///
    /// A plan is on in a SKU if any source of that SKU has it on: assignments of one product unite.
    pub fn service_plan(&self, catalogue: &Catalogue) -> Option<ServicePlan> {
        let mut carried = false;
        let mut whole = false;
        let mut some = false;
        for (sku, plans) in self.carriers(catalogue) {
            carried = true;
            let on = plans.iter().filter(|plan| self.is_on(sku, **plan)).count();
            whole |= on == plans.len();
            some |= on > 0;
        }
        carried.then_some(match (whole, some) {
            (true, _) => ServicePlan::Assigned,
            (false, true) => ServicePlan::Partial,
            (false, false) => ServicePlan::Removed,
        })
    }

    /// Says whether an active licence comes with a mailbox.
    pub fn mailbox(&self, catalogue: &Catalogue) -> bool {
        self.0.iter().filter(|source| source.active).any(|source| {
            catalogue
                .skus
                .get(&source.sku)
                .is_some_and(|sku| sku.mailbox.iter().any(|plan| !source.disabled.contains(plan)))
        })
    }

    /// Finds the sources that hand personal insights down from a group, switched on.
    pub fn inherited_on<'a>(
        &'a self,
        catalogue: &'a Catalogue,
    ) -> impl Iterator<Item = (&'a Source, GroupId)> {
        self.0.iter().filter_map(move |source| {
            let group = source.by_group?;
            let sku = catalogue.skus.get(&source.sku)?;
            let on = source.active && sku.insights.iter().any(|plan| !source.disabled.contains(plan));
            on.then_some((source, group))
        })
    }

    /// Lists the groups that hand down a SKU that can carry personal insights, on or off.
    pub fn handed_down_by<'a>(&'a self, catalogue: &'a Catalogue) -> impl Iterator<Item = GroupId> {
        let carries = |sku| catalogue.skus.get(&sku).is_some_and(|sku| !sku.insights.is_empty());
        self.0.iter().filter(move |source| carries(source.sku)).filter_map(|source| source.by_group)
    }

    /// Finds the direct assignments of SKUs that can carry personal insights.
    pub fn direct<'a>(&'a self, catalogue: &'a Catalogue) -> impl Iterator<Item = (&'a Source, &'a Sku)> {
        self.0.iter().filter(|source| source.by_group.is_none()).filter_map(move |source| {
            let sku = catalogue.skus.get(&source.sku)?;
            (!sku.insights.is_empty()).then_some((source, sku))
        })
    }

    fn carriers<'a>(
        &'a self,
        catalogue: &'a Catalogue,
    ) -> impl Iterator<Item = (SkuId, &'a [ServicePlanId])> + 'a {
        let mut held: Vec<SkuId> = self.0.iter().map(|source| source.sku).collect();
        held.sort_unstable();
        held.dedup();
        held.into_iter().filter_map(move |id| {
            let sku = catalogue.skus.get(&id)?;
            (!sku.insights.is_empty()).then_some((id, sku.insights.as_slice()))
        })
    }

    fn is_on(&self, sku: SkuId, plan: ServicePlanId) -> bool {
        self.0.iter().any(|source| source.sku == sku && source.active && !source.disabled.contains(&plan))
    }
}
