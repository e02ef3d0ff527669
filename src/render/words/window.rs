//! Words for windows and freezes.

use crate::model::rollout::{Closed, ClosedBy};
use crate::render::number::moment;

use super::Quote;

/// Says until when changes are closed, and why: `until 2026-12-18 19:00 UTC, outside the window weeknights`.
pub(in crate::render) fn closed(Closed { by, opens }: &Closed, quote: Quote) -> String {
    let by = match by {
        ClosedBy::Freeze(name) => format!("by the freeze {}", quote(name)),
        ClosedBy::Window(name) => format!("outside the window {}", quote(name)),
    };
    match opens {
        Some(opens) => format!("until {}, {by}", moment(*opens)),
        None => format!("with no end in sight, {by}"),
    }
}
