use uuid::Uuid;

use super::*;
use crate::model::RefusalKind;

const ADA: PersonId = PersonId(Uuid::from_u128(0xada));

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).expect("in range")
}

/// A person who was seen with the mode that everyone has, and a dashboard that followed the default.
fn seen() -> Vec<Record> {
    let entry = |value, default| Entry::seen(value, Some(default), false, at(0));
    let settings = BTreeMap::from([
        (Setting::Mode, entry(Value::OPT_IN, Value::OPT_IN)),
        (Setting::Dashboard, entry(Value::ON, Value::ON)),
    ]);
    let defaults = BTreeMap::from([(TenantSetting::Dashboard, Value::ON)]);
    vec![
        Record::Observed {
            id: ADA,
            is: Observed { group: Some("pilot".into()), settings, ..Observed::default() },
        },
        Record::TenantRead { values: defaults, at: at(1) },
    ]
}

fn intent(subject: Subject, from: Value, to: Value) -> Record {
    Record::Intent(Intent {
        operation: 0,
        subject,
        from: Some(from),
        to,
        repeat: false,
        by_group: false,
        under: None,
        at: at(2),
    })
}

fn outcome(subject: Subject, answer: Answer) -> Record {
    Record::Outcome { subject, answer, attempts: 1, request_id: None, at: at(3) }
}

fn read_back(values: &[(Setting, Value)], before: &[(Setting, Value)]) -> Record {
    let map = |of: &[(Setting, Value)]| of.iter().copied().collect();
    Record::ReadBack { id: ADA, values: map(values), before: map(before), at: at(4) }
}

const MODE: Subject = Subject::Person(ADA, Setting::Mode);
const DASHBOARD: Subject = Subject::Person(ADA, Setting::Dashboard);
const DEFAULT: Subject = Subject::Tenant(TenantSetting::Dashboard);

fn folded(more: impl IntoIterator<Item = Record>) -> Ledger {
    fold(Ledger::default(), seen().into_iter().chain(more), &Settle::default())
}

/// Says in a few words what the ledger remembers of one setting.
fn words(ledger: &Ledger, setting: Setting) -> String {
    let Some(entry) = ledger.entry(ADA, setting) else { return "nothing".to_owned() };
    let Entry {
        value,
        by,
        default_then,
        at: _,
        confirmed,
        stored,
        chosen,
        released,
        retried,
        by_group,
        recorded,
        rolled_back,
        found,
        tried,
    } = entry;
    let mut words = vec![format!("{by:?} {value}")];
    words.extend(default_then.map(|default| format!("default {default}")));
    let flags = [
        (*confirmed, "confirmed"),
        (*stored, "stored"),
        (*chosen, "chosen"),
        (*released, "released"),
        (*retried, "retried"),
        (*by_group, "by group"),
        (*recorded, "recorded"),
        (rolled_back.is_some(), "rolled back"),
    ];
    words.extend(flags.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()));
    words.extend(
        found.map(|Found { value, chosen }| format!("found {value}{}", if chosen { " chosen" } else { "" })),
    );
    words.extend(tried.map(|tried| format!("tried {}", tried.value)));
    words.join(", ")
}

#[test]
fn every_history_of_one_write_is_remembered_as_it_should() {
    let intent = || intent(MODE, Value::OPT_IN, Value::OPT_OUT);
    let sent = || outcome(MODE, Answer::Sent);
    let refused = outcome(MODE, Answer::Refused(RefusalKind::Forbidden));
    let unanswered = || outcome(MODE, Answer::Unanswered);
    let read = |value| read_back(&[(Setting::Mode, value)], &[]);
    let table = [
        (vec![], "Seen opt-in, default opt-in"),
        (vec![intent()], "Seen opt-in, default opt-in, found opt-in, tried opt-out"),
        (vec![intent(), refused], "Seen opt-in, default opt-in"),
        (vec![intent(), unanswered()], "Seen opt-in, default opt-in, found opt-in, tried opt-out"),
        (
            vec![intent(), unanswered(), read(Value::OPT_IN)],
            "Seen opt-in, default opt-in, found opt-in, tried opt-out",
        ),
        (
            vec![intent(), unanswered(), read(Value::OPT_OUT)],
            "Us opt-out, default opt-in, confirmed, stored, found opt-in",
        ),
        (vec![intent(), sent()], "Us opt-out, default opt-in, found opt-in"),
        (vec![intent(), sent(), read(Value::OPT_IN)], "Us opt-out, default opt-in, found opt-in"),
        (
            vec![intent(), sent(), read(Value::OPT_OUT)],
            "Us opt-out, default opt-in, confirmed, stored, found opt-in",
        ),
    ];
    for (history, expected) in table {
        assert_eq!(words(&folded(history.clone()), Setting::Mode), expected, "{history:#?}");
    }
}

