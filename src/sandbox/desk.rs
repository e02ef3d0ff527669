//! Serves the sandbox's own desk: what was written, what was asked, and a way to play people.

use serde_json::{Value, json};

use super::audit::By;
use super::choice::{Choice, DefaultsChoice};
use super::http::{Reply, Request, Shared};

/// Answers one request below `/sandbox`.
///
/// `GET writes`, `GET requests`, `POST person` with `who`, a [`Choice`] and, where an
/// administrator or application acts, `by`, `POST defaults` with a [`DefaultsChoice`],
/// `POST faults` with a script, and `GET calls` for what has been called since.
/// Nobody signs in here: the sandbox listens on this machine only.
pub(super) fn answer(shared: &Shared, request: &Request, path: &[&str]) -> Reply {
    let bad = |what: String| Reply::json(400, json!({ "error": what }));
    match (request.method.as_str(), path) {
        ("GET", ["writes"]) => Reply::json(200, json!({ "value": shared.read().writes })),
        ("GET", ["requests"]) => Reply::json(200, json!({ "value": shared.requests() })),
        ("GET", ["calls"]) => Reply::json(200, json!({ "value": shared.faults.calls() })),
        ("POST", ["faults"]) => match std::str::from_utf8(&request.body) {
            Ok(script) => match shared.play(script) {
                Ok(()) => Reply::empty(204),
                Err(error) => bad(error.to_string()),
            },
            Err(error) => bad(error.to_string()),
        },
        ("POST", ["person"]) => {
            let mut body: Value = match serde_json::from_slice(&request.body) {
                Ok(body) => body,
                Err(error) => return bad(error.to_string()),
            };
            let who = body.as_object_mut().and_then(|body| body.remove("who"));
            let who = who.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            let by = body.as_object_mut().and_then(|body| body.remove("by"));
            let by = by.as_ref().and_then(Value::as_str).map_or(By::Themselves, named);
            let choice: Choice = match serde_json::from_value(body) {
                Ok(choice) => choice,
                Err(error) => return bad(error.to_string()),
            };
            let now = shared.now();
            match choice.play(&mut shared.write(), &who, &by, now) {
                Ok(settings) => Reply::json(200, json!(settings)).written(),
                Err(error) => bad(error.to_string()),
            }
        }
        ("POST", ["defaults"]) => {
            let choice: DefaultsChoice = match serde_json::from_slice(&request.body) {
                Ok(choice) => choice,
                Err(error) => return bad(error.to_string()),
            };
            let now = shared.now();
            let mut state = shared.write();
            let by = By::administrator_of(&state.tenant);
            match choice.play(&mut state, &by, now) {
                Ok(()) => Reply::empty(204).written(),
                Err(error) => bad(error.to_string()),
            }
        }
        _ => Reply::empty(404),
    }
}

/// Takes an id for an application, and anything else for an administrator.
fn named(by: &str) -> By {
    let Ok(by) = by.parse();
    by
}
