//! Makes a change in the tree itself: what the edited text has to mean.

use super::Change;
use crate::manifest::problem::At;
use crate::manifest::syntax::{Located, Node};

/// Is one step on the way to a place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into the value of a key.
    Key(&'static str),
    /// Into an item of a list.
    Index(usize),
}

/// Gives a value that stands nowhere yet.
pub(super) fn nowhere<T>(value: T) -> Located<T> {
    Located { value, at: At::TOP }
}

/// Makes a mapping that stands nowhere yet.
pub(super) fn mapping(entries: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    let entry = |(key, value): (&'static str, Node)| (nowhere(key.to_owned()), nowhere(value));
    Node::Map(entries.into_iter().map(entry).collect())
}

/// Finds a place.
pub(super) fn find<'n>(node: &'n Located<Node>, path: &[Step]) -> Option<&'n Located<Node>> {
    let Some((step, rest)) = path.split_first() else { return Some(node) };
    let next = match (step, &node.value) {
        (Step::Key(key), Node::Map(entries)) => {
            entries.iter().find(|(found, _)| found.value == *key).map(|(_, value)| value)
        }
        (Step::Index(index), Node::Seq(items)) => items.get(*index),
        (
            Step::Key(_) | Step::Index(_),
            Node::Null
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Float(_)
            | Node::Str(_)
            | Node::Seq(_)
            | Node::Map(_),
        ) => None,
    };
    find(next?, rest)
}

/// Makes the change at a place.
pub(super) fn apply(node: &mut Located<Node>, path: &[Step], change: &Change) -> Option<()> {
    let Some((step, rest)) = path.split_first() else { return here(node, change) };
    let next = match (step, &mut node.value) {
        (Step::Key(key), Node::Map(entries)) => {
            entries.iter_mut().find(|(found, _)| found.value == *key).map(|(_, value)| value)
        }
        (Step::Index(index), Node::Seq(items)) => items.get_mut(*index),
        (
            Step::Key(_) | Step::Index(_),
            Node::Null
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Float(_)
            | Node::Str(_)
            | Node::Seq(_)
            | Node::Map(_),
        ) => None,
    };
    apply(next?, rest, change)
}

fn here(node: &mut Located<Node>, change: &Change) -> Option<()> {
    match (change, &mut node.value) {
        (Change::Set(key, value), Node::Map(entries)) => {
            match entries.iter_mut().find(|(found, _)| found.value == *key) {
                Some((_, old)) => old.value = value.clone(),
                None => entries.push((nowhere((*key).to_owned()), nowhere(value.clone()))),
            }
            Some(())
        }
        (Change::Push(item), Node::Seq(items)) => {
            items.push(nowhere(item.clone()));
            Some(())
        }
        (
            Change::Set(..) | Change::Push(_),
            Node::Null
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Float(_)
            | Node::Str(_)
            | Node::Seq(_)
            | Node::Map(_),
        ) => None,
    }
}

/// Says whether two trees mean the same, wherever it stands.
pub(super) fn same(one: &Located<Node>, other: &Located<Node>) -> bool {
    match (&one.value, &other.value) {
        (Node::Seq(one), Node::Seq(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Node::Map(one), Node::Map(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| one.0.value == other.0.value && same(&one.1, &other.1))
        }
        (one, other) => one == other,
    }
}
