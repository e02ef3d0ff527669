//! The settings service: people, defaults, batches, delays.

use serde_json::{Value, json};

use crate::stage::{ADA, BEN, Stage, TENANT, code, flags};

#[tokio::test]
async fn a_person_has_what_is_stored_or_else_the_default() {
    let stage = Stage::new("").await;
    let ada = stage.person("ADA@contoso.com").await;
    assert_eq!(ada["UserId"], "ada@contoso.com");
    assert_eq!(flags(&ada), ("opt-in".to_owned(), [true; 3]));
    assert_eq!(stage.person("ada.lovelace@contoso.com").await, ada, "by mail");
    assert_eq!(stage.person(ADA).await, ada, "by object id");
    let digest = json!({ "Identity": ADA, "Feature": "Digest-Email", "IsEnabled": false });
    assert_eq!(stage.set(digest).await, 200);
    let both = json!({ "Identity": ADA, "PrivacyMode": "Opt-Out", "Feature": "add-in", "IsEnabled": true });
    assert_eq!(stage.set(both).await, 200);
    for feature in ["Dashboard", "Add-in"] {
        assert_eq!(stage.set_default(json!({ "Feature": feature, "IsEnabled": false })).await, 200);
    }
    assert_eq!(flags(&stage.person(ADA).await), ("opt-out".to_owned(), [false, true, false]));
    assert_eq!(stage.set(json!({ "Identity": ADA, "Feature": "all", "IsEnabled": true })).await, 200);
    assert_eq!(flags(&stage.person(ADA).await).1, [true; 3]);
}

#[tokio::test]
async fn the_documented_values_are_taken_and_all_others_refused() {
    let stage = Stage::new("").await;
    let set = "Set-MyAnalyticsFeatureConfig";
    for parameters in [
        json!({ "Identity": "", "PrivacyMode": "opt-out" }),
        json!({ "Identity": "  ", "PrivacyMode": "opt-out" }),
        json!({ "PrivacyMode": "opt-out" }),
        json!({ "Identity": ADA }),
        json!({ "Identity": ADA, "PrivacyMode": "Excluded" }),
        json!({ "Identity": ADA, "Feature": "opt-in", "IsEnabled": true }),
        json!({ "Identity": ADA, "Feature": "schedule-send", "IsEnabled": true }),
        json!({ "Identity": ADA, "Feature": "dashboard" }),
        json!({ "Identity": ADA, "Feature": "dashboard", "IsEnabled": "true" }),
        json!({ "Identity": ADA, "Enabled": true }),
    ] {
        let (status, body) = stage.run(set, parameters.clone()).await;
        assert_eq!((status, code(&body)), (400, "BadRequest"), "{parameters}");
        let details = body["error"]["details"][0]["message"].as_str().expect("text");
        assert_eq!(details.split('|').count(), 3, "{details}");
    }
    for parameters in [
        json!({ "Feature": "Schedule-send", "IsEnabled": true }),
        json!({ "Feature": "Meeting-effectiveness-survey-sampling-rate", "SamplingRate": 0.05 }),
        json!({ "Feature": "Meeting-effectiveness-survey-sampling-rate", "SamplingRate": 0.71 }),
        json!({ "Feature": "Meeting-effectiveness-survey-sampling-rate", "IsEnabled": true }),
        json!({ "Feature": "Dashboard", "SamplingRate": 0.2 }),
        json!({ "PrivacyMode": "opt-out" }),
    ] {
        assert_eq!(stage.set_default(parameters.clone()).await, 400, "{parameters}");
    }
    assert_eq!(stage.run("Get-UserAnalyticsConfig", json!({ "Identity": ADA })).await.0, 400);
    let body = json!({ "CmdletInput": { "CmdletName": set, "Parameter": {} } });
    assert_eq!(stage.exchange("InvokeCommand", &body).await.0, 400, "a misspelt envelope");
    assert_eq!(stage.sandbox.writes(), [], "nothing was written");
}

