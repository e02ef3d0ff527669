//! Reads `rollout`: waves, windows and freezes, and what people do beside it.

mod campaign;
mod meeting;
mod order;
mod outside;
mod waves;
mod windows;
mod words;

use jiff::tz::TimeZone;

use super::fields::fields;
use super::folder::Folder;
use super::group::Group;
use super::problem::{At, Reporter};
use super::syntax::{Located, Node};
use crate::model::rollout::{Rollout, Wave};

const KEYS: [&str; 11] = [
    "time-zone",
    "licence-lead",
    "waves",
    "windows",
    "freezes",
    "owners",
    "checklist",
    "goals",
    "surveys",
    "training",
    "milestones",
];

/// Is what the parts of a rollout may point at.
#[derive(Clone, Copy, Debug)]
struct Around<'r> {
    /// The manifest's groups.
    groups: &'r [Group],
    /// Where its files are.
    folder: &'r Folder,
    /// Where its days begin.
    time_zone: &'r TimeZone,
    /// How many days before its wave a service plan should be assigned.
    licence_lead: Option<u32>,
    /// The waves that were read so far, with the place of each name.
    waves: &'r [(Wave, At)],
}

/// Reads the whole of it.
pub(super) fn read(
    node: &Located<Node>,
    groups: &[Group],
    folder: &Folder,
    report: &mut Reporter<'_>,
) -> Rollout {
    let mut rollout = Rollout::default();
    if node.value == Node::Null {
        return rollout;
    }
    let Some(fields) = fields(node, "`rollout`", &KEYS, report) else { return rollout };
    if let Some(zone) = fields.get("time-zone").and_then(|node| words::time_zone(node, report)) {
        rollout.time_zone = zone;
    }
    rollout.licence_lead =
        fields.get("licence-lead").and_then(|node| words::days(node, "`licence-lead`", report));
    let (time_zone, licence_lead) = (&rollout.time_zone, rollout.licence_lead);
    let around = Around { groups, folder, time_zone, licence_lead, waves: &[] };
    let waves = fields.get("waves").map(|node| waves::waves(node, around, report)).unwrap_or_default();
    let around = Around { waves: &waves, ..around };
    outside::check(around, report);
    rollout.windows =
        fields.get("windows").map(|node| windows::windows(node, around, report)).unwrap_or_default();
    rollout.freezes =
        fields.get("freezes").map(|node| windows::freezes(node, around, report)).unwrap_or_default();
    rollout.campaign = campaign::campaign(&fields, around, report);
    rollout.waves = waves.into_iter().map(|(wave, _)| wave).collect();
    rollout
}
