//! Understands the bodies of refusals.
//!
//! Four dialects are met, and sometimes none: Graph and the Exchange proxy wrap an `error` object, the backend of
//! personal insights answers with `Code` and `Message`, sign-in with `error` and `error_description`, and throttles or
//! gateways with plain text or HTML. No body can make this fail.

use serde_json::Value;

use super::auth::{is_passing, number, plainly};
use super::message::Body;

/// Guesses the status of a batch item that came without one, from the code inside its error.
pub(crate) fn status_of(body: &Value) -> u16 {
    if body.get("error").is_none() && body.get("Code").is_none() {
        return 200;
    }
    match Said::from_json(body).code.as_deref() {
        Some("BadRequest" | "Request_BadRequest") => 400,
        Some("InvalidAuthenticationToken" | "Unauthorized") => 401,
        Some("Authorization_RequestDenied" | "Forbidden" | "AccessDenied") => 403,
        Some("Request_ResourceNotFound" | "ResourceNotFound" | "NotFound") => 404,
        Some("TooManyRequests") => 429,
        Some("ServiceUnavailable") => 503,
        Some(number) => number.parse().ok().filter(|status| (400..600).contains(status)).unwrap_or(500),
        None => 500,
    }
}

/// Is what a body says, whatever its dialect.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) code: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) request_id: Option<String>,
    /// Sign-in's own numbers (`error_codes`).
    numbers: Vec<u64>,
    /// Whether Exchange's exception type says that the object does not exist.
    pub(crate) missing: bool,
}

impl Said {
    pub(crate) fn read(body: &Body) -> Self {
        match body {
            Body::Json(value) => Self::from_json(value),
            Body::Bytes(bytes) => match serde_json::from_slice::<Value>(bytes) {
                Ok(value) => Self::from_json(&value),
                Err(_) => Self::from_text(&String::from_utf8_lossy(bytes)),
            },
        }
    }

    fn from_text(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Self::default();
        }
        let text = if text.starts_with('<') {
            match html_title(text) {
                Some(title) => format!("an HTML page, {title}"),
                None => "an HTML page".to_owned(),
            }
        } else {
            text.to_owned()
        };
        Self { text: Some(clip(&text)), ..Self::default() }
    }

    fn from_json(value: &Value) -> Self {
        if let Value::String(text) = value {
            return Self::from_text(text);
        }
        match value.get("error") {
            Some(Value::String(code)) => {
                let text = string(value, "error_description");
                let numbers = value.get("error_codes").and_then(Value::as_array);
                let mut numbers: Vec<u64> = numbers.into_iter().flatten().filter_map(Value::as_u64).collect();
                if numbers.is_empty() {
                    numbers.extend(text.as_deref().and_then(number));
                }
                Self {
                    code: Some(clip(code)),
                    text: text.map(|text| clip(first_line(&text))),
                    request_id: string(value, "trace_id").map(|id| clip(&id)),
                    numbers,
                    missing: false,
                }
            }
            Some(error) => Self::from_object(error),
            None => Self::from_object(value),
        }
    }

    fn from_object(error: &Value) -> Self {
        let inner = member(error, "innererror");
        let detail = member(error, "details").and_then(|details| details.get(0));
        let detail = detail.and_then(|detail| string(detail, "message"));
        // Exchange packs three things into one: `code|exception type|text`.
        let parts: Vec<&str> = detail.as_deref().unwrap_or_default().splitn(3, '|').collect();
        let (exception, detail) = match parts[..] {
            [_, exception, text] => (Some(exception), Some(text)),
            [_, text] => (None, Some(text)),
            [text] if !text.is_empty() => (None, Some(text)),
            _ => (None, None),
        };
        let exception = exception
            .map(str::to_owned)
            .or_else(|| inner.and_then(|inner| string(inner, "type")))
            .unwrap_or_default();
        let internal = inner
            .and_then(|inner| member(inner, "internalexception"))
            .and_then(|internal| string(internal, "message"));
        let text = match string(error, "message").filter(|text| !text.is_empty()) {
            // The outer words of a packed error only repeat that there is one.
            Some(_) if parts.len() == 3 => detail.map(str::to_owned),
            Some(text) => Some(text),
            None => detail.map(str::to_owned).or(internal),
        };
        Self {
            code: string(error, "code").map(|code| clip(&code)).filter(|code| !code.is_empty()),
            text: text.map(|text| clip(&text)),
            request_id: inner.and_then(|inner| string(inner, "request-id")).map(|id| clip(&id)),
            numbers: Vec::new(),
            missing: exception.ends_with("ManagementObjectNotFoundException"),
        }
    }

    /// Gives the number by which sign-in names its refusal: one that we know of, if there is one.
    pub(crate) fn number(&self) -> Option<u64> {
        let known = self.numbers.iter().find(|number| plainly(**number).is_some());
        known.or(self.numbers.first()).copied()
    }

    /// Says whether sign-in or a service asks for patience, whatever the status.
    pub(crate) fn busy(&self) -> bool {
        self.numbers.iter().any(|number| is_passing(*number))
            || matches!(self.code.as_deref(), Some("TooManyRequests" | "temporarily_unavailable"))
    }

    /// Says whether a 400 is only a mishap: Exchange reports some of its own troubles so.
    pub(crate) fn passing(&self) -> bool {
        let hints = ["UnableToWriteToAadException", "issue may be transient"];
        let said = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| hints.iter().any(|hint| text.contains(hint)))
        };
        said(&self.code) || said(&self.text)
    }
}

/// Finds a member whatever the letter case of its name: the dialects differ only in that.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn string(value: &Value, name: &str) -> Option<String> {
    match member(value, name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn html_title(page: &str) -> Option<String> {
    // ASCII case folding keeps every byte where it was, so that offsets hold in both.
    let folded = page.to_ascii_lowercase();
    let start = folded.find("<title>")? + "<title>".len();
    let end = start + folded[start..].find("</title>")?;
    Some(format!("“{}”", clip(&page[start..end])))
}

/// Makes one short line of a service's text, without its full stop, so that it can stand inside a sentence of ours.
pub(crate) fn clip(text: &str) -> String {
    const MOST: usize = 300;
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.');
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
