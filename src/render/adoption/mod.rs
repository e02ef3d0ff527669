//! Renders how far a rollout has come, as text, JSON, CSV and a page of HTML.

use std::io::{self, Write};

use super::json;
use crate::rollout::adoption::Adoption;

mod chart;
mod html;
mod rows;
mod text;
mod words;

pub use html::html;
pub use rows::csv;
pub use text::text;

/// Writes the report itself as JSON, indented, with a newline at its end.
pub fn json(out: &mut dyn Write, adoption: &Adoption) -> io::Result<()> {
    json::pretty(out, adoption)
}

#[cfg(test)]
mod tests;
