//! Seals the file of a plan, and notices when one byte of it has changed.
//!
//! The hash stands in the file that it is the hash of: it is computed over every byte of the file, with the digits of the
//! hash itself all zero. It notices a change, not a forger, who could compute it anew; that is why waivers and reviewers
//! name a plan by it.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::model::PlanHash;

/// Is what the digits stand behind.
const MARK: &[u8] = b"\"sha256:";

/// Is where the mark must begin: it stands in the second field of a plan.
const NEAR: usize = 128;

/// Hashes what is written to it; nothing is kept.
#[derive(Debug, Default)]
pub struct Sealing(Sha256);

impl Sealing {
    /// Gives the hash of everything that was written.
    pub fn hash(self) -> PlanHash {
        PlanHash::new(self.0.finalize().into())
    }
}

impl Write for Sealing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says why the bytes of a file are not those of a sealed plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// It was never sealed, or is no plan.
    #[error("it carries no hash")]
    NoHash,
    /// It is not as it was saved.
    #[error("it is not as it was saved: its bytes do not have the hash that it carries")]
    Changed {
        /// Whether its lines end as on Windows, which no plan's do: somebody's Git converts them.
        crlf: bool,
    },
}

/// Makes sure that the bytes of a file are those that were sealed, to the last line feed.
pub fn check(bytes: &[u8]) -> Result<PlanHash, Unsealed> {
    let near = &bytes[..bytes.len().min(NEAR)];
    let mark = near.windows(MARK.len()).position(|some| some == MARK).ok_or(Unsealed::NoHash)?;
    let changed = || Unsealed::Changed { crlf: bytes.windows(2).any(|pair| pair == b"\r\n") };
    let start = mark + MARK.len();
    let end = start + PlanHash::DIGITS;
    let written = bytes.get(mark + 1..end).and_then(|text| std::str::from_utf8(text).ok());
    let told: PlanHash = written.and_then(|text| text.parse().ok()).ok_or_else(changed)?;
    if !told.is_sealed() {
        return Err(Unsealed::NoHash);
    }
    let mut digest = Sha256::new_with_prefix(&bytes[..start]);
    digest.update([b'0'; PlanHash::DIGITS]);
    digest.update(&bytes[end..]);
    let is = PlanHash::new(digest.finalize().into());
    if is == told { Ok(told) } else { Err(changed()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(body: &str) -> Vec<u8> {
        let file = |hash: PlanHash| format!("{{\n  \"format\": 1,\n  \"hash\": \"{hash}\",\n{body}}}\n");
        let mut sealing = Sealing::default();
        sealing.write_all(file(PlanHash::default()).as_bytes()).expect("memory");
        file(sealing.hash()).into_bytes()
    }

    #[test]
    fn a_sealed_file_passes_and_any_changed_added_or_lost_byte_does_not() {
        let whole = sealed("  \"operations\": []\n");
        assert!(check(&whole).is_ok());
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                assert!(check(&changed).is_err(), "bit {bit} of byte {at}");
            }
            assert!(check(&whole[..at]).is_err(), "cut off at {at}");
            assert!(check(&[&whole[..at], b" ", &whole[at..]].concat()).is_err(), "a space at {at}");
        }
        assert!(check(&[&whole[..], b"\n"].concat()).is_err());
    }

    #[test]
    fn what_was_never_sealed_is_told_from_what_was_changed() {
        let never = format!("{{ \"format\": 1, \"hash\": \"{}\" }}", PlanHash::default());
        assert_eq!(check(never.as_bytes()), Err(Unsealed::NoHash));
        assert_eq!(check(b"{}"), Err(Unsealed::NoHash));
        let whole = String::from_utf8(sealed("  \"a\": 1\n")).expect("text");
        assert_eq!(check(whole.replace('1', "2").as_bytes()), Err(Unsealed::Changed { crlf: false }));
        assert_eq!(check(whole.replace('\n', "\r\n").as_bytes()), Err(Unsealed::Changed { crlf: true }));
    }
}
