//! The five forms of a rollout, with names that want to be more than names.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{date, time};
use uuid::Uuid;

use super::*;
use crate::model::TenantId;
use crate::model::rollout::{
    Campaign, Check, Conditions, Freeze, Milestone, Role, Rollout, Span, Survey, Then, Weekdays, Window,
};
use crate::rollout::{About, Facts, timeline};

const HOSTILE: &str = "a:b;c,d#e\\f\n</text><script>x</script>\u{1b}[2J\u{202e}";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn wave(name: &str, starts: Option<&str>, after: Option<u32>) -> crate::model::rollout::Wave {
    crate::model::rollout::Wave {
        name: name.into(),
        groups: vec![0],
        starts: starts.map(at),
        runs_for: after.is_none().then_some(45),
        after,
        approved: after.map(|_| false),
        canary: if after.is_none() { Percent::of_hundredths(1_000).expect("a share") } else { Percent::ALL },
        when: Conditions::default(),
        then: Then::Stay,
    }
}

fn overview(name: &str) -> Overview {
    let zone = TimeZone::get("Europe/Berlin").expect("a time zone");
    let milestone = |name: &str, day, until_day| Milestone {
        name: name.into(),
        wave: 0,
        day,
        until_day,
        owner: None,
        what: Some("Tell people, and listen; really".into()),
        message: None,
    };
    let check =
        |what: &str, done| Check { what: what.into(), owner: Some(Role::SecurityLead), done, evidence: None };
    let rollout = Rollout {
        time_zone: zone.clone(),
        waves: vec![wave(name, Some("2026-03-01T23:00:00Z"), None), wave("everyone", None, Some(0))],
        windows: vec![Window {
            name: name.into(),
            time_zone: zone.clone(),
            days: Weekdays::ALL,
            from: time(20, 0, 0, 0),
            to: time(6, 0, 0, 0),
            waves: Vec::new(),
        }],
        freezes: vec![Freeze {
            name: name.into(),
            time_zone: zone,
            span: Span { from: date(2026, 4, 2), to: date(2026, 4, 7) },
            waves: vec![0],
        }],
        campaign: Campaign {
            milestones: vec![milestone("assess", 41, Some(45)), milestone(name, -7, None)],
            surveys: vec![Survey { name: name.into(), wave: 0, day: 14, link: None }],
            checklist: vec![check(name, false), check("tell the works council", true)],
            ..Campaign::default()
        },
        ..Rollout::default()
    };
    let groups = [Arc::from("sales")];
    let timeline = timeline(&rollout, &groups, &Facts::default(), at("2026-03-09T09:00:00Z"));
    let people = BTreeMap::from([(0, Headcount { named: 1_208, taken_in: 120 })]);
    let tenant = TenantId(Uuid::from_u128(7));
    let about = About { tenant, tenant_name: Some(name), timeline: &timeline, people: Some(people) };
    Overview::of(&rollout, &about)
}

