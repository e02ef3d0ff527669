//! Where a store is: a folder, a bucket, or the memory of this process.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::ClientConfigKey;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{ObjectStore, RetryConfig};
use secrecy::{ExposeSecret, SecretString};

use super::StoreError;
use super::cause::Cause;
use super::objects::Objects;

/// Is where a store is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder of this machine, or of a share.
    Folder(PathBuf),
    /// A container or bucket.
    Bucket(Bucket),
    /// Nowhere but in this process; clones share it.
    Memory(Memory),
}

/// Is a container of Azure Blob Storage, or a bucket of Amazon S3 or Google Cloud Storage.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// As it was typed.
    address: String,
    kind: Kind,
    prefix: String,
    options: Options,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Azure { account: String, container: String },
    S3 { bucket: String },
    Google { bucket: String },
}

/// Is how a bucket is reached, by the name of the environment variable that says so: `AZURE_STORAGE_ACCOUNT_KEY` and
/// its like. A variable that the bucket's service does not know is passed over.
pub type Options = BTreeMap<String, SecretString>;

/// Is a store that ends with the process.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<InMemory>);

/// Ends the retries of one request well before the lock expires, so that a slow bucket does not cost us the lock.
const RETRIES: RetryConfig = RetryConfig {
    backoff: object_store::BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(5),
        base: 2.0,
    },
    max_retries: 5,
    retry_timeout: Duration::from_secs(15),
};

impl Place {
    /// Reads the address of a bucket: `az://account/container/prefix`, `s3://bucket/prefix` or `gs://bucket/prefix`.
    pub fn bucket(address: &str, options: Options) -> Result<Self, StoreError> {
        let wrong = || StoreError::NotABucket { address: address.to_owned() };
        let (scheme, rest) = address.split_once("://").ok_or_else(wrong)?;
        let mut parts = rest.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        let mut part = || parts.next().ok_or_else(wrong);
        let kind = match scheme {
            "az" => Kind::Azure { account: part()?, container: part()? },
            "s3" => Kind::S3 { bucket: part()? },
            "gs" => Kind::Google { bucket: part()? },
            _ => return Err(wrong()),
        };
        let prefix = parts.collect::<Vec<_>>().join("/");
        Ok(Self::Bucket(Bucket { address: address.to_owned(), kind, prefix, options }))
    }

