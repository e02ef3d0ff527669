//! The audit log: asked, waited for, read, and silent in many ways.

use std::time::Duration;

use insightctl::model::{Entry, Ledger, PersonId, PersonRecord, Setting, Value};
use insightctl::plan::{
    AuditRecord, Basis, Inquiry, Note, OutsideChange, PersonTarget, Plan, Questions, Silence, Target, Who,
    attribute,
};
use insightctl::sandbox::{By, Choice, DefaultsChoice};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::stage::{ADA, APP, BEN, NOON, Stage, TENANT, WEAK, id, tenant, write};

const TWO_MINUTES: Duration = Duration::from_mins(2);

/// Starts a sandbox whose application may ask the audit log.
async fn granted(world: &str) -> Stage {
    let mut tenant = tenant();
    let applications = tenant["applications"].as_array_mut().unwrap();
    let ours = applications.iter_mut().find(|one| one["clientId"] == APP).unwrap();
    ours["roles"].as_array_mut().unwrap().push(json!("AuditLogsQuery.Read.All"));
    Stage::with(world, tenant).await
}

fn noon() -> Timestamp {
    Timestamp::from_second(NOON).unwrap()
}

/// Asks who changed the mode of these people, and the dashboard of the tenant, between yesterday and an hour from now.
fn plan(people: &[(u128, &str)]) -> Plan {
    let basis = Basis {
        version: String::new(),
        manifest: String::new(),
        tenant: TENANT,
        tenant_name: "Contoso".into(),
        store: None,
        newest_run: 1,
        as_of: noon(),
        read_at: noon(),
    };
    let target = |(n, upn): &(u128, &str)| {
        let person =
            PersonTarget { upn: (*upn).into(), id: id(*n), group: "pilot".into(), setting: Setting::Mode };
        Target::Person(person)
    };
    let tenant = Target::Tenant(insightctl::model::TenantSetting::Dashboard);
    let targets = people.iter().map(target).chain([tenant]);
    let change = |target| OutsideChange { target, was: Value::OPT_IN, is: Value::OPT_OUT, by: None };
    Plan { outside_changes: targets.map(change).collect(), ..Plan::empty(basis) }
}

fn questions(people: &[(u128, &str)]) -> Questions {
    let yesterday = noon() - SignedDuration::from_hours(24);
    let record = |n: u128| -> (PersonId, PersonRecord) {
        let mut record = PersonRecord::default();
        *record.settings.get_mut(Setting::Mode) = Some(Entry::seen(Value::OPT_IN, None, false, yesterday));
        (id(n), record)
    };
    let ledger = Ledger { people: people.iter().map(|(n, _)| record(*n)).collect(), ..Ledger::default() };
    Questions::of(&plan(people), &ledger, noon() + SignedDuration::from_hours(1)).unwrap()
}

const BOTH: [(u128, &str); 2] = [(ADA, "Ada@contoso.com"), (BEN, "ben@contoso.com")];

async fn heard(stage: &Stage) -> Result<Vec<AuditRecord>, Silence> {
    stage.connect().await.who_changed(&questions(&BOTH), TWO_MINUTES).await
}

fn out() -> Choice {
    Choice { mode: Some(false), ..Choice::default() }
}

#[tokio::test]
async fn the_log_tells_people_administrators_and_applications_apart() {
    let stage = granted("").await;
    stage.sandbox.person("ada@contoso.com", &out()).unwrap();
    let root = By::Administrator("Root@contoso.com".to_owned());
    let back = Choice { mode: Some(true), ..Choice::default() };
    stage.sandbox.person_by("ben@contoso.com", &back, &root).unwrap();
    stage
        .sandbox
        .set_default(&DefaultsChoice { dashboard: Some(false), ..DefaultsChoice::default() })
        .unwrap();
    let records = heard(&stage).await.unwrap();
    let told = attribute(plan(&BOTH), &questions(&BOTH), Ok(&records));
    let by = |at: usize| {
        let by = told.outside_changes[at].by.clone().unwrap();
        (by.who, by.name.as_deref().map(str::to_owned), by.at)
    };
    assert_eq!(by(0), (Who::Themselves, None, noon()));
    assert_eq!(by(1), (Who::Administrator, Some("Root@contoso.com".to_owned()), noon()));
    let admin = "admin@contoso.onmicrosoft.com".to_owned();
    assert_eq!(by(2), (Who::Administrator, Some(admin), noon()));
    let inquiry = Inquiry::Told { settings: 3, told: 3 };
    assert_eq!(told.notes, [Note::WhoChanged { inquiry }]);
}

