//! Says what time decides: which waves are in force, when changes may be made, who is told what, and when.

pub mod adoption;
pub mod balance;

mod timeline;

pub use timeline::{Facts, Hold, Phase, Timeline, WaveStatus};
