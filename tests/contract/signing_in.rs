//! What insightctl relies on of the tokens that it is given.

use serde_json::{Value, json};

use crate::clause::{Clause, Finding};
use crate::scrub;
use crate::stage::Stage;
use crate::tokens::{Audience, claims};
use crate::wire::Wire;

/// The directory roles whose bearers may use the settings service, by template id.
pub(crate) const ROLES: [(&str, &str); 4] = [
    ("62e90394-69f5-4237-9190-012177145e10", "Global Administrator"),
    ("29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator"),
    ("69091246-20e8-4a56-aa4d-066075b2a7a8", "Teams Administrator"),
    ("eb1f4a8d-243a-41f0-9fbd-c7cdf6c5ef7c", "Insights Administrator"),
];

/// Looks into the token for Microsoft Graph.
pub(crate) async fn graph_token(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "graph-token",
        says: "A token for Microsoft Graph names Graph, the tenant, and what the application may do.",
        expects: "`aud` is Graph, `tid` the tenant, `roles` (or `scp`) not empty",
        settles: &[],
    };
    looked_into(stage, clause, Audience::Graph, |claims| granted(claims).next().is_some()).await
}

/// Looks into the token for Exchange Online.
pub(crate) async fn exchange_token(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "exchange-token",
        says: "A token for Exchange shows in `wids` whether its bearer may use the settings service.",
        expects: "`aud` is Exchange, `tid` the tenant, `roles` has Exchange.ManageAsApp (an application's token), `wids` \
                  one of four directory roles",
        settles: &["O8"],
    };
    let enough = |claims: &Value| {
        let app = claims["scp"].is_string() || granted(claims).any(|role| role == "Exchange.ManageAsApp");
        app && !roles(claims).is_empty()
    };
    looked_into(stage, clause, Audience::Exchange, enough).await
}

/// Sends each service the token of the other.
pub(crate) async fn other_audience(stage: &Stage) -> Finding {
    let clause = Clause {
        id: "token-of-another-service",
        says: "A token for one service opens no other.",
        expects: "401 from both",
        settles: &[],
    };
    let (wire, cmdlet) = (&stage.wire, "Get-DefaultTenantMyAnalyticsFeatureConfig");
    let url = wire.graph("/organization?$select=id");
    let graph =
        wire.send(Audience::Exchange, "GET /organization (Exchange's token)", || wire.client.get(&url)).await;
    let (url, body) = (wire.exchange("InvokeCommand"), Wire::envelope(cmdlet, &json!({})));
    let exchange = wire
        .send(Audience::Graph, "InvokeCommand (Graph's token)", || {
            let request = wire.client.post(&url).json(&body);
            wire.routing(cmdlet)
                .into_iter()
                .fold(request, |request, (name, value)| request.header(name, value))
        })
        .await;
    let seen = format!("Graph: {}; Exchange: {}", graph.told(), exchange.told());
    clause.judged(graph.status == 401 && exchange.status == 401, seen)
}

async fn looked_into(
    stage: &Stage,
    clause: Clause,
    audience: Audience,
    enough: impl Fn(&Value) -> bool,
) -> Finding {
    let token = match stage.wire.tokens().get(&stage.wire, audience).await {
        Ok(token) => token,
        Err(seen) => return clause.differs(format!("there was none: {}", seen.told())),
    };
    let Some(claims) = claims(&token) else {
        return clause.untried("the token can be read by its service alone");
    };
    let text = |name: &str| claims[name].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
    let aud = audience.names().contains(&text("aud").as_str());
    let tid = text("tid").eq_ignore_ascii_case(&stage.wire.tenant.to_string());
    let list = |words: Vec<&str>| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let seen = format!(
        "audience {}, tenant {}, kind {}, granted: {}; of the four roles: {}; {} directory roles in all",
        if aud { "as expected".to_owned() } else { scrub::said(&text("aud")) },
        if tid { "as expected" } else { "another one" },
        scrub::said(&text("idtyp")),
        list(granted(&claims).collect()),
        list(roles(&claims)),
        claims["wids"].as_array().map_or(0, Vec::len),
    );
    clause.judged(aud && tid && enough(&claims), seen)
}

/// Gives what an application, or a person, was granted.
fn granted(claims: &Value) -> impl Iterator<Item = &str> {
    let roles = claims["roles"].as_array().into_iter().flatten().filter_map(Value::as_str);
    roles.chain(claims["scp"].as_str().unwrap_or_default().split_whitespace())
}

/// Gives those of the four roles that a token bears.
pub(crate) fn roles(claims: &Value) -> Vec<&'static str> {
    let wids = claims["wids"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let name = |wid: &str| ROLES.iter().find(|(id, _)| *id == wid).map(|(_, name)| *name);
    wids.filter_map(name).collect()
}
