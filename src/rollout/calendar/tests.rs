//! Windows and freezes minute by minute, across changes of the clock.

use jiff::civil::{Date, DateTime, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::{Access, Calendar};
use crate::model::rollout::{Closed, ClosedBy, Freeze, Rollout, Span, Weekdays, Window};

/// Is each zone with the moments at which its clocks change in 2026; Lord Howe shifts by half an hour.
const ZONES: [(&str, [&str; 2]); 4] = [
    ("Europe/Berlin", ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"]),
    ("America/New_York", ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"]),
    ("Australia/Lord_Howe", ["2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"]),
    ("Asia/Kolkata", ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"]),
];

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a time zone")
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn weekdays(days: &[Weekday]) -> Weekdays {
    days.iter().copied().fold(Weekdays::default(), Weekdays::with)
}

fn window(
    name: &str,
    zone_name: &str,
    days: Weekdays,
    from: (i8, i8),
    to: (i8, i8),
    waves: &[u32],
) -> Window {
    let [from, to] = [from, to].map(|(hour, minute)| time(hour, minute, 0, 0));
    Window { name: name.into(), time_zone: zone(zone_name), days, from, to, waves: waves.to_vec() }
}

fn freeze(name: &str, zone_name: &str, from: &str, to: &str, waves: &[u32]) -> Freeze {
    let span = Span { from: day(from), to: day(to) };
    Freeze { name: name.into(), time_zone: zone(zone_name), span, waves: waves.to_vec() }
}

fn calendar(windows: Vec<Window>, freezes: Vec<Freeze>) -> Calendar {
    Calendar::of(&Rollout { windows, freezes, ..Rollout::default() })
}

fn closed(by: ClosedBy, opens: Option<&str>) -> Access {
    Access::Closed(Closed { by, opens: opens.map(moment) })
}

fn open(until: Option<&str>) -> Access {
    Access::Open { until: until.map(moment) }
}

fn by_window(name: &str) -> ClosedBy {
    ClosedBy::Window(name.into())
}

fn by_freeze(name: &str) -> ClosedBy {
    ClosedBy::Freeze(name.into())
}

/// Says whether a clock that never goes back shows a time inside a window.
fn shows_inside(window: &Window, clock: DateTime) -> bool {
    let Window { name: _, time_zone: _, days, from, to, waves: _ } = window;
    let overnight = i64::from(to <= from);
    [clock.date(), clock.date().yesterday().expect("a day")].into_iter().any(|day| {
        let ends = day.checked_add(overnight.days()).expect("a day").to_datetime(*to);
        days.contains(day.weekday()) && day.to_datetime(*from) <= clock && clock < ends
    })
}

fn any_window(zone: &'static str) -> impl Strategy<Value = Window> {
    let time = || (0_i8..24, 0_i8..60);
    // Mostly near the changes of the clock, which are at night, and on their days.
    let near = || prop_oneof![3 => (0_i8..5, 0_i8..60), 1 => time()];
    let days = prop_oneof![
        Just(Weekdays::ALL),
        Just(weekdays(&[Weekday::Sunday])),
        Just(weekdays(&[Weekday::Saturday, Weekday::Monday]))
    ];
    (near(), near(), days).prop_map(move |(from, to, days)| window("night", zone, days, from, to, &[]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_window_is_open_while_its_clock_says_so(
        (zone_name, change, windows) in (0_usize..ZONES.len(), 0_usize..2).prop_flat_map(|(at, change)| {
            let (name, changes) = ZONES[at];
            (Just(name), Just(changes[change]), prop::collection::vec(any_window(name), 1..3))
        })
    ) {
        let clock_of = |at: Timestamp| at.to_zoned(zone(zone_name)).datetime();
        let calendar = calendar(windows.clone(), Vec::new());
        let mut at = moment(change) - 8.hours();
        let mut clock = clock_of(at);
        for _ in 0..16 * 60 {
            clock = clock.max(clock_of(at));
            let inside = windows.iter().any(|window| shows_inside(window, clock));
            prop_assert_eq!(calendar.bound(None).is_open(at), inside, "{} {}", at, clock);
            at += MINUTE;
        }
    }

    #[test]
    fn the_moment_of_the_next_change_is_exact(
        (change, windows, minutes) in (0_usize..ZONES.len(), 0_usize..2).prop_flat_map(|(at, change)| {
            let (name, changes) = ZONES[at];
            (Just(changes[change]), prop::collection::vec(any_window(name), 1..4), -4_000_i64..4_000)
        }),
        frozen in prop::option::of(0_i64..3),
    ) {
        let from = moment(change) + SignedDuration::from_mins(minutes);
        let freezes = frozen.map(|ahead| {
            let day = from.to_zoned(TimeZone::UTC).date().checked_add(ahead.days()).expect("a day");
            freeze("frozen", "UTC", &day.to_string(), &day.to_string(), &[])
        });
        let calendar = calendar(windows, freezes.into_iter().collect());
        let now = calendar.at(from, None);
        let is_open = |at: Timestamp| calendar.bound(None).is_open(at);
        let (next, was) = match &now {
            Access::Open { until } => (*until, true),
            Access::Closed(Closed { by: _, opens }) => (*opens, false),
        };
        prop_assert_eq!(is_open(from), was);
        if let Some(next) = next {
            prop_assert!(next > from);
            prop_assert_eq!(is_open(next), !was, "{} {}", from, next);
            prop_assert_eq!(is_open(next - 1.nanosecond()), was, "{} {}", from, next);
            let mut between = from;
            for _ in 0..600 {
                between += MINUTE;
                if between >= next {
                    break;
                }
                prop_assert_eq!(is_open(between), was, "{} {}", from, between);
            }
        }
    }

    #[test]
    fn a_freeze_wins_over_any_window(
        windows in prop::collection::vec(any_window("Europe/Berlin"), 0..3),
        minutes in 0_i64..3 * 24 * 60,
    ) {
        // Three days with the change of the clock in their middle last an hour less.
        let calendar = calendar(windows, vec![freeze("spring", "Europe/Berlin", "2026-03-28", "2026-03-30", &[])]);
        let at = moment("2026-03-27T23:00:00Z") + SignedDuration::from_mins(minutes);
        let frozen = at < moment("2026-03-30T22:00:00Z");
        let by = calendar.at(at, None).closed().map(|closed| closed.by);
        prop_assert_eq!(by == Some(by_freeze("spring")), frozen);
    }
}

#[test]
fn without_windows_and_freezes_it_is_always_open() {
    assert_eq!(calendar(Vec::new(), Vec::new()).at(moment("2026-03-02T08:00:00Z"), None), open(None));
}

#[test]
fn a_window_past_midnight_belongs_to_the_day_before() {
    use Weekday::{Monday, Thursday, Tuesday, Wednesday};
    let days = weekdays(&[Monday, Tuesday, Wednesday, Thursday]);
    let nights =
        calendar(vec![window("weeknights", "Europe/Berlin", days, (20, 0), (6, 0), &[])], Vec::new());
    let at = |text| nights.at(moment(text), None);
    assert_eq!(at("2026-03-06T04:59:59Z"), open(Some("2026-03-06T05:00:00Z")), "Thursday's, on Friday");
    assert_eq!(at("2026-03-06T05:00:00Z"), closed(by_window("weeknights"), Some("2026-03-09T19:00:00Z")));
    assert_eq!(at("2026-03-09T19:00:00Z"), open(Some("2026-03-10T05:00:00Z")));
}

#[test]
fn days_that_touch_are_one_window() {
    let days = weekdays(&[Weekday::Saturday, Weekday::Sunday]);
    let weekend = calendar(vec![window("weekend", "UTC", days, (0, 0), (0, 0), &[])], Vec::new());
    let at = weekend.at(moment("2026-03-07T12:00:00Z"), None);
    assert_eq!(at, open(Some("2026-03-09T00:00:00Z")));
    let always = calendar(vec![window("always", "UTC", Weekdays::ALL, (0, 0), (0, 0), &[])], Vec::new());
    assert_eq!(always.at(moment("2026-03-07T12:00:00Z"), None), open(None));
}

#[test]
fn a_window_that_lies_in_an_hour_that_is_skipped_does_not_open_that_day() {
    let early = window("early", "Europe/Berlin", Weekdays::ALL, (2, 15), (2, 45), &[]);
    let at = calendar(vec![early], Vec::new()).at(moment("2026-03-28T23:00:00Z"), None);
    assert_eq!(at, closed(by_window("early"), Some("2026-03-30T00:15:00Z")));
}

#[test]
fn a_weekly_window_in_an_hour_that_is_skipped_opens_a_week_later() {
    let sundays = weekdays(&[Weekday::Sunday]);
    let early = window("early", "Europe/Berlin", sundays, (2, 15), (2, 45), &[]);
    let at = calendar(vec![early], Vec::new()).at(moment("2026-03-22T08:00:00Z"), None);
    assert_eq!(at, closed(by_window("early"), Some("2026-04-05T00:15:00Z")));
}

#[test]
fn an_hour_that_comes_twice_counts_the_first_time() {
    let early = window("early", "Europe/Berlin", Weekdays::ALL, (2, 15), (2, 45), &[]);
    let at = |text| calendar(vec![early.clone()], Vec::new()).at(moment(text), None);
    assert_eq!(at("2026-10-25T00:20:00Z"), open(Some("2026-10-25T00:45:00Z")));
    assert_eq!(at("2026-10-25T01:20:00Z"), closed(by_window("early"), Some("2026-10-26T01:15:00Z")));
}

#[test]
fn a_freeze_ends_where_a_window_may_not_have_opened_yet() {
    let year_end = freeze("year-end", "Europe/Berlin", "2026-12-18", "2027-01-06", &[]);
    let weekdays = weekdays(&[Weekday::Monday]);
    let mondays = window("mondays", "Europe/Berlin", weekdays, (20, 0), (22, 0), &[]);
    let both = calendar(vec![mondays], vec![year_end]);
    let at = |text| both.at(moment(text), None);
    assert_eq!(at("2026-12-21T19:30:00Z"), closed(by_freeze("year-end"), Some("2027-01-11T19:00:00Z")));
    assert_eq!(at("2027-01-06T22:59:59Z"), closed(by_freeze("year-end"), Some("2027-01-11T19:00:00Z")));
    assert_eq!(at("2027-01-06T23:00:00Z"), closed(by_window("mondays"), Some("2027-01-11T19:00:00Z")));
}

#[test]
fn freezes_that_touch_are_left_at_the_end_of_the_last() {
    let freezes = vec![
        freeze("first", "UTC", "2026-12-18", "2026-12-24", &[]),
        freeze("second", "UTC", "2026-12-25", "2027-01-01", &[]),
    ];
    let at = calendar(Vec::new(), freezes).at(moment("2026-12-20T00:00:00Z"), None);
    assert_eq!(at, closed(by_freeze("first"), Some("2027-01-02T00:00:00Z")));
}

#[test]
fn a_wave_needs_its_own_window_and_one_for_everything() {
    let all = window("nights", "UTC", Weekdays::ALL, (20, 0), (6, 0), &[]);
    let sales = window("quiet-hours", "UTC", Weekdays::ALL, (22, 0), (8, 0), &[1]);
    let freeze = freeze("quarter-end", "UTC", "2026-03-31", "2026-03-31", &[1]);
    let calendar = calendar(vec![all, sales], vec![freeze]);
    let at = |text, wave| calendar.at(moment(text), wave);
    let evening = "2026-03-02T21:00:00Z";
    assert_eq!(at(evening, None), open(Some("2026-03-03T06:00:00Z")));
    assert_eq!(at(evening, Some(0)), open(Some("2026-03-03T06:00:00Z")), "another wave");
    assert_eq!(at(evening, Some(1)), closed(by_window("quiet-hours"), Some("2026-03-02T22:00:00Z")));
    let morning = "2026-03-03T07:00:00Z";
    assert_eq!(at(morning, Some(1)), closed(by_window("nights"), Some("2026-03-03T22:00:00Z")));
    let frozen = "2026-03-31T23:00:00Z";
    assert_eq!(at(frozen, Some(1)), closed(by_freeze("quarter-end"), Some("2026-04-01T00:00:00Z")));
    assert_eq!(at(frozen, Some(0)), open(Some("2026-04-01T06:00:00Z")));
    assert!(calendar.binds(1) && !calendar.binds(0));
}

#[test]
fn windows_that_never_meet_never_open() {
    let all = window("days", "UTC", Weekdays::ALL, (8, 0), (16, 0), &[]);
    let wave = window("nights", "UTC", Weekdays::ALL, (20, 0), (6, 0), &[0]);
    let at = calendar(vec![all, wave], Vec::new()).at(moment("2026-03-02T21:00:00Z"), Some(0));
    assert_eq!(at, closed(by_window("days"), None));
}
