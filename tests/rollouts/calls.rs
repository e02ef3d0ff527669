//! Whoever waits for a wave costs nothing, and nobody's settings are read twice.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use jiff::SignedDuration;

use crate::stage::{Stage, TENANT, noon, upn};

const PEOPLE: usize = 12;

/// Names three groups of four people, each of which wants an opt-out.
fn groups() -> String {
    let members = |people: std::ops::Range<usize>| {
        let people: Vec<_> = people.map(|who| format!("{{ user: {} }}", upn(who))).collect();
        people.join(", ")
    };
    let group = |name: &str, people| {
        format!("  - {{ name: {name}, mode: opt-out, members: [ {} ] }}\n", members(people))
    };
    let groups = [group("pilot", 0..4), group("sales", 4..8), group("rest", 8..12)];
    format!("groups:\n{}", groups.concat())
}

/// Is a folder with a manifest, and a sandbox that the built program finds.
struct Office {
    stage: Stage,
    folder: tempfile::TempDir,
}

impl Office {
    async fn new(rollout: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let head = format!("version: 1\ntenant: {{ id: {TENANT}, name: contoso.onmicrosoft.com }}\n");
        let text = format!("{head}{}rollout:\n{rollout}", groups());
        fs::write(folder.path().join("insights.yaml"), text).unwrap();
        Self { stage: Stage::at(0, PEOPLE, [true; 3]).await, folder }
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_insightctl"));
        command.args(arguments).args(["--now", &self.stage.clock.now().to_string(), "--no-progress"]);
        command.args(["--sandbox", self.stage.sandbox.url()]).current_dir(self.folder.path());
        for name in ["INSIGHTCTL_SANDBOX", "INSIGHTCTL_NOW"] {
            command.env_remove(name);
        }
        command.env("CI", "true").stdin(Stdio::null());
        let ended = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = format!("{}{}", text(&ended.stdout), text(&ended.stderr));
        assert!(ended.status.success(), "{said}");
        said
    }

    /// Applies everything.
    async fn apply(&self) {
        self.run(&["apply", "--yes", "--allow", "opt-out"]).await;
    }

    /// Plans on a day; gives how often each person's settings were read.
    async fn read_on(&self, day: i64) -> BTreeMap<String, usize> {
        self.stage.clock.advance(noon(day).duration_since(self.stage.clock.now()));
        self.stage.sandbox.play("faults: []").unwrap();
        self.run(&["plan"]).await;
        let mut read = BTreeMap::new();
        for call in self.stage.sandbox.calls() {
            // A batch is told with all that its items are about, and these by themselves again.
            let once = call.item || !call.path.ends_with("$batch");
            if once && call.cmdlets.iter().any(|name| name == "Get-MyAnalyticsFeatureConfig") {
                for person in call.people {
                    *read.entry(person).or_default() += 1;
                }
            }
        }
        read
    }
}

fn once(people: std::ops::Range<usize>) -> BTreeMap<String, usize> {
    people.map(|who| (upn(who), 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_dates_alone_decide_nobody_who_waits_is_read_and_nobody_twice() {
    let office = Office::new(
        "  waves:
    - { name: pilot, groups: [ pilot ], starts: 2026-02-02, runs-for: 45 days }
    - { name: half, groups: [ sales ], starts: 2026-02-05, canary: 50%, approved: true }
    - { name: sales, groups: [ sales ], after: pilot }
    - { name: rest, groups: [ rest ], after: sales, approved: false }
",
    )
    .await;
    assert_eq!(office.read_on(0).await, once(0..0));
    assert_eq!(office.read_on(1).await, once(0..4));
    let canary = office.read_on(4).await;
    assert!(canary.len() < 8 && canary.values().all(|times| *times == 1), "{canary:?}");
    assert!(once(0..4).keys().all(|upn| canary.contains_key(upn)), "{canary:?}");
    assert_eq!(office.read_on(60).await, once(0..8));
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_have_those_read_in_addition_who_come_into_force() {
    let office = Office::new(
        "  waves:
    - { name: pilot, groups: [ pilot ], starts: 2026-02-01, runs-for: 45 days }
    - { name: sales, groups: [ sales ], after: pilot, runs-for: 10 days, when: { converged: 95% } }
    - { name: rest, groups: [ rest ], after: sales, when: { converged: 95% } }
",
    )
    .await;
    // Before the pilot's time is over, nothing is asked.
    assert_eq!(office.read_on(1).await, once(0..4));
    // Nobody was opted out yet, so the gate is shut.
    assert_eq!(office.read_on(50).await, once(0..4));
    office.apply().await;
    office.stage.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(office.read_on(51).await, once(0..8), "the pilot, and whom its success brings into force");
    // The gate stays open in the ledger, so that the pilot is not measured for it again.
    office.apply().await;
    assert_eq!(office.read_on(53).await, once(0..8));
    assert_eq!(office.read_on(62).await, once(0..PEOPLE));
}
