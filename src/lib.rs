//! insightctl, as a library.

pub mod apply;
pub mod cli;
pub mod clock;
pub mod manifest;
pub mod microsoft;
pub mod model;
pub mod plan;
pub mod render;
pub mod sandbox;
pub mod store;
