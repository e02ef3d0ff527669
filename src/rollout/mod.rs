//! Says what time decides: which waves are in force, when changes may be made, who is told what, and when.

pub mod adoption;
pub mod balance;
pub mod next;

mod announcement;
mod calendar;
mod overview;
mod timeline;
mod windows;

pub use announcement::{Addressee, Announcement, Draft, OfWave, announcement};
pub use calendar::{Access, Calendar};
pub use overview::{
    About, Asked, Changes, Checked, FORMAT, Frozen, Headcount, Opening, Overview, Stone, Wave, When,
};
pub use timeline::{Facts, Timeline, in_force, timeline};
pub use windows::Windows;

pub use crate::model::rollout::{Hold, Phase, WaveStatus};

#[cfg(test)]
mod tests;
