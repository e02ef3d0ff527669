//! Turns text into the encodings of the wire and back: percent signs, base64 for URLs, lower case.

use std::borrow::Cow;

/// Decodes `%41`; `None` when the result is not UTF-8 or a percent sign stands alone.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex(rest.next()?)? * 16 + hex(rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

/// Encodes everything but the unreserved characters of RFC 3986.
pub(super) fn escape(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte as char);
        } else {
            escaped.push('%');
            escaped.push(DIGITS[usize::from(byte >> 4)] as char);
            escaped.push(DIGITS[usize::from(byte & 15)] as char);
        }
    }
    escaped
}

/// Reads `a=1&b=2`, as in a query or a form; a plus sign is a space.
pub(super) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((unescape(&name.replace('+', " "))?, unescape(&value.replace('+', " "))?))
        })
        .collect()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes bytes as base64url without padding (RFC 4648 §5), as tokens and opaque links do.
pub(super) fn base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0_u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..=chunk.len() {
            text.push(ALPHABET[(word >> (18 - 6 * at) & 63) as usize] as char);
        }
    }
    text
}

/// Decodes base64url without padding; `None` for anything else.
pub(super) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for (at, digit) in chunk.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == digit)?;
            word |= u32::try_from(value).ok()? << (18 - 6 * at);
        }
        let whole = chunk.len() - 1;
        bytes.extend(word.to_be_bytes().iter().skip(1).take(whole));
    }
    Some(bytes)
}

/// Folds case as the directory does, without a copy where nothing changes.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        let odd = "o'brien#EXT#@contoso.com ä/?&=+";
        assert_eq!(unescape(&escape(odd)).as_deref(), Some(odd));
        assert_eq!(escape("a'#"), "a%27%23");
        assert_eq!(unescape("%4"), None);
        assert_eq!(unescape("%ff"), None, "not UTF-8");
    }

    #[test]
    fn base64url_agrees_with_the_vectors_of_rfc_4648() {
        for (plain, coded) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64url(plain.as_bytes()), coded);
            assert_eq!(from_base64url(coded).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
        assert_eq!(from_base64url("a+b"), None);
    }

    #[test]
    fn a_plus_sign_in_a_query_is_a_space() {
        let read = pairs("$filter=a+eq%20%27b%27&$count=true").expect("the query is well formed");
        assert_eq!(read[0], ("$filter".to_owned(), "a eq 'b'".to_owned()));
        assert_eq!(read[1], ("$count".to_owned(), "true".to_owned()));
    }
}
