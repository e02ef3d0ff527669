//! What was typed behind `sandbox`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    /// Stand in for PowerShell with the Exchange module: speaks the same lines, and asks a sandbox
    #[command(hide = true)]
    Pwsh(PwshArgs),
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

/// Is how the stand-in behaves; numbers count the cmdlets of one process.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that was typed")]
pub(in crate::cli) struct PwshArgs {
    /// The address of the sandbox
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) at: String,
    /// The version of the module that it pretends to have; `none` for no module
    #[arg(long, default_value = "3.7.1")]
    pub(in crate::cli) module: String,
    /// How much longer each cmdlet takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(in crate::cli) slow: u64,
    /// Print warnings, CLIXML, byte order marks and blank lines around every answer
    #[arg(long)]
    pub(in crate::cli) noise: bool,
    /// Give answers that nobody asked for
    #[arg(long)]
    pub(in crate::cli) stray: bool,
    /// Cut every so-manieth answer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) garble: Option<u64>,
    /// Die instead of running this cmdlet
    #[arg(long, value_name = "N")]
    pub(in crate::cli) die_before: Option<u64>,
    /// Die after this cmdlet was run, without its answer
    #[arg(long, value_name = "N")]
    pub(in crate::cli) die_after: Option<u64>,
    /// Fall silent after this cmdlet was run
    #[arg(long, value_name = "N")]
    pub(in crate::cli) hang_after: Option<u64>,
    /// Print the token everywhere and die instead of running a cmdlet
    #[arg(long)]
    pub(in crate::cli) leak: bool,
    /// Never say hello
    #[arg(long)]
    pub(in crate::cli) mute: bool,
    /// Refuse every connection with these words
    #[arg(long, value_name = "WORDS")]
    pub(in crate::cli) refuse: Option<String>,
    /// What PowerShell itself would be given, which is passed over
    #[arg(last = true)]
    pub(in crate::cli) rest: Vec<OsString>,
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
