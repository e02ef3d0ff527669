//! Judges refusals: what kind each is, and whether sending again may help.

use std::fmt;
use std::time::Duration;

use super::auth::plainly;
use super::message::{Answer, Failure};
use super::pace::TooMany;
use super::said::{Said, clip};
use crate::model::{Refusal, RefusalKind};

/// Says whom we talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The token endpoint.
    SignIn,
    /// The service that vouches for the jobs of a pipeline.
    Pipeline,
    /// Microsoft Graph.
    Directory,
    /// The service behind the insights cmdlets.
    Settings,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignIn => "sign-in",
            Self::Pipeline => "the pipeline's token service",
            Self::Directory => "the directory",
            Self::Settings => "the settings service",
        })
    }
}

/// Is why a request did not do what it should, with all that decides whether to send it again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trouble {
    /// What to tell.
    pub(crate) refusal: Refusal,
    /// How long the service asks us to wait, if it says so.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the same request may do better later.
    pub(crate) passing: bool,
    /// Whether the service may have done it all the same.
    pub(crate) maybe_done: bool,
    /// Whether the service says that it is too much at once, rather than too much in a while.
    pub(crate) crowded: bool,
}

impl Trouble {
    /// Describes an answer that means nothing to us; the request itself may have been carried out.
    pub(crate) fn garbled(peer: Peer, request_id: Option<String>, how: impl fmt::Display) -> Self {
        Self {
            refusal: Refusal {
                kind: RefusalKind::Garbled,
                message: format!("{peer} gave an answer that cannot be read: {}", clip(&how.to_string())),
                request_id,
            },
            retry_after: None,
            passing: false,
            maybe_done: true,
            crowded: false,
        }
    }

    /// Makes it what is told of a request that was sent so often.
    pub(crate) fn into_failure(self, attempts: u32) -> Failure {
        let Self { refusal, maybe_done, retry_after: _, passing: _, crowded: _ } = self;
        Failure { refusal, maybe_done, attempts }
    }

    /// Says what it was too much of, if it was turned away for that.
    pub(crate) fn too_many(&self) -> Option<TooMany> {
        let why = if self.crowded { TooMany::AtOnce } else { TooMany::InTime };
        (self.refusal.kind == RefusalKind::Throttled).then_some(why)
    }

    /// Reads an answer whose status says that it is a refusal.
    pub(crate) fn read(peer: Peer, answer: &Answer) -> Self {
        let said = Said::read(&answer.body);
        let status = answer.status;
        let crowded =
            said.text.as_deref().is_some_and(|text| CROWDED.iter().any(|words| text.contains(words)));
        let kind = kind(peer, status, &said, crowded);
        // A 503 that names a time was turned away at the door; one that does not may come from behind the write.
        let turned_away =
            status == 429 || crowded || said.busy() || (status == 503 && answer.retry_after.is_some());
        let (passing, maybe_done) = match kind {
            RefusalKind::Throttled => (true, !turned_away),
            RefusalKind::Failed => (!matches!(status, 501 | 505), true),
            RefusalKind::Unreachable => (true, true),
            RefusalKind::Garbled => (false, true),
            RefusalKind::NotAsked
            | RefusalKind::NoShell
            | RefusalKind::Closed
            | RefusalKind::SignIn
            | RefusalKind::Forbidden
            | RefusalKind::Missing
            | RefusalKind::BadRequest
            | RefusalKind::Conflict => (false, false),
        };
        let mut message = format!("{peer} answered {status}");
        let plain = said.number().filter(|_| peer == Peer::SignIn).and_then(plainly);
        if let Some(code) = said.code.as_deref().filter(|code| *code != status.to_string()) {
            message = format!("{message} {code}");
        }
        if let Some(text) = &said.text {
            message = format!("{message}: {text}");
        }
        if let Some(plain) = plain {
            tracing::debug!(message, "sign-in refuses");
            message = plain;
        }
        Self {
            refusal: Refusal { kind, message, request_id: answer.request_id.clone().or(said.request_id) },
            retry_after: answer.retry_after,
            passing,
            maybe_done,
            crowded,
        }
    }
}

/// Stands in the plain texts with which Exchange turns away a request or a connection too many.
const CROWDED: [&str; 2] = ["maximum number of concurrent requests", "maximum number of connections allowed"];

