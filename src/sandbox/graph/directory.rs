//! Answers what the directory is asked: the tenant, its products, its people and its groups.

use serde_json::{Value, json};

use super::Context;
use super::error::Refusal;
use super::filter::{self, Filter};
use super::groups::{self, Groups, Shown};
use super::page::Listing;
use super::query::Query;
use super::users::{self, User, Users};
use crate::sandbox::http::Reply;
use crate::sandbox::state::State;
use crate::sandbox::text::lower;

/// What a listing can be asked for.
const LIST: &[&str] = &["select", "filter", "search", "top", "count", "skiptoken"];

/// What a listing of users can be asked for.
const LIST_USERS: &[&str] = &["select", "expand", "filter", "search", "top", "count", "skiptoken"];

pub(super) fn organization(context: &Context<'_>) -> Result<Reply, Refusal> {
    context.may_read_organization()?;
    Query::read(context.request, &["select"])?;
    let state = context.shared.read();
    let organization = &state.tenant.organization;
    let domain = |name: &String, initial: bool| json!({ "name": name, "isInitial": initial, "isDefault": !initial, "type": "Managed", "capabilities": "Email" });
    let mut domains = vec![domain(&organization.name, true)];
    domains.extend(organization.domains.iter().map(|name| domain(name, false)));
    let body = json!({
        "@odata.context": format!("{}/graph/v1.0/$metadata#organization", context.request.base),
        "value": [{
            "id": organization.id,
            "displayName": organization.display_name,
            "countryLetterCode": organization.country_letter_code,
            "tenantType": "AAD",
            "verifiedDomains": domains,
        }],
    });
    Ok(Reply::json(200, body))
}

pub(super) fn subscribed_skus(context: &Context<'_>) -> Result<Reply, Refusal> {
    context.may_read_products()?;
    let query = Query::read(context.request, &["select"])?;
    let mut skus = context.shared.read().tenant.subscribed_skus(context.look());
    if let Some(names) = &query.select {
        for sku in skus.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(name) = names.iter().find(|name| !sku.contains_key(*name)) {
                return Err(Refusal::odata(format!("Could not find a property named '{name}'.")));
            }
            sku.retain(|name, _| names.contains(name));
        }
    }
    let context = format!("{}/graph/v1.0/$metadata#subscribedSkus", context.request.base);
    Ok(Reply::json(200, json!({ "@odata.context": context, "value": skus })))
}

fn read_filter<K: filter::Kind>(query: &Query) -> Result<Option<Filter>, Refusal> {
    query.filter.as_deref().map(Filter::read::<K>).transpose()
}

/// Reads `"displayName:word"`, the one form of `$search` that is served.
fn read_search(query: &Query) -> Result<Option<String>, Refusal> {
    let Some(search) = &query.search else { return Ok(None) };
    let inner = search.strip_prefix('"').and_then(|search| search.strip_suffix('"'));
    match inner.and_then(|inner| inner.split_once(':')) {
        Some(("displayName", word)) => Ok(Some(lower(word.trim()).into_owned())),
        Some(_) | None => Err(Refusal::query("Only $search=\"displayName:word\" is supported.")),
    }
}

fn finds(word: Option<&String>, name: &str) -> bool {
    word.is_none_or(|word| lower(name).split_whitespace().any(|part| part.starts_with(word.as_str())))
}

pub(super) fn list_users(context: &Context<'_>) -> Result<Reply, Refusal> {
    context.may_read_users()?;
    let query = Query::read(context.request, LIST_USERS)?;
    let state = context.shared.read();
    users_page(context, &query, &state, "users", None, false)
}

/// Lists users: everyone, or those at the given places.
fn users_page(
    context: &Context<'_>,
    query: &Query,
    state: &State,
    name: &str,
    places: Option<&[u32]>,
    advanced: bool,
) -> Result<Reply, Refusal> {
    let filter = read_filter::<Users>(query)?;
    let word = read_search(query)?;
    users::check_select(query.select.as_deref(), true)?;
    users::check_select(query.manager.as_ref().and_then(|manager| manager.select.as_deref()), true)?;
    query.declare(advanced || word.is_some() || filter.as_ref().is_some_and(|filter| filter.advanced))?;
    let tenant = &state.tenant;
    let user = |place: usize| {
        let at = places.map_or(place, |places| places[place] as usize);
        User { tenant, at, look: context.look() }
    };
    let listing = Listing {
        context: name,
        len: places.map_or(tenant.people.len(), <[u32]>::len),
        keep: &|place| {
            let user = user(place);
            filter.as_ref().is_none_or(|filter| filter.keeps(&user))
                && finds(word.as_ref(), tenant.people[user.at].display_name())
        },
        show: &|place| user(place).show_for(query),
    };
    Ok(listing.page(context.request, query, &state.world))
}

pub(super) fn count_users(context: &Context<'_>) -> Result<Reply, Refusal> {
    context.may_read_users()?;
    let query = Query::read(context.request, &["filter"])?;
    if !query.eventual {
        return Err(Refusal::query(
            "Request with $count in URL segment needs the header ConsistencyLevel:eventual.",
        ));
    }
    let filter = read_filter::<Users>(&query)?;
    let state = context.shared.read();
    let user = |at| User { tenant: &state.tenant, at, look: context.look() };
    let kept = (0..state.tenant.people.len())
        .filter(|at| filter.as_ref().is_none_or(|filter| filter.keeps(&user(*at))))
        .count();
    Ok(Reply::text(200, kept.to_string()))
}

