//! Carries out a plan, and says what became of every operation.

mod report;

pub use report::{FORMAT, Outcome, Report, Row, Stopped};
