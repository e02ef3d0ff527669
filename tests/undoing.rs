//! Undoes runs of the built program, in every world of the sandbox.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

mod stage;

use stage::Stage;

/// Is the program in one world, at moments that the test chooses.
struct World {
    stage: Stage,
    world: &'static str,
}

impl World {
    fn new(world: &'static str) -> Self {
        Self { stage: Stage::set(), world }
    }

    /// Runs a command at an hour of the day, and gives what it printed.
    #[track_caller]
    fn at(&self, hour: u32, arguments: &[&str], code: i32) -> String {
        let now = format!("2026-03-02T{hour:02}:00:00Z");
        let tenant = ["--sandbox", "tenant.json", "--now", &now, "--sandbox-world", self.world];
        self.stage.run(&[arguments, &tenant].concat()).with(code).out
    }
}

const WORLDS: [&str; 4] = ["", "opt-out-flags=off", "opt-in-flags=on", "noop=ignored"];
const CONSENT: [&str; 4] = ["--yes", "--quiet", "--allow", "defaults"];

#[test]
fn people_who_did_nothing_get_back_exactly_what_they_had() {
    for world in WORLDS {
        let world = World::new(world);
        let before = world.at(8, &["export", "--format", "csv"], 0);
        world.at(9, &[&["apply"][..], &CONSENT].concat(), 0);
        assert_ne!(world.at(10, &["export", "--format", "csv"], 0), before, "{}", world.world);
        // Who lost the service plan is opted in again once it is there.
        for hour in [11, 13] {
            world.at(hour, &[&["rollback", "1"][..], &CONSENT].concat(), 0);
        }
        assert_eq!(world.at(15, &["export", "--format", "csv"], 0), before, "{}", world.world);
        let next = world.at(16, &["plan", "--detailed-exitcode"], 0);
        assert!(next.contains("rolled-back"), "{next}");
    }
}

#[test]
fn a_rollback_that_is_undone_leaves_things_as_the_run_had() {
    let world = World::new("");
    let council = "version: 1\ntenant: { id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 }\nstore: file:.insightctl\n\
        groups: [ { name: council, mode: opt-out, members: [ { user: ines@contoso.com }, { user: olu@contoso.com } ] } ]\n";
    std::fs::write(world.stage.path().join("insights.yaml"), council).unwrap();
    world.at(9, &[&["apply"][..], &CONSENT].concat(), 0);
    let after = world.at(10, &["export", "--format", "csv"], 0);
    world.at(11, &[&["rollback", "1"][..], &CONSENT].concat(), 0);
    assert_ne!(world.at(12, &["export", "--format", "csv"], 0), after);
    world.at(13, &[&["rollback", "2"][..], &CONSENT].concat(), 0);
    assert_eq!(world.at(14, &["export", "--format", "csv"], 0), after);
    let next = world.at(15, &["plan", "--detailed-exitcode"], 0);
    assert!(next.contains("in-sync") && !next.contains("rolled-back"), "{next}");
}

#[test]
fn once_the_manifest_changes_what_was_undone_is_done_again() {
    let world = World::new("");
    world.at(9, &[&["apply"][..], &CONSENT].concat(), 0);
    world.at(11, &[&["rollback", "1"][..], &CONSENT].concat(), 0);
    world.at(12, &["plan", "--detailed-exitcode"], 0);
    let manifest = world.stage.path().join("insights.yaml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, format!("{text}# after all\n")).unwrap();
    world.at(13, &["plan", "--detailed-exitcode"], 2);
    world.at(14, &[&["apply"][..], &CONSENT].concat(), 0);
    world.at(16, &["plan", "--detailed-exitcode"], 0);
}
