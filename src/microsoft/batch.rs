//! Sends many requests in one, and looks at each answer by itself.
//!
//! Graph's `$batch` takes 20 requests with relative addresses, the Exchange proxy's takes 10 with absolute ones; the
//! answer to both is a 200 in which any item may have been throttled, refused or left out. Items that were turned away
//! are sent again by themselves; no SDK does that.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cost::Cost;
use super::error::Trouble;
use super::message::{Answer, Body, Content, Effect, Failure, Load, Request};
use super::pace::TooMany;
use super::retry::{Next, Patience, retry_after};
use super::said::{clip, status_of};
use super::service::{Sent, Service};
use crate::model::RefusalKind;

/// Is one item on its way.
struct Item {
    index: usize,
    attempts: u32,
    patience: Patience,
}

/// Sends the items in one batch, at most as many as the service takes, and gives their answers in the same order.
///
/// `Ok` only for a success (2xx). When the batch itself fails, every item of it fails with the same words.
pub(crate) async fn send(
    service: &Service,
    envelope: &Request,
    items: &[Request],
) -> Vec<Result<Answer, Failure>> {
    let mut results: Vec<Option<Result<Answer, Failure>>> = items.iter().map(|_| None).collect();
    let mut waiting: Vec<Item> =
        (0..items.len()).map(|index| Item { index, attempts: 0, patience: Patience::default() }).collect();
    // What is sent again has waited since it was sent first.
    let envelope = &Request { since: Some(service.clock().now()), ..envelope.clone() };
    while !waiting.is_empty() {
        let request = fill(envelope, items, &waiting);
        let Sent { answer: outer, mark, token } = match service.send_marked(&request).await {
            Ok(sent) => sent,
            Err(mut failure) => {
                // It is the batch that is missing, and not what its items ask for.
                if failure.refusal.kind == RefusalKind::Missing {
                    failure.refusal.kind = RefusalKind::Failed;
                }
                for Item { index, attempts, patience: _ } in waiting {
                    let attempts = attempts + failure.attempts;
                    results[index] = Some(Err(Failure { attempts, ..failure.clone() }));
                }
                break;
            }
        };
        let (attempts, total) = (outer.attempts, outer.load.units);
        let mut answers = match read(service, outer) {
            Ok(answers) => answers,
            Err(trouble) => {
                for Item { index, attempts: before, patience: _ } in waiting {
                    results[index] = Some(Err(trouble.clone().into_failure(before + attempts)));
                }
                break;
            }
        };
        if let Some(load) = answers.values().map(|answer| answer.load).reduce(Load::and) {
            // What the batch said of its cost as a whole is not counted again item by item.
            let units = if total.is_some() { None } else { load.units };
            service.told(Cost::of(service.peer(), &request), Load { units, ..load });
        }
        let mut again = Vec::new();
        let mut refused: BTreeMap<TooMany, u32> = BTreeMap::new();
        let mut longest = Duration::ZERO;
        let mut everyone = false;
        let mut renew = false;
        for mut item in waiting {
            item.attempts += attempts;
            let trouble = match answers.remove(&item.index.to_string()) {
                Some(answer) if answer.is_success() => {
                    results[item.index] = Some(Ok(Answer { attempts: item.attempts, ..answer }));
                    continue;
                }
                Some(answer) => Trouble::read(service.peer(), &answer),
                None => Trouble::garbled(service.peer(), None, "an item of the batch has no answer"),
            };
            if let Some(why) = trouble.too_many() {
                *refused.entry(why).or_default() += 1;
            }
            match service.after_item(&mut item.patience, &trouble, items[item.index].effect) {
                Next::GiveUp => results[item.index] = Some(Err(trouble.into_failure(item.attempts))),
                Next::SignInAgain => {
                    renew = true;
                    again.push(item);
                }
                Next::Again { wait, everyone: all } => {
                    longest = longest.max(wait);
                    everyone |= all;
                    again.push(item);
                }
            }
        }
        for (why, items) in refused {
            service.items_refused(mark, why, items);
        }
        if renew {
            service.sign_in_again(token.as_ref()).await;
        }
        if !again.is_empty() {
            service.wait(longest, everyone).await;
        }
        waiting = again;
    }
    results.into_iter().map(|result| result.expect("every item leaves the loop with a result")).collect()
}

/// Puts the items that are still waiting into the envelope.
fn fill(envelope: &Request, items: &[Request], waiting: &[Item]) -> Request {
    let requests: Vec<Value> =
        waiting.iter().map(|item| entry(&items[item.index], &item.index.to_string())).collect();
    let writes = waiting.iter().any(|item| items[item.index].effect == Effect::Write);
    Request {
        effect: if writes { Effect::Write } else { Effect::Read },
        content: Content::Json(json!({ "requests": requests })),
        ..envelope.clone()
    }
}

