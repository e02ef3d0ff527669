use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const COLUMNS: [Standing; 3] = [Standing::OptedIn, Standing::OptedOutThemselves, Standing::Unlicensed];

fn counts(cells: &[u64]) -> Measure {
    let mut counts = Measure::default();
    for (standing, people) in Standing::ALL.into_iter().zip(cells) {
        counts.add_people(standing, *people);
    }
    counts
}

fn cells(counts: &Measure) -> Vec<u64> {
    Standing::ALL.map(|standing| counts.of(standing)).to_vec()
}

/// Is everything that a report is made of: everybody by wave and group, and by department.
#[derive(Debug)]
struct Report {
    total: Node<usize>,
    departments: Vec<Node<usize>>,
    order: Order,
}

fn report(waves: &[Vec<Measure>], departments: &[Measure], threshold: u64) -> Option<Report> {
    let leaf = |(name, counts): (usize, &Measure)| Node::leaf(name, counts.clone());
    let same = |one: &usize, other: &usize| one == other;
    let waves = waves.iter().map(|groups| Node::of(0, groups.iter().enumerate().map(leaf).collect()));
    let mut waves = merge(waves.collect(), threshold, |_| 100, same);
    for wave in &mut waves {
        wave.parts = merge(std::mem::take(&mut wave.parts), threshold, |_| 100, same);
    }
    if waves.is_empty() {
        return None;
    }
    let mut total = Node::of(0, waves);
    let departments = merge(departments.iter().enumerate().map(leaf).collect(), threshold, |_| 100, same);
    let mut splits = [departments];
    let order = protect(&mut total, &mut splits, threshold);
    let [departments] = splits;
    Some(Report { total, departments, order })
}

/// Fills a row in every way that shows the same numbers.
fn fillings(row: &Node<usize>, order: &Order) -> Vec<Vec<u64>> {
    let shown = row.shown(order);
    let mut ways = vec![(Vec::new(), shown.together)];
    for (index, standing) in COLUMNS.into_iter().enumerate() {
        let mut next = Vec::new();
        let is_last = COLUMNS[index + 1..].iter().all(|later| !shown.hidden.contains(later));
        for (filled, left) in ways {
            let choices = match (shown.hidden.contains(&standing), is_last) {
                (false, _) => vec![row.counts.of(standing)],
                (true, true) => vec![left],
                (true, false) => (0..=left).collect(),
            };
            for choice in choices {
                let left = if shown.hidden.contains(&standing) { left - choice } else { left };
                next.push(([&filled[..], &[choice]].concat(), left));
            }
        }
        ways = next;
    }
    ways.into_iter().map(|(filled, _)| filled).collect()
}

/// Fills rows in every way; each way is the cells of all rows, one after the other.
fn all(rows: &[&Node<usize>], order: &Order) -> Vec<Vec<Vec<u64>>> {
    rows.iter().fold(vec![Vec::new()], |ways, row| {
        let own = fillings(row, order);
        ways.iter()
            .flat_map(|way| own.iter().map(move |cells| [&way[..], std::slice::from_ref(cells)].concat()))
            .collect()
    })
}

fn sum<'c>(rows: impl Iterator<Item = &'c Vec<u64>>) -> Vec<u64> {
    rows.fold(vec![0; COLUMNS.len()], |sum, cells| {
        sum.iter().zip(cells).map(|(one, other)| one + other).collect()
    })
}

/// Says whether a row that adds up from its parts shows what it shows.
fn looks_like(row: &Node<usize>, cells: &[u64], order: &Order) -> bool {
    let hidden = row.shown(order).hidden;
    COLUMNS
        .into_iter()
        .zip(cells)
        .all(|(standing, cell)| hidden.contains(&standing) || row.counts.of(standing) == *cell)
}

/// Computes all that follows from a report, by trying every way in which people could stand, and gives the cells of
/// which only one value is possible although they count few people.
fn singled_out(report: &Report, threshold: u64) -> Vec<String> {
    let Report { total, departments, order } = report;
    let groups: Vec<_> = total.parts.iter().flat_map(|wave| &wave.parts).collect();
    let split: Vec<_> = departments.iter().collect();
    let by_department = all(&split, order);
    let totals: BTreeSet<_> = by_department.iter().map(|way| sum(way.iter())).collect();
    let mut seen: Vec<BTreeSet<Vec<u64>>> = vec![BTreeSet::new(); 1 + total.parts.len() + groups.len()];
    let mut possible = BTreeSet::new();
    for way in all(&groups, order) {
        let everybody = sum(way.iter());
        let mut from = 0;
        let waves: Vec<_> = total
            .parts
            .iter()
            .map(|wave| {
                let cells = sum(way[from..from + wave.parts.len()].iter());
                from += wave.parts.len();
                cells
            })
            .collect();
        let fits = looks_like(total, &everybody, order)
            && total.parts.iter().zip(&waves).all(|(wave, cells)| looks_like(wave, cells, order))
            && (split.is_empty() || totals.contains(&everybody));
        if fits {
            possible.insert(everybody.clone());
            for (seen, cells) in seen.iter_mut().zip([everybody].into_iter().chain(waves).chain(way)) {
                seen.insert(cells);
            }
        }
    }
    let mut by_row = vec![BTreeSet::new(); split.len()];
    for way in by_department.into_iter().filter(|way| possible.contains(&sum(way.iter()))) {
        for (seen, cells) in by_row.iter_mut().zip(way) {
            seen.insert(cells);
        }
    }
    let rows = [total].into_iter().chain(&total.parts).chain(groups).chain(split);
    let mut known = Vec::new();
    for (row, seen) in rows.zip(seen.into_iter().chain(by_row)) {
        assert!(!seen.is_empty(), "what is true is possible");
        for (column, standing) in COLUMNS.into_iter().enumerate() {
            let values: BTreeSet<_> = seen.iter().map(|cells| cells[column]).collect();
            if (1..threshold).contains(&row.counts.of(standing)) && values.len() == 1 {
                known.push(format!("{standing:?} of {row:?}"));
            }
        }
    }
    known
}

