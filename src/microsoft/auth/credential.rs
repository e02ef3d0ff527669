//! Says how insightctl can sign in.

use secrecy::SecretString;

use super::certificate::Certificate;
use super::federated::Federated;

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
    /// An application's client id and the key of one of its certificates.
    Certificate {
        /// The application's id.
        client_id: String,
        /// The certificate, with its key.
        certificate: Certificate,
    },
    /// An application's client id and a token of somebody whom its tenant trusts to vouch for it.
    Federated {
        /// The application's id.
        client_id: String,
        /// Where that token comes from.
        source: Federated,
    },
    /// The managed identity of the machine, container or function in Azure that this runs on.
    ManagedIdentity {
        /// The identity's client id, where there are several.
        client_id: Option<String>,
    },
    /// Whoever is signed in to the Azure CLI.
    AzureCli,
}

impl Credential {
    /// Says in a few words what signs in, for whoever wonders; holds no secret.
    pub fn describe(&self) -> String {
        match self {
            Self::ClientSecret { client_id, secret: _ } => format!("application {client_id} with a secret"),
            Self::Certificate { client_id, certificate } => {
                format!("application {client_id} with the certificate {}", certificate.thumbprint())
            }
            Self::Federated { client_id, source } => {
                format!("application {client_id} with {}", source.describe())
            }
            Self::ManagedIdentity { client_id: Some(client_id) } => {
                format!("the managed identity {client_id}")
            }
            Self::ManagedIdentity { client_id: None } => "the managed identity of this machine".to_owned(),
            Self::AzureCli => "whoever is signed in to the Azure CLI".to_owned(),
        }
    }

    /// Gives the address that it needs beside those of the tenant's services.
    pub(crate) fn address(&self) -> Option<&str> {
        match self {
            Self::Federated { client_id: _, source } => source.address(),
            Self::ClientSecret { .. }
            | Self::Certificate { .. }
            | Self::ManagedIdentity { .. }
            | Self::AzureCli => None,
        }
    }
}