pub(super) fn one_user(context: &Context<'_>, key: &str) -> Result<Reply, Refusal> {
    context.may_read_users()?;
    let query = Query::read(context.request, &["select", "expand"])?;
    users::check_select(query.select.as_deref(), false)?;
    users::check_select(query.manager.as_ref().and_then(|manager| manager.select.as_deref()), false)?;
    let state = context.shared.read();
    let at = users::find(&state.tenant, key)?;
    let mut user = User { tenant: &state.tenant, at, look: context.look() }.show_for(&query);
    user["@odata.context"] = format!("{}/graph/v1.0/$metadata#users/$entity", context.request.base).into();
    Ok(Reply::json(200, user))
}

pub(super) fn license_details(context: &Context<'_>, key: &str) -> Result<Reply, Refusal> {
    context.may_read_users()?;
    Query::read(context.request, &["select"])?;
    let state = context.shared.read();
    let at = users::find(&state.tenant, key)?;
    Ok(Reply::json(200, json!({ "value": state.tenant.license_details(at, context.look()) })))
}

pub(super) fn list_groups(context: &Context<'_>) -> Result<Reply, Refusal> {
    context.may_read_groups()?;
    let query = Query::read(context.request, LIST)?;
    let filter = read_filter::<Groups>(&query)?;
    let word = read_search(&query)?;
    groups::check_select(query.select.as_deref())?;
    query.declare(word.is_some() || filter.as_ref().is_some_and(|filter| filter.advanced))?;
    let state = context.shared.read();
    let group = |at: usize| Shown {
        group: &state.tenant.groups[at],
        look: context.look(),
        ahead: state.world.group_delay,
    };
    let listing = Listing {
        context: "groups",
        len: state.tenant.groups.len(),
        keep: &|at| {
            let shown = group(at);
            filter.as_ref().is_none_or(|filter| filter.keeps(&shown))
                && finds(word.as_ref(), &shown.group.display_name)
        },
        show: &|at| group(at).show(query.select.as_deref()),
    };
    Ok(listing.page(context.request, &query, &state.world))
}

pub(super) fn one_group(context: &Context<'_>, key: &str) -> Result<Reply, Refusal> {
    context.may_read_groups()?;
    let query = Query::read(context.request, &["select"])?;
    groups::check_select(query.select.as_deref())?;
    let state = context.shared.read();
    let group = &state.tenant.groups[groups::find(&state.tenant, key)?];
    let mut shown =
        Shown { group, look: context.look(), ahead: state.world.group_delay }.show(query.select.as_deref());
    shown["@odata.context"] = format!("{}/graph/v1.0/$metadata#groups/$entity", context.request.base).into();
    Ok(Reply::json(200, shown))
}

/// Lists members, direct or through any depth, of every kind or cast to users.
pub(super) fn members(
    context: &Context<'_>,
    key: &str,
    transitive: bool,
    cast: &[&str],
) -> Result<Reply, Refusal> {
    context.may_read_groups()?;
    let query = Query::read(context.request, LIST)?;
    let state = context.shared.read();
    let tenant = &state.tenant;
    let at = groups::find(tenant, key)?;
    let group = &tenant.groups[at];
    // Without Member.Read.Hidden, a hidden membership looks empty.
    let hidden = group.hidden && context.permit(&["Member.Read.Hidden"]).is_err();
    let (people, nested): (&[u32], &[u32]) = match (hidden, transitive) {
        (true, _) => (&[], &[]),
        (false, true) => (&tenant.reach(at).people, &tenant.reach(at).groups),
        (false, false) => (&group.people, &group.groups),
    };
    match cast {
        ["microsoft.graph.user"] => users_page(context, &query, &state, "users", Some(people), true),
        [] => {
            if query.filter.is_some() || query.search.is_some() {
                return Err(Refusal::query("Members can be filtered only when they are cast to a type."));
            }
            query.declare(false)?;
            users::check_select(query.select.as_deref(), true)?;
            let show = |place: usize| {
                if let Some(at) = people.get(place) {
                    let user = User { tenant, at: *at as usize, look: context.look() };
                    tagged(user.show(query.select.as_deref()), "#microsoft.graph.user")
                } else {
                    let group = &tenant.groups[nested[place - people.len()] as usize];
                    let group = Shown { group, look: context.look(), ahead: state.world.group_delay };
                    // Of the selected properties, a group shows those that it has.
                    let known = |name: &&String| groups::check_select(Some(&[(*name).clone()])).is_ok();
                    let select: Option<Vec<String>> =
                        query.select.as_ref().map(|names| names.iter().filter(known).cloned().collect());
                    tagged(group.show(select.as_deref()), "#microsoft.graph.group")
                }
            };
            let listing = Listing {
                context: "directoryObjects",
                len: people.len() + nested.len(),
                keep: &|_| true,
                show: &show,
            };
            Ok(listing.page(context.request, &query, &state.world))
        }
        _ => Err(Refusal::odata("Members can be cast to microsoft.graph.user only.")),
    }
}

fn tagged(mut object: Value, kind: &str) -> Value {
    object["@odata.type"] = kind.into();
    object
}
