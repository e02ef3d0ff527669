//! Why something is done, and why something is left alone.

use serde::{Deserialize, Serialize};

/// Says why an operation is in the plan: the row of the verdict table, or what stands beside it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// Row 7: equals the default today and would not after this plan.
    Pinned,
    /// Row 9 with consent: a default moved what we had written.
    RePin,
    /// Row 10: we wrote what is there, and the manifest now asks for something else.
    ManifestChanged,
    /// Row 11: our write did not show in time; it is repeated once.
    DidNotTake,
    /// Row 12 under `on-user-choice: override`.
    Overridden,
    /// Row 14: never touched by us and never chosen by anyone.
    FirstTouch,
    /// A script had written what is there, as somebody recorded, and the manifest asks for something else.
    Recorded,
    /// The group opts people in again, once, although they had opted out before.
    ReOptIn,
    /// A run is undone.
    RolledBack,
    /// Stated again because an opt-in leaves the features in no known state.
    WithOptIn,
    /// A tenant setting or service plan that differs from the manifest.
    Differs,
    /// The person left, and gets back what was found.
    Restored,
}

/// Says why nothing is done for a person or a setting, in order of weight: the first weighs most.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Something could not be read.
    Unknown,
    /// The directory does not know the person.
    NotFound,
    /// A guest.
    Guest,
    /// A disabled account.
    Disabled,
    /// `guards.protected`.
    Protected,
    /// The group is in force, and the windows of its wave are closed.
    OutsideWindow,
    /// No mailbox.
    NoMailbox,
    /// No licence that carries personal insights.
    Unlicensed,
    /// What we wrote came back too often; see `insightctl release`.
    Quarantined,
    /// A run was undone here, and the manifest is still the same.
    RolledBack,
    /// The manifest accepts the deviation for a while.
    Accepted,
    /// Somebody opted out; nobody is opted in against that.
    ConsentFloor,
    /// Somebody chose otherwise.
    OwnChoice,
    /// The service plan is handed down by a group.
    InheritedLicence,
    /// Features do not matter while the person is opted out.
    OptedOut,
    /// A write has not shown yet.
    Settling,
    /// A change of the default has not shown yet.
    DefaultSettling,
    /// A default moved what we had written.
    DefaultMoved,
    /// The default will bring it about.
    MovesWithDefault,
    /// No longer asked for.
    Released,
    /// As it should be.
    InSync,
}
