use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn a_store_that_is_missing_is_not_made_by_itself() {
    everywhere(async |place| {
        let missing = Store::open(&place, TENANT, WhenMissing::Refuse).await.expect_err("there is none");
        assert!(matches!(missing, StoreError::Missing { .. }));
        assert!(missing.hint().is_some_and(|hint| hint.contains("--new-store")));

        let empty = Store::open(&place, TENANT, WhenMissing::Empty).await.expect("read as empty");
        assert_eq!((empty.id(), remembered(&empty).await), (None, Ledger::default()));
        let still = Store::open(&place, TENANT, WhenMissing::Refuse).await;
        assert!(still.is_err(), "a plan writes nothing");

        let store = created(&place).await;
        assert_eq!(store.id(), Some(ID.to_string().as_str()));
        let again = Store::open(&place, TENANT, WhenMissing::Create(Uuid::nil())).await.expect("it is there");
        assert_eq!(again.id(), store.id(), "a store keeps its id");
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_is_only_looked_at_is_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store");
    let empty = Store::open(&Place::Folder(path.clone()), TENANT, WhenMissing::Empty).await.expect("empty");
    assert_eq!(remembered(&empty).await, Ledger::default());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_store_belongs_to_one_tenant() {
    everywhere(async |place| {
        created(&place).await;
        let error = Store::open(&place, OTHER, WhenMissing::Refuse).await.expect_err("it is somebody else's");
        assert!(matches!(error, StoreError::OtherTenant { belongs: TENANT, asked: OTHER, .. }));
    })
    .await;
}

#[tokio::test]
async fn a_ledger_without_an_identity_is_no_new_store() {
    everywhere(async |place| {
        let store = created(&place).await;
        begin(&store, &clock()).await.finish(&()).await.expect("finished");
        place.reach(false).expect("reached").forget("id").await;
        let error = Store::open(&place, TENANT, WhenMissing::Create(ID)).await.expect_err("half is lost");
        assert!(matches!(error, StoreError::NoIdentity { .. }));
    })
    .await;
}

#[tokio::test]
async fn a_finished_run_is_in_the_next_ledger_and_folded_only_once() {
    everywhere(async |place| {
        let store = created(&place).await;
        let run = begin(&store, &clock()).await;
        run.append(records()).await.expect("written");
        let ended = run.finish(&()).await.expect("finished");
        let next = store.ledger(&settle(), &clock()).await.expect("readable");
        assert_eq!(next.ledger, ended);
        assert_eq!((next.unfinished, next.under_way), (Vec::new(), None));
        assert_eq!(next.ledger.people.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_unfinished_run_is_remembered_as_it_would_have_been() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let run = begin(&store, &clock).await;
        let id = run.id();
        run.append(records()).await.expect("written");
        let known = run.ledger(Clone::clone);
        drop(run);
        clock.advance(SignedDuration::from_mins(1));
        let next = store.ledger(&settle(), &clock).await.expect("readable");
        assert_eq!(next.unfinished, [id]);
        assert_eq!(next.ledger, known);

        let ended = begin(&store, &clock).await.finish(&()).await.expect("finished");
        assert_eq!(ended, known);
        let after = store.ledger(&settle(), &clock).await.expect("readable");
        assert_eq!((after.ledger, after.unfinished), (known, Vec::new()), "it is in the snapshot now");
    })
    .await;
}

#[tokio::test]
async fn a_run_whose_holder_is_alive_is_not_called_dead() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let run = begin(&store, &clock).await;
        run.append(records()).await.expect("written");
        clock.advance(SignedDuration::from_secs(30));
        run.lease().hold().await.expect("renewed");
        clock.advance(SignedDuration::from_secs(50));
        let seen = store.ledger(&settle(), &clock).await.expect("readable");
        assert_eq!(seen.unfinished, []);
        let under_way = seen.under_way.expect("somebody applies");
        assert_eq!((under_way.run, under_way.holder.as_str()), (run.id(), "ada@here 1"));
        assert_eq!(seen.ledger, run.ledger(Clone::clone), "what it did so far is known");
    })
    .await;
}

#[tokio::test]
async fn the_last_few_snapshots_are_kept() {
    everywhere(async |place| {
        let store = created(&place).await;
        for _ in 0..7 {
            let run = begin(&store, &clock()).await;
            run.append(records()).await.expect("written");
            run.finish(&()).await.expect("finished");
        }
        let objects = place.reach(false).expect("reached");
        let heads = objects.numbers(snapshot::FOLDER, ".json").await.expect("listed");
        let pieces = objects.folders(snapshot::FOLDER).await.expect("listed");
        assert_eq!((heads, pieces), (vec![3, 4, 5, 6, 7], vec![3, 4, 5, 6, 7]));
    })
    .await;
}

#[tokio::test]
async fn runs_are_purged_after_400_days() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        died(&store, &clock).await;
        let day = SignedDuration::from_hours(24);
        begin(&store, &clock).await.finish(&()).await.expect("finished");
        clock.advance(day * 399);
        begin(&store, &clock).await.finish(&()).await.expect("finished");
        assert_eq!(store.runs(10, &clock).await.expect("listed").len(), 3, "none is too old");
        clock.advance(day);
        begin(&store, &clock).await.finish(&()).await.expect("finished");
        let runs: Vec<_> =
            store.runs(10, &clock).await.expect("listed").iter().map(|past| past.id.0).collect();
        assert_eq!(runs, [4, 3]);
        assert_eq!(remembered(&store).await.people.len(), 2, "what they did is not forgotten");
    })
    .await;
}

