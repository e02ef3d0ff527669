//! `rollout: { windows, freezes }`: what is read, and everything that is told.

use jiff::civil::{Weekday, date, time};

use super::document::told;
use crate::manifest::{Manifest, parse};
use crate::model::rollout::Span;

fn text(rollout: &str) -> String {
    format!("version: 1\ntenant: {{ id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }}\nrollout:\n{rollout}\n")
}

fn read(rollout: &str) -> Manifest {
    parse(&text(rollout), &[]).unwrap()
}

/// Says what is wrong, without the hints.
fn wrong(rollout: &str) -> Vec<String> {
    let told = told(&parse(&text(rollout), &[]).unwrap_err());
    told.lines().filter_map(|line| Some(line.split_once(" | ")?.0.to_owned())).collect()
}

fn wrong_window(lines: &str) -> Vec<String> {
    wrong(&format!("  windows:\n    - {{ name: nights, {lines} }}"))
}

#[test]
fn windows_and_freezes_are_read() {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let manifest = read(
        "  time-zone: Europe/Berlin
  windows:
    - { name: nights, days: [ Mon-Thu, sunday ], from: \"20:00\", to: \"6:00\" }
    - { name: there, days: fri-mon, from: \"00:00\", to: \"24:00\", time-zone: Asia/Tokyo }
  freezes:
    - { name: year-end, from: 2026-12-18, to: 2027-01-06 }",
    );
    let rollout = manifest.rollout();
    let days = |index: usize| {
        let week = Weekday::Monday.cycle_forward().take(7);
        let days: Vec<_> = week.filter(|day| rollout.windows[index].days.contains(*day)).collect();
        days
    };
    assert_eq!(days(0), [Monday, Tuesday, Wednesday, Thursday, Sunday]);
    assert_eq!(days(1), [Monday, Friday, Saturday, Sunday]);
    let window = &rollout.windows[0];
    assert_eq!((window.from, window.to), (time(20, 0, 0, 0), time(6, 0, 0, 0)));
    assert_eq!(window.time_zone.iana_name(), Some("Europe/Berlin"));
    let there = &rollout.windows[1];
    assert_eq!(
        (there.from, there.to, there.time_zone.iana_name()),
        (there.to, there.from, Some("Asia/Tokyo"))
    );
    assert_eq!(rollout.freezes[0].span, Span { from: date(2026, 12, 18), to: date(2027, 1, 6) });
}

#[test]
fn what_is_wrong_with_a_window_is_told() {
    let told = |lines: &str| wrong_window(lines).join("\n");
    assert_eq!(
        told("days: [ mon, tueday ], from: \"20:00\", to: \"06:00\""),
        "Error 5:36 `tueday` is no day of the week"
    );
    assert_eq!(told("from: \"20:00\""), "Error 5:9 a window has no `to`");
    assert_eq!(
        told("from: \"25:00\", to: \"6:0\""),
        "Error 5:29 `25:00` is no time of the day\nError 5:42 `6:0` is no time of the day"
    );
    assert_eq!(told("from: \"20:00\", to: \"20:00\""), "Error 5:42 the window closes when it opens");
    assert_eq!(told("from: \"24:00\", to: \"06:00\""), "Error 5:29 a window cannot open at the end of a day");
    assert_eq!(
        told("days: [], from: \"20:00\", to: \"06:00\""),
        "Error 5:29 the window has no days, and so never opens"
    );
    assert_eq!(
        told("from: \"20:00\", to: \"06:00\", waves: [ pilot ]"),
        "Error 5:60 there is no wave `pilot`"
    );
}

#[test]
fn names_are_unique_and_a_freeze_ends_after_it_begins() {
    let window = "    - { name: nights, from: \"20:00\", to: \"06:00\" }\n";
    assert_eq!(
        wrong(&format!("  windows:\n{window}{window}")),
        ["Error 6:15 two windows are called `nights`"]
    );
    let freeze = |from: &str, to: &str| format!("  freezes:\n    - {{ name: a, from: {from}, to: {to} }}");
    assert_eq!(
        wrong(&freeze("2026-12-18", "2026-01-06")),
        ["Error 5:40 the freeze ends on 2026-01-06, before it begins on 2026-12-18"]
    );
    assert_eq!(wrong(&freeze("soon", "2026-01-06")), ["Error 5:24 `soon` is no day"]);
    assert_eq!(read(&freeze("2026-12-18", "2026-12-18")).warnings().list().len(), 0, "one day");
}

#[test]
fn an_item_without_a_value_is_told_and_takes_no_window_or_freeze_away_unseen() {
    let waves = "  waves: [ { name: pilot, starts: 2026-03-02 } ]\n";
    let window =
        |list: &str| format!("{waves}  windows: [ {{ name: a, from: \"20:00\", to: \"06:00\", {list} }} ]");
    let freeze = |list: &str| {
        format!("{waves}  freezes: [ {{ name: a, from: 2026-12-18, to: 2026-12-19, waves: {list} }} ]")
    };
    for (rollout, list) in [
        (window("waves: [ pilot, ~ ]"), "waves"),
        (window("waves: [ ~ ]"), "waves"),
        (window("days: [ mon, ~ ]"), "days"),
        (freeze("[ pilot, null ]"), "waves"),
        ("  freezes:\n    - ".to_owned(), "freezes"),
        ("  windows:\n    -\n".to_owned(), "windows"),
        ("  waves:\n    - ".to_owned(), "waves"),
    ] {
        let told = wrong(&rollout);
        let empty = format!("an item of `{list}` has no value");
        assert!(told.iter().any(|line| line.ends_with(&empty)), "{rollout}: {told:?}");
    }
}

#[test]
fn a_window_for_waves_that_never_meets_one_for_everything_is_warned_of() {
    let warned = |own: &str| {
        let manifest = read(&format!(
            "  waves: [ {{ name: pilot, groups: [ all ], starts: 2026-03-02 }} ]
  windows:
    - {{ name: nights, from: \"20:00\", to: \"06:00\", days: mon-thu }}
    - {{ name: own, waves: [ pilot ], {own} }}
groups: [ {{ name: all, mode: opt-in, members: [ {{ everyone: true }} ] }} ]"
        ));
        manifest.warnings().list().iter().any(|problem| problem.message.contains("never meets"))
    };
    assert!(warned("from: \"08:00\", to: \"16:00\""));
    assert!(warned("from: \"20:00\", to: \"22:00\", days: [ fri, sat, sun ]"));
    assert!(!warned("from: \"05:00\", to: \"16:00\""));
    assert!(!warned("from: \"04:00\", to: \"05:00\", days: fri"), "Thursday's night");
    assert!(!warned("from: \"08:00\", to: \"16:00\", time-zone: Asia/Tokyo"), "22:00 to 07:00 in UTC");
}
