//! Reads where the ledger and the journal are kept.

use std::path::PathBuf;
use std::str::FromStr;

use super::fields::text;
use super::folder::Folder;
use super::problem::{Reporter, meant, quoted};
use super::syntax::{Located, Node};

/// Says where the ledger and the journal are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// A folder; from a manifest, the path starts from the current folder, as the manifest's own path does.
    Folder(PathBuf),
    /// Nowhere: only visible choices and the consent floor protect people.
    None,
    /// A bucket: `az://…`, `s3://…` or `gs://…`, as spelt.
    Remote(String),
}

/// Says that a text is no address of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no store", quoted(without_secrets(.0)))]
pub struct NotAStore(String);

/// Cuts off what may be a credential: a query, and what stands before an `@`.
fn without_secrets(typed: &str) -> &str {
    let typed = typed.split(['?', '#']).next().unwrap_or_default();
    typed.rsplit('@').next().unwrap_or_default()
}

impl NotAStore {
    /// Gives the advice that goes with it.
    pub fn hint(&self) -> String {
        let scheme = self.0.split(':').next().unwrap_or_default();
        if self.0.contains(['?', '#', '@']) {
            return "an address holds no credential: those come from the environment".to_owned();
        }
        let close = meant(scheme, ["file", "az", "s3", "gs", "none"]).filter(|word| *word != scheme);
        let asked = close.map(|word| format!("did you mean `{word}`? ")).unwrap_or_default();
        format!(
            "{asked}write `file:FOLDER`, `none`, `az://account/container/prefix`, `s3://bucket/prefix` or `gs://bucket/prefix`"
        )
    }
}

impl FromStr for StoreAddress {
    type Err = NotAStore;

    /// Reads an address as it is typed; the path of a folder stays as it is.
    fn from_str(typed: &str) -> Result<Self, NotAStore> {
        let typed = typed.trim();
        if typed.eq_ignore_ascii_case("none") {
            return Ok(Self::None);
        }
        if let Some(path) = typed.strip_prefix("file:").filter(|path| !path.trim().is_empty()) {
            return Ok(Self::Folder(path.into()));
        }
        // An account and a container, or a bucket, must be named; a prefix may follow.
        let is_remote = [("az://", 2), ("s3://", 1), ("gs://", 1)].iter().any(|(scheme, parts)| {
            typed.strip_prefix(scheme).is_some_and(|rest| {
                // A query could be a shared access signature, and what stands before an `@` a password.
                !rest.contains(|c: char| c.is_whitespace() || "?#@".contains(c))
                    && rest.split('/').take(*parts).filter(|part| !part.is_empty()).count() == *parts
            })
        });
        if is_remote { Ok(Self::Remote(typed.to_owned())) } else { Err(NotAStore(typed.to_owned())) }
    }
}

/// Is the folder that is used where the manifest names no store.
const BESIDE: &str = ".insightctl";

/// Reads `store`; a manifest without one keeps it in `.insightctl` beside itself.
pub(super) fn store(
    node: Option<&Located<Node>>,
    folder: &Folder,
    report: &mut Reporter<'_>,
) -> StoreAddress {
    let beside = || StoreAddress::Folder(folder.place(BESIDE).unwrap_or_else(|_| PathBuf::from(BESIDE)));
    let Some(node) = node else { return beside() };
    let Some(typed) = text(node, "`store`", report) else { return beside() };
    match typed.parse() {
        Err(refused @ NotAStore(_)) => {
            report.error(node.at, refused.to_string()).hint(refused.hint());
            beside()
        }
        Ok(StoreAddress::Folder(path)) => match folder.place(&path.to_string_lossy()) {
            Ok(path) => StoreAddress::Folder(path),
            Err(refused) => {
                report
                    .error(node.at, refused.message)
                    .hint("a folder elsewhere is chosen by whoever runs the tool, with `--store`");
                beside()
            }
        },
        Ok(StoreAddress::None) => StoreAddress::None,
        Ok(StoreAddress::Remote(remote)) => StoreAddress::Remote(remote),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_in_an_address_is_refused_and_not_shown() {
        for typed in ["az://account/container?sv=1&sig=word", "s3://key:word@bucket", "gs://bucket#word"] {
            let refused = typed.parse::<StoreAddress>().expect_err("it holds more than an address");
            assert!(!refused.to_string().contains("word"), "{refused}");
            assert!(refused.hint().contains("environment"));
        }
    }

    #[test]
    fn every_form_of_an_address_is_read() {
        assert_eq!("None".parse(), Ok(StoreAddress::None));
        assert_eq!("file:/var/lib/x".parse(), Ok(StoreAddress::Folder("/var/lib/x".into())));
        for remote in ["az://account/container", "az://account/container/a/b", "s3://bucket", "gs://bucket/a"]
        {
            assert_eq!(remote.parse(), Ok(StoreAddress::Remote(remote.to_owned())));
        }
        for wrong in ["", "file:", "az://account", "az:///container", "s3://", "s3://a b", "x", "/var/lib/x"]
        {
            assert!(wrong.parse::<StoreAddress>().is_err(), "{wrong}");
        }
    }
}