/// Sorts a refusal by status first; codes and words decide only where the status misleads.
fn kind(peer: Peer, status: u16, said: &Said, crowded: bool) -> RefusalKind {
    if crowded || said.busy() {
        return RefusalKind::Throttled;
    }
    if said.missing {
        return RefusalKind::Missing;
    }
    match status {
        400 if said.passing() => RefusalKind::Failed,
        // Sign-in answers 400 to a wrong secret or an unknown tenant.
        400..=407 | 410..=428 | 430..=499 if matches!(peer, Peer::SignIn | Peer::Pipeline) => {
            RefusalKind::SignIn
        }
        401 => RefusalKind::SignIn,
        403 => RefusalKind::Forbidden,
        // Only a service says that something does not exist; a gateway's own page must not make people vanish.
        404 | 410 if said.code.is_some() => RefusalKind::Missing,
        404 | 410 => RefusalKind::Failed,
        408 => RefusalKind::Unreachable,
        409 | 412 => RefusalKind::Conflict,
        429 | 503 => RefusalKind::Throttled,
        400..=499 => RefusalKind::BadRequest,
        500..=599 => RefusalKind::Failed,
        _ => RefusalKind::Garbled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::microsoft::message::{Body, Load};
    use crate::microsoft::said::status_of;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: None,
            request_id: None,
            claims: None,
            load: Load::default(),
            body: Body::Bytes(body.as_bytes().to_vec()),
            attempts: 1,
        }
    }

    fn read(peer: Peer, status: u16, body: &str) -> Trouble {
        Trouble::read(peer, &answer(status, body))
    }

    /// Shows kind, what may be done about it, and the words, for one answer of each dialect.
    #[test]
    fn every_dialect_is_understood() {
        let cases = [
            (
                Peer::Directory,
                403,
                r#"{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation.",
                    "innerError":{"date":"2026-01-01","request-id":"r-1","client-request-id":"c-1"}}}"#,
            ),
            (
                Peer::Directory,
                404,
                r#"{"error":{"code":"Request_ResourceNotFound","message":"No such user."}}"#,
            ),
            (Peer::Directory, 404, "<html><head><TITLE>Not  Found</TITLE></head></html>"),
            (Peer::Directory, 401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"Expired."}}"#),
            (Peer::Directory, 429, r#"{"error":{"code":"TooManyRequests","message":"Slow down."}}"#),
            (
                Peer::Settings,
                503,
                "You have reached the maximum number of concurrent requests per tenant. Please wait.",
            ),
            (Peer::Settings, 503, ""),
            (
                Peer::Settings,
                400,
                r#"{"error":{"code":"BadRequest","message":"Error executing request.","details":[
                    {"message":"Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|The object 'x' couldn't be found.","target":""}],
                    "innererror":{"internalException":{"message":"inner"}}}}"#,
            ),
            (
                Peer::Settings,
                403,
                r#"{"Code":"Forbidden","Message":"Access to the requested resource is forbidden.","Target":"","Details":[{"Code":"PolicyNotSatisfied","Message":"why"}]}"#,
            ),
            (
                Peer::Settings,
                400,
                r#"{"error":{"code":"UnableToWriteToAadException","message":"The issue may be transient."}}"#,
            ),
            (
                Peer::Settings,
                400,
                r#"{"error":{"code":"BadRequest","message":"The calling client sent a bad request to the service"}}"#,
            ),
            (Peer::Settings, 502, "<!DOCTYPE html><title>Bad gateway</title>"),
            (
                Peer::Directory,
                409,
                r#"{"error":{"code":"Conflict","message":"LicenseAssignmentAttributeConcurrencyException"}}"#,
            ),
            (
                Peer::SignIn,
                400,
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: t","error_codes":[7000215],"trace_id":"t"}"#,
            ),
            (
                Peer::SignIn,
                400,
                r#"{"error":"invalid_request","error_description":"AADSTS90033: A transient error.","error_codes":[90033]}"#,
            ),
            (Peer::Directory, 302, ""),
        ];
        let table: Vec<String> = cases
            .iter()
            .map(|(peer, status, body)| {
                let Trouble { refusal, passing, maybe_done, .. } = read(*peer, *status, body);
                let again = match (passing, maybe_done) {
                    (true, false) => "again",
                    (true, true) => "read again",
                    (false, _) => "give up",
                };
                format!("{:?}, {again}: {refusal}", refusal.kind)
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @"
        Forbidden, give up: the directory answered 403 Authorization_RequestDenied: Insufficient privileges to complete the operation (request r-1)
        Missing, give up: the directory answered 404 Request_ResourceNotFound: No such user
        Failed, read again: the directory answered 404: an HTML page, “Not Found”
        SignIn, give up: the directory answered 401 InvalidAuthenticationToken: Expired
        Throttled, again: the directory answered 429 TooManyRequests: Slow down
        Throttled, again: the settings service answered 503: You have reached the maximum number of concurrent requests per tenant. Please wait
        Throttled, read again: the settings service answered 503
        Missing, give up: the settings service answered 400 BadRequest: The object 'x' couldn't be found
        Forbidden, give up: the settings service answered 403 Forbidden: Access to the requested resource is forbidden
        Failed, read again: the settings service answered 400 UnableToWriteToAadException: The issue may be transient
        BadRequest, give up: the settings service answered 400 BadRequest: The calling client sent a bad request to the service
        Failed, read again: the settings service answered 502: an HTML page, “Bad gateway”
        Conflict, give up: the directory answered 409 Conflict: LicenseAssignmentAttributeConcurrencyException
        SignIn, give up: the client secret is wrong (AADSTS7000215) (request t)
        Throttled, again: sign-in is out of order for the moment (AADSTS90033)
        Garbled, give up: the directory answered 302
        ");
    }

    #[test]
    fn what_passes_by_itself_is_asked_again() {
        for code in [90_055, 90_006, 90_024, 90_033, 50_196] {
            let named = format!(r#"{{"error":"invalid_request","error_codes":[{code}]}}"#);
            let told = format!(r#"{{"error":"invalid_request","error_description":"AADSTS{code}: Wait."}}"#);
            for body in [named, told] {
                let Trouble { refusal, passing, maybe_done, .. } = read(Peer::SignIn, 400, &body);
                assert_eq!(
                    (refusal.kind, passing, maybe_done),
                    (RefusalKind::Throttled, true, false),
                    "{body}"
                );
                assert!(refusal.message.ends_with(&format!("(AADSTS{code})")), "{refusal}");
            }
        }
        let unknown =
            read(Peer::SignIn, 400, r#"{"error":"invalid_request","error_description":"AADSTS1: Odd."}"#);
        assert_eq!(unknown.refusal.message, "sign-in answered 400 invalid_request: AADSTS1: Odd");
    }

    #[test]
    fn a_503_that_names_a_time_was_turned_away_at_the_door() {
        let mut busy = answer(503, "");
        busy.retry_after = Some(Duration::from_secs(1));
        assert!(!Trouble::read(Peer::Settings, &busy).maybe_done);
        busy.retry_after = None;
        assert!(Trouble::read(Peer::Settings, &busy).maybe_done);
    }

    #[test]
    fn a_batch_item_without_a_status_is_judged_by_its_error() {
        let status = |body: &str| status_of(&serde_json::from_str(body).unwrap());
        assert_eq!(status(r#"{"value":[]}"#), 200);
        assert_eq!(status("null"), 200);
        assert_eq!(status(r#"{"Code":"Forbidden","Message":"no"}"#), 403);
        assert_eq!(status(r#"{"error":{"code":"429","message":"no"}}"#), 429);
        assert_eq!(status(r#"{"error":{"code":"Whatever","message":"no"}}"#), 500);
        assert_eq!(status(r#"{"error":{}}"#), 500);
    }

    #[test]
    fn no_body_makes_it_fail() {
        for body in [
            "",
            "\u{feff}",
            "null",
            "[]",
            "7",
            "\"\"",
            "{\"error\":null}",
            "{\"error\":[]}",
            "<",
            "<title>é",
            "{",
        ] {
            for status in [0, 200, 400, 404, 500, 999] {
                drop(read(Peer::Settings, status, body));
            }
        }
        let long = clip(&"ä ".repeat(1000));
        assert!(long.chars().count() <= 301 && long.ends_with('…'));
    }
}
