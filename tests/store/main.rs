//! The store in buckets, as the built program and other processes meet it: two at once, errors, much at once.
//!
//! Needs emulators; `.ci/run` starts them. The properties of the store themselves stand beside its code, and run in
//! the same emulators.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at its first surprise")]

#[path = "../stage/emulators.rs"]
mod emulators;
mod large;
mod processes;
mod program;
#[path = "../stage/served.rs"]
mod served;
#[path = "../stage/mod.rs"]
mod stage;
