//! Says how mixed a pilot is.
