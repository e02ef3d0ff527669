//! Every word is the one that the JSON spells, and every row has a sentence.

use super::*;

#[test]
fn every_row_of_the_verdict_table_has_a_sentence_and_no_other_number_has() {
    assert!((1..=14).all(|number| row(number).is_some()));
    assert!(row(0).is_none() && row(15).is_none());
}

#[test]
fn words_are_spelt_as_the_json_spells_them() {
    for reason in REASONS {
        assert_eq!(serde_json::to_value(reason).expect("a word"), reason_word(reason));
    }
    for because in BECAUSES {
        assert_eq!(serde_json::to_value(because).expect("a word"), because_word(because));
    }
}

const REASONS: [Reason; 21] = [
    Reason::Unknown,
    Reason::NotFound,
    Reason::Guest,
    Reason::Disabled,
    Reason::Protected,
    Reason::OutsideWindow,
    Reason::NoMailbox,
    Reason::Unlicensed,
    Reason::Quarantined,
    Reason::RolledBack,
    Reason::Accepted,
    Reason::ConsentFloor,
    Reason::OwnChoice,
    Reason::InheritedLicence,
    Reason::OptedOut,
    Reason::Settling,
    Reason::DefaultSettling,
    Reason::DefaultMoved,
    Reason::MovesWithDefault,
    Reason::Released,
    Reason::InSync,
];

const BECAUSES: [Because; 12] = [
    Because::Pinned,
    Because::RePin,
    Because::ManifestChanged,
    Because::DidNotTake,
    Because::Overridden,
    Because::FirstTouch,
    Because::WithOptIn,
    Because::Differs,
    Because::Restored,
    Because::Recorded,
    Because::ReOptIn,
    Because::RolledBack,
];
