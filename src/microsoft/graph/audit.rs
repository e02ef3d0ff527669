//! Asks the tenant's audit log: a query is left there, looked after until it is answered, and its records are read.
//!
//! Source: <https://learn.microsoft.com/graph/api/security-auditcoreroot-post-auditlogqueries>, for the worldwide cloud
//! only. That records of type `myAnalyticsSettings` exist is documented; what they hold, and whether people's own
//! changes are among them, is not.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::audit_record::read;
use super::{Graph, PAGE};
use crate::clock::Clock;
use crate::microsoft::error::Peer;
use crate::microsoft::message::{Effect, Request};
use crate::microsoft::url;
use crate::model::{Refusal, RefusalKind};
use crate::plan::{AuditRecord, Questions, Silence};

/// Is how long to wait before the first look; each further wait is twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// Is the longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Is a query, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    id: String,
    status: Option<String>,
    is_record_count_limit_exceeded: Option<bool>,
}

/// Says how far a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// It may yet be answered.
    Open,
    /// Its records can be read.
    Answered,
    /// It will not be answered.
    Over,
}

impl Query {
    fn progress(&self) -> Progress {
        match self.status.as_deref().unwrap_or_default().to_ascii_lowercase().as_str() {
            "succeeded" => Progress::Answered,
            "failed" | "cancelled" | "canceled" => Progress::Over,
            // A status of tomorrow may lead anywhere; patience ends it.
            _ => Progress::Open,
        }
    }
}

/// Writes the request that leaves a query.
///
/// A tenant has 200 a day at least, so that it is not repeated unless it surely failed:
/// <https://learn.microsoft.com/graph/throttling-limits#security-audit-log-query-service-limits>.
fn ask(base: &str, since: Timestamp, until: Timestamp) -> Request {
    let body = json!({
        "displayName": "insightctl: who changed Viva Insights settings",
        "filterStartDateTime": since.to_string(),
        "filterEndDateTime": until.to_string(),
        "recordTypeFilters": ["myAnalyticsSettings"],
    });
    Request::post("the audit log", Effect::Work, format!("{base}/security/auditLog/queries"), body)
}

/// Writes the request that looks after a query.
fn look(base: &str, id: &str) -> Request {
    Request::get("the audit log", format!("{base}/security/auditLog/queries/{}", url::value(id)))
}

/// Writes the request for the first page of its records.
fn records(base: &str, id: &str) -> Request {
    let id = url::value(id);
    Request::get("the audit log", format!("{base}/security/auditLog/queries/{id}/records?$top={PAGE}"))
}

impl Graph {
    /// Asks who changed settings, and gives the records about those who are asked about, in no order.
    ///
    /// Records of our own application are left out: what we wrote is nobody else's change.
    pub(crate) async fn audit(
        &self,
        ours: Option<&str>,
        questions: &Questions,
        patience: Duration,
        clock: &Clock,
        tell: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Vec<AuditRecord>, Silence> {
        let ours = ours.map(str::to_lowercase);
        // A record may be a second late by our clock, and half of one early.
        let until = questions.until().saturating_add(Duration::from_secs(1)).unwrap_or(questions.until());
        let id = self.answered(&ask(&self.url(""), questions.since(), until), patience, clock, tell).await?;
        let mut heard = Vec::new();
        let take = |page: Vec<Value>| {
            let told = page.iter().filter_map(|record| read(record, ours.as_deref()));
            heard.extend(told.filter(|record| questions.concern(record)));
            Ok(())
        };
        self.pages(records(&self.url(""), &id), take).await.map_err(silent)?;
        Ok(heard)
    }

    /// Leaves a query, waits until it is answered, and gives its id.
    async fn answered(
        &self,
        ask: &Request,
        patience: Duration,
        clock: &Clock,
        tell: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<String, Silence> {
        let mut query = self.query(ask).await?;
        let (mut waited, mut wait) = (Duration::ZERO, FIRST_WAIT);
        loop {
            match query.progress() {
                Progress::Answered if query.is_record_count_limit_exceeded == Some(true) => {
                    return Err(Silence::CutShort);
                }
                Progress::Answered => return Ok(query.id),
                Progress::Over => {
                    let message = "the query of the audit log came to nothing".to_owned();
                    return Err(Silence::Refused { message });
                }
                Progress::Open if waited >= patience => {
                    return Err(Silence::NotInTime { seconds: patience.as_secs() });
                }
                Progress::Open => {}
            }
            let span = wait.min(patience.saturating_sub(waited));
            tell(waited.as_secs(), patience.as_secs());
            clock.sleep(span).await;
            (waited, wait) = (waited + span, (wait * 2).min(LONGEST_WAIT));
            query = self.query(&look(&self.url(""), &query.id)).await?;
        }
    }

    async fn query(&self, request: &Request) -> Result<Query, Silence> {
        let answer = self.service.send(request).await.map_err(|failure| silent(failure.refusal))?;
        answer.parse(Peer::Directory).map_err(silent)
    }
}

/// Takes a refusal for silence.
fn silent(refusal: Refusal) -> Silence {
    match refusal.kind {
        RefusalKind::Forbidden => Silence::NotPermitted,
        RefusalKind::NotAsked
        | RefusalKind::SignIn
        | RefusalKind::Missing
        | RefusalKind::BadRequest
        | RefusalKind::Conflict
        | RefusalKind::Throttled
        | RefusalKind::Failed
        | RefusalKind::Unreachable
        | RefusalKind::Garbled
        | RefusalKind::NoShell
        | RefusalKind::Closed => Silence::Refused { message: refusal.message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_asked_for_records_of_one_type_in_one_window() {
        let base = "https://graph.microsoft.com/v1.0";
        let (since, until) = ("2026-03-02T09:00:00Z", "2026-03-04T02:00:01Z");
        let all = [
            ask(base, since.parse().unwrap(), until.parse().unwrap()),
            look(base, "168ec429-084b-a489-90d8-504a87846305"),
            records(base, "a/../b"),
        ];
        insta::assert_snapshot!(all.map(|request| request.to_string()).join("\n\n"), @r#"
        POST https://graph.microsoft.com/v1.0/security/auditLog/queries

        {
          "displayName": "insightctl: who changed Viva Insights settings",
          "filterEndDateTime": "2026-03-04T02:00:01Z",
          "filterStartDateTime": "2026-03-02T09:00:00Z",
          "recordTypeFilters": [
            "myAnalyticsSettings"
          ]
        }

        GET https://graph.microsoft.com/v1.0/security/auditLog/queries/168ec429-084b-a489-90d8-504a87846305

        GET https://graph.microsoft.com/v1.0/security/auditLog/queries/a%2F..%2Fb/records?$top=999
        "#);
    }

    #[test]
    fn a_status_that_nobody_knows_is_waited_for() {
        let progress = |status: Value| {
            let query: Query = serde_json::from_value(json!({ "id": "q", "status": status })).unwrap();
            query.progress()
        };
        for open in [json!("notStarted"), json!("running"), json!("unknownFutureValue"), json!(null)] {
            assert_eq!(progress(open), Progress::Open);
        }
        assert_eq!(progress(json!("Succeeded")), Progress::Answered);
        assert_eq!(progress(json!("failed")), Progress::Over);
        assert_eq!(progress(json!("cancelled")), Progress::Over);
    }
}
