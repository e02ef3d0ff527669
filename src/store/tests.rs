use std::collections::BTreeMap;
use std::fs;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::model::{Entry, PersonId, RefusalKind, Setting, TenantSetting, Value};
use crate::plan::{Basis, Observed, Plan};

const TENANT: TenantId = TenantId(Uuid::from_u128(0x7e));
const OTHER: TenantId = TenantId(Uuid::from_u128(0x07));
const ID: Uuid = Uuid::from_u128(0x1d);

fn clock() -> Clock {
    Clock::still(Timestamp::from_second(1_800_000_000).expect("in range"))
}

fn settle() -> Settle {
    Settle::default()
}

fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

fn created(folder: &Path) -> Store {
    Store::open(folder, TENANT, WhenMissing::Create(ID)).expect("a new store")
}

fn plan() -> Plan {
    Plan::empty(Basis {
        version: "0.1.0".to_owned(),
        manifest: "00ff".to_owned(),
        tenant: TENANT,
        tenant_name: "Contoso".into(),
        store: None,
        newest_run: 0,
        as_of: clock().now(),
        read_at: clock().now(),
    })
}

fn begin(store: &Store, clock: &Clock) -> Run {
    let lease = store.lock("ada@here 1", clock).expect("free");
    let remembered = store.ledger(&settle()).expect("readable");
    store.begin_run(lease, remembered, &plan(), &settle(), clock).expect("nobody else applies")
}

/// What a run of two people writes down: one is written to and confirmed, one refuses.
fn records() -> Vec<Record> {
    let at = clock().now();
    let mut records = Vec::new();
    for number in 1..=2 {
        let entry = Entry::seen(Value::OPT_IN, Some(Value::OPT_IN), false, at);
        let settings = BTreeMap::from([(Setting::Mode, entry)]);
        let is = Observed { group: Some("works-council".into()), settings, ..Observed::default() };
        records.push(Record::Observed { id: person(number), is });
    }
    for number in 1..=2 {
        let subject = Subject::Person(person(number), Setting::Mode);
        records.push(Record::Intent(Intent {
            operation: 0,
            subject,
            from: Some(Value::OPT_IN),
            to: Value::OPT_OUT,
            repeat: false,
            under: None,
            at,
        }));
        let answer = if number == 1 { Answer::Sent } else { Answer::Refused(RefusalKind::Forbidden) };
        let request_id = Some(format!("request {number}"));
        records.push(Record::Outcome { subject, answer, attempts: 1, request_id, at });
    }
    let values = BTreeMap::from([(Setting::Mode, Value::OPT_OUT)]);
    records.push(Record::ReadBack { id: person(1), values, before: BTreeMap::new(), at });
    records
}

fn remembered(store: &Store) -> Ledger {
    store.ledger(&settle()).expect("readable").ledger
}

#[test]
fn a_store_that_is_missing_is_not_made_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store");
    let missing = Store::open(&path, TENANT, WhenMissing::Refuse).expect_err("there is none");
    assert!(matches!(missing, StoreError::Missing { .. }));
    assert!(missing.hint().is_some_and(|hint| hint.contains("--new-store")));

    let empty = Store::open(&path, TENANT, WhenMissing::Empty).expect("read as empty");
    assert_eq!((empty.id(), remembered(&empty)), (None, Ledger::default()));
    assert!(!path.exists(), "a plan writes nothing");

    let store = created(&path);
    assert_eq!(store.id(), Some(ID.to_string().as_str()));
    let again = Store::open(&path, TENANT, WhenMissing::Create(Uuid::nil())).expect("it is there");
    assert_eq!(again.id(), store.id(), "a store keeps its id");
}

#[test]
fn a_store_belongs_to_one_tenant() {
    let folder = tempfile::tempdir().expect("a folder");
    created(folder.path());
    let error = Store::open(folder.path(), OTHER, WhenMissing::Refuse).expect_err("it is somebody else's");
    assert!(matches!(error, StoreError::OtherTenant { belongs: TENANT, asked: OTHER, .. }));
}

