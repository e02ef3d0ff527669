use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::model::rollout::{Goals, Measure, Tally};
use crate::model::{Percent, Standing, TenantId};
use crate::render::Look;
use crate::render::inert::acts;
use crate::render::sample::{HOSTILE, at};
use crate::rollout::adoption::Found;

fn measure(counts: &[(Standing, u64)]) -> Measure {
    let mut measure = Measure::default();
    for (standing, people) in counts {
        measure.add_people(*standing, *people);
    }
    measure
}

fn sample(name: &str) -> Adoption {
    use Standing::{OptedIn, OptedOutThemselves, Settling, Unlicensed, Waiting};
    let tally = |wave: Option<&str>, group: &str, counts: &[(Standing, u64)]| Tally {
        wave: wave.map(Arc::from),
        group: group.into(),
        people: measure(counts),
    };
    let tallies = [
        tally(Some("pilot"), name, &[(OptedIn, 84), (OptedOutThemselves, 12), (Unlicensed, 9)]),
        tally(Some("pilot"), "labs", &[(OptedIn, 20), (OptedOutThemselves, 2), (Settling, 6)]),
        tally(Some("widen"), "rest", &[(Waiting, 240)]),
    ];
    let then = [
        tally(Some("pilot"), name, &[(OptedIn, 60), (OptedOutThemselves, 5), (Settling, 40)]),
        tally(Some("widen"), "rest", &[(Waiting, 250)]),
    ];
    let departments = BTreeMap::from([
        (
            Some(Arc::from("Research")),
            measure(&[(OptedIn, 60), (OptedOutThemselves, 3), (Settling, 6), (Waiting, 100)]),
        ),
        (
            Some(Arc::from(name)),
            measure(&[(OptedIn, 44), (OptedOutThemselves, 11), (Unlicensed, 6), (Waiting, 140)]),
        ),
        (None, measure(&[(Unlicensed, 3)])),
    ]);
    let goals =
        Goals { opted_in: Percent::of_hundredths(6_000), opted_out_at_most: Percent::of_hundredths(1_000) };
    let runs = [
        ("00000001".to_owned(), at("2026-03-02T09:00:00Z"), then.to_vec()),
        ("00000002".to_owned(), at("2026-03-16T09:00:00Z"), tallies.to_vec()),
    ];
    let found = Found {
        tenant: (TenantId(uuid::Uuid::from_u128(1)), "Contoso".into()),
        as_of: at("2026-03-16T10:00:00Z"),
        read_at: at("2026-03-16T10:00:00Z"),
        tallies: &tallies,
        departments: Some(&departments),
        runs: &runs,
    };
    Adoption::of(&found, goals, 5)
}

