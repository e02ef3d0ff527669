//! Objects that are whole or absent, in a folder, a bucket or memory: the few things that a store asks of its place.

use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::place::Options;

/// Is how many objects are read ahead of the one that is looked at.
pub(super) const AHEAD: usize = 8;

/// Is how often something is created while nobody answers.
const TRIES: usize = 3;

/// Reads and writes objects under one root.
#[derive(Clone)]
pub(super) struct Objects {
    inner: Arc<dyn ObjectStore>,
    /// How the root is shown to people.
    root: Arc<str>,
    prefix: Arc<str>,
    /// How it is reached, if it is a bucket.
    options: Option<Arc<Options>>,
    /// Where it is, if it is a folder.
    folder: Option<Arc<FilePath>>,
}

impl fmt::Debug for Objects {
    /// Shows where it is and nothing else: the library's own types hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Objects").field(&self.root).finish()
    }
}

/// Spells a number as a name, so that names sort as numbers do.
pub(super) fn name(number: u64) -> String {
    format!("{number:08}")
}

/// Writes a value as one line of JSON.
pub(super) fn json_line(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(&mut *out, value).expect("our own types are always JSON, and memory takes it");
    out.push(b'\n');
}

impl Objects {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, root: String) -> Self {
        Self { inner, root: root.into(), prefix: "".into(), options: None, folder: None }
    }

    pub(super) fn in_bucket(self, prefix: String, options: Options) -> Self {
        Self { prefix: prefix.into(), options: Some(Arc::new(options)), ..self }
    }

    pub(super) fn in_folder(self, folder: PathBuf) -> Self {
        Self { folder: Some(folder.into()), ..self }
    }

    /// Gives the root, as it is shown to people.
    pub(super) fn root(&self) -> String {
        self.root.to_string()
    }

    /// Gives an object's name, as it is shown to people.
    pub(super) fn shown(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// Creates an object unless there is one: of several who try, exactly one gets `true`.
    ///
    /// Whoever was not answered may have created it all the same. An object that holds exactly this content is taken
    /// for ours, so no two writers may ever offer the same one.
    pub(super) async fn create(&self, path: &str, content: Vec<u8>) -> Result<bool, StoreError> {
        let content = Bytes::from(content);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let payload = PutPayload::from_bytes(content.clone());
            match self.inner.put_opts(&self.at(path), payload, PutMode::Create.into()).await {
                Ok(_) => return Ok(true),
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                    return Ok(self.read(path).await?.is_some_and(|there| there == content));
                }
                Err(error) => {
                    let failed = self.failed("write", path, &error);
                    if attempt >= TRIES || !matches!(failed, StoreError::Unreachable { .. }) {
                        return Err(failed);
                    }
                    tracing::debug!(path, attempt, "nobody answered; asking again");
                }
            }
        }
    }

    /// Creates an object of one line of JSON unless there is one.
    pub(super) async fn create_json(&self, path: &str, value: &impl Serialize) -> Result<bool, StoreError> {
        let mut line = Vec::new();
        json_line(&mut line, value);
        self.create(path, line).await
    }

    /// Writes one line of JSON in place of what was there.
    pub(super) async fn replace_json(&self, path: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let mut line = Vec::new();
        json_line(&mut line, value);
        let put = self.inner.put(&self.at(path), PutPayload::from(line)).await;
        put.map(drop).map_err(|error| self.failed("write", path, &error))
    }

    /// Reads an object; `None` when there is none.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        let read = async { self.inner.get(&self.at(path)).await?.bytes().await };
        match read.await {
            Ok(content) => Ok(Some(content)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", path, &error)),
        }
    }

    /// Says whether there is an object.
    pub(super) async fn exists(&self, path: &str) -> Result<bool, StoreError> {
        match self.inner.head(&self.at(path)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed("read", path, &error)),
        }
    }

    /// Reads a value of JSON; `None` when there is none.
    pub(super) async fn read_json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, StoreError> {
        let Some(content) = self.read(path).await? else { return Ok(None) };
        let value = serde_json::from_slice(&content);
        value.map(Some).map_err(|source| {
            let line = u64::try_from(source.line().max(1)).unwrap_or(u64::MAX);
            StoreError::Damaged { path: self.shown(path), line, source }
        })
    }

    /// Lists the numbers that name objects in a folder, in order; a folder that does not exist has none.
    pub(super) async fn numbers(&self, folder: &str, ending: &str) -> Result<Vec<u64>, StoreError> {
        let found = self.list(folder).await?.objects;
        Ok(sorted(found.iter().map(|object| &object.location), ending))
    }

    /// Lists the numbers that name folders in a folder, in order.
    pub(super) async fn folders(&self, folder: &str) -> Result<Vec<u64>, StoreError> {
        Ok(sorted(self.list(folder).await?.common_prefixes.iter(), ""))
    }

    /// Deletes an object; that there is none is as good.
    pub(super) async fn delete(&self, path: &str) -> Result<(), StoreError> {
        match self.inner.delete(&self.at(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("delete", path, &error)),
        }
    }

    /// Deletes an object that is no longer needed; that it stays is no harm.
    pub(super) async fn forget(&self, path: &str) {
        if let Err(error) = self.delete(path).await {
            stays(path, &error);
        }
    }

    /// Deletes everything below a folder that is no longer needed; that it stays is no harm.
    pub(super) async fn forget_all(&self, folder: &str) {
        let below = self.inner.list(Some(&self.at(folder))).map_ok(|object| object.location).boxed();
        let gone = self.inner.delete_stream(below).try_for_each(|_| async { Ok(()) });
        if let Err(error) = gone.await {
            stays(folder, &self.failed("delete", folder, &error));
        }
    }

    /// Deletes what processes that died have left half-written in a folder; only for whoever holds the lock.
    ///
    /// In a bucket nothing is ever half-written. On a disk the library writes beside the name, with `#` and a number
    /// at the end, and never lists such a file.
    pub(super) fn sweep(&self, below: &str) {
        let Some(folder) = &self.folder else { return };
        let entries = std::fs::read_dir(folder.join(below)).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let half =
                name.to_string_lossy().rsplit_once('#').is_some_and(|(_, end)| end.parse::<u64>().is_ok());
            if half && let Err(error) = std::fs::remove_file(entry.path()) {
                tracing::debug!(path = %entry.path().display(), %error, "a half-written file stays");
            }
        }
    }

    async fn list(&self, folder: &str) -> Result<object_store::ListResult, StoreError> {
        let listed = self.inner.list_with_delimiter(Some(&self.at(folder))).await;
        listed.map_err(|error| self.failed("list", folder, &error))
    }

    fn at(&self, path: &str) -> Path {
        Path::from(format!("{}/{path}", self.prefix))
    }

    fn failed(&self, doing: &'static str, path: &str, error: &object_store::Error) -> StoreError {
        StoreError::of(doing, self.shown(path), self.options.as_deref(), error)
    }
}

fn stays(path: &str, error: &StoreError) {
    tracing::debug!(path, %error, "something old stays");
}

fn sorted<'p>(paths: impl Iterator<Item = &'p Path>, ending: &str) -> Vec<u64> {
    let number = |path: &Path| path.filename()?.strip_suffix(ending)?.parse::<u64>().ok();
    let mut numbers: Vec<_> = paths.filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}
