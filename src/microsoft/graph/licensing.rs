//! Knows the groups that hand out licences: what they hand out, how far that is, and whom it reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::json;

use super::wire::{self, AssignedLicense};
use super::{Graph, PAGE, WAITING};
use crate::microsoft::error::Peer;
use crate::microsoft::known;
use crate::microsoft::message::{Answer, Effect, Failure, Request};
use crate::model::{
    GroupId, GroupMember, Known, LicensingGroup, LicensingState, PersonId, Refusal, RefusalKind,
    ServicePlanId, SkuId,
};
use crate::plan::LicenceChange;

/// Is what `$select` asks of a group that hands out licences: exactly what is used.
const STATE: &str = "id,visibility,assignedLicenses,licenseProcessingState,hasMembersWithLicenseErrors";

/// Writes the request for one group, with an address for use in a batch.
fn state(group: GroupId) -> Request {
    Request::get("a group's licences", format!("/groups/{group}?$select={STATE}"))
}

/// Writes the request for the direct members of a group, of every kind.
///
/// Asking for users alone would be an advanced query, whose index lags: whoever joined a moment ago would be missing,
/// and lose the plan with the others. Licences of a group do not reach the members of groups in it:
/// <https://learn.microsoft.com/entra/fundamentals/concept-group-based-licensing>.
fn members(base: &str, group: GroupId) -> Request {
    let query = format!("$select=id,userPrincipalName&$top={PAGE}");
    Request::get("a group's members", format!("{base}/groups/{group}/members?{query}"))
}

/// Writes the request that replaces the lists of disabled plans of a group's products.
fn assign(base: &str, group: GroupId, changes: &[LicenceChange]) -> Request {
    let body = json!({ "addLicenses": super::licence::added(changes), "removeLicenses": [] });
    Request::post("a group's licences", Effect::Write, format!("{base}/groups/{group}/assignLicense"), body)
}

/// Is what a group says of itself.
struct Stated {
    state: LicensingState,
    hidden: bool,
}

impl TryFrom<wire::LicensingGroup> for Stated {
    type Error = Refusal;

    fn try_from(group: wire::LicensingGroup) -> Result<Self, Refusal> {
        let wire::LicensingGroup {
            visibility,
            assigned_licenses,
            license_processing_state,
            has_members_with_license_errors,
        } = group;
        // What a group hands out is never absent, so it was not shown.
        let Some(licences) = assigned_licenses else {
            return Err(Refusal {
                kind: RefusalKind::Forbidden,
                message: "the directory does not show what the group hands out".to_owned(),
                request_id: None,
            });
        };
        let product = |AssignedLicense { sku_id, disabled_plans }| {
            let disabled: BTreeSet<_> = disabled_plans.into_iter().map(ServicePlanId).collect();
            (SkuId(sku_id), disabled.into_iter().collect())
        };
        let word = license_processing_state.and_then(|processing| processing.state);
        let under_way = |word: String| {
            ["QueuedForProcessing", "ProcessingInProgress"].iter().any(|is| word.eq_ignore_ascii_case(is))
        };
        let state = LicensingState {
            products: licences.into_iter().map(product).collect(),
            processing: word.is_some_and(under_way),
            errors: has_members_with_license_errors.unwrap_or(false),
        };
        Ok(Self {
            state,
            hidden: visibility.is_some_and(|word| word.eq_ignore_ascii_case("HiddenMembership")),
        })
    }
}

impl Graph {
    /// Reads what groups hand out, and how far the directory is with that.
    pub(crate) async fn licensing_states(
        &self,
        groups: &BTreeSet<GroupId>,
    ) -> BTreeMap<GroupId, Known<LicensingState>> {
        let stated = self.stated(groups).await;
        stated.into_iter().map(|(id, stated)| (id, stated.map(|stated| stated.state))).collect()
    }

    /// Reads groups with their direct user members.
    pub(crate) async fn licensing_groups(
        &self,
        groups: &BTreeSet<GroupId>,
    ) -> BTreeMap<GroupId, Known<LicensingGroup>> {
        let stated = self.stated(groups).await;
        let whole = stated.into_iter().map(|(id, stated)| async move {
            let group = match stated {
                Known::Is(stated) => known(self.with_members(id, stated).await),
                Known::Unknown(why) => Known::Unknown(why),
            };
            (id, group)
        });
        futures_util::stream::iter(whole).buffer_unordered(WAITING).collect().await
    }

