//! Reports as people see them: whole, ended early, empty and hostile.

use super::*;
use crate::model::PlanHash;
use crate::render::inert::acts;
use crate::render::sample;

fn written(write: impl Fn(&mut dyn Write, &Report) -> io::Result<()>, report: &Report) -> String {
    let mut out = Vec::new();
    write(&mut out, report).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

fn shown(report: &Report) -> String {
    written(|out, report| text(out, report, Look::default()), report)
}

#[test]
fn a_report_lists_what_needs_a_look() {
    insta::assert_snapshot!(shown(&sample::report()), @r"
        Run 20261121T092000Z-7f3a (2026-11-21 09:20 UTC)

        What became of the operations
          22  done      written and read back
           1  settling  written, and not to be seen yet; this is no failure
           1  moved     no longer as planned, so not written
           1  waiting   held back until something else of this plan is there
           1  failed    refused by the service
          hint: people's settings usually show within 15 minutes, service plans within
            an hour, defaults within a day; plan again then: what still differs is
            written once more

        Moved: no longer as planned, so not written (1)
          dan.falk@contoso.com  mode opt-in → opt-out
              found mode opt-out
          hint: plan again to see what they have now

        Waiting: held back until something else of this plan is there (1)
          temp.worker@contoso.com  service-plan assigned → removed once opted out
              the opt-out does not show yet
          hint: run the same command again later; it carries on where this run had to
            wait

        Failed: refused by the service (1)
          cara.dahl@contoso.com  mode opt-in → opt-out
              The operation couldn't be performed because object 'cara.dahl' couldn't be
              found (3 attempts, request b7c1f5de-0000-4000-8000-0123456789ab)
          hint: plan again; what still differs is part of the next plan

        Apply incomplete: 3 tenant settings, 14 of 17 people written (22 done, 1 settling, 1 moved, 1 waiting, 1 failed), 26 calls in 11 s; 1 person no longer as planned.
    ");
}

#[test]
fn the_last_line_says_how_the_run_ended() {
    let mut report = sample::report();
    report.rows.retain(|row| row.outcome == Outcome::Done);
    insta::assert_snapshot!(
        last_line(&report),
        @"Apply complete: 3 tenant settings, 13 people written (22 done), 26 calls in 11 s."
    );
    report.stopped = Some(Stopped::Interrupted);
    report.rows[0].outcome = Outcome::NotBegun;
    insta::assert_snapshot!(
        last_line(&report),
        @"Apply ended early: 3 tenant settings, 12 of 13 people written (21 done, 1 not-begun), 26 calls in 11 s."
    );
    report.rows.clear();
    report.stopped = None;
    assert_eq!(last_line(&report), "Apply complete: nothing was to be written.");
}

#[test]
fn a_run_that_ended_early_says_why_and_how_to_carry_on() {
    let mut report = sample::report();
    report.rows.truncate(2);
    report.rows[1].outcome = Outcome::NotBegun;
    report.stopped = Some(Stopped::FailureLimit { failed: 61, limit: 60 });
    insta::assert_snapshot!(shown(&report), @r"
        Run 20261121T092000Z-7f3a (2026-11-21 09:20 UTC)

        The run ended before its plan did: 61 people failed, and the failure limit is
          60.

        What became of the operations
          1  done       written and read back
          1  not-begun  not begun before the run ended
          hint: run the same command again; it carries on with what was not begun

        Apply ended early: 1 of 2 people written (1 done, 1 not-begun), 26 calls in 11 s.
    ");
}

#[test]
fn a_report_names_its_plan_and_who_consented() {
    let mut report = sample::report();
    report.rows.truncate(1);
    report.plan = Some(PlanHash::new([0x5a; 32]));
    report.waivers = vec![sample::waiver()];
    insta::assert_snapshot!(shown(&report), @r"
        Run 20261121T092000Z-7f3a (2026-11-21 09:20 UTC)
        plan sha256:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a

        Consented to in writing
          ! defaults, by ada@contoso.com until 2026-11-30: agreed

        What became of the operations
          1  done  written and read back

        Apply complete: 1 person written (1 done), 26 calls in 11 s.
    ");
    let comment = markdown(&report, 10);
    assert!(comment.contains(&format!("Plan `{}`", PlanHash::new([0x5a; 32]))), "{comment}");
    assert!(comment.contains("**!** defaults, by `ada@contoso.com` until 2026-11-30: `agreed`"), "{comment}");
}

#[test]
fn csv_has_exactly_the_columns_of_the_result_file() {
    let report = sample::report();
    let text = written(csv, &report);
    let some: Vec<_> = text.lines().take(4).chain(text.lines().skip(19).take(3)).collect();
    insta::assert_snapshot!(some.join("\n"), @r"
        UserPrincipalName,ObjectId,Group,Setting,From,To,Outcome,Attempts,RequestId,Message,At
        anna.berg@contoso.com,00000000-0000-0000-0000-000000000064,works-council,mode,opt-in,opt-out,done,1,,,2026-11-21T09:20:09Z
        bo.ek@contoso.com,00000000-0000-0000-0000-000000000065,works-council,mode,opt-in,opt-out,done,1,,,2026-11-21T09:20:09Z
        cara.dahl@contoso.com,00000000-0000-0000-0000-000000000066,works-council,mode,opt-in,opt-out,failed,3,b7c1f5de-0000-4000-8000-0123456789ab,The operation couldn't be performed because object 'cara.dahl' couldn't be found,2026-11-21T09:20:09Z
        ,,tenant,dashboard,on,off,done,1,,,2026-11-21T09:20:09Z
        ,,tenant,outlook-add-in,on,off,done,1,,,2026-11-21T09:20:09Z
        temp.worker@contoso.com,00000000-0000-0000-0000-00000000012c,contractors,service-plan,assigned,removed,waiting,0,,the opt-out does not show yet,2026-11-21T09:20:09Z
    ");
    assert_eq!(text.lines().count(), 1 + report.rows.len());
}

#[test]
fn json_is_the_report_itself() {
    for report in [sample::report(), sample::hostile_report()] {
        assert_eq!(serde_json::from_str::<Report>(&written(json, &report)).expect("a report"), report);
    }
}

#[test]
fn hostile_text_is_inert_in_every_form() {
    let report = sample::hostile_report();
    for text in [shown(&report), written(csv, &report), written(json, &report), markdown(&report, 10)] {
        assert!(!text.contains(|c: char| c != '\n' && acts(c)), "{text:?}");
    }
    assert!(!written(csv, &report).contains(",=cmd"));
}

#[test]
fn a_comment_tells_the_last_line_first() {
    let comment = markdown(&sample::report(), 10);
    let second = comment.lines().nth(2).expect("a second paragraph");
    assert_eq!(second, format!("**{}**", last_line(&sample::report())));
    assert!(
        comment.contains("| `cara.dahl@contoso.com` | mode opt-in → opt-out | `The operation"),
        "{comment}"
    );
}
