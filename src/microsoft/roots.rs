//! Holds certificate authorities that are trusted beside those of this machine.

use std::fmt;

/// Is a list of certificate authorities, empty by default: those of a proxy that opens TLS, or of a test server.
///
/// On every system the machine's own authorities are trusted as well; on Linux `SSL_CERT_FILE` and `SSL_CERT_DIR` replace
/// those, as they do for other programs.
#[derive(Clone, Default)]
pub struct Roots(pub(crate) Vec<reqwest::Certificate>);

/// Says that a file holds no certificate authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds no certificate in PEM form")]
pub struct NoRoots;

impl Roots {
    /// Reads the certificates of a PEM file.
    pub fn read(pem: &[u8]) -> Result<Self, NoRoots> {
        match reqwest::Certificate::from_pem_bundle(pem) {
            Ok(roots) if !roots.is_empty() => Ok(Self(roots)),
            Ok(_) | Err(_) => Err(NoRoots),
        }
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        assert!(matches!(Roots::read(b""), Err(NoRoots)));
        assert!(matches!(
            Roots::read(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            Err(NoRoots)
        ));
    }
}
