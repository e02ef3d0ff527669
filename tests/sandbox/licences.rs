//! Licences, and the delta that tells of changes.

use serde_json::{Value, json};

use crate::stage::{ADA, BEN, E5, EA, F3, LICENSING, MAILBOX, P2, SALES, Stage, code, names};

#[tokio::test]
async fn sources_of_one_product_unite() {
    let stage = Stage::new("").await;
    let path =
        |who: &str| format!("/users/{who}?$select=licenseAssignmentStates,assignedLicenses,assignedPlans");
    let (_, ben) = stage.read(&path(BEN)).await;
    let states = ben["licenseAssignmentStates"].as_array().expect("a list");
    assert_eq!(states.len(), 1);
    assert_eq!(
        (&states[0]["assignedByGroup"], &states[0]["disabledPlans"]),
        (&json!(LICENSING), &json!([EA]))
    );
    assert_eq!((&states[0]["state"], &states[0]["error"]), (&json!("Active"), &json!("None")));
    let body = json!({ "addLicenses": [{ "skuId": E5, "disabledPlans": [P2] }], "removeLicenses": [] });
    assert_eq!(stage.post(&format!("/users/{BEN}/assignLicense"), &body).await.0, 200);
    let (_, ben) = stage.read(&path(BEN)).await;
    assert_eq!(ben["licenseAssignmentStates"].as_array().expect("a list").len(), 2);
    assert_eq!(
        ben["assignedLicenses"],
        json!([{ "disabledPlans": [], "skuId": E5 }]),
        "each source has one of them on"
    );
    let enabled = ben["assignedPlans"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|plan| plan["capabilityStatus"] == "Enabled");
    assert_eq!(enabled.count(), 3);
    let (_, details) = stage.read(&format!("/users/{BEN}/licenseDetails")).await;
    assert_eq!(details["value"][0]["skuPartNumber"], "SPE_E5");
}

#[tokio::test]
async fn disabled_plans_replace_what_was_there() {
    let stage = Stage::new("").await;
    let url = format!("/users/{ADA}/assignLicense");
    let disabled = async |plans: Value| {
        let body = json!({ "addLicenses": [{ "skuId": E5, "disabledPlans": plans }], "removeLicenses": [] });
        let (status, body) = stage.post(&url, &body).await;
        assert_eq!(status, 200, "{body}");
        stage.read(&format!("/users/{ADA}?$select=assignedLicenses")).await.1["assignedLicenses"][0]["disabledPlans"].clone()
    };
    assert_eq!(disabled(json!([P2, EA])).await, json!([P2, EA]));
    assert_eq!(disabled(json!([MAILBOX])).await, json!([MAILBOX]));
    let writes = stage.sandbox.writes();
    assert_eq!(writes.len(), 2);
    assert_eq!((writes[0].call.as_str(), writes[0].target.as_str()), ("assignLicense", ADA));
    assert_eq!(writes[0].by.to_string(), "00000000-0000-0000-0000-00000000c0de");
}

#[tokio::test]
async fn licence_calls_are_refused_as_documented() {
    let stage = Stage::new("").await;
    let refuse = async |who: &str, body: Value, words: &str| {
        let (status, answer) = stage.post(&format!("/users/{who}/assignLicense"), &body).await;
        assert_eq!(status, 400, "{body}");
        let message = answer["error"]["message"].as_str().expect("text");
        assert!(message.contains(words), "{message}");
    };
    let add = |sku: &str, plans: Value| json!({ "addLicenses": [{ "skuId": sku, "disabledPlans": plans }], "removeLicenses": [] });
    let remove = |sku: &str| json!({ "addLicenses": [], "removeLicenses": [sku] });
    refuse(BEN, remove(E5), "inherited from a group membership and it cannot be removed directly").await;
    refuse(BEN, remove(F3), "does not have a corresponding license").await;
    refuse(ADA, add(F3, json!([P2])), "is not part of the license").await;
    refuse(ADA, add(P2, json!([])), "does not correspond to a valid company License").await;
    refuse("eve@contoso.com", add(E5, json!([])), "invalid usage location").await;
    refuse(ADA, json!({ "addLicenses": [] }), "removeLicenses").await;
    refuse(
        ADA,
        json!({ "addLicenses": [{ "skuId": E5, "disabledplans": [] }], "removeLicenses": [] }),
        "disabledplans",
    )
    .await;
    assert_eq!(stage.sandbox.writes(), []);
}

#[tokio::test]
async fn a_groups_licence_changes_in_the_background() {
    let stage = Stage::new("licence-delay=60").await;
    let body = json!({ "addLicenses": [{ "skuId": E5, "disabledPlans": [P2, EA] }], "removeLicenses": [] });
    assert_eq!(stage.post(&format!("/groups/{LICENSING}/assignLicense"), &body).await.0, 202);
    let disabled = async || {
        let (_, ben) = stage.read(&format!("/users/{BEN}?$select=assignedLicenses")).await;
        ben["assignedLicenses"][0]["disabledPlans"].as_array().expect("a list").len()
    };
    assert_eq!(disabled().await, 1);
    stage.wait(60);
    assert_eq!(disabled().await, 2);
    let (_, skus) = stage.read("/subscribedSkus").await;
    let used: Vec<&Value> =
        skus["value"].as_array().expect("a list").iter().map(|sku| &sku["consumedUnits"]).collect();
    assert_eq!(used, [&json!(2), &json!(1)]);
}

