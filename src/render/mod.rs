//! Turns values into words; nothing is decided here.

pub mod problems;
