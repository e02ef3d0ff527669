//! Asks for a token in the name of an application: one form, three proofs.
//!
//! This is our own, since the official library has no way to carry the claims of a challenge, and no way to speak to a
//! sandbox on this machine.

use percent_encoding::utf8_percent_encode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::aadsts;
use super::federated::names;
use crate::microsoft::error::{Peer, Trouble};
use crate::microsoft::message::{Content, Effect, Request};
use crate::microsoft::service::Service;
use crate::microsoft::url::VALUE;
use crate::model::Refusal;

/// Is what proves that it is the application that asks.
pub(super) enum Proof {
    Secret(SecretString),
    /// Signed with the key of a certificate.
    Assertion(SecretString),
    /// Somebody whom the tenant trusts says so.
    Federated(SecretString),
}

/// Is a request for a token.
pub(super) struct Grant<'a> {
    /// The tenant's token endpoint.
    pub(super) url: &'a str,
    pub(super) client_id: &'a str,
    /// The address of the service that the token is for.
    pub(super) resource: &'a str,
    pub(super) proof: &'a Proof,
    /// What a challenge asks for.
    pub(super) claims: Option<&'a str>,
}

/// Is a token, and how many seconds it lasts.
pub(super) struct Granted {
    pub(super) token: SecretString,
    pub(super) lasts: i64,
}

impl Grant<'_> {
    /// Asks for the token.
    pub(super) async fn ask(&self, sign_in: &Service) -> Result<Granted, Refusal> {
        let request = Request {
            what: "a token",
            effect: Effect::Read,
            method: "POST",
            url: self.url.to_owned(),
            headers: Vec::new(),
            content: Content::Form(self.form()),
            since: None,
            bearer: None,
        };
        // Boxed, because sending anything may ask for a token, and this is sending.
        let answer =
            Box::pin(sign_in.send(&request)).await.map_err(|failure| self.explain(failure.refusal))?;
        let id = answer.request_id.clone();
        // The parser's own words could repeat a piece of the token.
        let Answer { access_token, expires_in } = answer
            .parse(Peer::SignIn)
            .map_err(|_| Trouble::garbled(Peer::SignIn, id, "it holds no token").refusal)?;
        Ok(Granted { token: access_token.into(), lasts: expires_in.seconds() })
    }

    /// Adds to a mismatch what was sent.
    fn explain(&self, refusal: Refusal) -> Refusal {
        let mismatch = aadsts::number(&refusal.message).is_some_and(aadsts::is_mismatch);
        match self.proof {
            Proof::Federated(token) if mismatch => {
                let sent = names(token).unwrap_or_else(|| "a token that cannot be read".to_owned());
                Refusal { message: format!("{}: {sent}", refusal.message), ..refusal }
            }
            Proof::Federated(_) | Proof::Secret(_) | Proof::Assertion(_) => refusal,
        }
    }

    /// Writes the form of the client-credentials flow.
    fn form(&self) -> SecretString {
        let Self { url: _, client_id, resource, proof, claims } = self;
        let mut form = format!(
            "grant_type=client_credentials&client_id={}&scope={}",
            utf8_percent_encode(client_id, VALUE),
            utf8_percent_encode(&format!("{resource}/.default"), VALUE),
        );
        let (field, secret) = match proof {
            Proof::Secret(secret) => ("&client_secret=", secret),
            Proof::Assertion(token) | Proof::Federated(token) => (
                "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=",
                token,
            ),
        };
        form.push_str(field);
        form.extend(utf8_percent_encode(secret.expose_secret(), VALUE));
        if let Some(claims) = claims {
            form.push_str("&claims=");
            form.extend(utf8_percent_encode(claims, VALUE));
        }
        form.into()
    }
}

#[derive(Deserialize)]
struct Answer {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RefusalKind;

    fn grant<'a>(proof: &'a Proof, claims: Option<&'a str>) -> Grant<'a> {
        Grant { url: "", client_id: "app", resource: "https://graph.microsoft.com", proof, claims }
    }

    #[test]
    fn the_form_is_encoded_and_its_secret_is_not_shown() {
        let secret = Proof::Secret("a&b=c~ü".to_owned().into());
        let form = grant(&secret, Some(r#"{"a":1}"#)).form();
        assert_eq!(
            form.expose_secret(),
            "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default\
             &client_secret=a%26b%3Dc~%C3%BC&claims=%7B%22a%22%3A1%7D"
        );
        assert!(!format!("{form:?}").contains("a%26b"));
        let assertion = Proof::Assertion("h.p.s".to_owned().into());
        assert_eq!(
            grant(&assertion, None).form().expose_secret(),
            "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion=h.p.s"
        );
    }

    #[test]
    fn a_mismatch_shows_what_was_sent_and_other_refusals_do_not() {
        let token = "h.eyJpc3MiOiJodHRwczovL2kiLCJzdWIiOiJyZXBvOkEvYiIsImF1ZCI6WyJ4IiwieSJdfQ.s";
        let proof = Proof::Federated(token.to_owned().into());
        let explain = |code: u64| {
            let message = aadsts::plainly(code).unwrap();
            grant(&proof, None)
                .explain(Refusal { kind: RefusalKind::SignIn, message, request_id: None })
                .message
        };
        insta::assert_snapshot!(
            explain(7_002_138),
            @"a federated credential of the application matches the token that was sent but for letter case (AADSTS7002138): issuer `https://i`, subject `repo:A/b`, audience `x`, `y`"
        );
        assert!(!explain(90_002).contains("issuer"));
    }
}
