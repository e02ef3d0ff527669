//! The built program, killed by a real SIGKILL at every point of an apply, and run again: it converges, repeats no
//! confirmed write, and loses no outcome.
//!
//! The sandbox runs in a process of its own and outlives the kill. A *point* is one of three for each call of the run,
//! be it a request or an item of a batch:
//!
//! - the call has arrived, and nothing was done: whatever the program does before it sends, and the journal's intent
//!   among that, is behind it;
//! - the call was carried out, and the answer never arrives: the outcome is not written down;
//! - the store has just changed, whatever it was that was written: the next call is kept waiting meanwhile, so that the
//!   kill comes before its answer. A change is seen by looking at the folder; two that follow each other closely may
//!   count as one.
//!
//! The instructions between two calls thus have a kill right before them and right after them, and every write of the
//! journal that lies between has one on either side; what a write looks like that was torn in the middle is for the
//! tests of the store.
//!
//! That nothing is lost is shown by what the program does later: a manifest that asks for the opposite of everything is
//! carried out in full, which it is only where the ledger knows each value as its own. What it took for somebody's
//! choice would stay.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

mod stage;
#[path = "../stage/twice.rs"]
mod twice;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use stage::{Scene, Stage, kill, said, upn};

const BEFORE: &str = "
groups:
  - { name: back, mode: opt-out, members: [ { user: p2@contoso.com } ] }
";

const FORWARD: &str = "
defaults: { dashboard: off, digest-email: off, outlook-add-in: on, schedule-send: off }
groups:
  - { name: council, mode: opt-out, members: [ { user: p0@contoso.com } ] }
  - { name: contractors, mode: opt-out, service-plan: removed, members: [ { user: p1@contoso.com } ] }
  - name: back
    mode: opt-in
    features: { dashboard: on, digest-email: on, outlook-add-in: off }
    members: [ { user: p2@contoso.com } ]
  - { name: pilot, features: { dashboard: on }, members: [ { user: p3@contoso.com } ] }
  - { name: licensed, service-plan: assigned, members: [ { user: p4@contoso.com } ] }
  - name: strict
    features: { outlook-add-in: off }
    on-user-choice: override
    members: [ { user: p5@contoso.com } ]
";

/// Asks for the opposite, and respects every choice.
const BACKWARD: &str = "
defaults: { dashboard: on, digest-email: on, outlook-add-in: off, schedule-send: on }
groups:
  - { name: council, mode: opt-in, members: [ { user: p0@contoso.com } ] }
  - { name: contractors, mode: opt-out, service-plan: assigned, members: [ { user: p1@contoso.com } ] }
  - name: back
    mode: opt-in
    features: { dashboard: off, digest-email: off, outlook-add-in: on }
    members: [ { user: p2@contoso.com } ]
  - { name: pilot, features: { dashboard: off }, members: [ { user: p3@contoso.com } ] }
  - { name: licensed, service-plan: removed, members: [ { user: p4@contoso.com } ] }
  - { name: strict, features: { outlook-add-in: on }, members: [ { user: p5@contoso.com } ] }
";

type Everyone = [[bool; 4]; 6];

/// Is what people end with: opted in, dashboard, digest e-mail, Outlook add-in.
const FORWARD_END: Everyone = [
    [false, false, false, true],
    [false, false, false, true],
    [true, true, true, false],
    [true, true, false, true],
    [true, false, false, true],
    [true, false, false, false],
];

const BACKWARD_END: Everyone = [
    [true, true, true, false],
    [false, true, true, false],
    [true, false, false, true],
    [true, false, true, false],
    [true, true, true, false],
    [true, true, true, true],
];

const A_DAY: i64 = 26 * 60;

/// Is where the program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// When this call has arrived.
    Arrived(usize),
    /// When it was carried out.
    CarriedOut(usize),
    /// When the store has changed so many times.
    Stored(usize),
}

impl Point {
    fn script(self) -> String {
        match self {
            Self::Arrived(call) => format!("faults: [ {{ call: {call}, hold: before }} ]"),
            Self::CarriedOut(call) => format!("faults: [ {{ call: {call}, hold: after }} ]"),
            Self::Stored(_) => SLOWLY.to_owned(),
        }
    }
}

/// Keeps every call waiting for long enough to notice what was stored before it was made.
const SLOWLY: &str = "faults: [ { every: 1, slow: 20 } ]";

