//! Answers Microsoft Graph v1.0 as far as people, groups, products, licences and the audit log go.

mod assign;
mod audit;
mod batch;
mod delta;
mod directory;
mod error;
mod filter;
mod groups;
mod page;
mod query;
mod users;

use serde_json::json;

pub(super) use self::audit::Left;
use self::error::Refusal;
use crate::sandbox::http::{Reply, Request, Shared};
use crate::sandbox::licence::Look;
use crate::sandbox::text;
use crate::sandbox::token::{self, Caller, GRAPH};

/// Is what an endpoint works with.
struct Context<'a> {
    shared: &'a Shared,
    request: &'a Request,
    caller: &'a Caller,
    now: i64,
}

impl Context<'_> {
    /// Refuses an application that has none of these permissions.
    fn permit(&self, roles: &[&str]) -> Result<(), Refusal> {
        let any = self.caller.roles.iter().any(|role| roles.contains(&role.as_str()));
        if any { Ok(()) } else { Err(Refusal::denied()) }
    }

    fn may_read_users(&self) -> Result<(), Refusal> {
        self.permit(&["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"])
    }

    fn may_read_groups(&self) -> Result<(), Refusal> {
        self.permit(&[
            "GroupMember.Read.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ])
    }

    fn may_read_organization(&self) -> Result<(), Refusal> {
        self.permit(&["Organization.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"])
    }

    /// Products are read with a permission that reads nothing else of the organisation; the one that writes licences
    /// is not in Microsoft's table.
    fn may_read_products(&self) -> Result<(), Refusal> {
        self.permit(&[
            "LicenseAssignment.Read.All",
            "Organization.Read.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ])
    }

    fn look(&self) -> Look {
        Look::At(self.now)
    }
}

/// Answers one request below `/graph`.
pub(super) fn answer(shared: &Shared, request: &Request, path: &[&str]) -> Reply {
    let now = shared.now();
    let reply = match route(shared, request, path, now) {
        Ok(reply) => reply,
        Err(refusal) => refusal.reply(),
    };
    error::envelope(reply, request, now)
}

/// Writes the refusal of an item of a batch that came too fast.
pub(super) fn throttled(request: &Request) -> Reply {
    let refusal = Refusal { status: 429, code: "TooManyRequests", message: "Too many requests.".to_owned() };
    error::envelope(refusal.reply(), request, 0)
}

/// Writes a refusal that a script makes up.
pub(super) fn refused(request: &Request, status: u16, code: &str, text: &str, now: i64) -> Reply {
    let body = json!({ "error": { "code": code, "message": text } });
    error::envelope(Reply::json(status, body), request, now)
}

fn route(shared: &Shared, request: &Request, path: &[&str], now: i64) -> Result<Reply, Refusal> {
    let caller = token::caller(shared, request, GRAPH).map_err(|bad| Refusal {
        status: 401,
        code: "InvalidAuthenticationToken",
        message: bad.message().to_owned(),
    })?;
    if caller.tenant != shared.read().tenant.organization.id {
        return Err(Refusal {
            status: 401,
            code: "InvalidAuthenticationToken",
            message: "The tenant of the token is not the tenant of this directory.".to_owned(),
        });
    }
    let ["v1.0", path @ ..] = path else {
        return Err(Refusal::odata("Invalid version."));
    };
    let context = Context { shared, request, caller: &caller, now };
    let keyed = key_of(path);
    let path: Vec<&str> = keyed.iter().map(String::as_str).collect();
    let (cost, reply) = match (request.method.as_str(), path.as_slice()) {
        ("POST", ["$batch"]) => return batch::answer(&context),
        ("GET", ["organization"]) => (1, directory::organization(&context)?),
        ("GET", ["subscribedSkus"]) => (3, directory::subscribed_skus(&context)?),
        ("GET", ["users"]) => (2, directory::list_users(&context)?),
        ("GET", ["users", "$count"]) => (1, directory::count_users(&context)?),
        ("GET", ["users", "delta" | "delta()" | "microsoft.graph.delta"]) => (2, delta::users(&context)?),
        ("GET", ["users", key]) => (1, directory::one_user(&context, key)?),
        ("GET", ["users", key, "licenseDetails"]) => (2, directory::license_details(&context, key)?),
        ("POST", ["users", key, "assignLicense"]) => (1, assign::to_user(&context, key)?),
        ("GET", ["groups"]) => (1, directory::list_groups(&context)?),
        ("GET", ["groups", "delta" | "delta()" | "microsoft.graph.delta"]) => (2, delta::groups(&context)?),
        ("GET", ["groups", key]) => (1, directory::one_group(&context, key)?),
        ("POST", ["groups", key, "assignLicense"]) => (1, assign::to_group(&context, key)?),
        ("GET", ["groups", key, "members", cast @ ..]) => {
            (3, directory::members(&context, key, false, cast)?)
        }
        ("GET", ["groups", key, "transitiveMembers", cast @ ..]) => {
            (5, directory::members(&context, key, true, cast)?)
        }
        ("POST", ["security", "auditLog", "queries"]) => (1, audit::create(&context)?),
        ("GET", ["security", "auditLog", "queries", key]) => (1, audit::look(&context, key)?),
        ("GET", ["security", "auditLog", "queries", key, "records"]) => (1, audit::records(&context, key)?),
        ("GET", [.., last]) => {
            return Err(Refusal::odata(format!("Resource not found for the segment '{last}'.")));
        }
        (_, []) => return Err(Refusal::odata("Resource not found for the segment ''.")),
        (method, _) => {
            let message = format!("Specified HTTP method '{method}' is not allowed for the request target.");
            return Err(Refusal { status: 405, code: "Request_BadRequest", message });
        }
    };
    Ok(reply.with("x-ms-resource-unit", units(cost, &request.query).to_string()))
}

/// Counts the units that the identity service charges: a selection and a small page are cheaper, what is expanded is
/// dearer, nothing is free.
fn units(cost: u32, query: &str) -> u32 {
    let options = text::pairs(query).unwrap_or_default();
    let small = |(name, value): &&(String, String)| match name.as_str() {
        "$select" => true,
        "$top" => value.parse().is_ok_and(|top: u32| top < 20),
        _ => false,
    };
    let cheaper = u32::try_from(options.iter().filter(small).count()).unwrap_or_default();
    let dearer = u32::from(options.iter().any(|(name, _)| name == "$expand"));
    (cost + dearer).saturating_sub(cheaper).max(1)
}

/// Rewrites `users('key')` as `users/key`.
fn key_of(path: &[&str]) -> Vec<String> {
    let mut segments = Vec::with_capacity(path.len() + 1);
    for segment in path {
        let keyed = segment.split_once("('").and_then(|(name, key)| Some((name, key.strip_suffix("')")?)));
        match keyed {
            Some((name @ ("users" | "groups"), key)) => {
                segments.extend([name.to_owned(), key.replace("''", "'")]);
            }
            Some(_) | None => segments.push((*segment).to_owned()),
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_and_a_small_page_cost_less() {
        assert_eq!(units(5, ""), 5);
        assert_eq!(units(5, "$select=id&$top=999"), 4);
        assert_eq!(units(5, "$select=id&$top=19"), 3);
        assert_eq!(units(1, "$select=id&$top=1"), 1);
        assert_eq!(units(2, "$select=id&$expand=manager($select=id)&$top=999"), 2);
    }

    #[test]
    fn a_key_may_stand_in_parentheses() {
        assert_eq!(
            key_of(&["users('o''brien@contoso.com')", "licenseDetails"]),
            ["users", "o'brien@contoso.com", "licenseDetails"]
        );
        assert_eq!(key_of(&["users", "$count"]), ["users", "$count"]);
    }
}
