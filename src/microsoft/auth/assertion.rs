//! Signs the assertion by which an application proves that it holds a certificate's key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::certificate::Certificate;

/// Is how long an assertion lasts, in seconds; Microsoft asks for minutes.
const LASTS: i64 = 600;

/// Writes and signs an assertion: PS256 with the certificate's SHA-256 thumbprint
/// (learn.microsoft.com/entra/identity-platform/certificate-credentials).
///
/// `audience` is the token endpoint of the cloud, whatever address leads there.
pub(super) fn sign(
    certificate: &Certificate,
    client_id: &str,
    audience: &str,
    now: Timestamp,
    id: Uuid,
) -> SecretString {
    let head = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": certificate.thumbprint() });
    let now = now.as_second();
    let claims = json!({
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "jti": id,
        "nbf": now,
        "iat": now,
        "exp": now + LASTS,
    });
    let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{head}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(certificate.sign(signed.as_bytes()));
    format!("{signed}.{signature}").into()
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use secrecy::ExposeSecret;
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_assertion_is_verified_by_the_certificates_key() {
        let pem = include_bytes!("../../../tests/certificates/app.pem");
        let certificate = Certificate::read(pem, None).unwrap();
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let token = sign(&certificate, "app", "https://login/token", now, Uuid::nil());
        let parts: Vec<&str> = token.expose_secret().split('.').collect();
        let part = |at: usize| URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
        let head: Value = serde_json::from_slice(&part(0)).unwrap();
        assert_eq!((&head["alg"], &head["typ"]), (&json!("PS256"), &json!("JWT")));
        assert_eq!(head["x5t#S256"], certificate.thumbprint());
        let claims: Value = serde_json::from_slice(&part(1)).unwrap();
        assert_eq!(
            claims,
            json!({ "aud": "https://login/token", "iss": "app", "sub": "app", "jti": Uuid::nil(),
                    "nbf": 1_790_000_000, "iat": 1_790_000_000, "exp": 1_790_000_600 })
        );
        let signed = format!("{}.{}", parts[0], parts[1]);
        let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, certificate.public_key());
        key.verify(signed.as_bytes(), &part(2)).unwrap();
        assert!(key.verify(b"something else", &part(2)).is_err());
    }
}
