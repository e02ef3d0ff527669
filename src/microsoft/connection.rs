//! Says what a tenant is reached by: where, as whom, and over what.

use super::{Credential, OnReading};
use crate::model::TenantId;
use crate::plan::budget::{CallRate, Speed};

/// Says where the three services are: base addresses without a slash at the end.
///
/// They have to be `https`, except on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where tokens come from, such as `https://login.microsoftonline.com`.
    pub login: String,
    /// Microsoft Graph, such as `https://graph.microsoft.com`.
    pub graph: String,
    /// Exchange Online, such as `https://outlook.office365.com`.
    pub exchange: String,
}

impl Endpoints {
    /// Gives the three services of a sandbox, which stand side by side below one address.
    pub fn of_sandbox(url: &str) -> Self {
        let at = |service: &str| format!("{}/{service}", url.trim_end_matches('/'));
        Self { login: at("login"), graph: at("graph"), exchange: at("exchange") }
    }
}

/// Says what carries the insights cmdlets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The Exchange REST envelope: our own convention, verified against the sandbox only.
    ExchangeRest,
}

impl Transport {
    /// Says how fast it is, where so many calls a second are allowed at most.
    pub fn speed(&self, rate: Option<CallRate>) -> Speed {
        match self {
            Self::ExchangeRest => Speed::in_batches(rate),
        }
    }
}

/// Is all that it takes to reach one tenant.
pub struct Connection {
    /// The tenant that is meant; signing in to another one is refused.
    pub tenant: TenantId,
    /// Where its services are.
    pub endpoints: Endpoints,
    /// Who signs in.
    pub credential: Credential,
    /// What carries the insights cmdlets.
    pub transport: Transport,
    /// How many calls a second the settings service may be sent at most; as many as it bears, if nobody says.
    pub rate: Option<CallRate>,
    /// Is told how far reading is.
    pub on_reading: Option<OnReading>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tenant, endpoints, credential, transport, rate, on_reading: _ } = self;
        f.debug_struct("Connection")
            .field("tenant", tenant)
            .field("endpoints", endpoints)
            .field("credential", credential)
            .field("transport", transport)
            .field("rate", rate)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Reaches a tenant over the Exchange REST envelope, and tells nobody how far it is.
    pub fn new(tenant: TenantId, endpoints: Endpoints, credential: Credential) -> Self {
        Self {
            tenant,
            endpoints,
            credential,
            transport: Transport::ExchangeRest,
            rate: None,
            on_reading: None,
        }
    }
}
