//! Puts together all that a rollout is on a day: its waves, windows, freezes and milestones, with their dates.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};

use super::{Access, Calendar, Timeline};
use crate::model::TenantId;
use crate::model::rollout::{
    Check, Closed, Freeze, Hold, Milestone, Role, Rollout, Survey, Then, WaveStatus, Window,
};

/// Is the version of the JSON form of an overview.
pub const FORMAT: u32 = 1;

/// Is a rollout on a day, as `insightctl rollout` tells it.
///
/// Days are those of the rollout's time zone; a last day is included, and an `end` is the day after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Overview {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// What the manifest calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_name: Option<Arc<str>>,
    /// The moment that is told of.
    #[schemars(with = "String")]
    pub as_of: Timestamp,
    /// The day of that moment.
    #[schemars(with = "String")]
    pub today: Date,
    /// Where days begin: an IANA name.
    pub time_zone: String,
    /// Whether neither the tenant nor the ledger was asked, so that nobody is counted and no condition is known.
    pub offline: bool,
    /// The waves, in the order of the manifest.
    pub waves: Vec<Wave>,
    /// Whether changes that are for no wave alone may be made now.
    pub changes: Changes,
    /// The windows, in the order of the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Opening>,
    /// The freezes, in the order of their days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<Frozen>,
    /// The milestones, in the order of their days; those without one come last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<Stone>,
    /// The surveys, in the order of their days; those without one come last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surveys: Vec<Asked>,
    /// What is done before it begins, in the order of the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Checked>,
}

/// Is one wave on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Wave {
    /// Where it stands.
    #[serde(flatten)]
    pub status: WaveStatus,
    /// Whether its groups leave when its time is over.
    pub leaves: bool,
    /// Its first day, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub first: Option<Date>,
    /// The day after its last, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub end: Option<Date>,
    /// How many people its groups name; absent when nobody asked, or something could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Headcount>,
    /// Why nothing of its people may be changed now, though it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// Counts the people of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Headcount {
    /// Whom its groups name.
    pub named: u64,
    /// Whom it takes in of them.
    pub taken_in: u64,
}

/// Is something that an overview cannot tell, since something could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// How many people a wave has.
    People {
        /// The wave.
        wave: Arc<str>,
    },
    /// Whether what a wave waits for holds.
    Condition {
        /// The wave.
        wave: Arc<str>,
        /// The wave whose people could not be measured.
        before: Arc<str>,
    },
}

/// Says whether changes may be made, and when that ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "are")]
pub enum Changes {
    /// They may.
    Open {
        /// The next moment at which they may not; absent where nothing closes within a year.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        until: Option<Timestamp>,
    },
    /// They may not.
    Closed(Closed),
}

/// Is one window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Opening {
    /// Its name.
    pub name: Arc<str>,
    /// Where its clock hangs: an IANA name.
    pub time_zone: String,
    /// The days on which it opens, from Monday on: `mon`.
    pub days: Vec<String>,
    /// When it opens: `20:00`.
    pub from: String,
    /// When it closes; not after `from` means on the next day.
    pub to: String,
    /// The waves that it is for; absent where it is for everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Arc<str>>,
    /// Whether it is open now, freezes aside.
    pub open: bool,
    /// When that changes next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub next: Option<Timestamp>,
}

/// Is one freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Frozen {
    /// Its name.
    pub name: Arc<str>,
    /// Where its days begin: an IANA name.
    pub time_zone: String,
    /// Its first day.
    #[schemars(with = "String")]
    pub first: Date,
    /// The day after its last.
    #[schemars(with = "String")]
    pub end: Date,
    /// The waves that it is for; absent where it is for everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Arc<str>>,
    /// Where it stands.
    pub state: When,
}

/// Says where a span of days lies.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// It is yet to come.
    Ahead,
    /// It is now.
    Now,
    /// It is over.
    Over,
}

/// Is one milestone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Stone {
    /// Its name.
    pub name: Arc<str>,
    /// The wave whose days are counted.
    pub wave: Arc<str>,
    /// The day of the wave, 1 being the one on which it begins and -1 the day before.
    pub day: i32,
    /// Who sees to it: a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Arc<str>>,
    /// Its first day, where that of its wave is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub first: Option<Date>,
    /// The day after its last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub end: Option<Date>,
}

