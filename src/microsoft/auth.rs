//! Gets tokens, keeps them while they last, and renews them before they end.
//!
//! One token opens one resource, so Graph and Exchange need one each. A run may outlive both; a service may also revoke
//! one earlier and name claims that the next has to carry (Continuous Access Evaluation).

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::utf8_percent_encode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::error::{Peer, Trouble};
use super::message::{Content, Effect, Request};
use super::service::Service;
use super::url::{self, VALUE};
use crate::model::{Refusal, RefusalKind, TenantId};

/// Is how insightctl signs in.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An application's client id and one of its secrets.
    ClientSecret {
        /// The application's id.
        client_id: String,
        /// The secret's value, not its id.
        secret: SecretString,
    },
}

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

/// Holds the tokens of one application in one tenant.
#[derive(Debug)]
pub(crate) struct Tokens {
    sign_in: Service,
    url: String,
    tenant: TenantId,
    credential: Credential,
    graph: Resource,
    exchange: Resource,
}

#[derive(Debug)]
struct Resource {
    /// The resource's address, which is also the token's `aud`.
    uri: String,
    /// The resource's application id, which some tokens bear as `aud` instead.
    id: &'static str,
    slot: Mutex<Slot>,
}

impl Resource {
    fn new(base: &str, worldwide: &str, id: &'static str) -> Self {
        // A service on this machine stands in for the worldwide one, and wants its tokens.
        let uri = if url::is_loopback(base) { worldwide.to_owned() } else { url::origin(base) };
        Self { uri, id, slot: Mutex::new(Slot::Empty { claims: None }) }
    }
}

impl Tokens {
    /// Prepares to sign in; no request is sent yet.
    pub(crate) fn new(
        sign_in: Service,
        endpoints: &super::Endpoints,
        tenant: TenantId,
        credential: Credential,
    ) -> Self {
        Self {
            url: format!("{}/{tenant}/oauth2/v2.0/token", endpoints.login),
            graph: Resource::new(
                &endpoints.graph,
                "https://graph.microsoft.com",
                "00000003-0000-0000-c000-000000000000",
            ),
            exchange: Resource::new(
                &endpoints.exchange,
                "https://outlook.office365.com",
                "00000002-0000-0ff1-ce00-000000000000",
            ),
            sign_in,
            tenant,
            credential,
        }
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
        let request = Request {
            what: "a token",
            effect: Effect::Read,
            method: "POST",
            url: self.url.clone(),
            headers: Vec::new(),
            content: Content::Form(form(&self.credential, &resource.uri, claims)),
        };
        let asked = self.sign_in.clock().now();
        // Boxed, because sending anything may ask for a token, and this is sending.
        let answer = Box::pin(self.sign_in.send(&request)).await?;
        let id = answer.request_id.clone();
        // The parser's own words could repeat a piece of the token.
        let Granted { access_token, expires_in } = answer
            .parse(Peer::SignIn)
            .map_err(|_| Trouble::garbled(Peer::SignIn, id, "it holds no token").refusal)?;
        let access_token = SecretString::from(access_token);
        check(&access_token, resource, self.tenant)?;
        let lasts = expires_in.seconds();
        // Five minutes early, so that no request meets the end on its way; less for tokens that are short anyway.
        let early = (lasts / 5).min(300);
        let fresh_until = asked.saturating_add(SignedDuration::from_secs(lasts - early)).unwrap_or(asked);
        Ok(Token { secret: access_token, fresh_until })
    }
}

/// Writes the form of the client-credentials flow.
fn form(credential: &Credential, resource: &str, claims: Option<&str>) -> SecretString {
    let Credential::ClientSecret { client_id, secret } = credential;
    let mut form = format!(
        "grant_type=client_credentials&client_id={}&scope={}&client_secret={}",
        utf8_percent_encode(client_id, VALUE),
        utf8_percent_encode(&format!("{resource}/.default"), VALUE),
        utf8_percent_encode(secret.expose_secret(), VALUE),
    );
    if let Some(claims) = claims {
        form.push_str("&claims=");
        form.extend(utf8_percent_encode(claims, VALUE));
    }
    form.into()
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Seconds,
}

/// Is a number, or a number in a string, as some token endpoints write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(i64),
    Text(String),
}

impl Seconds {
    /// Gives the seconds, at least one; what cannot be read counts as a short life, which costs only a call.
    fn seconds(&self) -> i64 {
        match self {
            Self::Number(seconds) => (*seconds).max(1),
            Self::Text(text) => text.trim().parse().unwrap_or(60).max(1),
        }
    }
}

