//! Puts together what a connection names; nothing is sent yet.

use std::sync::Arc;

use super::auth::{Audience, Tokens};
use super::error::Peer;
use super::graph::Graph;
use super::http::Wire;
use super::insights::Insights;
use super::insights::exchange::Exchange;
use super::insights::powershell::PowerShell;
use super::pace::Allowance;
use super::service::{Service, Way};
use super::{Connection, Transport, url};
use crate::clock::Clock;
use crate::model::Refusal;
use crate::plan::budget::{BATCHES, BOLD};

/// Is the tokens of one credential, and the services that take them.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) tokens: Arc<Tokens>,
    pub(super) graph: Graph,
    pub(super) insights: Arc<dyn Insights>,
}

impl Parts {
    /// Makes them over HTTP; refuses addresses to which no token may go.
    pub(super) fn of(connection: &Connection, clock: &Clock) -> Result<(Self, Wire), Refusal> {
        let Connection { endpoints, credential, roots, .. } = connection;
        let bases = [&endpoints.login, &endpoints.graph, &endpoints.exchange];
        for base in bases {
            url::check_base(base)?;
        }
        if let Some(address) = credential.address() {
            url::check_scheme(address)?;
        }
        let local =
            bases.iter().all(|base| url::is_plain(base)) && credential.address().is_none_or(url::is_plain);
        let wire = Wire::new(clock.clone(), local, roots.clone())?;
        let parts = Self::over(&Way::new(wire.clone(), clock.clone()), connection, clock)?;
        Ok((parts, wire))
    }

    /// Makes them over a way that is there already.
    pub(super) fn over(way: &Way, connection: &Connection, clock: &Clock) -> Result<Self, Refusal> {
        let Connection { tenant, endpoints, credential, transport, name, rate, may_write, .. } = connection;
        let of_tokens = |peer| Service::of_tokens(peer, way.clone());
        let (sign_in, pipeline) = (of_tokens(Peer::SignIn), of_tokens(Peer::Pipeline));
        let tokens = Arc::new(Tokens::new(sign_in, pipeline, endpoints, *tenant, credential.clone()));
        let service =
            |peer, pace, audience| Service::new(peer, way.clone(), pace, Arc::clone(&tokens), audience);
        let directory =
            service(Peer::Directory, way.pace(BOLD, BATCHES).within(may_write.as_ref()), Audience::Graph);
        let graph = Graph::new(directory, &endpoints.graph);
        let speed = transport.speed(*rate);
        let pace = way.pace(speed.first, speed.most).within(may_write.as_ref());
        if let Some(rate) = rate {
            pace.allow_units(Allowance::steady(rate.a_second()));
        }
        let insights: Arc<dyn Insights> = match transport {
            Transport::ExchangeRest => {
                let exchange = service(Peer::Settings, pace, Audience::Exchange);
                Arc::new(Exchange::new(exchange, &endpoints.exchange, *tenant, speed.carries))
            }
            Transport::PowerShell(shell) => {
                let (tokens, name) = (Arc::clone(&tokens), name.as_deref());
                Arc::new(PowerShell::new(shell.clone(), *tenant, name, tokens, pace, clock.clone())?)
            }
        };
        Ok(Self { tokens, graph, insights })
    }
}
