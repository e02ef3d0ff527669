//! Knows the tenant's products, and switches their parts on and off.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::wire::{self, SubscribedSku};
use super::{Graph, Request};
use crate::microsoft::LicenceWrite;
use crate::microsoft::error::Peer;
use crate::microsoft::message::{Answer, Effect, Failure};
use crate::model::licence::PERSONAL_INSIGHTS;
use crate::model::{GroupId, Refusal, ServicePlanId, Sku, SkuId};
use crate::plan::LicenceChange;

/// Lists the tenant's products with all their parts, by which a manifest may name them.
#[derive(Debug)]
pub(crate) struct Products(Vec<SubscribedSku>);

/// Begin the names of service plans that come with an Exchange Online mailbox, in all their variants (`_GOV`, …).
///
/// From Microsoft's list of service plan identifiers.
const MAILBOX: [&str; 6] = [
    "EXCHANGE_S_STANDARD",
    "EXCHANGE_S_ENTERPRISE",
    "EXCHANGE_S_DESKLESS",
    "EXCHANGE_S_ESSENTIALS",
    "EXCHANGE_B_STANDARD",
    "EXCHANGE_L_STANDARD",
];

impl Products {
    /// Keeps of each product what concerns us.
    pub(crate) fn skus(&self) -> BTreeMap<SkuId, Sku> {
        let mut skus = BTreeMap::new();
        for SubscribedSku { sku_id, sku_part_number, service_plans } in &self.0 {
            let plans = |keep: &dyn Fn(&wire::ServicePlanInfo) -> bool| {
                let kept: BTreeSet<_> = service_plans
                    .iter()
                    .filter(|plan| keep(plan))
                    .map(|plan| ServicePlanId(plan.service_plan_id))
                    .collect();
                kept.into_iter().collect::<Vec<_>>()
            };
            let insights = plans(&|plan| PERSONAL_INSIGHTS.contains(&ServicePlanId(plan.service_plan_id)));
            let mailbox = plans(&|plan| {
                let name = plan.service_plan_name.to_ascii_uppercase();
                MAILBOX.iter().any(|prefix| name.starts_with(prefix))
            });
            skus.insert(
                SkuId(*sku_id),
                Sku { name: Arc::clone(sku_part_number), insights, mailbox, plans: plans(&|_| true) },
            );
        }
        skus
    }

    /// Writes the `$filter` for everyone who holds a product or a service plan; `None` when the tenant has neither.
    ///
    /// Names are compared without regard to letter case and outer spaces, which Microsoft's own list is careless with.
    pub(super) fn filter(&self, name_or_id: &str) -> Option<String> {
        let wanted = name_or_id.trim();
        let id = wanted.parse::<Uuid>().ok();
        let named = |name: &str, uuid: Uuid| id == Some(uuid) || name.trim().eq_ignore_ascii_case(wanted);
        let skus: BTreeSet<Uuid> = self
            .0
            .iter()
            .filter(|sku| named(&sku.sku_part_number, sku.sku_id))
            .map(|sku| sku.sku_id)
            .collect();
        let clauses: Vec<String> = if skus.is_empty() {
            let plans: BTreeSet<Uuid> = self
                .0
                .iter()
                .flat_map(|sku| &sku.service_plans)
                .filter(|plan| named(&plan.service_plan_name, plan.service_plan_id))
                .map(|plan| plan.service_plan_id)
                .collect();
            let clause = |plan| {
                format!("assignedPlans/any(x:x/servicePlanId eq {plan} and x/capabilityStatus eq 'Enabled')")
            };
            plans.into_iter().map(clause).collect()
        } else {
            skus.into_iter().map(|sku| format!("assignedLicenses/any(x:x/skuId eq {sku})")).collect()
        };
        (!clauses.is_empty()).then(|| clauses.join(" or "))
    }
}

/// Writes the request that replaces the lists of disabled plans of one person's products.
///
/// `disabledPlans` replaces what was there, so the whole list goes with it; both arrays have to be there.
fn assign(write: &LicenceWrite) -> Request {
    let LicenceWrite { id, changes } = write;
    let body = json!({ "addLicenses": added(changes), "removeLicenses": [] });
    Request::post("licences", Effect::Write, format!("/users/{id}/assignLicense"), body)
}

/// Writes products with the whole lists of plans that they are to have switched off.
pub(super) fn added(changes: &[LicenceChange]) -> Vec<Value> {
    let add =
        |change: &LicenceChange| json!({ "skuId": change.sku.0, "disabledPlans": change.disabled_after });
    changes.iter().map(add).collect()
}

impl Graph {
    /// Lists the tenant's products.
    pub(crate) async fn products(&self) -> Result<Products, Refusal> {
        let path = "/subscribedSkus?$select=skuId,skuPartNumber,servicePlans";
        let page: wire::Page<SubscribedSku> = self.get("products", path).await?;
        Ok(Products(page.value))
    }

