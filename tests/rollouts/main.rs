//! Proves what rollouts promise, over the wire: the day decides, and not the days before it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]

mod calls;
mod dates;
mod declared;
mod dying;
mod pausing;
mod stage;
