//! Reads PowerShell by its grammar, and lists what is none.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::{Node, Parser};

/// Lists the places of a script that are no PowerShell: line, and the text there.
pub(crate) fn mistakes(script: &str) -> Vec<String> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    // The mark at the beginning says how the bytes are to be read; it is no part of the text.
    let script = script.trim_start_matches('\u{feff}');
    let tree = parser.parse(script, None).unwrap();
    let mut found = Vec::new();
    look(tree.root_node(), script, &mut found);
    found
}

fn look(node: Node<'_>, script: &str, found: &mut Vec<String>) {
    if node.is_error() || node.is_missing() {
        let text: String = script[node.byte_range()].chars().take(80).collect();
        found.push(format!("line {}: {text}", node.start_position().row + 1));
        return;
    }
    if node.has_error() {
        for at in 0..node.child_count() {
            look(node.child(at).unwrap(), script, found);
        }
    }
}

/// Gives the script without comments: what is run of it.
pub(crate) fn code(script: &str) -> String {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    let script = script.trim_start_matches('\u{feff}');
    let tree = parser.parse(script, None).unwrap();
    let mut comments = Vec::new();
    gather(tree.root_node(), &mut comments);
    let mut code = String::new();
    let mut from = 0;
    for range in comments {
        code.push_str(&script[from..range.start]);
        from = range.end;
    }
    code.push_str(&script[from..]);
    code
}

/// Lists what a script calls, what it defines, and how often it mentions each variable, all in lower case.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) calls: BTreeSet<String>,
    pub(crate) defines: BTreeSet<String>,
    pub(crate) variables: BTreeMap<String, usize>,
}

impl Words {
    pub(crate) fn of(script: &str) -> Self {
        let mut parser = Parser::new();
        parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
        let script = script.trim_start_matches('\u{feff}');
        let tree = parser.parse(script, None).unwrap();
        let mut words = Self::default();
        words.gather(tree.root_node(), script);
        words
    }

    fn gather(&mut self, node: Node<'_>, script: &str) {
        let text = || script[node.byte_range()].to_ascii_lowercase();
        match node.kind() {
            "command_name" => drop(self.calls.insert(text())),
            "function_name" => drop(self.defines.insert(text())),
            "variable" => {
                let name =
                    text().trim_start_matches(['$', '@', '{']).trim_end_matches('}').replace("script:", "");
                *self.variables.entry(name).or_default() += 1;
            }
            _ => {}
        }
        for at in 0..node.child_count() {
            self.gather(node.child(at).unwrap(), script);
        }
    }
}

fn gather(node: Node<'_>, comments: &mut Vec<std::ops::Range<usize>>) {
    if node.kind() == "comment" {
        comments.push(node.byte_range());
        return;
    }
    for at in 0..node.child_count() {
        gather(node.child(at).unwrap(), comments);
    }
}

#[test]
fn what_is_no_powershell_is_noticed() {
    for script in ["if ($true) {", "$a = 'unclosed", "foreach ($a $b) { }", "@{ a = }"] {
        assert!(!mistakes(script).is_empty(), "{script}");
    }
    assert_eq!(mistakes("# a comment\n$a = @{ B = 'c' }\nGet-Thing @a\n"), [""; 0]);
    assert_eq!(
        code("# one\n$a = 'b' # two\n<# three\n#>\n").split_whitespace().collect::<Vec<_>>(),
        ["$a", "=", "'b'"]
    );
}
