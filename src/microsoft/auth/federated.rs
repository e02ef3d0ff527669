//! Gets the token of somebody whom the tenant trusts to vouch for the application.
//!
//! It is read anew for every sign-in: such tokens last for minutes, and whoever writes them to a file writes them again.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::claims::payload;
use crate::microsoft::error::{Peer, Trouble};
use crate::microsoft::message::{Content, Effect, Request};
use crate::microsoft::said::clip;
use crate::microsoft::service::Service;
use crate::microsoft::url::value;
use crate::model::{Refusal, RefusalKind};

/// Says where the token of somebody whom the tenant trusts comes from.
#[derive(Clone, Debug)]
pub enum Federated {
    /// A file that somebody keeps fresh, as Kubernetes does (`AZURE_FEDERATED_TOKEN_FILE`).
    File(PathBuf),
    /// The job of GitHub Actions that this runs in.
    GitHub {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`, with its query.
        url: String,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        token: SecretString,
    },
    /// The job of Azure Pipelines that this runs in.
    AzurePipelines {
        /// `SYSTEM_OIDCREQUESTURI`.
        url: String,
        /// `SYSTEM_ACCESSTOKEN`.
        token: SecretString,
        /// The id of the service connection whose federated credential the tenant knows.
        connection: String,
    },
}

impl Federated {
    /// Says in a few words whose token it is.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::File(_) => "a federated token from a file",
            Self::GitHub { .. } => "the token of this GitHub Actions job",
            Self::AzurePipelines { .. } => "the token of this Azure Pipelines job",
        }
    }

    /// Gives the address that it is asked for at.
    pub(super) fn address(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::GitHub { url, .. } | Self::AzurePipelines { url, .. } => Some(url),
        }
    }

    /// Gets a token for this audience.
    pub(super) async fn token(&self, pipeline: &Service, audience: &str) -> Result<SecretString, Refusal> {
        match self {
            // A few KiB, now and then: not worth another thread.
            Self::File(path) => match read_small(path) {
                Ok(token) if !token.trim().is_empty() => Ok(token.trim().to_owned().into()),
                Ok(_) => Err(refused(format!("the federated token file {} is empty", path.display()))),
                Err(error) => Err(refused(format!(
                    "the federated token file {} cannot be read: {error}",
                    path.display()
                ))),
            },
            Self::GitHub { .. } | Self::AzurePipelines { .. } => {
                // Boxed, because sending anything may ask for a token, and this is sending.
                let answer = Box::pin(pipeline.send(&self.request(audience))).await?;
                let id = answer.request_id.clone();
                // The parser's own words could repeat a piece of the token.
                let given: Given = answer
                    .parse(Peer::Pipeline)
                    .map_err(|_| Trouble::garbled(Peer::Pipeline, id, "it holds no token").refusal)?;
                Ok(given.token.into())
            }
        }
    }

    /// Writes the request for a token.
    fn request(&self, audience: &str) -> Request {
        let (method, url, token) = match self {
            Self::File(_) => ("GET", String::new(), None),
            Self::GitHub { url, token } => {
                let joint = if url.contains('?') { '&' } else { '?' };
                ("GET", format!("{url}{joint}audience={}", value(audience)), Some(token.clone()))
            }
            Self::AzurePipelines { url, token, connection } => {
                let url = url.trim_end_matches('/');
                let url = format!("{url}?api-version=7.1&serviceConnectionId={}", value(connection));
                ("POST", url, Some(token.clone()))
            }
        };
        // Azure DevOps would send a browser to its sign-in page.
        let headers = vec![("X-TFS-FedAuthRedirect", "Suppress".to_owned())];
        let what = "a federated token";
        Request {
            what,
            effect: Effect::Read,
            method,
            url,
            headers,
            content: Content::Nothing,
            since: None,
            bearer: token,
        }
    }
}

/// Is what GitHub (`value`) and Azure DevOps (`oidcToken`) answer.
#[derive(Deserialize)]
struct Given {
    #[serde(alias = "value", rename = "oidcToken")]
    token: String,
}

fn refused(message: String) -> Refusal {
    Refusal { kind: RefusalKind::SignIn, message, request_id: None }
}

/// Says who vouches for whom in a federated token: none of it is a secret, and a mismatch cannot be found without it.
pub(super) fn names(token: &SecretString) -> Option<String> {
    let claims: Value = payload(token)?;
    let claim = |name: &str| match &claims[name] {
        Value::String(text) => format!("`{}`", clip(text)),
        Value::Array(several) => {
            let texts: Vec<String> =
                several.iter().filter_map(Value::as_str).map(|text| format!("`{}`", clip(text))).collect();
            texts.join(", ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "none".to_owned(),
    };
    Some(format!("issuer {}, subject {}, audience {}", claim("iss"), claim("sub"), claim("aud")))
}

/// Reads a file that holds one token; what does not fit into a header is none.
fn read_small(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read;

    let mut token = String::new();
    std::fs::File::open(path)?.take(64 << 10).read_to_string(&mut token)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pipeline_is_asked_in_its_own_way() {
        let github = Federated::GitHub {
            url: "https://pipelines.example/token?api-version=2.0".to_owned(),
            token: "hush".to_owned().into(),
        };
        let azure = Federated::AzurePipelines {
            url: "https://dev.azure.example/oidctoken/".to_owned(),
            token: "hush".to_owned().into(),
            connection: "c0ffee".to_owned(),
        };
        let asked = [github, azure].map(|source| {
            let request = source.request("api://AzureADTokenExchange");
            assert!(!format!("{request:?} {source:?}").contains("hush"));
            format!("{} {}", request.method, request.url)
        });
        insta::assert_snapshot!(asked.join("\n"), @"
        GET https://pipelines.example/token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange
        POST https://dev.azure.example/oidctoken?api-version=7.1&serviceConnectionId=c0ffee
        ");
    }

    #[test]
    fn a_federated_token_names_who_vouches_for_whom() {
        // {"iss":"https://i","sub":"repo:A/b","aud":["x","y"]}
        let token = "h.eyJpc3MiOiJodHRwczovL2kiLCJzdWIiOiJyZXBvOkEvYiIsImF1ZCI6WyJ4IiwieSJdfQ.s";
        assert_eq!(
            names(&token.to_owned().into()).as_deref(),
            Some("issuer `https://i`, subject `repo:A/b`, audience `x`, `y`")
        );
        assert_eq!(names(&"opaque".to_owned().into()), None);
    }
}
