//! Reads `waves`.

use super::Around;
use crate::manifest::problem::{At, Reporter};
use crate::manifest::syntax::{Located, Node};
use crate::model::rollout::Wave;

/// Reads the list; each wave with the place of its name.
pub(super) fn waves(node: &Located<Node>, around: Around<'_>, report: &mut Reporter<'_>) -> Vec<(Wave, At)> {
    let _ = (node, around, report);
    Vec::new()
}