/// Draws a row of three columns that occur.
fn row(most: u64) -> impl Strategy<Value = Measure> {
    proptest::collection::vec(prop_oneof![Just(0), 0..=most], COLUMNS.len()).prop_map(|cells| {
        let mut counts = Measure::default();
        for (standing, people) in COLUMNS.into_iter().zip(cells) {
            counts.add_people(standing, people);
        }
        counts
    })
}

/// Deals everybody of the groups to departments.
fn dealt(groups: &[Vec<Measure>], hands: &[usize], number: usize) -> Vec<Measure> {
    let mut departments = vec![Measure::default(); number];
    let people = groups.iter().flatten().flat_map(|counts| {
        COLUMNS.into_iter().flat_map(|standing| {
            std::iter::repeat_n(standing, usize::try_from(counts.of(standing)).unwrap_or(0))
        })
    });
    for (index, standing) in people.enumerate() {
        departments[hands[index % hands.len()] % number].add(standing);
    }
    departments
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nobody_who_sees_all_tables_can_compute_a_small_cell(
        waves in proptest::collection::vec(proptest::collection::vec(row(5), 1..=2), 1..=2),
        hands in proptest::collection::vec(0_usize..3, 1..=7),
        number in 1_usize..=3,
    ) {
        let departments = dealt(&waves, &hands, number);
        let Some(report) = report(&waves, &departments, 5) else { return Ok(()) };
        prop_assert_eq!(singled_out(&report, 5), Vec::<String>::new());
    }

    #[test]
    fn no_number_that_is_shown_counts_few_people(
        waves in proptest::collection::vec(
            proptest::collection::vec(proptest::collection::vec(0_u64..40, 10), 0..8), 0..5),
        threshold in 5_u64..20,
    ) {
        let waves: Vec<Vec<_>> = waves.iter().map(|groups| groups.iter().map(|cells| counts(cells)).collect()).collect();
        let Some(report) = report(&waves, &[], threshold) else { return Ok(()) };
        let Report { total, order, .. } = &report;
        let groups = total.parts.iter().flat_map(|wave| &wave.parts);
        for row in [total].into_iter().chain(&total.parts).chain(groups) {
            let shown = row.shown(order);
            prop_assert!(row.counts.people() >= threshold);
            prop_assert!(shown.hidden.len() != 1, "a single hidden cell is what is left of the row");
            prop_assert!(shown.together == 0 || shown.together >= threshold);
            for standing in Standing::ALL {
                let told = !shown.hidden.contains(&standing);
                prop_assert!(!told || !(1..threshold).contains(&row.counts.of(standing)));
            }
        }
        let everybody = |rows: &[Node<usize>]| {
            rows.iter().fold(Measure::default(), |mut sum, row| { sum.extend(&row.counts); sum })
        };
        prop_assert_eq!(cells(&everybody(&total.parts)), cells(&total.counts));
        for wave in &total.parts {
            prop_assert_eq!(cells(&everybody(&wave.parts)), cells(&wave.counts));
        }
    }
}

#[test]
fn the_attack_finds_what_is_not_hidden() {
    let waves = [vec![counts(&[6, 1]), counts(&[5, 5])]];
    let mut open = report(&waves, &[], 5).expect("enough people");
    assert!(singled_out(&open, 5).is_empty());
    open.total.parts[0].parts[0].level = 0;
    assert!(!singled_out(&open, 5).is_empty(), "one of seven opted out, and the report says so");
}

#[test]
fn a_row_that_alone_is_too_small_takes_the_smallest_other_in() {
    let rows = [20, 3, 7].map(|people| Node::leaf(people, counts(&[people])));
    let rows = merge(rows.into(), 5, |names: Vec<u64>| names.iter().sum(), |_, _| false);
    let told: Vec<_> = rows.iter().map(|row| (row.name, row.counts.people())).collect();
    assert_eq!(told, [(20, 20), (10, 10)]);
}
