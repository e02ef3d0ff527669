//! Writes Microsoft Graph's refusals.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::http::{Reply, Request};

/// Is a refusal with the code that clients branch on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    /// Refuses a request that could never be right.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, code: "Request_BadRequest", message: message.into() }
    }

    /// Refuses what `OData` itself cannot read.
    pub(super) fn odata(message: impl Into<String>) -> Self {
        Self { status: 400, code: "BadRequest", message: message.into() }
    }

    /// Refuses a query that the directory cannot answer, or not in this form.
    pub(super) fn query(message: impl Into<String>) -> Self {
        Self { status: 400, code: "Request_UnsupportedQuery", message: message.into() }
    }

    /// Says that an object is not there.
    pub(super) fn absent(key: &str) -> Self {
        Self {
            status: 404,
            code: "Request_ResourceNotFound",
            message: format!(
                "Resource '{key}' does not exist or one of its queried reference-property objects are not present."
            ),
        }
    }

    /// Says that the application lacks a permission.
    pub(super) fn denied() -> Self {
        Self {
            status: 403,
            code: "Authorization_RequestDenied",
            message: "Insufficient privileges to complete the operation.".to_owned(),
        }
    }

    /// Writes the reply, without the ids that [`envelope`] adds.
    pub(super) fn reply(self) -> Reply {
        Reply::json(self.status, json!({ "error": { "code": self.code, "message": self.message } }))
    }
}

/// Adds the request's ids to the headers, and to the `innerError` of a refusal.
pub(super) fn envelope(mut reply: Reply, request: &Request, now: i64) -> Reply {
    let id = Uuid::new_v4().to_string();
    let client = request.header("client-request-id").unwrap_or(&id).to_owned();
    if let crate::sandbox::http::Content::Json(body) = &mut reply.body
        && let Some(Value::Object(error)) = body.get_mut("error")
    {
        let date = jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        error.insert(
            "innerError".to_owned(),
            json!({
                "date": date.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                "request-id": id,
                "client-request-id": client,
            }),
        );
    }
    reply.with("request-id", id).with("client-request-id", client)
}
