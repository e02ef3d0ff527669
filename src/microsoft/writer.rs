//! Writes settings and licences: the only door through which anything changes.

use std::fmt;
use std::sync::Arc;

use super::message::{Answer, Failure};
use super::reader::Reader;
use crate::model::{GroupId, PersonId, Refusal, TenantSetting, Value};
use crate::plan::LicenceChange;
use crate::plan::calls::Set;

/// Writes to one tenant.
#[derive(Clone, Debug)]
pub struct Writer(Reader);

/// Is one `Set-MyAnalyticsFeatureConfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonWrite {
    /// Entra object id.
    pub id: PersonId,
    /// `userPrincipalName`, the cmdlet's `-Identity`.
    pub upn: Arc<str>,
    /// What to set.
    pub set: Set,
}

/// Is one `assignLicense`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceWrite {
    /// Entra object id.
    pub id: PersonId,
    /// All products at once.
    pub changes: Vec<LicenceChange>,
}

/// Is what became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a write may have failed, or may have no answer"]
pub struct Sent {
    /// How often it was sent; 0 when it never left.
    pub attempts: u32,
    /// The service's id of the last request, or else ours.
    pub request_id: Option<String>,
    /// Whether the service took it. Taken is not yet visible: only reading it back confirms it.
    pub result: Result<(), WriteError>,
}

/// Says why a write was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It was surely not done.
    Refused(Refusal),
    /// It was sent, and nobody knows: the connection was cut, time ran out, or the answer means nothing.
    Unanswered(Refusal),
}

impl WriteError {
    /// Gives the refusal behind it.
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::Refused(refusal) | Self::Unanswered(refusal) => refusal,
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(_) => "the write was refused",
            Self::Unanswered(_) => "the write was sent and its outcome is unknown",
        })
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.refusal())
    }
}

impl From<Failure> for Sent {
    fn from(Failure { refusal, maybe_done, attempts }: Failure) -> Self {
        let request_id = refusal.request_id.clone();
        let error = if maybe_done { WriteError::Unanswered(refusal) } else { WriteError::Refused(refusal) };
        Self { attempts, request_id, result: Err(error) }
    }
}

impl Writer {
    /// Makes a writer for the tenant that a reader is connected to.
    pub fn new(reader: Reader) -> Self {
        Self(reader)
    }

    /// Gives the reader, to look again.
    pub fn reader(&self) -> &Reader {
        &self.0
    }

    /// Writes people's mode and features, ten to a batch, each independently of the others, in the same order.
    ///
    /// Two writes for the same person do not belong into one call: nobody says which comes first.
    pub async fn set_people(&self, writes: &[PersonWrite]) -> Vec<Sent> {
        let insights = self.0.insights();
        let mut sent = Vec::with_capacity(writes.len());
        for some in writes.chunks(insights.at_once()) {
            sent.extend(insights.set_people(some.to_vec()).await);
        }
        sent
    }

    /// Writes one default of the tenant.
    pub async fn set_tenant(&self, setting: TenantSetting, value: Value) -> Sent {
        self.0.insights().set_tenant(setting, value).await
    }

    /// Writes what a group hands out to all of its members, who follow in the background.
    pub async fn assign_group_licences(&self, group: GroupId, changes: &[LicenceChange]) -> Sent {
        taken(self.0.graph().assign_group_licences(group, changes).await)
    }

    /// Writes people's licences, twenty to a batch, in the same order.
    pub async fn assign_licences(&self, writes: &[LicenceWrite]) -> Vec<Sent> {
        self.0.graph().assign_licences(writes).await.into_iter().map(taken).collect()
    }
}

/// Judges the answer to a licence write, which gives the user or group back; its status says enough.
fn taken(answer: Result<Answer, Failure>) -> Sent {
    match answer {
        Ok(Answer { attempts, request_id, .. }) => Sent { attempts, request_id, result: Ok(()) },
        Err(failure) => failure.into(),
    }
}