/// Is one survey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Asked {
    /// Its name.
    pub name: Arc<str>,
    /// The wave whose days are counted.
    pub wave: Arc<str>,
    /// The day of the wave, 1 being the one on which it begins and -1 the day before.
    pub day: i32,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Arc<str>>,
    /// Its day, where that of its wave is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub date: Option<Date>,
}

/// Is one thing to be done before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Checked {
    /// What.
    pub what: Arc<str>,
    /// Who sees to it: a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether it is done.
    pub done: bool,
    /// A link to what shows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Arc<str>>,
}

/// Is what an overview is made of, besides what the manifest says of the rollout.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// What the manifest calls it.
    pub tenant_name: Option<&'a str>,
    /// Where the waves stand.
    pub timeline: &'a Timeline,
    /// How many people each wave has, by index; `None` where nobody was asked.
    pub people: Option<BTreeMap<u32, Headcount>>,
}

impl Overview {
    /// Puts it together.
    pub fn of(rollout: &Rollout, about: &About<'_>) -> Self {
        let About { tenant, tenant_name, timeline, people } = about;
        let calendar = Calendar::of(rollout);
        let as_of = timeline.as_of;
        let local = as_of.to_zoned(rollout.time_zone.clone());
        let names = |waves: &[u32]| -> Vec<Arc<str>> {
            let waves = waves.iter().filter_map(|wave| rollout.waves.get(*wave as usize));
            waves.map(|wave| Arc::clone(&wave.name)).collect()
        };
        let waves: Vec<Wave> = (0_u32..)
            .zip(&timeline.waves)
            .map(|(index, status)| {
                let people = people.as_ref().and_then(|people| people.get(&index).copied());
                wave(rollout, &calendar, index, status, people, as_of)
            })
            .collect();
        let mut freezes: Vec<_> =
            rollout.freezes.iter().map(|freeze| frozen(freeze, as_of, &names)).collect();
        freezes.sort_by_key(|freeze| (freeze.first, freeze.end));
        let mut milestones: Vec<_> =
            rollout.campaign.milestones.iter().filter_map(|stone| milestone(stone, &waves)).collect();
        milestones.sort_by_key(|stone| (stone.first.is_none(), stone.first, stone.end));
        let mut surveys: Vec<_> =
            rollout.campaign.surveys.iter().filter_map(|survey| asked(survey, &waves)).collect();
        surveys.sort_by_key(|survey| (survey.date.is_none(), survey.date));
        Self {
            format: FORMAT,
            tenant: *tenant,
            tenant_name: tenant_name.map(Into::into),
            as_of,
            today: local.date(),
            time_zone: zone(&rollout.time_zone),
            offline: people.is_none(),
            changes: match calendar.at(as_of, None) {
                Access::Open { until } => Changes::Open { until },
                Access::Closed(closed) => Changes::Closed(closed),
            },
            windows: rollout.windows.iter().map(|window| opening(window, as_of, &names)).collect(),
            waves,
            freezes,
            milestones,
            surveys,
            checks: rollout.campaign.checklist.iter().map(checked).collect(),
        }
    }

    /// Lists what could not be told since something could not be read; nothing where nobody was asked.
    pub fn unread(&self) -> Vec<Unread> {
        let mut unread = Vec::new();
        if self.offline {
            return unread;
        }
        for wave in &self.waves {
            let name = &wave.status.name;
            if wave.people.is_none() {
                unread.push(Unread::People { wave: Arc::clone(name) });
            }
            for hold in &wave.status.holds {
                let Hold::NotMeasured { wave: before } = hold else { continue };
                // A wave that was measured, and in which nobody is in reach, is no gap.
                let measured = |one: &Wave| one.status.name == *before && one.status.measure.is_some();
                if !self.waves.iter().any(measured) {
                    unread.push(Unread::Condition { wave: Arc::clone(name), before: Arc::clone(before) });
                }
            }
        }
        unread
    }

