//! Whole manifests: everything that is read, and everything that is told.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::manifest::{Problems, Severity, StoreAddress, parse};
use crate::model::{Class, Limit, Mode, OnLeave, OnUserChoice, Rate, TenantSetting, Value};

const FULL: &str = r#"version: 1
tenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301, name: contoso.onmicrosoft.com }
scenario: mixed
defaults:
  dashboard: off
  digest-email: NO
  outlook-add-in: False
  scheduled-send: on
  meeting-survey: { enabled: Yes, sampling-rate: 0.2 }
groups:
  - name: works-council
    mode: Opt-Out
    on-user-choice: override
    on-leave: restore
    members:
      - group: works-council@contoso.com
      - licence: SPE_E5
  - name: pilot
    mode: opt-in
    features: { dashboard: on, outlook-add-in: on, digest-email: off }
    members:
      - user: Ada@contoso.com
      - csv: people/pilot.csv
      - filter: "department eq 'Sales'"
    except:
      - csv: people/pilot.csv
        column: Mail
guards:
  protected: [ { user: 4f2504e0-4f89-41d3-9a0c-0305e82c3301 } ]
  limits: { opt-in: { percent: 10 }, leaving: { people: 3 } }
settle: { person: 1m 30s }
store: file:state/here
"#;

const CSV: &[u8] =
    b"UserPrincipalName,Mail\ngrace@contoso.com,g@contoso.com\njoan@contoso.com,j@contoso.com\n";

pub(super) fn told(problems: &Problems) -> String {
    let mut text = String::new();
    for problem in problems.list() {
        let hint = problem.hint.as_deref().unwrap_or("-");
        writeln!(
            text,
            "{:?} {}:{} {} | {hint}",
            problem.severity, problem.line, problem.column, problem.message
        )
        .unwrap();
    }
    text
}

fn wrong(text: &str) -> String {
    told(&parse(text, &[]).unwrap_err())
}

/// Says what is wrong with a manifest whose only group has these lines.
fn wrong_group(lines: &str) -> String {
    let head = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\ngroups:\n- name: a\n";
    let lines: Vec<String> = lines.lines().map(|line| format!("  {line}\n")).collect();
    wrong(&format!("{head}{}", lines.concat()))
}

#[test]
fn every_knob_is_read() {
    let manifest = parse(FULL, &[("people/pilot.csv", CSV)]).unwrap();
    assert_eq!(manifest.tenant_name(), Some("contoso.onmicrosoft.com"));
    assert_eq!(
        manifest.defaults().iter().map(|(setting, value)| (*setting, *value)).collect::<Vec<_>>(),
        [
            (TenantSetting::Dashboard, Value::OFF),
            (TenantSetting::DigestEmail, Value::OFF),
            (TenantSetting::OutlookAddIn, Value::OFF),
            (TenantSetting::ScheduleSend, Value::ON),
            (TenantSetting::MeetingSurvey, Value::ON),
            (TenantSetting::SurveySamplingRate, Value::Rate(Rate::new(0.2).unwrap())),
        ]
    );
    let [council, pilot] = manifest.groups() else { panic!("two groups") };
    assert_eq!(council.wants().mode, Some(Value::Mode(Mode::OptOut)));
    assert_eq!(council.wants().dashboard, None);
    assert_eq!((council.on_user_choice(), council.on_leave()), (OnUserChoice::Override, OnLeave::Restore));
    assert_eq!((pilot.on_user_choice(), pilot.on_leave()), (OnUserChoice::Respect, OnLeave::Keep));
    assert_eq!((pilot.wants().dashboard, pilot.wants().digest_email), (Some(Value::ON), Some(Value::OFF)));
    assert_eq!(manifest.limits()[&Class::OptIn], Limit { percent: 10, people: 500 });
    assert_eq!(manifest.limits()[&Class::Leaving], Limit { percent: 10, people: 3 });
    assert_eq!(manifest.settle().person.as_secs(), 90);
    assert_eq!(manifest.settle().defaults.as_hours(), 24);
    assert_eq!(*manifest.store(), StoreAddress::Folder("state/here".into()));
    assert_eq!(manifest.selectors().len(), 9);
}

