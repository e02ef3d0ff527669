//! Writes a draft as a file that mail programs open and let a person finish: RFC 5322, 2045 and 2047.
//!
//! `X-Unsent: 1` makes Outlook open it as a draft. It names no sender and nobody who gets it: whoever opens it sends
//! it, by the mail merge.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::render::inert::inert;
use crate::rollout::Draft;

/// Is how many bytes of text fit into one encoded word, so that a line with `Subject:` has at most 76 characters.
const IN_A_WORD: usize = 39;

/// Is the longest line of the body, its soft line break included.
const LINE: usize = 76;

/// Writes one draft; lines end with CRLF, and every byte is ASCII.
pub fn eml(draft: &Draft) -> String {
    let Draft { language, subject, body, open: _ } = draft;
    format!(
        "X-Unsent: 1\r\nSubject: {}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Language: {language}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}",
        header(&inert(subject)),
        quoted_printable(body)
    )
}

/// Writes the value of a header: as it is where it is short and plain, else in encoded words.
fn header(text: &str) -> String {
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if plain && text.len() <= 60 && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(IN_A_WORD);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(&rest[..end])));
        rest = &rest[end..];
    }
    words.join("\r\n ")
}

fn quoted_printable(text: &str) -> String {
    let mut written = String::with_capacity(text.len() * 5 / 4);
    for line in text.lines() {
        let mut column = 0;
        let bytes = line.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let last = at + 1 == bytes.len();
            let plain = match byte {
                b' ' | b'\t' => !last,
                b'=' => false,
                other => (b'!'..=b'~').contains(other),
            };
            let columns = if plain { 1 } else { 3 };
            if column + columns > LINE - 1 {
                written.push_str("=\r\n");
                column = 0;
            }
            column += columns;
            if plain {
                written.push(char::from(*byte));
            } else {
                written.push('=');
                for digit in [byte >> 4, byte & 15] {
                    written.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
                }
            }
        }
        written.push_str("\r\n");
    }
    written
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draft(subject: &str, body: &str) -> Draft {
        Draft { language: "de".into(), subject: subject.to_owned(), body: body.to_owned(), open: [].into() }
    }

    /// Reads quoted-printable as RFC 2045 says.
    fn read(text: &str) -> Vec<u8> {
        let joined = text.replace("=\r\n", "").replace("\r\n", "\n");
        let (mut bytes, mut read) = (joined.bytes(), Vec::new());
        while let Some(byte) = bytes.next() {
            if byte == b'=' {
                let digits = [bytes.next().expect("two"), bytes.next().expect("two")];
                let digits = str::from_utf8(&digits).expect("ASCII");
                read.push(u8::from_str_radix(digits, 16).expect("hexadecimal"));
            } else {
                read.push(byte);
            }
        }
        read
    }

    #[test]
    fn a_draft_is_one_that_mail_programs_open() {
        let written = eml(&draft("Viva Insights ab dem 2. März", "Hallo {{name}},\n\nfür dich = neu. \n"));
        insta::assert_snapshot!(written.replace("\r\n", "⏎\n"), @"
        X-Unsent: 1⏎
        Subject: =?utf-8?B?Vml2YSBJbnNpZ2h0cyBhYiBkZW0gMi4gTcOkcno=?=⏎
        MIME-Version: 1.0⏎
        Content-Type: text/plain; charset=utf-8⏎
        Content-Language: de⏎
        Content-Transfer-Encoding: quoted-printable⏎
        ⏎
        Hallo {{name}},⏎
        ⏎
        f=C3=BCr dich =3D neu.=20⏎
        ");
    }

    #[test]
    fn a_subject_cannot_add_a_header() {
        let written = eml(&draft("Hello\r\nBcc: all@contoso.com", "x\n"));
        assert!(!written.contains("\nBcc"), "{written}");
    }

    #[test]
    fn what_looks_like_an_encoded_word_is_encoded() {
        assert!(header("=?utf-8?B?eA==?=").starts_with("=?utf-8?B?PT91"));
        assert_eq!(header("plain"), "plain");
    }

    proptest! {
        #[test]
        fn every_text_reads_back_the_same(lines in prop::collection::vec("[^\r\n]{0,120}", 0..6)) {
            let body: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
            let written = quoted_printable(&body);
            prop_assert!(written.is_ascii());
            prop_assert!(written.split("\r\n").all(|line| line.len() <= LINE && !line.ends_with([' ', '\t'])));
            prop_assert_eq!(read(&written), body.into_bytes());
        }

        #[test]
        fn every_subject_reads_back_the_same(subject in "\\PC{0,120}") {
            let written = header(&subject);
            prop_assert!(written.split("\r\n").all(|line| line.len() <= 76));
            let words: Vec<&str> = written.split("\r\n ").collect();
            let read = if words.iter().all(|word| word.starts_with("=?utf-8?B?")) && !words[0].is_empty() {
                let inside = |word: &&str| STANDARD.decode(&word["=?utf-8?B?".len()..word.len() - 2]).expect("base64");
                String::from_utf8(words.iter().flat_map(inside).collect()).expect("UTF-8")
            } else {
                written.clone()
            };
            prop_assert_eq!(read, subject);
        }
    }
}
