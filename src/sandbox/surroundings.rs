//! Plays what surrounds a program that signs in: the token services of pipelines, and of managed identities.

use serde_json::{Value, json};
use uuid::Uuid;

use super::http::{Reply, Request, Shared};
use super::text::{base64url, pairs};
use super::token::{self, EXCHANGE, GRAPH};

/// Answers one request below `/around`.
///
/// `github/SUBJECT` and `azure-pipelines/SUBJECT` vouch for a job by that name; `managed/CLIENT_ID` gives tokens of that
/// application, as a managed identity has them.
pub(super) fn answer(shared: &Shared, request: &Request, path: &[&str]) -> Reply {
    let query = pairs(&request.query).unwrap_or_default();
    let field = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let bearer = token::of(request).is_some_and(|token| !token.is_empty());
    let now = shared.now();
    match (request.method.as_str(), path) {
        ("GET", ["github", subject]) if bearer => {
            let audience = field("audience").unwrap_or("https://github.com/contoso");
            let issuer = "https://token.actions.githubusercontent.com";
            Reply::json(200, json!({ "count": 1, "value": vouch(issuer, subject, audience, now) }))
        }
        ("POST", ["azure-pipelines", subject]) if bearer && field("serviceConnectionId").is_some() => {
            let issuer = "https://vstoken.dev.azure.com/00000000-0000-4000-8000-0000000000d0";
            Reply::json(
                200,
                json!({ "oidcToken": vouch(issuer, subject, "api://AzureADTokenExchange", now) }),
            )
        }
        ("GET", ["managed", id]) if request.header("x-identity-header").is_some() => {
            managed(shared, id, field("resource").unwrap_or_default(), field("client_id"), now)
        }
        _ => Reply::json(401, json!({ "message": "nobody is vouched for without a token of the job" })),
    }
}

/// Writes a token that says who vouches for whom.
fn vouch(issuer: &str, subject: &str, audience: &str, now: i64) -> String {
    let head = json!({ "typ": "JWT", "alg": "RS256", "kid": "sandbox" });
    let claims =
        json!({ "iss": issuer, "sub": subject, "aud": audience, "iat": now, "nbf": now, "exp": now + 300 });
    let [head, claims] = [head, claims].map(|part: Value| base64url(part.to_string().as_bytes()));
    format!("{head}.{claims}.{}", base64url(b"not signed"))
}

/// Answers as App Service does: `resource` instead of a scope, and times as text.
fn managed(shared: &Shared, id: &str, resource: &str, asked: Option<&str>, now: i64) -> Reply {
    let state = shared.read();
    let id = Uuid::try_parse(id).ok();
    let application = state.tenant.applications.iter().find(|known| Some(known.client_id) == id);
    let other = asked.is_some_and(|asked| Uuid::try_parse(asked).ok() != id);
    let Some(application) = application.filter(|_| !other) else {
        return Reply::json(400, json!({ "statusCode": 400, "message": "No such managed identity." }));
    };
    let Some(audience) = [GRAPH, EXCHANGE].into_iter().find(|known| *known == resource) else {
        return Reply::json(400, json!({ "statusCode": 400, "message": "No such resource." }));
    };
    let body = json!({
        "access_token": token::issue(application, state.tenant.organization.id, audience, now),
        "expires_on": (now + token::LIFETIME).to_string(),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": application.client_id,
    });
    Reply::json(200, body)
}
