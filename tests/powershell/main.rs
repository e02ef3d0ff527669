//! PowerShell as the carrier of the insights settings: the script, the stand-in, and everything that can go wrong
//! between two processes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at its first surprise")]

mod company;
mod grammar;
mod lines;
mod same;
#[path = "../stage/served.rs"]
mod served;
mod service;
#[path = "../stage/mod.rs"]
mod stage;
mod starting;
