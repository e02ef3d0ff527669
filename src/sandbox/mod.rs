//! Simulates a tenant: a stranger that we meet only on the wire.
//!
//! The sandbox is an HTTP server on the loopback address that follows the vendor's documents: a login service, Microsoft
//! Graph v1.0, and the Exchange admin interface with the settings cmdlets; and, around the tenant, the token services of
//! pipelines and managed identities. It names nothing of the rest of this program,
//! so that a field misspelt on the other side is found here. Where the documents leave a question open, a switch of the
//! [`World`] chooses. What changes goes into a log beside the tenant file, which itself is never written.
//!
//! ```text
//!  tenant file ──▶ tenant ──┐
//!                           ├──▶ state ◀── pass ◀── http      login · graph · exchange · sandbox
//!  log ───────▶ changes ────┘      │         ▲
//!    ▲──────────────────────────────┘         └── every item of a batch
//! ```
//!
//! Beside it, [`StandIn`] is a PowerShell that is none: it speaks over pipes, and is itself a client of the sandbox.

mod audit;
mod build;
mod choice;
mod delayed;
mod desk;
mod error;
mod exchange;
mod faults;
mod file;
mod generate;
mod graph;
mod http;
mod licence;
mod limit;
mod line;
mod log;
mod proof;
mod pwsh;
mod server;
mod settings;
mod state;
mod surroundings;
mod tenant;
mod text;
mod token;
mod world;

pub use self::audit::By;
pub use self::choice::{Choice, DefaultsChoice, Settings};
pub use self::error::SandboxError;
pub use self::faults::{Call, Mistake};
pub use self::generate::{Generate, generate};
pub use self::log::reset;
pub use self::pwsh::StandIn;
pub use self::server::{Now, Options, Sandbox, Source, play_defaults, play_person, whose};
pub use self::state::Write;
pub use self::world::{Noop, OptInFlags, OptOutFlags, Unlicensed, World, WorldError};
