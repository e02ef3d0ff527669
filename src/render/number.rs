//! Writes numbers, durations, moments and counted nouns as people read them.

use jiff::Timestamp;

/// Writes a count with a comma between thousands: `1,208`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a count and its noun: `1 call`, `63 calls`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Writes `1 person` or `41 people`.
pub(super) fn people(number: u64) -> String {
    counted(number, "person", "people")
}

/// Writes a length of time as roughly as it is known: `about 8 s`, `about 3 min`.
pub(super) fn about(seconds: u64) -> String {
    match seconds {
        0 => "under 1 s".to_owned(),
        1..90 => format!("about {seconds} s"),
        90..5_400 => format!("about {} min", (seconds + 30) / 60),
        5_400.. => format!("about {} h", count((seconds + 1_800) / 3_600)),
    }
}

/// Writes a length of time that has passed: `8 s`, `3 min 20 s`, `2 h 5 min`.
pub(super) fn span(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, _) => format!("{rest} s"),
        (0, _, 0) => format!("{minutes} min"),
        (0, _, _) => format!("{minutes} min {rest} s"),
        (_, 0, _) => format!("{} h", count(hours)),
        (_, _, _) => format!("{} h {minutes} min", count(hours)),
    }
}

/// Writes a share in percent, rounded so that neither nothing nor everything is claimed falsely; `None` beyond 100 %.
pub(super) fn percent(part: u64, of: u64) -> Option<String> {
    if of == 0 || part > of {
        return None;
    }
    Some(match u128::from(part) * 1_000 / u128::from(of) {
        0 if part > 0 => "under 0.1 %".to_owned(),
        tenths if tenths < 100 && tenths % 10 != 0 => format!("{}.{} %", tenths / 10, tenths % 10),
        tenths => format!("{} %", tenths / 10),
    })
}

/// Writes a moment to the minute, in UTC: `2026-11-21 09:14 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Writes a day, in UTC: `2026-11-21`.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Joins words as a sentence does: `a`, `a and b`, `a, b and c`.
pub(super) fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_a_comma() {
        let texts = [0, 7, 999, 1_000, 1_208, 100_000, 1_234_567].map(count);
        assert_eq!(texts, ["0", "7", "999", "1,000", "1,208", "100,000", "1,234,567"]);
    }

    #[test]
    fn one_person_is_not_people() {
        assert_eq!([people(0), people(1), people(2)], ["0 people", "1 person", "2 people"]);
    }

    #[test]
    fn long_waits_are_told_roughly() {
        let texts = [0, 1, 89, 90, 3_599, 5_400, 7_200].map(about);
        let expected =
            ["under 1 s", "about 1 s", "about 89 s", "about 2 min", "about 60 min", "about 2 h", "about 2 h"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn time_that_passed_is_told_exactly() {
        assert_eq!([8, 60, 200, 3_600, 7_500].map(span), ["8 s", "1 min", "3 min 20 s", "1 h", "2 h 5 min"]);
    }

    #[test]
    fn a_share_never_rounds_to_everything_or_nothing() {
        assert_eq!(percent(999, 1_000).as_deref(), Some("99 %"));
        assert_eq!(percent(1, 100_000).as_deref(), Some("under 0.1 %"));
        assert_eq!(percent(12, 1_000).as_deref(), Some("1.2 %"));
        assert_eq!(percent(5, 4), None);
        assert_eq!(percent(0, 0), None);
    }

    #[test]
    fn words_are_joined_as_in_a_sentence() {
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!([list(&words[..1]), list(&words[..2]), list(&words)], ["a", "a and b", "a, b and c"]);
    }
}
