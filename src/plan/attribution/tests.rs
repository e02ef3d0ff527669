//! Who changed what, from records that fit and records that do not.

use uuid::Uuid;

use super::*;
use crate::model::{By, Entry, Ledger, PersonId, PersonRecord, TenantEntry, TenantId, Value};
use crate::plan::{Basis, Deviation, LeftAlone, OutsideChange, PersonTarget, Reason};

const ADA: PersonId = PersonId(Uuid::from_u128(0xada));
const BEN: PersonId = PersonId(Uuid::from_u128(0xbe4));

/// Noon of the n-th of March.
fn day(n: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * (n - 1))
}

fn target(id: PersonId, upn: &str, setting: Setting) -> Target {
    Target::Person(PersonTarget { upn: upn.into(), id, group: "pilot".into(), setting })
}

/// On the 4th, Ada's mode is found changed since the 2nd, and so is the tenant's dashboard; Ben, who is new, has opted out.
fn plan() -> Plan {
    let tenant = TenantId(Uuid::from_u128(7));
    let basis = Basis {
        version: String::new(),
        manifest: String::new(),
        tenant,
        tenant_name: "Contoso".into(),
        store: None,
        newest_run: 1,
        as_of: day(4),
        read_at: day(4),
    };
    let change = |target| OutsideChange { target, was: Value::ON, is: Value::OFF, by: None };
    let deviation = Deviation {
        setting: Setting::Mode,
        want: Value::OPT_IN,
        have: Value::OPT_OUT,
        reason: Reason::ConsentFloor,
        ours_released: false,
        until: None,
        by: None,
    };
    let ben = LeftAlone {
        upn: "Ben@contoso.com".into(),
        id: Some(BEN),
        group: "pilot".into(),
        reason: Reason::ConsentFloor,
        refusal: None,
        settings: vec![deviation],
    };
    Plan {
        outside_changes: vec![
            change(Target::Tenant(TenantSetting::Dashboard)),
            change(target(ADA, "Ada@contoso.com", Setting::Mode)),
        ],
        left_alone: vec![ben],
        ..Plan::empty(basis)
    }
}

fn ledger() -> Ledger {
    let mut record = PersonRecord::default();
    *record.settings.get_mut(Setting::Mode) = Some(Entry::seen(Value::OPT_IN, None, false, day(2)));
    let entry = TenantEntry {
        value: Value::ON,
        by: By::Us,
        at: day(2),
        confirmed: true,
        previous: None,
        changed_at: None,
        rolled_back: None,
    };
    Ledger {
        people: [(ADA, record)].into(),
        tenant: [(TenantSetting::Dashboard, entry)].into(),
        ..Ledger::default()
    }
}

fn record(at: Timestamp, by: &str, concerns: &str) -> AuditRecord {
    AuditRecord {
        at,
        who: Who::Administrator,
        names: [by.to_lowercase()].into(),
        name: Some(by.into()),
        concerns: [concerns.to_lowercase()].into(),
        settings: BTreeSet::new(),
        defaults: BTreeSet::new(),
    }
}

fn told(records: &[AuditRecord]) -> Plan {
    let questions = Questions::of(&plan(), &ledger(), day(4)).expect("something has changed");
    attribute(plan(), &questions, Ok(records))
}

/// Says who changed Ada's mode.
fn ada(records: &[AuditRecord]) -> Option<Attribution> {
    told(records).outside_changes[1].by.as_deref().cloned()
}

fn by(who: Who, name: Option<&str>, at: Timestamp) -> Attribution {
    Attribution { who, name: name.map(Arc::from), at }
}

const ROOT: &str = "Root@contoso.com";

#[test]
fn a_person_is_met_by_object_id_and_by_address_in_any_case() {
    for name in ["ADA@CONTOSO.COM", &ADA.to_string()] {
        let records = [record(day(3), ROOT, name)];
        assert_eq!(ada(&records), Some(by(Who::Administrator, Some(ROOT), day(3))), "{name}");
    }
    assert_eq!(ada(&[record(day(3), ROOT, "adam@contoso.com")]), None);
}

#[test]
fn who_acts_on_themselves_is_themselves_whatever_their_rights() {
    let own = record(day(3), "ada@contoso.com", "Ada@contoso.com");
    assert_eq!(ada(&[own]), Some(by(Who::Themselves, None, day(3))));
    let by_id = record(day(3), &ADA.to_string(), "Ada@contoso.com");
    assert_eq!(ada(&[by_id]), Some(by(Who::Themselves, None, day(3))));
}

#[test]
fn only_what_happened_after_the_last_note_and_before_the_reading_counts() {
    let at = |at| ada(&[record(at, ROOT, "ada@contoso.com")]).is_some();
    assert_eq!([at(day(2)), at(day(3)), at(day(4)), at(day(5))], [false, true, true, false]);
}

