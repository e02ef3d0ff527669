//! Tries the client out on a model of a service, in time that passes by itself.
//!
//! The model stands where HTTP stands otherwise, beneath the retry loop, so that all above it is the real thing.

mod bears;
pub(crate) mod service;
pub(crate) mod tenant;
