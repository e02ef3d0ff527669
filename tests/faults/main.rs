//! Every call of a run × every fault: whatever goes wrong at whichever call, the next runs look again and bring about
//! what the manifest asks for, nothing is written twice, nothing outside a plan, and nobody is overruled.
//!
//! The calls are those of a run without a fault, counted: the token, every read, every item of every batch, every
//! write. A fault that other people cause, at the k-th call, counts as one. What became of each case stands in a table
//! that is printed when all is well, too.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

mod faults;
mod law;
mod stage;
#[path = "../stage/twice.rs"]
mod twice;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use insightctl::apply::{Outcome, Report};
use serde_json::Value;
use stage::{Look, Ran, Scene};

use faults::{FAULTS, Fault};

/// Is what became of the run that the fault met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Became {
    /// Everything was done as if nothing had happened.
    Done,
    /// All of it was written, and some did not show yet.
    Settling,
    /// Somebody or something was left out, since it could not be read.
    LeftOut,
    /// Something had moved, or waits for something else.
    Held,
    /// Nobody knows yet whether something was written.
    Unanswered,
    /// Something was refused.
    Failed,
    /// The run ended before its plan did.
    Stopped,
    /// So little could be read that there was no plan; nothing was written.
    Refused,
}

const BECAME: [(Became, &str); 8] = [
    (Became::Done, "done"),
    (Became::Settling, "settling"),
    (Became::LeftOut, "left out"),
    (Became::Held, "held back"),
    (Became::Unanswered, "unanswered"),
    (Became::Failed, "failed"),
    (Became::Stopped, "stopped"),
    (Became::Refused, "no plan"),
];

impl Became {
    /// Judges a run by the worst of its rows; `all` is how many rows it has when nothing is left out.
    fn of(ran: &Ran, all: usize) -> Self {
        let Ok(stage::Done { report, .. }) = &ran.done else { return Self::Refused };
        let Report { rows, stopped, .. } = report;
        let worst = rows.iter().map(|row| match row.outcome {
            Outcome::Done => Self::Done,
            Outcome::Settling => Self::Settling,
            Outcome::Unanswered => Self::Unanswered,
            Outcome::Moved | Outcome::Waiting => Self::Held,
            Outcome::Failed => Self::Failed,
            Outcome::NotBegun => Self::Stopped,
        });
        let whole = if rows.len() < all { Self::LeftOut } else { Self::Done };
        let ended = if stopped.is_some() { Self::Stopped } else { Self::Done };
        worst.chain([whole, ended]).max().unwrap_or(Self::Done)
    }
}

/// Is a case that came out well.
struct Case {
    became: Became,
    /// How many runs it took until nothing was left to do.
    rounds: usize,
    /// How many writes were sent once more, since nobody could know of the first.
    again: usize,
}

/// Is a run without a fault.
#[derive(Debug)]
struct Rehearsal {
    calls: u64,
    /// How many rows its report has.
    rows: usize,
    /// Whom it wrote what, in its order.
    writes: Vec<(String, Value)>,
    /// What the tenant looks like a day later.
    later: Look,
}

fn writes(ran: &Ran) -> Vec<(String, Value)> {
    ran.writes.iter().map(|write| (write.target.clone(), write.what.clone())).collect()
}

/// Plays one fault at one call, and runs until there is nothing left to do.
///
/// Where the very writes of the rehearsal were sent, the tenant is as it was then. It is not looked at once more: what
/// this case remembers has to give an empty plan with what the rehearsal saw.
async fn play(scene: &Scene, fault: &Fault, call: u64, rehearsal: &Rehearsal) -> Result<Case, String> {
    const SOON: i64 = 20;
    const LATE: i64 = 25 * 60;
    let mut stage = scene.begin().await;
    stage.sandbox.play(&fault.script(call)).unwrap();
    let first = scene.run(&mut stage).await;
    if !first.calls.iter().any(|seen| seen.fault.is_some()) {
        return Err(format!("the fault was never played in {} calls", first.calls.len()));
    }
    stage.sandbox.play("faults: []").unwrap();
    let became = Became::of(&first, rehearsal.rows);
    let same = writes(&first) == rehearsal.writes;
    let mut runs = vec![first];
    // What was written to a person shows after a quarter of an hour, defaults after a day.
    let unharmed = became == Became::Done && fault.actor.is_none();
    if unharmed && same {
        stage.pass(LATE);
        let plan = stage.plan_from(&rehearsal.later, &scene.manifest).await;
        if !plan.operations.is_empty() {
            return Err(format!(
                "a day later there is something to do: {:?}\n{}",
                plan.operations,
                law::story(&runs)
            ));
        }
        let again = law::holds(&stage, fault, call, &runs, &rehearsal.later);
        let again = again.map_err(|why| format!("{why}\n{}", law::story(&runs)))?;
        return Ok(Case { became, rounds: 1, again });
    }
    let pauses = [SOON, LATE, LATE, LATE];
    for pause in pauses.into_iter().skip(usize::from(unharmed)) {
        stage.pass(pause);
        let ran = scene.run(&mut stage).await;
        let idle = ran.done.as_ref().is_ok_and(|done| done.plan.operations.is_empty());
        runs.push(ran);
        if idle && pause == LATE {
            let last = runs.last().and_then(|ran| ran.done.as_ref().ok()).unwrap();
            let again = law::holds(&stage, fault, call, &runs, &last.look);
            let again = again.map_err(|why| format!("{why}\n{}", law::story(&runs)))?;
            let rounds = runs.iter().filter(|ran| !ran.writes.is_empty()).count();
            return Ok(Case { became, rounds, again });
        }
    }
    Err(format!("after {} runs there is still something to do\n{}", runs.len(), law::story(&runs)))
}

