//! Answers the audit log query API: a query is left, runs for a while, and then has records.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Context;
use super::error::Refusal;
use super::page::Listing;
use super::query::Query;
use crate::sandbox::audit::{Audited, TYPE};
use crate::sandbox::http::Reply;
use crate::sandbox::state::State;

/// Is a query that somebody left.
#[derive(Debug)]
pub(in crate::sandbox) struct Left {
    body: Body,
    /// How often it has been looked after.
    looks: u32,
}

/// Is the body of a query, as far as the sandbox understands queries; all of it may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Body {
    #[serde(rename = "@odata.type")]
    _type: Option<String>,
    display_name: Option<String>,
    filter_start_date_time: Option<Timestamp>,
    filter_end_date_time: Option<Timestamp>,
    record_type_filters: Vec<String>,
    user_principal_name_filters: Vec<String>,
}

impl Body {
    fn finds(&self, record: &Audited, state: &State) -> bool {
        let at = Timestamp::from_second(record.at).unwrap_or(Timestamp::UNIX_EPOCH);
        let any = |names: &[String], is: &str| {
            names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(is))
        };
        self.filter_start_date_time.is_none_or(|start| start <= at)
            && self.filter_end_date_time.is_none_or(|end| at < end)
            && any(&self.record_type_filters, TYPE)
            && any(&self.user_principal_name_filters, record.actor(&state.tenant).unwrap_or_default())
    }
}

fn permit(context: &Context<'_>) -> Result<(), Refusal> {
    context.permit(&["AuditLogsQuery.Read.All", "AuditLogsQuery-Exchange.Read.All"])
}

fn find(key: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(key).map_err(|_| Refusal::absent(key))
}

/// Says how far a query is: it is looked after as often as the world says before it is answered.
fn status(left: &Left, state: &State) -> &'static str {
    match left.looks {
        looks if looks > state.world.audit_polls => "succeeded",
        0 => "notStarted",
        _ => "running",
    }
}

fn show(id: Uuid, left: &Left, state: &State) -> Value {
    let Body {
        _type: _,
        display_name,
        filter_start_date_time,
        filter_end_date_time,
        record_type_filters,
        user_principal_name_filters,
    } = &left.body;
    let moment = |at: &Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "@odata.type": "#microsoft.graph.security.auditLogQuery",
        "id": id,
        "displayName": display_name,
        "filterStartDateTime": moment(filter_start_date_time),
        "filterEndDateTime": moment(filter_end_date_time),
        "recordTypeFilters": record_type_filters,
        "userPrincipalNameFilters": user_principal_name_filters,
        "status": status(left, state),
        "isRecordCountLimitExceeded": false,
    })
}

/// Answers `POST /security/auditLog/queries`.
pub(super) fn create(context: &Context<'_>) -> Result<Reply, Refusal> {
    permit(context)?;
    let body = serde_json::from_slice(&context.request.body);
    let body =
        body.map_err(|error| Refusal::bad(format!("Invalid value specified for the body: {error}.")))?;
    let (id, left) = (Uuid::new_v4(), Left { body, looks: 0 });
    let mut state = context.shared.write();
    let shown = show(id, &left, &state);
    state.queries.insert(id, left);
    Ok(Reply::json(201, shown))
}

/// Answers `GET /security/auditLog/queries/{id}`.
pub(super) fn look(context: &Context<'_>, key: &str) -> Result<Reply, Refusal> {
    permit(context)?;
    let id = find(key)?;
    let mut state = context.shared.write();
    let left = state.queries.get_mut(&id).ok_or_else(|| Refusal::absent(key))?;
    left.looks = left.looks.saturating_add(1);
    Ok(Reply::json(200, show(id, &state.queries[&id], &state)))
}

/// Answers `GET /security/auditLog/queries/{id}/records`.
pub(super) fn records(context: &Context<'_>, key: &str) -> Result<Reply, Refusal> {
    permit(context)?;
    let query = Query::read(context.request, &["top", "skiptoken"])?;
    let (id, state) = (find(key)?, context.shared.read());
    let left = state.queries.get(&id).ok_or_else(|| Refusal::absent(key))?;
    if status(left, &state) != "succeeded" {
        return Err(Refusal::bad("The query has not succeeded yet."));
    }
    let listing = Listing {
        context: &format!("security/auditLog/queries('{id}')/records"),
        len: state.audit.len(),
        keep: &|at| left.body.finds(&state.audit[at], &state),
        show: &|at| state.audit[at].show(&state.tenant),
    };
    Ok(listing.page(context.request, &query, &state.world))
}
