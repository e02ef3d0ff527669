//! Says what time decides: which waves are in force, when changes may be made, who is told what, and when.

mod timeline;

pub use timeline::{Facts, Timeline, in_force, timeline};

pub use crate::model::rollout::{Hold, Phase, WaveStatus};

#[cfg(test)]
mod tests;