    async fn stated(&self, groups: &BTreeSet<GroupId>) -> BTreeMap<GroupId, Known<Stated>> {
        let requests: Vec<Request> = groups.iter().map(|id| state(*id)).collect();
        let answers = self.batches(&requests).await;
        let read = |answer: Result<Answer, Failure>| {
            let group: wire::LicensingGroup = answer.map_err(Refusal::from)?.parse(Peer::Directory)?;
            Stated::try_from(group)
        };
        groups.iter().zip(answers).map(|(id, answer)| (*id, known(read(answer)))).collect()
    }

    async fn with_members(&self, id: GroupId, stated: Stated) -> Result<LicensingGroup, Refusal> {
        let Stated { state, hidden } = stated;
        let mut all: BTreeMap<PersonId, Option<Arc<str>>> = BTreeMap::new();
        self.pages(members(&self.url(""), id), |page: Vec<wire::Member>| {
            // What does not say its kind may be a person, and stands against the group then.
            let is_user =
                |one: &wire::Member| one.kind.as_deref().is_none_or(|kind| kind == "#microsoft.graph.user");
            let users = page.into_iter().filter(is_user);
            all.extend(users.map(|one| (PersonId(one.id), one.user_principal_name)));
            Ok(())
        })
        .await?;
        if hidden && all.is_empty() {
            return Err(Refusal {
                kind: RefusalKind::Forbidden,
                message: "the group hides its members, and none can be seen".to_owned(),
                request_id: None,
            });
        }
        let members = all.into_iter().map(|(id, upn)| GroupMember { id, upn }).collect();
        Ok(LicensingGroup { state, members })
    }

    /// Writes what a group hands out; its members follow in the background.
    pub(crate) async fn assign_group_licences(
        &self,
        group: GroupId,
        changes: &[LicenceChange],
    ) -> Result<Answer, Failure> {
        self.service.send(&assign(&self.url(""), group, changes)).await
    }
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;

    const BASE: &str = "https://graph.microsoft.com/v1.0";
    const GROUP: GroupId = GroupId(uuid!("cccccccc-0000-4000-8000-000000000001"));
    const E5: SkuId = SkuId(uuid!("06ebc4ee-1bb5-47dd-8120-11324bc54e06"));
    const P2: ServicePlanId = ServicePlanId(uuid!("33c4f319-9bdd-48d6-9c4d-410b750a4a5a"));

    #[test]
    fn a_group_is_asked_for_exactly_what_is_used() {
        let change = LicenceChange {
            sku: E5,
            name: "SPE_E5".into(),
            disabled_before: vec![],
            disabled_after: vec![P2],
        };
        let requests = [state(GROUP), members(BASE, GROUP), assign(BASE, GROUP, &[change])];
        insta::assert_snapshot!(requests.map(|request| request.to_string()).join("\n\n"), @r#"
        GET /groups/cccccccc-0000-4000-8000-000000000001?$select=id,visibility,assignedLicenses,licenseProcessingState,hasMembersWithLicenseErrors

        GET https://graph.microsoft.com/v1.0/groups/cccccccc-0000-4000-8000-000000000001/members?$select=id,userPrincipalName&$top=999

        POST https://graph.microsoft.com/v1.0/groups/cccccccc-0000-4000-8000-000000000001/assignLicense

        {
          "addLicenses": [
            {
              "disabledPlans": [
                "33c4f319-9bdd-48d6-9c4d-410b750a4a5a"
              ],
              "skuId": "06ebc4ee-1bb5-47dd-8120-11324bc54e06"
            }
          ],
          "removeLicenses": []
        }
        "#);
    }

    fn stated(group: serde_json::Value) -> Result<LicensingState, Refusal> {
        let group: wire::LicensingGroup = serde_json::from_value(group).expect("a group");
        Stated::try_from(group).map(|stated| stated.state)
    }

    #[test]
    fn a_group_is_under_way_until_the_directory_says_that_it_is_not() {
        let is = |state: serde_json::Value| {
            let group = json!({ "assignedLicenses": [], "licenseProcessingState": state });
            stated(group).expect("it is shown").processing
        };
        assert!(
            is(json!({ "state": "QueuedForProcessing" })) && is(json!({ "state": "processingInProgress" }))
        );
        assert!(
            !is(json!({ "state": "ProcessingComplete" })) && !is(json!(null)),
            "one that never had to be"
        );
    }

    #[test]
    fn what_a_group_does_not_show_is_not_taken_for_nothing() {
        assert_eq!(stated(json!({ "id": GROUP })).map_err(|why| why.kind), Err(RefusalKind::Forbidden));
        let licence = json!({ "skuId": E5, "disabledPlans": [P2, P2] });
        let shown = stated(json!({ "assignedLicenses": [licence], "hasMembersWithLicenseErrors": true }));
        let products = BTreeMap::from([(E5, vec![P2])]);
        assert_eq!(shown, Ok(LicensingState { products, processing: false, errors: true }));
    }
}