#[tokio::test]
async fn a_group_says_how_far_the_directory_is_with_its_members() {
    let stage = Stage::new("group-delay=600").await;
    let path = format!(
        "/groups/{LICENSING}?$select=assignedLicenses,licenseProcessingState,hasMembersWithLicenseErrors"
    );
    let look = async || {
        let (_, group) = stage.read(&path).await;
        let (_, ben) = stage.read(&format!("/users/{BEN}?$select=assignedLicenses")).await;
        let off = |one: &Value| one["assignedLicenses"][0]["disabledPlans"].as_array().expect("a list").len();
        let progress = group["licenseProcessingState"]["state"].as_str().expect("a word").to_owned();
        assert_eq!(group["hasMembersWithLicenseErrors"], false);
        (off(&group), off(&ben), progress)
    };
    assert_eq!(look().await, (1, 1, "ProcessingComplete".to_owned()));
    let body = json!({ "addLicenses": [{ "skuId": E5, "disabledPlans": [P2, EA] }], "removeLicenses": [] });
    assert_eq!(stage.post(&format!("/groups/{LICENSING}/assignLicense"), &body).await.0, 202);
    assert_eq!(look().await, (2, 1, "QueuedForProcessing".to_owned()), "the group shows it at once");
    stage.wait(300);
    assert_eq!(look().await, (2, 1, "ProcessingInProgress".to_owned()));
    stage.wait(300);
    assert_eq!(look().await, (2, 2, "ProcessingComplete".to_owned()));
}

#[tokio::test]
async fn who_joins_a_group_holds_its_licence_and_who_leaves_it_does_not() {
    let stage = Stage::new("").await;
    let sources = async || {
        let (_, ada) = stage.read(&format!("/users/{ADA}?$select=licenseAssignmentStates")).await;
        ada["licenseAssignmentStates"].as_array().expect("a list").len()
    };
    let group = LICENSING.parse().expect("a GUID");
    assert_eq!(sources().await, 1);
    stage.sandbox.member(group, ADA, true).expect("she is known");
    assert_eq!(sources().await, 2);
    stage.sandbox.member(group, ADA, false).expect("she is known");
    assert_eq!(sources().await, 1);
}

#[tokio::test]
async fn a_delta_tells_what_changed() {
    let stage = Stage::new("").await;
    let path = |link: &Value| {
        let link = link.as_str().expect("a link");
        link.strip_prefix(&format!("{}/graph/v1.0", stage.sandbox.url()))
            .expect("an absolute link")
            .to_owned()
    };
    let (_, first) = stage.read("/users/delta?$select=displayName,assignedLicenses").await;
    assert_eq!(names(&first).len(), 5);
    let link = path(&first["@odata.deltaLink"]);
    assert_eq!(names(&stage.read(&link).await.1), [""; 0]);
    let body = json!({ "addLicenses": [], "removeLicenses": [E5] });
    assert_eq!(stage.post(&format!("/users/{ADA}/assignLicense"), &body).await.0, 200);
    let (_, changed) = stage.read(&link).await;
    assert_eq!(
        (names(&changed), &changed["value"][0]["assignedLicenses"]),
        (vec!["Ada Lovelace"], &json!([]))
    );
    let (status, body) = stage.read("/users/delta?$deltatoken=b2xk").await;
    assert_eq!((status, code(&body)), (410, "syncStateNotFound"));
    assert_eq!(names(&stage.read("/users/delta?$deltatoken=latest").await.1), [""; 0]);
    assert_eq!(stage.read("/users/delta?$top=5").await.0, 400);
    let (_, groups) = stage.read("/groups/delta").await;
    let sales =
        groups["value"].as_array().expect("a list").iter().find(|group| group["id"] == SALES).expect("sales");
    assert_eq!(sales["members@delta"].as_array().expect("a list").len(), 2);
}

#[tokio::test]
async fn a_change_between_two_pages_of_a_delta_is_told_next_time() {
    let stage = Stage::new("page-size=4").await;
    let path = |link: &Value| {
        let link = link.as_str().expect("a link");
        link.strip_prefix(&format!("{}/graph/v1.0", stage.sandbox.url()))
            .expect("an absolute link")
            .to_owned()
    };
    let (_, first) = stage.read("/users/delta?$select=displayName").await;
    let body = json!({ "addLicenses": [], "removeLicenses": [E5] });
    assert_eq!(stage.post(&format!("/users/{ADA}/assignLicense"), &body).await.0, 200);
    let (_, second) = stage.read(&path(&first["@odata.nextLink"])).await;
    assert_eq!(names(&first).len() + names(&second).len(), 5);
    let (_, changed) = stage.read(&path(&second["@odata.deltaLink"])).await;
    assert_eq!(names(&changed), ["Ada Lovelace"]);
}
