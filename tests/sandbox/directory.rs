//! People and groups: selecting, paging, filtering, nesting.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stage::{ADA, BEN, E5, EA, EVENTUAL, EVERYONE, SALES, Stage, TENANT, answer, code, names};

#[tokio::test]
async fn users_show_what_was_selected_and_nothing_else() {
    let stage = Stage::new("").await;
    let (_, ada) = stage.read(&format!("/users/{ADA}")).await;
    assert_eq!(ada["userPrincipalName"], "ada@contoso.com");
    assert!(ada.get("assignedLicenses").is_none() && ada.get("department").is_none(), "{ada}");
    let (_, body) =
        stage.read("/users?$select=userPrincipalName,licenseAssignmentStates,companyName&$top=1").await;
    let shown: BTreeSet<&str> =
        body["value"][0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(shown, BTreeSet::from(["companyName", "licenseAssignmentStates", "userPrincipalName"]));
    let (status, body) = stage.read("/users?$select=userPrincipleName").await;
    assert_eq!((status, code(&body)), (400, "BadRequest"));
    assert_eq!(stage.read("/users?$select=aboutMe").await.0, 501);
}

#[tokio::test]
async fn people_are_found_by_id_and_principal_name_however_odd() {
    let stage = Stage::new("").await;
    for key in
        ["ADA@contoso.com", "o'neill@contoso.com", "guest_fabrikam.com%23EXT%23@contoso.onmicrosoft.com", BEN]
    {
        assert_eq!(stage.read(&format!("/users/{key}")).await.0, 200, "{key}");
    }
    assert_eq!(stage.read("/users('o''neill@contoso.com')").await.0, 200);
    for key in ["guest_fabrikam.com#EXT#@contoso.onmicrosoft.com", "ada.lovelace@contoso.com", TENANT] {
        let (status, body) = stage.read(&format!("/users/{key}")).await;
        assert_eq!((status, code(&body)), (404, "Request_ResourceNotFound"), "{key}");
    }
    let answer = stage.get("/users/x").header("client-request-id", "mine").send().await.expect("an answer");
    assert_eq!(answer.headers()["client-request-id"], "mine");
    assert!(answer.headers().contains_key("request-id"));
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["error"]["innerError"]["client-request-id"], "mine");
}

#[tokio::test]
async fn pages_are_followed_by_opaque_links_and_counted_once() {
    for world in ["", "page-size=1", "empty-pages=on", "empty-pages=on,page-size=2"] {
        let stage = Stage::new(world).await;
        let mut path = "/users?$select=displayName&$top=2&$count=true".to_owned();
        let (mut seen, mut counts, mut empty, mut pages) = (Vec::new(), Vec::new(), 0, 0);
        loop {
            let (status, body) = stage.read_eventual(&path).await;
            assert_eq!(status, 200, "{body}");
            seen.extend(names(&body).into_iter().map(str::to_owned));
            counts.extend(body.get("@odata.count").and_then(Value::as_u64));
            empty += usize::from(names(&body).is_empty());
            pages += 1;
            let Some(next) = body["@odata.nextLink"].as_str() else { break };
            path = next
                .strip_prefix(&format!("{}/graph/v1.0", stage.sandbox.url()))
                .expect("an absolute link")
                .to_owned();
            let (status, refused) = stage.read(&path).await;
            assert_eq!(
                (status, code(&refused)),
                (400, "Request_UnsupportedQuery"),
                "the header is needed again"
            );
        }
        seen.sort();
        assert_eq!(seen, ["A Guest", "Ada Lovelace", "Ben Ölçek", "Eve", "Tip O'Neill"], "{world}");
        assert_eq!(counts, [5], "{world}");
        let expected = match world {
            "" => (3, 0),
            "page-size=1" => (5, 0),
            _ => (6, 3),
        };
        assert_eq!((pages, empty), expected, "{world}");
    }
}

