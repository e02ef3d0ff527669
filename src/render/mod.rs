//! Turns values into words; nothing is decided here.

mod problems;

pub use problems::{problems, summary};