fn written(write: impl FnOnce(&mut dyn Write, &Adoption) -> io::Result<()>, name: &str) -> String {
    let mut out = Vec::new();
    write(&mut out, &sample(name)).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_person_at_a_terminal_reads_shares_and_goals() {
    let told = written(|out, adoption| text(out, adoption, Look::default()), "sales");
    // The last line is one line, for whoever looks for it.
    assert!(told.lines().filter(|line| line.chars().count() > 80).count() <= 1, "{told}");
    insta::assert_snapshot!(told, @r"
    Adoption at Contoso, 2026-03-16
      read 2026-03-16 10:00 UTC
      goals, of those in reach: at least 60% opted in and at most 10% opted out by
        themselves

                                       People        Opted in  Opted out themselves
    Everybody                             373      104 (83 %)             14 (11 %)
        6 settling; 9 unlicensed; 240 waiting
        at least 60% opted in: met
        at most 10% opted out by themselves: not met

    By wave and group
    pilot                                 133      104 (83 %)             14 (11 %)
        6 settling; 9 unlicensed
        at least 60% opted in: met
        at most 10% opted out by themselves: not met
      sales                               105              84                     ·
          21 not told apart (opted out by themselves, settling and unlicensed)
          at least 60% opted in: met
      labs                                 28              20                     ·
          8 not told apart (opted out by themselves, settling and unlicensed)
          at least 60% opted in: met
    widen                                 240               0                     0
        240 waiting
        at least 60% opted in: too few people to say
        at most 10% opted out by themselves: too few people to say
      rest                                240               0                     0
          240 waiting

    By department
    sales                                 201              44                     ·
        140 waiting; 17 not told apart (opted out by themselves, settling and
          unlicensed)
    (no department) + Research            172              60                     ·
        100 waiting; 12 not told apart (opted out by themselves, settling and
          unlicensed)

    Trend: what runs of apply found before they changed anything
    2026-03-02 09:00 UTC                  355       60 (57 %)             5 (4.7 %)
    2026-03-16 09:00 UTC                  373      104 (83 %)             14 (11 %)

    · is not told: no number here counts 1 to 4 people, and none of one moment
      reveals one that does

    Numbers of two moments do tell how many moved in between, and that may be one
      person: where that matters, make the report without its trend (--last 0).

    Adoption: 104 of 124 people in reach opted in (83 %), 14 (11 %) opted out by themselves.
    ");
}

#[test]
fn a_spreadsheet_gets_a_row_for_each_part_now_and_then() {
    insta::assert_snapshot!(written(csv, "sales"), @r"
    Run,At,Part,Wave,Name,People,OptedIn,OptedOutThemselves,OptedOut,Settling,Pending,Failed,Unlicensed,Unknown,Waiting,OutOfReach,NotToldApart,GoalOptedIn,GoalOptedOut,MinGroup
    ,2026-03-16T10:00:00Z,everybody,,Everybody,373,104,14,0,6,0,0,9,0,240,0,0,met,not met,5
    ,2026-03-16T10:00:00Z,wave,,pilot,133,104,14,0,6,0,0,9,0,0,0,0,met,not met,5
    ,2026-03-16T10:00:00Z,group,pilot,sales,105,84,,0,,0,0,,0,0,0,21,met,too few people to say,5
    ,2026-03-16T10:00:00Z,group,pilot,labs,28,20,,0,,0,0,,0,0,0,8,met,too few people to say,5
    ,2026-03-16T10:00:00Z,wave,,widen,240,0,0,0,0,0,0,0,0,240,0,0,too few people to say,too few people to say,5
    ,2026-03-16T10:00:00Z,group,widen,rest,240,0,0,0,0,0,0,0,0,240,0,0,too few people to say,too few people to say,5
    ,2026-03-16T10:00:00Z,department,,sales,201,44,,0,,0,0,,0,140,0,17,,,5
    ,2026-03-16T10:00:00Z,merged,,(no department) + Research,172,60,,0,,0,0,,0,100,0,12,,,5
    00000001,2026-03-02T09:00:00Z,everybody,,Everybody,355,60,5,0,40,0,0,0,0,250,0,0,not met,met,5
    00000001,2026-03-02T09:00:00Z,wave,,pilot,105,60,5,0,40,0,0,0,0,0,0,0,not met,met,5
    00000001,2026-03-02T09:00:00Z,group,pilot,sales,105,60,5,0,40,0,0,0,0,0,0,0,not met,met,5
    00000001,2026-03-02T09:00:00Z,wave,,widen,250,0,0,0,0,0,0,0,0,250,0,0,too few people to say,too few people to say,5
    00000001,2026-03-02T09:00:00Z,group,widen,rest,250,0,0,0,0,0,0,0,0,250,0,0,too few people to say,too few people to say,5
    00000002,2026-03-16T09:00:00Z,everybody,,Everybody,373,104,14,0,6,0,0,9,0,240,0,0,met,not met,5
    00000002,2026-03-16T09:00:00Z,wave,,pilot,133,104,14,0,6,0,0,9,0,0,0,0,met,not met,5
    00000002,2026-03-16T09:00:00Z,group,pilot,sales,105,84,,0,,0,0,,0,0,0,21,met,too few people to say,5
    00000002,2026-03-16T09:00:00Z,group,pilot,labs,28,20,,0,,0,0,,0,0,0,8,met,too few people to say,5
    00000002,2026-03-16T09:00:00Z,wave,,widen,240,0,0,0,0,0,0,0,0,240,0,0,too few people to say,too few people to say,5
    00000002,2026-03-16T09:00:00Z,group,widen,rest,240,0,0,0,0,0,0,0,0,240,0,0,too few people to say,too few people to say,5
    ");
}

#[test]
fn what_two_moments_tell_is_said_wherever_people_read_two() {
    let told = |adoption: &Adoption| {
        let (mut page, mut terminal) = (Vec::new(), Vec::new());
        html(&mut page, adoption).expect("memory");
        text(&mut terminal, adoption, Look::default()).expect("memory");
        [page, terminal].map(|out| {
            let out = String::from_utf8(out).expect("UTF-8");
            out.split_whitespace().collect::<Vec<_>>().join(" ").contains(words::TWO_MOMENTS)
        })
    };
    let mut adoption = sample("sales");
    assert_eq!(told(&adoption), [true, true]);
    adoption.trend.clear();
    assert_eq!(told(&adoption), [false, false]);
}

#[test]
fn names_are_inert_in_every_form() {
    let forms = [
        written(|out, adoption| text(out, adoption, Look::default()), HOSTILE),
        written(json, HOSTILE),
        written(csv, HOSTILE),
        written(html, HOSTILE),
    ];
    for form in forms {
        assert!(!form.contains(|c: char| c != '\n' && acts(c)), "{form:?}");
    }
    assert!(written(csv, "=cmd()").contains(",'=cmd(),"));
    let page = written(html, "<script>alert('x')</script>\"");
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
}

#[test]
fn the_page_needs_nothing_else_and_tells_its_pictures_in_words() {
    let page = written(html, "sales");
    for outside in ["http://", "https://", "src=", "href=", "url(", "@import", "<script"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let number = |what: &str| page.matches(what).count();
    assert_eq!(number("<svg "), number("<desc "));
    assert_eq!(number("<svg "), number("role=\"img\""));
    assert!(number("<svg ") >= 3 && number("<table>") >= number("<svg "), "each picture has its table");
    let (opened, closed) = (number("<svg ") + number("<table>"), number("</svg>") + number("</table>"));
    assert_eq!(opened, closed);
}
