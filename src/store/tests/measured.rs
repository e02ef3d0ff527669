use super::*;
use crate::model::{Measure, Standing, Tally};

/// Carries out a run that found so many people opted in; `None` measures nothing.
async fn ran(store: &Store, clock: &Clock, opted_in: Option<u64>) -> RunId {
    let mut plan = plan();
    plan.standings = opted_in
        .into_iter()
        .map(|people| {
            let mut measure = Measure::default();
            measure.add_people(Standing::OptedIn, people);
            Tally { wave: Some("pilot".into()), group: "sales".into(), people: measure }
        })
        .collect();
    let lease = store.lock("ada@here 1", clock).await.expect("free");
    let remembered = store.ledger(&settle(), clock).await.expect("readable");
    let run = store.begin_run(lease, remembered, &plan, &settle(), clock).await.expect("begun");
    let id = run.id();
    run.finish(&()).await.expect("finished");
    clock.advance(SignedDuration::from_hours(24));
    id
}

#[tokio::test]
async fn runs_tell_where_people_stood_oldest_first_and_those_that_measured_nothing_are_left_out() {
    at_hand(async |place| {
        let (store, clock) = (created(&place).await, clock());
        assert_eq!(store.measured(400).await.expect("readable"), []);
        let first = ran(&store, &clock, Some(3)).await;
        ran(&store, &clock, None).await;
        let last = ran(&store, &clock, Some(7)).await;
        let told = |measured: Vec<Measured>| {
            let opted_in = |tally: &Tally| tally.people.of(Standing::OptedIn);
            measured
                .iter()
                .map(|it| (it.run, it.standings.iter().map(opted_in).sum()))
                .collect::<Vec<(_, u64)>>()
        };
        assert_eq!(told(store.measured(400).await.expect("readable")), [(first, 3), (last, 7)]);
        assert_eq!(told(store.measured(2).await.expect("readable")), [(last, 7)], "of the newest two runs");
        assert_eq!(store.measured(0).await.expect("readable"), []);
    })
    .await;
}
