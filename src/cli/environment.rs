//! The only place that reads the environment, once.

use std::ffi::OsStr;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::store::Options;

/// Is what the surroundings say about this process.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    /// `NO_COLOR` is set to anything.
    pub(super) no_color: bool,
    /// `CI` is set to anything but `false`: lines instead of bars.
    pub(super) ci: bool,
    /// Who runs this.
    pub(super) who: String,
    /// Who runs this and in which process, for whoever is locked out by it.
    pub(super) holder: String,
    /// What matters to a store.
    pub(super) stores: Stores,
    /// What one can sign in with.
    pub(super) proofs: Proofs,
    /// What lies between us and the services.
    pub(super) way: Way,
    /// `INSIGHTCTL_PWSH`: PowerShell for tenants of Microsoft 365, and never for the sandbox.
    pub(super) pwsh: Option<PathBuf>,
}

/// Is what the surroundings say about the way to the services; it is told, and taken by the libraries themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// `HTTPS_PROXY` or `ALL_PROXY`, in either case; it may hold a password.
    pub(super) proxy: Option<String>,
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    pub(super) authorities: Vec<String>,
}

impl Way {
    fn read() -> Self {
        let proxies = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        Self {
            proxy: proxies.into_iter().find_map(variable),
            authorities: ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(variable).collect(),
        }
    }
}

/// Is what the surroundings offer to sign in with, each by the variable that Microsoft's own tools read.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs {
    /// `AZURE_TENANT_ID`.
    pub(super) tenant: Option<String>,
    /// `AZURE_CLIENT_ID`.
    pub(super) client: Option<String>,
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    pub(super) token_file: Option<PathBuf>,
    /// `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub(super) github: Option<(String, SecretString)>,
    /// `SYSTEM_OIDCREQUESTURI` and `SYSTEM_ACCESSTOKEN`.
    pub(super) azure_pipelines: Option<(String, SecretString)>,
    /// `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`.
    pub(super) connection: Option<String>,
    /// `AZURESUBSCRIPTION_CLIENT_ID`, which Azure Pipelines sets with the one above.
    pub(super) connection_client: Option<String>,
    /// `AZURE_CLIENT_CERTIFICATE_PATH`.
    pub(super) certificate: Option<PathBuf>,
    /// `AZURE_CLIENT_CERTIFICATE_PASSWORD`.
    pub(super) certificate_password: Option<SecretString>,
    /// `AZURE_CLIENT_SECRET`.
    pub(super) secret: Option<SecretString>,
    /// `IDENTITY_ENDPOINT` or `MSI_ENDPOINT`: the host announces a managed identity.
    pub(super) managed: bool,
    /// `az` is on the path.
    pub(super) az: bool,
}

impl Proofs {
    fn read() -> Self {
        let secret = |name| variable(name).map(SecretString::from);
        let path = |name| variable(name).map(PathBuf::from);
        Self {
            tenant: variable("AZURE_TENANT_ID"),
            client: variable("AZURE_CLIENT_ID"),
            token_file: path("AZURE_FEDERATED_TOKEN_FILE"),
            github: variable("ACTIONS_ID_TOKEN_REQUEST_URL").zip(secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN")),
            azure_pipelines: variable("SYSTEM_OIDCREQUESTURI").zip(secret("SYSTEM_ACCESSTOKEN")),
            connection: variable("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
            connection_client: variable("AZURESUBSCRIPTION_CLIENT_ID"),
            certificate: path("AZURE_CLIENT_CERTIFICATE_PATH"),
            certificate_password: secret("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
            secret: secret("AZURE_CLIENT_SECRET"),
            managed: variable("IDENTITY_ENDPOINT").or_else(|| variable("MSI_ENDPOINT")).is_some(),
            az: is_on_path(&["az", "az.cmd"]),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn is_on_path(names: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| names.iter().any(|name| folder.join(name).is_file()))
}

/// Is what the surroundings say about places where a store can be.
#[derive(Clone, Debug, Default)]
pub(super) struct Stores {
    /// This machine is thrown away after the job, with every folder on it.
    pub(super) throw_away: bool,
    /// How buckets are reached: every variable that their services' own tools know.
    pub(super) options: Options,
}

/// Begins the names of the variables that say how buckets are reached.
const CLOUD: [&str; 3] = ["AZURE_", "AWS_", "GOOGLE_"];

impl Environment {
    pub(super) fn read() -> Self {
        let user = variable("USER").or_else(|| variable("USERNAME")).unwrap_or_else(|| "somebody".to_owned());
        let host = variable("HOSTNAME").or_else(|| variable("COMPUTERNAME")).map(|host| format!("@{host}"));
        let who = format!("{user}{}", host.unwrap_or_default());
        Self {
            no_color: variable("NO_COLOR").is_some(),
            ci: variable("CI").is_some_and(|ci| ci != "false"),
            holder: format!("{who} (process {})", std::process::id()),
            who,
            stores: Stores { throw_away: is_throw_away(variable), options: options() },
            proofs: Proofs::read(),
            way: Way::read(),
            pwsh: variable("INSIGHTCTL_PWSH").map(PathBuf::from),
        }
    }
}

/// Says whether a job's machine goes when the job does.
///
/// GitHub says so of its own runners. GitLab and Azure Pipelines do not tell: their hosted runners are thrown away,
/// and on others a job's working folder is cleaned, so a store there is as good as lost.
fn is_throw_away(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, value: &str| variable(name).is_some_and(|is| is.eq_ignore_ascii_case(value));
    (is("GITHUB_ACTIONS", "true") && is("RUNNER_ENVIRONMENT", "github-hosted"))
        || is("GITLAB_CI", "true")
        || is("TF_BUILD", "true")
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn options() -> Options {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        (CLOUD.iter().any(|start| name.starts_with(start)) && !value.is_empty()).then(|| (name, value.into()))
    });
    let mut options: Options = variables.collect();
    // A managed identity of Azure is announced under a name of its own.
    if let Some(endpoint) = variable("IDENTITY_ENDPOINT") {
        options.insert("AZURE_IDENTITY_ENDPOINT".to_owned(), endpoint.into());
    }
    options
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)
        .filter(|value| value != OsStr::new(""))
        .map(|value| value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_of_ones_own_is_not_thrown_away() {
        let runner = |variables: &[(&str, &str)]| {
            is_throw_away(|name| {
                let of_that_name = variables.iter().find(|(is, _)| *is == name);
                of_that_name.map(|(_, value)| (*value).to_owned())
            })
        };
        let github = ("GITHUB_ACTIONS", "true");
        assert!(runner(&[github, ("RUNNER_ENVIRONMENT", "github-hosted")]));
        assert!(!runner(&[github, ("RUNNER_ENVIRONMENT", "self-hosted")]));
        assert!(runner(&[("GITLAB_CI", "true")]) && runner(&[("TF_BUILD", "True")]));
        assert!(!runner(&[]));
    }
}
