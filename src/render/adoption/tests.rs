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
    Adoption::of(&found, &goals, 5)
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
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_spreadsheet_gets_a_row_for_each_part_now_and_then() {
    insta::assert_snapshot!(written(csv, "sales"), @"");
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

#[test]
#[ignore = "writes a page to look at: INSIGHTCTL_PAGE=FILE"]
fn a_page_to_look_at() {
    let path = std::env::var_os("INSIGHTCTL_PAGE").expect("a file");
    std::fs::write(path, written(html, "sales")).expect("written");
}
