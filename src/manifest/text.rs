//! Turns the bytes of a file into text, UTF-8 or UTF-16 with a byte order mark, and text into a quoted word of YAML.

use std::fmt::Write as _;

/// Says why bytes are no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoText {
    pub(super) message: String,
    pub(super) hint: &'static str,
    /// Line of the first byte that does not fit, from 1.
    pub(super) line: u32,
}

const SAVE_AS_UTF8: &str = "save the file as UTF-8, for example with `Export-Csv -Encoding UTF8`";

/// Decodes a file and drops its byte order mark.
///
/// Windows PowerShell's `>` and `Out-File` write UTF-16LE with a mark. UTF-16 without one is refused, and so is a file
/// in which `-Append` mixed two encodings: both have NUL characters where text has none.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, NoText> {
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => utf8(bytes)?,
    };
    // Tools that put files together leave marks at the beginning of lines.
    let text = if text.contains('\u{FEFF}') { without_marks(&text) } else { text };
    match text.find('\0') {
        None => Ok(text),
        Some(at) => Err(NoText {
            message: "the file contains NUL characters: it is UTF-16 without a byte order mark, or a mixture of encodings"
                .to_owned(),
            hint: SAVE_AS_UTF8,
            line: line_of(text.as_bytes(), at),
        }),
    }
}

/// Drops the byte order marks with which lines begin.
fn without_marks(text: &str) -> String {
    let lines = text.split_inclusive(['\n', '\r']);
    lines.map(|line| line.trim_start_matches('\u{FEFF}')).collect()
}

fn utf8(bytes: Vec<u8>) -> Result<String, NoText> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let byte = bytes.get(at).copied().unwrap_or_default();
        NoText {
            message: format!("the file is not UTF-8: byte 0x{byte:02X} does not belong there"),
            hint: SAVE_AS_UTF8,
            line: line_of(bytes, at),
        }
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NoText> {
    let broken = |line: u32| NoText {
        message: "the file begins as UTF-16 and does not stay so: it is cut off, or a mixture of encodings"
            .to_owned(),
        hint: SAVE_AS_UTF8,
        line,
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len() / 2);
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok(char) => text.push(char),
            Err(_) => return Err(broken(line_of(text.as_bytes(), text.len()))),
        }
    }
    if rest.is_empty() { Ok(text) } else { Err(broken(line_of(text.as_bytes(), text.len()))) }
}

fn line_of(bytes: &[u8], at: usize) -> u32 {
    let lines = bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1)
}

/// Writes a text in double quotes; whatever could act in an editor or a terminal is escaped.
pub(crate) fn in_quotes(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        if matches!(char, '"' | '\\') {
            quoted.push('\\');
            quoted.push(char);
        } else if char == ' ' || char.is_ascii_graphic() || char.is_alphanumeric() {
            quoted.push(char);
        } else {
            write!(quoted, "\\U{:08x}", u32::from(char)).expect("writing to a string cannot fail");
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
        let mark = if mark { "\u{FEFF}" } else { "" };
        format!("{mark}{text}").encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_that_powershell_writes_is_read() {
        let text = "Userprincipalname\r\nzoë@contoso.com\r\n";
        assert_eq!(decode(text.into()).unwrap(), text);
        assert_eq!(decode(format!("\u{FEFF}{text}").into()).unwrap(), text);
        assert_eq!(decode(utf16(text, u16::to_le_bytes, true)).unwrap(), text);
        assert_eq!(decode(utf16(text, u16::to_be_bytes, true)).unwrap(), text);
    }

    #[test]
    fn marks_of_files_that_were_put_together_are_dropped() {
        let text = "\u{FEFF}\u{FEFF}a\u{FEFF}\r\n\u{FEFF}b\n";
        assert_eq!(decode(text.into()).unwrap(), "a\u{FEFF}\r\nb\n");
    }

    #[test]
    fn utf16_without_a_mark_is_refused() {
        let refused = decode(utf16("a\nb", u16::to_le_bytes, false)).unwrap_err();
        assert!(refused.message.contains("UTF-16 without a byte order mark"), "{refused:?}");
    }

    #[test]
    fn mixtures_of_encodings_are_refused() {
        let mut utf8_then_utf16 = b"a\nb\n".to_vec();
        utf8_then_utf16.extend(utf16("c", u16::to_le_bytes, false));
        assert_eq!(decode(utf8_then_utf16).unwrap_err().line, 3);
        let mut utf16_then_utf8 = utf16("a\n", u16::to_le_bytes, true);
        utf16_then_utf8.push(b'b');
        assert_eq!(decode(utf16_then_utf8).unwrap_err().line, 2);
    }

    #[test]
    fn the_line_of_a_foreign_byte_is_told() {
        let refused = decode(b"a\nb\nzo\xEB".to_vec()).unwrap_err();
        assert_eq!((refused.line, refused.message.contains("0xEB")), (3, true));
    }
}
