//! Carries one request over HTTP and brings back its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::auth::claims_challenge;
use super::error::{Peer, Trouble};
use super::message::{Answer, Body, Content, Load, Request};
use super::retry::{http_date, retry_after};
use super::roots::Roots;
use super::said::clip;
use super::service::Carrier;
use super::url;
use crate::clock::Clock;
use crate::model::{Refusal, RefusalKind};

/// Is the most that we take in of a page or an object: 999 people with all licences that there are, and some more.
const LARGEST_PAGE: usize = 16 << 20;
/// Is the most that we take in of what a batch or a cmdlet brings: ten or twenty objects of a few KiB each.
///
/// They are read into trees, which take up to fifty times their text when somebody means harm.
const LARGEST_ANSWER: usize = 4 << 20;
/// Is how much of a refusal is read; what comes later does not explain it.
const LARGEST_REFUSAL: usize = 256 << 10;

/// Is the way out: one connection pool for all peers elsewhere, and one for those on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    /// Carries `https://`, over a proxy where the surroundings name one.
    outward: reqwest::Client,
    /// Carries `http://`, which only ever goes to this machine: a proxy would see a token in the clear.
    within: reqwest::Client,
    clock: Clock,
    /// By how many seconds the clock of the last answer was ahead of ours; [`UNTOLD`] before the first.
    ahead: Arc<AtomicI64>,
}

/// Stands for a difference of clocks that no answer has told.
const UNTOLD: i64 = i64::MIN;

impl Wire {
    /// Opens nothing yet; a connection is made by the first request.
    ///
    /// `local` means that every peer is on this machine and speaks plain HTTP: no certificates are looked for then.
    pub(crate) fn new(clock: Clock, local: bool, roots: Roots) -> Result<Self, Refusal> {
        // A second installation is refused, which is as good: somebody has chosen already.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let within = build(builder().no_proxy().tls_certs_only([]))?;
        let outward = if local { within.clone() } else { build(builder().tls_certs_merge(roots.0))? };
        Ok(Self { outward, within, clock, ahead: Arc::new(AtomicI64::new(UNTOLD)) })
    }

    /// Sends a request once; any status is an answer.
    async fn once(
        &self,
        peer: Peer,
        request: &Request,
        token: Option<&SecretString>,
    ) -> Result<Answer, Trouble> {
        let id = Uuid::new_v4().to_string();
        let method = if request.method == "GET" { reqwest::Method::GET } else { reqwest::Method::POST };
        let client = if url::is_plain(&request.url) { &self.within } else { &self.outward };
        let mut builder = client.request(method, &request.url).header("client-request-id", &id);
        if !request.headers.iter().any(|(name, _)| *name == "Accept") {
            builder = builder.header("Accept", "application/json");
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(token) = token.or(request.bearer.as_ref()) {
            builder = builder.bearer_auth(token.expose_secret());
        }
        builder = match &request.content {
            Content::Nothing => builder,
            Content::Json(body) => builder.json(body),
            Content::Form(form) => builder
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(form.expose_secret().to_owned()),
        };
        let began = self.clock.elapsed();
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return Err(cut(peer, id, &error, !(error.is_connect() || error.is_builder()))),
        };
        let status = response.status().as_u16();
        let headers = response.headers();
        self.look_at_clock(headers);
        let retry_after = self.retry_after(headers);
        let load = Load::read(|name| header(headers, name));
        let request_id = header(headers, "request-id").or_else(|| header(headers, "x-ms-request-id"));
        let request_id = request_id.map(|id| clip(&id));
        let claims = headers.get(WWW_AUTHENTICATE).and_then(|value| claims_challenge(value.to_str().ok()?));
        let most = match request.method {
            _ if !(200..300).contains(&status) => LARGEST_REFUSAL,
            "GET" => LARGEST_PAGE,
            _ => LARGEST_ANSWER,
        };
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > most && most == LARGEST_REFUSAL => {
                    body.extend_from_slice(&chunk[..most - body.len()]);
                    break;
                }
                Ok(Some(chunk)) if body.len() + chunk.len() > most => {
                    let how = format!("it is larger than {} MiB", most >> 20);
                    return Err(Trouble::garbled(peer, request_id.or(Some(id)), how));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(cut(peer, request_id.unwrap_or(id), &error, true)),
            }
        }
        let took = self.clock.elapsed().saturating_sub(began);
        tracing::debug!(%peer, what = request.what, status, ?took, request_id, client_request_id = id, "answered");
        let request_id = request_id.or(Some(id));
        Ok(Answer { status, retry_after, request_id, claims, load, body: Body::Bytes(body), attempts: 1 })
    }

    /// Remembers by how much the clock of an answer is ahead of ours.
    fn look_at_clock(&self, headers: &HeaderMap) {
        let shown = headers.get(DATE).and_then(|date| http_date(date.to_str().ok()?));
        if let Some(shown) = shown {
            self.ahead.store(shown.as_second() - self.clock.now().as_second(), Ordering::Relaxed);
        }
    }

    /// Gives by how many seconds the clock of the services is ahead of ours; `None` before any of them has shown it.
    pub(crate) fn ahead(&self) -> Option<i64> {
        Some(self.ahead.load(Ordering::Relaxed)).filter(|ahead| *ahead != UNTOLD)
    }

    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let milliseconds =
            header(headers, "x-ms-retry-after-ms").or_else(|| header(headers, "retry-after-ms"));
        if let Some(milliseconds) = milliseconds.and_then(|text| text.trim().parse().ok()) {
            return Some(Duration::from_millis(milliseconds));
        }
        retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, self.clock.now())
    }
}

impl Carrier for Wire {
    fn once<'a>(
        &'a self,
        peer: Peer,
        request: &'a Request,
        token: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<Answer, Trouble>> {
        self.once(peer, request, token).boxed()
    }
}

/// Begins a client with what all of ours have in common.
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("insightctl/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(20))
        .timeout(Duration::from_mins(2))
        // A redirect could carry a token to a stranger.
        .redirect(reqwest::redirect::Policy::none())
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Refusal> {
    builder.build().map_err(|error| Refusal {
        kind: RefusalKind::Unreachable,
        message: format!("no connection can be prepared: {}", chain(&error)),
        request_id: None,
    })
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// Describes a request that got no answer, or half of one.
fn cut(peer: Peer, id: String, error: &reqwest::Error, sent: bool) -> Trouble {
    let how = if error.is_timeout() { "did not answer in time" } else { "could not be reached" };
    Trouble {
        refusal: Refusal {
            kind: RefusalKind::Unreachable,
            message: format!("{peer} {how}: {}", chain(error)),
            request_id: Some(id),
        },
        retry_after: None,
        passing: !error.is_builder(),
        maybe_done: sent,
        crowded: false,
    }
}

/// Joins an error's causes, without the address, which may name a person.
fn chain(error: &reqwest::Error) -> String {
    let mut text = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push(error.to_string());
        cause = error.source();
    }
    if text.is_empty() { "the request could not be made".to_owned() } else { clip(&text.join(": ")) }
}
