//! Throws damaged input at everything that reads: nothing panics, nothing eats memory, every refusal names its place.
//!
//! Each target runs in a process of its own, so that its memory can be measured and it can be stopped. `FUZZ_SECONDS`
//! says for how long (default: 1), `FUZZ_SEED` makes another series. What is found is written to
//! `target/fuzz/TARGET-HASH`; moved to `tests/fuzz/found/TARGET`, it is tried first on every run.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop at its first surprise; this one measures real time and starts itself again"
)]

mod csv;
mod drive;
mod guardian;
mod http;
mod journal;
mod located;
mod manifest;
mod mutate;
mod plan;
mod program;
mod waiver;

use drive::in_a_process_of_its_own;

#[test]
fn no_manifest_makes_it_stumble() {
    in_a_process_of_its_own("no_manifest_makes_it_stumble", manifest::target);
}

#[test]
fn no_list_of_people_makes_it_stumble() {
    in_a_process_of_its_own("no_list_of_people_makes_it_stumble", csv::target);
}

#[test]
fn no_answer_of_a_service_makes_it_stumble() {
    in_a_process_of_its_own("no_answer_of_a_service_makes_it_stumble", http::target);
}

#[test]
fn no_store_makes_it_stumble() {
    in_a_process_of_its_own("no_store_makes_it_stumble", journal::target);
}

#[test]
fn no_plan_makes_it_stumble() {
    in_a_process_of_its_own("no_plan_makes_it_stumble", plan::target);
}

#[test]
fn no_waiver_makes_it_stumble() {
    in_a_process_of_its_own("no_waiver_makes_it_stumble", waiver::target);
}
