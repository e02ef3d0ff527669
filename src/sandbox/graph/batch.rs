//! Carries out `$batch`: up to twenty requests, each answered on its own, in an order of the service's choosing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::error::{Refusal, envelope};
use super::{Context, Reply};
use crate::sandbox::http::{Content, Request, batch, pass};

const LIMIT: usize = 20;

/// Answers `POST /$batch`.
pub(super) fn answer(context: &Context<'_>) -> Result<Reply, Refusal> {
    if context.request.item {
        return Err(Refusal::odata("A batch cannot hold a batch."));
    }
    let body: Value = serde_json::from_slice(&context.request.body)
        .map_err(|error| Refusal::odata(format!("Invalid batch payload format: {error}.")))?;
    let items = body["requests"].as_array().ok_or_else(|| Refusal::odata("Invalid batch payload format."))?;
    if items.len() > LIMIT {
        return Err(Refusal::odata(format!(
            "Number of batch request steps exceeds the maximum value of {LIMIT}."
        )));
    }
    let mut known = BTreeSet::new();
    for item in items {
        let id = item["id"].as_str().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Refusal::odata("Every request of a batch needs an id that is text."))?;
        if !known.insert(id) {
            return Err(Refusal::odata(format!("Request Id '{id}' is not unique.")));
        }
    }
    let mut done = BTreeMap::new();
    let (mut responses, whole) = batch(items, |item| {
        let reply = match depends(item, &known, &done).and_then(|()| request(context, item)) {
            Ok(request) => pass(context.shared, &request),
            Err(refusal) => envelope(refusal.reply(), context.request, context.now),
        };
        done.insert(item["id"].as_str().unwrap_or_default(), reply.status);
        reply
    });
    // The order of answers is not promised, so it is never the order of the requests.
    responses.reverse();
    Ok(Reply { body: Content::Json(json!({ "responses": responses })), ..whole })
}

/// Refuses an item whose predecessors failed, or were not there.
fn depends(item: &Value, known: &BTreeSet<&str>, done: &BTreeMap<&str, u16>) -> Result<(), Refusal> {
    for id in item["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        match done.get(id) {
            Some(200..=299) => {}
            Some(_) => {
                let message = format!("The request '{id}' that this one depends on has failed.");
                return Err(Refusal { status: 424, code: "FailedDependency", message });
            }
            None if known.contains(id) => {
                return Err(Refusal::odata(format!(
                    "The request '{id}' stands after the one that depends on it."
                )));
            }
            None => return Err(Refusal::odata(format!("There is no request '{id}' to depend on."))),
        }
    }
    Ok(())
}

fn request(context: &Context<'_>, item: &Value) -> Result<Request, Refusal> {
    let url = item["url"].as_str().unwrap_or_default();
    if url.is_empty() || url.contains("://") {
        return Err(Refusal::odata(format!("The url '{url}' of a batched request must be relative.")));
    }
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let method = item["method"].as_str().unwrap_or_default().to_ascii_uppercase();
    let headers: BTreeMap<String, String> = item["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let body = &item["body"];
    if !body.is_null() && !headers.contains_key("content-type") {
        return Err(Refusal::odata("A batched request with a body needs the header Content-Type."));
    }
    Ok(Request {
        method,
        base: context.request.base.clone(),
        path: format!("/graph/v1.0/{}", path.trim_start_matches('/')),
        query: query.to_owned(),
        headers,
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        caller: Some(context.caller.clone()),
        item: true,
    })
}
