//! Keeps the tokens that a process was given out of everything that is taken from it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

/// Is how much of a token is recognised by itself: PowerShell breaks long lines wherever they reach its width.
const SOME: usize = 16;
/// Stands where a token stood.
const REMOVED: &str = "(the token)";

/// Is every token that one process was given; clones hold the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Hush(Arc<Mutex<Vec<SecretString>>>);

impl Hush {
    /// Takes in a token that the process is about to be given.
    pub(super) fn add(&self, token: &SecretString) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !tokens.iter().any(|held| held.expose_secret() == token.expose_secret()) {
            tokens.push(token.clone());
        }
    }

    /// Gives a line without any token, and without any part of one that is long enough to be told.
    pub(super) fn clean<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut clean = Cow::Borrowed(line);
        for token in tokens.iter() {
            let secret = token.expose_secret();
            if secret.is_empty() {
                continue;
            }
            if clean.contains(secret) {
                clean = Cow::Owned(clean.replace(secret, REMOVED));
            }
            let parts: Vec<String> =
                runs(&clean).filter(|run| secret.contains(run)).map(str::to_owned).collect();
            for part in parts {
                clean = Cow::Owned(clean.replace(&part, REMOVED));
            }
        }
        clean
    }
}

/// Lists the runs of characters of which tokens consist that are long enough.
fn runs(line: &str) -> impl Iterator<Item = &str> {
    let of_token = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    line.split(move |char| !of_token(char)).filter(|run| run.len() >= SOME)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25l.eyJhdWQiOiJodHRwczovL291dGxvb2.c2lnbmF0dXJl";

    fn hush(secret: &str) -> Hush {
        let hush = Hush::default();
        hush.add(&secret.into());
        hush
    }

    #[test]
    fn a_token_goes_whole_and_in_parts() {
        let hush = hush(TOKEN);
        assert_eq!(hush.clean(&format!("a {TOKEN}{TOKEN}, b")), "a (the token)(the token), b");
        assert_eq!(hush.clean(&format!("Bearer={TOKEN}")), "Bearer=(the token)");
        let (first, second) = TOKEN.split_at(40);
        assert_eq!(hush.clean(&format!("| {first}")), "| (the token)");
        assert_eq!(hush.clean(&format!("{second}'")), "(the token)'");
    }

    #[test]
    fn what_is_no_token_stays() {
        let line = r#"@7f3c@ {"id":7,"value":[{"UserId":"somebody.with.a.long.name@contoso.com"}]}"#;
        for hush in [hush(TOKEN), hush(""), Hush::default()] {
            assert!(matches!(hush.clean(line), Cow::Borrowed(same) if same == line));
        }
    }
}
