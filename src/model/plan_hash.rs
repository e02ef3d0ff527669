//! The hash of a plan's file, by which reviewers and waivers name that very plan.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Is what every written hash begins with.
const HEAD: &str = "sha256:";

/// Is the SHA-256 of a plan's file in which the digits of the hash itself are all zero.
///
/// Written as `sha256:` and 64 hexadecimal digits in lower case. The default is all zeros, and names no plan.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanHash([u8; 32]);

impl PlanHash {
    /// Is how many hexadecimal digits are written.
    pub const DIGITS: usize = 64;

    /// Takes the bytes of a SHA-256.
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Says whether it names a plan: all zeros stand where nothing has been computed.
    pub fn is_sealed(self) -> bool {
        self != Self::default()
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(HEAD.len() + Self::DIGITS);
        text.push_str(HEAD);
        for byte in self.0 {
            write!(text, "{byte:02x}")?;
        }
        f.pad(&text)
    }
}

impl fmt::Debug for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Says that a text is no hash of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plan's hash is `sha256:` and 64 hexadecimal digits in lower case")]
pub struct NotAPlanHash;

impl FromStr for PlanHash {
    type Err = NotAPlanHash;

    fn from_str(text: &str) -> Result<Self, NotAPlanHash> {
        let digits = text.strip_prefix(HEAD).ok_or(NotAPlanHash)?.as_bytes();
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(NotAPlanHash),
        };
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(NotAPlanHash);
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = value(*high)? << 4 | value(*low)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for PlanHash {
    type Error = NotAPlanHash;

    fn try_from(text: String) -> Result<Self, NotAPlanHash> {
        text.parse()
    }
}

impl From<PlanHash> for String {
    fn from(hash: PlanHash) -> Self {
        hash.to_string()
    }
}

impl schemars::JsonSchema for PlanHash {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PlanHash".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = PlanHash::new(std::array::from_fn(|at| u8::try_from(at * 8).expect("below 256")));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!(hash.is_sealed() && !PlanHash::default().is_sealed());
        let text = hash.to_string();
        for wrong in
            [&text[7..], &text[..70], &text.to_uppercase(), &text.replace('8', "g"), &format!("{text}0")]
        {
            assert_eq!(wrong.parse::<PlanHash>(), Err(NotAPlanHash), "{wrong}");
        }
    }
}
