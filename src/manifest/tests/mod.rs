//! Tries whole manifests and whole files; what concerns one function alone is tried beside it.

mod agreed;
mod csv;
mod document;
mod needs;
mod resolve;
mod schema;
mod waves;
mod windows;
