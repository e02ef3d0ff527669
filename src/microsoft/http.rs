//! Sends one request at a time and brings back its answer.
//!
//! A [`Service`] is one of the three peers with its pace and its token; [`Service::send`] is the only way to any of
//! them, so that patience, pauses and renewed tokens hold for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::auth::{Audience, Tokens, claims_challenge};
use super::error::{Peer, Trouble};
use super::message::{Answer, Body, Content, Effect, Failure, Request};
use super::pace::{Mark, Pace};
use super::retry::{Next, Patience, http_date, retry_after};
use super::roots::Roots;
use super::said::clip;
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

/// Is the way out: one connection pool for all peers.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    client: reqwest::Client,
    clock: Clock,
    seed: Arc<AtomicU64>,
    /// By how many seconds the clock of the last answer was ahead of ours; [`UNTOLD`] before the first.
    ahead: Arc<AtomicI64>,
}

/// Stands for a difference of clocks that no answer has told.
const UNTOLD: i64 = i64::MIN;

impl Wire {
    /// Opens nothing yet; a connection is made by the first request.
    ///
    /// `local` means that every peer is on this machine and speaks plain HTTP: no proxy and no certificates then.
    pub(crate) fn new(clock: Clock, local: bool, roots: Roots) -> Result<Self, Refusal> {
        // A second installation is refused, which is as good: somebody has chosen already.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("insightctl/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_mins(2))
            // A redirect could carry a token to a stranger.
            .redirect(reqwest::redirect::Policy::none());
        if local {
            builder = builder.no_proxy().tls_certs_only([]);
        } else {
            builder = builder.tls_certs_merge(roots.0);
        }
        let client = builder.build().map_err(|error| Refusal {
            kind: RefusalKind::Unreachable,
            message: format!("no connection can be prepared: {}", chain(&error)),
            request_id: None,
        })?;
        Ok(Self { client, clock, seed: Arc::default(), ahead: Arc::new(AtomicI64::new(UNTOLD)) })
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
        let mut builder = self.client.request(method, &request.url).header("client-request-id", &id);
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
        Ok(Answer { status, retry_after, request_id, claims, body: Body::Bytes(body), attempts: 1 })
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

    /// Gives numbers between 0 and 1 that differ from call to call and are the same in every run (`SplitMix64`).
    fn jitter(&self) -> f64 {
        let mut z = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
    }
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

/// Is one peer: its pace, and the token it wants.
#[derive(Debug)]
pub(crate) struct Service {
    peer: Peer,
    wire: Wire,
    pace: Pace,
    /// Sign-in itself wants none.
    token: Option<(Arc<Tokens>, Audience)>,
}

impl Service {
    /// Makes a peer that wants a token.
    pub(crate) fn new(peer: Peer, wire: Wire, pace: Pace, tokens: Arc<Tokens>, audience: Audience) -> Self {
        Self { peer, wire, pace, token: Some((tokens, audience)) }
    }

    /// Makes a peer that gives tokens, and wants none.
    pub(crate) fn of_tokens(peer: Peer, wire: Wire) -> Self {
        Self { peer, wire, pace: Pace::new(2, 2), token: None }
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.wire.clock
    }

    /// Sends a request, again where that is safe and may help; `Ok` only for a success (2xx).
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let mut patience = Patience::default();
        let mut attempts = 0;
        loop {
            let token = match &self.token {
                Some((tokens, audience)) => match tokens.get(*audience).await {
                    Ok(token) => Some(token),
                    Err(refusal) => return Err(Failure { refusal, maybe_done: false, attempts }),
                },
                None => None,
            };
            let permit = self.pace.permit().await;
            attempts += 1;
            let sent = self.wire.once(self.peer, request, token.as_ref().map(|token| &token.secret)).await;
            let mut claims = None;
            let trouble = match sent {
                Ok(answer) if answer.is_success() => {
                    permit.good();
                    return Ok(Answer { attempts, ..answer });
                }
                Ok(answer) => {
                    claims.clone_from(&answer.claims);
                    Trouble::read(self.peer, &answer)
                }
                Err(trouble) => trouble,
            };
            if trouble.refusal.kind == RefusalKind::Throttled {
                permit.too_many();
            }
            drop(permit);
            let next = patience.next(&trouble, request.effect, self.wire.jitter());
            tracing::debug!(peer = %self.peer, what = request.what, refusal = %trouble.refusal, ?next, "refused");
            match (next, &self.token, token) {
                (Next::SignInAgain, Some((tokens, audience)), Some(token)) => {
                    tokens.renew(*audience, &token, claims).await;
                }
                (Next::Again { wait, everyone }, ..) => self.wait(wait, everyone).await,
                (Next::SignInAgain | Next::GiveUp, ..) => {
                    let Trouble { refusal, maybe_done, retry_after: _, passing: _ } = trouble;
                    return Err(Failure { refusal, maybe_done, attempts });
                }
            }
        }
    }

    /// Decides what follows trouble with one item of a batch, and does the waiting for it.
    pub(crate) fn after_item(&self, patience: &mut Patience, trouble: &Trouble, effect: Effect) -> Next {
        patience.next(trouble, effect, self.wire.jitter())
    }

    /// Marks this moment for [`Service::too_many`].
    pub(crate) fn mark(&self) -> Mark {
        self.pace.mark()
    }

    /// Records that the service turned away items of a batch that itself went well.
    pub(crate) fn too_many(&self, since: Mark) {
        self.pace.too_many(since);
    }

    /// Gets a new token, because an item of a batch says that the present one is no good.
    pub(crate) async fn sign_in_again(&self) {
        if let Some((tokens, audience)) = &self.token
            && let Ok(token) = tokens.get(*audience).await
        {
            tokens.renew(*audience, &token, None).await;
        }
    }

    /// Waits; `everyone` holds all requests to this service meanwhile.
    pub(crate) async fn wait(&self, span: Duration, everyone: bool) {
        let _pause = everyone.then(|| self.pace.pause());
        self.wire.clock.sleep(span).await;
    }
}
