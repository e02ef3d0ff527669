//! For any two dates, applying on both ends like applying on the later one.

use std::cell::Cell;
use std::io::Write as _;

use insightctl::model::ServicePlan;
use insightctl::sandbox::Settings;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::declared::{DAYS, Declared, PEOPLE, declared, manages_all};
use crate::stage::{Look, Stage, id, noon, read};

/// Counts what the cases were about, so that a proof of nothing is noticed.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    cases: usize,
    /// People whose end was compared.
    compared: usize,
    /// Those of them whom a group held on both dates, and on the later one only.
    stayed: usize,
    came: usize,
    /// Those of them whom another group held on the later date.
    moved: usize,
    /// What was written on the earlier date, and afterwards.
    earlier: usize,
    later: usize,
    /// Cases in which a wave of which the ledger has to remember had begun on the earlier date.
    gated: usize,
}

fn licensed((_, plan): (Settings, Option<ServicePlan>)) -> bool {
    match plan {
        Some(ServicePlan::Assigned | ServicePlan::Partial) => true,
        Some(ServicePlan::Removed) | None => false,
    }
}

/// Applies on one date or on both, and gives what came of it; the later date's rounds are all as of that date.
async fn two_paths(
    declared: &Declared,
    first: i64,
    second: i64,
    defaults: [bool; 3],
) -> Result<Count, String> {
    let manifest = read(&declared.yaml());
    let as_of = noon(second);
    let both = Stage::at(first, PEOPLE, defaults).await;
    let early = both.run(&manifest, noon(first)).await;
    let earlier = both.sandbox.writes().len();
    both.pass((second - first) * 24 * 60);
    let late = both.until_idle(&manifest, as_of).await.map_err(|why| format!("on both: {why}"))?;
    let only = Stage::at(second, PEOPLE, defaults).await;
    let alone = only.until_idle(&manifest, as_of).await.map_err(|why| format!("on the later: {why}"))?;

    let same = |what: &str, same: bool| same.then_some(()).ok_or_else(|| format!("{what} differ"));
    same("those in force", late.desired.people == alone.desired.people)?;
    same("those who wait", late.desired.waiting == alone.desired.waiting)?;
    let begun = |look: &Look| -> Vec<_> {
        look.desired.rollout.waves.iter().map(|wave| (wave.name.clone(), wave.phase)).collect()
    };
    same("the phases of waves", begun(&late) == begun(&alone))?;
    let mut count = Count { cases: 1, earlier, ..Count::default() };
    count.later = both.sandbox.writes().len() - earlier;
    count.gated = usize::from(early.desired.rollout.waves.iter().any(|wave| wave.gated && wave.has_begun()));
    let ((defaults, people), (expected, theirs)) = (both.end().await, only.end().await);
    same(&format!("defaults {defaults:?} and {expected:?}"), defaults == expected)?;
    for (who, (is, should)) in people.iter().zip(&theirs).enumerate() {
        let group = |look: &Look| look.desired.people.get(&id(who)).map(|held| held.group as usize);
        let (was, now) = (group(&early), group(&late));
        match (was, now) {
            // Whoever has left keeps what they had, or gets it back.
            (Some(_), None) => continue,
            // What was taken from them is not given back to people without a licence.
            (Some(was), Some(now)) if was != now && !licensed(*should) => continue,
            (Some(was), Some(now)) if was != now => {
                // What the earlier group managed and the later one does not is nobody's any more, and stays.
                let wants = |group: usize| &late.desired.groups[group].wants;
                if !manages_all(wants(now), wants(was)) {
                    continue;
                }
                count.moved += 1;
            }
            (Some(_), Some(_)) => count.stayed += 1,
            (None, Some(_)) => count.came += 1,
            (None, None) => {}
        }
        count.compared += 1;
        // The features of somebody who is opted out are not written, so those that an earlier group wrote stay.
        let only_mode = was.is_some() && was != now && !should.0.opt_in;
        if is != should && !(only_mode && !is.0.opt_in && is.1 == should.1) {
            return Err(format!(
                "p{who}, held by {was:?} and then by {now:?}, has {is:?}, and not {should:?}"
            ));
        }
    }
    Ok(count)
}

#[test]
fn applying_on_two_dates_ends_like_applying_on_the_later_one() {
    let total = Cell::new(Count::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = Config { cases: 64, failure_persistence: None, ..Config::default() };
    // Some runs come a day apart, so that the defaults of the first have not settled for long.
    let dates = (0..DAYS * 2 / 3, prop_oneof![1 => Just(1), 4 => 1..DAYS]);
    let drawn = (declared(), dates, any::<[bool; 3]>());
    let proved = TestRunner::new(cases).run(&drawn, |(declared, (first, between), defaults)| {
        let told = runtime.block_on(two_paths(&declared, first, first + between, defaults));
        match told {
            Ok(Count { cases, compared, stayed, came, moved, earlier, later, gated }) => {
                let sum = total.get();
                total.set(Count {
                    cases: sum.cases + cases,
                    compared: sum.compared + compared,
                    stayed: sum.stayed + stayed,
                    came: sum.came + came,
                    moved: sum.moved + moved,
                    earlier: sum.earlier + earlier,
                    later: sum.later + later,
                    gated: sum.gated + gated,
                });
                Ok(())
            }
            Err(why) => Err(TestCaseError::fail(format!("{why}\n{}", declared.yaml()))),
        }
    });
    let sum = total.get();
    // Straight to the terminal: what a passing test prints is not shown, and this figure is asked for.
    writeln!(std::io::stderr(), "two dates: {sum:?}").unwrap();
    proved.unwrap_or_else(|broken| panic!("{broken}"));
    let met = [sum.stayed, sum.came, sum.earlier, sum.later, sum.gated];
    assert!(met.iter().all(|count| *count > 0), "{sum:?}");
}
