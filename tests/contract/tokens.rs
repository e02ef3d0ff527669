//! Gets tokens the way the documents describe it, apart from our own client.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_PAD_INDIFFERENT;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::wire::{Seen, Wire};

/// Names a service that wants a token of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Audience {
    Graph,
    Exchange,
}

impl Audience {
    /// Gives what a token for it names as its audience: an address, or an application's id.
    pub(crate) fn names(self) -> [&'static str; 2] {
        match self {
            Self::Graph => ["https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"],
            Self::Exchange => ["https://outlook.office365.com", "00000002-0000-0ff1-ce00-000000000000"],
        }
    }
}

/// Is how the suite signs in.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// An application with a secret.
    Secret { client_id: String, secret: SecretString },
    /// An application with a token of somebody whom its tenant trusts, in a file.
    Federated { client_id: String, file: PathBuf },
    /// Tokens that somebody else obtained; they are not renewed.
    Given { graph: SecretString, exchange: SecretString },
}

/// Keeps one token for each service, while they last.
#[derive(Debug)]
pub(crate) struct Tokens {
    proof: Proof,
    held: Mutex<BTreeMap<Audience, (SecretString, i64)>>,
}

impl Tokens {
    pub(crate) fn new(proof: Proof) -> Self {
        Self { proof, held: Mutex::default() }
    }

    pub(crate) fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Gives a token, or the answer in which there was none.
    pub(crate) async fn get(&self, wire: &Wire, audience: Audience) -> Result<String, Seen> {
        let mut held = self.held.lock().await;
        let now = wire.clock.now().as_second();
        if let Some((token, until)) = held.get(&audience)
            && now < *until
        {
            return Ok(token.expose_secret().to_owned());
        }
        let (grant, secret) = match &self.proof {
            Proof::Given { graph, exchange } => {
                let token = match audience {
                    Audience::Graph => graph,
                    Audience::Exchange => exchange,
                };
                return Ok(token.expose_secret().to_owned());
            }
            Proof::Secret { client_id, secret } => {
                (vec![("client_id", client_id.as_str())], ("client_secret", secret.clone()))
            }
            Proof::Federated { client_id, file } => {
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let token = std::fs::read_to_string(file).map_err(|error| Seen {
                    status: 0,
                    body: json!(format!("the file of the federated token cannot be read: {error}")),
                })?;
                let grant = vec![("client_id", client_id.as_str()), ("client_assertion_type", kind)];
                (grant, ("client_assertion", token.trim().into()))
            }
        };
        let scope = format!("{}/.default", audience.names()[0]);
        let mut form = vec![("grant_type", "client_credentials"), ("scope", &scope)];
        form.extend(grant);
        form.push((secret.0, secret.1.expose_secret()));
        let url = format!("{}/{}/oauth2/v2.0/token", wire.endpoints.login, wire.tenant);
        let (seen, _) =
            wire.once(&format!("POST a token for {audience:?}"), wire.client.post(url).form(&form)).await;
        let Some(token) = seen.body["access_token"].as_str() else {
            let error = seen.body["error_description"].as_str().unwrap_or("there is no token in the answer");
            return Err(Seen { status: seen.status, body: json!(error) });
        };
        let lasts = seen.body["expires_in"].as_i64().unwrap_or(60);
        held.insert(audience, (token.into(), now + lasts / 2));
        Ok(token.to_owned())
    }
}

/// Reads what a token says; `None` for one that only its service can read.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_PAD_INDIFFERENT.decode(payload).ok()?).ok()
}
