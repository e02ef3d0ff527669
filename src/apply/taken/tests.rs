//! What a row of the script leaves in the ledger, whatever became of it.

use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::model::{Class, PlanHash, Settings, Settle, Switch, TenantEntry, TenantId};
use crate::plan::{Basis, PersonTarget, Phase, Target};
use crate::store::fold;

const ADA: PersonId = PersonId(Uuid::from_u128(0xada));

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).expect("in range")
}

fn operation(setting: Setting, from: Value, to: Value) -> Operation {
    Operation {
        phase: Phase::Grant,
        target: Target::Person(PersonTarget {
            upn: Arc::from("ada@contoso.com"),
            id: ADA,
            group: Arc::from("pilot"),
            setting,
        }),
        from: Some(from),
        to,
        class: Class::OptIn,
        because: Because::ManifestChanged,
        mark: None,
        licences: Vec::new(),
        through: Vec::new(),
        after_opt_out: false,
    }
}

/// Opts Ada in, with the dashboard on and the digest off.
fn plan() -> Plan {
    let basis = Basis {
        version: "0".to_owned(),
        manifest: "00".to_owned(),
        tenant: TenantId(Uuid::nil()),
        tenant_name: "Contoso".into(),
        store: None,
        newest_run: 0,
        as_of: at(0),
        read_at: at(0),
    };
    let operations = vec![
        operation(Setting::Mode, Value::OPT_OUT, Value::OPT_IN),
        operation(Setting::Dashboard, Value::ON, Value::ON),
        operation(Setting::DigestEmail, Value::ON, Value::OFF),
    ];
    Plan { hash: PlanHash::new([7; 32]), operations, ..Plan::empty(basis) }
}

fn has(mode: Mode, dashboard: Switch, digest_email: Switch) -> Sight {
    Sight::Person(Settings { mode, dashboard, digest_email, outlook_add_in: Switch::Off })
}

/// Makes the rows of one step at a minute, one for each operation.
fn rows(endings: [StepEnding; 3], after: &Sight, minute: i64) -> Vec<ResultRow> {
    let plan = plan();
    let numbered = (1..).zip(plan.operations.iter().zip(endings));
    let row = |(number, (operation, ending)): (u32, (&Operation, StepEnding))| ResultRow {
        line: number + 1,
        plan: plan.hash,
        operation: number,
        subject: crate::plan::subject(operation),
        from: operation.from,
        to: operation.to,
        ending,
        attempts: 1,
        message: String::new(),
        before: has(Mode::OptOut, Switch::On, Switch::On),
        after: after.clone(),
        at: at(minute),
    };
    numbered.map(row).collect()
}

/// Is a ledger that knows the default of the dashboard, and nothing of Ada.
fn nothing() -> Ledger {
    let on = TenantEntry {
        value: Value::ON,
        by: By::Seen,
        at: at(-60),
        confirmed: false,
        previous: None,
        changed_at: None,
        rolled_back: None,
    };
    Ledger { tenant: BTreeMap::from([(TenantSetting::Dashboard, on)]), ..Ledger::default() }
}

fn learnt(ledger: Ledger, rows: &[ResultRow], second_look: Option<Timestamp>) -> (Ledger, u64) {
    let plan = plan();
    let recorded = Recorded { plan: &plan, rows, known: None, second_look };
    let mut overtaken = 0;
    let records: Vec<Record> = recorded.told(&ledger, &mut overtaken).flatten().collect();
    (fold(ledger, records, &Settle::default()), overtaken)
}

fn entry(ledger: &Ledger, setting: Setting) -> Entry {
    *ledger.entry(ADA, setting).expect("it is remembered")
}

use StepEnding::{Done, Failed, Moved, Settling, Unanswered, Waiting};

#[test]
fn what_was_read_back_is_ours_and_confirmed_and_what_does_not_show_is_not() {
    let all = has(Mode::OptIn, Switch::On, Switch::On);
    let (ledger, _) = learnt(nothing(), &rows([Done, Done, Settling], &all, 5), None);
    for (setting, value, confirmed) in [
        (Setting::Mode, Value::OPT_IN, true),
        (Setting::Dashboard, Value::ON, true),
        (Setting::DigestEmail, Value::OFF, false),
    ] {
        let entry = entry(&ledger, setting);
        assert_eq!(
            (entry.written(), entry.confirmed, entry.at),
            (Some(value), confirmed, at(5)),
            "{setting}"
        );
    }
}

#[test]
fn what_was_refused_leaves_nothing_and_what_nobody_heard_of_was_tried() {
    let same = has(Mode::OptOut, Switch::On, Switch::On);
    let (ledger, _) = learnt(nothing(), &rows([Unanswered, Failed, Waiting], &same, 5), None);
    let mode = entry(&ledger, Setting::Mode);
    assert_eq!(mode.written(), None);
    assert_eq!(mode.tried.map(|tried| tried.value), Some(Value::OPT_IN));
    assert_eq!(ledger.entry(ADA, Setting::Dashboard), None);
    assert_eq!(ledger.entry(ADA, Setting::DigestEmail), None);
}

