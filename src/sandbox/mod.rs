//! Simulates a tenant: a stranger that we meet only on the wire.
