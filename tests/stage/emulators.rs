//! Reaches emulators of Azure Blob Storage and Amazon S3, where the environment names them, and makes a container or
//! bucket in them for each test.
//!
//! `INSIGHTCTL_TEST_AZURITE` and `INSIGHTCTL_TEST_S3` are URLs such as `http://127.0.0.1:10000`; `.ci/run` starts both.
//! Nothing of the program is named here, so that tests beside its code can use this too.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

/// Is the account that every Azurite has, and its well-known key.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Is a container or bucket of an emulator: its address, and the environment that reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) address: String,
    pub(crate) options: Vec<(&'static str, String)>,
}

/// Makes a container in Azurite, if there is one.
pub(crate) async fn azurite() -> Option<Bucket> {
    let url = named("INSIGHTCTL_TEST_AZURITE")?;
    let name = fresh();
    create_container(&url, &name).await;
    Some(azure(&url, &name))
}

/// Gives the address of a container in an Azurite, which need not exist.
pub(crate) fn azure(url: &str, name: &str) -> Bucket {
    let options = vec![
        ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned()),
        ("AZURE_STORAGE_ENDPOINT", format!("{url}/{ACCOUNT}")),
    ];
    Bucket { address: format!("az://{ACCOUNT}/{name}/prefix"), options }
}

/// Makes a bucket in an S3 server, if there is one.
pub(crate) async fn s3() -> Option<Bucket> {
    let url = named("INSIGHTCTL_TEST_S3")?;
    let name = fresh();
    let answer = reqwest::Client::new().put(format!("{url}/{name}")).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let options = vec![
        ("AWS_ACCESS_KEY_ID", "tester".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "hush, this is secret".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT", url),
    ];
    Some(Bucket { address: format!("s3://{name}/prefix"), options })
}

/// Gives the URL of an emulator. Without one a test is skipped, loudly, and where everything must run it fails.
#[expect(clippy::disallowed_methods, reason = "a test asks which emulators there are")]
pub(crate) fn named(variable: &str) -> Option<String> {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    drop(rustls::crypto::ring::default_provider().install_default());
    if let Some(url) = std::env::var(variable).ok().filter(|url| !url.is_empty()) {
        return Some(url.trim_end_matches('/').to_owned());
    }
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "{variable} names no emulator, and CI skips nothing: see .ci/run");
    // Not by `eprintln!`, of which nobody hears when a test passes; once is enough.
    if TOLD.lock().unwrap().insert(variable.to_owned()) {
        drop(writeln!(std::io::stderr(), "\nSKIPPED: {variable} names no emulator; .ci/run starts them"));
    }
    None
}

fn fresh() -> String {
    format!("t{}", uuid::Uuid::new_v4().simple())
}

/// Creates a container, which the library cannot do: one request, signed with the account's key.
#[expect(clippy::disallowed_methods, reason = "the emulator refuses a request that is not of now")]
async fn create_container(url: &str, name: &str) {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let version = "2023-11-03";
    let to_sign = format!(
        "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    );
    let signature = BASE64_STANDARD.encode(hmac(&BASE64_STANDARD.decode(KEY).unwrap(), to_sign.as_bytes()));
    let answer = reqwest::Client::new()
        .put(format!("{url}/{ACCOUNT}/{name}?restype=container"))
        .header("x-ms-date", date)
        .header("x-ms-version", version)
        .header("content-length", "0")
        .header("authorization", format!("SharedKey {ACCOUNT}:{signature}"))
        .send()
        .await
        .unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
}

/// Computes HMAC-SHA256 (RFC 2104) with a key of at most 64 bytes.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}
