//! Requests and answers, as values.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{Peer, Trouble};
use crate::model::Refusal;

/// Says whether sending a request twice can matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing.
    Read,
    /// It changes something.
    Write,
    /// It has the service work something out: twice is too often, and nobody's setting changes.
    Work,
}

/// Is one request, before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// What it is for, in the log.
    pub(crate) what: &'static str,
    /// Whether it changes something.
    pub(crate) effect: Effect,
    /// `GET` or `POST`: nothing else is used.
    pub(crate) method: &'static str,
    /// Where; relative to the version for the items of a Graph batch.
    pub(crate) url: String,
    /// Beside those that every request has.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What it carries.
    pub(crate) content: Content,
    /// Since when it waits to be sent, where it is part of a request that was sent before.
    pub(crate) since: Option<Timestamp>,
    /// A token of its own, for the few that do not carry their service's.
    pub(crate) bearer: Option<SecretString>,
}

/// Is what a request carries.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Value),
    /// A form with a credential in it, which is never shown.
    Form(SecretString),
}

impl Request {
    /// Makes a `GET`.
    pub(crate) fn get(what: &'static str, url: String) -> Self {
        Self {
            what,
            effect: Effect::Read,
            method: "GET",
            url,
            headers: Vec::new(),
            content: Content::Nothing,
            since: None,
            bearer: None,
        }
    }

    /// Makes a `POST` of JSON.
    pub(crate) fn post(what: &'static str, effect: Effect, url: String, body: Value) -> Self {
        Self {
            what,
            effect,
            method: "POST",
            url,
            headers: Vec::new(),
            content: Content::Json(body),
            since: None,
            bearer: None,
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Writes the request as it goes out, without the token and without what a form holds.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        for (name, value) in &self.headers {
            write!(f, "\n{name}: {value}")?;
        }
        match &self.content {
            Content::Nothing => Ok(()),
            Content::Json(body) => write!(f, "\n\n{body:#}"),
            Content::Form(_) => write!(f, "\n\n(a form that is not shown)"),
        }
    }
}

/// Is an answer, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// How long the service asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The service's id of the request, or else the one we gave it.
    pub(crate) request_id: Option<String>,
    /// Claims that a new token has to carry (Continuous Access Evaluation), as sign-in wants them.
    pub(crate) claims: Option<String>,
    /// What the service says of its load.
    pub(crate) load: Load,
    /// What it carries.
    pub(crate) body: Body,
    /// How often the request was sent.
    pub(crate) attempts: u32,
}

/// Is what a service says of its load beside an answer, in headers of Microsoft Graph.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Load {
    /// What the request cost, in resource units: `x-ms-resource-unit`.
    pub(crate) units: Option<f64>,
    /// Which share of its limit we use, 1 for all of it: `x-ms-throttle-limit-percentage`, which comes only near it.
    pub(crate) share: Option<f64>,
}

impl Load {
    /// Reads it from headers; a number that is none, or not above zero, is not there.
    pub(crate) fn read(header: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| {
            let number: f64 = header(name)?.trim().parse().ok()?;
            (number.is_finite() && number > 0.0).then_some(number)
        };
        Self { units: number("x-ms-resource-unit"), share: number("x-ms-throttle-limit-percentage") }
    }

    /// Takes the loads of a batch together: its items cost a sum, and the fullest limit counts.
    pub(crate) fn and(self, other: Self) -> Self {
        let sum = |one: Option<f64>, other: Option<f64>| Some(one? + other?);
        let share = self.share.into_iter().chain(other.share).reduce(f64::max);
        Self { units: sum(self.units, other.units), share }
    }
}

/// Is what an answer carries.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// As it came.
    Bytes(Vec<u8>),
    /// An item of a batch.
    Json(Value),
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Says whether the body holds nothing, as after many writes.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.body {
            Body::Bytes(bytes) => bytes.iter().all(u8::is_ascii_whitespace),
            Body::Json(value) => value.is_null(),
        }
    }

    /// Gives the body as text, without a byte order mark and outer spaces.
    pub(crate) fn text(&self) -> String {
        let text = match &self.body {
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes),
            Body::Json(value) => value.as_str().map_or_else(|| value.to_string().into(), Into::into),
        };
        text.trim_start_matches('\u{feff}').trim().to_owned()
    }

    /// Reads the body as JSON of a known shape.
    pub(crate) fn parse<T: DeserializeOwned>(self, peer: Peer) -> Result<T, Refusal> {
        let read = match self.body {
            Body::Bytes(bytes) => serde_json::from_slice(&bytes),
            Body::Json(value) => serde_json::from_value(value),
        };
        read.map_err(|error| Trouble::garbled(peer, self.request_id, error).refusal)
    }
}

/// Is a request that came to nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// Why.
    pub(crate) refusal: Refusal,
    /// Whether it may have been carried out all the same.
    pub(crate) maybe_done: bool,
    /// How often it was sent.
    pub(crate) attempts: u32,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        failure.refusal
    }
}
