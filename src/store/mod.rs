//! Keeps what must outlive a run: ledger, journal and lock, in a folder.
