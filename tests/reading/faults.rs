//! Answers that are cut, garbled, throttled, or lead elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use insightctl::microsoft::{WriteError, Writer};
use insightctl::model::{Mode, RefusalKind, Selector, TenantSetting, Value};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::{ADA, BEN, EVE, Stage, id, kind, people, resolve, write};

/// Listens on a port of its own, reads each request, and answers it with these bytes or by hanging up.
async fn gateway(answer: &'static str) -> (String, Arc<AtomicU64>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                let mut some = vec![0; 65_536];
                if socket.read(&mut some).await.is_ok_and(|read| read > 0) {
                    counter.fetch_add(1, Ordering::SeqCst);
                    drop(socket.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    (url, requests)
}

/// Connects to the sandbox, except that settings are to be found elsewhere.
async fn with_settings_at(url: String) -> (Stage, Writer) {
    let mut stage = Stage::new("").await;
    stage.endpoints.exchange = url;
    let reader = stage.connect().await;
    (stage, Writer::new(reader))
}

const CLOSE: &str = "Connection: close\r\n";

#[tokio::test]
async fn a_write_without_an_answer_is_not_repeated_and_a_read_is() {
    let html = "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 26\r\n\r\n<html><title>no</title></h";
    let half = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n{\"responses\"";
    let odd = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>";
    assert!([html, half, odd].iter().all(|answer| answer.contains(CLOSE)));
    for answer in ["", html, half, odd] {
        let (url, requests) = gateway(answer).await;
        let (_stage, writer) = with_settings_at(url).await;
        let sent = writer.set_people(&[write(ADA, "ada@contoso.com", Some(Mode::OptOut), None)]).await;
        assert!(matches!(sent[0].result, Err(WriteError::Unanswered(_))), "{answer:?}: {sent:?}");
        assert_eq!((sent[0].attempts, requests.load(Ordering::SeqCst)), (1, 1), "{answer:?}");
        let seen = writer.reader().people_settings(&[(id(ADA), "ada@contoso.com".into())]).await;
        assert!(seen[0].known().is_none());
        let reads = requests.load(Ordering::SeqCst) - 1;
        assert_eq!(reads, if answer == odd { 1 } else { 5 }, "{answer:?}");
    }
}

#[tokio::test]
async fn a_write_that_never_left_is_refused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (_stage, writer) = with_settings_at(url).await;
    let sent = writer.set_people(&[write(ADA, "ada@contoso.com", Some(Mode::OptOut), None)]).await;
    assert!(
        matches!(&sent[0].result, Err(WriteError::Refused(refusal)) if refusal.kind == RefusalKind::Unreachable),
        "{sent:?}"
    );
    assert_eq!(sent[0].attempts, 5, "it was tried until patience ended");
}

#[tokio::test]
async fn a_plain_text_throttle_is_waited_for() {
    let crowded = "HTTP/1.1 429 Too Many\r\nConnection: close\r\nContent-Length: 76\r\n\r\n\
                   You have reached the maximum number of concurrent requests per tenant. Wait.";
    let (url, requests) = gateway(crowded).await;
    let (stage, writer) = with_settings_at(url).await;
    let began = stage.ours.now();
    let sent = writer.set_tenant(TenantSetting::Dashboard, Value::OFF).await;
    assert!(
        matches!(&sent.result, Err(WriteError::Refused(refusal)) if refusal.kind == RefusalKind::Throttled)
    );
    assert_eq!((sent.attempts, requests.load(Ordering::SeqCst)), (12, 12), "surely not done, so sent again");
    assert!(stage.ours.now().duration_since(began) >= jiff::SignedDuration::from_secs(60));
}

#[tokio::test]
async fn a_next_page_elsewhere_is_refused() {
    let mut stage = Stage::new("page-size=1").await;
    let (elsewhere, requests) = gateway("").await;
    // A proxy that claims the next page is at another address: the sandbox builds links from the Host header.
    let behind = stage.sandbox.url().to_owned();
    let rewrite = move |answer: String| answer.replace(&behind, &elsewhere);
    let front = impostor(stage.sandbox.url().to_owned(), rewrite).await;
    stage.endpoints.graph = format!("{front}/graph");
    let reader = stage.connect().await;
    let found = resolve(&reader, &[Selector::Everyone]).await;
    assert_eq!(kind(&found[0]), RefusalKind::Garbled);
    assert_eq!(requests.load(Ordering::SeqCst), 0, "no token went there");
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_are_refused() {
    let mut stage = Stage::new("page-size=1").await;
    let behind = stage.sandbox.url().to_owned();
    let front = Arc::new(std::sync::OnceLock::<String>::new());
    let links = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (ours, known) = (Arc::clone(&front), Arc::clone(&links));
    // The fourth page leads back to the second.
    let circle = move |answer: String| {
        let Ok(mut answer) = serde_json::from_str::<serde_json::Value>(&answer) else { return answer };
        if let Some(next) = answer.get("@odata.nextLink").and_then(|next| next.as_str()) {
            let mut known = known.lock().unwrap();
            known.push(next.replace(&behind, ours.get().unwrap()));
            let at = if known.len() > 3 { 0 } else { known.len() - 1 };
            answer["@odata.nextLink"] = json!(known[at]);
        }
        answer.to_string()
    };
    let url = impostor(stage.sandbox.url().to_owned(), circle).await;
    front.set(url.clone()).unwrap();
    stage.endpoints.graph = format!("{url}/graph");
    let reader = stage.connect().await;
    let found = resolve(&reader, &[Selector::Everyone]).await;
    assert_eq!(kind(&found[0]), RefusalKind::Garbled);
    assert_eq!(links.lock().unwrap().len(), 4, "it was noticed at once");
}

#[tokio::test]
async fn one_person_who_cannot_be_read_stops_nobody_elses_reading() {
    let mut stage = Stage::new("").await;
    let refuse_ben = |answer: String| {
        let Ok(mut answer) = serde_json::from_str::<serde_json::Value>(&answer) else { return answer };
        for item in answer["responses"].as_array_mut().into_iter().flatten() {
            if item["body"]["id"] == id(BEN).to_string() {
                item["status"] = json!(400);
                item["body"] = json!({ "error": { "code": "BadRequest", "message": "not today" } });
            }
        }
        answer.to_string()
    };
    let front = impostor(stage.sandbox.url().to_owned(), refuse_ben).await;
    stage.endpoints.graph = format!("{front}/graph");
    let reader = stage.connect().await;
    let read = people(&reader, &[ADA, BEN, EVE]).await;
    assert_eq!(read.keys().copied().collect::<Vec<_>>(), [id(ADA), id(EVE)]);
}

/// Passes requests on, and rewrites the answers.
async fn impostor(
    behind: String,
    rewrite: impl Fn(String) -> String + Clone + Send + Sync + 'static,
) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Another test may have installed it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let routes = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let (client, behind, rewrite) = (client.clone(), behind.clone(), rewrite.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let mut onward =
                client.request(head.method, format!("{behind}{}", head.uri.path_and_query().unwrap()));
            for name in ["authorization", "content-type"] {
                if let Some(value) = head.headers.get(name) {
                    onward = onward.header(name, value);
                }
            }
            rewrite(onward.body(body).send().await.unwrap().text().await.unwrap())
        }
    });
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}
