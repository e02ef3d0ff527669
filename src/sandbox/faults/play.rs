//! Plays what a rule says: others act first, then the service answers, or something else does.

use serde_json::Value;

use super::rule::{Body, Canned, Ending, Moment, What};
use super::seen::Seen;
use crate::sandbox::audit::By;
use crate::sandbox::choice::DefaultsChoice;
use crate::sandbox::error::SandboxError;
use crate::sandbox::http::{End, Reply, Request, Shared};
use crate::sandbox::{exchange, graph, token};

/// Answers a call as the script says; `answer` is what the service itself would do and say.
pub(super) fn play(shared: &Shared, request: &Request, what: &What, answer: impl FnOnce() -> Reply) -> Reply {
    let What { person, admin, stale, expire_token, slow, ending } = what;
    let now = shared.now();
    if let Some((who, choice)) = person
        && let Err(error) = choice.play(&mut shared.write(), who, &By::Themselves, now)
    {
        tracing::warn!(%error, "the script's person could not act");
    }
    if let Some(choice) = admin
        && let Err(error) = as_administrator(shared, choice, now)
    {
        tracing::warn!(%error, "the script's administrator could not act");
    }
    if let Some(seconds) = stale {
        freeze(shared, &Seen::of(request), now, *seconds);
    }
    if *expire_token && let Some(token) = token::of(request) {
        shared.faults.kill(token);
    }
    let mut reply = match ending {
        Ending::Usual => answer(),
        Ending::Instead(canned) => {
            let wrote = canned.carried_out && answer().wrote;
            Reply { wrote, ..instead(canned, request, now) }
        }
        Ending::Cut(moment) => Reply { end: End::Cut, ..done(*moment, answer) },
        Ending::Hold(moment) => Reply { end: End::Held, ..done(*moment, answer) },
    };
    reply.slow += *slow;
    reply
}

fn as_administrator(shared: &Shared, choice: &DefaultsChoice, now: i64) -> Result<(), SandboxError> {
    let mut state = shared.write();
    let by = By::administrator_of(&state.tenant);
    choice.play(&mut state, &by, now)
}

fn done(moment: Moment, answer: impl FnOnce() -> Reply) -> Reply {
    match moment {
        Moment::Before => Reply::empty(500),
        Moment::After => answer(),
    }
}

/// Keeps what readers see of those whom a call is about.
fn freeze(shared: &Shared, seen: &Seen, now: i64, seconds: i64) {
    let mut state = shared.write();
    let people: Vec<usize> =
        seen.people.iter().filter_map(|who| state.tenant.person_by_identity(who)).collect();
    let kept = state.freeze(&people, seen.is_about_defaults(), now, seconds);
    if let Err(error) = kept {
        tracing::warn!(%error, "the script's stale reads could not be kept");
    }
}

/// Writes a made-up answer: in the service's own form, unless the script gives a body.
fn instead(canned: &Canned, request: &Request, now: i64) -> Reply {
    let Canned { status, code, body, retry_after, carried_out: _ } = canned;
    let code = code.as_deref().unwrap_or_else(|| usual(*status));
    let reply = match body {
        Some(Body::Text(text)) => Reply::text(*status, text.clone()),
        Some(Body::Html(page)) => {
            Reply::text(*status, page.clone()).with("Content-Type", "text/html; charset=utf-8")
        }
        Some(Body::Json(value)) => Reply::json(*status, Value::clone(value)),
        None => {
            let text = "A fault from the script.";
            match request.path.split('/').find(|part| !part.is_empty()) {
                Some("login") => token::refused(*status, code, text, now),
                Some("graph") => graph::refused(request, *status, code, text, now),
                Some(_) | None => exchange::refused(*status, code, text),
            }
        }
    };
    match retry_after {
        Some(span) => reply.with("Retry-After", span),
        None => reply,
    }
}

/// Gives the code that usually goes with a status.
fn usual(status: u16) -> &'static str {
    match status {
        401 => "InvalidAuthenticationToken",
        403 => "Authorization_RequestDenied",
        404 => "Request_ResourceNotFound",
        408 => "RequestTimeout",
        409 => "Conflict",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        400..=499 => "BadRequest",
        _ => "UnknownError",
    }
}
