//! What insightctl remembers: what it wrote, what it saw, and whose decision that was.
//!
//! The service never says who set a value, nor whether it is stored or merely follows the default. The ledger keeps
//! what can be reasoned about that. People stand in it by object id alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{BySetting, Mark, PersonId, Setting, TenantSetting, Value};

/// Says where an entry's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// insightctl wrote it.
    Us,
    /// It was found so.
    Seen,
}

/// Is what was found before our first write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Found {
    /// The value.
    pub value: Value,
    /// Whether somebody had chosen it; otherwise it followed the default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chosen: bool,
}

/// Is a write that was sent and whose outcome nobody heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tried {
    /// What was to be written.
    pub value: Value,
    /// When it was sent.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// Is what is remembered of one setting of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each with its own meaning in the verdict table"
)]
pub struct Entry {
    /// The value written or last seen.
    pub value: Value,
    /// Who set it, as far as we know.
    pub by: By,
    /// The default in force when this value was last looked at; absent for the service plan, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_then: Option<Value>,
    /// When it was written, or first seen.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// A written value was read back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// A written value was read back while the default differed from it, so it is surely stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stored: bool,
    /// Somebody else decided so; survives a later default that happens to equal it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chosen: bool,
    /// The manifest no longer asks for this setting of this person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// A write that did not take was already repeated once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retried: bool,
    /// The last write, or try, changed a licensing group and not the person, which takes longer to show.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_group: bool,
    /// An administrator's script wrote it, as somebody recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
    /// The manifest under which it was rolled back; while that is in force, nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<Mark>,
    /// What was there before our first write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// A write whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Tried>,
}

impl Entry {
    /// Remembers a value that was found.
    pub fn seen(value: Value, default: Option<Value>, chosen: bool, at: Timestamp) -> Self {
        Self {
            value,
            by: By::Seen,
            default_then: default,
            at,
            confirmed: false,
            stored: false,
            chosen,
            released: false,
            retried: false,
            by_group: false,
            recorded: false,
            rolled_back: None,
            found: None,
            tried: None,
        }
    }

    /// Says whether this is a value that we wrote.
    pub fn written(&self) -> Option<Value> {
        match self.by {
            By::Us => Some(self.value),
            By::Seen => None,
        }
    }

    /// Says whether this is a value that somebody else decided on.
    pub fn is_choice_of(&self, value: Value) -> bool {
        self.by == By::Seen && self.chosen && self.value == value
    }

    /// Says whether undoing a run brought this value about under the manifest in force, so that it stays.
    pub fn is_undone(&self, have: Value, manifest: Mark) -> bool {
        self.rolled_back == Some(manifest) && self.value == have
    }

    /// Says whether somebody had chosen this value before we wrote over it.
    pub fn was_chosen(&self, value: Value) -> bool {
        self.found == Some(Found { value, chosen: true })
    }

    /// Says whether we wrote this value, or tried to and never heard of it.
    pub fn is_being_written(&self, value: Value) -> bool {
        self.written() == Some(value) || self.tried.is_some_and(|tried| tried.value == value)
    }
}

/// Is what is remembered of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PersonRecord {
    /// The group that held the person when last applied; `None` after leaving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
    /// By setting.
    #[serde(default)]
    pub settings: BySetting<Option<Entry>>,
    /// When a value that we had written was found changed by somebody else, oldest first; see [`came_back`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub returned: BTreeMap<Setting, Vec<Timestamp>>,
    /// The last decision of a group to opt people in again that met this person; it meets nobody twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re_opted_in: Option<Mark>,
    /// Since when the directory does not know the person any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub gone_since: Option<Timestamp>,
}

/// Says how often a setting may come back before it is quarantined.
pub const QUARANTINED_AFTER: usize = 3;

/// Is the time within which it may.
pub const QUARANTINE_LOOKS_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Remembers that a value of ours was found changed, and forgets what lies too far back to count.
///
/// Once [`QUARANTINED_AFTER`] are in the list nothing is written any more, so none is added, and it stays as it is
/// until somebody releases the setting.
pub fn came_back(returned: &mut Vec<Timestamp>, at: Timestamp) {
    returned.retain(|earlier| at.duration_since(*earlier) < QUARANTINE_LOOKS_BACK);
    if !returned.contains(&at) {
        returned.push(at);
    }
}

/// Says whether a setting came back so often that it is left alone.
pub fn is_quarantined(returned: &[Timestamp]) -> bool {
    returned.len() >= QUARANTINED_AFTER
}

/// Is what is remembered of one default of the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TenantEntry {
    /// The value written or last seen.
    pub value: Value,
    /// Who set it, as far as we know.
    pub by: By,
    /// When it was written, or first seen.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// A written value was read back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// What it was before the last change, by anyone; absent while no change was ever seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Value>,
    /// When the last change was written, or noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub changed_at: Option<Timestamp>,
    /// The manifest under which it was rolled back; while that is in force, nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<Mark>,
}

/// Is everything that insightctl remembers of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By default of the tenant.
    pub tenant: BTreeMap<TenantSetting, TenantEntry>,
    /// By person.
    pub people: BTreeMap<PersonId, PersonRecord>,
    /// When a default that we had written was found changed by somebody else, oldest first; see [`came_back`].
    pub returned: BTreeMap<TenantSetting, Vec<Timestamp>>,
    /// Since when each decision to opt people in again is known; opt-outs seen later are not met by it.
    pub re_opt_ins: BTreeMap<Mark, Timestamp>,
    /// Who was told of each milestone, by its name; nobody is told twice.
    pub announced: BTreeMap<Arc<str>, BTreeSet<PersonId>>,
    /// The drafts whose people were remembered; what else is left unfinished somewhere told nobody.
    pub drafts: BTreeSet<Uuid>,
    /// When each wave with a gate began, by its name; what opened the gate is not asked again.
    pub waves: BTreeMap<Arc<str>, Timestamp>,
}

impl Ledger {
    /// Gives the entry of one setting of one person.
    pub fn entry(&self, person: PersonId, setting: super::Setting) -> Option<&Entry> {
        self.people.get(&person)?.settings.get(setting).as_ref()
    }
}

impl Serialize for BySetting<Option<Entry>> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.iter().filter_map(|(setting, entry)| entry.as_ref().map(|entry| (setting, entry))),
        )
    }
}

impl<'de> Deserialize<'de> for BySetting<Option<Entry>> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Self::default();
        for (setting, entry) in BTreeMap::<super::Setting, Entry>::deserialize(deserializer)? {
            *settings.get_mut(setting) = Some(entry);
        }
        Ok(settings)
    }
}

impl schemars::JsonSchema for BySetting<Option<Entry>> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EntryBySetting".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        <BTreeMap<String, Entry>>::json_schema(generator)
    }
}
