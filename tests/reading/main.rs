//! Drives the reader and the writer against the sandbox, over the wire.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

mod audit;
mod faults;
mod people;
mod selectors;
mod signing_in;
mod stage;
mod writing;
