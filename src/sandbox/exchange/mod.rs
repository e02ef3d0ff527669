//! Answers the Exchange admin interface: cmdlets in an `InvokeCommand` envelope, one by one or in a batch.
//!
//! That the settings cmdlets travel in this envelope is the sandbox's own convention; the vendor documents the
//! cmdlets, not what they send.

mod cmdlets;

pub(in crate::sandbox) use self::cmdlets::PLANS;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::sandbox::http::{self, Content, Reply, Request, Shared, pass};
use crate::sandbox::text::unescape;
use crate::sandbox::token::{self, Caller, EXCHANGE};

/// At most so many commands in one batch.
const BATCH: usize = 10;

/// The directory roles, by template id, that the settings service accepts: Global, Exchange, Teams and Insights
/// Administrator.
const ROLES: [Uuid; 4] = [
    uuid::uuid!("62e90394-69f5-4237-9190-012177145e10"),
    uuid::uuid!("29232cdf-9323-42fd-ade2-1d097af3e4de"),
    uuid::uuid!("69091246-20e8-4a56-aa4d-066075b2a7a8"),
    uuid::uuid!("eb1f4a8d-243a-41f0-9fbd-c7cdf6c5ef7c"),
];

/// Is a refusal, in one of the two styles that the services have.
#[derive(Debug)]
enum Refusal {
    /// `error.code/message/details`, the details split by `|`.
    Cmdlet { status: u16, code: &'static str, exception: &'static str, text: String },
    /// `Code/Message/Target/Details`, without a wrapper: the settings service itself.
    Forbidden { target: String, details: String },
}

impl Refusal {
    fn bad(exception: &'static str, text: impl Into<String>) -> Self {
        Self::Cmdlet { status: 400, code: "BadRequest", exception, text: text.into() }
    }

    fn reply(self) -> Reply {
        match self {
            Self::Cmdlet { status, code, exception, text } => packed(status, code, exception, &text),
            Self::Forbidden { target, details } => {
                let body = json!({
                    "Code": "Forbidden",
                    "Message": "Access to the requested resource is forbidden.",
                    "Target": target,
                    "Details": [{ "Code": "PolicyNotSatisfied", "Message": details }],
                });
                Reply::json(403, body)
            }
        }
    }
}

/// Packs a refusal the way Exchange does: the exception stands inside the details.
fn packed(status: u16, code: &str, exception: &str, text: &str) -> Reply {
    let body = json!({ "error": {
        "code": code,
        "message": format!("Error executing request. {text}"),
        "details": [{
            "code": "Context",
            "target": "",
            "message": format!("Ex6F9304|{exception}|{text}"),
        }],
        "innererror": {
            "message": format!("Error executing request. {text}"),
            "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
            "stacktrace": "",
            "internalexception": { "message": text, "type": exception, "stacktrace": "" },
        },
    } });
    Reply::json(status, body).with("X-ExceptionType", exception)
}

/// Writes a refusal that a script makes up.
pub(in crate::sandbox) fn refused(status: u16, code: &str, text: &str) -> Reply {
    let reply = packed(status, code, "Microsoft.Exchange.Management.RestApiClient.RestClientException", text);
    reply.with("request-id", Uuid::new_v4().to_string())
}

/// Answers one request below `/exchange`.
pub(in crate::sandbox) fn answer(shared: &Shared, request: &Request, path: &[&str]) -> Reply {
    let reply = match route(shared, request, path) {
        Ok(reply) => reply,
        Err(refusal) => refusal.reply(),
    };
    let reply = reply.with("request-id", Uuid::new_v4().to_string());
    match request.header("client-request-id") {
        Some(id) => reply.with("client-request-id", id),
        None => reply,
    }
}

fn route(shared: &Shared, request: &Request, path: &[&str]) -> Result<Reply, Refusal> {
    let (tenant, call) = match path {
        ["adminapi" | "AdminApi", "beta" | "v1.0", tenant, call] => (*tenant, *call),
        _ => return Ok(Reply::empty(404)),
    };
    let caller = match token::caller(shared, request, EXCHANGE) {
        Ok(caller) => caller,
        Err(bad) => return Ok(unauthorized(bad.message())),
    };
    let here = shared.read().tenant.organization.id;
    if Uuid::try_parse(tenant).ok() != Some(here) || caller.tenant != here {
        return Ok(unauthorized("The token was issued for another tenant."));
    }
    if request.method != "POST" {
        return Ok(Reply::empty(405));
    }
    let body: Value = serde_json::from_slice(&request.body).map_err(|error| {
        Refusal::bad("Microsoft.OData.ODataException", format!("The body is not JSON: {error}."))
    })?;
    match call {
        "InvokeCommand" => invoke(shared, &caller, &body),
        "$batch" => batch(shared, request, &caller, &body),
        _ => Ok(Reply::empty(404)),
    }
}

