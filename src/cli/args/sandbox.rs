//! What was typed behind `sandbox`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::sandbox::By;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SandboxCommand {
    /// Serve the sandbox tenant for other clients until Ctrl-C
    #[command(after_help = "Examples:
  insightctl sandbox serve --sandbox tenant.json --port 8080
  insightctl sandbox serve --sandbox tenant.json --faults throttled.yaml")]
    Serve {
        /// The port on 127.0.0.1; any free one if not named
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Forget everything that happened to the sandbox tenant
    #[command(after_help = "Examples:\n  insightctl sandbox reset --sandbox tenant.json")]
    Reset,
    /// Play a person who changes their own settings, or somebody else who does
    #[command(after_help = "Examples:
  insightctl sandbox person ada@contoso.com --mode opt-out --sandbox tenant.json
  insightctl sandbox person ada@contoso.com --digest-email on --sandbox tenant.json")]
    Person {
        /// The person: user principal name or object id
        person: String,
        /// Take part or not
        #[arg(long)]
        mode: Option<ModeName>,
        /// The web experience
        #[arg(long)]
        dashboard: Option<SwitchName>,
        /// The digest e-mail
        #[arg(long)]
        digest_email: Option<SwitchName>,
        /// The Outlook add-in
        #[arg(long)]
        outlook_add_in: Option<SwitchName>,
        /// Somebody else who does it: an administrator's user principal name, or an application's id
        #[arg(long, value_name = "WHO")]
        by: Option<By>,
    },
    /// Play another administrator who changes the tenant's defaults
    #[command(after_help = "Examples:\n  insightctl sandbox defaults --dashboard on --sandbox tenant.json")]
    Defaults {
        /// The web experience
        #[arg(long)]
        dashboard: Option<SwitchName>,
        /// The digest e-mail
        #[arg(long)]
        digest_email: Option<SwitchName>,
        /// The Outlook add-in
        #[arg(long)]
        outlook_add_in: Option<SwitchName>,
        /// Suggestions to send later
        #[arg(long)]
        schedule_send: Option<SwitchName>,
        /// The survey about meetings
        #[arg(long)]
        meeting_survey: Option<SwitchName>,
    },
    /// Write a tenant file with realistic people
    #[command(
        after_help = "Examples:\n  insightctl sandbox generate --people 5000 --groups 40 --seed 7 --out tenant.json"
    )]
    Generate {
        /// How many people
        #[arg(long, default_value_t = 60)]
        people: u64,
        /// How many groups
        #[arg(long, default_value_t = 12)]
        groups: u64,
        /// The same seed gives the same tenant
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Write to this file instead of standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ModeName {
    OptIn,
    OptOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SwitchName {
    On,
    Off,
}
