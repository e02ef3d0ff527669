//! Tells what changed in the directory since a token was given out.

use serde_json::json;
use uuid::Uuid;

use super::error::Refusal;
use super::groups::{self, Shown};
use super::page::Listing;
use super::query::Query;
use super::users::{self, User};
use super::{Context, Reply};
use crate::sandbox::http::Content;
use crate::sandbox::state::State;
use crate::sandbox::text::{base64url, escape, from_base64url};

/// Is where a reader stands: what they had seen, and the selection baked into their token.
struct Token {
    epoch: Uuid,
    /// The place in the list of changes up to which they know everything.
    place: usize,
    select: Option<Vec<String>>,
}

impl Token {
    fn text(&self) -> String {
        base64url(json!([self.epoch, self.place, self.select]).to_string().as_bytes())
    }

    fn read(text: &str, state: &State) -> Result<Self, Refusal> {
        let gone = || Refusal {
            status: 410,
            code: "syncStateNotFound",
            message: "The sync state is not found: start over without a token.".to_owned(),
        };
        let bytes = from_base64url(text).ok_or_else(gone)?;
        let (epoch, place, select) = serde_json::from_slice(&bytes).map_err(|_| gone())?;
        let token = Self { epoch, place, select };
        if token.epoch == state.epoch && token.place <= state.moved.len() { Ok(token) } else { Err(gone()) }
    }
}

/// Answers `GET /users/delta`.
pub(super) fn users(context: &Context<'_>) -> Result<Reply, Refusal> {
    context.may_read_users()?;
    let state = context.shared.read();
    let (query, since, until) = read(context, &state)?;
    users::check_select(query.select.as_deref(), true)?;
    let tenant = &state.tenant;
    let places: Vec<usize> = match since {
        Since::Start => (0..tenant.people.len()).collect(),
        Since::Place(place) => {
            let moved = state.moved_between(place, until);
            moved.into_iter().filter_map(|id| tenant.person_by_id(id)).collect()
        }
    };
    let show = |at: usize| {
        let user = User { tenant, at: places[at], look: context.look() };
        let mut shown = user.show(query.select.as_deref());
        shown["id"] = tenant.people[places[at]].id.to_string().into();
        shown
    };
    let listing = Listing { context: "delta", len: places.len(), keep: &|_| true, show: &show };
    Ok(reply(context, &query, &state, until, &listing))
}

/// Answers `GET /groups/delta`; members are the direct ones.
pub(super) fn groups(context: &Context<'_>) -> Result<Reply, Refusal> {
    context.may_read_groups()?;
    let state = context.shared.read();
    let (query, since, until) = read(context, &state)?;
    let own: Option<Vec<String>> =
        query.select.as_ref().map(|names| names.iter().filter(|name| *name != "members").cloned().collect());
    groups::check_select(own.as_deref())?;
    let tenant = &state.tenant;
    let places: Vec<usize> = match since {
        Since::Start => (0..tenant.groups.len()).collect(),
        Since::Place(place) => {
            let moved = state.moved_between(place, until);
            moved.into_iter().filter_map(|id| tenant.group_by_id(id)).collect()
        }
    };
    let with_members = query.select.as_ref().is_none_or(|names| names.iter().any(|name| name == "members"));
    let show = |at: usize| {
        let group = &tenant.groups[places[at]];
        let mut shown =
            Shown { group, look: context.look(), ahead: state.world.group_delay }.show(own.as_deref());
        shown["id"] = group.id.to_string().into();
        if with_members && !group.hidden {
            let people = group.people.iter().map(
                |at| json!({ "@odata.type": "#microsoft.graph.user", "id": tenant.people[*at as usize].id }),
            );
            let nested = group.groups.iter().map(
                |at| json!({ "@odata.type": "#microsoft.graph.group", "id": tenant.groups[*at as usize].id }),
            );
            shown["members@delta"] = people.chain(nested).collect();
        }
        shown
    };
    let listing = Listing { context: "delta", len: places.len(), keep: &|_| true, show: &show };
    Ok(reply(context, &query, &state, until, &listing))
}

enum Since {
    /// A first reading: everything there is.
    Start,
    /// What changed after this place.
    Place(usize),
}

/// Reads the query, where the reader stands, and up to which change all pages of this delta reach.
fn read(context: &Context<'_>, state: &State) -> Result<(Query, Since, usize), Refusal> {
    let mut query = Query::read(context.request, &["select", "deltatoken", "skiptoken", "until"])?;
    let until = query.reach(state.moved.len());
    let since = match query.delta.as_deref() {
        None => Since::Start,
        Some("latest") => Since::Place(until),
        Some(text) => {
            let token = Token::read(text, state)?;
            query.select = token.select;
            Since::Place(token.place)
        }
    };
    Ok((query, since, until))
}

/// Cuts the page; the last one carries the link for next time instead of a next link.
fn reply(context: &Context<'_>, query: &Query, state: &State, until: usize, listing: &Listing<'_>) -> Reply {
    let mut reply = listing.page(context.request, query, &state.world);
    if let Content::Json(body) = &mut reply.body
        && body.get("@odata.nextLink").is_none()
    {
        let token = Token { epoch: state.epoch, place: until, select: query.select.clone() };
        let path = &context.request.path;
        let link = format!("{}{path}?$deltatoken={}", context.request.base, escape(&token.text()));
        body["@odata.deltaLink"] = link.into();
    }
    reply
}
