//! Keeps tokens while they last, and renews them before they end.
//!
//! One token opens one resource, so Graph and Exchange need one each. A run may outlive both; a service may also revoke
//! one earlier and name claims that the next has to carry (Continuous Access Evaluation).

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::assertion;
use super::claims::TokenClaims;
use super::credential::Credential;
use super::grant::{Grant, Granted, Proof};
use super::library::{self, Given};
use crate::microsoft::Endpoints;
use crate::microsoft::cloud::{Services, services};
use crate::microsoft::service::Service;
use crate::model::{Refusal, TenantId};

/// Names a resource that wants a token of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Microsoft Graph.
    Graph,
    /// Exchange Online, which fronts the insights settings.
    Exchange,
}

/// Is one token and the time until which it is used.
pub(crate) struct Token {
    pub(crate) secret: SecretString,
    /// What it says, unless it is opaque.
    claims: Option<TokenClaims>,
    fresh_until: Timestamp,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("fresh_until", &self.fresh_until).finish_non_exhaustive()
    }
}

/// Is what we hold for one resource.
#[derive(Debug)]
enum Slot {
    /// Nothing; the next token must carry these claims, if any.
    Empty { claims: Option<String> },
    /// A token.
    Held(Arc<Token>),
    /// A refusal that asking again at once would only repeat; the next token must still carry these claims.
    Refused { refusal: Refusal, until: Timestamp, claims: Option<String> },
}

/// Holds the tokens of one credential in one tenant.
#[derive(Debug)]
pub(crate) struct Tokens {
    sign_in: Service,
    /// Gives the tokens of the pipeline that this runs in.
    pipeline: Service,
    /// The tenant's token endpoint, as it is reached.
    url: String,
    /// The same as the cloud knows it.
    endpoint: String,
    services: Services,
    tenant: TenantId,
    credential: Credential,
    graph: Resource,
    exchange: Resource,
}

#[derive(Debug)]
struct Resource {
    /// The resource's address, which is also the token's `aud`.
    uri: &'static str,
    /// The resource's application id, which some tokens bear as `aud` instead.
    id: &'static str,
    slot: Mutex<Slot>,
}

impl Resource {
    fn new(uri: &'static str, id: &'static str) -> Self {
        Self { uri, id, slot: Mutex::new(Slot::Empty { claims: None }) }
    }
}

impl Tokens {
    /// Prepares to sign in; no request is sent yet.
    pub(crate) fn new(
        sign_in: Service,
        pipeline: Service,
        endpoints: &Endpoints,
        tenant: TenantId,
        credential: Credential,
    ) -> Self {
        let services = services(endpoints.cloud);
        let endpoint = |base: &str| format!("{base}/{tenant}/oauth2/v2.0/token");
        Self {
            url: endpoint(&endpoints.login),
            endpoint: endpoint(services.login),
            graph: Resource::new(services.graph, "00000003-0000-0000-c000-000000000000"),
            exchange: Resource::new(services.exchange, "00000002-0000-0ff1-ce00-000000000000"),
            services,
            sign_in,
            pipeline,
            tenant,
            credential,
        }
    }

    /// Signs in for one service, and says as whom; `None` for a token that cannot be read.
    pub(crate) async fn sign_in(&self, audience: Audience) -> Result<Option<TokenClaims>, Refusal> {
        Ok(self.get(audience).await?.claims.clone())
    }

    fn resource(&self, audience: Audience) -> &Resource {
        match audience {
            Audience::Graph => &self.graph,
            Audience::Exchange => &self.exchange,
        }
    }

    /// Gives a token that will last for the next request; whoever asks meanwhile waits for the same one.
    pub(crate) async fn get(&self, audience: Audience) -> Result<Arc<Token>, Refusal> {
        let resource = self.resource(audience);
        let mut slot = resource.slot.lock().await;
        let now = self.sign_in.clock().now();
        let claims = match &mut *slot {
            Slot::Held(token) if now < token.fresh_until => return Ok(Arc::clone(token)),
            Slot::Refused { refusal, until, claims: _ } if now < *until => return Err(refusal.clone()),
            Slot::Empty { claims } | Slot::Refused { claims, .. } => claims.clone(),
            Slot::Held(_) => None,
        };
        match self.fetch(resource, claims.as_deref()).await {
            Ok(token) => {
                let token = Arc::new(token);
                *slot = Slot::Held(Arc::clone(&token));
                Ok(token)
            }
            Err(refusal) => {
                let until = now.saturating_add(SignedDuration::from_secs(30)).unwrap_or(now);
                *slot = Slot::Refused { refusal: refusal.clone(), until, claims };
                Err(refusal)
            }
        }
    }

    /// Throws away a token that was not accepted, unless another one has taken its place already.
    pub(crate) async fn renew(&self, audience: Audience, used: &Arc<Token>, claims: Option<String>) {
        let mut slot = self.resource(audience).slot.lock().await;
        if matches!(&*slot, Slot::Held(held) if Arc::ptr_eq(held, used)) {
            *slot = Slot::Empty { claims };
        }
    }