#[test]
fn a_ledger_without_an_identity_is_no_new_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    begin(&store, &clock()).finish(&()).expect("finished");
    fs::remove_file(folder.path().join("id")).expect("removed");
    let error = Store::open(folder.path(), TENANT, WhenMissing::Create(ID)).expect_err("half is lost");
    assert!(matches!(error, StoreError::NoIdentity { .. }));
}

#[test]
fn a_finished_run_is_in_the_next_ledger_and_folded_only_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let mut run = begin(&store, &clock());
    run.append(records()).expect("written");
    let ended = run.finish(&()).expect("finished");
    let next = store.ledger(&settle()).expect("readable");
    assert_eq!(next.ledger, ended);
    assert_eq!(next.unfinished, []);
    assert_eq!(next.ledger.people.len(), 2);
}

#[test]
fn an_unfinished_run_is_remembered_as_it_would_have_been() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let mut run = begin(&store, &clock());
    let id = run.id();
    run.append(records()).expect("written");
    let known = run.ledger().clone();
    drop(run);
    let next = store.ledger(&settle()).expect("readable");
    assert_eq!(next.unfinished, [id]);
    assert_eq!(next.ledger, known);

    let ended = begin(&store, &clock()).finish(&()).expect("finished");
    assert_eq!(ended, known);
    let after = store.ledger(&settle()).expect("readable");
    assert_eq!((after.ledger, after.unfinished), (known, Vec::new()), "it is in the snapshot now");
}

#[test]
fn a_journal_cut_at_any_byte_loses_no_complete_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let mut run = begin(&store, &clock());
    let id = run.id();
    run.append(records()).expect("written");
    drop(run);
    let path = journal::folder(folder.path(), id).join("journal.jsonl");
    let whole = fs::read(&path).expect("a journal");
    // By number of complete records: what the ledger must be. The first record is the head.
    let expected: Vec<_> = (0..=records().len())
        .map(|taken| fold(Ledger::default(), records().into_iter().take(taken), &settle()))
        .collect();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).expect("cut");
        // A line is complete once its closing brace is there, with or without the line's end.
        let ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end);
        let complete = ends.filter(|end| *end <= cut).count().saturating_sub(1);
        let ledger = store.ledger(&settle()).expect("a torn last line is tolerated").ledger;
        assert_eq!(ledger, expected[complete], "cut at byte {cut}");
    }
}

#[test]
fn an_unreadable_line_in_the_middle_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let mut run = begin(&store, &clock());
    let id = run.id();
    run.append(records()).expect("written");
    drop(run);
    let path = journal::folder(folder.path(), id).join("journal.jsonl");
    let text = fs::read_to_string(&path).expect("a journal");
    let lines: Vec<_> =
        text.lines().map(|line| if line.contains("intent") { "{\"int" } else { line }).collect();
    fs::write(&path, lines.join("\n")).expect("damaged");
    let error = store.ledger(&settle()).expect_err("a record is lost");
    assert!(error.to_string().ends_with("journal.jsonl:4 cannot be read"), "{error}");
}

#[test]
fn a_last_line_that_has_its_end_is_not_torn() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let run = begin(&store, &clock());
    let path = journal::folder(folder.path(), run.id()).join("journal.jsonl");
    drop(run);
    let whole = fs::read_to_string(&path).expect("a journal");
    fs::write(&path, format!("{whole}{{\"int")).expect("torn");
    store.ledger(&settle()).expect("a torn last line is tolerated");
    fs::write(&path, format!("{whole}{{\"int\n")).expect("damaged");
    let error = store.ledger(&settle()).expect_err("it did say something once");
    assert!(error.to_string().ends_with("journal.jsonl:2 cannot be read"), "{error}");
}

#[test]
fn a_snapshot_that_was_cut_short_is_never_taken_for_a_smaller_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let mut run = begin(&store, &clock());
    run.append(records()).expect("written");
    run.finish(&()).expect("finished");
    let path = folder.path().join("ledger/00000001.jsonl");
    let whole = fs::read(&path).expect("a snapshot");
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).expect("cut");
        assert!(store.ledger(&settle()).is_err(), "cut at byte {cut}");
    }
}

