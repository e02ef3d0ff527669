//! Gets tokens through the official library, for managed identities and the Azure CLI.
//!
//! The library reads the variables by which a host announces its managed identity itself. It cannot carry the claims of a
//! challenge: what follows a revoked token is a new token without them, or the host's same one again.

use std::error::Error as _;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, ExponentialRetryOptions, HttpClient, Request, RetryOptions,
    Transport,
};
use azure_core::time::Duration;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId,
};
use jiff::Timestamp;
use secrecy::SecretString;
use uuid::Uuid;

use crate::microsoft::said::clip;
use crate::model::{Refusal, RefusalKind, TenantId};

/// Is a token, and when it ends.
pub(super) struct Given {
    pub(super) token: SecretString,
    pub(super) until: Timestamp,
}

/// Gets a token of this machine's managed identity.
///
/// The credential is made anew each time: one that is kept would give a token that was refused once more.
pub(super) async fn managed_identity(client_id: Option<&str>, resource: &str) -> Result<Given, Refusal> {
    let whose = "the managed identity";
    let carrier = Carrier::new().map_err(|error| refused(whose, &error))?;
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options: ClientOptions {
            transport: Some(Transport::new(Arc::new(carrier))),
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                max_retries: 4,
                max_total_elapsed: Duration::seconds(20),
                ..Default::default()
            }),
            ..Default::default()
        },
    };
    let credential = ManagedIdentityCredential::new(Some(options)).map_err(|error| refused(whose, &error))?;
    ask(whose, &*credential, resource).await
}

/// Gets a token from the Azure CLI, for whoever is signed in there.
pub(super) async fn azure_cli(tenant: TenantId, resource: &str) -> Result<Given, Refusal> {
    let whose = "the Azure CLI";
    let options = AzureCliCredentialOptions { tenant_id: Some(tenant.to_string()), ..Default::default() };
    let credential = AzureCliCredential::new(Some(options)).map_err(|error| refused(whose, &error))?;
    ask(whose, &*credential, resource).await
}

async fn ask(whose: &str, credential: &dyn TokenCredential, resource: &str) -> Result<Given, Refusal> {
    let scope = format!("{resource}/.default");
    let given = credential.get_token(&[&scope], None).await.map_err(|error| refused(whose, &error))?;
    let until = Timestamp::from_second(given.expires_on.unix_timestamp()).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(Given { token: given.token.secret().to_owned().into(), until })
}

/// Describes an error of the library, whose outer words only repeat the inner ones and a link.
fn refused(whose: &str, error: &Error) -> Refusal {
    let mut inner = error;
    while let Some(cause) = inner.source().and_then(|cause| cause.downcast_ref::<Error>()) {
        inner = cause;
    }
    let (kind, how) = match inner.kind() {
        ErrorKind::Io | ErrorKind::Connection => (RefusalKind::Unreachable, clip(&inner.to_string())),
        ErrorKind::HttpResponse { .. } | ErrorKind::Credential => {
            (RefusalKind::SignIn, clip(&inner.to_string()))
        }
        // Its words could repeat a piece of the token.
        ErrorKind::DataConversion | ErrorKind::Other => {
            (RefusalKind::SignIn, "its answer cannot be read".to_owned())
        }
    };
    Refusal { kind, message: format!("{whose} gave no token: {how}"), request_id: None }
}

/// Carries the library's requests, which go to this machine or its host: never over a proxy, never elsewhere.
#[derive(Debug)]
struct Carrier(reqwest::Client);

impl Carrier {
    fn new() -> Result<Self, Error> {
        // A second installation is refused, which is as good: somebody has chosen already.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("insightctl/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(std::time::Duration::from_secs(2))
            .timeout(std::time::Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .build();
        Ok(Self(client.map_err(failed)?))
    }
}

/// Describes a request without an answer.
///
/// The library would ask again for more than a minute where nobody listens, which means that there is no such identity.
fn failed(error: reqwest::Error) -> Error {
    let nobody = error.is_connect();
    let error = error.without_url();
    if nobody {
        Error::with_message(ErrorKind::Credential, "nobody answers where a managed identity would be")
    } else {
        Error::new(ErrorKind::Io, error)
    }
}

#[async_trait]
impl HttpClient for Carrier {
    async fn execute_request(&self, request: &Request) -> Result<AsyncRawResponse, Error> {
        let method: reqwest::Method =
            request.method().as_str().parse().map_err(|_| ErrorKind::Other.into_error())?;
        let mut builder = self.0.request(method, request.url().as_str());
        for (name, value) in request.headers().iter() {
            // Every request of ours says whose it is, and has an id.
            if !matches!(name.as_str(), "user-agent" | "x-ms-client-request-id" | "client-request-id") {
                builder = builder.header(name.as_str(), value.as_str());
            }
        }
        builder = builder.header("client-request-id", Uuid::new_v4().to_string());
        if let Body::Bytes(bytes) = request.body() {
            builder = builder.body(bytes.clone());
        }
        let response = builder.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let body = response.bytes().await.map_err(failed)?;
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
    }
}