/// Writes one item.
fn entry(request: &Request, id: &str) -> Value {
    let mut headers: Map<String, Value> =
        request.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut entry = json!({ "id": id, "method": request.method, "url": request.url });
    if let Content::Json(body) = &request.content {
        headers.insert("Content-Type".to_owned(), json!("application/json"));
        entry["body"] = body.clone();
    }
    if !headers.is_empty() {
        entry["headers"] = Value::Object(headers);
    }
    entry
}

#[derive(Deserialize)]
struct Responses {
    responses: Vec<Response>,
}

#[derive(Deserialize)]
struct Response {
    id: Value,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    body: Value,
}

/// Takes the answers apart, by id.
fn read(service: &Service, outer: Answer) -> Result<BTreeMap<String, Answer>, Trouble> {
    let outer_id = outer.request_id.clone();
    let Responses { responses } = outer.parse(service.peer()).map_err(|refusal| Trouble {
        refusal,
        retry_after: None,
        passing: false,
        maybe_done: true,
        crowded: false,
    })?;
    let now = service.clock().now();
    Ok(responses
        .into_iter()
        .map(|Response { id, status, headers, body }| {
            let header = |name: &str| {
                let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
                Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            };
            let answer = Answer {
                status: status.unwrap_or_else(|| status_of(&body)),
                retry_after: header("retry-after").and_then(|text| retry_after(&text, now)),
                request_id: header("request-id").map(|id| clip(&id)).or_else(|| outer_id.clone()),
                claims: None,
                load: Load::read(header),
                body: Body::Json(body),
                attempts: 0,
            };
            (id.as_str().map_or_else(|| id.to_string(), str::to_owned), answer)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::{BoxFuture, join_all};
    use secrecy::{ExposeSecret, SecretString};
    use tokio::time::sleep;
    use uuid::Uuid;

    use super::*;
    use crate::clock::Clock;
    use crate::microsoft::auth::{Audience, Tokens};
    use crate::microsoft::error::Peer;
    use crate::microsoft::service::{Carrier, Way};
    use crate::microsoft::{Credential, Endpoints};
    use crate::model::TenantId;

    /// Takes the first token no longer, and says so of each item; counts the tokens that it gave.
    #[derive(Clone, Debug, Default)]
    struct Revoked(Arc<AtomicU32>);

    impl Carrier for Revoked {
        fn once<'a>(
            &'a self,
            peer: Peer,
            request: &'a Request,
            token: Option<&'a SecretString>,
        ) -> BoxFuture<'a, Result<Answer, Trouble>> {
            async move {
                let body = if peer == Peer::SignIn {
                    let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
                    json!({ "access_token": format!("token {number}"), "expires_in": 3_600, "token_type": "Bearer" })
                } else {
                    // Each batch is answered a while after the one before, when that one has got its new token.
                    let number = request.url.rsplit('/').next().and_then(|number| number.parse().ok());
                    sleep(Duration::from_millis(100 + 10 * number.unwrap_or(0_u64))).await;
                    let old = token.is_some_and(|token| token.expose_secret() == "token 1");
                    let status = if old { 401 } else { 200 };
                    json!({ "responses": [{ "id": "0", "status": status, "headers": {}, "body": {} }] })
                };
                Ok(Answer {
                    status: 200,
                    retry_after: None,
                    request_id: None,
                    claims: None,
                    load: Load::default(),
                    body: Body::Bytes(body.to_string().into_bytes()),
                    attempts: 1,
                })
            }
            .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn batches_that_are_refused_side_by_side_get_one_new_token_together() {
        let carrier = Revoked::default();
        let way = Way::new(carrier.clone(), Clock::system());
        let open = |peer| Service::of_tokens(peer, way.clone());
        let secret =
            Credential::ClientSecret { client_id: "an app".to_owned(), secret: "a word".to_owned().into() };
        let (endpoints, tenant) = (Endpoints::of_sandbox("http://127.0.0.1:1"), TenantId(Uuid::nil()));
        let tokens = Tokens::new(open(Peer::SignIn), open(Peer::Pipeline), &endpoints, tenant, secret);
        let pace = way.pace(16, 16);
        let service = Service::new(Peer::Directory, way, pace, Arc::new(tokens), Audience::Graph);
        let items = [Request::get("an item", "/users/ada".to_owned())];
        let batches = (0..16).map(|number| {
            let (service, items) = (&service, &items);
            async move {
                let url = format!("http://127.0.0.1:1/{number}");
                send(service, &Request::post("a batch", Effect::Read, url, json!({})), items).await
            }
        });
        for mut answers in join_all(batches).await {
            let answer = answers.pop().expect("one item has one answer").expect("the new token is taken");
            assert_eq!(answer.attempts, 2);
        }
        assert_eq!(carrier.0.load(Ordering::SeqCst), 2, "tokens were asked for");
    }
}
