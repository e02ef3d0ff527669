//! Tells what `import` wrote.

use std::fmt::Write as _;
use std::path::Path;

use super::inert;
use super::number::{count as number, counted, people as so_many};
use crate::import::Counts;

/// Tells what was written, how people are described in it, and what could not be read.
pub fn text(files: &[&Path], counts: &Counts) -> String {
    let Counts {
        people,
        as_given,
        by_rules,
        by_name,
        untouchable,
        not_read,
        groups,
        sets_not_read,
        defaults_not_read,
    } = *counts;
    let mut text = String::new();
    for file in files {
        let _ = writeln!(text, "wrote {}", inert(&file.display().to_string()));
    }
    let _ = writeln!(text, "{} for {}:", counted(groups, "group", "groups"), so_many(people));
    let lines = [
        (as_given, "with what the tenant gives everyone"),
        (by_rules, "described by groups"),
        (by_name, "named one by one"),
        (untouchable, "never changed"),
        (not_read, "not read, and in no group"),
    ];
    for (count, what) in lines.into_iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(text, "{:>7} {what}", number(count));
    }
    if sets_not_read > 0 {
        let sets = counted(sets_not_read, "group, department or licence", "groups, departments and licences");
        let _ = writeln!(text, "the members of {sets} could not be read; no rule names them");
    }
    if defaults_not_read > 0 {
        let defaults = counted(defaults_not_read, "default of the tenant", "defaults of the tenant");
        let _ = writeln!(text, "{defaults} could not be read and left out");
    }
    text.push_str(
        "nobody knows who chose what: read each group, keep what is meant, then run `insightctl plan`",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_is_told() {
        let counts = Counts {
            people: 1_200,
            as_given: 1_100,
            by_rules: 60,
            by_name: 9,
            untouchable: 30,
            not_read: 1,
            groups: 1,
            sets_not_read: 2,
            defaults_not_read: 1,
        };
        insta::assert_snapshot!(text(&[Path::new("people/\u{1b}.csv"), Path::new("insights.yaml")], &counts), @r"
        wrote people/\u{1b}.csv
        wrote insights.yaml
        1 group for 1,200 people:
          1,100 with what the tenant gives everyone
             60 described by groups
              9 named one by one
             30 never changed
              1 not read, and in no group
        the members of 2 groups, departments and licences could not be read; no rule names them
        1 default of the tenant could not be read and left out
        nobody knows who chose what: read each group, keep what is meant, then run `insightctl plan`
        ");
    }
}
