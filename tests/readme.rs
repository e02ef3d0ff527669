//! Keeps the README's promises: what it tells a newcomer to type works, and does what it says.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

use std::fs;

mod stage;

use stage::{Ended, Stage};

const README: &str = include_str!("../README.md");

/// Gives the commands of the console blocks below a heading, without their prompts.
fn commands(heading: &str) -> Vec<&'static str> {
    let (_, below) = README.split_once(&format!("## {heading}\n")).unwrap();
    let section = below.split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("$ ")).collect()
}

#[test]
fn the_first_command_prints_a_plan_with_operations() {
    let first = commands("Try it")[0];
    let arguments = first.strip_prefix("cargo run -- ").unwrap();
    let arguments: Vec<_> = arguments.split(' ').collect();
    let stage = Stage::set();
    // It is typed at the repository's root, and names the example from there.
    let mut command = stage.command(&arguments);
    let plan = command.current_dir(stage.path().join("../..")).output().unwrap();
    let plan = Ended::from(plan).with(0).out;
    assert!(plan.starts_with("Plan for Contoso Ltd."), "{plan}");
    assert!(plan.contains("\nStep 1: "), "{plan}");
}

#[test]
fn every_command_of_the_tour_ends_as_its_comment_says() {
    let tour: Vec<_> =
        commands("Try it").into_iter().filter_map(|line| line.strip_prefix("insightctl ")).collect();
    assert!(tour.len() >= 5, "{tour:?}");
    let stage = Stage::set();
    for step in tour {
        let (arguments, comment) = step.split_once('#').unwrap();
        let code =
            comment.trim().strip_prefix("exits with ").unwrap_or_else(|| panic!("no exit code: {step}"));
        let code: i32 = code.split([':', ' ']).next().unwrap().parse().unwrap();
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        stage.run(&arguments).with(code);
    }
}

#[test]
fn after_the_tour_ada_is_left_alone() {
    let tour = commands("Try it");
    let played = tour.iter().any(|line| line.contains("sandbox person ada@contoso.com --mode opt-out"));
    assert!(played && tour.last().unwrap().contains("explain ada@contoso.com"), "{tour:?}");
}

#[test]
fn the_second_command_is_the_one_that_guards_every_change() {
    assert_eq!(commands("Run the tests"), ["cargo test --locked"]);
    let guard = fs::read_to_string(".ci/run").unwrap();
    assert!(guard.contains(r"sed -n 's/^\$ \(cargo test.*\)$/\1/p' README.md"), "{guard}");
    let cargo: Vec<_> = README.lines().filter(|line| line.starts_with("$ cargo ")).collect();
    assert_eq!(cargo.len(), 2, "a newcomer types two commands: {cargo:?}");
}

#[test]
fn its_pipeline_applies_what_was_reviewed() {
    let (_, below) = README.split_once("## In a pipeline\n").unwrap();
    let block = below.split("```").nth(1).unwrap();
    let stage = Stage::set();
    let mut steps = 0;
    for step in block.lines().filter_map(|line| line.strip_prefix("insightctl ")) {
        let typed = step.split(" #").next().unwrap();
        let quoted: Vec<_> = typed.split('"').collect();
        let words = quoted
            .iter()
            .enumerate()
            .flat_map(|(at, part)| if at % 2 == 1 { vec![*part] } else { part.split_whitespace().collect() });
        stage.run(&words.chain(["--sandbox", "tenant.json"]).collect::<Vec<_>>()).with(0);
        steps += 1;
    }
    assert_eq!(steps, 4);
    assert!(fs::read_to_string(stage.path().join("results.csv")).unwrap().contains(",done,"));
}

#[test]
fn its_manifest_is_valid() {
    let (_, yaml) = README.split_once("```yaml\n").unwrap();
    let stage = Stage::set();
    fs::write(stage.path().join("readme.yaml"), yaml.split("```").next().unwrap()).unwrap();
    fs::write(stage.path().join("people/pilot.csv"), "UserPrincipalName\nada@contoso.com\n").unwrap();
    stage.run(&["validate", "--file", "readme.yaml", "--strict"]).with(0);
}

#[test]
fn every_command_that_it_lists_exists_and_none_is_missing() {
    let (_, table) = README.split_once("| command | what it does |\n|---|---|\n").unwrap();
    let listed: Vec<_> = table.lines().take_while(|line| line.starts_with("| `")).collect();
    let name = |line: &&'static str| line.split('`').nth(1).unwrap().split(' ').next().unwrap();
    // Some commands have commands of their own, each with its line.
    let listed: Vec<_> = listed.iter().map(name).collect();
    let stage = Stage::set();
    let help = stage.run(&["--help"]).with(0).out;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let mut commands: Vec<_> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    commands.retain(|name| *name != "help");
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.dedup();
        names.join(" ")
    };
    assert_eq!(sorted(listed), sorted(commands));
}
