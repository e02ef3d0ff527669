//! The login service, and the tokens that it gives.

use serde_json::json;

use crate::stage::{Stage, TENANT, answer, code};

#[tokio::test]
async fn a_token_is_a_jwt_that_names_audience_tenant_roles_and_expiry() {
    let stage = Stage::new("").await;
    assert_eq!(stage.graph.split('.').count(), 3);
    let (status, body) = stage.read("/organization").await;
    assert_eq!((status, &body["value"][0]["id"]), (200, &json!(TENANT)));
    assert_eq!(body["value"][0]["verifiedDomains"][0]["name"], "contoso.onmicrosoft.com");
}

#[tokio::test]
async fn the_login_service_refuses_with_its_numbers() {
    let stage = Stage::new("").await;
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", "00000000-0000-0000-0000-00000000c0de"),
        ("client_secret", "sandbox"),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    for (at, name, value, number) in [
        (2, "client_secret", "wrong", 7_000_215),
        (1, "client_id", "00000000-0000-0000-0000-000000000001", 700_016),
        (3, "scope", "https://graph.microsoft.com/User.Read", 70_011),
        (2, "other", "x", 7_000_218),
    ] {
        let mut form = good;
        form[at] = (name, value);
        let (status, body) = stage.token(TENANT, &form).await;
        assert!(matches!(status, 400 | 401), "{body}");
        assert_eq!(body["error_codes"], json!([number]), "{body}");
        let description = body["error_description"].as_str().expect("text");
        assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
    }
    let (_, body) = stage.token("11111111-1111-1111-1111-111111111111", &good).await;
    assert_eq!(body["error_codes"], json!([90_002]));
    assert_eq!(stage.token("contoso.com", &good).await.0, 200, "a domain names the tenant too");
    let mut asserted = good;
    asserted[2] = ("client_assertion", "eyJ9.e30.c2ln");
    let mut form = asserted.to_vec();
    form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    assert_eq!(stage.token(TENANT, &form).await.0, 200, "an assertion is taken by its shape");
    form[2].1 = "no token";
    assert_eq!(stage.token(TENANT, &form).await.1["error_codes"], json!([50_027]));
}

#[tokio::test]
async fn the_services_refuse_a_missing_expired_or_foreign_token() {
    let mut stage = Stage::new("").await;
    let bare = stage.client.get(format!("{}/graph/v1.0/users", stage.sandbox.url()));
    let (status, body) = answer(bare).await;
    assert_eq!((status, code(&body)), (401, "InvalidAuthenticationToken"));
    assert!(body["error"]["innerError"]["request-id"].is_string(), "{body}");
    std::mem::swap(&mut stage.graph, &mut stage.exchange);
    assert_eq!(stage.read("/users").await.0, 401, "a token for Exchange");
    let get = json!({ "Identity": "ada@contoso.com" });
    assert_eq!(stage.run("Get-MyAnalyticsFeatureConfig", get).await.0, 401, "a token for Graph");
    std::mem::swap(&mut stage.graph, &mut stage.exchange);
    assert_eq!(stage.read("/users").await.0, 200);
    stage.wait(3600);
    assert_eq!(stage.read("/users").await.0, 401, "the hour is over");
}
