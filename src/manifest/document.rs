//! Reads the whole manifest, and says everything that is wrong with it at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::fields::{Fields, fields, items};
use super::folder::Folder;
use super::group::{self, Group};
use super::members::{Reader, unreadable};
use super::problem::{At, File, Problems, Reporter, quoted};
use super::scenario::{self, Scenario};
use super::syntax::{self, Located, Node};
use super::text::decode;
use super::transport::Transport;
use super::{Manifest, accept, needs, rollout, store, tenant, words};
use crate::model::Needs;

/// Is the version of the manifest that this program reads.
const VERSION: i128 = 1;

const KEYS: [&str; 13] = [
    "version",
    "tenant",
    "cloud",
    "transport",
    "scenario",
    "defaults",
    "groups",
    "licences",
    "rollout",
    "accept",
    "guards",
    "settle",
    "store",
];

/// Reads a manifest from its bytes, and the files that it names from its folder.
pub(super) fn read(path: &Path, bytes: Vec<u8>, folder: &Folder) -> Result<Manifest, Problems> {
    let mut problems = Problems::default();
    let path: Arc<Path> = path.into();
    let mut digest = Sha256::new_with_prefix(&bytes);
    let text = match decode(bytes) {
        Ok(text) => text,
        Err(no_text) => {
            unreadable(&mut problems, &path, no_text);
            return Err(problems);
        }
    };
    let file = File { path: Arc::clone(&path), text: text.into() };
    problems.know(&file);
    let mut reader = Reader::new(folder);
    let mut report = Reporter { problems: &mut problems, file: Arc::clone(&path) };
    let read = document(&file.text, &mut reader, folder, &mut report);
    let (files, digests) = reader.into_files();
    problems.sort(&[vec![path], files].concat());
    if problems.has_errors() {
        return Err(problems);
    }
    let Some(mut manifest) = read else { return Err(problems) };
    for file in digests {
        digest.update(file);
    }
    manifest.digest = hex(&digest.finalize());
    manifest.file = file;
    manifest.warnings = problems;
    Ok(manifest)
}

fn document(
    text: &str,
    reader: &mut Reader<'_>,
    folder: &Folder,
    report: &mut Reporter<'_>,
) -> Option<Manifest> {
    let root = syntax::read(text, report)?;
    if root.value == Node::Null {
        report
            .error(At::TOP, "the manifest is empty")
            .hint("`insightctl init --scenario default-off` writes one to begin with");
        return None;
    }
    let fields = fields(&root, "a manifest", &KEYS, report)?;
    version(&fields, report);
    if fields.get("tenant").is_none() {
        report
            .error(At::TOP, "the manifest names no tenant")
            .hint("add `tenant:` with its `id`, so that a token for another tenant is refused");
    }
    let (id, name) = fields.get("tenant").map(|node| tenant::tenant(node, report)).unwrap_or_default();
    let transport = fields.get("transport").and_then(|node| {
        let words = Transport::ALL.map(|transport| (transport.word(), transport));
        words::word(node, "`transport`", &words, report)
    });
    let cloud = fields.get("cloud").and_then(|node| tenant::cloud(node, report)).unwrap_or_default();
    let scenario = fields.get("scenario").and_then(|node| {
        let words = Scenario::ALL.map(|scenario| (scenario.word(), scenario));
        words::word(node, "`scenario`", &words, report).map(|scenario| (scenario, node.at))
    });
    let defaults = fields.get("defaults").map(|node| tenant::defaults(node, report)).unwrap_or_default();
    let groups = fields.get("groups").map(|node| groups(node, reader, report)).unwrap_or_default();
    let through_groups = fields.get("licences").is_some_and(|node| tenant::licences(node, report));
    let rollout =
        fields.get("rollout").map(|node| rollout::read(node, &groups, folder, report)).unwrap_or_default();
    let accepts = fields.get("accept").map(|node| accept::read(node, reader, report)).unwrap_or_default();
    let (protected, limits) =
        fields.get("guards").map(|node| tenant::guards(node, reader, report)).unwrap_or_default();
    let settle = fields.get("settle").map(|node| tenant::settle(node, report)).unwrap_or_default();
    let store = store::store(fields.get("store"), folder, report);
    scenario::check(scenario, &defaults, &groups, report);
    accept::check(&accepts, &groups, report);
    let default_lines = defaults.values().map(|(_, at)| at.line).collect();
    let mut manifest = Manifest {
        tenant: id?,
        tenant_name: name,
        transport,
        cloud,
        scenario: scenario.map(|(scenario, _)| scenario),
        defaults: defaults.into_iter().filter_map(|(setting, (value, _))| Some((setting, value?))).collect(),
        groups,
        through_groups,
        rollout,
        protected,
        accepts,
        limits,
        settle,
        store,
        needs: Needs::default(),
        digest: String::new(),
        file: File { path: Path::new("").into(), text: "".into() },
        warnings: Problems::default(),
    };
    manifest.needs = needs::needs(default_lines, &manifest.groups, through_groups, manifest.rules());
    Some(manifest)
}

fn version(fields: &Fields<'_>, report: &mut Reporter<'_>) {
    match fields.get("version") {
        None => {
            report.error(At::TOP, "the manifest has no version").hint("begin it with `version: 1`");
        }
        Some(Located { value: Node::Int(VERSION) | Node::Null, .. }) => {}
        Some(Located { value: Node::Float(other), at }) => {
            report
                .error(*at, format!("there is no version {other:?} of the manifest"))
                .hint("write `version: 1`");
        }
        Some(Located { value: Node::Int(other), at }) => {
            let hint = if *other > VERSION {
                "this program reads version 1: a newer one may read yours"
            } else {
                "write `version: 1`"
            };
            report.error(*at, format!("there is no version {other} of the manifest")).hint(hint);
        }
        Some(node) => {
            let found =
                if let Node::Str(text) = &node.value { quoted(text) } else { node.value.kind().to_owned() };
            report
                .error(node.at, format!("`version` must be the number 1, not {found}"))
                .hint("write `version: 1`");
        }
    }
}

fn groups(node: &Located<Node>, reader: &mut Reader<'_>, report: &mut Reporter<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for item in items(node, "`groups`", report).unwrap_or_default() {
        let Some(group) = group::read(item, reader, report) else { continue };
        if !group.name.is_empty() {
            match names.get(&group.name.to_lowercase()) {
                Some(line) => {
                    let hint = format!("the first is on line {line}; plans and results name groups");
                    report
                        .error(group.at, format!("two groups are called {}", quoted(&group.name)))
                        .hint(hint);
                }
                None => {
                    names.insert(group.name.to_lowercase(), group.at.line);
                }
            }
        }
        groups.push(group);
    }
    groups
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
    }
    hex
}
