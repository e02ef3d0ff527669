//! Consents in writing, for the tests that carry out a saved plan.

use std::fs;

use crate::stage::Stage;

/// Consents in writing to classes of change in the saved plan, and gives the file to `apply --waiver`.
pub(crate) fn waive(stage: &Stage, classes: &[&str]) -> &'static str {
    let waiver = stage.path().join("waiver.yaml");
    if waiver.exists() {
        fs::remove_file(waiver).unwrap();
    }
    let classes = classes.iter().flat_map(|class| ["--class", class]);
    let line = ["waive", "plan.json", "--reason", "a test"];
    stage.run(&line.into_iter().chain(classes).collect::<Vec<_>>()).with(0);
    "waiver.yaml"
}