#[test]
fn the_newest_record_that_counts_tells_in_whatever_order_they_come() {
    let mut early = record(day(3), ROOT, "ada@contoso.com");
    early.settings = [Setting::Mode].into();
    let late = record(day(4), "late@contoso.com", "ada@contoso.com");
    let mut elsewhere = record(day(4), "other@contoso.com", "ada@contoso.com");
    elsewhere.settings = [Setting::Dashboard].into();
    let name = |records: &[AuditRecord]| ada(records).unwrap().name.unwrap();
    let all = [elsewhere.clone(), late, early.clone()];
    assert_eq!(&*name(&all), "late@contoso.com", "it names no setting, so it may be about this one");
    let back: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(told(&all), told(&back));
    assert_eq!(&*name(&[elsewhere.clone(), early]), ROOT, "what names another setting is about that");
    assert_eq!(ada(&[elsewhere]), None);
}

#[test]
fn a_default_is_changed_by_whoever_acted_on_the_tenant() {
    let tenant = plan().basis.tenant.to_string();
    let mut record = record(day(3), ROOT, &tenant);
    record.defaults = [TenantSetting::Dashboard].into();
    let plan = told(&[record]);
    assert_eq!(plan.outside_changes[0].by.as_deref(), Some(&by(Who::Administrator, Some(ROOT), day(3))));
    assert_eq!(plan.outside_changes[1].by, None);
}

#[test]
fn a_choice_that_the_ledger_never_saw_may_be_as_old_as_the_log() {
    let ben =
        |at| told(&[record(at, "ben@contoso.com", "ben@contoso.com")]).left_alone[0].settings[0].clone();
    let old = day(4) - LOG_REACHES_BACK + SignedDuration::from_secs(1);
    assert_eq!(ben(old).by.as_deref(), Some(&by(Who::Themselves, None, old)));
    assert_eq!(ben(day(4) - LOG_REACHES_BACK).by, None, "beyond that nobody knows what was left out");
}

#[test]
fn choices_that_the_ledger_knows_are_not_asked_about_again() {
    let mut ledger = ledger();
    let mut record = PersonRecord::default();
    *record.settings.get_mut(Setting::Mode) = Some(Entry::seen(Value::OPT_OUT, None, true, day(1)));
    ledger.people.insert(BEN, record);
    let quiet = Plan { outside_changes: Vec::new(), ..plan() };
    assert!(Questions::of(&quiet, &Ledger::default(), day(4)).is_some());
    assert!(Questions::of(&quiet, &ledger, day(4)).is_none());
    let nothing = Plan { left_alone: Vec::new(), ..quiet };
    assert!(Questions::of(&nothing, &Ledger::default(), day(4)).is_none());
}

#[test]
fn a_value_that_stayed_when_its_default_moved_is_a_choice_since_it_was_seen() {
    let mut ledger = ledger();
    let mut record = PersonRecord::default();
    let entry = Entry::seen(Value::OPT_OUT, Some(Value::OPT_OUT), false, day(3));
    *record.settings.get_mut(Setting::Mode) = Some(entry);
    ledger.people.insert(BEN, record);
    let plan = Plan { outside_changes: Vec::new(), ..plan() };
    let questions = Questions::of(&plan, &ledger, day(4)).unwrap();
    assert_eq!(questions.since(), day(3));
    let ours = Entry { by: By::Us, released: true, ..entry };
    *ledger.people.get_mut(&BEN).unwrap().settings.get_mut(Setting::Mode) = Some(ours);
    assert!(Questions::of(&plan, &ledger, day(4)).is_none(), "what we wrote is nobody's choice");
}

#[test]
fn one_window_holds_all_questions_and_reaches_no_further_than_the_log() {
    let questions = Questions::of(&plan(), &ledger(), day(4)).unwrap();
    assert_eq!((questions.since(), questions.until()), (day(4) - LOG_REACHES_BACK, day(4)));
    let only_ada = Plan { left_alone: Vec::new(), ..plan() };
    let questions = Questions::of(&only_ada, &ledger(), day(4)).unwrap();
    assert_eq!((questions.since(), questions.until()), (day(2), day(4)));
    assert!(questions.concern(&record(day(3), ROOT, "ada@contoso.com")));
    assert!(!questions.concern(&record(day(3), ROOT, "ben@contoso.com")));
}

#[test]
fn who_changed_it_changes_nothing_else_of_a_plan() {
    let mut told = told(&[
        record(day(3), ROOT, "ada@contoso.com"),
        record(day(3), "ben@contoso.com", "ben@contoso.com"),
    ]);
    let inquiry = Inquiry::Told { settings: 3, told: 2 };
    assert_eq!(told.notes, [Note::WhoChanged { inquiry }]);
    told.notes.clear();
    told.outside_changes.iter_mut().for_each(|change| change.by = None);
    told.left_alone[0].settings[0].by = None;
    assert_eq!(told, plan());
}

#[test]
fn silence_is_a_note_and_leaves_everything_unattributed() {
    let questions = Questions::of(&plan(), &ledger(), day(4)).unwrap();
    let silent = attribute(plan(), &questions, Err(Silence::NotPermitted));
    let inquiry = Inquiry::Silent(Silence::NotPermitted);
    assert_eq!(silent, Plan { notes: vec![Note::WhoChanged { inquiry }], ..plan() });
}
