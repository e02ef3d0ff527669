//! Knows where each cloud keeps its services, and what its tokens are for.

use crate::model::Cloud;

/// Is where the services of a cloud are; each address is also what a token for that service is asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Services {
    /// Gives tokens.
    pub(crate) login: &'static str,
    /// Microsoft Graph.
    pub(crate) graph: &'static str,
    /// Exchange Online.
    pub(crate) exchange: &'static str,
    /// The audience of a token from elsewhere that is exchanged for one of this cloud.
    pub(crate) federated_audience: &'static str,
}

/// Gives the services of a cloud.
pub(crate) fn services(cloud: Cloud) -> Services {
    match cloud {
        Cloud::Worldwide | Cloud::Gcc => Services {
            login: "https://login.microsoftonline.com",
            graph: "https://graph.microsoft.com",
            exchange: "https://outlook.office365.com",
            federated_audience: "api://AzureADTokenExchange",
        },
        Cloud::GccHigh => Services {
            login: "https://login.microsoftonline.us",
            graph: "https://graph.microsoft.us",
            exchange: "https://outlook.office365.us",
            federated_audience: "api://AzureADTokenExchangeUSGov",
        },
        Cloud::Dod => Services {
            login: "https://login.microsoftonline.us",
            graph: "https://dod-graph.microsoft.us",
            exchange: "https://outlook-dod.office365.us",
            federated_audience: "api://AzureADTokenExchangeUSGov",
        },
        Cloud::China => Services {
            login: "https://login.chinacloudapi.cn",
            graph: "https://microsoftgraph.chinacloudapi.cn",
            exchange: "https://outlook.office365.cn",
            federated_audience: "api://AzureADTokenExchangeChina",
        },
    }
}

/// Gives what `Connect-ExchangeOnline` calls a cloud; the worldwide one needs no name.
///
/// Source: the cmdlet's page in the Exchange PowerShell documentation, `-ExchangeEnvironmentName`.
pub fn exchange_environment(cloud: Cloud) -> Option<&'static str> {
    match cloud {
        Cloud::Worldwide | Cloud::Gcc => None,
        Cloud::GccHigh => Some("O365USGovGCCHigh"),
        Cloud::Dod => Some("O365USGovDoD"),
        Cloud::China => Some("O365China"),
    }
}

/// Gives what `Connect-MgGraph` calls a cloud; the worldwide one needs no name.
///
/// Source: `Get-MgEnvironment` in the documentation of the Microsoft Graph PowerShell SDK.
pub fn graph_environment(cloud: Cloud) -> Option<&'static str> {
    match cloud {
        Cloud::Worldwide | Cloud::Gcc => None,
        Cloud::GccHigh => Some("USGov"),
        Cloud::Dod => Some("USGovDoD"),
        Cloud::China => Some("China"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The table of facts, section 3.7.
    #[test]
    fn every_cloud_has_services_of_its_own() {
        let table: Vec<String> = Cloud::ALL
            .iter()
            .map(|cloud| {
                let Services { login, graph, exchange, federated_audience } = services(*cloud);
                let hosts = [login, graph, exchange].map(|url| url.strip_prefix("https://").unwrap());
                format!("{cloud:<9} {} {federated_audience}", hosts.join(" "))
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @"
        worldwide login.microsoftonline.com graph.microsoft.com outlook.office365.com api://AzureADTokenExchange
        gcc       login.microsoftonline.com graph.microsoft.com outlook.office365.com api://AzureADTokenExchange
        gcc-high  login.microsoftonline.us graph.microsoft.us outlook.office365.us api://AzureADTokenExchangeUSGov
        dod       login.microsoftonline.us dod-graph.microsoft.us outlook-dod.office365.us api://AzureADTokenExchangeUSGov
        china     login.chinacloudapi.cn microsoftgraph.chinacloudapi.cn outlook.office365.cn api://AzureADTokenExchangeChina
        ");
        let graphs: BTreeSet<&str> = Cloud::ALL.iter().map(|cloud| services(*cloud).graph).collect();
        assert_eq!(graphs.len(), 4, "GCC alone shares the worldwide services");
    }
}
