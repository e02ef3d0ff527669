//! Judges what a cmdlet throws: the same kinds of trouble as over HTTP.
//!
//! PowerShell hands on an exception with its words, and sometimes the HTTP answer behind it. Where there is a status,
//! it is read as if it had come over HTTP; where there is none, it is guessed from type and words, and what nobody can
//! guess counts as a failure after which a write may have been done.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::worker::{Lost, NoStart};
use crate::microsoft::Shell;
use crate::microsoft::error::{Peer, Trouble};
use crate::microsoft::message::{Answer, Body, Load};
use crate::microsoft::retry::retry_after;
use crate::microsoft::said::{Said, clip, status_of};
use crate::model::{Refusal, RefusalKind};

/// Reads the error of an answer to a request about this identity, if it was about any.
pub(super) fn trouble(error: &Map<String, Json>, identity: Option<&str>, now: Timestamp) -> Trouble {
    let text = |name: &str| error.get(name).and_then(Json::as_str).unwrap_or_default();
    let (kind, message) = (text("type"), text("message"));
    let said = object(text("body")).or_else(|| object(message));
    let told = error.get("status").and_then(Json::as_u64).and_then(|status| u16::try_from(status).ok());
    let guessed = guess(kind, message, identity, said.as_ref());
    if told.is_none() && guessed == Guess::NoAnswer {
        return no_answer(&clip(message));
    }
    let status = told.unwrap_or(match guessed {
        Guess::Status(status) => status,
        Guess::NoAnswer => 500,
    });
    let body =
        said.unwrap_or_else(|| json!({ "error": { "message": message, "innererror": { "type": kind } } }));
    let words = Said::read(&Body::Json(body.clone())).text;
    let mut trouble = Trouble::read(
        Peer::Settings,
        &Answer {
            status,
            retry_after: retry_after(text("retryAfter"), now),
            request_id: None,
            claims: None,
            load: Load::default(),
            body: Body::Json(body),
            attempts: 1,
        },
    );
    if told.is_none() {
        // Nobody has seen a status, so none is told.
        let words = words.unwrap_or_else(|| "it does not say why".to_owned());
        trouble.refusal.message = format!("{} refused: {words}", Peer::Settings);
    }
    trouble
}

/// Describes a request whose answer is missing.
pub(super) fn lost(lost: &Lost) -> Trouble {
    match lost {
        Lost::Unsent(how) => Trouble { maybe_done: false, ..no_answer(how) },
        Lost::Died(how) => no_answer(how),
        Lost::Silent(within) => no_answer(&format!("PowerShell was silent for {} s", within.as_secs())),
        // A line between processes of one machine: the next one may well be whole.
        Lost::Garbled(how) => Trouble { passing: true, ..Trouble::garbled(Peer::Settings, None, how) },
    }
}

/// Describes a connection that was refused: a matter of the service, and never of one person.
pub(super) fn unconnected(mut trouble: Trouble) -> Trouble {
    let kind = match trouble.refusal.kind {
        RefusalKind::SignIn | RefusalKind::Forbidden => RefusalKind::SignIn,
        RefusalKind::Throttled => RefusalKind::Throttled,
        RefusalKind::Unreachable => RefusalKind::Unreachable,
        RefusalKind::NotAsked
        | RefusalKind::Missing
        | RefusalKind::BadRequest
        | RefusalKind::Conflict
        | RefusalKind::Failed
        | RefusalKind::NoShell
        | RefusalKind::Closed
        | RefusalKind::Garbled => RefusalKind::Failed,
    };
    trouble.refusal.kind = kind;
    trouble.refusal.message =
        format!("PowerShell could not connect to Exchange Online: {}", trouble.refusal.message);
    // Nothing was asked for yet.
    Trouble { maybe_done: false, passing: kind != RefusalKind::SignIn, ..trouble }
}

/// Says why there is no PowerShell to speak of.
pub(super) fn no_shell(shell: &Shell, no_start: NoStart) -> Refusal {
    let message = match no_start {
        NoStart::NoProgram(error) => {
            let program = clip(&shell.program.to_string_lossy());
            format!("PowerShell could not be started as `{program}`: {error}")
        }
        NoStart::NoModule(why) => why,
        NoStart::Lost(Lost::Unsent(how) | Lost::Died(how) | Lost::Garbled(how)) => {
            format!("PowerShell was lost before it was ready: {how}")
        }
        NoStart::Lost(Lost::Silent(within)) => {
            format!("PowerShell was not ready after {} s", within.as_secs())
        }
    };
    Refusal { kind: RefusalKind::NoShell, message, request_id: None }
}

fn no_answer(how: &str) -> Trouble {
    Trouble {
        refusal: Refusal {
            kind: RefusalKind::Unreachable,
            message: format!("{} gave no answer: {how}", Peer::Settings),
            request_id: None,
        },
        retry_after: None,
        passing: true,
        maybe_done: true,
        crowded: false,
    }
}

