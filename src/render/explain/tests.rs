//! Explanations as people see them.
use super::*;
use crate::plan::{Because, Reason};
use crate::render::inert::acts;
use crate::render::sample::{HOSTILE, at, id};

fn explanation() -> Explanation {
    let mut written = Entry::seen(Value::ON, Some(Value::ON), false, at("2026-11-02T08:00:00Z"));
    written.by = By::Us;
    written.confirmed = true;
    written.found = Some(Found { value: Value::OFF, chosen: true });
    Explanation {
        upn: Arc::from("ada@contoso.com"),
        id: id(0xada),
        decides: Some(Arc::from("pilot")),
        not_in_force: Vec::new(),
        groups: vec![Arc::from("pilot"), Arc::from("sales"), Arc::from("everyone")],
        protected: false,
        certain: true,
        kind: Kind::Member,
        enabled: true,
        mailbox: true,
        licences: vec![
            LicenceLine { sku: Arc::from("SPE_E5"), by_group: None, on: true },
            LicenceLine {
                sku: Arc::from("ENTERPRISEPACK"),
                by_group: Some(Arc::from("All staff")),
                on: false,
            },
        ],
        service_plan: Some(ServicePlan::Assigned),
        waits: None,
        settings: vec![
            SettingExplanation {
                setting: Setting::Mode,
                want: Some(Value::OPT_IN),
                have: Some(Value::OPT_OUT),
                default: Some(Value::OPT_IN),
                default_after: Some(Value::OPT_IN),
                entry: Some(Entry::seen(
                    Value::OPT_OUT,
                    Some(Value::OPT_IN),
                    true,
                    at("2026-11-01T10:30:00Z"),
                )),
                returned: Vec::new(),
                accepted: None,
                re_opt_in: None,
                through: Vec::new(),
                barred: Vec::new(),
                by: None,
                row: Some(12),
                decision: Decision::Leave(Reason::ConsentFloor),
            },
            SettingExplanation {
                setting: Setting::Dashboard,
                want: Some(Value::ON),
                have: Some(Value::ON),
                default: Some(Value::ON),
                default_after: Some(Value::OFF),
                entry: Some(written),
                returned: Vec::new(),
                accepted: None,
                re_opt_in: None,
                through: Vec::new(),
                barred: Vec::new(),
                by: None,
                row: Some(7),
                decision: Decision::Set { to: Value::ON, because: Because::Pinned },
            },
            SettingExplanation {
                setting: Setting::ServicePlan,
                want: None,
                have: Some(Value::ASSIGNED),
                default: None,
                default_after: None,
                entry: None,
                returned: Vec::new(),
                accepted: None,
                re_opt_in: None,
                through: Vec::new(),
                barred: Vec::new(),
                by: None,
                row: None,
                decision: Decision::Leave(Reason::Released),
            },
        ],
        inquiry: None,
    }
}

fn shown(explanation: &Explanation) -> String {
    let mut out = Vec::new();
    text(&mut out, explanation, Look::default()).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn everything_that_decides_is_told() {
    insta::assert_snapshot!(shown(&explanation()), @r"
    ada@contoso.com (00000000-0000-0000-0000-000000000ada)
      account   member, enabled, with a mailbox
      groups    pilot decides, since it comes first; sales and everyone name this
                person too
      licences  SPE_E5, assigned directly: personal insights on
                ENTERPRISEPACK, handed down by All staff: personal insights off,
                wholly or in part
      plan      assigned

    mode: left alone
      want      opt-in
      have      opt-out
      default   opt-in
      ledger    opt-out, seen 2026-11-01 10:30 UTC; the default was opt-in then;
                chosen by somebody else
      row       12 of the verdict table: somebody else decided so
      so        nothing is done (consent-floor): somebody opted out, and nobody is
                opted in against that
      undo      the person, at any time

    dashboard: stays on, and is written
      want      on
      have      on
      default   on now, off after this plan
      ledger    on, written 2026-11-02 08:00 UTC; read back; the default was on
                then; before the first write it was off, chosen
      row       7 of the verdict table: it is as wanted only because of a default
                that this plan changes
      so        on is written (pinned): equals the default today and would not after
                this plan, so it is written to outlive it
      undo      the person, at any time

    service-plan: not managed by the manifest
      have      assigned
");
}

#[test]
fn without_personal_insights_only_an_administrator_can_undo() {
    let mut unlicensed = explanation();
    unlicensed.service_plan = None;
    assert!(!shown(&unlicensed).contains("the person, at any time"));
    assert!(shown(&explanation()).contains("the person, at any time"));
}

#[test]
fn in_markdown_each_setting_is_a_table() {
    let markdown = markdown(&explanation());
    assert!(markdown.contains("## What decides for `ada@contoso.com`\n"), "{markdown}");
    assert!(markdown.contains("### dashboard: stays on, and is written\n"), "{markdown}");
    assert!(markdown.contains("| default | on now, off after this plan |\n"), "{markdown}");
}

#[test]
fn hostile_names_are_inert() {
    let mut hostile = explanation();
    hostile.upn = Arc::from(HOSTILE);
    hostile.groups = vec![Arc::from(HOSTILE), Arc::from(HOSTILE)];
    hostile.licences[1].by_group = Some(Arc::from(HOSTILE));
    let mut bytes = Vec::new();
    json(&mut bytes, &hostile).expect("memory");
    let json = String::from_utf8(bytes).expect("UTF-8");
    for text in [shown(&hostile), markdown(&hostile), json] {
        assert!(!text.contains(|c: char| c != '\n' && acts(c)), "{text:?}");
    }
}

#[test]
fn a_group_whose_wave_has_not_begun_does_not_decide() {
    let mut told = explanation();
    told.decides = Some(Arc::from("everyone"));
    told.groups = vec![Arc::from("everyone")];
    told.not_in_force = vec![Arc::from("pilot")];
    let line = "everyone decides; pilot names this person too, and is not in force for them";
    assert!(markdown(&told).replace('`', "").contains(line), "{}", markdown(&told));
    told.decides = None;
    told.groups = Vec::new();
    assert!(markdown(&told).contains("no group decides; `pilot` names this person, and is not"));
}
