//! Scripts of faults: what goes wrong, when, and what is done all the same.

use std::time::Duration;

use insightctl::sandbox::{Call, SandboxError};
use reqwest::Response;
use serde_json::{Value, json};

use crate::stage::{ADA, BEN, Stage, answer, code, flags};

async fn get_ada(stage: &Stage) -> (u16, Value) {
    stage.run("Get-MyAnalyticsFeatureConfig", json!({ "Identity": ADA })).await
}

/// Sends a write of Ada's digest, and gives what came back, if anything did.
async fn try_ada(stage: &Stage) -> Result<Response, reqwest::Error> {
    let parameters = json!({ "Identity": ADA, "Feature": "digest-email", "IsEnabled": false });
    let body = Stage::command("Set-MyAnalyticsFeatureConfig", &parameters);
    let request = stage.client.post(stage.exchange_url("InvokeCommand"));
    request.bearer_auth(&stage.exchange).json(&body).send().await
}

fn items(stage: &Stage, people: &[&str]) -> Value {
    let item = |(at, who): (usize, &&str)| {
        let parameters = json!({ "Identity": who, "Feature": "digest-email", "IsEnabled": false });
        json!({
            "id": at.to_string(), "method": "POST", "url": stage.exchange_url("InvokeCommand"),
            "headers": { "Content-Type": "application/json" },
            "body": Stage::command("Set-MyAnalyticsFeatureConfig", &parameters),
        })
    };
    json!({ "requests": people.iter().enumerate().map(item).collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_call_is_refused_in_the_words_of_its_service() {
    let stage = Stage::new("").await;
    stage.sandbox.play("faults: [ { match: {}, times: 3, status: 503 } ]").expect("a script");
    let (status, body) = get_ada(&stage).await;
    assert_eq!((status, code(&body)), (503, "ServiceUnavailable"));
    assert_eq!(body["error"]["details"][0]["message"].as_str().expect("text").split('|').count(), 3);
    let (status, body) = stage.read("/organization").await;
    assert_eq!((status, code(&body)), (503, "ServiceUnavailable"));
    assert!(body["error"]["innerError"]["request-id"].is_string(), "{body}");
    let (status, body) = stage.token("contoso.com", &[]).await;
    assert_eq!((status, &body["error_codes"][0]), (503, &json!(90_033)));
    assert_eq!(get_ada(&stage).await.0, 200, "three were enough");
}

#[tokio::test]
async fn the_answer_is_what_the_script_says() {
    let stage = Stage::new("").await;
    for (what, header, kind, text) in [
        ("retry-after: 2", Some("2"), "application/json", r#"{"error""#),
        ("retry-after: 0.5", Some("0.5"), "application/json", r#"{"error""#),
        ("retry-after: none", None, "application/json", r#"{"error""#),
        (
            "retry-after: 'Wed, 21 Oct 2026 07:28:00 GMT'",
            Some("Wed, 21 Oct 2026 07:28:00 GMT"),
            "application/json",
            "{",
        ),
        ("body: { text: too many }", None, "text/plain", "too many"),
        ("body: { html: '<html></html>' }", None, "text/html", "<html></html>"),
        ("body: { json: [1] }", None, "application/json", "[1]"),
    ] {
        stage.sandbox.play(&format!("faults: [ {{ call: 1, status: 429, {what} }} ]")).expect(what);
        let response = stage.get("/organization").send().await.expect("an answer");
        assert_eq!(response.status(), 429, "{what}");
        let of =
            |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(of("retry-after").as_deref(), header, "{what}");
        assert!(of("content-type").is_some_and(|is| is.starts_with(kind)), "{what}");
        let body = response.text().await.expect("text");
        assert!(body.starts_with(text), "{what}: {body}");
    }
}

#[tokio::test]
async fn a_connection_is_cut_before_the_write_or_after_it() {
    for (moment, writes) in [("before", 0), ("after", 1)] {
        let stage = Stage::new("").await;
        stage
            .sandbox
            .play(&format!("faults: [ {{ match: {{ write: true }}, cut: {moment} }} ]"))
            .expect("a script");
        let error = try_ada(&stage).await.expect_err("nothing comes back");
        assert!(error.is_request() && !error.is_connect() && !error.is_timeout(), "{error:?}");
        assert_eq!(stage.sandbox.writes().len(), writes, "{moment}");
        assert!(try_ada(&stage).await.is_ok(), "only once");
    }
}

#[tokio::test]
async fn a_refusal_may_hide_that_the_write_was_done() {
    let stage = Stage::new("").await;
    stage
        .sandbox
        .play("faults: [ { call: 1, status: 502, body: { html: <p> }, carried-out: true } ]")
        .expect("a script");
    assert_eq!(try_ada(&stage).await.expect("an answer").status(), 502);
    assert_eq!(stage.sandbox.writes().len(), 1);
}

#[tokio::test]
async fn an_item_of_a_batch_is_refused_alone_and_ends_the_batch_when_it_is_cut() {
    let stage = Stage::new("").await;
    let batch = items(&stage, &[ADA, BEN]);
    stage
        .sandbox
        .play("faults: [ { match: { person: ada@contoso.com }, after: 1, status: 429 } ]")
        .expect("a script");
    let (status, body) = stage.exchange("$batch", &batch).await;
    let statuses: Vec<_> =
        (0..2).map(|at| body["responses"][at]["status"].as_u64().expect("a status")).collect();
    assert_eq!((status, statuses), (200, vec![429, 200]), "the batch was the first call about her");
    stage.sandbox.play("faults: [ { call: 2, cut: after } ]").expect("a script");
    let request = stage.client.post(stage.exchange_url("$batch")).bearer_auth(&stage.exchange);
    assert!(request.json(&batch).send().await.is_err());
    let targets: Vec<_> = stage.sandbox.writes().into_iter().map(|write| write.target).collect();
    assert_eq!(targets, [BEN, ADA], "the second item of the second batch was not looked at");
}

#[tokio::test]
async fn calls_are_listed_as_they_come_from_one_script_to_the_next() {
    let stage = Stage::new("").await;
    assert!(get_ada(&stage).await.0 == 200 && stage.sandbox.calls().is_empty(), "nobody asked for it");
    stage.sandbox.play("faults:\n- match: { service: graph }\n  status: 500").expect("a script");
    drop((get_ada(&stage).await, stage.read("/organization").await));
    drop(stage.exchange("$batch", &items(&stage, &[BEN])).await);
    let told = |Call { call, service, people, write, item, fault, .. }: &Call| {
        format!("{call} {service} {people:?} {write} {item} {fault:?}")
    };
    let calls: Vec<_> = stage.sandbox.calls().iter().map(told).collect();
    assert_eq!(
        calls,
        [
            format!("1 exchange {:?} false false None", [ADA]),
            format!("2 graph {:?} false false Some(2)", [""; 0]),
            format!("3 exchange {:?} true false None", [BEN]),
            format!("4 exchange {:?} true true None", [BEN]),
        ]
    );
    let desk = |path: &str| format!("{}/sandbox/{path}", stage.sandbox.url());
    let (_, body) = answer(stage.client.get(desk("calls"))).await;
    assert_eq!(body["value"][1]["path"], "v1.0/organization");
    let (status, body) = answer(stage.client.post(desk("faults")).body("faults: [ { call: 0 } ]")).await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(stage.sandbox.calls().len(), 4, "a script with mistakes changes nothing");
    assert_eq!(answer(stage.client.post(desk("faults")).body("faults: []")).await.0, 204);
    assert_eq!(stage.sandbox.calls(), []);
}

#[tokio::test]
async fn a_held_call_ends_with_the_next_script() {
    for (moment, writes) in [("before", 0), ("after", 1)] {
        let stage = Stage::new("").await;
        stage.sandbox.play(&format!("faults: [ {{ call: 1, hold: {moment} }} ]")).expect("a script");
        let held = try_ada(&stage);
        let mut held = std::pin::pin!(held);
        assert!(tokio::time::timeout(Duration::from_millis(100), &mut held).await.is_err(), "it waits");
        let calls = stage.sandbox.calls();
        assert!(calls.len() == 1 && calls[0].held, "{calls:?}");
        assert_eq!(stage.sandbox.writes().len(), writes, "{moment}");
        stage.sandbox.play("faults: []").expect("a script");
        assert!(held.await.is_err(), "it is closed, and not answered");
        assert_eq!(stage.sandbox.writes().len(), writes, "and not carried out late");
    }
}

#[tokio::test]
async fn others_act_right_before_the_call_is_answered() {
    let stage = Stage::new("").await;
    let script = "faults:\n- { call: 1, person: { who: ada@contoso.com, mode: opt-out, digest-email: off } }\n\
                  - { call: 2, admin: { dashboard: off, outlook-add-in: off } }";
    stage.sandbox.play(script).expect("a script");
    assert_eq!(flags(&stage.person(ADA).await), ("opt-out".to_owned(), [true, true, false]));
    assert_eq!(flags(&stage.person(ADA).await), ("opt-out".to_owned(), [false, false, false]));
    assert_eq!(stage.sandbox.writes(), [], "it was not an application");
}

#[tokio::test]
async fn stale_reads_are_about_whom_the_call_is_about() {
    let stage = Stage::new("").await;
    stage.sandbox.play("faults: [ { match: { write: true }, stale: 60 } ]").expect("a script");
    assert!(try_ada(&stage).await.is_ok());
    assert!(flags(&stage.person(ADA).await).1[2], "it does not show");
    assert_eq!(
        stage.set(json!({ "Identity": BEN, "Feature": "digest-email", "IsEnabled": false })).await,
        200
    );
    assert!(!flags(&stage.person(BEN).await).1[2], "others are not concerned");
    stage.wait(60);
    assert!(!flags(&stage.person(ADA).await).1[2]);
    stage.sandbox.play("faults: [ { match: { cmdlet: Set-Default* }, stale: 60 } ]").expect("a script");
    stage.set_default(json!({ "Feature": "dashboard", "IsEnabled": false })).await;
    assert_eq!(stage.defaults().await["IsDashboardEnabled"], true);
    stage.wait(60);
    assert_eq!(stage.defaults().await["IsDashboardEnabled"], false);
}

#[tokio::test]
async fn a_token_that_expired_is_refused_until_a_new_one_is_fetched() {
    let mut stage = Stage::new("").await;
    stage.sandbox.play("faults: [ { call: 1, expire-token: true } ]").expect("a script");
    assert_eq!([get_ada(&stage).await.0, get_ada(&stage).await.0], [401, 401]);
    assert_eq!(stage.read("/organization").await.0, 200, "the other token is another one");
    let scope = "https://outlook.office365.com/.default";
    stage.exchange = stage.sign_in("00000000-0000-0000-0000-00000000c0de", "sandbox", scope).await;
    assert_eq!(get_ada(&stage).await.0, 200);
}

#[tokio::test]
async fn a_slow_answer_is_late_and_whole() {
    let stage = Stage::new("").await;
    stage.sandbox.play("faults: [ { every: 1, slow: 150 } ]").expect("a script");
    let late = get_ada(&stage);
    let mut late = std::pin::pin!(late);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut late).await.is_err(), "it is late");
    assert_eq!(late.await.0, 200);
}

#[tokio::test]
async fn all_mistakes_of_a_script_are_told_at_once() {
    let stage = Stage::new("").await;
    let script = "\
faults:
  - call: 0
    status: 99
  - match: { service: sharepoint }
    cut: during
  - every: 2
    times: two
    retry-after: 3
  - call: 1
    after: 3
    person: { mode: opt-out }
  - call: 2
    person: { who: nobody@contoso.com, mode: opt-out }
  - status: 500
    cut: before
    statsu: 500
  - call: 3
";
    let error = stage.sandbox.play(script).expect_err("almost nothing is right");
    let SandboxError::Script { mistakes, .. } = error else { panic!("{error}") };
    let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    line 2: `call` counts from 1
    line 3: a status is 200 to 599, not 99
    line 4: `match`: unknown variant `sharepoint`, expected one of `login`, `graph`, `exchange`
    line 5: `cut`: unknown variant `during`, expected `before` or `after`
    line 6: `code` and `retry-after` need a `status`
    line 7: `times`: invalid type: string "two", expected u64
    line 9: a `call` comes once, so `every`, `after` and `times` mean nothing with it
    line 11: `person` needs `who`
    line 13: nobody in the tenant is called `nobody@contoso.com`
    line 14: a call ends in one way: with another answer, `cut`, or `hold`
    line 14: the rule says nowhere when it applies: name `call`, `every` or `match`
    line 16: there is no `statsu`; a rule has call, every, match, after, times, status, code, body, retry-after, carried-out, cut, hold, slow, stale, person, admin, expire-token, about
    line 17: the rule does nothing
    "#);
    for broken in
        ["", "faults", "faults: 1", "faults: [ 1 ]", "faults: [", "rules: []", "faults: []\nfaults: []"]
    {
        let error = stage.sandbox.play(broken).expect_err(broken);
        let SandboxError::Script { mistakes, .. } = error else { panic!("{error}") };
        assert!(mistakes.len() == 1 && !mistakes[0].what.is_empty(), "{broken}: {mistakes:?}");
    }
    assert!(stage.sandbox.play(r#"{ "faults": [ { "call": 1, "status": 500 } ] }"#).is_ok(), "JSON will do");
}