#[test]
fn what_the_first_of_two_calls_left_behind_is_our_doing() {
    // The first call opts in with all off; the second, the dashboard, is refused.
    let half = has(Mode::OptIn, Switch::Off, Switch::Off);
    let (ledger, _) = learnt(nothing(), &rows([Done, Failed, Done], &half, 5), None);
    let dashboard = entry(&ledger, Setting::Dashboard);
    assert_eq!((dashboard.written(), dashboard.confirmed), (Some(Value::OFF), true));
}

#[test]
fn a_write_that_came_to_show_later_is_confirmed() {
    let same = has(Mode::OptOut, Switch::On, Switch::On);
    let all = has(Mode::OptIn, Switch::On, Switch::Off);
    let mut told = rows([Settling, Settling, Settling], &same, 5);
    told.extend(rows([Done, Done, Done], &all, 25).into_iter().map(|row| ResultRow { attempts: 0, ..row }));
    let (ledger, _) = learnt(nothing(), &told, None);
    for setting in [Setting::Mode, Setting::Dashboard, Setting::DigestEmail] {
        let entry = entry(&ledger, setting);
        assert!(entry.confirmed && entry.at == at(5), "{setting}: {entry:?}");
    }
}

#[test]
fn a_feature_that_somebody_changed_is_their_decision() {
    let off = has(Mode::OptOut, Switch::Off, Switch::On);
    let moved = rows([Moved, Moved, Moved], &Sight::Nothing, 5).into_iter();
    let moved: Vec<_> = moved.map(|row| ResultRow { attempts: 0, before: off.clone(), ..row }).collect();
    let (ledger, _) = learnt(nothing(), &moved, None);
    let dashboard = entry(&ledger, Setting::Dashboard);
    assert!(dashboard.is_choice_of(Value::OFF), "{dashboard:?}");
    assert_eq!(ledger.entry(ADA, Setting::Mode), None, "the next plan sees the mode by itself");
}

#[test]
fn what_is_newer_in_the_ledger_stays_unless_the_script_explains_it() {
    let all = has(Mode::OptIn, Switch::On, Switch::Off);
    let seen = |value: Value, minute: i64| {
        let mut ledger = nothing();
        let record = ledger.people.entry(ADA).or_default();
        record.settings.mode = Some(Entry::seen(value, Some(Value::OPT_IN), false, at(minute)));
        ledger
    };
    let rows = rows([Done, Done, Done], &all, 5);
    let mode = |ledger: Ledger, second: Option<Timestamp>| {
        let (ledger, overtaken) = learnt(ledger, &rows, second);
        (entry(&ledger, Setting::Mode).written(), overtaken)
    };
    assert_eq!(mode(seen(Value::OPT_OUT, 9), None), (None, 1), "somebody has changed it since");
    assert_eq!(
        mode(seen(Value::OPT_IN, 9), None),
        (Some(Value::OPT_IN), 0),
        "the first look saw what was written"
    );
    assert_eq!(mode(seen(Value::OPT_IN, 99), Some(at(50))), (None, 1), "at the first look it was not there");
    assert_eq!(
        mode(seen(Value::OPT_OUT, -9), None),
        (Some(Value::OPT_IN), 0),
        "what is older is written over"
    );
}

#[test]
fn rows_that_are_known_are_told_only_once() {
    let plan = plan();
    let all = has(Mode::OptIn, Switch::On, Switch::Off);
    let rows = rows([Done, Done, Done], &all, 5);
    let known: BTreeSet<_> = rows.iter().map(|row| (row.subject, row.at)).collect();
    let recorded = |known| Recorded { plan: &plan, rows: &rows, known, second_look: None };
    assert!(recorded(None).is_news(&nothing()), "even where nothing was written, the plan's look is news");
    let nobody = BTreeSet::new();
    assert!(recorded(Some(&nobody)).is_news(&nothing()));
    assert!(!recorded(Some(&known)).is_news(&nothing()));
}

#[test]
fn a_row_that_is_overtaken_is_no_news_however_often_it_is_told() {
    let plan = plan();
    let all = has(Mode::OptIn, Switch::On, Switch::Off);
    let rows = rows([Done, Done, Done], &all, 5);
    let known: BTreeSet<_> = rows.iter().skip(1).map(|row| (row.subject, row.at)).collect();
    let mut ledger = nothing();
    let mode = Entry::seen(Value::OPT_OUT, Some(Value::OPT_IN), false, at(9));
    let recorded = Recorded { plan: &plan, rows: &rows, known: Some(&known), second_look: None };
    assert!(recorded.is_news(&ledger), "nothing newer is known of the mode");
    ledger.people.entry(ADA).or_default().settings.mode = Some(mode);
    assert!(!recorded.is_news(&ledger));
}
