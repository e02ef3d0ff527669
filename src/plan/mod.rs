//! Decides what to do, and does nothing.

pub mod calls;
pub mod explain;
pub mod guard;
mod operation;

pub use operation::*;
