//! insightctl declares who gets Microsoft Viva Insights, shows a plan that a reviewer can trust, and applies exactly
//! that plan.
//!
//! # The map
//!
//! ```text
//!  insights.yaml + CSV              tenant (Microsoft 365 or the sandbox)
//!       │ manifest::read                  │ microsoft::Reader::observe          journal
//!       ▼                                 ▼                                       │ fold
//!    Manifest ── resolve ──▶ DesiredState   ActualState            Ledger ◀───────┘
//!                                 │             │                    │            ▲
//!                                 └─────▶ plan::plan ◀───────────────┘            │
//!                                             │                                   │
//!                                           Plan  ──▶ render (text, Markdown, JSON, CSV)
//!                                             │ guard::review                     │
//!                                             ▼                                   │
//!                                       apply::apply ── Event, Record ────────────┘
//!                                             │
//!                                           Report ──▶ render, exit code
//! ```
//!
//! A **plan** is plain data, made by a plain function of three values: what is wanted, what is, and what is
//! remembered. Nothing that compares can fetch, and nothing that plans can write.
//!
//! # The floors
//!
//! Imports only go down; `tests/floors.rs` holds the table.
//!
//! | floor | room | in a sentence |
//! |---|---|---|
//! | 0 | [`model`] | the words that everything else is written in |
//! | 1 | [`manifest`] | YAML and CSV text become a desired state, or everything that is wrong with it |
//! | 1 | [`diagnosis`] | what was found out beforehand becomes a line for each check |
//! | 1 | [`import`] | what a tenant is becomes a manifest that asks for exactly that |
//! | 1 | [`rollout`] | waves, windows and milestones: what a day decides |
//! | 1 | [`plan`] | desired, actual and ledger become a plan |
//! | 2 | [`microsoft`] | the tenant over the wire |
//! | 2 | [`store`] | ledger, journal and lock |
//! | 3 | [`apply`] | carries out a plan, and says what became of every operation |
//! | 4 | [`render`] | values become words; nothing is decided there |
//! | 5 | [`cli`] | arguments in, exit code out; each command reads like a story |
//! | – | [`sandbox`] | a simulated tenant: a stranger that we meet only on the wire |
//!
//! [`clock`] is the only source of time.
//!
//! # Where to start reading
//!
//! The table at the top of [`plan::verdict`], then [`plan::plan`], then `src/cli/plan.rs`.

pub mod apply;
pub mod cli;
pub mod clock;
pub mod diagnosis;
pub mod import;
pub mod manifest;
pub mod microsoft;
pub mod model;
pub mod plan;
pub mod render;
pub mod rollout;
pub mod sandbox;
pub mod store;