    async fn fetch(&self, resource: &Resource, claims: Option<&str>) -> Result<Token, Refusal> {
        let asked = self.sign_in.clock().now();
        let after = |seconds| asked.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(asked);
        let (secret, ends) = match &self.credential {
            Credential::ClientSecret { client_id, secret } => {
                let proof = Proof::Secret(secret.clone());
                let Granted { token, lasts } = self.grant(client_id, &proof, resource, claims).await?;
                (token, after(lasts))
            }
            Credential::Certificate { client_id, certificate } => {
                let id = Uuid::new_v4();
                let signed = assertion::sign(certificate, client_id, &self.endpoint, asked, id);
                let proof = Proof::Assertion(signed);
                let Granted { token, lasts } = self.grant(client_id, &proof, resource, claims).await?;
                (token, after(lasts))
            }
            Credential::Federated { client_id, source } => {
                let vouched = source.token(&self.pipeline, self.services.federated_audience).await?;
                let proof = Proof::Federated(vouched);
                let Granted { token, lasts } = self.grant(client_id, &proof, resource, claims).await?;
                (token, after(lasts))
            }
            Credential::ManagedIdentity { client_id } => {
                let Given { token, until } =
                    library::managed_identity(client_id.as_deref(), resource.uri).await?;
                (token, until)
            }
            Credential::AzureCli => {
                let Given { token, until } = library::azure_cli(self.tenant, resource.uri).await?;
                (token, until)
            }
        };
        let claims = TokenClaims::read(&secret);
        if let Some(claims) = &claims {
            claims.check(resource.uri, resource.id, self.tenant)?;
        }
        // Five minutes early, so that no request meets the end on its way; less for tokens that are short anyway.
        let early = (ends.duration_since(asked).as_secs() / 5).clamp(0, 300);
        let fresh_until = ends.saturating_sub(SignedDuration::from_secs(early)).unwrap_or(ends);
        Ok(Token { secret, claims, fresh_until })
    }

    async fn grant(
        &self,
        client_id: &str,
        proof: &Proof,
        resource: &Resource,
        claims: Option<&str>,
    ) -> Result<Granted, Refusal> {
        Grant { url: &self.url, client_id, resource: resource.uri, proof, claims }.ask(&self.sign_in).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex as Shared;

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::microsoft::error::{Peer, Trouble};
    use crate::microsoft::message::{Answer, Body, Content, Load, Request};
    use crate::microsoft::service::{Carrier, Way};

    /// Answers with these statuses in turn, and keeps the forms that it was sent.
    #[derive(Clone, Debug)]
    struct SignIn(Arc<Shared<(VecDeque<u16>, Vec<String>)>>);

    impl Carrier for SignIn {
        fn once<'a>(
            &'a self,
            _peer: Peer,
            request: &'a Request,
            _token: Option<&'a SecretString>,
        ) -> BoxFuture<'a, Result<Answer, Trouble>> {
            let Content::Form(form) = &request.content else { panic!("{request}") };
            let mut kept = self.0.lock().unwrap();
            kept.1.push(form.expose_secret().to_owned());
            let status = kept.0.pop_front().unwrap();
            let body = if status == 200 {
                json!({ "access_token": "a token", "expires_in": 3_600, "token_type": "Bearer" })
            } else {
                json!({ "error": "invalid_client", "error_description": "AADSTS7000222: too old" })
            };
            let answer = Answer {
                status,
                retry_after: None,
                request_id: None,
                claims: None,
                load: Load::default(),
                body: Body::Bytes(body.to_string().into_bytes()),
                attempts: 1,
            };
            async { Ok(answer) }.boxed()
        }
    }

    #[tokio::test]
    async fn claims_that_a_service_wants_outlive_a_failure_to_sign_in() {
        let sign_in = SignIn(Arc::new(Shared::new((VecDeque::from([200, 401, 200, 200]), Vec::new()))));
        let clock = Clock::still("2026-03-02T09:00:00Z".parse().unwrap());
        let way = Way::new(sign_in.clone(), clock.clone());
        let open = |peer| Service::of_tokens(peer, way.clone());
        let credential =
            Credential::ClientSecret { client_id: "an app".to_owned(), secret: "a word".to_owned().into() };
        let (endpoints, tenant) = (Endpoints::of_sandbox("http://127.0.0.1:1"), TenantId(Uuid::nil()));
        let tokens = Tokens::new(open(Peer::SignIn), open(Peer::Pipeline), &endpoints, tenant, credential);
        let first = tokens.get(Audience::Graph).await.unwrap();
        tokens.renew(Audience::Graph, &first, Some("wanted".to_owned())).await;
        tokens.get(Audience::Graph).await.unwrap_err();
        clock.advance(SignedDuration::from_secs(31));
        tokens.get(Audience::Graph).await.unwrap();
        let forms = sign_in.0.lock().unwrap().1.clone();
        let with: Vec<bool> = forms.iter().map(|form| form.contains("claims=")).collect();
        assert_eq!(with, [false, true, true]);
        // What was met is not asked for again.
        clock.advance(SignedDuration::from_hours(2));
        tokens.get(Audience::Graph).await.unwrap();
        assert!(!sign_in.0.lock().unwrap().1[3].contains("claims="));
    }
}