#[tokio::test]
async fn every_run_can_be_told_again() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let dead = died(&store, &clock).await;
        let run = begin(&store, &clock).await;
        let finished = run.id();
        run.finish(&"all is well").await.expect("finished");
        let alive = begin(&store, &clock).await;

        let past = store.runs(10, &clock).await.expect("listed");
        let told: Vec<_> = past.iter().map(|past| (past.id, past.ended.clone())).collect();
        assert_eq!(told[1..], [(finished, Ended::Finished), (dead, Ended::PickedUp)]);
        assert!(matches!(&told[0], (id, Ended::UnderWay(_)) if *id == alive.id()));
        let started = past[2].started.as_ref().expect("it said so");
        assert_eq!((started.holder.as_str(), started.at), ("ada@here 1", super::clock().now()));
        assert_eq!(store.runs(1, &clock).await.expect("listed").len(), 1, "the newest first");

        let told: Story<String> = store.run(finished, &clock).await.expect("told");
        assert_eq!((told.report.as_deref(), told.records.len()), (Some("all is well"), 0));
        let told: Story<String> = store.run(dead, &clock).await.expect("told");
        assert_eq!((told.report, told.records.len()), (None, 1 + records().len()));
        assert!(told.plan.is_some());
        let none = store.run::<String>(RunId(99), &clock).await.expect_err("there is none");
        assert!(matches!(none, StoreError::NoRun { run: RunId(99), .. }));
    })
    .await;
}

#[tokio::test]
async fn what_was_learnt_after_a_plan_was_made_is_known_by_person_and_setting() {
    let place = Place::Memory(Memory::default());
    let store = created(&place).await;
    let clock = clock();
    let run = begin(&store, &clock).await;
    let intent = |number, setting, to| {
        let subject = Subject::Person(person(number), setting);
        Record::Intent(Intent {
            operation: 0,
            subject,
            from: None,
            to,
            repeat: false,
            by_group: false,
            under: None,
            at: clock.now(),
        })
    };
    let seen = |number| Record::Observed { id: person(number), is: Observed::default() };
    run.append(vec![seen(1), intent(1, Setting::Mode, Value::OPT_OUT)]).await.expect("written");
    run.finish(&()).await.expect("finished");
    clock.advance(SignedDuration::from_mins(1));

    let run = begin(&store, &clock).await;
    let meanwhile = run.meanwhile();
    assert!(meanwhile.of(person(1), Setting::Mode), "tried, and nobody heard of it");
    assert!(!meanwhile.of(person(1), Setting::Dashboard) && !meanwhile.of(person(2), Setting::Mode));
    assert!(meanwhile.group_of(person(1)) && !meanwhile.group_of(person(2)));
    drop(run);

    let mut later = plan();
    later.basis.newest_run = store.ledger(&settle(), &clock).await.expect("readable").newest_run();
    clock.advance(SignedDuration::from_mins(10));
    let lease = store.lock("ada@here 1", &clock).await.expect("free");
    let remembered = store.ledger(&settle(), &clock).await.expect("readable");
    let run = store.begin_run(lease, remembered, &later, &settle(), &clock).await.expect("begun");
    assert!(!run.meanwhile().of(person(1), Setting::Mode), "it knew that");
}

