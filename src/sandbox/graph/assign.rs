//! Assigns licences: `disabledPlans` replaces, what is inherited cannot be taken away here.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::error::Refusal;
use super::groups::{self, Shown};
use super::users::{self, User};
use super::{Context, Reply};
use crate::sandbox::error::SandboxError;
use crate::sandbox::licence::Look;
use crate::sandbox::state::{State, Write};
use crate::sandbox::tenant::{Assignment, Tenant};

/// Is the body of the call; both lists are required, and either may be empty.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    add_licenses: Vec<Add>,
    remove_licenses: Vec<Uuid>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Add {
    sku_id: Uuid,
    #[serde(default)]
    disabled_plans: BTreeSet<Uuid>,
}

fn permit(context: &Context<'_>) -> Result<(), Refusal> {
    context.permit(&["LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"])
}

fn body(context: &Context<'_>) -> Result<(Body, Value), Refusal> {
    let typed =
        context.request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if !typed {
        return Err(Refusal::odata(
            "A supported MIME type could not be found that matches the content type.",
        ));
    }
    let read =
        |error: serde_json::Error| Refusal::bad(format!("Invalid value specified for the body: {error}."));
    let body = serde_json::from_slice(&context.request.body).map_err(read)?;
    Ok((body, serde_json::from_slice(&context.request.body).map_err(read)?))
}

/// Answers `POST /users/{key}/assignLicense` with the user.
pub(super) fn to_user(context: &Context<'_>, key: &str) -> Result<Reply, Refusal> {
    permit(context)?;
    let (body, what) = body(context)?;
    let mut state = context.shared.write();
    let at = users::find(&state.tenant, key)?;
    let person = &state.tenant.people[at];
    if !body.add_licenses.is_empty() && person.usage_location().is_none() {
        return Err(Refusal::bad("License assignment cannot be done for user with invalid usage location."));
    }
    let target = person.id.to_string();
    let mut licences = person.licences.truth().clone();
    for sku in &body.remove_licenses {
        if !licences.iter().any(|held| held.sku_id == *sku) {
            let inherited =
                state.tenant.sources(at, Look::Truth).iter().any(|source| source.assignment.sku_id == *sku);
            return Err(Refusal::bad(if inherited {
                "User license is inherited from a group membership and it cannot be removed directly from the user."
            } else {
                "User does not have a corresponding license."
            }));
        }
    }
    change(&state.tenant, &mut licences, body, context.now)?;
    state.license_person(at, licences, context.now).map_err(|error| unwritten(&error))?;
    record(&mut state, context, target, what);
    let user = User { tenant: &state.tenant, at, look: context.look() }.show(None);
    Ok(Reply::json(200, user).written())
}

/// Answers `POST /groups/{id}/assignLicense`; the members follow in the background.
pub(super) fn to_group(context: &Context<'_>, key: &str) -> Result<Reply, Refusal> {
    permit(context)?;
    let (body, what) = body(context)?;
    let mut state = context.shared.write();
    let at = groups::find(&state.tenant, key)?;
    let group = &state.tenant.groups[at];
    if !group.security_enabled {
        return Err(Refusal::bad("License assignment is supported for security-enabled groups only."));
    }
    let target = group.id.to_string();
    let mut licences = group.licences.truth().clone();
    if body.remove_licenses.iter().any(|sku| !licences.iter().any(|held| held.sku_id == *sku)) {
        return Err(Refusal::bad("Group does not have a corresponding license."));
    }
    change(&state.tenant, &mut licences, body, context.now)?;
    state.license_group(at, licences, context.now).map_err(|error| unwritten(&error))?;
    record(&mut state, context, target, what);
    let shown =
        Shown { group: &state.tenant.groups[at], look: context.look(), ahead: state.world.group_delay }
            .show(None);
    Ok(Reply::json(202, shown).written())
}

/// Adds and removes products; a product that is there already gets the new list of plans, whole.
fn change(tenant: &Tenant, licences: &mut Vec<Assignment>, body: Body, now: i64) -> Result<(), Refusal> {
    let Body { add_licenses, remove_licenses } = body;
    licences.retain(|held| !remove_licenses.contains(&held.sku_id));
    for Add { sku_id, disabled_plans } in add_licenses {
        let Some(sku) = tenant.skus.get(&sku_id) else {
            return Err(Refusal::bad(format!(
                "License {sku_id} does not correspond to a valid company License."
            )));
        };
        if remove_licenses.contains(&sku_id) {
            return Err(Refusal::bad("A license cannot be both added and removed in one request."));
        }
        if let Some(plan) = disabled_plans.iter().find(|plan| !sku.plans.iter().any(|(id, _)| id == *plan)) {
            return Err(Refusal::bad(format!(
                "The service plan {plan} is not part of the license {sku_id}."
            )));
        }
        let disabled_plans = disabled_plans.into_iter().collect();
        let new = Assignment { sku_id, disabled_plans, at: now };
        match licences.iter_mut().find(|held| held.sku_id == sku_id) {
            Some(held) => *held = new,
            None => licences.push(new),
        }
    }
    Ok(())
}

fn unwritten(error: &SandboxError) -> Refusal {
    Refusal { status: 503, code: "ServiceUnavailable", message: error.to_string() }
}

fn record(state: &mut State, context: &Context<'_>, target: String, what: Value) {
    let call = "assignLicense".to_owned();
    state.writes.push(Write { at: context.now, by: context.caller.app, call, target, what });
}
