//! Writes an error as people read it: the fact, its causes, and what to do.

use std::error::Error;

use super::inert::inert;
use super::style::Meaning;

/// Is how many causes are told; a chain longer than that goes round in a circle.
const DEEPEST: usize = 16;

/// Writes an error: `error: fact`, `caused by: …` for each source, `hint: …` for each hint; ends with a newline.
///
/// Text of others is made inert. Lines after the first of a fact are indented.
pub fn failure(error: &dyn Error, hints: &[String], colour: bool) -> String {
    let mut text = String::new();
    let mut told = error.to_string();
    part(&mut text, Meaning::Error, "error", &told, colour);
    let mut next = error.source();
    for _ in 0..DEEPEST {
        let Some(source) = next else { break };
        let fact = source.to_string();
        // A wrapper that passes its source's words on would say the same thing twice.
        if fact != told {
            part(&mut text, Meaning::Withdrawn, "caused by", &fact, colour);
            told = fact;
        }
        next = source.source();
    }
    for hint in hints {
        part(&mut text, Meaning::Hint, "hint", hint, colour);
    }
    text
}

fn part(text: &mut String, meaning: Meaning, label: &str, fact: &str, colour: bool) {
    text.push_str(&meaning.paint(colour, &format!("{label}:")));
    for (index, line) in fact.trim_end().split('\n').enumerate() {
        text.push_str(if index == 0 { " " } else { "    " });
        text.push_str(&inert(line.trim_end_matches('\r')));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{fact}")]
    struct Fact {
        fact: &'static str,
        source: Option<Box<Self>>,
    }

    fn chain(facts: &[&'static str]) -> Fact {
        let (fact, rest) = facts.split_first().expect("at least one");
        Fact { fact, source: (!rest.is_empty()).then(|| Box::new(chain(rest))) }
    }

    #[test]
    fn an_error_is_a_fact_its_causes_and_advice() {
        let error = chain(&["cannot read the tenant", "no answer from the directory", "connection refused"]);
        let hints = ["check the network".to_owned(), "`insightctl doctor` tells more".to_owned()];
        insta::assert_snapshot!(failure(&error, &hints, false), @r"
        error: cannot read the tenant
        caused by: no answer from the directory
        caused by: connection refused
        hint: check the network
        hint: `insightctl doctor` tells more
        ");
    }

    #[test]
    fn the_same_words_are_not_said_twice() {
        let error = chain(&["no answer", "no answer", "connection refused"]);
        assert_eq!(failure(&error, &[], false), "error: no answer\ncaused by: connection refused\n");
    }

    #[test]
    fn what_a_service_says_is_inert() {
        let error = chain(&["the service said\r\n\u{1b}]0;owned\u{7}"]);
        assert_eq!(failure(&error, &[], false), "error: the service said\n    \\u{1b}]0;owned\\u{7}\n");
    }
}