    /// Reaches the place; a folder that is not there is made first if asked for, and reads as empty otherwise.
    pub(super) fn reach(&self, create: bool) -> Result<Objects, StoreError> {
        match self {
            Self::Folder(folder) => {
                let failed = |doing, error: &(dyn std::error::Error + 'static)| StoreError::Failed {
                    doing,
                    what: folder.display().to_string(),
                    source: Cause::of(error, &Options::new()),
                };
                if create {
                    make(folder).map_err(|error| failed("create", &error))?;
                } else if !folder.exists() {
                    let nothing = Memory::default();
                    return Ok(Objects::new(nothing.0, folder.display().to_string()));
                }
                // Every file is flushed, and its folder too: what was written outlives a power cut.
                let local =
                    LocalFileSystem::new_with_prefix(folder).map_err(|error| failed("open", &error))?;
                let local = local.with_fsync(true).with_automatic_cleanup(true);
                Ok(Objects::new(Arc::new(local), folder.display().to_string()).in_folder(folder.clone()))
            }
            Self::Bucket(bucket) => {
                let store = bucket.reach().map_err(|error| StoreError::Settings {
                    address: bucket.address.clone(),
                    source: Cause::of(&error, &bucket.options),
                })?;
                let objects = Objects::new(store, bucket.address.trim_end_matches('/').to_owned());
                Ok(objects.in_bucket(bucket.prefix.clone(), bucket.options.clone()))
            }
            Self::Memory(memory) => Ok(Objects::new(Arc::clone(&memory.0) as _, "memory".to_owned())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Bucket(bucket) => f.write_str(&bucket.address),
            Self::Memory(Memory(_)) => f.write_str("memory"),
        }
    }
}

impl Bucket {
    fn reach(&self) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
        // One TLS stack for everything; whoever was first has installed it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        match &self.kind {
            Kind::Azure { account, container } => {
                let mut builder = MicrosoftAzureBuilder::new();
                for (key, value) in self.known::<AzureConfigKey>("AZURE_") {
                    builder = builder.with_config(key, value);
                }
                if builder.get_config_value(&AzureConfigKey::Endpoint).is_some_and(|url| is_loopback(&url)) {
                    builder = builder.with_config(AzureConfigKey::Client(ClientConfigKey::AllowHttp), "true");
                }
                let builder = builder.with_account(account).with_container_name(container);
                Ok(Arc::new(builder.with_retry(RETRIES).build()?))
            }
            Kind::S3 { bucket } => {
                let mut builder = AmazonS3Builder::new();
                for (key, value) in self.known::<AmazonS3ConfigKey>("AWS_") {
                    builder = builder.with_config(key, value);
                }
                if builder.get_config_value(&AmazonS3ConfigKey::Endpoint).is_some_and(|url| is_loopback(&url))
                {
                    builder =
                        builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp), "true");
                }
                Ok(Arc::new(builder.with_bucket_name(bucket).with_retry(RETRIES).build()?))
            }
            Kind::Google { bucket } => {
                let mut builder = GoogleCloudStorageBuilder::new();
                for (key, value) in self.known::<GoogleConfigKey>("GOOGLE_") {
                    builder = builder.with_config(key, value);
                }
                Ok(Arc::new(builder.with_bucket_name(bucket).with_retry(RETRIES).build()?))
            }
        }
    }

    /// Gives the options that this service knows.
    fn known<K: std::str::FromStr>(&self, prefix: &'static str) -> impl Iterator<Item = (K, &str)> {
        let ours = self.options.iter().filter(move |(name, _)| name.starts_with(prefix));
        ours.filter_map(|(name, value)| {
            Some((name.to_ascii_lowercase().parse().ok()?, value.expose_secret()))
        })
    }
}

/// Makes a folder that nobody else may look into: who opted out is nobody else's business.
fn make(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Says whether a URL stays on this machine, as an emulator's does: only there may it do without TLS by itself.
fn is_loopback(url: &str) -> bool {
    let host = url.strip_prefix("http://").unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    host == "localhost" || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(address: &str, options: &[(&str, &str)]) -> Bucket {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        match Place::bucket(address, options).expect("an address") {
            Place::Bucket(bucket) => bucket,
            Place::Folder(_) | Place::Memory(_) => panic!("no bucket"),
        }
    }

    #[test]
    fn an_address_names_account_container_and_prefix() {
        let azure = bucket("az://contoso/state/prod/eu", &[]);
        let kind = Kind::Azure { account: "contoso".to_owned(), container: "state".to_owned() };
        assert_eq!((azure.kind, azure.prefix.as_str()), (kind, "prod/eu"));
        assert_eq!(bucket("s3://state", &[]).kind, Kind::S3 { bucket: "state".to_owned() });
        assert_eq!(bucket("gs://state/", &[]).prefix, "");
        for wrong in ["", "az://account", "s3://", "ftp://x/y", "/folder"] {
            assert!(Place::bucket(wrong, Options::new()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_account_of_the_address_wins_over_the_environment() {
        let options = [("AZURE_STORAGE_ACCOUNT_NAME", "fabrikam"), ("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")];
        let reached = bucket("az://contoso/state", &options).reach().expect("reached");
        assert!(reached.to_string().contains("account: contoso"), "{reached}");
    }

    #[test]
    fn no_secret_is_shown_for_debugging() {
        let bucket = bucket("s3://state", &[("AWS_SECRET_ACCESS_KEY", "hush")]);
        assert!(!format!("{bucket:?}").contains("hush"));
    }

    #[test]
    fn only_this_machine_may_do_without_tls_by_itself() {
        assert!(is_loopback("http://127.0.0.1:10000/devstoreaccount1") && is_loopback("http://localhost"));
        assert!(!is_loopback("https://127.0.0.1") && !is_loopback("http://storage.contoso.com"));
        assert!(!is_loopback("http://localhost.contoso.com"));
    }
}