#[tokio::test]
async fn the_tenant_has_five_switches_and_a_rate_that_nobody_can_read() {
    let stage = Stage::new("").await;
    let before = stage.defaults().await;
    assert_eq!(before["TenantId"], TENANT);
    assert_eq!(before["IsMeetingEffectivenessSurveyEnabled"], "opted-in");
    for feature in ["Scheduled-send", "Meeting-effectiveness-survey", "digest-email"] {
        assert_eq!(stage.set_default(json!({ "Feature": feature, "IsEnabled": false })).await, 200);
    }
    let rate = json!({ "Feature": "Meeting-Effectiveness-Survey-Sampling-Rate", "SamplingRate": 0.3 });
    assert_eq!(stage.set_default(rate).await, 200);
    let after = stage.defaults().await;
    assert_eq!(after["IsScheduleSendEnabled"], false);
    assert_eq!(after["IsMeetingEffectivenessSurveyEnabled"], "opted-out");
    assert_eq!(after["IsDigestEmailEnabled"], false);
    assert_eq!(after["IsDashboardEnabled"], true);
    assert!(!after.to_string().contains("0.3"), "{after}");
    assert_eq!(stage.set_default(json!({ "Feature": "All", "IsEnabled": true })).await, 200);
    assert_eq!(stage.defaults().await, before);
    let calls: Vec<String> = stage.sandbox.writes().into_iter().map(|write| write.target).collect();
    assert_eq!(calls, ["tenant"; 5]);
}

#[tokio::test]
async fn some_people_are_not_spoken_of_and_each_refusal_is_theirs_alone() {
    let stage = Stage::new("").await;
    let get = "Get-MyAnalyticsFeatureConfig";
    let (status, body) = stage.run(get, json!({ "Identity": "eve@contoso.com" })).await;
    assert_eq!((status, &body["Code"]), (403, &json!("Forbidden")));
    assert_eq!(body["Message"], "Access to the requested resource is forbidden.");
    assert_eq!(
        (&body["Target"], &body["Details"][0]["Code"]),
        (&json!("eve@contoso.com"), &json!("PolicyNotSatisfied"))
    );
    let guest = json!({ "Identity": "guest@fabrikam.com" });
    assert_eq!(stage.run(get, guest).await.0, 403, "a guest has no mailbox here");
    let (status, body) = stage.run(get, json!({ "Identity": "nobody@contoso.com" })).await;
    assert_eq!((status, code(&body)), (404, "NotFound"));
    let unlicensed = json!({ "Identity": "o'neill@contoso.com" });
    assert_eq!(stage.run(get, unlicensed.clone()).await.0, 200, "people without a plan have settings too");
    let stage = Stage::new("unlicensed=forbid").await;
    assert_eq!(stage.run(get, unlicensed).await.0, 403, "unless the world says otherwise");
    assert_eq!(stage.run(get, json!({ "Identity": BEN })).await.0, 200, "a plan from a group is a plan");
}

#[tokio::test]
async fn a_read_only_role_is_refused_even_for_reading() {
    let stage = Stage::with("", "00000000-0000-0000-0000-00000000dead", "reader").await;
    let (status, body) = stage.run("Get-MyAnalyticsFeatureConfig", json!({ "Identity": ADA })).await;
    assert_eq!(status, 403);
    let details = body["Details"][0]["Message"].as_str().expect("text");
    assert!(details.contains("29232cdf-9323-42fd-ade2-1d097af3e4de"), "{details}");
    assert_eq!(stage.read("/users").await.0, 200);
    let (status, body) = stage.read("/groups").await;
    assert_eq!((status, code(&body)), (403, "Authorization_RequestDenied"));
    assert_eq!(stage.read("/subscribedSkus").await.0, 403);
    let body = json!({ "addLicenses": [], "removeLicenses": [] });
    assert_eq!(stage.post(&format!("/users/{ADA}/assignLicense"), &body).await.0, 403);
}

