//! The script of every plan is PowerShell, whatever people, groups and tenants are called.

use std::collections::BTreeSet;
use std::fs;

use insightctl::apply::{Bounds, Handover, Skipped, Step};
use insightctl::plan::{Because, Phase, Plan, Target};
use insightctl::render;

use crate::grammar::{Words, code};
use crate::powershell;
use crate::stage::Stage;

/// Are names that end strings, comments and lines, or run something, where a script takes them for its own words.
const NAMES: [&str; 22] = [
    "o'neil",
    "\u{2018}\u{2019}\u{201a}\u{201b}curly",
    "\u{201c}\u{201d}\u{201e}double\"",
    "$(Remove-Item x)",
    "${env:USER} $x",
    "`n`0`\"`$",
    "'@\n'@",
    "@'\nhere",
    "\"@\n@\"",
    "#> ; Remove-Item x <#",
    "<# open",
    "two\nlines\r\nthree",
    "line\u{2028}para\u{2029}next\u{85}end",
    "; Remove-Item x",
    "| Out-Null",
    "&{ Remove-Item x }",
    "{{HEADER}}{{PLAN}}{{STEPS}}",
    "\u{1f468}\u{200d}\u{1f4bb} emoji",
    "\u{202e}turned",
    "--% -WhatIf:$false",
    "nul\0nul",
    "\u{2014}\u{2013}Identity everyone",
];

/// Lists what is no PowerShell in a script, or could run a text; the mark at its beginning is no part of the text.
fn mistakes(script: &str) -> Vec<String> {
    powershell::mistakes(script.trim_start_matches('\u{feff}'))
}

const BOUNDS: Bounds =
    Bounds { not_after: jiff::Timestamp::UNIX_EPOCH, may_move: 3, cloud: insightctl::model::Cloud::GccHigh };

fn written(plan: &Plan, left_out: &Skipped) -> (String, String) {
    let handover = Handover::of(plan, left_out, BOUNDS);
    let (mut data, mut script) = (Vec::new(), Vec::new());
    let fingerprint = render::handover::data(&mut data, handover.steps()).unwrap();
    render::handover::script(&mut script, &handover, &fingerprint).unwrap();
    (String::from_utf8(data).unwrap(), String::from_utf8(script).unwrap())
}

/// Plans for the example.
fn example() -> Plan {
    let stage = Stage::set();
    stage.run(&["plan", "--out", "plan.json", "--sandbox", "tenant.json"]).with(0);
    serde_json::from_slice(&fs::read(stage.path().join("plan.json")).unwrap()).unwrap()
}

fn called(plan: &Plan, name: &str) -> Plan {
    let mut plan = plan.clone();
    plan.basis.tenant_name = name.into();
    for operation in &mut plan.operations {
        if let Target::Person(person) = &mut operation.target {
            person.upn = format!("{name}@contoso.com").into();
            person.group = name.into();
        }
        for licence in &mut operation.licences {
            licence.name = name.into();
        }
    }
    plan
}

#[test]
fn the_script_is_powershell_and_holds_the_plan_its_tenant_and_the_hash_of_its_steps() {
    let plan = example();
    let (data, script) = written(&plan, &Skipped::default());
    assert_eq!(mistakes(&script), [""; 0]);
    assert!(script.starts_with('\u{feff}'), "Windows PowerShell takes it for another encoding otherwise");
    for told in [
        format!("$PlanHash = '{}'", plan.hash),
        format!("$TenantId = '{}'", plan.basis.tenant),
        "$NotAfter = '1970-01-01T00:00:00Z'".to_owned(),
        "$MayMove = 3\n".to_owned(),
        "$ExchangeCloud = 'O365USGovGCCHigh'".to_owned(),
        "$GraphCloud = 'USGov'".to_owned(),
        format!("$StepCount = {}\n", data.lines().count()),
    ] {
        assert!(script.contains(&told), "{told}");
    }
    let hash = sha(data.as_bytes());
    assert!(script.contains(&format!("$StepsHash = '{hash}'")), "{hash}");
    assert!(!script.contains("{{") && !script.contains("}}"), "everything is filled in");
}

