//! Judges by what an application proves itself at the login service: a secret, or an assertion.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::tenant::{Application, FederatedCredential};
use super::text::from_base64url;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Is how far clocks may differ, in seconds.
const SKEW: i64 = 300;

/// Is the number and the words of a refusal.
type Refused = (u32, String);

/// Checks the proof in a form.
pub(super) fn check<'a>(
    application: &Application,
    tenant: Uuid,
    field: &impl Fn(&str) -> Option<&'a str>,
    now: i64,
) -> Result<(), Refused> {
    let refuse = |number: u32, text: &str| Err((number, text.to_owned()));
    match (field("client_secret"), field("client_assertion")) {
        (Some(secret), None) if application.secret.as_deref() != Some(secret) => {
            refuse(7_000_215, "Invalid client secret provided.")
        }
        (Some(_), None) if application.secret_ends.is_some_and(|ends| ends.as_second() <= now) => {
            refuse(7_000_222, "The provided client secret keys are expired.")
        }
        (Some(_), None) => Ok(()),
        (None, Some(_)) if field("client_assertion_type") != Some(ASSERTION) => refuse(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion_type'.",
        ),
        (None, Some(assertion)) => match Assertion::read(assertion) {
            None => refuse(50_027, "JWT token is invalid or malformed."),
            Some(assertion) => assertion.check(application, tenant, now),
        },
        (None, None) => refuse(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        ),
        (Some(_), Some(_)) => refuse(7_000_219, "Both 'client_assertion' and 'client_secret' were sent."),
    }
}

/// Is an assertion taken apart; the sandbox holds no keys to check its signature with.
struct Assertion {
    head: Value,
    claims: Value,
}

impl Assertion {
    fn read(token: &str) -> Option<Self> {
        let parts: Vec<&str> = token.split('.').collect();
        let [head, claims, signature] = parts.as_slice() else { return None };
        let read = |part: &str| -> Option<Value> { serde_json::from_slice(&from_base64url(part)?).ok() };
        let (head, claims) = (read(head)?, read(claims)?);
        let whole = !signature.is_empty() && head.is_object() && claims.is_object();
        whole.then_some(Self { head, claims })
    }

    fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap_or_default()
    }

    fn check(&self, application: &Application, tenant: Uuid, now: i64) -> Result<(), Refused> {
        let time = |name: &str| self.claims[name].as_i64();
        if time("exp").is_none_or(|ends| ends + SKEW <= now)
            || time("nbf").is_some_and(|begins| begins - SKEW > now)
        {
            let at = Timestamp::from_second(now).unwrap_or(Timestamp::UNIX_EPOCH);
            return Err((
                500_133,
                format!("Assertion is not within its valid time range. Current time: {at}."),
            ));
        }
        if self.claim("iss") == application.client_id.to_string() {
            self.of_certificate(application, tenant)
        } else {
            self.federated(application)
        }
    }

    /// Checks an assertion that the application signed itself.
    fn of_certificate(&self, application: &Application, tenant: Uuid) -> Result<(), Refused> {
        let login = "https://login.microsoftonline.com";
        let audiences = [format!("{login}/{tenant}/oauth2/v2.0/token"), format!("{login}/{tenant}/v2.0")];
        if self.claim("sub") != self.claim("iss") || !audiences.iter().any(|known| known == self.claim("aud"))
        {
            return Err((50_013, "Assertion failed audience or subject validation.".to_owned()));
        }
        let thumbprint = self.head["x5t#S256"].as_str();
        if !matches!(self.head["alg"].as_str(), Some("PS256" | "RS256")) || thumbprint.is_none() {
            return Err((
                50_012,
                "Authentication failed: the assertion names no algorithm or no certificate.".to_owned(),
            ));
        }
        if application.certificates.iter().any(|known| Some(known.as_str()) == thumbprint) {
            return Ok(());
        }
        let text = "The certificate with identifier used to sign the client assertion is not registered on application.";
        Err((700_027, text.to_owned()))
    }

    /// Checks a token of somebody whom the tenant trusts.
    fn federated(&self, application: &Application) -> Result<(), Refused> {
        let named = ["iss", "sub", "aud"].map(|name| self.claim(name));
        let of = |FederatedCredential { issuer, subject, audience }: &FederatedCredential| {
            [issuer.clone(), subject.clone(), audience.clone()]
        };
        let known: Vec<[String; 3]> = application.federated_credentials.iter().map(of).collect();
        if known.iter().any(|known| known == &named) {
            return Ok(());
        }
        let alike = |known: &[String; 3]| {
            known.iter().zip(named).all(|(known, named)| known.eq_ignore_ascii_case(named))
        };
        if known.iter().any(alike) {
            let text = "No matching federated identity record found for presented assertion: the match is case-sensitive.";
            return Err((7_002_138, text.to_owned()));
        }
        let [issuer, subject, audience] = named;
        if known.iter().any(|[known, _, for_whom]| known == issuer && for_whom == audience) {
            let text = "No matching federated identity record found for presented assertion subject";
            return Err((700_213, format!("{text} '{subject}'.")));
        }
        Err((70_021, "No matching federated identity record found for presented assertion.".to_owned()))
    }
}
