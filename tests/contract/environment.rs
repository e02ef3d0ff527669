//! Reads from the environment which tenant is meant, and what may be written there.

use std::net::IpAddr;
use std::path::PathBuf;

use insightctl::microsoft::Endpoints;
use insightctl::model::Cloud;
use uuid::Uuid;

use crate::tokens::Proof;

/// Is a tenant that the environment names.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) tenant: Uuid,
    pub(crate) endpoints: Endpoints,
    pub(crate) proof: Proof,
    /// PowerShell, which carries the insights cmdlets unless the Exchange envelope is to.
    pub(crate) powershell: Option<PathBuf>,
    pub(crate) consent: Consent,
}

/// Says what may be done to whom; without a word, everything is only read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consent {
    /// Settings and licences of the test person may be written, and the licence of the test group.
    pub(crate) write: bool,
    /// Defaults of the tenant may be written, which reaches everyone in it.
    pub(crate) tenant_wide: bool,
    /// The test person, by user principal name.
    pub(crate) person: Option<String>,
    /// What the test person has now was clicked by themselves.
    pub(crate) chose: bool,
    /// A second test person, whose settings nobody ever touched.
    pub(crate) untouched: Option<String>,
    /// Somebody of whom it is known that their settings cannot be read.
    pub(crate) refused: Option<String>,
    /// The object id of a test group that hands down a licence.
    pub(crate) group: Option<String>,
    /// The survey's sampling rate as it is now, since nothing shows it.
    pub(crate) rate: Option<f64>,
    /// How long something is waited for, in seconds.
    pub(crate) patience: i64,
}

impl Named {
    /// Reads the environment, and says everything that is missing.
    pub(crate) fn read() -> Result<Self, String> {
        let mut missing = Vec::new();
        let mut need = |name: &'static str| {
            variable(name).unwrap_or_else(|| {
                missing.push(name);
                String::new()
            })
        };
        let tenant = need("AZURE_TENANT_ID");
        let given =
            (variable("INSIGHTCTL_CONTRACT_GRAPH_TOKEN"), variable("INSIGHTCTL_CONTRACT_EXCHANGE_TOKEN"));
        let proof = if let (Some(graph), Some(exchange)) = given {
            Proof::Given { graph: graph.into(), exchange: exchange.into() }
        } else {
            let client_id = need("AZURE_CLIENT_ID");
            match variable("AZURE_FEDERATED_TOKEN_FILE") {
                Some(file) => Proof::Federated { client_id, file: PathBuf::from(file) },
                None => Proof::Secret { client_id, secret: need("AZURE_CLIENT_SECRET").into() },
            }
        };
        if !missing.is_empty() {
            return Err(format!("the environment names no tenant: set {}", missing.join(" and ")));
        }
        let tenant = Uuid::try_parse(&tenant).map_err(|_| "AZURE_TENANT_ID is no GUID".to_owned())?;
        let at = |name: &str, usual: &str| variable(name).unwrap_or_else(|| usual.to_owned());
        let place = |name: &str, usual: &str| {
            let address = at(name, usual);
            if is_safe(&address) {
                return Ok(address);
            }
            Err(format!("{name} is neither https nor on this machine: tokens would be sent in the clear"))
        };
        // The product is not offered in the other clouds.
        let usual = Endpoints::of(Cloud::Worldwide);
        let endpoints = Endpoints {
            login: place("INSIGHTCTL_LOGIN_URL", &usual.login)?,
            graph: place("INSIGHTCTL_GRAPH_URL", &usual.graph)?,
            exchange: place("INSIGHTCTL_EXCHANGE_URL", &usual.exchange)?,
            cloud: usual.cloud,
        };
        let powershell = match at("INSIGHTCTL_CONTRACT_TRANSPORT", "powershell").as_str() {
            "powershell" => Some(PathBuf::from(at("INSIGHTCTL_CONTRACT_PWSH", "pwsh"))),
            "exchange-rest" => None,
            _ => return Err("INSIGHTCTL_CONTRACT_TRANSPORT is `powershell` or `exchange-rest`".to_owned()),
        };
        Ok(Self { tenant, endpoints, proof, powershell, consent: Consent::read()? })
    }
}

impl Consent {
    fn read() -> Result<Self, String> {
        let yes = |name: &str| variable(name).is_some_and(|value| value == "1");
        let number = |name: &str| match variable(name).map(|value| value.parse::<f64>()) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(format!("{name} is no number")),
        };
        let patience = variable("INSIGHTCTL_CONTRACT_WAIT").map_or(Ok(300), |text| text.parse::<i64>());
        let write = yes("INSIGHTCTL_CONTRACT_WRITE");
        Ok(Self {
            write,
            tenant_wide: write && yes("INSIGHTCTL_CONTRACT_WRITE_TENANT"),
            person: variable("INSIGHTCTL_CONTRACT_PERSON"),
            chose: yes("INSIGHTCTL_CONTRACT_PERSON_CHOSE"),
            untouched: variable("INSIGHTCTL_CONTRACT_UNTOUCHED"),
            refused: variable("INSIGHTCTL_CONTRACT_REFUSED"),
            group: variable("INSIGHTCTL_CONTRACT_GROUP"),
            rate: number("INSIGHTCTL_CONTRACT_RATE")?,
            patience: patience.map_err(|_| "INSIGHTCTL_CONTRACT_WAIT is no number of seconds".to_owned())?,
        })
    }
}

/// Says whether nobody listens where a token is sent to an address: it is https, or on this machine.
fn is_safe(address: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(address) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme() == "https" || url.scheme() == "http" && local
}

/// Gives where the report on a tenant goes.
pub(crate) fn report() -> PathBuf {
    variable("INSIGHTCTL_CONTRACT_REPORT").map_or_else(|| beside_the_build("report.md"), PathBuf::from)
}

/// Gives a place for a report that nobody asked for.
pub(crate) fn beside_the_build(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("contract").join(name)
}

#[expect(clippy::disallowed_methods, reason = "the suite is told by the environment which tenant is meant")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_in_the_clear_to_this_machine_only() {
        for good in [
            "https://graph.microsoft.com",
            "http://127.0.0.1:4000/graph",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://graph.microsoft.com",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "graph.microsoft.com",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
