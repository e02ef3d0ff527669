use futures_util::future::join_all;

use super::*;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn only_one_of_two_holds_the_lock() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let lease = store.lock("ada@here 1", &clock).await.expect("free");
        clock.advance(seconds(30));
        let error = store.lock("bob@there 2", &clock).await.expect_err("ada holds it");
        assert_eq!(error.to_string(), "locked by ada@here 1 since 2027-01-15T08:00:00Z");
        lease.release().await;
        store.lock("bob@there 2", &clock).await.expect("released");
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_is_renewed_does_not_expire() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let lease = store.lock("ada@here 1", &clock).await.expect("free");
        for _ in 0..10 {
            clock.advance(seconds(25));
            lease.hold().await.expect("still ours");
        }
        let error = store.lock("bob@there 2", &clock).await.expect_err("ada holds it");
        assert_eq!(error.to_string(), "locked by ada@here 1 since 2027-01-15T08:00:00Z");
        assert_eq!(lease.number(), 1, "a run keeps its number");
    })
    .await;
}

#[tokio::test]
async fn the_lock_of_the_dead_is_taken_over_once_it_has_expired() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let asleep = store.lock("ada@here 1", &clock).await.expect("free");
        clock.advance(seconds(59));
        assert!(matches!(store.lock("bob@there 2", &clock).await, Err(StoreError::Locked { .. })));
        clock.advance(seconds(1));
        let taken = store.lock("bob@there 2", &clock).await.expect("expired");
        assert!(taken.number() > asleep.number(), "the fence rises");
        assert_eq!(asleep.hold().await.expect_err("lost").to_string(), "the lock was lost to bob@there 2");
        asleep.release().await;
        taken.hold().await.expect("who lost the lock cannot release it");
    })
    .await;
}

#[tokio::test]
async fn who_finds_out_too_late_cannot_release_what_is_not_theirs() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let asleep = store.lock("ada@here 1", &clock).await.expect("free");
        clock.advance(seconds(60));
        let taken = store.lock("bob@there 2", &clock).await.expect("expired");
        asleep.release().await;
        taken.hold().await.expect("still theirs");
        assert!(matches!(store.lock("eve@home 3", &clock).await, Err(StoreError::Locked { .. })));
    })
    .await;
}

#[tokio::test]
async fn an_expired_lease_that_nobody_took_is_taken_again() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let lease = store.lock("ada@here 1", &clock).await.expect("free");
        clock.advance(SignedDuration::from_mins(10));
        lease.hold().await.expect("nobody was faster");
        assert!(matches!(store.lock("bob@there 2", &clock).await, Err(StoreError::Locked { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_renewal_of_which_nobody_heard_is_known_again() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let lease = store.lock("ada@here 1", &clock).await.expect("free");
        let ours = raw(&place, "lock/00000001").await;
        // The answer was lost: the claim is there, and the holder does not know.
        damage(&place, "lock/00000002", ours.as_bytes()).await;
        lease.hold().await.expect("their own");
        clock.advance(seconds(30));
        lease.hold().await.expect("renewed");
    })
    .await;
}

#[tokio::test]
async fn many_who_ask_at_once_share_a_look() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let lease = store.lock("ada@here 1", &clock).await.expect("free");
        // Above thirty, `join_all` lets some ask later than others; so four times twenty-five.
        let some = || join_all((0..25).map(|_| lease.hold()));
        for held in join_all((0..4).map(|_| some())).await.into_iter().flatten() {
            held.expect("ours");
        }
        // Memory answers at once, so nobody has to wait there for anybody.
        let most = if matches!(place, Place::Memory(_)) { 100 } else { 4 };
        assert!(lease.looks() <= most, "{} looks", lease.looks());
        clock.advance(SignedDuration::from_mins(2));
        store.lock("bob@there 2", &clock).await.expect("expired");
        lease.hold().await.expect_err("a look that is over is not shared");
    })
    .await;
}

#[tokio::test]
async fn a_run_whose_lock_was_lost_cannot_replace_the_ledger() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let asleep = begin(&store, &clock).await;
        asleep.append(records()).await.expect("written");
        clock.advance(SignedDuration::from_mins(2));
        let next = begin(&store, &clock).await;
        assert_eq!(next.ledger(|ledger| ledger.people.len()), 2, "what the first did is known to the second");
        assert!(matches!(asleep.finish(&()).await, Err(StoreError::LeaseLost { .. })));
        next.finish(&()).await.expect("finished");
    })
    .await;
}

#[tokio::test]
async fn who_wakes_up_while_writing_down_an_intent_is_told_that_the_lock_is_lost() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let asleep = begin(&store, &clock).await;
        clock.advance(SignedDuration::from_mins(2));
        let _taken = store.lock("bob@there 2", &clock).await.expect("expired");
        assert!(matches!(asleep.append(records()).await, Err(StoreError::LeaseLost { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_ledger_that_somebody_has_added_to_is_no_base_for_a_run() {
    everywhere(async |place| {
        let store = created(&place).await;
        let clock = clock();
        let early = store.ledger(&settle(), &clock).await.expect("readable");
        begin(&store, &clock).await.finish(&()).await.expect("finished");
        let lease = store.lock("ada@here 1", &clock).await.expect("free");
        let error = store.begin_run(lease, early, &plan(), &settle(), &clock).await.expect_err("it is old");
        assert!(matches!(error, StoreError::Changed));
        store.lock("bob@there 2", &clock).await.expect("a run that does not begin lets go of the lock");
    })
    .await;
}
