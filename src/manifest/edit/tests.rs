use proptest::prelude::*;

use super::*;
use crate::model::Percent;

const BLOCK: &str = "# The manifest.
version: 1   # one
groups:
  - name: pilot   # first
    mode: opt-in
    members: [ { everyone: true } ]

rollout:
  # Waves.
  waves:
    - name: pilot
      groups: [ pilot ]   # who
      starts: 2026-03-02
      runs-for: 45 days   # the guide's
    # Later.
    - name: next
      groups:
        - pilot
      after: pilot
      approved: false     # a reviewer says so
  # Behind the waves.
store: none   # nothing is kept
";

fn edited(text: &str, edits: &[Edit]) -> String {
    edit(text.as_bytes(), edits).expect("edited")
}

/// Lists the lines that an edit takes away and adds.
fn difference(text: &str, edits: &[Edit]) -> Vec<String> {
    let new = edited(text, edits);
    let diff = similar::TextDiff::from_lines(text, new.as_str());
    let changed = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
    changed.map(|change| format!("{}{}", change.tag(), change.value().trim_end())).collect()
}

fn share(percent: u16) -> Percent {
    Percent::of_hundredths(percent * 100).expect("a share")
}

fn wave(name: &str) -> Edit {
    Edit::AddWave {
        name: name.to_owned(),
        groups: vec!["pilot".to_owned(), "on".to_owned(), "a: b".to_owned()],
        after: "next".to_owned(),
        starts: jiff::civil::date(2026, 5, 4),
    }
}

#[test]
fn only_the_lines_that_are_meant_change() {
    assert_eq!(
        difference(BLOCK, &[Edit::RunsFor { wave: 0, days: 59 }]),
        ["-      runs-for: 45 days   # the guide's", "+      runs-for: 59 days   # the guide's"]
    );
    assert_eq!(
        difference(BLOCK, &[Edit::Approve { wave: 1 }]),
        ["-      approved: false     # a reviewer says so", "+      approved: true     # a reviewer says so"]
    );
    assert_eq!(difference(BLOCK, &[Edit::Canary { wave: 1, share: share(20) }]), ["+      canary: 20%"]);
    let groups = vec!["sales".to_owned()];
    assert_eq!(
        difference(BLOCK, &[Edit::AddToWave { wave: 0, groups: groups.clone() }]),
        ["-      groups: [ pilot ]   # who", "+      groups: [ pilot, sales ]   # who"]
    );
    assert_eq!(difference(BLOCK, &[Edit::AddToWave { wave: 1, groups }]), ["+        - sales"]);
    assert_eq!(
        difference(BLOCK, &[wave("third")]),
        [
            "+    - name: third",
            "+      groups: [ pilot, on, \"a: b\" ]",
            "+      after: next",
            "+      starts: 2026-05-04"
        ]
    );
    assert_eq!(
        difference(BLOCK, &[Edit::AddEveryone { name: "everyone".to_owned(), like: 0 }]),
        ["+  - name: everyone", "+    mode: opt-in", "+    members: [ { everyone: true } ]"]
    );
}

#[test]
fn line_ends_the_byte_order_mark_and_a_missing_last_line_end_stay() {
    let text = format!("\u{feff}{}", BLOCK.replace('\n', "\r\n"));
    let text = text.trim_end().strip_suffix("\r\nstore: none   # nothing is kept").expect("the last line");
    let text = text.strip_suffix("\r\n  # Behind the waves.").expect("the comment");
    let new = edited(text, &[Edit::Canary { wave: 1, share: share(20) }, wave("third")]);
    let expected = format!(
        "{text}\r\n      canary: 20%\r\n    - name: third\r\n      groups: [ pilot, on, \"a: b\" ]\r\n      after: next\r\n      starts: 2026-05-04"
    );
    assert_eq!(new, expected);
}

