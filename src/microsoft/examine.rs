//! Tries one by one what everything else relies on, and writes nothing.
//!
//! A command stops at the first thing that fails. Here each part is tried by itself, so that all that is amiss is told at
//! once: both sign-ins, the tenant's record, a person, groups, products, PowerShell, and the tenant's settings.

use std::sync::Arc;

use super::auth::{Audience, TokenClaims};
use super::graph::{Graph, GroupsFound};
use super::insights::{Insights, powershell};
use super::parts::Parts;
use super::{Connection, ShellVersions, Transport};
use crate::clock::Clock;
use crate::model::{Known, Refusal, Sku, SkuId, TenantId};

/// Is how many groups are looked up: one batch.
const GROUPS: usize = 20;

/// Is what a look at everything found; `None` where nobody could look, because nobody had signed in.
#[derive(Debug)]
pub struct Examination {
    /// The token for Microsoft Graph; `Ok(None)` for one that cannot be read.
    pub graph: Result<Option<TokenClaims>, Refusal>,
    /// The token for Exchange Online, where settings will be asked for.
    pub exchange: Option<Result<Option<TokenClaims>, Refusal>>,
    /// By how many seconds the services' clock is ahead of ours.
    pub ahead: Option<i64>,
    /// What the directory says, if anything could be asked of it.
    pub directory: Option<DirectoryExamined>,
    /// PowerShell's versions, where it carries the settings.
    pub shell: Option<Result<ShellVersions, Refusal>>,
    /// Whether the tenant's defaults could be read.
    pub settings: Option<Result<(), Refusal>>,
}

/// Is what the directory says.
#[derive(Debug)]
pub struct DirectoryExamined {
    /// The tenant's id and display name.
    pub organization: Result<(TenantId, Arc<str>), Refusal>,
    /// Whether a person can be read.
    pub people: Result<(), Refusal>,
    /// The groups that were asked for, at most [`GroupsFound::looked_up`] of them; `None` where there were none.
    pub groups: Option<Result<GroupsFound, Refusal>>,
    /// The products.
    pub products: Result<Vec<(SkuId, Sku)>, Refusal>,
}

/// Tries everything that a connection is for, and looks up the first of these groups.
///
/// The error is for a connection that cannot even be prepared.
pub async fn examine(connection: Connection, clock: &Clock, groups: &[&str]) -> Result<Examination, Refusal> {
    let (Parts { tokens, graph, insights }, wire) = Parts::of(&connection, clock)?;
    let directory = async {
        let signed_in = tokens.sign_in(Audience::Graph).await;
        let found = match &signed_in {
            Ok(_) => Some(of_directory(&graph, groups).await),
            Err(_) => None,
        };
        (signed_in, found)
    };
    let settings = async {
        let shell = async {
            match &connection.transport {
                Transport::PowerShell(shell) if connection.settings => {
                    Some(powershell::look_for_powershell(shell).await)
                }
                Transport::PowerShell(_) | Transport::ExchangeRest => None,
            }
        };
        let signed_in =
            async { if connection.settings { Some(tokens.sign_in(Audience::Exchange).await) } else { None } };
        let (signed_in, shell) = tokio::join!(signed_in, shell);
        let may = matches!(signed_in, Some(Ok(_))) && !matches!(shell, Some(Err(_)));
        let read = if may { Some(of_settings(&*insights).await) } else { None };
        insights.close().await;
        (signed_in, shell, read)
    };
    let ((graph, directory), (exchange, shell, settings)) = tokio::join!(directory, settings);
    Ok(Examination { graph, exchange, ahead: wire.ahead(), directory, shell, settings })
}

async fn of_directory(graph: &Graph, groups: &[&str]) -> DirectoryExamined {
    let some = &groups[..groups.len().min(GROUPS)];
    let groups = async { if some.is_empty() { None } else { Some(graph.look_up_groups(some).await) } };
    let (organization, people, groups, products) =
        tokio::join!(graph.organization(), graph.anybody(), groups, graph.products());
    let products = products.map(|products| products.skus().into_iter().collect());
    DirectoryExamined { organization, people, groups, products }
}

async fn of_settings(insights: &dyn Insights) -> Result<(), Refusal> {
    let unread = insights.tenant().await.into_values().find_map(|value| match value {
        Known::Unknown(why) => Some(Arc::unwrap_or_clone(why)),
        Known::Is(_) => None,
    });
    unread.map_or(Ok(()), Err)
}
