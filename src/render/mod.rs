//! Turns values into words; nothing is decided here.
//!
//! Each module renders one value and offers the forms that make sense for it: `text` for a terminal, `markdown` for a
//! pull-request comment, `json` for programs and `csv` for spreadsheets. Sentences live in `words`, colours in
//! `style`, and everything that was not written by us passes through `inert` first.

pub mod adoption;
pub mod announcement;
pub mod balance;
pub mod difference;
pub mod doctor;
pub mod drift;
pub mod explain;
pub mod export;
pub mod failure;
pub mod handover;
pub mod import;
pub mod next;
pub mod plan;
pub mod problems;
pub mod progress;
pub mod recording;
pub mod report;
pub mod results;
pub mod rollout;
pub mod runs;
pub mod verify;
pub mod waiver;

mod agreed;
mod change;
mod inert;
mod json;
mod licensing;
mod markdown;
mod number;
mod objection;
mod page;
mod style;
mod table;
mod waves;
mod who;
mod words;

pub use agreed::{nothing_to_release, released};
pub use failure::failure;
pub use inert::{inert, lines};
pub use progress::Progress;

/// Says how text is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether colours may be used; the words never depend on them.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// How many people each block shows before it says how many more there are; `usize::MAX` shows everybody.
    pub details: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { colour: false, width: 80, details: 10 }
    }
}

#[cfg(test)]
mod sample;
