//! What the manifest asks for, once every name has become a person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::rollout::{Closed, Force, InForce, RolloutStatus, WaveStatus};
use super::{BySetting, Class, Entry, Limit, Mark, PersonId, Refusal, Setting, TenantSetting, Value};

/// Says whose decision stands when a person chose otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnUserChoice {
    /// The person's.
    #[default]
    Respect,
    /// The manifest's, except that nobody is opted in against their will.
    Override,
}

/// Says what happens to a person whom no group holds any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnLeave {
    /// Nothing is written.
    #[default]
    Keep,
    /// What was found before our first write comes back.
    Restore,
}

/// Is one group of the manifest, shared by all who are held by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredGroup {
    /// Its name in the manifest.
    pub name: Arc<str>,
    /// What it wants; `None` means "not managed".
    pub wants: BySetting<Option<Value>>,
    /// Whose decision stands.
    pub on_user_choice: OnUserChoice,
    /// What happens to those who leave.
    pub on_leave: OnLeave,
    /// How many people its rules name, before precedence and protection; `None` when they could not be read.
    pub named: Option<u64>,
    /// Lifts the consent floor for those who had opted out before it was written.
    pub re_opt_in: Option<ReOptIn>,
    /// Why nothing of its people may be changed at the moment of the plan, though it holds them.
    pub closed: Option<Closed>,
}

/// Is a decision to opt people in although they had opted out, once each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReOptIn {
    /// Why, in the words of the manifest.
    pub reason: Arc<str>,
    /// The moment from which it no longer holds.
    pub until: Timestamp,
    /// Tells this decision from another one; the ledger remembers by it since when it is known, and whom it met.
    pub mark: Mark,
}

/// Is a deviation that the manifest accepts for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Whom, as the manifest spells it.
    pub selector: String,
    /// Who that is, sorted.
    pub people: Vec<PersonId>,
    /// Addresses among them that the directory does not know.
    pub not_found: Vec<Arc<str>>,
    /// Why nobody can say who that is, if so: then it may be anyone.
    pub unreadable: Option<Arc<Refusal>>,
    /// Which setting.
    pub setting: Setting,
    /// What they may have instead of what their group asks for.
    pub value: Value,
    /// Why, in the words of the manifest.
    pub reason: Arc<str>,
    /// The moment from which it no longer holds.
    pub until: Timestamp,
}

/// Says which group holds a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Index into [`DesiredState::groups`].
    pub group: u32,
    /// `false` when an earlier group, an `except` or the protected people could not be read, so that nobody knows.
    pub certain: bool,
}

/// Counts the people whom two groups share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Overlap {
    /// The earlier group, which decides.
    pub winner: Arc<str>,
    /// The later group, which does not.
    pub loser: Arc<str>,
    /// How many people both hold.
    pub people: u64,
    /// Whether both ask for the same.
    pub same_outcome: bool,
}

/// Says how long a write may take to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settle {
    /// A person's mode or feature; 15 minutes.
    pub person: SignedDuration,
    /// A tenant default; 24 hours.
    pub defaults: SignedDuration,
    /// A person's service plan; 60 minutes.
    pub service_plan: SignedDuration,
    /// A service plan that a licensing group hands down; 24 hours.
    #[serde(default = "a_day")]
    pub licensing_group: SignedDuration,
}

/// Is how long the directory may take to bring a change of a group to all of its members.
const fn a_day() -> SignedDuration {
    SignedDuration::from_hours(24)
}

impl Settle {
    /// Gives how long a write to one setting of a person may take, given what is remembered of that write.
    pub fn of(&self, setting: Setting, entry: Option<&Entry>) -> SignedDuration {
        match setting {
            Setting::Mode | Setting::Dashboard | Setting::DigestEmail | Setting::OutlookAddIn => self.person,
            Setting::ServicePlan if entry.is_some_and(|entry| entry.by_group) => self.licensing_group,
            Setting::ServicePlan => self.service_plan,
        }
    }
}

impl Default for Settle {
    fn default() -> Self {
        Self {
            person: SignedDuration::from_mins(15),
            defaults: SignedDuration::from_hours(24),
            service_plan: SignedDuration::from_mins(60),
            licensing_group: a_day(),
        }
    }
}

/// Is a person whom the manifest names and the directory does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotFound {
    /// The address or id as the manifest spells it.
    pub address: Arc<str>,
    /// Index into [`DesiredState::groups`].
    pub group: u32,
}

/// Is something that could not be read, and that people's membership hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The group of the manifest, or `None` for the protected people.
    pub group: Option<u32>,
    /// What the manifest calls it, such as `group: sales@contoso.com`.
    pub selector: String,
    /// Why.
    pub refusal: Arc<Refusal>,
}