fn scene() -> Scene {
    Scene::set(&[("before.yaml", BEFORE), ("insights.yaml", FORWARD), ("backward.yaml", BACKWARD)])
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Adds up what is in a folder, so that any change of it changes the sum.
fn sum(folder: &Path) -> u64 {
    let Ok(entries) = folder.read_dir() else { return 0 };
    let of = |entry: std::fs::DirEntry| {
        let length = entry.metadata().map_or(0, |data| if data.is_dir() { 1 } else { data.len() + 1 });
        length + sum(&entry.path())
    };
    entries.flatten().map(of).sum()
}

/// Waits until the store has changed so many times; gives how often it did before the program ended.
async fn changes(stage: &Stage, program: &mut std::process::Child, most: usize) -> usize {
    let store = stage.store();
    let (mut last, mut count) = (sum(&store), 0);
    while count < most && program.try_wait().unwrap().is_none() {
        let now = sum(&store);
        if now == last {
            tokio::time::sleep(Duration::from_micros(500)).await;
        } else {
            (last, count) = (now, count + 1);
        }
    }
    count
}

/// Kills an apply at a point, runs it again, and checks everything; `false` when it came to its end before.
async fn play(scene: &Scene, point: Point) -> Result<bool, String> {
    let stage = scene.begin(&point.script());
    let mut program = stage.apply(0, "insights.yaml").spawn().unwrap();
    let there = match point {
        Point::Arrived(_) | Point::CarriedOut(_) => stage.holds(&mut program).await,
        Point::Stored(count) => changes(&stage, &mut program, count).await == count,
    };
    kill(&mut program);
    stage.play("faults: []").await;
    let mut run = Runs { stage: &stage, counts: vec![stage.desk("writes").await.len()], told: String::new() };
    let ended = run.until_idle("insights.yaml", 2, FORWARD_END).await;
    let ended = match ended {
        Ok(now) => run.until_idle("backward.yaml", now, BACKWARD_END).await.map(drop),
        Err(why) => Err(why),
    };
    ended.map_err(|why| format!("{why}\n{}", run.told))?;
    Ok(there)
}

/// Is the runs after a kill.
struct Runs<'s> {
    stage: &'s Stage,
    /// How many writes there were at the end of each run.
    counts: Vec<usize>,
    /// What they said.
    told: String,
}

impl Runs<'_> {
    /// Applies until there is nothing to do any more, and checks what came of it; gives the time then.
    async fn until_idle(&mut self, manifest: &str, begin: i64, end: Everyone) -> Result<i64, String> {
        let mut now = begin;
        let first = self.counts.len() - 1;
        for _ in 0..4 {
            let ended = self.stage.apply(now, manifest).output().unwrap();
            self.told.push_str(&said(&ended));
            self.counts.push(self.stage.desk("writes").await.len());
            if !matches!(ended.status.code(), Some(0 | 7 | 8)) {
                return Err(format!("{manifest} ended with {}", ended.status));
            }
            now += A_DAY;
            let arguments = ["plan", "--detailed-exitcode", "--file", manifest];
            let plan = self.stage.command(now, &arguments).output().unwrap();
            if plan.status.code() == Some(0) {
                self.check(manifest, first, end).await?;
                return Ok(now);
            }
            self.told.push_str(&said(&plan));
        }
        Err(format!("{manifest} is never done"))
    }

    async fn check(&self, manifest: &str, first: usize, end: Everyone) -> Result<(), String> {
        let token = self.stage.sign_in().await;
        for (who, end) in end.into_iter().enumerate() {
            let identity = json!({ "Identity": upn(who) });
            let have = self.stage.read(&token, "Get-MyAnalyticsFeatureConfig", identity).await;
            let flag = |name: &str| have[name].as_bool().unwrap();
            let mode = have["PrivacyMode"] == "opt-in";
            let have =
                [mode, flag("IsDashboardEnabled"), flag("IsDigestEmailEnabled"), flag("IsAddInEnabled")];
            if have != end {
                return Err(format!("after {manifest}, p{who} has {have:?}, and not {end:?}"));
            }
        }
        let writes = self.stage.desk("writes").await;
        // The manifest's own writes: those of the killed run too, for the first.
        let skip = if first == 0 { 0 } else { self.counts[first] };
        let run = |at: usize| self.counts.iter().filter(|count| **count <= at).count();
        let of =
            |(at, write): (usize, &'_ Value)| (run(at), write["target"].as_str().unwrap().to_owned(), at);
        let writes_of: Vec<_> = writes.iter().enumerate().skip(skip).map(of).collect();
        let forward = first == 0;
        let defaults =
            BTreeMap::from([("dashboard", forward), ("digest-email", forward), ("add-in", !forward)]);
        let writes = writes_of.iter().map(|(run, target, at)| (*run, target.as_str(), &writes[*at]["what"]));
        twice::twice(writes, defaults, |_, _| true).map(drop)
    }
}

