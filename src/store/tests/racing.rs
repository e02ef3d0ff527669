//! Two who write at the same moment, each with a client of their own: exactly one of them wins, every time.

use super::*;

/// Is how often two race in each place.
const ROUNDS: u64 = 100;

/// Runs a race of two for every round, and makes sure that exactly one wins each.
async fn race<F>(place: &Place, runner: impl Fn(u64, usize, Objects) -> F)
where
    F: Future<Output = bool> + Send + 'static,
{
    created(place).await;
    let clients = [place.reach(false).expect("reached"), place.reach(false).expect("reached")];
    for round in 1..=ROUNDS {
        let started = clients.iter().enumerate();
        let racers: Vec<_> =
            started.map(|(racer, client)| tokio::spawn(runner(round, racer, client.clone()))).collect();
        let mut won = 0;
        for racer in racers {
            won += usize::from(racer.await.expect("no panic"));
        }
        assert_eq!(won, 1, "round {round} in {place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_create_one_object_one_does() {
    everywhere(async |place| {
        race(&place, |round, racer, objects| async move {
            let content = format!("racer {racer}").into_bytes();
            objects.create(&format!("race/{round}"), content).await.expect("no fault")
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_reach_for_an_expired_lock_one_gets_it() {
    everywhere(async |place| {
        race(&place, |round, racer, objects| async move {
            // By the time of each round, the lock of the round before has expired.
            let clock = clock();
            clock.advance(SignedDuration::from_mins(i64::try_from(round).expect("few")));
            match lock::take(&objects, &format!("racer {racer}"), 0, &clock).await {
                Ok(_) => true,
                Err(StoreError::Locked { .. }) => false,
                Err(error) => panic!("{error}"),
            }
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_write_the_next_ledger_one_does_and_it_is_whole() {
    everywhere(async |place| {
        race(&place, |round, racer, objects| async move {
            let through = RunId(2 * round + racer as u64);
            let ledger = fold(Ledger::default(), records(), &settle());
            snapshot::create(&objects, TENANT, round, through, &ledger).await.expect("no fault")
        })
        .await;
        let objects = place.reach(false).expect("reached");
        let (read, header) = snapshot::read_newest(&objects, TENANT).await.expect("readable");
        assert_eq!(read, fold(Ledger::default(), records(), &settle()));
        assert_eq!(header.map(|header| header.number), Some(ROUNDS));
    })
    .await;
}