#[test]
fn a_pin_is_confirmed_but_not_surely_stored_while_the_default_is_the_same() {
    let ledger = folded([
        intent(DASHBOARD, Value::ON, Value::ON),
        outcome(DASHBOARD, Answer::Sent),
        read_back(&[(Setting::Dashboard, Value::ON)], &[]),
    ]);
    assert_eq!(words(&ledger, Setting::Dashboard), "Us on, default on, confirmed, found on");
}

#[test]
fn reading_what_was_there_before_does_not_settle_an_unanswered_pin() {
    let ledger = folded([
        intent(DASHBOARD, Value::ON, Value::ON),
        outcome(DASHBOARD, Answer::Unanswered),
        read_back(&[(Setting::Dashboard, Value::ON)], &[]),
    ]);
    assert_eq!(words(&ledger, Setting::Dashboard), "Seen on, default on, found on, tried on");
}

#[test]
fn a_default_that_has_just_changed_proves_nothing_about_what_is_stored() {
    let flipped = |changed_at| TenantEntry {
        value: Value::OFF,
        by: By::Us,
        at: changed_at,
        confirmed: true,
        previous: Some(Value::ON),
        changed_at: Some(changed_at),
        rolled_back: None,
    };
    let stored = |changed_at| {
        let ledger = folded([
            Record::ObservedTenant { setting: TenantSetting::Dashboard, entry: flipped(changed_at) },
            Record::TenantRead {
                values: BTreeMap::from([(TenantSetting::Dashboard, Value::OFF)]),
                at: at(1),
            },
            intent(DASHBOARD, Value::OFF, Value::ON),
            outcome(DASHBOARD, Answer::Sent),
            read_back(&[(Setting::Dashboard, Value::ON)], &[]),
        ]);
        ledger.entry(ADA, Setting::Dashboard).expect("an entry").stored
    };
    assert!(!stored(at(0)), "changed four minutes before");
    assert!(stored(at(-24 * 60)), "changed a day before");
}

#[test]
fn what_was_there_before_our_first_write_survives_the_second() {
    let ledger = folded([intent(MODE, Value::OPT_IN, Value::OPT_OUT), outcome(MODE, Answer::Sent)]);
    let again = [intent(MODE, Value::OPT_OUT, Value::OPT_IN), outcome(MODE, Answer::Sent)];
    let ledger = fold(ledger, again, &Settle::default());
    assert_eq!(words(&ledger, Setting::Mode), "Us opt-in, default opt-in, found opt-in");
}

#[test]
fn a_choice_that_is_overridden_is_what_a_restore_brings_back() {
    let chosen = Entry {
        found: Some(Found { value: Value::ON, chosen: false }),
        ..Entry::seen(Value::OFF, Some(Value::ON), true, at(0))
    };
    let settings = BTreeMap::from([(Setting::Dashboard, chosen)]);
    let ledger = folded([
        Record::Observed {
            id: ADA,
            is: Observed { group: Some("pilot".into()), settings, ..Observed::default() },
        },
        intent(DASHBOARD, Value::OFF, Value::ON),
        outcome(DASHBOARD, Answer::Sent),
    ]);
    assert_eq!(words(&ledger, Setting::Dashboard), "Us on, default on, found off chosen");
}

#[test]
fn a_choice_that_is_stated_again_stays_a_choice_also_by_way_of_all_off() {
    for value in [Value::ON, Value::OFF] {
        let chosen = Entry::seen(value, Some(Value::ON), true, at(0));
        let settings = BTreeMap::from([(Setting::Dashboard, chosen)]);
        let mut records = vec![
            Record::Observed {
                id: ADA,
                is: Observed { group: Some("pilot".into()), settings, ..Observed::default() },
            },
            intent(DASHBOARD, value, Value::OFF),
            outcome(DASHBOARD, Answer::Sent),
        ];
        if value == Value::ON {
            records.extend([intent(DASHBOARD, Value::OFF, Value::ON), outcome(DASHBOARD, Answer::Sent)]);
        }
        let ledger = folded(records);
        assert_eq!(words(&ledger, Setting::Dashboard), format!("Seen {value}, default on, chosen"));
    }
}