#[test]
fn the_digest_covers_the_manifest_and_every_file_that_it_names() {
    let digest =
        |text: &str, csv: &[u8]| parse(text, &[("people/pilot.csv", csv)]).unwrap().digest().to_owned();
    let first = digest(FULL, CSV);
    assert_eq!(first, digest(FULL, CSV));
    assert_eq!(first.len(), 64);
    assert_ne!(first, digest(&FULL.replace("0.2", "0.3"), CSV));
    assert_ne!(first, digest(FULL, b"UserPrincipalName,Mail\ngrace@contoso.com,g@contoso.com\n"));
    // Without files it is what `sha256sum` says.
    let alone = parse("version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\n", &[]).unwrap();
    assert_eq!(alone.digest(), "90f03315ec48d185e3273f866a4c6a9c9d90f8b4ee2798d0c8fe508f5f8cc716");
}

#[test]
fn notes_say_what_microsoft_does_beside() {
    let text = FULL.replace("digest-email: NO", "digest-email: on").replace("scenario: mixed\n", "");
    insta::assert_snapshot!(told(parse(&text, &[("people/pilot.csv", CSV)]).unwrap().warnings()), @r"
    Note 5:17 Microsoft paused the digest e-mail in March 2024 | the setting is kept, and nothing is sent
    Note 18:11 opting people in can make Microsoft send its own welcome e-mail | tell these people beforehand
    ");
    insta::assert_snapshot!(wrong_group("service-plan: removed\nmembers: []"), @"
    Note 5:17 without `mode: opt-out` these people's data still feed what others see | the service plan hides the features from them; add `mode: opt-out` to take their data out as well
    Error 6:12 `members` is an empty list | remove the key, or name somebody
    ");
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    insta::assert_snapshot!(wrong("defaults:\n"), @"
    Error 1:1 `defaults` has no value | remove the key, or give it a value
    Error 1:1 the manifest has no version | begin it with `version: 1`
    Error 1:1 the manifest names no tenant | add `tenant:` with its `id`, so that a token for another tenant is refused
    ");
    assert!(wrong("").contains("the manifest is empty"));
    assert!(wrong("# only a comment\n").contains("the manifest is empty"));
    assert!(wrong("- a\n").contains("a manifest must be a mapping, not a list"));
}

#[test]
fn a_group_must_say_who_and_what() {
    insta::assert_snapshot!(wrong_group("on-leave: keep"), @"
    Error 4:9 this group asks for nothing | add `mode`, `features` or `service-plan`; people to be left alone go under `guards.protected`
    Error 4:9 this group has no members | add `members:` with a list, such as `- group: …`
    ");
    insta::assert_snapshot!(wrong_group("mode: Excluded\nmembres: [ { everyone: on } ]"), @"
    Error 5:9 the mode `Excluded` no longer exists | Microsoft retired it and turned those users into `opt-out`: write `opt-out`
    Error 6:3 unknown key `membres` in a group | did you mean `members`?
    ");
}

#[test]
fn members_say_what_they_are() {
    insta::assert_snapshot!(wrong_group("mode: opt-out\nmembers:\n- ada@contoso.com\n- Sales\n- user: ada\n- mail: a@b.c\n- user: a@b.c\n  group: g\n- group: g\n  column: Mail\n- user: [a, b]\n- user: ''\n- group: 2024\n- filter: department eq 'x\n- everyone: off\n- user: A@b.c\n- user: a@b.c\n- csv: x.csv"), @"
    Error 7:5 `ada@contoso.com` does not say what it is | write `user: ada@contoso.com`
    Error 8:5 `Sales` does not say what it is | write `group: Sales`
    Error 9:11 `ada` is neither a user principal name nor an object id | write it as `ada@contoso.com`, or use the object id
    Error 10:5 unknown key `mail` in a member | use `user` with the user principal name, or `csv` with `column: Mail`
    Error 11:5 one member is of several kinds: `group` and `user` | begin a list item for each with `- `
    Error 14:5 `column` goes with `csv` only | remove it
    Error 15:11 `user` names one, not a list | begin a list item for each: `- user: …`
    Error 16:11 `user` is empty | -
    Error 17:12 `group` must be a text, not a number | put it in quotes
    Error 18:13 a quote of this filter is not closed | a `'` inside a text is written twice: `'O''Neil'`
    Error 19:15 `everyone: false` names nobody | remove this member
    Warning 21:11 `a@b.c` stands in `members` twice | the first is on line 20
    Error 22:10 the file `x.csv` does not exist | the path starts from the manifest's own folder
    ");
}

#[test]
fn names_of_groups_are_unique() {
    let text = FULL.replace("name: pilot", "name: Works-Council");
    assert!(
        told(&parse(&text, &[("people/pilot.csv", CSV)]).unwrap_err())
            .contains("two groups are called `Works-Council`")
    );
}

#[test]
fn a_group_behind_everyone_is_warned_about() {
    let text = FULL.replace("- licence: SPE_E5", "- everyone: on");
    let manifest = parse(&text, &[("people/pilot.csv", CSV)]).unwrap();
    let warnings = told(manifest.warnings());
    assert!(
        warnings
            .contains("Warning 18:11 `pilot` decides for nobody: `works-council` before it names everyone"),
        "{warnings}"
    );
}

#[test]
fn a_scenario_says_how_the_rest_contradicts_it() {
    let of = |scenario: &str| {
        wrong(&format!(
            "version: 1\ntenant: {{ id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }}\nscenario: {scenario}\ndefaults: {{ dashboard: on, digest-email: off }}\ngroups:\n- name: a\n  mode: opt-in\n  members: [ {{ everyone: on }} ]\n"
        ))
    };
    insta::assert_snapshot!(of("default-on"), @"
    Error 3:11 the scenario `default-on` asks for `outlook-add-in: on` in `defaults` | add `outlook-add-in: on` under `defaults`, or remove `scenario`
    Error 4:42 the scenario `default-on` asks for `digest-email: on` in `defaults` | change one of them, or remove `scenario`
    Note 7:9 opting people in can make Microsoft send its own welcome e-mail | tell these people beforehand
    ");
    insta::assert_snapshot!(of("mixed"), @"
    Error 3:11 the scenario `mixed` asks for `outlook-add-in: off` in `defaults` | add `outlook-add-in: off` under `defaults`, or remove `scenario`
    Error 4:24 the scenario `mixed` asks for `dashboard: off` in `defaults` | change one of them, or remove `scenario`
    Error 6:9 the scenario `mixed` asks for features switched on in this group | `mode: opt-in` alone does nothing: it is the default; add `features: { dashboard: on }`
    Note 7:9 opting people in can make Microsoft send its own welcome e-mail | tell these people beforehand
    ");
    assert!(of("optional-opt-in").contains("asks for a group with `mode: opt-out`"));
    assert!(
        of("optional").contains("did you mean `optional-opt-in`?")
            || of("optional").contains("write `default-on`")
    );
}

#[test]
fn a_store_is_a_folder_beside_the_manifest_a_bucket_or_nothing() {
    let of = |store: &str| {
        wrong(&format!(
            "version: 1\ntenant: {{ id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }}\nstore: {store}\n"
        ))
    };
    for remote in ["az://account/container/prefix", "s3://bucket", "gs://bucket/prefix"] {
        let text = FULL.replace("file:state/here", remote);
        let manifest = parse(&text, &[("people/pilot.csv", CSV)]).unwrap();
        assert_eq!(*manifest.store(), StoreAddress::Remote(remote.to_owned()));
    }
    assert!(of("az://account").contains("`az://account` is no store"));
    assert!(of("file:../../elsewhere").contains("leaves the repository"));
    assert!(of("file:/var/lib").contains("is absolute"));
    assert!(of("flie:x").contains("did you mean `file`?"));
    let none = FULL.replace("file:state/here", "NONE");
    assert_eq!(*parse(&none, &[("people/pilot.csv", CSV)]).unwrap().store(), StoreAddress::None);
}

#[test]
fn keys_of_later_versions_say_so() {
    let told = wrong_group("mode: opt-in\nwaves: []\nmembers: [ { everyone: on } ]");
    assert!(told.contains("waves stand under `rollout:`"), "{told}");
}

#[test]
fn what_the_parser_objects_to_has_a_place_and_a_hint() {
    for (text, line, hint) in [
        ("version: 1\ntenant:\n\tid: x\n", 3, "spaces"),
        ("version: 1\nscenario: a: b\n", 2, ""),
        ("version: 1\ntenant: { id: x\n", 2, ""),
        ("version: 1\ntenant: *nobody\n", 2, "in quotes"),
        ("version: 1\n---\nversion: 1\n", 2, "one document"),
        ("version: !mine 1\n", 1, ""),
        ("a: \"x\n", 1, "quote"),
        ("null: 1\n", 1, "one word"),
        ("? [a]\n: 1\n", 1, "one word"),
        ("a: @b\n", 1, "in quotes"),
    ] {
        let problems = parse(text, &[]).unwrap_err();
        let problem = &problems.list()[0];
        assert!(problem.line >= line && problem.line <= line + 2, "{text}{}", told(&problems));
        assert!(problem.hint.as_deref().unwrap_or_default().contains(hint), "{text}{}", told(&problems));
        assert!(!problem.message.contains("at line"), "{}", told(&problems));
    }
}

#[test]
fn bombs_are_refused_at_their_first_excess() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{items}]").unwrap();
    }
    let deep = format!("groups: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deeper = (0..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<Vec<_>>().concat();
    for bomb in [laughs, deep, deeper] {
        let problems = parse(&bomb, &[]).unwrap_err();
        assert_eq!(problems.list().len(), 1, "{}", told(&problems));
    }
}

#[test]
fn a_manifest_of_ten_megabytes_is_read() {
    let mut text = String::from(
        "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\ngroups:\n- name: a\n  mode: opt-out\n  members:\n",
    );
    for number in 0..100_000 {
        writeln!(
            text,
            "  # {}\n  - user: a.person.with.quite.a.name.{number}@contoso.onmicrosoft.com",
            "x".repeat(30)
        )
        .unwrap();
    }
    assert!(text.len() > 10_000_000);
    assert_eq!(parse(&text, &[]).unwrap().selectors().len(), 100_000);
}

#[test]
fn a_byte_order_mark_and_crlf_change_no_place() {
    let text = "version: 1\r\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\r\nscenario: ümixd\r\n";
    let marked = format!("\u{FEFF}{text}");
    let problems = parse(&marked, &[]).unwrap_err();
    let problem = &problems.list()[0];
    assert_eq!((problem.line, problem.column), (3, 11));
    let text = problems.text(&problem.file).unwrap();
    assert_eq!(&text[problem.span.clone().unwrap()], "ümixd");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), csv in any::<Vec<u8>>()) {
        drop(parse(&text, &[("people/pilot.csv", &csv)]));
        drop(parse(FULL, &[("people/pilot.csv", &csv)]));
    }

    #[test]
    fn no_mutation_makes_the_reader_panic(
        at in 0..FULL.len(),
        length in 0_usize..40,
        put in "[ -~\n\t\u{80}-\u{9F}ü]{0,12}",
        at_csv in 0..CSV.len(),
        put_csv in any::<[u8; 3]>(),
    ) {
        let end = (at + length).min(FULL.len());
        let text = format!("{}{put}{}", &FULL[..at], &FULL[end..]);
        let csv = [&CSV[..at_csv], &put_csv, &CSV[at_csv..]].concat();
        let problems = match parse(&text, &[("people/pilot.csv", &csv)]) {
            Ok(manifest) => manifest.warnings().clone(),
            Err(problems) => {
                prop_assert!(problems.count(Severity::Error) > 0);
                problems
            }
        };
        for problem in problems.list() {
            if let (Some(span), Some(text)) = (&problem.span, problems.text(&problem.file)) {
                prop_assert!(text.get(span.clone()).is_some(), "{problem}: {span:?} of {}", text.len());
            }
        }
    }
}
