//! Drives the sandbox as a stranger would: plain HTTP, section by section of the vendor's documents.

mod directory;
mod faults;
mod licences;
mod settings;
mod signing_in;
mod stage;
mod world;