#[tokio::test]
async fn page_sizes_and_options_have_limits() {
    let stage = Stage::new("").await;
    for top in ["0", "1000", "x"] {
        let (status, body) = stage.read(&format!("/users?$top={top}")).await;
        assert_eq!(status, 400);
        assert!(
            body["error"]["message"].as_str().expect("text").contains("between 1 and 999 inclusive"),
            "{body}"
        );
    }
    for option in
        ["$skip=1", "$orderby=displayName", "$expand=directReports", "$skiptoken=x", "$slect=id", "selekt=id"]
    {
        assert_eq!(stage.read(&format!("/users?{option}")).await.0, 400, "{option}");
    }
    assert_eq!(stage.read("/userz").await.0, 400);
}

#[tokio::test]
async fn a_manager_is_shown_where_they_are_expanded() {
    let stage = Stage::new("").await;
    let of = "$select=displayName,jobTitle,preferredLanguage&$expand=manager($select=id)";
    let (status, ada) = stage.read(&format!("/users/{ADA}?{of}")).await;
    assert_eq!((status, &ada["manager"]["id"]), (200, &json!(BEN)), "{ada}");
    assert_eq!((&ada["jobTitle"], &ada["preferredLanguage"]), (&json!("Analyst"), &json!("en-GB")));
    let (_, ben) = stage.read(&format!("/users/{BEN}?{of}")).await;
    assert!(ben.get("manager").is_none(), "{ben}");
    let (_, all) = stage.read(&format!("/users?{of}&$top=999")).await;
    let shown = all["value"].as_array().expect("a list").iter().filter(|user| user.get("manager").is_some());
    assert_eq!(shown.count(), 1);
    assert_eq!(stage.read("/users?$expand=manager($select=boss)").await.0, 400);
}

#[tokio::test]
async fn filters_are_evaluated_or_refused() {
    let stage = Stage::new("").await;
    let found = async |filter: &str, eventual: bool| {
        let mut request = stage.get("/users").query(&[("$select", "displayName"), ("$filter", filter)]);
        if eventual {
            request = request.query(&[("$count", "true")]).header(EVENTUAL.0, EVENTUAL.1);
        }
        let (status, body) = answer(request).await;
        let mut found =
            names(&json!({ "value": body.get("value").cloned().unwrap_or_else(|| json!([])) })).join(", ");
        if status != 200 {
            found = format!("{status} {}", code(&body));
        }
        found
    };
    assert_eq!(found("department eq 'SALES'", false).await, "Ada Lovelace, Ben Ölçek");
    assert_eq!(found("startsWith(displayName,'ben ö')", false).await, "Ben Ölçek");
    assert_eq!(found("mail eq 'o''neill@contoso.com'", false).await, "Tip O'Neill");
    assert_eq!(found("accountEnabled eq false or userType eq 'guest'", false).await.split(", ").count(), 2);
    assert_eq!(found(&format!("id in ('{ADA}', '{BEN}')"), false).await, "Ada Lovelace, Ben Ölçek");
    assert_eq!(
        found("proxyAddresses/any(p:p eq 'smtp:ada.lovelace@contoso.com')", false).await,
        "Ada Lovelace"
    );
    let any = format!("assignedLicenses/any(x:x/skuId eq {E5})");
    assert_eq!(found(&any, false).await, "Ada Lovelace, Ben Ölçek", "nested groups hand nothing down");
    let plan = format!("assignedPlans/any(x:x/servicePlanId eq {EA} and x/capabilityStatus eq 'Enabled')");
    assert_eq!(found(&plan, false).await, "400 Request_UnsupportedQuery");
    assert_eq!(found(&plan, true).await, "Ada Lovelace", "the group's licence has that plan off");
    for (filter, hits) in [
        ("department ne 'Sales'", 3),
        ("endsWith(mail,'@contoso.com')", 4),
        ("not(usageLocation eq null)", 3),
    ] {
        assert_eq!(found(filter, false).await, "400 Request_UnsupportedQuery", "{filter}");
        assert_eq!(found(filter, true).await.split(", ").count(), hits, "{filter}");
    }
    assert_eq!(
        found("licenseAssignmentStates/any(x:x/state eq 'Active')", true).await,
        "400 Request_UnsupportedQuery"
    );
    assert_eq!(found("departement eq 'Sales'", true).await, "400 BadRequest");
    let (status, body) = stage.read_eventual("/users/$count").await;
    assert_eq!((status, body), (200, json!(5)));
    assert_eq!(stage.read("/users/$count").await.0, 400);
    let search = "/users?$search=%22displayName:lov%22&$count=true";
    assert_eq!(names(&stage.read_eventual(search).await.1), ["Ada Lovelace"]);
    assert_eq!(stage.read(search).await.0, 400);
}

