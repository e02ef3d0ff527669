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
    /// A refusal that asking again at once would only repeat.
    Refused { refusal: Refusal, until: Timestamp },
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
            Slot::Refused { refusal, until } if now < *until => return Err(refusal.clone()),
            Slot::Empty { claims } => claims.clone(),
            Slot::Held(_) | Slot::Refused { .. } => None,
        };
        match self.fetch(resource, claims.as_deref()).await {
            Ok(token) => {
                let token = Arc::new(token);
                *slot = Slot::Held(Arc::clone(&token));
                Ok(token)
            }
            Err(refusal) => {
                let until = now.saturating_add(SignedDuration::from_secs(30)).unwrap_or(now);
                *slot = Slot::Refused { refusal: refusal.clone(), until };
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
