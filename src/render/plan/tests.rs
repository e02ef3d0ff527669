//! Plans as people see them: whole, empty, hostile and huge.

use super::*;
use crate::model::Class;
use crate::plan::Reason;
use crate::render::inert::{acts, width};
use crate::render::sample;

fn shown(plan: &Plan, look: Look) -> String {
    let mut out = Vec::new();
    text(&mut out, plan, &sample::objections(), look).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

fn written(write: fn(&mut dyn Write, &Plan) -> io::Result<()>, plan: &Plan) -> String {
    let mut out = Vec::new();
    write(&mut out, plan).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_plan_reads_from_objections_to_its_last_line() {
    insta::assert_snapshot!(shown(&sample::full(), Look::default()), @r"
        Plan for Contoso Ltd (tenant 3f2504e0-4f89-41d3-9a0c-0305e82c3301)
        read 2026-11-21 09:14 UTC, manifest 9f86d081884c

        Needs consent before anything of this plan is done
          ! defaults: 4,312 of 5,000 people in the directory would move with the
            tenant's defaults; this always needs consent.
            hint: consent with `--allow defaults`, or raise `guards.limits.defaults` in
              the manifest

        Changed by others since the last apply: 2 settings
          ~ tenant's digest-email off → on
          ~ 1 person
              eve@contoso.com  mode opt-in → opt-out

        Step 1: people's opt-outs and switch-offs
          - opt-out: 12 people in works-council
              anna.berg@contoso.com  mode opt-in → opt-out
              bo.ek@contoso.com      mode opt-in → opt-out (overrides their choice)
              cara.dahl@contoso.com  mode opt-in → opt-out
              dan.falk@contoso.com   mode opt-in → opt-out
              elin.gren@contoso.com  mode opt-in → opt-out
              finn.holm@contoso.com  mode opt-in → opt-out
              gro.lind@contoso.com   mode opt-in → opt-out
              hal.moe@contoso.com    mode opt-in → opt-out
              ida.nord@contoso.com   mode opt-in → opt-out
              jon.ohlin@contoso.com  mode opt-in → opt-out
              … and 2 more (--verbose shows all; --format csv lists everybody)

        Step 2: pins, so that people keep what the defaults will no longer give
          = pinned: 3 people in pilot
              ada.lovelace@contoso.com    dashboard, outlook-add-in stay on
              alan.turing@contoso.com     dashboard, outlook-add-in stay on
              barbara.liskov@contoso.com  dashboard, outlook-add-in stay on

        Step 3: tenant defaults switched off
          - dashboard       on → off
          - outlook-add-in  on → off
          ! 4,312 people move with the default (0 in groups, 7 protected, 4,305 in no
            group)

        Step 4: service plans removed
          - service-plan-removed: 1 person in contractors
              temp.worker@contoso.com  service-plan assigned → removed once opted out

        Step 5: tenant defaults switched on, and rates
          ~ sampling-rate  unread → 0.2

        Step 6: people's opt-ins and switch-ons
          + opt-in: 1 person in pilot
              grace.brewster.mu…iary.contoso.com  mode opt-out → opt-in; dashboard,
                                                  outlook-add-in off → on;
                                                  digest-email stays off
                                                  (the manifest changed)

        Groups
          works-council held 18 people when last applied; 2 of them left and 1 moved to
            pilot
          works-council decides for 3 people whom pilot names too; they ask for
            different things

        Left alone: 1,191 of 1,208 people in scope
          ?     1  unknown        something that decides could not be read
                   fay@contoso.com  in pilot
                1  not-found      the directory does not know the address
                   nobody@contoso.com  in pilot
                1  guest          guests are left alone
          !     1  consent-floor  somebody opted out, and nobody is opted in against
                                  that
                   eve@contoso.com  mode is opt-out, not opt-in
                1  own-choice     somebody chose otherwise, and the choice stands
                   mallory@contoso.com  mode is opt-out, not opt-in
          = 1,186  in-sync        as the manifest asks

        Unknown, and therefore left alone
          ? group: sales@contoso.com of pilot could not be read: insufficient privileges
            to complete the operation; everyone whom it could hold is left alone
          ? 1 person: the service asks for more patience than there is: Request is
            throttled. Please retry later.

        Notes
          • contractors removes the service plan without `mode: opt-out`, so these
            people's data still feed the statistics that others see
          • Microsoft may send its own welcome e-mail to people who are opted in or get
            the service plan

        + granted   - withdrawn   ~ changed   = in sync   ! needs consent   ? unknown

        Plan: 3 tenant settings, 17 people (1 opt-in, 12 opt-out, 3 pinned, 1 features, 1 service-plan-removed) of 1,208 in scope, 24 calls and 41 reads, about 8 s.
    ");
}

#[test]
fn nothing_but_the_last_line_is_wider_than_the_terminal() {
    for columns in [66, 72, 80, 132] {
        let text = shown(&sample::full(), Look { width: columns, ..Look::default() });
        let lines: Vec<_> = text.lines().collect();
        let (_, body) = lines.split_last().expect("a last line");
        let wide: Vec<_> = body.iter().filter(|line| width(line) > columns).collect();
        assert!(wide.is_empty(), "wider than {columns}: {wide:#?}");
    }
}

#[test]
fn verbose_shows_everybody() {
    let verbose = shown(&sample::full(), Look { details: usize::MAX, ..Look::default() });
    assert!(verbose.contains("lea.quist@contoso.com") && !verbose.contains("more ("), "{verbose}");
    assert!(!shown(&sample::full(), Look::default()).contains("lea.quist@contoso.com"));
}

#[test]
fn colour_changes_no_word() {
    let plain = shown(&sample::full(), Look::default());
    let coloured = shown(&sample::full(), Look { colour: true, ..Look::default() });
    assert_ne!(plain, coloured);
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn the_legend_explains_the_symbols_used_and_no_others() {
    let mut plan = sample::full();
    assert!(
        shown(&plan, Look::default()).contains("\n+ granted   - withdrawn   ~ changed   = in sync   ! needs")
    );
    plan.operations.retain(|operation| mark(operation) == Mark::Withdrawn);
    plan.outside_changes.clear();
    plan.left_alone.clear();
    plan.summary.left_alone.clear();
    plan.notes.clear();
    let mut out = Vec::new();
    text(&mut out, &plan, &[], Look::default()).expect("memory");
    let text = String::from_utf8(out).expect("UTF-8");
    assert!(text.contains("\n- withdrawn\n"), "{text}");
}

#[test]
fn an_empty_plan_says_what_was_compared() {
    let mut plan = sample::empty();
    insta::assert_snapshot!(
        last_line(&plan),
        @"No changes: 1,208 people in scope and the tenant's defaults compared, and all is as the manifest asks."
    );
    plan.summary.left_alone = [(Reason::InSync, 1_100), (Reason::OwnChoice, 108)].into();
    insta::assert_snapshot!(
        last_line(&plan),
        @"No changes: 1,208 people in scope and the tenant's defaults compared; 108 left alone for other reasons."
    );
    plan.summary.left_alone =
        [(Reason::InSync, 1_100), (Reason::OwnChoice, 8), (Reason::Unknown, 100)].into();
    insta::assert_snapshot!(
        last_line(&plan),
        @"No changes: 1,208 people in scope and the tenant's defaults compared; 8 left alone for other reasons, 100 could not be read."
    );
    plan.summary = crate::plan::Summary::default();
    insta::assert_snapshot!(
        last_line(&plan),
        @"No changes: the tenant's defaults are as the manifest asks, and its groups hold nobody."
    );
}

#[test]
fn an_empty_plan_is_short() {
    let mut out = Vec::new();
    text(&mut out, &sample::empty(), &[], Look::default()).expect("memory");
    insta::assert_snapshot!(String::from_utf8(out).expect("UTF-8"), @r"
        Plan for Contoso Ltd (tenant 3f2504e0-4f89-41d3-9a0c-0305e82c3301)
        read 2026-11-21 09:14 UTC, manifest 9f86d081884c

        Left alone: 1,208 of 1,208 people in scope
          = 1,208  in-sync  as the manifest asks

        = in sync

        No changes: 1,208 people in scope and the tenant's defaults compared, and all is as the manifest asks.
    ");
}

#[test]
fn the_last_line_names_one_person_and_those_outside_the_scope() {
    let mut plan = sample::full();
    plan.summary = crate::plan::Summary {
        in_scope: 40,
        people: 1,
        outside_scope: 1,
        by_class: [(Class::Restore, 1), (Class::Leaving, 3)].into(),
        calls: 1,
        reads: 3,
        seconds: 100,
        ..crate::plan::Summary::default()
    };
    assert_eq!(
        last_line(&plan),
        "Plan: 1 person (1 restore) of 40 in scope, 1 of them outside it, 1 call and 3 reads, about 2 min."
    );
}

#[test]
fn a_saved_plan_shows_its_hash_and_asks_for_consent_in_writing() {
    let plan = sealed(sample::full()).expect("memory");
    let mut file = Vec::new();
    json(&mut file, &plan).expect("memory");
    assert_eq!(crate::plan::hash::check(&file), Ok(plan.hash), "the file has the hash that it carries");
    let mut shown = Vec::new();
    text(&mut shown, &plan, &sample::objections(), Look::default()).expect("memory");
    let comment = markdown(&plan, &sample::objections(), 10);
    for text in [String::from_utf8(shown).expect("UTF-8"), comment] {
        assert!(text.contains(&plan.hash.to_string()), "{text}");
        assert!(
            text.replace("\n      ", " ")
                .contains("`insightctl waive plan.json --class defaults --reason TEXT`"),
            "{text}"
        );
        assert!(!text.contains("--allow"), "{text}");
    }
    let (_, hints) = refusal(&sample::objections(), Some("my plan\u{1b}.json"));
    assert!(hints[0].contains(r"waive my plan\u{1b}.json --class defaults"), "{hints:?}");
}

#[test]
fn a_refusal_names_each_class_once_with_its_remedy() {
    let mut objections = sample::objections();
    objections.push(Objection { class: Class::OptOut, ..objections[0].clone() });
    objections.push(objections[0].clone());
    let (fact, hints) = refusal(&objections, None);
    assert_eq!(fact, "opt-out and defaults need consent, so nothing of this plan is done");
    assert_eq!(hints.len(), 2);
    assert_eq!(hints[0], "consent with `--allow opt-out`, or raise `guards.limits.opt-out` in the manifest");
}

#[test]
fn json_is_the_plan_itself() {
    for plan in [sample::empty(), sample::full(), sample::hostile()] {
        let text = written(json, &plan);
        assert!(text.ends_with("}\n"));
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("a plan"), plan);
    }
}

#[test]
fn csv_has_a_row_for_each_setting_and_each_person_left_alone() {
    let text = written(csv, &sample::full());
    let some: Vec<_> = text.lines().take(3).chain(text.lines().skip(18).take(13)).collect();
    insta::assert_snapshot!(some.join("\n"), @r"
        UserPrincipalName,ObjectId,Group,Setting,From,To,Action,Reason
        anna.berg@contoso.com,00000000-0000-0000-0000-000000000064,works-council,mode,opt-in,opt-out,set,first-touch
        bo.ek@contoso.com,00000000-0000-0000-0000-000000000065,works-council,mode,opt-in,opt-out,set,overridden
        barbara.liskov@contoso.com,00000000-0000-0000-0000-0000000000ca,pilot,outlook-add-in,on,on,set,pinned
        ,,tenant,dashboard,on,off,set,differs
        ,,tenant,outlook-add-in,on,off,set,differs
        temp.worker@contoso.com,00000000-0000-0000-0000-00000000012c,contractors,service-plan,assigned,removed,set,differs
        ,,tenant,sampling-rate,,0.2,set,differs
        grace.brewster.murray.hopper.of.the.navy@subsidiary.contoso.com,00000000-0000-0000-0000-000000000190,pilot,mode,opt-out,opt-in,set,manifest-changed
        grace.brewster.murray.hopper.of.the.navy@subsidiary.contoso.com,00000000-0000-0000-0000-000000000190,pilot,dashboard,off,on,set,with-opt-in
        grace.brewster.murray.hopper.of.the.navy@subsidiary.contoso.com,00000000-0000-0000-0000-000000000190,pilot,digest-email,off,off,set,with-opt-in
        grace.brewster.murray.hopper.of.the.navy@subsidiary.contoso.com,00000000-0000-0000-0000-000000000190,pilot,outlook-add-in,off,on,set,with-opt-in
        eve@contoso.com,00000000-0000-0000-0000-0000000001f4,pilot,mode,opt-out,opt-in,leave,consent-floor
        mallory@contoso.com,00000000-0000-0000-0000-0000000001f5,pilot,mode,opt-out,opt-in,leave,own-choice
        nobody@contoso.com,,pilot,,,,leave,not-found
        fay@contoso.com,00000000-0000-0000-0000-0000000001f7,pilot,,,,leave,unknown
    ");
    let (operations, left) = (sample::full().operations.len(), sample::full().left_alone.len());
    assert_eq!(text.lines().count(), 1 + operations + left);
}

#[test]
fn hostile_names_are_inert_in_every_form() {
    let plan = sample::hostile();
    let comment = markdown(&plan, &sample::objections(), 10);
    for text in [shown(&plan, Look::default()), written(json, &plan), written(csv, &plan), comment] {
        let acting: Vec<_> = text.chars().filter(|c| *c != '\n' && acts(*c)).collect();
        assert!(acting.is_empty(), "{acting:?}");
    }
    for line in written(csv, &plan).lines() {
        assert!(!line.contains(",=cmd") && !line.starts_with('='), "{line}");
    }
}

#[test]
fn outside_code_a_comment_holds_only_our_own_words() {
    let comment = markdown(&sample::hostile(), &sample::objections(), 10);
    assert!(comment.contains("everyone") && comment.contains("&lt;img"));
    for line in comment.lines() {
        let mut ours = line.to_owned();
        for (open, close) in [("<code>", "</code>"), ("`", "`")] {
            while let Some(start) = ours.find(open) {
                let rest = start + open.len();
                let length = ours[rest..].find(close).expect("code is closed on its line");
                ours.replace_range(start..rest + length + close.len(), "");
            }
        }
        assert!(!ours.contains('@') && !ours.contains("img") && !ours.contains("]("), "{ours}");
    }
}

#[test]
fn a_comment_is_bounded_and_closes_what_it_opens() {
    let plan = sample::huge(100_000);
    let comment = markdown(&plan, &[], usize::MAX);
    assert!(comment.len() < 60_000, "{}", comment.len());
    assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
    assert!(comment.contains("**Plan: ") && comment.contains("**This comment is shortened.**"));
    assert!(!markdown(&sample::full(), &[], 10).contains("shortened"));
}

#[test]
fn a_huge_plan_has_a_short_text() {
    let plan = sample::huge(100_000);
    let text = shown(&plan, Look::default());
    assert_eq!(text.matches("… and 2,490 more").count(), 40);
    assert!(text.len() < 60_000, "{}", text.len());
    assert_eq!(written(csv, &plan).lines().count(), 100_001);
}
