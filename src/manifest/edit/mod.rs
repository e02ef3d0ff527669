//! Edits a manifest's text and leaves everything else in it as it stands: comments, layout, line ends.
//!
//! A change is spliced in by the places of the tree (`splice`), and made in the tree itself as well (`tree`). The new
//! text is read again: unless it means exactly what the changed tree says, the edit is refused.

mod splice;
mod tree;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use super::folder::Folder;
use super::problem::{Problems, Reporter};
use super::syntax::{self, Located, Node};
use super::text::decode;
use super::{Manifest, document};
use tree::{Step, same};

/// Is one change of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A wave runs for so many days.
    RunsFor {
        /// Its index.
        wave: u32,
        /// How many.
        days: u32,
    },
    /// A wave is approved.
    Approve {
        /// Its index.
        wave: u32,
    },
    /// A wave takes in so much of its groups, such as `20%`.
    Canary {
        /// Its index.
        wave: u32,
        /// How much.
        share: crate::model::Percent,
    },
    /// A wave is for these groups as well.
    AddToWave {
        /// Its index.
        wave: u32,
        /// Their names.
        groups: Vec<String>,
    },
    /// There is one more wave, at the end.
    AddWave {
        /// Its name.
        name: String,
        /// The names of its groups.
        groups: Vec<String>,
        /// The name of the wave that it comes after.
        after: String,
        /// The day before which it does not begin.
        starts: jiff::civil::Date,
    },
    /// There is one more group, at the end, that holds everybody whom no other holds, and asks for the same as another.
    AddEveryone {
        /// Its name.
        name: String,
        /// The index of the group that it takes after.
        like: u32,
    },
}

/// Says why a manifest was not edited.
#[derive(Debug, thiserror::Error)]
pub enum NotEdited {
    /// The file is no plain UTF-8.
    #[error("the manifest is not written in UTF-8")]
    NotUtf8,
    /// The change would change something else too, or not what was meant.
    #[error("the manifest is laid out so that this cannot be changed by itself")]
    Layout,
    /// The same, where values are repeated by anchors.
    #[error("the manifest repeats values by anchors (`&` and `*`), so that this cannot be changed by itself")]
    Anchors,
    /// The text could not be read, or the edit makes it wrong.
    #[error(transparent)]
    Problems(Problems),
}

/// Edits a manifest's bytes; the byte order mark stays, if there is one.
pub fn edit(bytes: &[u8], edits: &[Edit]) -> Result<String, NotEdited> {
    let whole = str::from_utf8(bytes).map_err(|_| NotEdited::NotUtf8)?;
    let (mark, text) = match whole.strip_prefix('\u{feff}') {
        Some(text) => ("\u{feff}", text),
        None => ("", whole),
    };
    // Places are those of the text as it is read; a mark in the middle would move them.
    if decode(bytes.to_vec()).ok().as_deref() != Some(text) {
        return Err(NotEdited::NotUtf8);
    }
    let mut text = text.to_owned();
    for edit in edits {
        for (path, change) in steps(edit, &read(&text)?) {
            text = one(&text, &path, &change)?;
        }
    }
    Ok(format!("{mark}{text}"))
}

/// Reads a manifest from bytes that are not in its file yet.
pub fn reread(path: &Path, bytes: Vec<u8>) -> Result<Manifest, NotEdited> {
    let folder = Folder::of(path).map_err(|_| NotEdited::Layout)?;
    document::read(path, bytes, &folder).map_err(NotEdited::Problems)
}

/// Is one change of the tree.
#[derive(Clone, Debug)]
enum Change {
    /// Sets the key of a mapping to a plain value.
    Set(&'static str, Node),
    /// Adds an item to a list.
    Push(Node),
}

fn read(text: &str) -> Result<Located<Node>, NotEdited> {
    let mut problems = Problems::default();
    let mut report = Reporter { problems: &mut problems, file: Arc::from(Path::new("")) };
    let tree = syntax::read(text, &mut report);
    tree.ok_or(NotEdited::Problems(problems))
}

/// Makes one change, and makes sure that it is the only one.
fn one(text: &str, path: &[Step], change: &Change) -> Result<String, NotEdited> {
    let layout = || if has_anchors(text) { NotEdited::Anchors } else { NotEdited::Layout };
    let mut tree = read(text)?;
    let node = tree::find(&tree, path).ok_or_else(layout)?;
    let new = splice::splice(text, node, change).ok_or_else(layout)?;
    tree::apply(&mut tree, path, change).ok_or_else(layout)?;
    let becomes = read(&new).map_err(|_| layout())?;
    if same(&becomes, &tree) { Ok(new) } else { Err(layout()) }
}

/// Says whether a text looks as if it had anchors or aliases.
fn has_anchors(text: &str) -> bool {
    text.split_whitespace().any(|word| word.len() > 1 && (word.starts_with('&') || word.starts_with('*')))
}

/// Says which places of the tree an edit changes, and how.
fn steps(edit: &Edit, tree: &Located<Node>) -> Vec<(Vec<Step>, Change)> {
    let waves = || vec![Step::Key("rollout"), Step::Key("waves")];
    let wave = |index: u32| [waves(), vec![Step::Index(index as usize)]].concat();
    let word = |text: &str| Node::Str(text.to_owned());
    let list = |names: &[String]| {
        Node::Seq(names.iter().map(|name| tree::nowhere(Node::Str(name.clone()))).collect())
    };
    match edit {
        Edit::RunsFor { wave: index, days } => {
            vec![(wave(*index), Change::Set("runs-for", word(&format!("{days} days"))))]
        }
        Edit::Approve { wave: index } => vec![(wave(*index), Change::Set("approved", Node::Bool(true)))],
        Edit::Canary { wave: index, share } => {
            vec![(wave(*index), Change::Set("canary", word(&share.to_string())))]
        }
        Edit::AddToWave { wave: index, groups } => {
            let to = [wave(*index), vec![Step::Key("groups")]].concat();
            groups.iter().map(|group| (to.clone(), Change::Push(word(group)))).collect()
        }
        Edit::AddWave { name, groups, after, starts } => {
            let entries = [
                ("name", word(name)),
                ("groups", list(groups)),
                ("after", word(after)),
                ("starts", word(&starts.to_string())),
            ];
            vec![(waves(), Change::Push(tree::mapping(entries)))]
        }
        Edit::AddEveryone { name, like } => {
            let of = tree::find(tree, &[Step::Key("groups"), Step::Index(*like as usize)]);
            let taken = ["mode", "features", "service-plan"].into_iter().filter_map(|key| {
                let value = tree::find(of?, &[Step::Key(key)])?;
                Some((key, value.value.clone()))
            });
            let everyone = tree::mapping([("everyone", Node::Bool(true))]);
            let members = ("members", Node::Seq(vec![tree::nowhere(everyone)]));
            let entries = [("name", word(name))].into_iter().chain(taken).chain([members]);
            vec![(vec![Step::Key("groups")], Change::Push(tree::mapping(entries)))]
        }
    }
}
