//! Carries out plans on the sandbox, over the wire.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod budget;
mod failing;
mod groups;
mod late;
mod moved;
mod saved;
mod stage;
mod stopping;