fn shown(overview: &Overview) -> String {
    let mut out = Vec::new();
    text(&mut out, overview, Look::default()).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn the_text_tells_waves_windows_freezes_milestones_surveys_and_open_checks() {
    let expected = "\
Rollout of pilot, as of 2026-03-09 (Europe/Berlin)

Waves
  running  pilot     2026-03-02 – 2026-04-15  day 8 of 45,
                                              120 of 1,208 people (10%)
  planned  everyone  from 2026-04-16
           held: pilot is not over before 2026-04-16
           held: nobody has approved it yet (`approved: true`)

Changes
  closed until 2026-03-09 19:00 UTC, outside the window pilot

Windows
  closed   pilot  every day 20:00–06:00 Europe/Berlin, opens 2026-03-09 19:00
                  UTC

Freezes
  2026-04-02 – 2026-04-07  pilot  in 24 days, for pilot only

Milestones
  2026-02-23               pilot   day -7 of pilot: Tell people, and listen;
                                   really
  2026-04-11 – 2026-04-15  assess  day 41 of pilot: Tell people, and listen;
                                   really

Surveys
  2026-03-15  pilot  day 14 of pilot: no link yet

Still to be done
  pilot  security-lead

Next: everyone, on 2026-04-16 at the earliest.
";
    assert_eq!(shown(&overview("pilot")), expected);
}

#[test]
fn no_form_obeys_a_name() {
    let overview = overview(HOSTILE);
    let svg = svg(&overview);
    let calendar = calendar(&overview, at("2026-03-09T09:00:00Z"));
    let forms = [shown(&overview), markdown(&overview), svg.clone(), calendar];
    for form in forms {
        assert!(!form.contains(['\u{1b}', '\u{202e}']), "{form}");
    }
    assert!(!svg.contains("<script") && !svg.contains("</text><"), "{svg}");
}

#[test]
fn a_chart_reads_a_name_as_nothing_else() {
    let comment = markdown(&overview(HOSTILE));
    let chart = comment.split("```").nth(1).expect("a chart");
    for line in chart.lines().filter(|line| line.starts_with("    ") && !line.contains("section")) {
        let parts = line.matches(':').count();
        assert!(parts == 1 || line.contains("Format"), "{line}");
        assert!(!line.contains(['#', ';']), "{line}");
    }
    assert!(markdown(&overview("section 9")).contains("· section 9 :"), "a statement's word");
}

#[test]
fn lines_of_a_calendar_are_folded_inside_no_character() {
    let name = format!("{}, ü; 山田 \\", "é".repeat(120));
    let file = calendar(&overview(&name), at("2026-03-09T09:00:00Z"));
    assert!(file.ends_with("END:VCALENDAR\r\n"));
    for line in file.strip_suffix("\r\n").expect("a last line").split("\r\n") {
        assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{line}");
    }
    let whole = file.replace("\r\n ", "");
    assert!(whole.contains(&format!("SUMMARY:Wave {}\\, ü\\; 山田 \\\\\r\n", "é".repeat(120))), "{whole}");
    assert!(whole.contains("DTSTART;VALUE=DATE:20260302\r\nDTEND;VALUE=DATE:20260416\r\n"), "{whole}");
}

#[test]
fn surveys_and_checks_stand_in_every_form_that_has_a_place_for_them() {
    let overview = overview("pilot");
    let written = markdown(&overview);
    assert!(written.contains("| `pilot` | 2026-03-15 | `pilot` |"), "{written}");
    assert!(written.contains("| `tell the works council` | security-lead | done |"), "{written}");
    assert!(written.contains("| `pilot` | security-lead | **open** |"), "{written}");
    let file = calendar(&overview, at("2026-03-09T09:00:00Z"));
    assert!(file.contains("SUMMARY:Survey pilot\r\n"), "{file}");
    let mut out = Vec::new();
    json(&mut out, &overview).expect("memory");
    let told: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(told["surveys"][0]["date"], "2026-03-15");
    assert_eq!(told["checks"][0]["done"], false);
}

#[test]
fn an_event_keeps_its_identifier() {
    let ids = |name: &str, stamp: &str| -> Vec<String> {
        let file = calendar(&overview(name), at(stamp));
        file.lines().filter(|line| line.starts_with("UID:")).map(str::to_owned).collect()
    };
    let one = ids("pilot", "2026-03-09T09:00:00Z");
    assert_eq!(one, ids("pilot", "2026-03-10T09:00:00Z"));
    assert_eq!(one.iter().collect::<std::collections::BTreeSet<_>>().len(), 6, "{one:?}");
}

#[test]
fn the_json_can_be_read_back() {
    let mut out = Vec::new();
    let told = overview("pilot");
    json(&mut out, &told).expect("memory");
    assert_eq!(serde_json::from_slice::<Overview>(&out).expect("an overview"), told);
}
