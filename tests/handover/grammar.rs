//! Takes PowerShell apart by its grammar: what is run, and which words stand in it.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::{Node, Parser};

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
fn what_is_run_is_told_from_comments() {
    let run = code("# one\n$a = 'b' # two\n<# three\n#>\n");
    assert_eq!(run.split_whitespace().collect::<Vec<_>>(), ["$a", "=", "'b'"]);
}
