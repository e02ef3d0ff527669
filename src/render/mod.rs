//! Turns values into words; nothing is decided here.
