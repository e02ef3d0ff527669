//! Starting PowerShell, and letting go of it.

use std::time::Duration;

use insightctl::microsoft::{Ask, Shell, Transport, look_for_powershell};
use insightctl::model::RefusalKind;

use crate::company::Company;
use crate::stage::{Ended, Stage};

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let company = Company::of(1).await;
    let refusal = company.refusal(Shell::new("/nowhere/pwsh")).await;
    assert_eq!(refusal.kind, RefusalKind::NoShell);
    insta::assert_snapshot!(refusal, @"PowerShell could not be started as `/nowhere/pwsh`: No such file or directory (os error 2)");
}

#[test]
fn a_program_that_the_surroundings_name_is_for_tenants_and_never_for_the_sandbox() {
    let stage = Stage::set();
    let run = |arguments: &[&str]| {
        let mut command = stage.command(arguments);
        command.env_clear().env("CI", "true").env("INSIGHTCTL_PWSH", "/nowhere/named");
        Ended::from(command.output().unwrap())
    };
    let sandbox = ["plan", "--sandbox", "tenant.json", "--transport", "powershell"];
    run(&sandbox).with(0);
    let typed = run(&[&sandbox[..], &["--pwsh", "/nowhere/typed"]].concat());
    assert!(typed.err.contains("could not be started as `/nowhere/typed`"), "{}", typed.err);
    let told = |ended: Ended| ended.out + &ended.err;
    let tenant = told(run(&["doctor"]));
    assert!(tenant.contains("could not be started as `/nowhere/named`"), "{tenant}");
    let typed = told(run(&["doctor", "--pwsh", "/nowhere/typed"]));
    assert!(typed.contains("could not be started as `/nowhere/typed`"), "{typed}");
}

#[tokio::test]
async fn a_module_that_is_missing_or_too_old_is_told() {
    let company = Company::of(1).await;
    let told = async |module| company.refusal(company.shell(&["--module", module])).await;
    insta::assert_snapshot!(told("none").await, @"PowerShell has no module ExchangeOnlineManagement, and version 3.2.0 or later is needed");
    insta::assert_snapshot!(told("3.1.0").await, @"the module ExchangeOnlineManagement of PowerShell is version 3.1.0, and 3.2.0 or later is needed");
    assert_eq!(told("2.0.5").await.kind, RefusalKind::NoShell);
}

#[tokio::test]
async fn powershell_is_looked_for_without_asking_any_service() {
    let company = Company::of(1).await;
    let versions = look_for_powershell(&company.shell(&[])).await.unwrap();
    assert_eq!((versions.powershell.as_str(), versions.module.as_str()), ("7.4.6", "3.7.1"));
    let none = look_for_powershell(&company.shell(&["--module", "none"])).await.unwrap_err();
    assert_eq!(none.kind, RefusalKind::NoShell);
    assert!(company.sandbox.requests().is_empty());
}

#[tokio::test]
async fn whoever_asks_for_no_settings_needs_no_powershell() {
    let company = Company::of(1).await;
    let writer = company.connect(Transport::PowerShell(Shell::new("/nowhere/pwsh"))).await.unwrap();
    let ask = Ask { settings: false, tenant_settings: false, count_people: true };
    let people = company.people.iter().map(|(id, _)| *id).collect();
    assert_eq!(writer.reader().observe(&people, ask).await.unwrap().people.len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_powershell_that_ends_at_once_is_tried_three_times_and_quoted() {
    let company = Company::of(1).await;
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    let mut shell = Shell::new("/bin/sh");
    let script = format!("echo once >> '{}'; echo 'no such library' >&2; exit 3", starts.display());
    shell.arguments = vec!["-c".into(), script.into()];
    let refusal = company.refusal(shell).await;
    assert_eq!(refusal.kind, RefusalKind::NoShell);
    assert!(refusal.message.contains("lost before it was ready"), "{refusal}");
    assert!(refusal.message.contains("no such library"), "{refusal}");
    assert_eq!(std::fs::read_to_string(starts).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn a_powershell_that_never_says_hello_is_given_up() {
    let company = Company::of(1).await;
    let mut shell = company.shell(&["--mute"]);
    shell.start_within = Duration::from_millis(300);
    let refusal = company.refusal(shell).await;
    assert_eq!(refusal.kind, RefusalKind::NoShell);
    assert!(refusal.message.contains("was not ready after"), "{refusal}");
}

/// Starts the stand-in by way of a script that writes down its processes.
#[cfg(target_os = "linux")]
fn noted(company: &Company, notes: &std::path::Path) -> Shell {
    let plain = company.shell(&[]);
    let mut shell = Shell::new("/bin/sh");
    let script = r#"echo $$ >> "$0"; exec "$@""#;
    shell.arguments = vec!["-c".into(), script.into(), notes.into(), plain.program.into()];
    shell.arguments.extend(plain.arguments);
    shell
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn there_is_one_worker_until_work_waits_never_more_than_five_and_none_afterwards() {
    use crate::company::gone;

    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("processes");
    let processes =
        || -> Vec<String> { std::fs::read_to_string(&notes).unwrap().lines().map(str::to_owned).collect() };
    let company = Company::of(120).await;
    let writer = company.connect(Transport::PowerShell(noted(&company, &notes))).await.unwrap();
    let first = writer.reader().people_settings(&company.people[..1]).await;
    assert!(first[0].known().is_some());
    assert_eq!(processes().len(), 1);
    assert!(company.read(&writer).await.iter().all(|read| read.known().is_some()));
    let many = processes().len();
    assert!((2..=5).contains(&many), "{many}");
    // Let go of politely, and it goes on when it is asked again.
    writer.reader().close().await;
    for process in processes() {
        gone(&process).await;
    }
    assert!(company.read(&writer).await.iter().all(|read| read.known().is_some()));
    assert!(processes().len() > many);
    // Let go of in a hurry.
    drop(writer);
    for process in processes() {
        gone(&process).await;
    }
}