/// Is what we look at inside a token. Nothing is decided by it but to refuse a token for somewhere else.
#[derive(Deserialize)]
struct Claims {
    aud: Option<String>,
    tid: Option<String>,
}

/// Refuses a token for another resource or another tenant, where the token can be read at all.
fn check(token: &SecretString, resource: &Resource, tenant: TenantId) -> Result<(), Refusal> {
    let payload = token.expose_secret().split('.').nth(1).and_then(decode);
    let Some(claims) = payload.and_then(|payload| serde_json::from_slice::<Claims>(&payload).ok()) else {
        return Ok(());
    };
    let wrong = |message| Err(Refusal { kind: RefusalKind::SignIn, message, request_id: None });
    if let Some(aud) = claims.aud
        && aud.trim_end_matches('/') != resource.uri
        && aud != resource.id
    {
        return wrong(format!("sign-in gave a token for {aud}, not for {}", resource.uri));
    }
    if let Some(tid) = claims.tid
        && !tid.eq_ignore_ascii_case(&tenant.to_string())
    {
        return wrong(format!("sign-in gave a token for tenant {tid}, not for {tenant}"));
    }
    Ok(())
}

/// Reads the claims that a 401 asks for, `WWW-Authenticate: Bearer …, claims="BASE64"`.
pub(crate) fn claims_challenge(header: &str) -> Option<String> {
    let rest = header.split_once("claims=\"")?.1;
    let encoded = rest.split_once('"')?.0;
    String::from_utf8(decode(encoded)?).ok()
}

/// Decodes base64 in either alphabet, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_PAD_INDIFFERENT.decode(text).or_else(|_| STANDARD_PAD_INDIFFERENT.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;

    const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));

    fn graph() -> Resource {
        Resource::new(
            "http://127.0.0.1:4000/graph",
            "https://graph.microsoft.com",
            "00000003-0000-0000-c000-000000000000",
        )
    }

    #[test]
    fn the_form_is_encoded_and_its_secret_is_not_shown() {
        let credential = Credential::ClientSecret { client_id: "app".into(), secret: "a&b=c~ü".into() };
        let form = form(&credential, "https://graph.microsoft.com", Some(r#"{"a":1}"#));
        assert_eq!(
            form.expose_secret(),
            "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default\
             &client_secret=a%26b%3Dc~%C3%BC&claims=%7B%22a%22%3A1%7D"
        );
        assert!(!format!("{credential:?} {form:?}").contains("a&b"));
    }

    #[test]
    fn a_token_for_another_resource_or_tenant_is_refused() {
        // {"aud":"https://outlook.office365.com"} and {"aud":"…graph…/","tid":"0…0"}
        let outlook = "h.eyJhdWQiOiJodHRwczovL291dGxvb2sub2ZmaWNlMzY1LmNvbSJ9.s";
        let stranger = "h.eyJhdWQiOiIwMDAwMDAwMy0wMDAwLTAwMDAtYzAwMC0wMDAwMDAwMDAwMDAiLCJ0aWQiOiIwIn0.s";
        let said = |token: &str| check(&token.into(), &graph(), TENANT).map_err(|refusal| refusal.message);
        insta::assert_snapshot!(
            said(outlook).unwrap_err(),
            @"sign-in gave a token for https://outlook.office365.com, not for https://graph.microsoft.com"
        );
        insta::assert_snapshot!(
            said(stranger).unwrap_err(),
            @"sign-in gave a token for tenant 0, not for 3f2504e0-4f89-41d3-9a0c-0305e82c3301"
        );
        assert_eq!(said("opaque"), Ok(()), "a token that cannot be read is for the service to judge");
    }

    #[test]
    fn a_challenge_names_the_claims_of_the_next_token() {
        let header = r#"Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ==""#;
        assert_eq!(claims_challenge(header).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(claims_challenge("Bearer"), None);
        assert_eq!(claims_challenge(r#"claims="eyJhIjoxfQ""#).as_deref(), Some(r#"{"a":1}"#), "unpadded");
        assert_eq!(claims_challenge(r#"claims="eyJhIjoifn4_In0""#).as_deref(), Some(r#"{"a":"~~?"}"#));
        assert_eq!(claims_challenge(r#"claims="eyJhIjoifn4/In0=""#).as_deref(), Some(r#"{"a":"~~?"}"#));
    }

    #[test]
    fn services_elsewhere_want_tokens_of_their_own() {
        let resource = Resource::new("https://graph.microsoft.us", "https://graph.microsoft.com", "");
        assert_eq!(resource.uri, "https://graph.microsoft.us");
        assert_eq!(graph().uri, "https://graph.microsoft.com");
    }
}
