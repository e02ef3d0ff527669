//! Puts together what a connection names; nothing is sent yet.

use std::sync::Arc;

use super::auth::{Audience, Tokens};
use super::error::Peer;
use super::graph::Graph;
use super::http::{Service, Wire};
use super::insights::Insights;
use super::insights::exchange::Exchange;
use super::insights::powershell::PowerShell;
use super::pace::Pace;
use super::{Connection, Transport, url};
use crate::clock::Clock;
use crate::model::Refusal;

/// Is the tokens of one credential, and the services that take them.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) wire: Wire,
    pub(super) tokens: Arc<Tokens>,
    pub(super) graph: Graph,
    pub(super) insights: Arc<dyn Insights>,
}

impl Parts {
    /// Makes them; refuses addresses to which no token may go.
    pub(super) fn of(connection: &Connection, clock: &Clock) -> Result<Self, Refusal> {
        let Connection { tenant, endpoints, credential, transport, roots, .. } = connection;
        let bases = [&endpoints.login, &endpoints.graph, &endpoints.exchange];
        for base in bases {
            url::check_base(base)?;
        }
        if let Some(address) = credential.address() {
            url::check_scheme(address)?;
        }
        let plain = |address: &str| address.starts_with("http://");
        let local = bases.iter().all(|base| plain(base)) && credential.address().is_none_or(plain);
        let wire = Wire::new(clock.clone(), local, roots.clone())?;
        let of_tokens = |peer| Service::of_tokens(peer, wire.clone());
        let (sign_in, pipeline) = (of_tokens(Peer::SignIn), of_tokens(Peer::Pipeline));
        let tokens = Tokens::new(sign_in, pipeline, endpoints, *tenant, credential.clone());
        let tokens = Arc::new(tokens);

        // Graph publishes its limits and they are wide; nothing is known of the settings service.
        let (bold, careful) = (Pace::new(4, 16), Pace::new(2, 16));
        let service =
            |peer, pace, audience| Service::new(peer, wire.clone(), pace, Arc::clone(&tokens), audience);
        let graph = Graph::new(service(Peer::Directory, bold, Audience::Graph), &endpoints.graph);
        let insights: Arc<dyn Insights> = match transport {
            Transport::ExchangeRest => {
                let exchange = service(Peer::Settings, careful, Audience::Exchange);
                Arc::new(Exchange::new(exchange, &endpoints.exchange, *tenant))
            }
            Transport::PowerShell(shell) => {
                let tokens = Arc::clone(&tokens);
                Arc::new(PowerShell::new(shell.clone(), *tenant, tokens, clock.clone())?)
            }
        };
        Ok(Self { wire, tokens, graph, insights })
    }
}
