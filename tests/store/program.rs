//! The built program with its store in a bucket.

use std::process::{Command, Stdio};

use crate::emulators::{self, Bucket};
use crate::served::Served;
use crate::stage::{Ended, Stage};

/// Runs the program with its store in a bucket, reached as the environment says.
fn with(stage: &Stage, bucket: &Bucket, arguments: &[&str]) -> Command {
    let mut command = stage.command(arguments);
    command.args(["--store", &bucket.address]);
    if !arguments.contains(&"--sandbox") {
        command.args(["--sandbox", "tenant.json"]);
    }
    command.envs(bucket.options.iter().map(|(name, value)| (*name, value)));
    command
}

fn run(stage: &Stage, bucket: &Bucket, arguments: &[&str]) -> Ended {
    Ended::from(with(stage, bucket, arguments).output().unwrap())
}

const APPLY: [&str; 4] = ["apply", "--yes", "--allow", "defaults"];

/// Lives in a bucket as one would in a folder, and ends with nothing to do.
fn lives_in(bucket: &Bucket) {
    let stage = Stage::set();
    let missing = run(&stage, bucket, &["plan"]).with(8);
    assert!(missing.err.contains("--new-store"), "a bucket is not begun by itself: {}", missing.err);
    run(&stage, bucket, &["plan", "--new-store"]).with(0);
    run(&stage, bucket, &["plan"]).with(8);
    let apply: Vec<_> = APPLY.into_iter().chain(["--new-store"]).collect();
    run(&stage, bucket, &apply).with(0);
    run(&stage, bucket, &["plan", "--detailed-exitcode"]).with(0);
    let runs = run(&stage, bucket, &["runs"]).with(0);
    assert!(runs.out.contains("00000001"), "{}", runs.out);
    run(&stage, bucket, &["runs", "show", "1"]).with(0);
    let elsewhere = stage.run(&["runs", "--store", "none"]).with(0);
    assert_eq!(elsewhere.out, "No runs yet.\n");
}

/// Applies twice at once: one does it, the other is told who does.
fn two_at_once(bucket: &Bucket) {
    let stage = Stage::set();
    run(&stage, bucket, &["apply", "--new-store"]).with(6);
    let sandbox = Served::slow(&stage, "60");
    let apply: Vec<_> = APPLY.into_iter().chain(["--sandbox", &sandbox.url]).collect();
    let begin =
        || with(&stage, bucket, &apply).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let both = [begin(), begin()].map(|apply| Ended::from(apply.wait_with_output().unwrap()));
    let mut codes = both.each_ref().map(|ended| ended.code);
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(9)], "{both:#?}");
    let locked = both.iter().find(|ended| ended.code == Some(9)).unwrap();
    assert!(locked.err.contains("locked by ") && locked.err.contains("(process "), "{}", locked.err);
    run(&stage, bucket, &["plan", "--detailed-exitcode", "--sandbox", &sandbox.url]).with(0);
    let mut writes = sandbox.writes();
    let sent = writes.len();
    writes.sort();
    writes.dedup();
    assert_eq!((sent, writes.len()), (51, 51), "nothing is written twice");
}

#[tokio::test]
async fn azurite_keeps_what_a_folder_would() {
    if let Some(bucket) = emulators::azurite().await {
        lives_in(&bucket);
    }
}

#[tokio::test]
async fn s3_keeps_what_a_folder_would() {
    if let Some(bucket) = emulators::s3().await {
        lives_in(&bucket);
    }
}

#[tokio::test]
async fn of_two_applies_on_one_container_one_is_locked_out() {
    if let Some(bucket) = emulators::azurite().await {
        two_at_once(&bucket);
    }
}

#[tokio::test]
async fn of_two_applies_on_one_bucket_one_is_locked_out() {
    if let Some(bucket) = emulators::s3().await {
        two_at_once(&bucket);
    }
}

#[tokio::test]
async fn a_container_that_is_missing_is_named_with_what_to_do() {
    let Some(url) = emulators::named("INSIGHTCTL_TEST_AZURITE") else { return };
    let stage = Stage::set();
    for arguments in [&["plan"][..], &["apply", "--new-store", "--yes"]] {
        let ended = run(&stage, &emulators::azure(&url, "never-made"), arguments).with(8);
        assert!(ended.err.contains("there is no container or bucket"), "{}", ended.err);
        assert!(ended.err.contains("hint: create it first"), "{}", ended.err);
    }
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_named_with_what_to_do() {
    let Some(mut bucket) = emulators::s3().await else { return };
    bucket.address = "s3://never-made/prefix".to_owned();
    let ended = run(&Stage::set(), &bucket, &["plan"]).with(8);
    assert!(ended.err.contains("there is no container or bucket"), "{}", ended.err);
}

#[tokio::test]
async fn a_wrong_key_is_a_matter_of_permission_and_is_never_shown() {
    let Some(mut bucket) = emulators::azurite().await else { return };
    let wrong = "bm90IHRoZSBrZXkgb2YgdGhpcyBhY2NvdW50";
    for (name, value) in &mut bucket.options {
        if *name == "AZURE_STORAGE_ACCOUNT_KEY" {
            wrong.clone_into(value);
        }
    }
    let ended = run(&Stage::set(), &bucket, &["plan", "-vvv"]).with(4);
    assert!(ended.err.contains("not allowed to read"), "{}", ended.err);
    assert!(!ended.err.contains(wrong) && !ended.out.contains(wrong), "{}", ended.err);
}

#[test]
fn a_bucket_that_does_not_answer_is_reading_that_is_incomplete() {
    let bucket = emulators::azure("http://127.0.0.1:9", "state");
    let ended = run(&Stage::set(), &bucket, &["plan"]).with(8);
    assert!(ended.err.contains("the store does not answer"), "{}", ended.err);
}

#[test]
fn http_is_for_this_machine_alone() {
    let bucket = emulators::azure("http://storage.invalid", "state");
    let ended = run(&Stage::set(), &bucket, &["plan"]);
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.contains("URL scheme is not allowed"), "{}", ended.err);
}
