use super::*;
use crate::model::Percent;

fn measure(counts: &[(Standing, u64)]) -> Measure {
    let mut measure = Measure::default();
    for (standing, people) in counts {
        measure.add_people(*standing, *people);
    }
    measure
}

fn tally(wave: Option<&str>, group: &str, counts: &[(Standing, u64)]) -> Tally {
    Tally { wave: wave.map(Arc::from), group: group.into(), people: measure(counts) }
}

fn adoption(tallies: &[Tally]) -> Adoption {
    let goals =
        Goals { opted_in: Percent::of_hundredths(6_000), opted_out_at_most: Percent::of_hundredths(2_000) };
    let at = Timestamp::UNIX_EPOCH;
    let found = Found {
        tenant: (TenantId(uuid::Uuid::from_u128(1)), "Contoso".into()),
        as_of: at,
        read_at: at,
        tallies,
        departments: None,
        runs: &[],
    };
    Adoption::of(&found, goals, 0)
}

#[test]
fn goals_are_judged_where_enough_is_told() {
    use Standing::{OptedIn, OptedOutThemselves, OutOfReach};
    let told = adoption(&[
        tally(Some("pilot"), "sales", &[(OptedIn, 30), (OptedOutThemselves, 10), (OutOfReach, 60)]),
        tally(Some("widen"), "rest", &[(OptedIn, 20), (OptedOutThemselves, 20)]),
    ]);
    let verdicts = |row: &Row| row.goals.iter().map(|reached| reached.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(&told.waves[0].row), [Verdict::Met, Verdict::NotMet]);
    assert_eq!(verdicts(&told.waves[1].row), [Verdict::NotMet, Verdict::NotMet]);
    assert_eq!(verdicts(told.total.as_ref().expect("enough")), [Verdict::Met, Verdict::NotMet]);
}

#[test]
fn a_goal_that_hangs_on_what_is_hidden_is_judged_only_where_it_makes_no_difference() {
    use Standing::{OptedIn, OptedOutThemselves, Settling};
    let told = adoption(&[
        tally(None, "a", &[(OptedIn, 100), (OptedOutThemselves, 3), (Settling, 4)]),
        tally(None, "b", &[(OptedIn, 10), (OptedOutThemselves, 4), (Settling, 4)]),
    ]);
    let [a, b] = &*told.waves[0].groups else { panic!("two groups: {told:?}") };
    assert_eq!((a.told(OptedOutThemselves), a.not_told_apart), (None, 7));
    assert_eq!(a.goals.iter().map(|goal| goal.verdict).collect::<Vec<_>>(), [Verdict::Met, Verdict::Met]);
    assert_eq!(b.goals[1].verdict, Verdict::TooFewToSay, "8 of 18 are hidden, and 3 may opt out: {b:?}");
}

#[test]
fn fewer_people_than_a_row_may_have_are_not_told_at_all() {
    let told = adoption(&[tally(None, "a", &[(Standing::OptedIn, 4)])]);
    assert_eq!((told.total, told.waves), (None, Vec::new()));
}

#[test]
fn a_group_of_few_is_told_with_another_one() {
    use Standing::OptedIn;
    let told = adoption(&[
        tally(None, "board", &[(OptedIn, 2)]),
        tally(None, "sales", &[(OptedIn, 9)]),
        tally(None, "rest", &[(OptedIn, 30)]),
    ]);
    let names: Vec<_> = told.waves[0].groups.iter().map(|row| (row.of.clone(), row.people)).collect();
    assert_eq!(
        names,
        [
            (Part::Group { name: "rest".into() }, 30),
            (
                Part::Merged {
                    parts: ["board", "sales"].map(|name| Part::Group { name: name.into() }).into()
                },
                11
            )
        ]
    );
}
