//! Holds scripts against PowerShell's grammar, where there is no PowerShell to run them.

use tree_sitter::{Node, Parser};

/// Runs what a text says, whoever wrote the text.
const RUNS_TEXT: [&str; 9] = [
    "invoke-expression",
    "iex",
    "invoke-command",
    "icm",
    "add-type",
    "start-process",
    "start-job",
    "invoke-item",
    "set-alias",
];
/// The same, as methods.
const METHODS: [&str; 6] =
    ["create", "newscriptblock", "invokescript", "expandstring", "addscript", "invoke"];
/// Reads all of standard input before the first line runs; and a door to the engine.
const VARIABLES: [&str; 2] = ["$input", "$executioncontext"];

/// Lists what is wrong with a script: what is not PowerShell, and whatever could run text as a program.
pub(crate) fn mistakes(script: &str) -> Vec<String> {
    let mut mistakes = Vec::new();
    walk(script, &mut |node, text| {
        let text = text.to_lowercase();
        let wrong = if node.is_error() {
            "cannot be read"
        } else if node.is_missing() {
            "something is missing"
        } else {
            match node.kind() {
                "command_invokation_operator" => "runs what a value names",
                "command_name" if text.contains('$') => "runs what a value names",
                "command_name" if RUNS_TEXT.contains(&text.as_str()) => "runs a text",
                "member_name" if is_called(node) && METHODS.contains(&text.as_str()) => "runs a text",
                "variable" if VARIABLES.contains(&text.as_str()) => "is not for scripts of ours",
                _ => return,
            }
        };
        mistakes.push(told(node, wrong, &text));
    });
    mistakes
}

/// Lists the texts of a script into which values are put.
pub(crate) fn interpolations(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(script, &mut |node, text| {
        let expandable =
            matches!(node.kind(), "expandable_string_literal" | "expandable_here_string_literal");
        if expandable && node.named_child_count() > 0 {
            found.push(told(node, "puts a value into a text", text));
        }
    });
    found
}

/// Says whether a member's name is that of a method that is called.
fn is_called(name: Node<'_>) -> bool {
    name.parent().is_some_and(|parent| parent.kind() == "invokation_expression")
}

fn told(node: Node<'_>, wrong: &str, text: &str) -> String {
    let line = node.start_position().row + 1;
    let first: String = text.lines().next().unwrap_or_default().chars().take(60).collect();
    format!("line {line}: {wrong}: {first}")
}

fn walk(script: &str, visit: &mut dyn FnMut(Node<'_>, &str)) {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    let tree = parser.parse(script, None).unwrap();
    let mut nodes = vec![tree.root_node()];
    while let Some(node) = nodes.pop() {
        visit(node, node.utf8_text(script.as_bytes()).unwrap());
        let mut cursor = node.walk();
        let mut children: Vec<_> = node.children(&mut cursor).collect();
        children.reverse();
        nodes.extend(children);
    }
}

/// Is what every worker runs.
const WORKER: &str = include_str!("../../src/microsoft/insights/powershell/worker.ps1");

#[test]
fn the_worker_is_powershell_that_runs_no_text() {
    assert_eq!(mistakes(WORKER), [""; 0]);
    assert_eq!(interpolations(WORKER), [""; 0]);
    assert!(WORKER.is_ascii(), "Windows PowerShell reads a script without a mark in a code page");
}

#[test]
fn the_worker_calls_each_of_the_four_cmdlets_by_its_name_and_no_other() {
    let mut called = Vec::new();
    walk(WORKER, &mut |node, text| {
        if node.kind() == "command_name" && text.contains("MyAnalytics") {
            called.push(text.to_owned());
        }
    });
    called.sort();
    let noun = ["DefaultTenantMyAnalyticsFeatureConfig", "MyAnalyticsFeatureConfig"];
    let named: Vec<String> =
        ["Get", "Set"].iter().flat_map(|verb| noun.map(|noun| format!("{verb}-{noun}"))).collect();
    assert_eq!(called, named);
}

#[test]
fn what_would_run_a_text_is_noticed() {
    for script in [
        "Invoke-Expression $x",
        "iex \"a $x\"",
        "& $x @y",
        "& 'Get-X' -A 1",
        ". $x",
        "Get-$x -A 1",
        "[scriptblock]::Create($x)",
        "$x.Invoke()",
        "$a = $ExecutionContext.InvokeCommand.InvokeScript($x)",
        "$input | ForEach-Object { $_ }",
        "if ($x {",
        "Get-X -A (",
        "switch ($x) { 'a' { Get-X }",
    ] {
        assert!(!mistakes(script).is_empty(), "{script}");
    }
    assert_eq!(mistakes("$splat = @{ A = 1 }\nGet-X @splat -B 'it''s `$x' | Out-Null"), [""; 0]);
    assert_eq!(interpolations("'a $x'; \"a `$x`n\""), [""; 0]);
    assert_eq!(interpolations("\"a $x\"; \"$($x.y)\"; @\"\n$x\n\"@").len(), 3);
}
