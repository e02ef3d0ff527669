//! One file of a store: its identity, a ledger, a journal, a lock, or what it keeps of a run.
//!
//! An input is a byte that says which file it replaces, and the file's bytes.

use std::fs;
use std::path::{Path, PathBuf};

use insightctl::apply::Report;
use insightctl::clock::Clock;
use insightctl::model::{Settle, TenantId};
use insightctl::store::{Place, Store, StoreError, WhenMissing};
use uuid::uuid;

use crate::drive::{Target, paths};
use crate::program::{example, run};

const TENANT: TenantId = TenantId(uuid!("3f2504e0-4f89-41d3-9a0c-0305e82c3301"));

const WORDS: [&str; 32] = [
    "{\"started\":{\"format\":1,",
    "{\"format\":2,",
    "\"observed\"",
    "\"observed-tenant\"",
    "\"intent\":{\"operation\":0,",
    "\"outcome\"",
    "\"read-back\"",
    "\"returned\"",
    "\"released\"",
    "\"finished\"",
    "\"subject\":{\"person\":",
    "\"from\":null",
    "\"to\":\"opt-out\"",
    "\"repeat\":true",
    "\"answer\":\"sent\"",
    "\"answer\":{\"refused\":\"forbidden\"}",
    "\"attempts\":4294967296",
    "\"at\":\"9999-12-31T23:59:59Z\"",
    "\"at\":\"-009999-01-01T00:00:00Z\"",
    "\"until\":\"9999-12-31T23:59:59Z\"",
    "\"pieces\":18446744073709551615",
    "\"lines\":0",
    "\"number\":0",
    "\"through\":18446744073709551615",
    "\"tenant\":\"00000000-0000-0000-0000-000000000000\"",
    "\"holder\":\"\\u001b[31m\"",
    "null",
    "{}",
    "[]",
    "}\n{",
    "\n\n",
    "\\ud800",
];

/// Is a file of a store, and what is in it while all is well.
struct Part {
    store: PathBuf,
    file: PathBuf,
    content: Vec<u8>,
    /// Whether its last line may be torn.
    may_be_torn: bool,
}

pub(crate) fn target() -> Target {
    let folder = example();
    let wholly = ["apply", "--yes", "--allow", "defaults", "-q"];
    run(folder.path(), &wholly);
    run(folder.path(), &["sandbox", "person", "ada@contoso.com", "--mode", "opt-out"]);
    run(folder.path(), &wholly);
    let finished = folder.path().join(".insightctl");
    // A run that died: its journal is all that there is.
    let died = folder.path().join("died");
    for path in paths(&finished) {
        let inside = path.strip_prefix(&finished).unwrap();
        if !(inside.starts_with("ledger") || inside.ends_with("report.json")) {
            let to = died.join(inside);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&path, to).unwrap();
        }
    }
    let parts: Vec<Part> = [finished, died].iter().flat_map(|store| parts(store)).collect();
    let journals =
        parts.iter().filter(|part| part.file.extension().is_some_and(|end| end == "jsonl")).count();
    assert!(journals > 3, "the example leaves a ledger and the journals of two runs behind");
    let corpus = (0_u8..).zip(&parts).map(|(which, part)| [&[which], &part.content[..]].concat()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let judge = move |input: &[u8]| {
        let _kept = &folder;
        let (which, content) = input.split_first().unwrap_or((&0, &[]));
        let part = &parts[usize::from(*which) % parts.len()];
        fs::write(&part.file, content).unwrap();
        let read = runtime.block_on(read(&part.store));
        fs::write(&part.file, &part.content).unwrap();
        match read {
            Ok(told) => Ok(told),
            Err(error) if part.may_be_torn && part.content.starts_with(content) => {
                Err(format!("a torn last line is not borne: {error}"))
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                located(&error, part, content).map(|()| format!("{error}: {}", cause.unwrap_or_default()))
            }
        }
    };
    Target { name: "store", corpus, words: WORDS.to_vec(), giants: Vec::new(), judge: Box::new(judge) }
}

fn parts(store: &Path) -> Vec<Part> {
    let files = paths(store);
    let last =
        files.iter().rfind(|file| file.parent().is_some_and(|folder| folder.ends_with("journal"))).cloned();
    let part = |file: PathBuf| {
        let content = fs::read(&file).unwrap();
        let may_be_torn = last.as_ref() == Some(&file);
        Part { store: store.to_owned(), file, content, may_be_torn }
    };
    files.into_iter().map(part).collect()
}

/// Reads everything that can be read of a store.
async fn read(store: &Path) -> Result<String, StoreError> {
    let clock = Clock::still("2026-03-01T08:30:00Z".parse().unwrap());
    let store = Store::open(&Place::Folder(store.to_owned()), TENANT, WhenMissing::Refuse).await?;
    let remembered = store.ledger(&Settle::default(), &clock).await?;
    let runs = store.runs(100, &clock).await?;
    for past in &runs {
        store.run::<Report>(past.id, &clock).await?;
    }
    Ok(format!("{:?} {:?}", remembered.unfinished, remembered.under_way.is_some()))
}

/// Refuses an error that leaves open which file it is about, or names a line that is not there.
fn located(error: &StoreError, part: &Part, content: &[u8]) -> Result<(), String> {
    let told = error.to_string();
    let name = part.file.file_name().unwrap().to_string_lossy();
    if let StoreError::Damaged { path, line, source: _ } = error {
        let lines = content.split(|byte| *byte == b'\n').count() as u64;
        if !path.contains(&*name) || !(1..=lines).contains(line) {
            return Err(format!("{} has {lines} lines: {told}", part.file.display()));
        }
        return Ok(());
    }
    let store = part.store.to_string_lossy();
    if told.contains(&*store) { Ok(()) } else { Err(format!("it names no place: {told}")) }
}