fn unauthorized(message: &str) -> Reply {
    Reply::json(401, json!({ "error": { "code": "InvalidAuthenticationToken", "message": message } }))
        .with("WWW-Authenticate", format!("Bearer error=\"invalid_token\", error_description=\"{message}\""))
}

/// Opens the envelope: `{"CmdletInput":{"CmdletName":…,"Parameters":{…}}}`, and nothing else.
fn invoke(shared: &Shared, caller: &Caller, body: &Value) -> Result<Reply, Refusal> {
    let odd = |what: &str| {
        Refusal::bad("Microsoft.OData.ODataException", format!("The request is invalid: {what}."))
    };
    let sole = |object: &Map<String, Value>, known: &[&str]| {
        object.keys().find(|name| !known.contains(&name.as_str()) && !name.contains('@')).cloned()
    };
    let outer = body.as_object().ok_or_else(|| odd("the body is not an object"))?;
    if let Some(name) = sole(outer, &["CmdletInput"]) {
        return Err(odd(&format!("unknown property '{name}'")));
    }
    let input = outer.get("CmdletInput").and_then(Value::as_object);
    let input = input.ok_or_else(|| odd("CmdletInput is missing"))?;
    if let Some(name) = sole(input, &["CmdletName", "Parameters"]) {
        return Err(odd(&format!("unknown property 'CmdletInput/{name}'")));
    }
    let cmdlet =
        input.get("CmdletName").and_then(Value::as_str).ok_or_else(|| odd("CmdletName is missing"))?;
    let parameters = input.get("Parameters").and_then(Value::as_object);
    let parameters = parameters.ok_or_else(|| odd("Parameters is missing"))?;
    if !caller.roles.iter().any(|role| role == "Exchange.ManageAsApp") {
        return Ok(unauthorized("The role Exchange.ManageAsApp is not in the token."));
    }
    if !caller.wids.iter().any(|wid| ROLES.contains(wid)) {
        let accepted: Vec<String> = ROLES.iter().map(Uuid::to_string).collect();
        return Err(Refusal::Forbidden {
            target: "authorization".to_owned(),
            details: format!(
                "Authorization requirements are not satisfied: the token must be UserActAs or AppOnly with the scope \
                 OrganizationSettings.ReadWrite, or its wids must contain one of {}.",
                accepted.join(", ")
            ),
        });
    }
    cmdlets::run(shared, caller, cmdlet, parameters)
}

/// Carries out up to ten commands; each has an absolute url and an answer of its own.
fn batch(shared: &Shared, request: &Request, caller: &Caller, body: &Value) -> Result<Reply, Refusal> {
    let odd = |what: String| Refusal::bad("Microsoft.OData.ODataException", what);
    let items = body["requests"].as_array().ok_or_else(|| odd("The batch has no 'requests'.".to_owned()))?;
    if items.len() > BATCH {
        return Err(odd(format!("The batch holds {} requests; the limit is {BATCH}.", items.len())));
    }
    let ids: BTreeSet<String> = items.iter().map(|item| item["id"].to_string()).collect();
    if ids.len() < items.len() {
        return Err(odd("The ids of the batch are not unique.".to_owned()));
    }
    let (responses, whole) = http::batch(items, |item| match self::item(request, caller, item) {
        Ok(item) => pass(shared, &item),
        Err(refusal) => refusal.reply(),
    });
    Ok(Reply { body: Content::Json(json!({ "responses": responses })), ..whole })
}

fn item(batch: &Request, caller: &Caller, item: &Value) -> Result<Request, Refusal> {
    let odd = |what: &str| Refusal::bad("Microsoft.OData.ODataException", what);
    let url = item["url"].as_str().ok_or_else(|| odd("An item of the batch has no url."))?;
    let path = url.strip_prefix(&batch.base).filter(|path| path.starts_with('/'));
    let path =
        path.ok_or_else(|| odd("The url of an item of the batch is not absolute, or leads elsewhere."))?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if unescape(path).is_none_or(|path| path.ends_with("/$batch")) {
        return Err(odd("An item of a batch cannot be a batch."));
    }
    let mut headers = std::collections::BTreeMap::new();
    for (name, value) in item["headers"].as_object().into_iter().flatten() {
        headers.insert(name.to_ascii_lowercase(), value.as_str().unwrap_or_default().to_owned());
    }
    Ok(Request {
        method: item["method"].as_str().unwrap_or_default().to_ascii_uppercase(),
        base: batch.base.clone(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: item["body"].to_string().into_bytes(),
        caller: Some(caller.clone()),
        item: true,
    })
}
