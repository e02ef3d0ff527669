use super::*;

const FIRST_RECORDS: &str = "runs/00000001/journal/00000002.jsonl";

#[tokio::test]
async fn a_journal_cut_at_any_byte_loses_no_complete_record() {
    at_hand(async |place| {
        let store = created(&place).await;
        died(&store, &clock()).await;
        let whole = raw(&place, FIRST_RECORDS).await.into_bytes();
        // By number of complete records: what the ledger must be.
        let expected: Vec<_> = (0..=records().len())
            .map(|taken| fold(Ledger::default(), records().into_iter().take(taken), &settle()))
            .collect();
        for cut in 0..=whole.len() {
            damage(&place, FIRST_RECORDS, &whole[..cut]).await;
            // A line is complete once its closing brace is there, with or without the line's end.
            let ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end);
            let complete = ends.filter(|end| *end <= cut).count();
            assert_eq!(remembered(&store).await, expected[complete], "cut at byte {cut}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_line_in_the_middle_is_an_error_that_names_it() {
    everywhere(async |place| {
        let store = created(&place).await;
        died(&store, &clock()).await;
        let text = raw(&place, FIRST_RECORDS).await;
        let lines: Vec<_> =
            text.lines().map(|line| if line.contains("intent") { "{\"int" } else { line }).collect();
        damage(&place, FIRST_RECORDS, lines.join("\n").as_bytes()).await;
        let error = store.ledger(&settle(), &clock()).await.expect_err("a record is lost");
        assert!(error.to_string().ends_with("journal/00000002.jsonl:3 cannot be read"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_last_line_that_has_its_end_is_not_torn() {
    everywhere(async |place| {
        let store = created(&place).await;
        died(&store, &clock()).await;
        let whole = raw(&place, FIRST_RECORDS).await;
        damage(&place, FIRST_RECORDS, format!("{whole}{{\"int").as_bytes()).await;
        store.ledger(&settle(), &clock()).await.expect("a torn last line is tolerated");
        damage(&place, FIRST_RECORDS, format!("{whole}{{\"int\n").as_bytes()).await;
        let error = store.ledger(&settle(), &clock()).await.expect_err("it did say something once");
        assert!(error.to_string().contains("journal/00000002.jsonl:"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn only_the_last_segment_of_a_journal_may_be_torn_or_missing() {
    everywhere(async |place| {
        let store = created(&place).await;
        let run = begin(&store, &clock()).await;
        for record in records() {
            run.append(vec![record]).await.expect("written");
        }
        let (last, middle) = (records().len() + 1, "runs/00000001/journal/00000003.jsonl");
        let last = format!("runs/00000001/journal/{last:08}.jsonl");
        let whole = raw(&place, middle).await;
        let objects = place.reach(false).expect("reached");

        damage(&place, &last, b"").await;
        remembered(&store).await;
        objects.forget(&last).await;
        remembered(&store).await;

        damage(&place, middle, &whole.as_bytes()[..20]).await;
        let torn = store.ledger(&settle(), &clock()).await.expect_err("what follows does not fit");
        assert!(matches!(torn, StoreError::Damaged { line: 1, .. }), "{torn}");
        objects.forget(middle).await;
        let gone = store.ledger(&settle(), &clock()).await.expect_err("a segment is missing");
        assert!(matches!(gone, StoreError::CutShort { .. }), "{gone}");
        assert!(gone.to_string().contains("00000003.jsonl"), "{gone}");
    })
    .await;
}

#[tokio::test]
async fn who_appends_at_the_same_time_is_written_down_together_and_in_order() {
    everywhere(async |place| {
        let store = created(&place).await;
        let run = begin(&store, &clock()).await;
        let observed = |number| Record::Observed { id: person(number), is: Observed::default() };
        let all = (0..200).map(|number| run.append(vec![observed(2 * number), observed(2 * number + 1)]));
        for written in futures_util::future::join_all(all).await {
            written.expect("written");
        }
        let segments = place.reach(false).expect("reached");
        let segments = segments.numbers("runs/00000001/journal", ".jsonl").await.expect("listed");
        // Memory answers at once, so nobody has to wait there for anybody.
        let most = if matches!(place, Place::Memory(_)) { 201 } else { 4 };
        assert!(segments.len() <= most, "{} segments", segments.len());
        let mut people = Vec::new();
        let each = |record| {
            if let Record::Observed { id, is: _ } = record {
                people.push(id);
            }
        };
        journal::read(&place.reach(false).expect("reached"), run.id(), TENANT, each).await.expect("readable");
        assert_eq!(people, (0..400).map(person).collect::<Vec<_>>());
        assert_eq!(run.ledger(|ledger| ledger.people.len()), 400);
    })
    .await;
}

#[tokio::test]
async fn after_a_write_that_failed_nothing_follows() {
    everywhere(async |place| {
        let store = created(&place).await;
        let run = begin(&store, &clock()).await;
        // Somebody else's segment stands where ours was to go.
        damage(&place, FIRST_RECORDS, b"{}\n").await;
        let failed = run.append(records()).await.expect_err("it is not ours");
        assert!(matches!(failed, StoreError::BrokenOff { run: RunId(1) }));
        place.reach(false).expect("reached").forget(FIRST_RECORDS).await;
        let after = run.append(records()).await.expect_err("a gap must not be filled later");
        assert!(matches!(after, StoreError::BrokenOff { .. }));
        assert_eq!(run.ledger(|ledger| ledger.people.len()), 0, "what is not written down is not known");
    })
    .await;
}

#[tokio::test]
async fn a_write_that_happened_although_nobody_heard_of_it_is_ours() {
    everywhere(async |place| {
        let store = created(&place).await;
        let run = begin(&store, &clock()).await;
        let mut lines = Vec::new();
        for record in records() {
            objects::json_line(&mut lines, &record);
        }
        damage(&place, FIRST_RECORDS, &lines).await;
        run.append(records()).await.expect("it says exactly what we say");
        assert_eq!(run.ledger(|ledger| ledger.people.len()), 2);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_that_was_cut_short_is_never_taken_for_a_smaller_one() {
    at_hand(async |place| {
        let store = created(&place).await;
        let run = begin(&store, &clock()).await;
        run.append(records()).await.expect("written");
        run.finish(&()).await.expect("finished");
        for path in ["ledger/00000001.json", "ledger/00000001/00000001/00000001.jsonl"] {
            let whole = raw(&place, path).await.into_bytes();
            // Without its last character, the head is still whole: that is the line's end.
            let cuts = if path.ends_with("json") { whole.len() - 1 } else { whole.len() };
            for cut in 0..cuts {
                damage(&place, path, &whole[..cut]).await;
                assert!(store.ledger(&settle(), &clock()).await.is_err(), "{path} cut at byte {cut}");
            }
            damage(&place, path, &whole).await;
        }
        place.reach(false).expect("reached").forget("ledger/00000001/00000001/00000001.jsonl").await;
        assert!(store.ledger(&settle(), &clock()).await.is_err(), "a piece is missing");
    })
    .await;
}

#[tokio::test]
async fn what_a_later_version_wrote_is_refused() {
    everywhere(async |place| {
        let store = created(&place).await;
        begin(&store, &clock()).await.finish(&()).await.expect("finished");
        let path = "ledger/00000001.json";
        let text = raw(&place, path).await.replace("\"format\":1", "\"format\":2");
        damage(&place, path, text.as_bytes()).await;
        let error = store.ledger(&settle(), &clock()).await.expect_err("nobody knows what it means");
        assert!(matches!(error, StoreError::Newer { format: 2, .. }));
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_process_left_half_written_is_swept_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::Folder(folder.path().to_owned());
    let store = created(&place).await;
    begin(&store, &clock()).await.finish(&()).await.expect("finished");
    let half = folder.path().join("ledger/00000002.json#1");
    std::fs::write(&half, "{").expect("written");
    begin(&store, &clock()).await.finish(&()).await.expect("nobody minds it");
    assert!(!half.exists());
}