#[tokio::test]
async fn commands_travel_in_batches_of_ten_with_absolute_urls() {
    let stage = Stage::new("").await;
    let item = |id: usize, url: String, who: &str| {
        let body = Stage::command("Get-MyAnalyticsFeatureConfig", &json!({ "Identity": who }));
        json!({ "id": id.to_string(), "method": "POST", "url": url, "headers": {}, "body": body })
    };
    let url = || stage.exchange_url("InvokeCommand");
    let relative = format!("/adminapi/beta/{TENANT}/InvokeCommand");
    let batch = json!({ "requests": [
        item(1, url(), ADA), item(2, url(), "eve@contoso.com"), item(3, relative, ADA), item(4, url(), "nobody@x"),
    ] });
    let (status, body) = stage.exchange("$batch", &batch).await;
    assert_eq!(status, 200, "{body}");
    let answers: Vec<(&Value, &Value)> = body["responses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|answer| (&answer["id"], &answer["status"]))
        .collect();
    let expected =
        [("1", 200), ("2", 403), ("3", 400), ("4", 404)].map(|(id, status)| (json!(id), json!(status)));
    assert_eq!(answers, expected.iter().map(|(id, status)| (id, status)).collect::<Vec<_>>());
    assert_eq!(body["responses"][0]["body"]["value"][0]["UserId"], "ada@contoso.com");
    let eleven: Vec<Value> = (0..11).map(|id| item(id, url(), ADA)).collect();
    assert_eq!(stage.exchange("$batch", &json!({ "requests": eleven })).await.0, 400);
    let twice = json!({ "requests": [item(1, url(), ADA), item(1, url(), BEN)] });
    assert_eq!(stage.exchange("$batch", &twice).await.0, 400);
}

#[tokio::test]
async fn a_world_refuses_some_items_of_batches() {
    let stage = Stage::new("batch-429=3").await;
    let requests: Vec<Value> = (0..6)
        .map(|id| json!({ "id": id.to_string(), "method": "GET", "url": format!("/users/{ADA}") }))
        .collect();
    let (_, body) = stage.post("/$batch", &json!({ "requests": requests })).await;
    let throttled: Vec<&Value> = body["responses"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|answer| answer["status"] == 429)
        .collect();
    assert_eq!(throttled.len(), 2);
    assert!(throttled.iter().all(|answer| answer["headers"]["Retry-After"] == "1"), "{throttled:?}");
    assert_eq!(throttled[0]["body"]["error"]["code"], "TooManyRequests");
}

#[tokio::test]
async fn readers_learn_of_a_write_after_the_delay_of_the_world() {
    let stage = Stage::new("person-delay=900,default-delay=86400").await;
    assert_eq!(stage.set(json!({ "Identity": ADA, "PrivacyMode": "opt-out" })).await, 200);
    assert_eq!(stage.set_default(json!({ "Feature": "Dashboard", "IsEnabled": false })).await, 200);
    stage.wait(899);
    assert_eq!(flags(&stage.person(ADA).await), ("opt-in".to_owned(), [true; 3]));
    assert!(!stage.sandbox.settings(ADA).expect("ada is there").opt_in, "the truth is already another");
    stage.wait(1);
    assert_eq!(flags(&stage.person(ADA).await), ("opt-out".to_owned(), [true; 3]));
    assert_eq!(stage.defaults().await["IsDashboardEnabled"], true);
    stage.wait(86_400 - 900);
    let mut stage = stage;
    stage.exchange = stage
        .sign_in("00000000-0000-0000-0000-00000000c0de", "sandbox", "https://outlook.office365.com/.default")
        .await;
    assert_eq!(stage.defaults().await["IsDashboardEnabled"], false);
    assert_eq!(flags(&stage.person(ADA).await).1, [false, true, true], "who never chose follows the default");
}

#[tokio::test]
async fn a_pin_holds_or_does_not_as_the_world_says() {
    for (world, dashboard) in [("", true), ("noop=ignored", false)] {
        let stage = Stage::new(world).await;
        assert_eq!(
            stage.set(json!({ "Identity": ADA, "Feature": "dashboard", "IsEnabled": true })).await,
            200
        );
        assert_eq!(stage.set_default(json!({ "Feature": "Dashboard", "IsEnabled": false })).await, 200);
        assert_eq!(flags(&stage.person(ADA).await).1[0], dashboard, "{world}");
    }
}
