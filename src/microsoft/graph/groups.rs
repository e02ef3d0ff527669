//! Lists the tenant's groups by name, without their members.

use super::wire::ListedGroup;
use super::{Graph, PAGE};
use crate::microsoft::message::Request;
use crate::model::{GroupId, NamedGroup, Refusal};

/// Writes the request for the first page of all groups.
fn all(base: &str) -> Request {
    let select = "id,displayName,mail,visibility,securityEnabled,groupTypes,assignedLicenses";
    Request::get("groups", format!("{base}/groups?$select={select}&$top={PAGE}"))
}

impl Graph {
    /// Lists all groups of the tenant, in no order.
    pub(crate) async fn groups(&self) -> Result<Vec<NamedGroup>, Refusal> {
        let mut groups = Vec::new();
        self.pages(all(&self.url("")), |some: Vec<ListedGroup>| {
            groups.extend(some.into_iter().map(named));
            Ok(())
        })
        .await?;
        Ok(groups)
    }
}

fn named(group: ListedGroup) -> NamedGroup {
    let ListedGroup { id, display_name, mail, visibility, security_enabled, group_types, assigned_licenses } =
        group;
    let unified = group_types.iter().any(|kind| kind.eq_ignore_ascii_case("Unified"));
    NamedGroup {
        id: GroupId(id),
        name: display_name.filter(|name| !name.is_empty()),
        mail: mail.filter(|mail| !mail.is_empty()),
        only_mail: !unified && security_enabled != Some(true),
        hidden: visibility.is_some_and(|word| word.eq_ignore_ascii_case("HiddenMembership")),
        licensing: !assigned_licenses.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_listed_with_what_tells_which_of_them_can_be_named() {
        insta::assert_snapshot!(all("https://graph.microsoft.com/v1.0"), @"GET https://graph.microsoft.com/v1.0/groups?$select=id,displayName,mail,visibility,securityEnabled,groupTypes,assignedLicenses&$top=999");
    }

    #[test]
    fn a_list_of_addresses_is_told_from_a_group_of_people() {
        let listed = |security: bool, kinds: &[&str]| {
            let group = json!({
                "id": "cccccccc-0000-4000-8000-000000000001", "displayName": "Sales",
                "securityEnabled": security, "groupTypes": kinds,
            });
            named(serde_json::from_value(group).unwrap()).only_mail
        };
        assert_eq!(
            [
                listed(true, &[]),
                listed(false, &["Unified"]),
                listed(false, &[]),
                listed(true, &["DynamicMembership"])
            ],
            [false, false, true, false]
        );
    }
}