#[test]
fn a_repeated_write_is_marked_so_that_it_is_not_repeated_again() {
    let repeat = Record::Intent(Intent {
        operation: 0,
        subject: MODE,
        from: Some(Value::OPT_IN),
        to: Value::OPT_OUT,
        repeat: true,
        by_group: false,
        under: None,
        at: at(2),
    });
    let ledger = folded([repeat, outcome(MODE, Answer::Sent)]);
    assert_eq!(words(&ledger, Setting::Mode), "Us opt-out, default opt-in, retried, found opt-in");
}

#[test]
fn what_a_first_call_wrote_on_the_way_is_ours_whatever_becomes_of_the_second() {
    let first = [intent(DASHBOARD, Value::ON, Value::OFF), outcome(DASHBOARD, Answer::Sent)];
    let second = || intent(DASHBOARD, Value::OFF, Value::ON);
    let table = [
        (vec![], "Us off, default on, found on"),
        (vec![second()], "Us off, default on, found on, tried on"),
        (
            vec![second(), outcome(DASHBOARD, Answer::Refused(RefusalKind::Failed))],
            "Us off, default on, found on",
        ),
        (vec![second(), outcome(DASHBOARD, Answer::Sent)], "Us on, default on, found on"),
    ];
    for (history, expected) in table {
        let ledger = folded(first.iter().cloned().chain(history.clone()));
        assert_eq!(words(&ledger, Setting::Dashboard), expected, "{history:#?}");
    }
}

#[test]
fn side_effects_of_our_own_write_are_nobodys_choice() {
    let ledger = folded([
        intent(MODE, Value::OPT_IN, Value::OPT_OUT),
        outcome(MODE, Answer::Sent),
        read_back(
            &[(Setting::Mode, Value::OPT_OUT), (Setting::Dashboard, Value::OFF)],
            &[(Setting::Dashboard, Value::ON)],
        ),
    ]);
    assert_eq!(words(&ledger, Setting::Dashboard), "Us off, default on, confirmed, stored, found on");
}

#[test]
fn a_pin_that_a_later_write_of_ours_undoes_is_nobodys_choice() {
    let ledger = folded([
        intent(DASHBOARD, Value::ON, Value::ON),
        outcome(DASHBOARD, Answer::Sent),
        read_back(&[(Setting::Dashboard, Value::ON)], &[]),
        intent(MODE, Value::OPT_IN, Value::OPT_OUT),
        outcome(MODE, Answer::Sent),
        read_back(
            &[(Setting::Mode, Value::OPT_OUT), (Setting::Dashboard, Value::OFF)],
            &[(Setting::Dashboard, Value::ON)],
        ),
    ]);
    assert_eq!(words(&ledger, Setting::Dashboard), "Us off, default on, confirmed, stored, found on");
}

#[test]
fn an_opt_out_that_we_did_not_mean_is_left_for_the_next_plan_to_judge() {
    let ledger = folded([
        intent(DASHBOARD, Value::ON, Value::OFF),
        outcome(DASHBOARD, Answer::Sent),
        read_back(
            &[(Setting::Mode, Value::OPT_OUT), (Setting::Dashboard, Value::OFF)],
            &[(Setting::Mode, Value::OPT_IN)],
        ),
    ]);
    assert_eq!(words(&ledger, Setting::Mode), "Seen opt-in, default opt-in");
}

#[test]
fn settings_that_did_not_change_are_left_as_they_were() {
    let ledger = folded([
        intent(MODE, Value::OPT_IN, Value::OPT_OUT),
        outcome(MODE, Answer::Sent),
        read_back(&[(Setting::Mode, Value::OPT_OUT), (Setting::Dashboard, Value::ON)], &[]),
    ]);
    assert_eq!(words(&ledger, Setting::Dashboard), "Seen on, default on");
}

#[test]
fn a_tenant_write_remembers_what_the_default_was() {
    let sent = [intent(DEFAULT, Value::ON, Value::OFF), outcome(DEFAULT, Answer::Sent)];
    let expected = TenantEntry {
        value: Value::OFF,
        by: By::Us,
        at: at(2),
        confirmed: false,
        previous: Some(Value::ON),
        changed_at: Some(at(2)),
        rolled_back: None,
    };
    assert_eq!(folded(sent.clone()).tenant[&TenantSetting::Dashboard], expected);

    let values = BTreeMap::from([(TenantSetting::Dashboard, Value::OFF)]);
    let read = Record::TenantRead { values, at: at(5) };
    let confirmed = TenantEntry { confirmed: true, ..expected };
    assert_eq!(folded(sent.into_iter().chain([read])).tenant[&TenantSetting::Dashboard], confirmed);
}