#[tokio::test]
async fn our_own_writes_are_left_out_and_another_applications_are_not() {
    let stage = granted("").await;
    let writer = insightctl::microsoft::Writer::new(stage.connect().await);
    let mode = Some(insightctl::model::Mode::OptOut);
    assert_eq!(writer.set_people(&[write(ADA, "Ada@contoso.com", mode, None)]).await[0].result, Ok(()));
    assert_eq!(heard(&stage).await, Ok(Vec::new()));
    let script = By::Application(WEAK.parse().unwrap());
    let back = Choice { mode: Some(true), ..Choice::default() };
    stage.sandbox.person_by("ada@contoso.com", &back, &script).unwrap();
    let records = heard(&stage).await.unwrap();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((record.who, record.name.as_deref()), (Who::Application, Some(WEAK)));
}

#[tokio::test]
async fn pages_are_followed_and_strangers_left_out() {
    let stage = granted("page-size=2,empty-pages=on").await;
    for turn in 0..7 {
        let choice = Choice { mode: Some(turn % 2 == 1), ..Choice::default() };
        stage.sandbox.person("ada@contoso.com", &choice).unwrap();
        stage.sandbox.person("o'neill@contoso.com", &choice).unwrap();
    }
    let records = heard(&stage).await.unwrap();
    assert_eq!(records.len(), 7);
    assert!(records.iter().all(|record| record.concerns.contains("ada@contoso.com")), "{records:?}");
    assert!(stage.asked("records") > 7, "fourteen records, two to a page, and empty pages between");
}

#[tokio::test]
async fn the_log_is_looked_after_until_it_answers_and_no_longer_than_is_borne() {
    let stage = granted("audit-polls=5").await;
    assert_eq!(heard(&stage).await, Ok(Vec::new()));
    // One look more than is in vain, at the query itself and never at its records before that.
    assert_eq!((stage.asked("queries/*"), stage.asked("records")), (6 + 1, 1));
    let slow = granted("audit-polls=1000").await;
    assert_eq!(heard(&slow).await, Err(Silence::NotInTime { seconds: 120 }));
    assert!((5..20).contains(&slow.asked("queries/*")), "it is not pestered");
    assert_eq!(slow.asked("POST /graph/v1.0/security"), 1, "a tenant has 200 queries a day");
}

#[tokio::test]
async fn without_the_permission_there_is_silence_and_no_error() {
    let stage = Stage::new("").await;
    assert_eq!(heard(&stage).await, Err(Silence::NotPermitted));
    assert_eq!(stage.asked("security"), 1);
    let reader = stage.connect_as(APP, TENANT).await.unwrap();
    assert!(!reader.tenant_settings().await.is_empty(), "all else goes on");
}

#[tokio::test]
async fn a_log_that_fails_or_stammers_is_silent() {
    let queries = "{ path: 'v1.0/security/auditLog/queries/*', method: GET }";
    let answer = |body: &str| format!("faults: [{{ match: {queries}, times: 99, body: {{ {body} }} }}]");
    let silent = async |script: &str| {
        let stage = granted("").await;
        stage.sandbox.person("ada@contoso.com", &out()).unwrap();
        stage.sandbox.play(script).unwrap();
        heard(&stage).await.expect_err(script)
    };
    let refused = |silence: Silence| match silence {
        Silence::Refused { message } => message,
        other @ (Silence::NotPermitted | Silence::NotInTime { .. } | Silence::CutShort) => {
            panic!("{other:?}")
        }
    };
    let failed = silent(&answer("json: { id: q, status: failed }")).await;
    assert_eq!(refused(failed), "the query of the audit log came to nothing");
    let long = "json: { id: q, status: succeeded, isRecordCountLimitExceeded: true }";
    assert_eq!(silent(&answer(long)).await, Silence::CutShort);
    let odd = silent(&answer("html: '<html>'")).await;
    assert!(refused(odd).contains("cannot be read"));
    let lost = silent("faults: [{ match: { path: security }, times: 99, status: 404 }]").await;
    assert!(refused(lost).contains("404"), "another cloud has no such log");
}

#[tokio::test]
async fn records_that_mean_nothing_do_not_spoil_the_others() {
    let stage = granted("").await;
    let own = json!({
        "createdDateTime": noon().to_string(), "userType": "Regular", "userId": "ADA@contoso.com",
        "auditData": { "Surprise": [1, null, { "PrivacyMode": "opt-out" }] }, "tomorrow": {},
    });
    let page = json!({ "value": [null, 7, {}, { "createdDateTime": 7, "userId": [] }, own] });
    let script = json!({ "faults": [{ "match": { "path": "records" }, "body": { "json": page } }] });
    stage.sandbox.play(&script.to_string()).unwrap();
    let records = heard(&stage).await.unwrap();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(record.settings, [Setting::Mode].into());
    let told = attribute(plan(&BOTH), &questions(&BOTH), Ok(&records));
    assert_eq!(told.outside_changes[0].by.as_ref().unwrap().who, Who::Themselves);
    assert_eq!(told.outside_changes[1].by, None);
}

#[tokio::test]
async fn where_people_are_not_recorded_nothing_is_made_up() {
    let stage = granted("audit-people=off").await;
    stage.sandbox.person("ada@contoso.com", &out()).unwrap();
    assert_eq!(heard(&stage).await, Ok(Vec::new()));
}
