//! Knows an executive by the title in the directory.
//!
//! Titles are free text, so this is a list and no more: it knows English abbreviations and titles, and some German,
//! French and Spanish ones. Whose title is another one is not found.

/// Titles of one word.
const WORDS: [&str; 34] = [
    "ceo",
    "cfo",
    "coo",
    "cto",
    "cio",
    "ciso",
    "cmo",
    "cro",
    "cso",
    "cpo",
    "chro",
    "cdo",
    "cco",
    "clo",
    "vp",
    "svp",
    "evp",
    "avp",
    "president",
    "chairman",
    "chairwoman",
    "chairperson",
    "geschäftsführer",
    "geschäftsführerin",
    "vorstand",
    "vorständin",
    "vorstandsvorsitzender",
    "vorstandsvorsitzende",
    "vorstandsmitglied",
    "président",
    "présidente",
    "presidente",
    "presidenta",
    "pdg",
];

/// Titles of several words, one after the other.
const PHRASES: [&[&str]; 11] = [
    &["chief", "executive"],
    &["managing", "director"],
    &["director", "general"],
    &["general", "director"],
    &["directeur", "général"],
    &["directrice", "générale"],
    &["board", "member"],
    &["member", "of", "the", "board"],
    &["chair", "of", "the", "board"],
    &["vice", "president"],
    &["executive", "director"],
];

/// Words of those who work for an executive.
const OFFICE: [&str; 7] =
    ["assistant", "assistent", "assistentin", "assistante", "secretary", "sekretär", "sekretärin"];

/// Says whether a title is an executive's: of the C level, a president or vice president, a managing director.
pub fn is_executive(title: &str) -> bool {
    let lower = title.to_lowercase();
    // `C.E.O.` is `CEO`.
    let lower = lower.replace('.', "");
    let words: Vec<_> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| OFFICE.contains(word)) {
        return false;
    }
    let officer = words.contains(&"chief") && words.contains(&"officer");
    let phrase = |phrase: &&[&str]| words.windows(phrase.len()).any(|some| some == *phrase);
    officer || words.iter().any(|word| WORDS.contains(word)) || PHRASES.iter().any(phrase)
}

#[cfg(test)]
mod tests {
    use super::is_executive;

    #[test]
    fn executives_are_known_by_their_titles() {
        for title in [
            "Chief Financial Officer",
            "CEO",
            "C.E.O.",
            "Co-founder & CTO",
            "Senior Vice President, Sales",
            "SVP Sales",
            "Managing Director",
            "Director-General",
            "Geschäftsführerin",
            "Directrice générale",
            "Member of the Board",
        ] {
            assert!(is_executive(title), "{title}");
        }
    }

    #[test]
    fn those_who_work_for_them_are_not_executives() {
        for title in [
            "Executive Assistant to the CEO",
            "Account Executive",
            "Chief of Staff",
            "Director of Engineering",
            "Sales Manager",
            "Compliance Officer",
            "",
        ] {
            assert!(!is_executive(title), "{title}");
        }
    }
}