#[test]
fn a_tenant_write_of_which_nobody_heard_may_have_moved_people() {
    let ledger = folded([intent(DEFAULT, Value::ON, Value::OFF), outcome(DEFAULT, Answer::Unanswered)]);
    let entry = ledger.tenant[&TenantSetting::Dashboard];
    assert_eq!((entry.value, entry.by), (Value::ON, By::Seen), "it is set again if it did not happen");
    assert_eq!((entry.previous, entry.changed_at), (Some(Value::OFF), Some(at(2))));
}

#[test]
fn a_tenant_write_of_which_nobody_heard_took_if_it_can_be_seen() {
    let values = BTreeMap::from([(TenantSetting::Dashboard, Value::OFF)]);
    let ledger = folded([
        intent(DEFAULT, Value::ON, Value::OFF),
        outcome(DEFAULT, Answer::Unanswered),
        Record::TenantRead { values, at: at(5) },
    ]);
    let entry = ledger.tenant[&TenantSetting::Dashboard];
    assert_eq!((entry.value, entry.by, entry.confirmed), (Value::OFF, By::Us, true));
    assert_eq!(entry.previous, Some(Value::ON));
}

#[test]
fn a_finished_run_gives_up_on_what_it_never_heard_of() {
    let dies = folded([intent(MODE, Value::OPT_IN, Value::OPT_OUT)]);
    let ends = folded([intent(MODE, Value::OPT_IN, Value::OPT_OUT), Record::Finished { at: at(9) }]);
    assert_eq!(dies, ends);
}

/// A write that undoes a run.
fn undoing(setting: Setting, from: Value, to: Value) -> Vec<Record> {
    let subject = Subject::Person(ADA, setting);
    let under = Some(Under::Rollback(Mark::of("a manifest")));
    let from = Some(from);
    let intent = Intent { operation: 0, subject, from, to, repeat: false, by_group: false, under, at: at(8) };
    vec![Record::Intent(intent), outcome(subject, Answer::Sent)]
}

#[test]
fn what_undoing_a_run_wrote_is_ours_and_marked() {
    let first = [intent(MODE, Value::OPT_IN, Value::OPT_OUT), outcome(MODE, Answer::Sent)];
    let back = undoing(Setting::Mode, Value::OPT_OUT, Value::OPT_IN);
    let ledger = folded(first.clone().into_iter().chain(back.clone()));
    assert_eq!(words(&ledger, Setting::Mode), "Us opt-in, default opt-in, rolled back, found opt-in");
    let again = [intent(MODE, Value::OPT_IN, Value::OPT_OUT), outcome(MODE, Answer::Sent)];
    let ledger = folded(first.into_iter().chain(back).chain(again));
    assert_eq!(
        words(&ledger, Setting::Mode),
        "Us opt-out, default opt-in, found opt-in",
        "a new write forgets it"
    );
}

#[test]
fn a_choice_that_undoing_a_run_brings_back_is_its_owners_again() {
    let chosen = Entry::seen(Value::OPT_OUT, Some(Value::OPT_IN), true, at(0));
    let settings = BTreeMap::from([(Setting::Mode, chosen)]);
    let theirs = Record::Observed { id: ADA, is: Observed { settings, ..Observed::default() } };
    let write = intent(MODE, Value::OPT_OUT, Value::OPT_IN);
    let over = [theirs, write, outcome(MODE, Answer::Sent), Record::Finished { at: at(5) }];
    let back = undoing(Setting::Mode, Value::OPT_IN, Value::OPT_OUT);
    let ledger = folded(over.into_iter().chain(back));
    assert_eq!(
        words(&ledger, Setting::Mode),
        "Seen opt-out, default opt-in, chosen, rolled back, found opt-out chosen"
    );
}

#[test]
fn undoing_of_which_nothing_was_heard_is_still_known_as_such() {
    let first = [intent(MODE, Value::OPT_IN, Value::OPT_OUT), outcome(MODE, Answer::Sent)];
    let mut back = undoing(Setting::Mode, Value::OPT_OUT, Value::OPT_IN);
    back.pop();
    let ledger = folded(first.into_iter().chain(back));
    assert_eq!(
        words(&ledger, Setting::Mode),
        "Us opt-out, default opt-in, rolled back, found opt-in, tried opt-in"
    );
}

#[test]
fn a_default_that_is_undone_while_it_is_on_its_way_remembers_what_may_still_show() {
    let write = |from, to, under| {
        let from = Some(from);
        let intent = Intent {
            operation: 0,
            subject: DEFAULT,
            from,
            to,
            repeat: false,
            by_group: false,
            under,
            at: at(8),
        };
        [Record::Intent(intent), outcome(DEFAULT, Answer::Sent)]
    };
    let under = Some(Under::Rollback(Mark::of("a manifest")));
    let records = write(Value::ON, Value::OFF, None).into_iter().chain(write(Value::ON, Value::ON, under));
    let entry = folded(records).tenant[&TenantSetting::Dashboard];
    assert_eq!((entry.value, entry.previous), (Value::ON, Some(Value::OFF)));
    assert_eq!(entry.rolled_back, Some(Mark::of("a manifest")));
}