    /// Reads the names of groups; one that cannot be read goes without.
    pub(crate) async fn group_names(&self, groups: &BTreeSet<GroupId>) -> BTreeMap<GroupId, Arc<str>> {
        let requests: Vec<Request> = groups
            .iter()
            .map(|id| Request::get("a group", format!("/groups/{id}?$select=id,displayName")))
            .collect();
        let answers = self.batches(&requests).await;
        groups
            .iter()
            .zip(answers)
            .filter_map(|(id, answer)| {
                let group: wire::Group = answer.ok()?.parse(Peer::Directory).ok()?;
                Some((*id, group.display_name?))
            })
            .collect()
    }

    /// Writes licences, at most 20 people at once, and gives the answers in the same order.
    pub(crate) async fn assign_licences(&self, writes: &[LicenceWrite]) -> Vec<Result<Answer, Failure>> {
        let requests: Vec<Request> = writes.iter().map(assign).collect();
        self.batches(&requests).await
    }
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;
    use crate::model::PersonId;

    fn products() -> Products {
        let skus = json!([
            { "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06", "skuPartNumber": "SPE_E5", "servicePlans": [
                { "servicePlanId": "34c0d7a0-a70f-4668-9238-47f9fc208882", "servicePlanName": "EXCHANGE_ANALYTICS" },
                { "servicePlanId": "33c4f319-9bdd-48d6-9c4d-410b750a4a5a", "servicePlanName": "MYANALYTICS_P2" },
                { "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE" },
                { "servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929", "servicePlanName": "TEAMS1" } ] },
            { "skuId": "00e1ec7b-e4a3-40d1-9441-b69b597ab222",
              "skuPartNumber": "Microsoft_365_ Business_ Premium_(no Teams) ", "servicePlans": [
                { "servicePlanId": "8c3069c0-ccdb-44be-ab77-986203a67df2", "servicePlanName": "EXCHANGE_S_ENTERPRISE_GOV" } ] }
        ]);
        Products(serde_json::from_value(skus).unwrap())
    }

    #[test]
    fn of_each_product_the_plans_that_concern_us_are_kept() {
        let skus = products().skus();
        let e5 = &skus[&SkuId(uuid!("06ebc4ee-1bb5-47dd-8120-11324bc54e06"))];
        assert_eq!(e5.insights, [PERSONAL_INSIGHTS[0], PERSONAL_INSIGHTS[1]]);
        assert_eq!(e5.mailbox.len(), 1);
        let business = &skus[&SkuId(uuid!("00e1ec7b-e4a3-40d1-9441-b69b597ab222"))];
        assert_eq!((business.insights.len(), business.mailbox.len()), (0, 1), "variants count");
    }

    #[test]
    fn products_and_plans_go_by_name_or_id() {
        let filter = |name: &str| products().filter(name).unwrap_or_else(|| "gone".to_owned());
        let e5 = "assignedLicenses/any(x:x/skuId eq 06ebc4ee-1bb5-47dd-8120-11324bc54e06)";
        assert_eq!(filter(" spe_e5"), e5);
        assert_eq!(filter("06EBC4EE-1BB5-47DD-8120-11324BC54E06"), e5);
        assert!(filter("Microsoft_365_ Business_ Premium_(no Teams)").starts_with("assignedLicenses"));
        insta::assert_snapshot!(
            filter("MyAnalytics_P2"),
            @"assignedPlans/any(x:x/servicePlanId eq 33c4f319-9bdd-48d6-9c4d-410b750a4a5a and x/capabilityStatus eq 'Enabled')"
        );
        assert_eq!(filter("SPE_E3"), "gone");
        assert_eq!(filter("33c4f319-9bdd-48d6-9c4d-000000000000"), "gone");
    }

    #[test]
    fn a_licence_write_carries_the_whole_list() {
        let write = LicenceWrite {
            id: PersonId(uuid!("aaaaaaaa-0000-4000-8000-000000000001")),
            changes: vec![LicenceChange {
                sku: SkuId(uuid!("06ebc4ee-1bb5-47dd-8120-11324bc54e06")),
                name: "SPE_E5".into(),
                disabled_before: vec![],
                disabled_after: PERSONAL_INSIGHTS[..2].to_vec(),
            }],
        };
        insta::assert_snapshot!(assign(&write), @r#"
        POST /users/aaaaaaaa-0000-4000-8000-000000000001/assignLicense

        {
          "addLicenses": [
            {
              "disabledPlans": [
                "33c4f319-9bdd-48d6-9c4d-410b750a4a5a",
                "34c0d7a0-a70f-4668-9238-47f9fc208882"
              ],
              "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06"
            }
          ],
          "removeLicenses": []
        }
        "#);
    }
}
