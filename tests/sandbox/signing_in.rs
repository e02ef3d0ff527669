//! The login service, and the tokens that it gives.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use serde_json::{Value, json};

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
}

#[tokio::test]
async fn an_assertion_is_judged_by_who_made_it() {
    const NOW: i64 = 1_800_000_000;
    let stage = Stage::new("").await;
    let app = "00000000-0000-0000-0000-00000000ce27";
    let ours = format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token");
    let jwt = |head: &Value, claims: &Value| {
        let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        format!("{head}.{claims}.c2ln")
    };
    let head = json!({ "alg": "PS256", "x5t#S256": "known" });
    let own = json!({ "iss": app, "sub": app, "aud": ours, "nbf": NOW, "exp": NOW + 600 });
    let other = json!({ "iss": "https://issuer", "sub": "repo:a/B", "aud": "api://AzureADTokenExchange", "exp": NOW + 600 });
    let with = |base: &Value, name: &str, value: Value| {
        let mut changed = base.clone();
        changed[name] = value;
        changed
    };
    for (token, number) in [
        (jwt(&head, &own), 0),
        (jwt(&with(&head, "x5t#S256", json!("unknown")), &own), 700_027),
        (jwt(&with(&head, "alg", json!("none")), &own), 50_012),
        (jwt(&head, &with(&own, "aud", json!("https://elsewhere"))), 50_013),
        (jwt(&head, &with(&own, "exp", json!(NOW - 600))), 500_133),
        (jwt(&head, &with(&own, "nbf", json!(NOW + 600))), 500_133),
        (jwt(&json!({}), &other), 0),
        (jwt(&json!({}), &with(&other, "sub", json!("repo:a/b"))), 7_002_138),
        (jwt(&json!({}), &with(&other, "sub", json!("repo:c/d"))), 700_213),
        (jwt(&json!({}), &with(&other, "iss", json!("https://other"))), 70_021),
        ("no token".to_owned(), 50_027),
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", app),
            ("client_assertion", token.as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let (status, body) = stage.token(TENANT, &form).await;
        let numbers = if number == 0 { Value::Null } else { json!([number]) };
        assert_eq!((status == 200, &body["error_codes"]), (number == 0, &numbers), "{token}: {body}");
    }
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
