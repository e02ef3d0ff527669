//! Reads `windows` and `freezes`.

use super::Around;
use crate::manifest::problem::Reporter;
use crate::manifest::syntax::{Located, Node};
use crate::model::rollout::{Freeze, Window};

/// Reads `windows`.
pub(super) fn windows(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Vec<Window> {
    let _ = (node, around, report);
    Vec::new()
}

/// Reads `freezes`.
pub(super) fn freezes(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Vec<Freeze> {
    let _ = (node, around, report);
    Vec::new()
}
