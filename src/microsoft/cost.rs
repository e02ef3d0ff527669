//! Counts ahead what a request costs at the service that it goes to.
//!
//! Microsoft Graph counts resource units, and writes by themselves; its limits hang on the size of the tenant
//! (<https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits>). Nothing is published for
//! the settings service, where each cmdlet is taken to be one call, also inside a batch.

use std::ops::Add;
use std::time::Duration;

use serde_json::Value;

use super::error::Peer;
use super::message::{Content, Request};
use super::pace::Allowance;

/// Is what a request costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Resource units at Graph, calls elsewhere.
    pub(crate) units: u32,
    /// Writes, where they have a budget of their own; 0 elsewhere.
    pub(crate) writes: u32,
}

impl Cost {
    /// Is one call of a service that counts nothing but calls.
    pub(crate) const CALL: Self = Self { units: 1, writes: 0 };

    /// Computes what a request costs; a batch costs what its items do.
    pub(crate) fn of(peer: Peer, request: &Request) -> Self {
        if let Content::Json(body) = &request.content
            && request.url.ends_with("/$batch")
            && let Some(Value::Array(items)) = body.get("requests")
        {
            return items.iter().map(|item| Self::of_item(peer, item)).fold(Self::default(), Self::add);
        }
        Self::of_one(peer, request.method, &request.url)
    }

    fn of_item(peer: Peer, item: &Value) -> Self {
        let word = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        Self::of_one(peer, word("method"), word("url"))
    }

    fn of_one(peer: Peer, method: &str, url: &str) -> Self {
        match peer {
            Peer::SignIn | Peer::Pipeline | Peer::Settings => Self::CALL,
            Peer::Directory if method == "GET" => Self { units: reading(url), writes: 0 },
            Peer::Directory => Self { units: 1, writes: 1 },
        }
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { units: self.units + other.units, writes: self.writes + other.writes }
    }
}

/// Gives the resource units of a `GET`; its address may be relative to the version.
fn reading(url: &str) -> u32 {
    /// Asks for fewer objects than this cost one unit less.
    const FEW: u32 = 20;
    let url = url.split_once("/v1.0").map_or(url, |(_, path)| path);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let base: u32 = match segments[..] {
        ["users"] | ["users", _, "licenseDetails"] => 2,
        ["subscribedSkus", ..] | ["groups", _, "members", ..] => 3,
        ["groups", _, "transitiveMembers", ..] => 5,
        _ => 1,
    };
    let option = |name: &str| {
        query.split('&').filter_map(|option| option.split_once('=')).find(|(key, _)| *key == name)
    };
    let few = option("$top").and_then(|(_, top)| top.parse::<u32>().ok()).is_some_and(|top| top < FEW);
    let less = u32::from(option("$select").is_some()) + u32::from(few);
    (base + u32::from(option("$expand").is_some())).saturating_sub(less).max(1)
}

/// Gives the resource units that Graph allows one app in a tenant of so many people.
///
/// Of a tenant whose size is not known yet, the smallest is assumed.
pub(crate) fn reads_allowed(people: u64) -> Allowance {
    let budget = match people {
        0..50 => 3_500,
        50..=500 => 5_000,
        501.. => 8_000,
    };
    Allowance::of_budget(budget, Duration::from_secs(10))
}

/// Gives the writes that Graph allows one app in a tenant of any size.
pub(crate) fn writes_allowed() -> Allowance {
    Allowance::of_budget(3_000, Duration::from_secs(150))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::microsoft::message::Effect;

    const GRAPH: &str = "https://graph.microsoft.com/v1.0";

    fn units(url: &str) -> u32 {
        Cost::of(Peer::Directory, &Request::get("a test", url.to_owned())).units
    }

    #[test]
    fn every_read_costs_what_the_table_says() {
        let table = [
            ("/users?$top=999", 2),
            ("/users?$select=id,mail&$top=999", 1),
            ("/users?$select=id&$top=5", 1),
            ("/users?$expand=manager&$top=999", 3),
            ("/users?$expand=manager&$top=19", 2),
            ("/users?$select=id,department&$expand=manager($select=id)&$top=999", 2),
            ("/users/ada@contoso.com", 1),
            ("/users/ada@contoso.com?$select=id", 1),
            ("/users/$count?$filter=accountEnabled%20eq%20true", 1),
            ("/users/7/licenseDetails", 2),
            ("/groups/7/members?$top=999", 3),
            ("/groups/7/transitiveMembers?$top=999", 5),
            ("/groups/7/transitiveMembers/microsoft.graph.user?$count=true&$select=id&$top=999", 4),
            ("/groups/7?$select=id", 1),
            ("/subscribedSkus", 3),
            ("/subscribedSkus?$select=skuId", 2),
            ("/organization?$select=id", 1),
        ];
        for (url, cost) in table {
            assert_eq!(units(url), cost, "{url}");
            assert_eq!(units(&format!("{GRAPH}{url}")), cost, "{GRAPH}{url}");
        }
    }

    #[test]
    fn a_batch_costs_what_its_items_do() {
        let envelope = |peer, items: serde_json::Value| {
            let url = format!("{GRAPH}/$batch");
            let request = Request::post("a batch", Effect::Read, url, json!({ "requests": items }));
            Cost::of(peer, &request)
        };
        let items = json!([
            { "id": "0", "method": "GET", "url": "/users/7?$select=id" },
            { "id": "1", "method": "GET", "url": "/groups/7/members" },
            { "id": "2", "method": "POST", "url": "/users/7/assignLicense", "body": {} },
        ]);
        assert_eq!(envelope(Peer::Directory, items.clone()), Cost { units: 5, writes: 1 });
        assert_eq!(envelope(Peer::Settings, items), Cost { units: 3, writes: 0 });
    }

    #[test]
    fn a_write_counts_as_one() {
        let url = format!("{GRAPH}/users/7/assignLicense?$select=id");
        let request = Request::post("licences", Effect::Write, url, json!({}));
        assert_eq!(Cost::of(Peer::Directory, &request), Cost { units: 1, writes: 1 });
        assert_eq!(Cost::of(Peer::Settings, &request), Cost::CALL);
    }

    #[test]
    fn a_larger_tenant_is_allowed_more() {
        let within = |allowance: Allowance, seconds: f64| {
            (allowance.saved + allowance.a_second * seconds).round().to_string()
        };
        let reads = |people| within(reads_allowed(people), 10.0);
        assert_eq!([0, 49, 50, 500, 501].map(reads), ["3500", "3500", "5000", "5000", "8000"]);
        assert_eq!(within(writes_allowed(), 150.0), "3000");
    }
}