#[test]
fn flow_style_stays_flow_style() {
    let text = "rollout: { waves: [ { name: 'it''s, #1 }', groups: [ a ] } # odd
  , { name: \"n \\\" ]\", groups: [ a, ], approved: off }, ] }\n";
    assert_eq!(
        difference(text, &[Edit::RunsFor { wave: 0, days: 45 }])[1],
        "+rollout: { waves: [ { name: 'it''s, #1 }', groups: [ a ], runs-for: 45 days } # odd"
    );
    assert_eq!(
        difference(text, &[Edit::AddToWave { wave: 1, groups: vec!["b".to_owned()] }])[1],
        "+  , { name: \"n \\\" ]\", groups: [ a, b, ], approved: off }, ] }"
    );
    assert_eq!(
        difference(text, &[wave("third")])[1],
        "+  , { name: \"n \\\" ]\", groups: [ a, ], approved: off }, { name: third, groups: [ pilot, on, \"a: b\" ], after: next, starts: 2026-05-04 }, ] }"
    );
    let mixed = "rollout:\n  waves:\n  -   { name: a, groups: [ a ] } # one\n";
    assert_eq!(
        difference(mixed, &[wave("third")]),
        ["+  - { name: third, groups: [ pilot, on, \"a: b\" ], after: next, starts: 2026-05-04 }"]
    );
}

#[test]
fn odd_indentation_is_kept() {
    let text = "rollout:\n    waves:\n    -   name: a\n        groups:\n        - a\n    -\n      name: b\n      groups: [a]\nx: 1\n";
    assert_eq!(difference(text, &[Edit::Canary { wave: 0, share: share(5) }]), ["+        canary: 5%"]);
    assert_eq!(difference(text, &[Edit::Canary { wave: 1, share: share(5) }]), ["+      canary: 5%"]);
    assert_eq!(
        difference(text, &[Edit::AddToWave { wave: 0, groups: vec!["b".to_owned()] }]),
        ["+        - b"]
    );
    assert_eq!(difference(text, &[wave("c")])[0], "+    - name: c");
}

#[test]
fn what_is_repeated_by_anchors_is_not_edited() {
    let text = "rollout:\n  waves:\n    - name: a\n      groups: &g [ a ]\n      runs-for: &d 45 days\n    - name: b\n      groups: *g\n      runs-for: *d\n";
    let add = Edit::AddToWave { wave: 0, groups: vec!["b".to_owned()] };
    for edits in [add, Edit::RunsFor { wave: 0, days: 50 }] {
        let error = edit(text.as_bytes(), &[edits]).expect_err("the other wave would change as well");
        assert!(matches!(error, NotEdited::Anchors), "{error}");
    }
    let other = Edit::RunsFor { wave: 1, days: 50 };
    assert_eq!(difference(text, &[other]), ["-      runs-for: *d", "+      runs-for: 50 days"]);
}

#[test]
fn what_is_no_text_is_not_edited() {
    let utf16: Vec<u8> = BLOCK.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let edits = [Edit::Approve { wave: 1 }];
    assert!(matches!(edit(&utf16, &edits), Err(NotEdited::NotUtf8)));
    assert!(matches!(edit(b"rollout: [", &edits), Err(NotEdited::Problems(_))));
    assert!(matches!(edit(b"rollout: 1", &edits), Err(NotEdited::Layout)));
}

proptest! {
    #[test]
    fn an_edit_never_panics_and_changes_nothing_else(
        lines in prop::collection::vec("( {0,6})(- )?(name: a|groups: \\[ a, b \\]|waves:|rollout:|# c|'x': \"y\"|canary: 5%|\\{ a: 1 \\}|&a x|\\*a)( # d)?", 0..12),
        wave in 0_u32..3
    ) {
        let text = format!("rollout:\n  waves:\n    - name: a\n{}\n", lines.join("\n"));
        for edits in [Edit::Approve { wave }, Edit::Canary { wave, share: share(7) }] {
            if let Ok(new) = edit(text.as_bytes(), std::slice::from_ref(&edits)) {
                let kept = |line: &&str| line.contains("# c");
                prop_assert_eq!(text.lines().filter(kept).count(), new.lines().filter(kept).count());
            }
        }
    }
}
