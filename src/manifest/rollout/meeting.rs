//! Finds windows for waves that are never open while any window for everything is, so that nothing is ever changed in them.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};

use crate::manifest::problem::{At, Reporter, quoted};
use crate::model::rollout::Window;

const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;

/// Is a winter's day and a summer's day: clocks go differently in each, and the same in every year.
const SEASONS: [i64; 2] = [1_768_435_200, 1_784_073_600];

/// Warns of every such window; weeks are compared by the minute, at the offsets of winter and of summer.
pub(super) fn check(windows: &[(Window, At)], report: &mut Reporter<'_>) {
    let general: Vec<&Window> =
        windows.iter().map(|(window, _)| window).filter(|window| window.waves.is_empty()).collect();
    if general.is_empty() {
        return;
    }
    for (window, at) in windows.iter().filter(|(window, _)| !window.waves.is_empty()) {
        let meets = |season| {
            let own = spans(window, season);
            let theirs = || general.iter().flat_map(|general| spans(general, season));
            own.iter().any(|one| theirs().any(|other| touch(*one, other)))
        };
        if !SEASONS.into_iter().any(meets) {
            let name = quoted(&window.name);
            report
                .warning(*at, format!("the window {name} never meets a window for everything"))
                .hint("its waves need both open at once, so nothing is ever changed in it");
        }
    }
}

/// Lists when a window is open in a week, in minutes of the week: the beginning, and how long.
fn spans(window: &Window, season: i64) -> Vec<(i64, i64)> {
    let Window { name: _, time_zone, days, from, to, waves: _ } = window;
    let at = Timestamp::from_second(season).unwrap_or_default();
    let offset = i64::from(time_zone.to_offset(at).seconds()) / 60;
    let minutes = |time: &Time| i64::from(time.hour()) * 60 + i64::from(time.minute());
    let long = (minutes(to) - minutes(from)).rem_euclid(DAY);
    let long = if long == 0 { DAY } else { long };
    let week = Weekday::Monday.cycle_forward().take(7).filter(|day| days.contains(*day));
    let begins = |day: Weekday| i64::from(day.to_monday_zero_offset()) * DAY + minutes(from) - offset;
    week.map(|day| (begins(day).rem_euclid(WEEK), long)).collect()
}

/// Says whether two spans of a week that begins again have a minute in common.
fn touch((one, long): (i64, i64), (other, other_long): (i64, i64)) -> bool {
    (other - one).rem_euclid(WEEK) < long || (one - other).rem_euclid(WEEK) < other_long
}