fn sha(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// Lists what the script may call besides what it defines: reading and writing the settings, and PowerShell's own.
const CALLS: [&str; 32] = [
    "confirm-module",
    "connect-exchangeonline",
    "connect-mggraph",
    "convertfrom-json",
    "convertto-json",
    "foreach-object",
    "get-connectioninformation",
    "get-content",
    "get-defaulttenantmyanalyticsfeatureconfig",
    "get-filehash",
    "get-location",
    "join-path",
    "get-myanalyticsfeatureconfig",
    "set-myanalyticsfeatureconfig",
    "set-defaulttenantmyanalyticsfeatureconfig",
    "invoke-mggraphrequest",
    "get-item",
    "get-mgcontext",
    "get-module",
    "import-csv",
    "import-module",
    "measure-object",
    "new-object",
    "remove-item",
    "select-object",
    "sort-object",
    "start-sleep",
    "test-path",
    "where-object",
    "write-output",
    "write-progress",
    "write-warning",
];

/// Lists PowerShell's own variables that the script reads.
const AUTOMATIC: [&str; 6] = ["_", "true", "false", "null", "psitem", "args"];

#[test]
fn the_script_calls_what_it_defines_or_names_and_nothing_else() {
    let (_, script) = written(&example(), &Skipped::default());
    let Words { calls, defines, variables: _ } = Words::of(&script);
    let strange: Vec<_> =
        calls.iter().filter(|call| !defines.contains(*call) && !CALLS.contains(&call.as_str())).collect();
    assert_eq!(strange, [""; 0], "{defines:?}");
    let unused: Vec<_> = defines.iter().filter(|name| !calls.contains(*name)).collect();
    assert_eq!(unused, [""; 0], "what is defined is called");
    // What is called by its name, and what is asked for by it, are the same five.
    let named = script.split("Invoke-Patiently '").skip(1).map(|rest| rest.split('\'').next().unwrap());
    let named: BTreeSet<_> = named.collect();
    let named: BTreeSet<_> = named.iter().map(|name| name.to_ascii_lowercase()).collect();
    let writes = |call: &&String| call.contains("myanalytics") || call.contains("mggraphrequest");
    assert_eq!(calls.iter().filter(writes).cloned().collect::<BTreeSet<_>>(), named);
    assert_eq!(named.len(), 5);
}

#[test]
fn no_variable_of_the_script_is_mentioned_only_once() {
    let (_, script) = written(&example(), &Skipped::default());
    let once: Vec<_> = Words::of(&script).variables.into_iter().filter(|(_, times)| *times == 1).collect();
    let once: Vec<_> =
        once.iter().map(|(name, _)| name.as_str()).filter(|name| !AUTOMATIC.contains(name)).collect();
    assert_eq!(once, ["confirmpreference", "erroractionpreference"], "a slip of the fingers");
}

#[test]
fn every_outcome_that_the_script_writes_can_be_recorded() {
    let (_, script) = written(&example(), &Skipped::default());
    let rows = script.lines().flat_map(|line| line.split("Add-Row $Step $").skip(1));
    let outcomes: BTreeSet<_> = rows.filter_map(|row| row.split('\'').nth(1)).collect();
    let known = |word: &&str| word.parse::<insightctl::model::StepEnding>().is_ok();
    let others: Vec<_> = outcomes.iter().filter(|word| !known(word)).collect();
    assert_eq!(others, [&"would-write"], "which stands in no file: {outcomes:?}");
    assert_eq!(outcomes.len(), insightctl::model::StepEnding::ALL.len() + 1);
    let columns = script.split("$Columns = ").nth(1).unwrap().split("\n\n").next().unwrap();
    let columns: Vec<_> = columns.split('\'').skip(1).step_by(2).collect();
    assert_eq!(columns, crate::script::COLUMNS);
}

#[test]
fn no_name_reaches_what_is_run() {
    let plan = example();
    let harmless = code(&written(&called(&plan, "plain"), &Skipped::default()).1);
    for name in NAMES {
        let (data, script) = written(&called(&plan, name), &Skipped::default());
        assert_eq!(mistakes(&script), [""; 0], "{name:?}");
        // The steps differ, and so does their hash; nothing else that is run.
        let hash = |text: &str| {
            let (before, rest) = text.split_once("$StepsHash = '").unwrap();
            format!("{before}{}", &rest[64..])
        };
        assert_eq!(hash(&code(&script)), hash(&harmless), "{name:?}");
        for line in data.lines() {
            let step: serde_json::Value = serde_json::from_str(line).unwrap();
            let group = step["group"].as_str().unwrap();
            assert!(group == name || group == "tenant", "it reads back as it is: {group:?}");
        }
        assert_eq!(data.lines().count(), written(&plan, &Skipped::default()).0.lines().count(), "{name:?}");
    }
}

#[test]
fn a_plan_of_nothing_and_one_of_defaults_alone_are_powershell_too() {
    let plan = example();
    let mut defaults = plan.clone();
    defaults.operations.retain(|operation| matches!(operation.target, Target::Tenant(_)));
    let mut nothing = plan.clone();
    nothing.operations.clear();
    for plan in [defaults, nothing] {
        let (_, script) = written(&plan, &Skipped::default());
        assert_eq!(mistakes(&script), [""; 0]);
        assert!(script.contains("$LicenceSteps = 0\n"));
    }
}

#[test]
fn steps_follow_the_order_of_the_plan_and_name_each_operation_once() {
    let plan = example();
    let handover = Handover::of(&plan, &Skipped::default(), BOUNDS);
    let steps: Vec<Step> = handover.steps().map(Result::unwrap).collect();
    let phases: Vec<Phase> = steps.iter().map(|step| step.phase).collect();
    assert!(phases.is_sorted(), "{phases:?}");
    let numbers = steps.iter().flat_map(|step| &step.operations).map(|operation| operation.number);
    assert!(numbers.eq(1..=plan.operations.len() as u64));
    for step in &steps {
        for operation in &step.operations {
            assert_eq!(operation.leaves.last(), Some(&operation.to).filter(|_| !step.calls.is_empty()));
        }
    }
    assert!(steps.iter().any(|step| step.opted_out_first), "a plan goes only after the opt-out shows");
}

#[test]
fn a_pin_that_is_left_out_holds_its_default_back() {
    let plan = example();
    let pin = plan.operations.iter().find(|operation| operation.because == Because::Pinned).unwrap();
    let Target::Person(person) = &pin.target else { panic!("a pin is a person's") };
    let why = insightctl::apply::Why::Protected;
    let left_out = Skipped { people: [(person.id, why)].into(), ..Skipped::default() };
    let handover = Handover::of(&plan, &left_out, BOUNDS);
    let steps: Vec<Step> = handover.steps().map(Result::unwrap).collect();
    assert!(steps.iter().all(|step| step.id != Some(person.id)), "nothing is done for who is protected");
    let held = steps.iter().filter(|step| step.held).count();
    assert!(held > 0, "their value would go with the default");
    let (_, script) = written(&plan, &left_out);
    assert!(
        script.contains("# Left out of it: 1 person no longer as planned, or protected by now."),
        "{script}"
    );
}