/// Plays all points, several at a time; gives how many kills there were.
fn play_all(scene: &Scene, points: &[Point]) -> (usize, Vec<String>) {
    let (next, kills, broken) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = runtime();
                while let Some(point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                    match runtime.block_on(play(scene, *point)) {
                        Ok(there) => drop(kills.fetch_add(usize::from(there), Ordering::SeqCst)),
                        Err(why) => broken.lock().unwrap().push(format!("{point:?}: {why}")),
                    }
                }
            });
        }
    });
    (kills.into_inner(), broken.into_inner().unwrap())
}

/// Counts the calls of an apply that nobody kills, and the changes of the store.
async fn rehearse(scene: &Scene) -> (usize, usize) {
    let stage = scene.begin("faults: []");
    let ended = stage.apply(0, "insights.yaml").output().unwrap();
    assert!(ended.status.success(), "{}", said(&ended));
    let calls = stage.desk("calls").await.len();
    let stage = scene.begin(SLOWLY);
    let mut program = stage.apply(0, "insights.yaml").spawn().unwrap();
    let changes = changes(&stage, &mut program, usize::MAX).await;
    program.wait().unwrap();
    (calls, changes)
}

#[test]
fn killed_at_any_point_it_converges_repeats_nothing_and_loses_nothing() {
    let scene = scene();
    let (calls, changes) = runtime().block_on(rehearse(&scene));
    assert!(calls > 20 && changes > 10, "{calls} calls, {changes} changes");
    let at_calls = (1..=calls).flat_map(|call| [Point::Arrived(call), Point::CarriedOut(call)]);
    let points: Vec<_> = at_calls.chain((1..=changes).map(Point::Stored)).collect();
    let (kills, broken) = play_all(&scene, &points);
    // Straight to the terminal: what a passing test prints is not shown, and this figure is asked for.
    let figure = format!(
        "crash: {kills} kills at {} points ({calls} calls × 2, {changes} changes of the store): {} did not come out well\n",
        points.len(),
        broken.len()
    );
    std::io::stderr().write_all(figure.as_bytes()).unwrap();
    assert!(broken.is_empty(), "{}", broken[..broken.len().min(5)].join("\n--------\n"));
    assert!(kills >= 2 * calls, "every call was killed at");
}

#[test]
fn of_two_applies_at_once_one_wins_and_the_other_is_told_who_holds_the_lock() {
    let scene = scene();
    runtime().block_on(async {
        // The winner is kept busy by its first write.
        let stage = scene.begin("faults: [ { match: { write: true }, slow: 3000 } ]");
        let mut winner = stage.apply(0, "insights.yaml").spawn().unwrap();
        while !stage.desk("calls").await.iter().any(|call| call["write"] == true) {
            assert!(winner.try_wait().unwrap().is_none());
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        let loser = stage.apply(0, "insights.yaml").output().unwrap();
        assert_eq!(loser.status.code(), Some(9), "{}", said(&loser));
        let winner = winner.wait_with_output().unwrap();
        assert!(winner.status.success(), "{}", said(&winner));
        let writes = stage.desk("writes").await.len();
        let mut run = Runs { stage: &stage, counts: vec![writes], told: String::new() };
        let now = run.until_idle("insights.yaml", 2, FORWARD_END).await.unwrap();
        assert_eq!(stage.desk("writes").await.len(), writes, "the winner did it all");
        run.until_idle("backward.yaml", now, BACKWARD_END).await.unwrap();
    });
}

#[test]
fn the_lease_of_a_dead_holder_is_respected_until_it_expires_and_then_taken_over() {
    let scene = scene();
    runtime().block_on(async {
        let stage = scene.begin("faults: [ { match: { write: true }, hold: after } ]");
        let mut program = stage.apply(0, "insights.yaml").spawn().unwrap();
        assert!(stage.holds(&mut program).await);
        kill(&mut program);
        stage.play("faults: []").await;
        let early = stage.apply(0, "insights.yaml").output().unwrap();
        assert_eq!(early.status.code(), Some(9), "{}", said(&early));
        let written = stage.desk("writes").await.len();
        let late = stage.apply(2, "insights.yaml").output().unwrap();
        assert!(matches!(late.status.code(), Some(0 | 7)), "{}", said(&late));
        assert!(stage.desk("writes").await.len() > written, "it carried on");
    });
}
