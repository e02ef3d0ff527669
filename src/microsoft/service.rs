//! Sends a request until it is answered: the retry loop, and what it keeps for each peer.
//!
//! A [`Service`] is one of the three peers with its pace and its token; [`Service::send`] is the only way to any of
//! them, so that patience, pauses and renewed tokens hold for all.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::auth::{Audience, Token, Tokens};
use super::cost::Cost;
use super::error::{Peer, Trouble};
use super::message::{Answer, Effect, Failure, Load, Request};
use super::pace::{Mark, Pace, TooMany};
use super::retry::{Next, Patience};
use crate::clock::Clock;

/// Carries one request to a peer, once.
///
/// HTTP is one way. The other is a model of a service in the tests of this room, because time that stands still and
/// sockets that do not cannot be had together.
pub(crate) trait Carrier: Debug + Send + Sync {
    /// Sends a request once; any status is an answer.
    fn once<'a>(
        &'a self,
        peer: Peer,
        request: &'a Request,
        token: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<Answer, Trouble>>;
}

/// Is what all peers share: the way out, the clock, and a source of jitter.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    carrier: Arc<dyn Carrier>,
    clock: Clock,
    seed: Arc<AtomicU64>,
}

impl Way {
    pub(crate) fn new(carrier: impl Carrier + 'static, clock: Clock) -> Self {
        Self { carrier: Arc::new(carrier), clock, seed: Arc::default() }
    }

    /// Makes a pace in the time of this way: `first` requests at once, and never more than `most`.
    pub(crate) fn pace(&self, first: u32, most: u32) -> Pace {
        Pace::new(first, most, self.clock.clone())
    }

    /// Gives numbers between 0 and 1 that differ from call to call and are the same in every run (`SplitMix64`).
    fn jitter(&self) -> f64 {
        let mut z = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
    }
}

/// Is one peer: its pace, and the token it wants.
#[derive(Debug)]
pub(crate) struct Service {
    peer: Peer,
    way: Way,
    pace: Pace,
    /// Sign-in itself wants none.
    token: Option<(Arc<Tokens>, Audience)>,
}

/// Is a request that succeeded.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) answer: Answer,
    /// When it left, for [`Service::items_refused`].
    pub(crate) mark: Mark,
    /// What it bore, for [`Service::sign_in_again`]; `None` where the peer wants none.
    pub(crate) token: Option<Arc<Token>>,
}

impl Service {
    /// Makes a peer that wants a token.
    pub(crate) fn new(peer: Peer, way: Way, pace: Pace, tokens: Arc<Tokens>, audience: Audience) -> Self {
        Self { peer, way, pace, token: Some((tokens, audience)) }
    }

    /// Makes a peer that gives tokens.
    pub(crate) fn of_tokens(peer: Peer, way: Way) -> Self {
        let pace = way.pace(2, 2);
        Self::open(peer, way, pace)
    }

    /// Makes a peer that wants no token.
    pub(crate) fn open(peer: Peer, way: Way, pace: Pace) -> Self {
        Self { peer, way, pace, token: None }
    }

    /// Gives the pace, for what is known of the service's limits beside its answers.
    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.way.clock
    }

    /// Sends a request, again where that is safe and may help; `Ok` only for a success (2xx).
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        self.send_marked(request).await.map(|sent| sent.answer)
    }

    /// Does what [`Service::send`] does, and says when and with what the request left that succeeded.
    pub(crate) async fn send_marked(&self, request: &Request) -> Result<Sent, Failure> {
        let cost = Cost::of(self.peer, request);
        let mut patience = Patience::default();
        let mut attempts = 0;
        let since = request.since.unwrap_or_else(|| self.way.clock.now());
        loop {
            let token = match &self.token {
                Some((tokens, audience)) => match tokens.get(*audience).await {
                    Ok(token) => Some(token),
                    Err(refusal) => return Err(Failure { refusal, maybe_done: false, attempts }),
                },
                None => None,
            };
            let permit = self.pace.permit(cost).await;
            if let Err(refusal) = self.pace.may_send(request.effect, since) {
                return Err(Failure { refusal, maybe_done: false, attempts });
            }
            attempts += 1;
            let secret = token.as_ref().map(|token| &token.secret);
            let sent = self.way.carrier.once(self.peer, request, secret).await;
            let mut claims = None;
            let trouble = match sent {
                Ok(answer) => {
                    self.pace.told(cost, answer.load);
                    if answer.is_success() {
                        permit.good();
                        return Ok(Sent {
                            answer: Answer { attempts, ..answer },
                            mark: permit.mark(),
                            token,
                        });
                    }
                    claims.clone_from(&answer.claims);
                    Trouble::read(self.peer, &answer)
                }
                Err(trouble) => trouble,
            };
            if let Some(why) = trouble.too_many() {
                permit.too_many(why);
            }
            drop(permit);
            let next = patience.next(&trouble, request.effect, self.way.jitter());
            tracing::debug!(peer = %self.peer, what = request.what, refusal = %trouble.refusal, ?next, "refused");
            match (next, &self.token, token) {
                (Next::SignInAgain, Some((tokens, audience)), Some(token)) => {
                    tokens.renew(*audience, &token, claims).await;
                }
                (Next::Again { wait, everyone }, ..) => self.wait(wait, everyone).await,
                (Next::SignInAgain | Next::GiveUp, ..) => return Err(trouble.into_failure(attempts)),
            }
        }
    }

    /// Decides what follows trouble with one item of a batch, and does the waiting for it.
    pub(crate) fn after_item(&self, patience: &mut Patience, trouble: &Trouble, effect: Effect) -> Next {
        patience.next(trouble, effect, self.way.jitter())
    }

    /// Records that the service turned away so many items of a batch that itself went well.
    pub(crate) fn items_refused(&self, since: Mark, why: TooMany, items: u32) {
        self.pace.items_refused(since, why, items);
    }

    /// Learns from what the items of a batch say of the service's load.
    pub(crate) fn told(&self, counted: Cost, load: Load) {
        self.pace.told(counted, load);
    }

    /// Gives up a token of which an item of a batch says that it is no good, unless another has replaced it already.
    pub(crate) async fn sign_in_again(&self, used: Option<&Arc<Token>>) {
        if let (Some((tokens, audience)), Some(used)) = (&self.token, used) {
            tokens.renew(*audience, used, None).await;
        }
    }

    /// Waits; `everyone` holds all requests to this service meanwhile.
    pub(crate) async fn wait(&self, span: Duration, everyone: bool) {
        let _pause = everyone.then(|| self.pace.pause());
        self.way.clock.sleep(span).await;
    }
}
