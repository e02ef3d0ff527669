//! Renders earlier runs: a list of them, and one told whole.

use super::inert;
use crate::store::UnderWay;

/// Says that somebody applies right now.
pub fn under_way(holder: &UnderWay) -> String {
    let UnderWay { run, holder, since } = holder;
    format!(
        "run {run} is under way, by {} since {since}: what it did so far is taken into account",
        inert::quoted(holder)
    )
}
