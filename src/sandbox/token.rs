//! Issues access tokens as the login service does, and reads them again at the other services.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::http::{Reply, Request, Shared};
use super::proof;
use super::tenant::Application;
use super::text::{base64url, from_base64url, pairs};

/// The audience of Microsoft Graph.
pub(super) const GRAPH: &str = "https://graph.microsoft.com";
/// The audience of Exchange Online, which the settings service shares.
pub(super) const EXCHANGE: &str = "https://outlook.office365.com";

/// Is how many seconds a token lasts.
pub(super) const LIFETIME: i64 = 3599;

/// Is who asks, as their token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) token: String,
    pub(super) app: Uuid,
    pub(super) audience: String,
    pub(super) tenant: Uuid,
    pub(super) roles: Vec<String>,
    pub(super) wids: Vec<Uuid>,
}

/// Says why a token is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadToken {
    Missing,
    Malformed,
    Expired,
    Audience,
}

impl BadToken {
    /// Gives the service's words.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Missing => "Access token is empty.",
            Self::Malformed => "CompactToken parsing failed with error code: 80049217",
            Self::Expired => "Lifetime validation failed, the token is expired.",
            Self::Audience => "Access token validation failure. Invalid audience.",
        }
    }
}

/// Answers `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn answer(shared: &Shared, request: &Request, path: &[&str]) -> Reply {
    let state = shared.read();
    let tenant = &state.tenant;
    let [name, "oauth2", "v2.0", "token"] = path else {
        return Reply::text(404, "the login service has one address: /{tenant}/oauth2/v2.0/token".to_owned());
    };
    let now = shared.now();
    let refuse =
        |status: u16, error: &str, number: u32, text: &str| refusal(status, error, number, text, now);
    if request.method != "POST" {
        return refuse(400, "invalid_request", 900_561, "The endpoint only accepts POST requests.");
    }
    let organization = &tenant.organization;
    let mut names = organization.domains.iter().chain([&organization.name]);
    if Uuid::try_parse(name).ok() != Some(organization.id)
        && !names.any(|known| known.eq_ignore_ascii_case(name))
    {
        return refuse(400, "invalid_request", 90_002, &format!("Tenant '{name}' not found."));
    }
    let form = String::from_utf8(request.body.clone()).ok().and_then(|body| pairs(&body)).unwrap_or_default();
    let field = |wanted: &str| form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    if field("grant_type") != Some("client_credentials") {
        return refuse(400, "unsupported_grant_type", 70_003, "The app requested an unsupported grant type.");
    }
    let client = field("client_id").and_then(|id| Uuid::try_parse(id).ok());
    let Some(application) = tenant.applications.iter().find(|known| Some(known.client_id) == client) else {
        let id = field("client_id").unwrap_or_default();
        let text = format!("Application with identifier '{id}' was not found in the directory '{name}'.");
        return refuse(400, "unauthorized_client", 700_016, &text);
    };
    if application.disabled {
        return refuse(401, "unauthorized_client", 7_000_112, "The application is disabled.");
    }
    if let Err((number, text)) = proof::check(application, organization.id, &field, now) {
        return refuse(401, "invalid_client", number, &text);
    }
    let audience = match field("scope").and_then(|scope| scope.strip_suffix("/.default")) {
        Some(GRAPH) => GRAPH,
        Some(EXCHANGE) => EXCHANGE,
        _ => {
            let scope = field("scope").unwrap_or_default();
            let text = format!("The provided value for the input parameter 'scope' is not valid: '{scope}'.");
            return refuse(400, "invalid_scope", 70_011, &text);
        }
    };
    let body = json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "access_token": issue(application, organization.id, audience, now),
    });
    Reply::json(200, body)
}

/// Writes a token of an application.
pub(super) fn issue(application: &Application, tenant: Uuid, audience: &str, now: i64) -> String {
    let roles: Vec<&String> = application
        .roles
        .iter()
        .filter(|role| role.starts_with("Exchange.") == (audience == EXCHANGE))
        .collect();
    let head = json!({ "typ": "JWT", "alg": "none" });
    let claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "appid": application.client_id,
        "idtyp": "app",
        // Two tokens are never the same, even when they are issued in the same second.
        "uti": Uuid::new_v4(),
        "tid": tenant,
        "roles": roles,
        "wids": application.wids,
    });
    let [head, claims] = [head, claims].map(|part| base64url(part.to_string().as_bytes()));
    format!("{head}.{claims}.")
}

fn refusal(status: u16, error: &str, number: u32, text: &str, now: i64) -> Reply {
    let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
    let at = Timestamp::from_second(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let at = at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description =
        format!("AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}");
    let body = json!({
        "error": error,
        "error_description": description,
        "error_codes": [number],
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
    });
    Reply::json(status, body)
}

/// Gives the token that a request came with; an item of a batch comes with that of the batch.
pub(super) fn of(request: &Request) -> Option<String> {
    if let Some(caller) = &request.caller {
        return Some(caller.token.clone());
    }
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// Writes a refusal that a script makes up.
pub(super) fn refused(status: u16, error: &str, text: &str, now: i64) -> Reply {
    // A transient error, or a request that could never be right.
    let number = if status >= 500 || status == 429 { 90_033 } else { 900_144 };
    refusal(status, error, number, text, now)
}

/// Reads the caller off a request's bearer token.
pub(super) fn caller(shared: &Shared, request: &Request, audience: &str) -> Result<Caller, BadToken> {
    let token = of(request).ok_or(BadToken::Missing)?;
    if shared.faults.is_dead(&token) {
        return Err(BadToken::Expired);
    }
    if let Some(caller) = &request.caller {
        return Ok(caller.clone());
    }
    let claims = token.split('.').nth(1).and_then(from_base64url).ok_or(BadToken::Malformed)?;
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| BadToken::Malformed)?;
    let id = |value: &Value| value.as_str().and_then(|text| Uuid::try_parse(text).ok());
    let list = |name: &str| claims[name].as_array().cloned().unwrap_or_default();
    let caller = Caller {
        token: token.clone(),
        app: id(&claims["appid"]).ok_or(BadToken::Malformed)?,
        tenant: id(&claims["tid"]).ok_or(BadToken::Malformed)?,
        audience: claims["aud"].as_str().ok_or(BadToken::Malformed)?.to_owned(),
        roles: list("roles").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        wids: list("wids").iter().filter_map(id).collect(),
    };
    if claims["exp"].as_i64().is_none_or(|until| until <= shared.now()) {
        return Err(BadToken::Expired);
    }
    if caller.audience.trim_end_matches('/') != audience {
        return Err(BadToken::Audience);
    }
    Ok(caller)
}
