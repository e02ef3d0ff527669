//! What was typed about the tenant: who signs in, and where its services are.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const MICROSOFT: &str = "Microsoft 365";

/// Is how a tenant of Microsoft 365 is reached; a sandbox needs none of it.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Reach {
    /// Who signs in; `auto` takes the first of the others that the environment offers
    #[arg(
        long, global = true, help_heading = MICROSOFT, value_name = "HOW", default_value = "auto", ignore_case = true,
        env = "INSIGHTCTL_SIGN_IN", hide_env_values = true
    )]
    pub(in crate::cli) sign_in: SignInName,
    /// Where tokens come from, instead of the cloud's own address
    #[arg(long, global = true, help_heading = MICROSOFT, value_name = "URL", env = "INSIGHTCTL_LOGIN_URL", hide_env_values = true)]
    pub(in crate::cli) login_url: Option<String>,
    /// Microsoft Graph, or a gateway in front of it
    #[arg(long, global = true, help_heading = MICROSOFT, value_name = "URL", env = "INSIGHTCTL_GRAPH_URL", hide_env_values = true)]
    pub(in crate::cli) graph_url: Option<String>,
    /// Exchange Online, or a gateway in front of it
    #[arg(long, global = true, help_heading = MICROSOFT, value_name = "URL", env = "INSIGHTCTL_EXCHANGE_URL", hide_env_values = true)]
    pub(in crate::cli) exchange_url: Option<String>,
    /// A PEM file of certificate authorities that are trusted beside this machine's
    #[arg(long, global = true, help_heading = MICROSOFT, value_name = "FILE", env = "INSIGHTCTL_CA_FILE", hide_env_values = true)]
    pub(in crate::cli) ca_file: Option<PathBuf>,
}

impl Reach {
    /// Takes an empty environment variable for one that is not set.
    pub(super) fn without_blanks(self) -> Self {
        let Self { sign_in, login_url, graph_url, exchange_url, ca_file } = self;
        let url = |url: Option<String>| {
            url.map(|url| url.trim_end_matches('/').to_owned()).filter(|url| !url.is_empty())
        };
        Self {
            sign_in,
            login_url: url(login_url),
            graph_url: url(graph_url),
            exchange_url: url(exchange_url),
            ca_file: ca_file.filter(|path| !path.as_os_str().is_empty()),
        }
    }
}

/// Names the ways to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SignInName {
    /// The first of the others, in their order, that the environment offers.
    Auto,
    /// A federated token: `AZURE_FEDERATED_TOKEN_FILE`, GitHub Actions or Azure Pipelines.
    Workload,
    /// `AZURE_CLIENT_CERTIFICATE_PATH`, PEM or PFX.
    Certificate,
    /// `AZURE_CLIENT_SECRET`.
    Secret,
    /// The managed identity of a machine in Azure.
    Managed,
    /// Whoever is signed in to the Azure CLI.
    Cli,
}
