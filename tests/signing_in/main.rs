//! Runs the built program against a sandbox that it takes for Microsoft 365: every way to sign in, and what is told when
//! one fails.
#![expect(clippy::unwrap_used, reason = "a test may stop at its first surprise")]

mod credentials;
mod places;
mod secrets;
mod stage;
#[path = "../stage/mod.rs"]
mod stages;