#[test]
fn what_a_later_version_wrote_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    begin(&store, &clock()).finish(&()).expect("finished");
    let path = folder.path().join("ledger/00000001.jsonl");
    let text = fs::read_to_string(&path).expect("a snapshot").replace("\"format\":1", "\"format\":2");
    fs::write(&path, text).expect("changed");
    assert!(matches!(store.ledger(&settle()), Err(StoreError::Newer { format: 2, .. })));
}

#[test]
fn only_one_of_two_holds_the_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    let lease = store.lock("ada@here 1", &clock).expect("free");
    clock.advance(SignedDuration::from_secs(30));
    let error = store.lock("bob@there 2", &clock).expect_err("ada holds it");
    assert_eq!(error.to_string(), "locked by ada@here 1 since 2027-01-15T08:00:00Z");
    drop(lease);
    store.lock("bob@there 2", &clock).expect("released");
}

#[test]
fn a_lease_that_is_renewed_does_not_expire() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    let lease = store.lock("ada@here 1", &clock).expect("free");
    for _ in 0..10 {
        clock.advance(SignedDuration::from_secs(25));
        lease.hold().expect("still ours");
    }
    assert!(matches!(store.lock("bob@there 2", &clock), Err(StoreError::Locked { .. })));
}

#[test]
fn the_lock_of_the_dead_is_taken_over_once_it_has_expired() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    let asleep = store.lock("ada@here 1", &clock).expect("free");
    clock.advance(SignedDuration::from_secs(59));
    assert!(matches!(store.lock("bob@there 2", &clock), Err(StoreError::Locked { .. })));
    clock.advance(SignedDuration::from_secs(1));
    let taken = store.lock("bob@there 2", &clock).expect("expired");
    assert!(taken.number() > asleep.number(), "the fence rises");
    assert_eq!(asleep.hold().expect_err("lost").to_string(), "the lock was lost to bob@there 2");
    drop(asleep);
    taken.hold().expect("who lost the lock cannot release it");
}

#[test]
fn an_expired_lease_that_nobody_took_is_taken_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    let lease = store.lock("ada@here 1", &clock).expect("free");
    clock.advance(SignedDuration::from_mins(10));
    lease.hold().expect("nobody was faster");
    assert!(matches!(store.lock("bob@there 2", &clock), Err(StoreError::Locked { .. })));
}

#[test]
fn of_many_who_reach_for_an_expired_lock_one_gets_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    std::mem::forget(store.lock("ada@here 1", &clock).expect("free"));
    clock.advance(SignedDuration::from_mins(2));
    let taken: Vec<_> = std::thread::scope(|scope| {
        let reach = |name: u32| store.lock(&format!("racer {name}"), &clock);
        let racers: Vec<_> = (0..8).map(|name| scope.spawn(move || reach(name))).collect();
        racers.into_iter().filter_map(|racer| racer.join().expect("no panic").ok()).collect()
    });
    assert_eq!(taken.len(), 1);
}

#[test]
fn of_two_snapshots_of_one_number_one_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |through| {
        snapshot::create(folder.path(), TENANT, 1, RunId(through), &Ledger::default()).expect("no fault")
    };
    let won: Vec<bool> = std::thread::scope(|scope| {
        let writers: Vec<_> = (1..=8).map(|through| scope.spawn(move || write(through))).collect();
        writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
}

#[test]
fn a_run_whose_lock_was_lost_cannot_replace_the_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    let mut asleep = begin(&store, &clock);
    asleep.append(records()).expect("written");
    clock.advance(SignedDuration::from_mins(2));
    let next = begin(&store, &clock);
    assert_eq!(next.ledger().people.len(), 2, "what the first did is known to the second");
    assert!(matches!(asleep.finish(&()), Err(StoreError::LeaseLost { .. })));
    next.finish(&()).expect("finished");
}

#[test]
fn a_ledger_that_somebody_has_added_to_is_no_base_for_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    let early = store.ledger(&settle()).expect("readable");
    begin(&store, &clock).finish(&()).expect("finished");
    let lease = store.lock("ada@here 1", &clock).expect("free");
    let error = store.begin_run(lease, early, &plan(), &settle(), &clock).expect_err("it is old");
    assert!(matches!(error, StoreError::Changed));
}