/// Finds the JSON object that a text is, or holds.
fn object(text: &str) -> Option<Json> {
    let (start, end) = (text.find('{')?, text.rfind('}')?);
    let value: Json = serde_json::from_str(text.get(start..=end)?).ok()?;
    (value.get("error").is_some() || value.get("Code").is_some()).then_some(value)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    Status(u16),
    NoAnswer,
}

/// Guesses the status behind an exception.
///
/// The words are those that users report of these cmdlets and of the module (office-docs-powershell#7691 and #10700,
/// Microsoft365DSC#359 and #4171), and those of .NET.
fn guess(kind: &str, message: &str, identity: Option<&str>, said: Option<&Json>) -> Guess {
    if let Some(status) = said.map(status_of).filter(|status| *status != 500) {
        return Guess::Status(status);
    }
    let inside = object(message).and_then(|body| Said::read(&Body::Json(body)).text);
    let text = without_names(inside.as_deref().unwrap_or(message), identity);
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let is = |types: &[&str]| types.iter().any(|name| kind.ends_with(name));
    // Whatever else cannot be found (a command, a host) must not make a person vanish.
    if is(&["ManagementObjectNotFoundException"]) || (says(&["object '"]) && says(&["couldn't be found"])) {
        return Guess::Status(404);
    }
    let statuses: [(u16, &[&str]); 4] = [
        (429, &["too many requests", "toomanyrequests", "throttl", "maximum number of con", "server busy"]),
        (401, &["unauthorized", "token is expired", "token has expired", "call the connect-exchangeonline"]),
        (
            403,
            &[
                "forbidden",
                "access is denied",
                "access denied",
                "requirements are not satisfied",
                "isn't supported in this scenario",
            ],
        ),
        (400, &["bad request", "badrequest"]),
    ];
    if let Some((status, _)) = statuses.into_iter().find(|(_, words)| says(words)) {
        return Guess::Status(status);
    }
    if is(&["ParameterBindingException", "ParameterBindingValidationException", "ArgumentException"]) {
        return Guess::Status(400);
    }
    let unanswered = [
        "TaskCanceledException",
        "OperationCanceledException",
        "TimeoutException",
        "HttpRequestException",
        "WebException",
        "SocketException",
        "IOException",
    ];
    if is(&unanswered) || says(&["task was canceled", "timed out"]) {
        return Guess::NoAnswer;
    }
    // What is not understood may come from behind the write.
    Guess::Status(500)
}