/// Is what the manifest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredState {
    /// Defaults of the tenant; what is absent is not managed.
    pub tenant: BTreeMap<TenantSetting, Value>,
    /// Groups in order of precedence.
    pub groups: Vec<DesiredGroup>,
    /// Everyone in scope, protected people included, and the group that holds them.
    pub people: BTreeMap<PersonId, Held>,
    /// People whom only groups name that are not in force yet, and the first of those groups by index.
    pub waiting: BTreeMap<PersonId, u32>,
    /// Named, but not in the directory.
    pub not_found: BTreeSet<NotFound>,
    /// People whom no rule reaches.
    pub protected: BTreeSet<PersonId>,
    /// Addresses that are to be protected, and that the directory does not know.
    pub protected_not_found: BTreeSet<Arc<str>>,
    /// Pairs of groups that share people, in order of precedence.
    pub overlaps: Vec<Overlap>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// What could not be read of groups that are not in force yet, so that nothing hangs on it today.
    pub unreadable_later: Vec<Unreadable>,
    /// Which groups are in force.
    pub in_force: InForce,
    /// Where the waves of the rollout stand; empty where there is none.
    pub rollout: RolloutStatus,
    /// How many days a service plan should be assigned before the wave that needs it begins.
    pub licence_lead: Option<u32>,
    /// How long writes may take to show.
    pub settle: Settle,
    /// Deviations that are accepted, in the order of the manifest.
    pub accepted: Vec<Accepted>,
    /// Whether the licence of a group may change where all of its members want the same.
    pub through_groups: bool,
    /// Why nothing at all may be changed at the moment of the plan.
    pub closed: Option<Closed>,
    /// Limits that the manifest sets; classes not named have their default limit.
    pub limits: BTreeMap<Class, Limit>,
}

impl DesiredState {
    /// Gives the group that holds a person.
    pub fn group(&self, held: Held) -> &DesiredGroup {
        &self.groups[held.group as usize]
    }

    /// Says whether a group can hold anybody today.
    pub fn is_in_force(&self, group: u32) -> bool {
        match self.in_force.group(group) {
            Force::Whole | Force::Part(_) => true,
            Force::NotYet | Force::Over => false,
        }
    }

    /// Walks over the groups that can hold anybody today.
    pub fn groups_in_force(&self) -> impl Iterator<Item = &DesiredGroup> {
        (0..).zip(&self.groups).filter(|(index, _)| self.is_in_force(*index)).map(|(_, group)| group)
    }

    /// Gives the wave that somebody waits for who is named by a group: of those to come that take them in, the first.
    ///
    /// `None` where no wave to come takes in more of the group than a share that the person is not in. Which wave a
    /// person belongs to, whether or not it has begun, is for [`Rollout::wave_of`](super::rollout::Rollout::wave_of) to
    /// say.
    pub fn awaited_by(&self, person: PersonId, group: u32) -> Option<&WaveStatus> {
        let name = &self.groups.get(group as usize)?.name;
        let to_come =
            self.rollout.waves.iter().filter(|wave| {
                !wave.has_begun() && wave.groups.contains(name) && wave.canary.takes_in(person)
            });
        // A wave whose day is known comes before one that hangs on something without a day.
        to_come.min_by_key(|wave| (wave.begins.is_none(), wave.begins))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::rollout::{Percent, Phase, Then};

    #[test]
    fn nobody_waits_for_a_wave_that_takes_in_others() {
        let wave = |name: &str, share: u16, begins: &str| WaveStatus {
            name: name.into(),
            groups: vec!["everyone".into()],
            canary: Percent::of_hundredths(share).expect("a share"),
            phase: Phase::Planned,
            begins: Some(begins.parse().expect("a moment")),
            ends: None,
            then: Then::Stay,
            gated: false,
            holds: Vec::new(),
            measure: None,
        };
        let waves =
            vec![wave("all", 10_000, "2026-05-01T00:00:00Z"), wave("half", 5_000, "2026-04-01T00:00:00Z")];
        let group = DesiredGroup {
            name: "everyone".into(),
            wants: BySetting::default(),
            on_user_choice: OnUserChoice::Respect,
            on_leave: OnLeave::Keep,
            named: None,
            re_opt_in: None,
            closed: None,
        };
        let half = waves[1].canary;
        let rollout = RolloutStatus { time_zone: "UTC".to_owned(), waves };
        let desired = DesiredState { groups: vec![group], rollout, ..DesiredState::default() };
        for number in 0..20 {
            let person = PersonId(Uuid::from_u128(number));
            let wave = desired.awaited_by(person, 0).expect("one takes in everybody");
            assert_eq!(&*wave.name, if half.takes_in(person) { "half" } else { "all" });
        }
    }
}