#[tokio::test]
async fn a_store_of_nothing_remembers_nothing_and_still_runs() {
    let store = Store::none(TENANT);
    let run = begin(&store, &clock()).await;
    run.append(records()).await.expect("nothing to write");
    assert_eq!(run.finish(&()).await.expect("finished").people.len(), 2);
    assert_eq!(remembered(&store).await, Ledger::default());
}

#[tokio::test]
async fn no_name_of_a_person_is_kept() {
    use crate::model::Class;
    use crate::plan::{
        Attribution, Because, Inquiry, LeftAlone, Note, Operation, OutsideChange, PersonTarget, Phase,
        Reason, Silence, Target, Who,
    };
    let place = Place::Memory(Memory::default());
    let store = created(&place).await;
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
        through: Vec::new(),
    });
    named.left_alone.push(LeftAlone {
        upn: "ada@contoso.com".into(),
        id: None,
        group: "pilot".into(),
        reason: Reason::NotFound,
        refusal: None,
        settings: Vec::new(),
    });
    named.outside_changes.push(OutsideChange {
        target: Target::Tenant(TenantSetting::Dashboard),
        was: Value::ON,
        is: Value::OFF,
        by: Some(Box::new(Attribution {
            who: Who::Administrator,
            name: Some("ada@contoso.com".into()),
            at: clock.now(),
        })),
    });
    let message = "ada@contoso.com may not".to_owned();
    named.notes.push(Note::WhoChanged { inquiry: Inquiry::Silent(Silence::Refused { message }) });
    named.notes.push(Note::Unreadable {
        group: "pilot".into(),
        selector: "user: ada@contoso.com".to_owned(),
        message: "ada@contoso.com".to_owned(),
    });
    named.notes.push(Note::TenantUnreadable {
        setting: TenantSetting::Dashboard,
        message: "ada@contoso.com may not".to_owned(),
    });
    let lease = store.lock("ada@here 1", &clock).await.expect("free");
    let remembered = store.ledger(&settle(), &clock).await.expect("readable");
    let run = store.begin_run(lease, remembered, &named, &settle(), &clock).await.expect("begun");
    run.finish(&()).await.expect("finished");
    let written = raw(&place, "runs/00000001/journal/00000001.jsonl").await;
    assert!(!written.contains("ada@contoso"), "{written}");
    let kept = raw(&place, "runs/00000001/plan.json").await;
    assert!(!kept.contains("ada@"), "{kept}");
    let read: Plan = serde_json::from_str(&kept).expect("a plan is a plan");
    assert_eq!((read.operations.len(), read.outside_changes.len()), (1, 1));
}

#[tokio::test]
async fn who_was_told_is_remembered_however_many_they_are() {
    everywhere(async |place| {
        let store = created(&place).await;
        let run = begin(&store, &clock()).await;
        let people: BTreeSet<_> = (1..=25_000).map(person).collect();
        let drafts = uuid::Uuid::from_u128(7);
        let record = Record::Announced {
            milestone: "welcome".into(),
            people: people.clone(),
            drafts,
            at: clock().now(),
        };
        run.append(vec![record]).await.expect("written");
        run.finish(&()).await.expect("finished");
        let kept = remembered(&store).await;
        assert_eq!(kept.announced, BTreeMap::from([("welcome".into(), people)]));
        assert_eq!(kept.drafts, [drafts].into());
    })
    .await;
}