#[test]
fn what_was_learnt_after_a_plan_was_made_is_known_by_person_and_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    let mut run = begin(&store, &clock);
    let intent = |number, setting, to| {
        let subject = Subject::Person(person(number), setting);
        Record::Intent(Intent {
            operation: 0,
            subject,
            from: None,
            to,
            repeat: false,
            under: None,
            at: clock.now(),
        })
    };
    let seen = |number| Record::Observed { id: person(number), is: Observed::default() };
    run.append(vec![seen(1), intent(1, Setting::Mode, Value::OPT_OUT)]).expect("written");
    run.finish(&()).expect("finished");
    clock.advance(SignedDuration::from_mins(1));

    let run = begin(&store, &clock);
    let meanwhile = run.meanwhile();
    assert!(meanwhile.of(person(1), Setting::Mode), "tried, and nobody heard of it");
    assert!(!meanwhile.of(person(1), Setting::Dashboard) && !meanwhile.of(person(2), Setting::Mode));
    assert!(meanwhile.group_of(person(1)) && !meanwhile.group_of(person(2)));
    drop(run);

    let mut later = plan();
    later.basis.newest_run = store.ledger(&settle()).expect("readable").newest_run();
    clock.advance(SignedDuration::from_mins(10));
    let lease = store.lock("ada@here 1", &clock).expect("free");
    let remembered = store.ledger(&settle()).expect("readable");
    let run = store.begin_run(lease, remembered, &later, &settle(), &clock).expect("begun");
    assert!(!run.meanwhile().of(person(1), Setting::Mode), "it knew that");
}

#[test]
fn a_store_of_nothing_remembers_nothing_and_still_runs() {
    let store = Store::none(TENANT);
    let mut run = begin(&store, &clock());
    run.append(records()).expect("nothing to write");
    assert_eq!(run.finish(&()).expect("finished").people.len(), 2);
    assert_eq!(remembered(&store), Ledger::default());
}

#[test]
fn no_name_of_a_person_is_kept() {
    use crate::model::Class;
    use crate::plan::{Because, LeftAlone, Note, Operation, PersonTarget, Phase, Reason, Target};
    let folder = tempfile::tempdir().expect("a folder");
    let store = created(folder.path());
    let clock = clock();
    let mut named = plan();
    named.operations.push(Operation {
        phase: Phase::Withdraw,
        target: Target::Person(PersonTarget {
            upn: "ada@contoso.com".into(),
            id: person(1),
            group: "pilot".into(),
            setting: Setting::Mode,
        }),
        from: Some(Value::OPT_IN),
        to: Value::OPT_OUT,
        class: Class::OptOut,
        because: Because::FirstTouch,
        mark: None,
        licences: Vec::new(),
        after_opt_out: false,
    });
    named.left_alone.push(LeftAlone {
        upn: "ada@contoso.com".into(),
        id: None,
        group: "pilot".into(),
        reason: Reason::NotFound,
        refusal: None,
        settings: Vec::new(),
    });
    named.notes.push(Note::Unreadable {
        group: "pilot".into(),
        selector: "user: ada@contoso.com".to_owned(),
        message: "ada@contoso.com".to_owned(),
    });
    named.notes.push(Note::TenantUnreadable {
        setting: TenantSetting::Dashboard,
        message: "ada@contoso.com may not".to_owned(),
    });
    let lease = store.lock("ada@here 1", &clock).expect("free");
    let remembered = store.ledger(&settle()).expect("readable");
    let run = store.begin_run(lease, remembered, &named, &settle(), &clock).expect("begun");
    let path = |file| journal::folder(folder.path(), RunId(1)).join(file);
    run.finish(&()).expect("finished");
    let written = fs::read_to_string(path("journal.jsonl")).expect("a journal");
    assert!(!written.contains("ada@"), "{written}");
    let kept = fs::read_to_string(path("plan.json")).expect("a plan");
    assert!(!kept.contains("ada@"), "{kept}");
    let read: Plan = serde_json::from_str(&kept).expect("a plan is a plan");
    assert_eq!(read.operations.len(), 1);
}
