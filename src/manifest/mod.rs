//! Reads a manifest and its CSV files: a desired state, or everything that is wrong with them.
