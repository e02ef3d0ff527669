//! Tells what `import` wrote.

use std::fmt::Write as _;

use super::number::{counted, people as so_many};
use crate::import::{Counts, Imported};

/// Tells what was written, how people are described in it, and what could not be read.
pub fn text(file: &str, imported: &Imported) -> String {
    let Imported { manifest: _, lists, counts } = imported;
    let Counts {
        people,
        as_given,
        by_rules,
        by_name,
        untouchable,
        not_read,
        groups,
        unused: _,
        defaults_not_read,
    } = counts;
    let mut text =
        format!("wrote {file}: {} for {}\n", counted(*groups, "group", "groups"), so_many(*people));
    for list in lists.keys() {
        let _ = writeln!(text, "wrote {list}");
    }
    let _ = writeln!(
        text,
        "{as_given} have what the tenant gives, {by_rules} are described by groups, {by_name} are named, {untouchable} are \
         never changed"
    );
    if *not_read > 0 {
        let _ = writeln!(text, "the settings of {not_read} could not be read; no group is about them");
    }
    if *defaults_not_read > 0 {
        let _ = writeln!(
            text,
            "{} could not be read and left out",
            counted(*defaults_not_read, "default of the tenant", "defaults of the tenant")
        );
    }
    text.push_str(
        "nobody knows who chose what: read each group, keep what is meant, then run `insightctl plan`",
    );
    text
}