/// Runs without a fault, and looks again a day later.
async fn rehearse(scene: &Scene) -> Rehearsal {
    let mut stage = scene.begin().await;
    stage.sandbox.play("faults: []").unwrap();
    let ran = scene.run(&mut stage).await;
    stage.pass(25 * 60);
    let later = scene.run(&mut stage).await.done.unwrap();
    assert_eq!(later.plan.operations, []);
    assert_eq!(stage.everyone(), stage::END, "the end state is as written down");
    let rows = ran.done.as_ref().unwrap().report.rows.len();
    Rehearsal { calls: ran.calls.len() as u64, rows, writes: writes(&ran), later: later.look }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn whatever_goes_wrong_at_any_call_the_end_is_the_same_and_nothing_is_written_twice() {
    #[expect(clippy::disallowed_methods, reason = "to look at one fault, or one case, by itself")]
    let only = std::env::var("FAULT").ok();
    let only = only.as_deref().map(|only| only.split_once('@').unwrap_or((only, "")));
    let scene = runtime().block_on(Scene::set());
    let rehearsal = runtime().block_on(rehearse(&scene));
    let calls = rehearsal.calls;
    let cases: Vec<(&Fault, u64)> = FAULTS
        .iter()
        .flat_map(|fault| (1..=calls).map(move |call| (fault, call)))
        .filter(|(fault, call)| {
            only.is_none_or(|(name, at)| fault.name == name && (at.is_empty() || at == call.to_string()))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let (table, broken) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        // Runs wait for the disk as well.
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = runtime();
                while let Some((fault, call)) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    match runtime.block_on(play(&scene, fault, *call, &rehearsal)) {
                        Ok(Case { became, rounds, again }) => {
                            let mut table = table.lock().unwrap();
                            let row: &mut Row = table.entry(fault.name).or_default();
                            *row.became.entry(became).or_default() += 1;
                            row.rounds = row.rounds.max(rounds);
                            row.again += again;
                        }
                        Err(why) => broken.lock().unwrap().push(format!("{}@{call}: {why}", fault.name)),
                    }
                }
            });
        }
    });
    // Straight to the terminal: what a passing test prints is not shown, and this table is asked for.
    std::io::stderr().write_all(told(calls, &table.lock().unwrap()).as_bytes()).unwrap();
    let broken = broken.lock().unwrap();
    let shown: Vec<_> = broken.iter().take(40).cloned().collect();
    assert!(broken.is_empty(), "{} of {} cases:\n{}", broken.len(), cases.len(), shown.join("\n"));
}

/// Is what became of all cases of one fault.
#[derive(Debug, Default)]
struct Row {
    became: BTreeMap<Became, usize>,
    rounds: usize,
    again: usize,
}

fn told(calls: u64, table: &BTreeMap<&str, Row>) -> String {
    let mut text =
        format!("faults: {calls} calls of a run × {} faults; what became of the run\n", table.len());
    write!(text, "{:<32}", "").unwrap();
    for (_, word) in BECAME {
        write!(text, "{word:>11}").unwrap();
    }
    writeln!(text, "{:>11}{:>11}", "runs", "sent again").unwrap();
    for fault in FAULTS {
        let Some(Row { became, rounds, again }) = table.get(fault.name) else { continue };
        write!(text, "{:<32}", fault.name).unwrap();
        for (which, _) in BECAME {
            let count = became.get(&which).copied().unwrap_or_default();
            write!(text, "{:>11}", if count == 0 { "·".to_owned() } else { count.to_string() }).unwrap();
        }
        writeln!(text, "{rounds:>11}{again:>11}").unwrap();
    }
    text
}