    /// Gives the wave that comes next: of those that have not begun, the one that may begin first.
    pub fn next(&self) -> Option<&Wave> {
        let ahead = self.waves.iter().filter(|wave| !wave.status.has_begun());
        ahead.min_by_key(|wave| (wave.first.is_none(), wave.first))
    }
}

fn wave(
    rollout: &Rollout,
    calendar: &Calendar,
    index: u32,
    status: &WaveStatus,
    people: Option<Headcount>,
    as_of: Timestamp,
) -> Wave {
    let day = |at: Timestamp| at.to_zoned(rollout.time_zone.clone()).datetime();
    let end = status.ends.map(day).and_then(|end| {
        // A wave that begins in the middle of a day ends in the middle of one, which is its last.
        if end.time() == Time::midnight() { Some(end.date()) } else { end.date().tomorrow().ok() }
    });
    Wave {
        status: status.clone(),
        leaves: status.then == Then::Leave,
        first: status.begins.map(|begins| day(begins).date()),
        end,
        people,
        closed: calendar.closed_for(as_of, index).filter(|_| status.has_begun()),
    }
}

fn opening(window: &Window, as_of: Timestamp, names: &dyn Fn(&[u32]) -> Vec<Arc<str>>) -> Opening {
    let Window { name, time_zone, days, from, to, waves } = window;
    let alone =
        Rollout { windows: vec![Window { waves: Vec::new(), ..window.clone() }], ..Rollout::default() };
    let (open, next) = match Calendar::of(&alone).at(as_of, None) {
        Access::Open { until } => (true, until),
        Access::Closed(closed) => (false, closed.opens),
    };
    let week = Weekday::Monday.cycle_forward().take(7).filter(|day| days.contains(*day));
    let time = |time: &Time| time.strftime("%H:%M").to_string();
    Opening {
        name: Arc::clone(name),
        time_zone: zone(time_zone),
        days: week.map(|day| short(day).to_owned()).collect(),
        from: time(from),
        to: if *to == Time::midnight() { "24:00".to_owned() } else { time(to) },
        waves: names(waves),
        open,
        next,
    }
}

fn frozen(freeze: &Freeze, as_of: Timestamp, names: &dyn Fn(&[u32]) -> Vec<Arc<str>>) -> Frozen {
    let Freeze { name, time_zone, span, waves } = freeze;
    let today = as_of.to_zoned(time_zone.clone()).date();
    Frozen {
        name: Arc::clone(name),
        time_zone: zone(time_zone),
        first: span.from,
        end: span.to.tomorrow().unwrap_or(Date::MAX),
        waves: names(waves),
        state: if today < span.from {
            When::Ahead
        } else if today > span.to {
            When::Over
        } else {
            When::Now
        },
    }
}

fn milestone(milestone: &Milestone, waves: &[Wave]) -> Option<Stone> {
    let Milestone { name, wave, day, until_day: _, owner, what, message: _ } = milestone;
    let wave = waves.get(*wave as usize)?;
    let dates = wave.first.map(|first| milestone.dates(first));
    Some(Stone {
        name: Arc::clone(name),
        wave: Arc::clone(&wave.status.name),
        day: *day,
        owner: owner.map(|role: Role| role.word().to_owned()),
        what: what.clone(),
        first: dates.map(|(first, _)| first),
        end: dates.and_then(|(first, last)| last.max(first).tomorrow().ok()),
    })
}

fn asked(survey: &Survey, waves: &[Wave]) -> Option<Asked> {
    let Survey { name, wave, day, link } = survey;
    let wave = waves.get(*wave as usize)?;
    Some(Asked {
        name: Arc::clone(name),
        wave: Arc::clone(&wave.status.name),
        day: *day,
        link: link.clone(),
        date: wave.first.map(|first| survey.date(first)),
    })
}

fn checked(check: &Check) -> Checked {
    let Check { what, owner, done, evidence } = check;
    Checked {
        what: Arc::clone(what),
        owner: owner.map(|role| role.word().to_owned()),
        done: *done,
        evidence: evidence.clone(),
    }
}

fn zone(zone: &jiff::tz::TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}
