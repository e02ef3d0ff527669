//! Says what is wrong with the order of waves: circles, holes, pilots that are too short.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, Unit};

use super::Around;
use super::waves::Read;
use crate::manifest::problem::Reporter;
use crate::model::Value;
use crate::model::rollout::{Conditions, Percent, Then};

/// Is how long a pilot takes at least, by Microsoft's deployment guide.
const PILOT_DAYS: u32 = 45;

/// Looks at the waves side by side.
pub(super) fn check(list: &[Read<'_>], around: Around<'_>, report: &mut Reporter<'_>) {
    shrinking(list, around, report);
    if circles(list, report) {
        return;
    }
    let times = times(list, around);
    for read in list {
        if let Some(before) = read.wave.after {
            follows(read, &list[before as usize], times[before as usize], around, report);
        }
    }
    pilots(list, report);
    lead(list, &times, around, report);
}

/// Tells of waves that come after each other in a circle.
fn circles(list: &[Read<'_>], report: &mut Reporter<'_>) -> bool {
    let mut found = false;
    // The walk in which each wave was first met; 0 for none.
    let mut met = vec![0_usize; list.len()];
    for start in 0..list.len() {
        let walk = start + 1;
        let mut at = start;
        while met[at] == 0 {
            met[at] = walk;
            let Some(before) = list[at].wave.after else { break };
            at = before as usize;
        }
        // A walk that ends where it has been itself went round.
        if met[at] != walk || list[at].wave.after.is_none() {
            continue;
        }
        found = true;
        let mut circle = format!("`{}`", list[at].wave.name);
        let mut next = at;
        while let Some(before) = list[next].wave.after {
            next = before as usize;
            let name = &list[next].wave.name;
            let end = if next == at { "" } else { ", which" };
            let told = if before as usize == at && list[at].wave.after == Some(before) {
                write!(circle, " comes after itself")
            } else {
                write!(circle, " comes after `{name}`{end}")
            };
            told.expect("writing to a string cannot fail");
            if next == at {
                break;
            }
        }
        report.error(list[at].at, circle).hint("one of them has to begin on a day: give it `starts` alone");
    }
    found
}

/// Is when a wave begins and ends, where dates alone say so.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    begins: Option<Timestamp>,
    ends: Option<Timestamp>,
}

/// Finds out when waves begin and end; the list has no circles.
fn times(list: &[Read<'_>], around: Around<'_>) -> Vec<Times> {
    let mut times: Vec<Option<Times>> = vec![None; list.len()];
    for start in 0..list.len() {
        let mut open = vec![start];
        while let Some(at) = open.last().copied() {
            let wave = &list[at].wave;
            if let Some(before) = wave.after.filter(|before| times[*before as usize].is_none()) {
                open.push(before as usize);
                continue;
            }
            let before = wave.after.and_then(|before| times[before as usize]);
            open.pop();
            let begins = match before {
                _ if wave.has_gate() => None,
                Some(before) => before.ends.map(|over| wave.starts.map_or(over, |starts| starts.max(over))),
                None => wave.starts,
            };
            let ends = begins.and_then(|begins| wave.over(begins, around.time_zone));
            times[at] = Some(Times { begins, ends });
        }
    }
    times.into_iter().map(Option::unwrap_or_default).collect()
}

/// Compares a wave with the one that it comes after.
fn follows(read: &Read<'_>, before: &Read<'_>, times: Times, around: Around<'_>, report: &mut Reporter<'_>) {
    let asks = read.wave.when != Conditions::default();
    if asks && before.wave.then == Then::Leave && before.wave.runs_for.is_some() {
        report
            .error(
                read.at,
                format!("the people of `{}` leave before `when` could ask about them", before.wave.name),
            )
            .hint("remove `then: leave` there: its groups stay in force until another wave takes over");
    }
    let (Some(starts), Some(over)) = (read.wave.starts, times.ends) else { return };
    let (name, earlier) = (&read.wave.name, &before.wave.name);
    let day = |at: Timestamp| at.to_zoned(around.time_zone.clone()).date();
    if starts < over {
        report
            .warning(
                read.starts,
                format!("`{earlier}` is over on {} only, and `{name}` waits for that", day(over)),
            )
            .hint("let it start on that day, or remove `after`");
    }
    let shared = |group: &u32| before.wave.groups.contains(group);
    if starts > over && before.wave.then == Then::Leave && read.wave.groups.iter().any(shared) {
        let days = day(over).until((Unit::Day, day(starts))).map_or(0, |span| span.get_days());
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        report
            .warning(
                read.starts,
                format!("between `{earlier}` and `{name}` no wave takes in their people for {days}"),
            )
            .hint("`then: stay` in the earlier wave keeps its groups in force");
    }
}

/// Warns of pilots that are shorter than the guide advises.
fn pilots(list: &[Read<'_>], report: &mut Reporter<'_>) {
    let mut followed: BTreeMap<u32, Vec<&Read<'_>>> = BTreeMap::new();
    for read in list {
        if let Some(before) = read.wave.after {
            followed.entry(before).or_default().push(read);
        }
    }
    for (index, read) in (0_u32..).zip(list).filter(|(_, read)| read.wave.after.is_none()) {
        let next = followed.get(&index).map(Vec::as_slice).unwrap_or_default();
        let first_of_several = index == 0 && list.len() > 1;
        let name = &read.wave.name;
        match read.wave.runs_for {
            Some(days) if days < PILOT_DAYS && (first_of_several || !next.is_empty()) => {
                report
                    .warning(read.runs_for, format!("the pilot `{name}` takes {days} days"))
                    .hint("Microsoft's deployment guide advises at least 45 days: people need that long to make use of it");
            }
            Some(_) => {}
            None => {
                let at_once = next.iter().find(|next| next.starts == next.at && !next.wave.has_gate());
                if let Some(next) = at_once {
                    report
                        .warning(
                            next.at,
                            format!(
                                "`{}` begins together with `{name}`, which has no `runs-for`",
                                next.wave.name
                            ),
                        )
                        .hint("give the earlier wave `runs-for: 45 days`, or this one `starts`");
                }
            }
        }
    }
}

/// Warns of a share that is smaller than that of an earlier wave with the same group, and so decides nothing.
fn shrinking(list: &[Read<'_>], around: Around<'_>, report: &mut Reporter<'_>) {
    let mut largest: BTreeMap<u32, (Percent, &Read<'_>)> = BTreeMap::new();
    for read in list {
        for group in &read.wave.groups {
            let share = read.wave.canary;
            match largest.get(group) {
                Some((before, earlier)) if share < *before && earlier.wave.then == Then::Stay => {
                    let (name, earlier) = (&around.groups[*group as usize].name, &earlier.wave.name);
                    report
                        .warning(
                            read.canary,
                            format!(
                                "this wave takes in {share} of `{name}`, and `{earlier}` before it {before}"
                            ),
                        )
                        .hint("while both are in force the larger share decides: nobody drops out");
                }
                Some((before, _)) if share < *before => {}
                Some(_) | None => {
                    largest.insert(*group, (share, read));
                }
            }
        }
    }
}

/// Notes where the service plan comes with the wave that needs it: Microsoft takes days to bring it to people.
///
/// Another group may assign it to the same people earlier; whether it is the same people, only a plan knows.
fn lead(list: &[Read<'_>], times: &[Times], around: Around<'_>, report: &mut Reporter<'_>) {
    let Some(days) = around.licence_lead else { return };
    let lead = SignedDuration::from_hours(24) * i32::try_from(days).unwrap_or(i32::MAX);
    let assigns = |group: &u32| around.groups[*group as usize].wants.service_plan == Some(Value::ASSIGNED);
    let in_waves: BTreeSet<u32> = list.iter().flat_map(|read| read.wave.groups.iter().copied()).collect();
    // Groups in no wave are in force from the beginning.
    if (0..).zip(around.groups).any(|(index, _)| assigns(&index) && !in_waves.contains(&index)) {
        return;
    }
    let begins = |at: usize| times[at].begins.or(list[at].wave.starts);
    let assigning = (0..list.len()).filter(|at| list[*at].wave.groups.iter().any(assigns));
    let first = assigning.filter_map(begins).min();
    for (at, read) in list.iter().enumerate() {
        let Some(begins) = begins(at) else { continue };
        if first.is_some_and(|first| begins.duration_since(first) >= lead) {
            continue;
        }
        for (group, place) in read.wave.groups.iter().zip(&read.groups) {
            let asks = &around.groups[*group as usize];
            let needs = asks.wants.mode == Some(Value::OPT_IN) || asks.grants_features();
            if needs && assigns(group) {
                let lead = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
                report
                    .note(*place, format!("`{}` gets the service plan only when this wave begins, and not {lead} before", asks.name))
                    .hint(format!("put a group that asks for `service-plan: assigned` alone into a wave that begins {lead} earlier"));
            }
        }
    }
}
