//! Says what a tenant is reached by: where, as whom, and over what.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::cloud::services;
use super::{Credential, MayWrite, OnReading, Roots};
use crate::model::{Cloud, TenantId};
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
    /// Whose tokens are asked for; a gateway in front of a service still wants that service's own.
    pub cloud: Cloud,
}

impl Endpoints {
    /// Gives the three services of a cloud.
    pub fn of(cloud: Cloud) -> Self {
        let services = services(cloud);
        Self {
            login: services.login.to_owned(),
            graph: services.graph.to_owned(),
            exchange: services.exchange.to_owned(),
            cloud,
        }
    }

    /// Gives the three services of a sandbox, which stand side by side below one address.
    ///
    /// A sandbox stands in for the worldwide cloud, and wants its tokens.
    pub fn of_sandbox(url: &str) -> Self {
        let at = |service: &str| format!("{}/{service}", url.trim_end_matches('/'));
        Self { login: at("login"), graph: at("graph"), exchange: at("exchange"), cloud: Cloud::Worldwide }
    }
}

/// Says what carries the insights cmdlets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The Exchange REST envelope: our own convention, verified against the sandbox only.
    ExchangeRest,
    /// PowerShell with Microsoft's own module, which is what Microsoft supports.
    PowerShell(Shell),
}

/// Says how PowerShell is started, and how long it is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    /// The program: `pwsh`, found on the search path, or a path.
    pub program: PathBuf,
    /// What goes before PowerShell's own arguments; nothing for PowerShell itself.
    pub arguments: Vec<OsString>,
    /// What `Connect-ExchangeOnline` calls a cloud other than the worldwide one, such as `O365USGovGCCHigh`.
    pub environment: Option<String>,
    /// How long loading the module may take, and connecting.
    pub start_within: Duration,
    /// How long one cmdlet may take.
    pub answer_within: Duration,
}

impl Shell {
    /// Starts a program as PowerShell of the worldwide cloud.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: None,
            start_within: Duration::from_mins(3),
            // As long as any other request may take; the service ends cmdlets after a quarter of an hour.
            answer_within: Duration::from_mins(2),
        }
    }
}

impl Transport {
    /// Says how fast it is, where so many calls a second are allowed at most.
    pub fn speed(&self, rate: Option<CallRate>) -> Speed {
        match self {
            Self::ExchangeRest => Speed::in_batches(rate),
            Self::PowerShell(_) => Speed::one_by_one(rate),
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
    /// Whether it is known beforehand that insights settings will be asked for; if not, they are opened when they are.
    pub settings: bool,
    /// What the tenant is called where the directory may not be asked, and where PowerShell connects to it.
    pub name: Option<Arc<str>>,
    /// Who is trusted beside the certificate authorities of this machine.
    pub roots: Roots,
    /// How many calls a second the settings service may be sent at most; as many as it bears, if nobody says.
    pub rate: Option<CallRate>,
    /// Is told how far reading is.
    pub on_reading: Option<OnReading>,
    /// Is asked whether anything may be written now, after whatever a service had us wait; always, if nobody says.
    pub may_write: Option<MayWrite>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            tenant,
            endpoints,
            credential,
            transport,
            settings,
            name,
            roots,
            rate,
            on_reading: _,
            may_write: _,
        } = self;
        f.debug_struct("Connection")
            .field("tenant", tenant)
            .field("endpoints", endpoints)
            .field("credential", credential)
            .field("transport", transport)
            .field("settings", settings)
            .field("name", name)
            .field("roots", roots)
            .field("rate", rate)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Reaches a tenant over the Exchange REST envelope, for its settings too, and tells nobody how far it is.
    pub fn new(tenant: TenantId, endpoints: Endpoints, credential: Credential) -> Self {
        Self {
            tenant,
            endpoints,
            credential,
            transport: Transport::ExchangeRest,
            settings: true,
            name: None,
            roots: Roots::default(),
            rate: None,
            on_reading: None,
            may_write: None,
        }
    }
}
