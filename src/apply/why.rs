//! Why an operation has the outcome that it has: structure first, `render` has the words.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::model::rollout::Closed;
use crate::model::{PersonId, Refusal, Setting, Value};
use crate::plan::Refused;

/// Says why an operation has the outcome that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A setting of the person is no longer as planned; somebody changed it meanwhile.
    Found {
        /// Which.
        #[schemars(with = "String")]
        setting: Setting,
        /// What it is now.
        value: Value,
    },
    /// The default is no longer as planned; somebody changed it meanwhile.
    FoundDefault {
        /// What it is now.
        value: Value,
    },
    /// Somebody else has changed the licences to what they were to be.
    FoundLicencesChanged,
    /// The licences are neither as planned nor as they were to be.
    FoundOtherLicences,
    /// The manifest protects the person by now.
    Protected,
    /// The opt-out that has to come first does not show yet.
    OptOutNotSeen,
    /// Whether the opt-out that has to come first shows could not be read.
    OptOutUnreadable(Refused),
    /// A value that is to outlive the default does not surely stand.
    PinNotStanding {
        /// Whose.
        id: PersonId,
        /// `userPrincipalName`; empty where nobody is named.
        upn: Arc<str>,
        /// What became of the pin.
        outcome: Outcome,
    },
    /// Somebody is in the licensing group by now of whom the plan knows nothing.
    GroupJoined {
        /// The licensing group's name.
        group: Arc<str>,
        /// How many people.
        people: u64,
        /// The first of them.
        id: PersonId,
        /// `userPrincipalName`; empty where nobody is named.
        upn: Arc<str>,
    },
    /// Somebody in the licensing group is not changed, so that the group may not be either.
    GroupHeldBack {
        /// The licensing group's name.
        group: Arc<str>,
        /// Who.
        id: PersonId,
        /// `userPrincipalName`; empty where nobody is named.
        upn: Arc<str>,
        /// What became of their operation.
        outcome: Outcome,
    },
    /// The directory still works on an earlier change of the licensing group.
    GroupProcessing {
        /// The licensing group's name.
        group: Arc<str>,
    },
    /// The licensing group was written, and the directory reports licence errors of some of its members.
    GroupErrors {
        /// The licensing group's name.
        group: Arc<str>,
    },
    /// It was taken, and the service has no field to read it back from.
    WriteOnly,
    /// The windows of the person's wave are closed.
    OutsideWindow(Closed),
    /// The run ended between two calls for the person.
    BrokenOff,
    /// The service refused, did not answer, or did not even let us look.
    Refused(Refused),
}

impl Why {
    /// Takes away whatever names a person, or could: the service's words may contain an address.
    pub(super) fn forget_names(&mut self) {
        match self {
            Self::PinNotStanding { id: _, upn, outcome: _ }
            | Self::GroupJoined { group: _, people: _, id: _, upn }
            | Self::GroupHeldBack { group: _, id: _, upn, outcome: _ } => *upn = Arc::from(""),
            Self::OptOutUnreadable(refused) | Self::Refused(refused) => refused.message.clear(),
            Self::Found { .. }
            | Self::FoundDefault { .. }
            | Self::FoundLicencesChanged
            | Self::FoundOtherLicences
            | Self::Protected
            | Self::OptOutNotSeen
            | Self::GroupProcessing { .. }
            | Self::GroupErrors { .. }
            | Self::WriteOnly
            | Self::OutsideWindow(_)
            | Self::BrokenOff => {}
        }
    }
}

impl From<&Refusal> for Why {
    fn from(refusal: &Refusal) -> Self {
        Self::Refused(refused(refusal))
    }
}

/// Keeps what a report tells of a refusal; the id of its request stands beside.
pub(super) fn refused(Refusal { kind, message, request_id: _ }: &Refusal) -> Refused {
    Refused { kind: *kind, message: message.clone() }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::RefusalKind;

    #[test]
    fn what_is_kept_names_nobody_and_still_says_why() {
        let said = Refused { kind: RefusalKind::Missing, message: "ada@contoso.com is gone".to_owned() };
        let pin = Why::PinNotStanding {
            id: PersonId(Uuid::nil()),
            upn: "ada@contoso.com".into(),
            outcome: Outcome::Moved,
        };
        for why in [Why::Refused(said.clone()), Why::OptOutUnreadable(said), pin] {
            let mut kept = why.clone();
            kept.forget_names();
            let text = serde_json::to_string(&kept).expect("JSON");
            assert!(!text.contains("contoso"), "{text}");
            assert_eq!(std::mem::discriminant(&kept), std::mem::discriminant(&why));
        }
    }
}