fn looked(is: Observed) -> Record {
    Record::Observed { id: ADA, is: Observed { group: Some("pilot".into()), ..is } }
}

#[test]
fn what_came_back_is_counted_until_it_is_released() {
    let day = 24 * 60;
    let came_back = |minute| {
        let returned = BTreeMap::from([(Setting::Dashboard, at(minute))]);
        looked(Observed { returned, ..Observed::default() })
    };
    let counted = |ledger: &Ledger| ledger.people[&ADA].returned.get(&Setting::Dashboard).map_or(0, Vec::len);
    let twice = vec![came_back(day), came_back(2 * day)];
    assert_eq!(counted(&folded(twice.clone())), 2);
    assert_eq!(counted(&folded([twice.clone(), vec![came_back(40 * day)]].concat())), 1, "long ago");
    let released = Record::Released { subject: DASHBOARD, at: at(3 * day) };
    assert_eq!(counted(&folded([twice.clone(), vec![released]].concat())), 0);
    let other = Record::Released { subject: MODE, at: at(3 * day) };
    assert_eq!(counted(&folded([twice, vec![other]].concat())), 2);
    let default = |at| Record::Returned { setting: TenantSetting::Dashboard, at };
    let ledger = folded([default(at(1)), default(at(2))]);
    assert_eq!(ledger.returned[&TenantSetting::Dashboard].len(), 2);
    let ledger = folded([default(at(1)), Record::Released { subject: DEFAULT, at: at(2) }]);
    assert!(ledger.returned.is_empty());
}

#[test]
fn a_decision_to_opt_in_again_is_known_from_its_first_apply_and_meets_whoever_was_written() {
    let mark = crate::model::Mark::of("agreed");
    let known = |minute| Record::ReOptInKnown { mark, at: at(minute) };
    assert_eq!(folded([known(5), known(9)]).re_opt_ins[&mark], at(5));
    let met = |answer| {
        let Record::Intent(intent) = intent(MODE, Value::OPT_OUT, Value::OPT_IN) else {
            unreachable!("an intent is one")
        };
        let under = Some(Under::ReOptIn(mark));
        let records = [Record::Intent(Intent { under, ..intent }), outcome(MODE, answer)];
        folded(records).people[&ADA].re_opted_in
    };
    assert_eq!(met(Answer::Sent), Some(mark));
    assert_eq!(met(Answer::Refused(crate::model::RefusalKind::Failed)), None);
}

#[test]
fn an_account_that_is_missed_is_remembered_so_and_forgotten_in_the_end() {
    let missed = looked(Observed { gone_since: Some(at(5)), ..Observed::default() });
    let ledger = folded([missed.clone()]);
    assert_eq!(ledger.people[&ADA].gone_since, Some(at(5)));
    assert_eq!(words(&ledger, Setting::Mode), words(&folded([]), Setting::Mode), "nothing else is lost");
    assert_eq!(folded([missed.clone(), looked(Observed::default())]).people[&ADA].gone_since, None);
    assert!(!folded([missed, Record::Forgotten { id: ADA, at: at(9) }]).people.contains_key(&ADA));
}

#[test]
fn who_was_told_of_a_milestone_stays_so_until_the_account_is_forgotten() {
    let told = |milestone: &str, people: &[PersonId]| Record::Announced {
        milestone: milestone.into(),
        people: people.iter().copied().collect(),
        drafts: uuid::Uuid::from_u128(people.len() as u128),
        at: at(5),
    };
    let other = PersonId(uuid::Uuid::from_u128(99));
    let records = [told("welcome", &[ADA]), told("welcome", &[other]), told("closing", &[ADA])];
    let ledger = folded(records.clone());
    assert_eq!(ledger.announced["welcome"], [ADA, other].into());
    assert_eq!(ledger.announced["closing"], [ADA].into());
    assert_eq!(ledger.drafts, [uuid::Uuid::from_u128(1)].into());
    let forgotten = Record::Forgotten { id: ADA, at: at(9) };
    let ledger = folded(records.into_iter().chain([forgotten]));
    assert_eq!(ledger.announced["welcome"], [other].into());
    assert_eq!(ledger.announced["closing"], [].into());
}