#[tokio::test]
async fn groups_are_found_by_name_or_mail_and_nest() {
    let stage = Stage::new("").await;
    assert_eq!(names(&stage.read("/groups?$filter=displayName eq 'sales'").await.1), ["Sales"]);
    assert_eq!(names(&stage.read("/groups?$filter=mail eq 'everyone@contoso.com'").await.1), ["Everyone"]);
    assert_eq!(stage.read(&format!("/groups/{SALES}")).await.1["mail"], "sales@contoso.com");
    let (status, body) = stage.read(&format!("/groups/{ADA}")).await;
    assert_eq!((status, code(&body)), (404, "Request_ResourceNotFound"));
    assert_eq!(names(&stage.read(&format!("/groups/{EVERYONE}/members")).await.1).len(), 4);
    let (_, all) = stage.read(&format!("/groups/{EVERYONE}/transitiveMembers")).await;
    let users = all["value"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one["@odata.type"] == "#microsoft.graph.user");
    assert_eq!(users.count(), 3, "each once, also in a circle: {all}");
    let cast =
        format!("/groups/{EVERYONE}/transitiveMembers/microsoft.graph.user?$select=displayName&$top=999");
    assert_eq!(stage.read(&cast).await.0, 400, "a cast is an advanced query");
    let (_, body) = stage.read_eventual(&format!("{cast}&$count=true")).await;
    assert_eq!((names(&body).len(), &body["@odata.count"]), (3, &json!(3)));
    let (_, secret) = stage.read("/groups?$filter=displayName eq 'Secret'").await;
    assert_eq!(secret["value"][0]["visibility"], "HiddenMembership");
    let id = secret["value"][0]["id"].as_str().expect("an id");
    assert_eq!(names(&stage.read(&format!("/groups/{id}/members")).await.1), [""; 0]);
}

#[tokio::test]
async fn a_batch_answers_each_request_by_itself() {
    let stage = Stage::new("").await;
    let requests = json!([
        { "id": "a", "method": "GET", "url": format!("/users/{ADA}?$select=id") },
        { "id": "b", "method": "GET", "url": "/users/nobody@contoso.com" },
        { "id": "c", "method": "GET", "url": "/organization", "dependsOn": ["b"] },
        { "id": "d", "method": "GET", "url": format!("{}/graph/v1.0/users", stage.sandbox.url()) },
        { "id": "e", "method": "GET", "url": "/users?$count=true&$top=1", "headers": { "ConsistencyLevel": "eventual" } },
        { "id": "f", "method": "POST", "url": format!("/users/{ADA}/assignLicense"),
          "body": { "addLicenses": [], "removeLicenses": [] } },
    ]);
    let (status, body) = stage.post("/$batch", &json!({ "requests": requests })).await;
    assert_eq!(status, 200);
    let answers: Vec<String> = body["responses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|answer| format!("{}{}", answer["id"].as_str().expect("text"), answer["status"]))
        .collect();
    assert_eq!(answers, ["f400", "e200", "d400", "c424", "b404", "a200"], "in no promised order");
    assert!(body["responses"][1]["headers"]["request-id"].is_string());
    assert_eq!(body["responses"][1]["body"]["@odata.count"], 5);
    for (count, distinct, expected) in [(20, true, 200), (21, true, 400), (2, false, 400)] {
        let item = |id: usize| json!({ "id": if distinct { id } else { 0 }.to_string(), "method": "GET", "url": "/organization" });
        let requests: Vec<Value> = (0..count).map(item).collect();
        assert_eq!(
            stage.post("/$batch", &json!({ "requests": requests })).await.0,
            expected,
            "{count} {distinct}"
        );
    }
}
