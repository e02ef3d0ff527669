//! Reads a certificate and its key, from PEM or PFX, and signs with it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p12_keystore::{Pkcs12Archive, error::Error as PfxError};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use secrecy::{ExposeSecret, SecretString};

/// Is a certificate that was registered for an application, with its key.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<RsaKeyPair>,
    /// SHA-256 of the certificate, in base64url: what sign-in knows it by (`x5t#S256`).
    thumbprint: Arc<str>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

/// Says why a file gives no certificate to sign in with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Neither PEM nor PFX.
    #[error("it is neither PEM nor PFX: {0}")]
    Form(String),
    /// A PFX file under another password.
    #[error("its password is another one")]
    Password,
    /// A PEM key under a password.
    #[error("its key is encrypted")]
    EncryptedKey,
    /// No key.
    #[error("it holds no private key")]
    NoKey,
    /// A key that is not RSA, or too weak.
    #[error("its key cannot be used: {0}")]
    Key(String),
    /// No certificate of that key.
    #[error("it holds no certificate that belongs to its key")]
    NoCertificate,
}

impl CertificateError {
    /// Gives the advice that goes with it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Form(_) => "name a PEM file with the key and its certificate, or a PFX file",
            Self::Password => "set AZURE_CLIENT_CERTIFICATE_PASSWORD to the password of the PFX file",
            Self::EncryptedKey => {
                "take the password off (`openssl pkey -in FILE`) and protect the file, or use a PFX file with \
                 AZURE_CLIENT_CERTIFICATE_PASSWORD"
            }
            Self::NoKey => {
                "put the private key (`BEGIN PRIVATE KEY` or `BEGIN RSA PRIVATE KEY`) into the same file"
            }
            Self::Key(_) => "sign-in takes RSA keys of 2048 to 8192 bits",
            Self::NoCertificate => "put the certificate (`BEGIN CERTIFICATE`) of the key into the same file",
        }
    }
}

impl Certificate {
    /// Reads a PEM file with a key and its certificate in any order, or a PFX file.
    ///
    /// The key is RSA, as PKCS#8 or PKCS#1. Of several certificates, the one of the key is taken. The password is for PFX
    /// files only.
    pub fn read(file: &[u8], password: Option<&SecretString>) -> Result<Self, CertificateError> {
        let pem = file.windows(11).any(|some| some == b"-----BEGIN ");
        let (key, certificates) = if pem { from_pem(file)? } else { from_pfx(file, password)? };
        let public = key.public().as_ref();
        // A certificate holds its public key as it is.
        let own = certificates.iter().find(|der| der.windows(public.len()).any(|some| some == public));
        let own = own.ok_or(CertificateError::NoCertificate)?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, own)).into();
        Ok(Self { key: Arc::new(key), thumbprint })
    }

    /// Gives the SHA-256 of the certificate in base64url, which is no secret.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Signs with RSASSA-PSS and SHA-256.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature)
            .expect("the key was checked when it was read, and the buffer is as long as its modulus");
        signature
    }

    /// Gives the public key, as `RSAPublicKey` in DER.
    #[cfg(test)]
    pub(super) fn public_key(&self) -> &[u8] {
        self.key.public().as_ref()
    }
}

type KeyAndCertificates = (RsaKeyPair, Vec<Vec<u8>>);

fn from_pem(file: &[u8]) -> Result<KeyAndCertificates, CertificateError> {
    let has = |words: &[u8]| file.windows(words.len()).any(|some| some == words);
    if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
        return Err(CertificateError::EncryptedKey);
    }
    let (mut key, mut certificates) = (None, Vec::new());
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(file) {
        // The error could repeat a piece of the key.
        let (kind, der) =
            section.map_err(|_| CertificateError::Form("the PEM is not well formed".to_owned()))?;
        match kind {
            SectionKind::PrivateKey => key = Some(RsaKeyPair::from_pkcs8(&der)),
            SectionKind::RsaPrivateKey => key = Some(RsaKeyPair::from_der(&der)),
            SectionKind::EcPrivateKey => return Err(CertificateError::Key("it is not RSA".to_owned())),
            SectionKind::Certificate => certificates.push(der),
            // Whatever else stands in such files is of no use here.
            SectionKind::PublicKey | SectionKind::Crl | SectionKind::Csr | SectionKind::EchConfigList | _ => {
            }
        }
    }
    let key = key.ok_or(CertificateError::NoKey)?;
    Ok((key.map_err(|error| CertificateError::Key(error.to_string()))?, certificates))
}

fn from_pfx(file: &[u8], password: Option<&SecretString>) -> Result<KeyAndCertificates, CertificateError> {
    let password = password.map_or("", ExposeSecret::expose_secret);
    let archive = Pkcs12Archive::from_pkcs12(file, password).map_err(|error| {
        if matches!(error, PfxError::MacError(_) | PfxError::UnpadError | PfxError::Pkcs5Error(_)) {
            CertificateError::Password
        } else {
            CertificateError::Form(error.to_string())
        }
    })?;
    let key = archive.keys.first().ok_or(CertificateError::NoKey)?;
    let key = RsaKeyPair::from_pkcs8(key.key.as_der());
    let key = key.map_err(|error| CertificateError::Key(error.to_string()))?;
    Ok((key, archive.certs.iter().map(|bag| bag.cert.as_der().to_vec()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, password: Option<&str>) -> Result<Certificate, CertificateError> {
        let path = format!("{}/tests/certificates/{name}", env!("CARGO_MANIFEST_DIR"));
        let password = password.map(|word| SecretString::from(word.to_owned()));
        Certificate::read(&std::fs::read(path).unwrap(), password.as_ref())
    }

    #[test]
    fn every_form_of_the_same_certificate_has_the_same_thumbprint() {
        let thumbprint = read("app.pem", None).unwrap().thumbprint().to_owned();
        assert_eq!(thumbprint.len(), 43, "256 bits in base64url");
        for (name, password) in [
            ("app-pkcs1.pem", None),
            ("chain.pem", None),
            ("app.pfx", Some("word")),
            ("legacy.pfx", Some("word")),
            ("bare.pfx", None),
        ] {
            assert_eq!(read(name, password).unwrap().thumbprint(), thumbprint, "{name}");
        }
    }

    #[test]
    fn a_file_that_is_of_no_use_says_why() {
        let why = |name, password| read(name, password).unwrap_err();
        assert_eq!(why("encrypted.pem", None), CertificateError::EncryptedKey);
        assert_eq!(why("mismatched.pem", None), CertificateError::NoCertificate);
        assert_eq!(why("authority.pem", None), CertificateError::NoKey);
        assert!(matches!(why("elliptic.pem", None), CertificateError::Key(_)));
        assert_eq!(why("app.pfx", None), CertificateError::Password);
        assert_eq!(why("legacy.pfx", Some("other")), CertificateError::Password);
        assert!(matches!(why("README.md", None), CertificateError::Form(_)));
        assert!(matches!(Certificate::read(b"", None), Err(CertificateError::Form(_))));
    }

    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:?}", read("app.pem", None).unwrap());
        assert!(shown.starts_with("Certificate { thumbprint: ") && shown.len() < 90, "{shown}");
    }
}