/// Gives a text in lower case without what may be somebody's or something's name: the identity that was asked about,
/// whatever looks like a user principal name, and what is quoted.
///
/// An apostrophe within a word quotes nothing.
fn without_names(text: &str, identity: Option<&str>) -> String {
    let mut text = text.to_lowercase();
    if let Some(identity) = identity.map(str::to_lowercase).filter(|identity| !identity.is_empty()) {
        text = text.replace(&identity, "");
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let (before, quoted) = rest.split_at(at);
        plain.push_str(before);
        let mark = &quoted[..1];
        plain.push_str(mark);
        rest = &quoted[1..];
        if plain.chars().rev().nth(1).is_some_and(char::is_alphanumeric) {
            continue;
        }
        let mut ends = rest.match_indices(mark);
        let end = ends.find(|(end, _)| !rest[end + 1..].starts_with(char::is_alphanumeric));
        if let Some((end, _)) = end {
            plain.push_str(mark);
            rest = &rest[end + 1..];
        }
    }
    plain.push_str(rest);
    let words: Vec<&str> = plain.split_whitespace().filter(|word| !word.contains('@')).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::microsoft::pace::TooMany;

    fn read(error: Json) -> Trouble {
        let Json::Object(error) = error else { panic!("no object") };
        trouble(&error, None, Timestamp::UNIX_EPOCH)
    }

    fn told(trouble: &Trouble) -> String {
        let again = match (trouble.passing, trouble.maybe_done) {
            (true, false) => "again",
            (true, true) => "read again",
            (false, _) => "give up",
        };
        format!("{:?}, {again}: {}", trouble.refusal.kind, trouble.refusal)
    }

    #[test]
    fn what_cmdlets_throw_is_understood() {
        let rest = "Microsoft.Exchange.Management.RestApiClient.RestClientException";
        let cases = [
            json!({ "type": rest, "message": "Access to the requested resource is forbidden." }),
            json!({ "type": rest, "message": r#"{"Code":"Forbidden","Message":"Access to the requested resource is forbidden.","Target":"x"}"# }),
            json!({ "type": rest, "message": "Authorization requirements are not satisfied: wids …" }),
            json!({ "type": rest, "message": "The calling client sent a bad request to the service" }),
            json!({ "type": "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
                    "message": "The operation couldn't be performed because object 'x' couldn't be found." }),
            json!({ "type": "System.Threading.Tasks.TaskCanceledException", "message": "A task was canceled." }),
            json!({ "type": "System.Exception", "message": "Fail to create a runspace because you have exceeded the maximum number of connections allowed : 3" }),
            json!({ "type": rest, "message": "You have reached the maximum number of concurrent requests per tenant." }),
            json!({ "type": "System.Exception", "message": "The token has expired." }),
            json!({ "type": "System.Exception", "message": "You must call the Connect-ExchangeOnline cmdlet before calling any other cmdlets." }),
            json!({ "type": "Newtonsoft.Json.JsonReaderException", "message": "Unexpected character encountered while parsing value: <." }),
            json!({ "type": "System.Management.Automation.ParameterBindingException", "message": "A parameter cannot be found." }),
            json!({ "type": rest, "status": 503, "message": "no", "retryAfter": "7" }),
            json!({ "type": rest, "status": 403, "message": "no", "body": r#"{"error":{"code":"Denied","message":"why"}}"# }),
            json!({ "type": "System.Management.Automation.CommandNotFoundException", "message": "The term 'x' is not recognized; it couldn't be found." }),
            json!({}),
        ];
        let table: Vec<String> = cases.into_iter().map(|case| told(&read(case))).collect();
        insta::assert_snapshot!(table.join("\n"), @"
        Forbidden, give up: the settings service refused: Access to the requested resource is forbidden
        Forbidden, give up: the settings service refused: Access to the requested resource is forbidden
        Forbidden, give up: the settings service refused: Authorization requirements are not satisfied: wids …
        BadRequest, give up: the settings service refused: The calling client sent a bad request to the service
        Missing, give up: the settings service refused: The operation couldn't be performed because object 'x' couldn't be found
        Unreachable, read again: the settings service gave no answer: A task was canceled
        Throttled, again: the settings service refused: Fail to create a runspace because you have exceeded the maximum number of connections allowed : 3
        Throttled, again: the settings service refused: You have reached the maximum number of concurrent requests per tenant
        SignIn, give up: the settings service refused: The token has expired
        SignIn, give up: the settings service refused: You must call the Connect-ExchangeOnline cmdlet before calling any other cmdlets
        Failed, read again: the settings service refused: Unexpected character encountered while parsing value: <
        BadRequest, give up: the settings service refused: A parameter cannot be found
        Throttled, again: the settings service answered 503: no
        Forbidden, give up: the settings service answered 403 Denied: why
        Failed, read again: the settings service refused: The term 'x' is not recognized; it couldn't be found
        Failed, read again: the settings service refused: it does not say why
        ");
    }

    #[test]
    fn a_name_decides_nothing() {
        for identity in
            ["throttle@contoso.com", "forbidden access is denied", "Timed Out", "o'neill unauthorized"]
        {
            for words in
                ["Cannot process {}.", "Cannot process '{}'.", "{} is odd", "Mailbox \"{}\": cannot process"]
            {
                let message = words.replace("{}", identity);
                let error = json!({ "type": "System.Exception", "message": message });
                let trouble = trouble(error.as_object().unwrap(), Some(identity), Timestamp::UNIX_EPOCH);
                assert_eq!(
                    (trouble.refusal.kind, trouble.maybe_done),
                    (RefusalKind::Failed, true),
                    "{message}"
                );
            }
        }
        // Nor does somebody else's, or what something is called.
        for message in [
            "Cannot ask throttle@contoso.com.",
            "The policy 'Access Denied' is odd.",
            "\"Timed out\" isn't a name",
        ] {
            let trouble = read(json!({ "type": "System.Exception", "message": message }));
            assert_eq!((trouble.refusal.kind, trouble.maybe_done), (RefusalKind::Failed, true), "{message}");
        }
        // What is said of them does.
        let gone = "The operation couldn't be performed because object 'y@contoso.com' couldn't be found.";
        assert_eq!(guess("x", gone, None, None), Guess::Status(404));
        let said =
            "The role of 'x' isn't odd, since that isn't supported in this scenario, and doesn't change.";
        assert_eq!(read(json!({ "type": "x", "message": said })).refusal.kind, RefusalKind::Forbidden);
    }

    #[test]
    fn a_status_that_was_seen_brings_its_patience() {
        let busy = read(json!({ "type": "x", "status": 429, "message": "slow down", "retryAfter": "7" }));
        assert_eq!(busy.retry_after, Some(Duration::from_secs(7)));
        assert!(!busy.maybe_done);
    }

    #[test]
    fn a_connection_too_many_is_too_much_at_once() {
        let words = "Fail to create a runspace because you have exceeded the maximum number of connections allowed : 3";
        let trouble = unconnected(read(json!({ "type": "System.Exception", "message": words })));
        assert_eq!(trouble.too_many(), Some(TooMany::AtOnce));
        let busy = unconnected(read(json!({ "type": "System.Exception", "message": "Too many requests" })));
        assert_eq!(busy.too_many(), Some(TooMany::InTime));
    }

    #[test]
    fn a_refused_connection_is_never_about_a_person() {
        let refused =
            |status: u16| unconnected(read(json!({ "type": "x", "status": status, "message": "no" })));
        for status in [400, 403, 404, 409, 418, 500] {
            let trouble = refused(status);
            assert!(trouble.refusal.kind.is_about_the_service(), "{status}: {trouble:?}");
            assert!(!trouble.maybe_done, "{status}");
        }
        insta::assert_snapshot!(told(&refused(403)), @"SignIn, give up: PowerShell could not connect to Exchange Online: the settings service answered 403: no");
    }
}
