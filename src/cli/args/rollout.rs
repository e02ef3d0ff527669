//! What was typed behind `rollout`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::BalanceArgs;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct RolloutArgs {
    #[command(flatten)]
    pub(in crate::cli) output: RolloutOutput,
    /// Ask neither the tenant nor the store: nobody is counted, and no condition is known
    #[arg(long)]
    pub(in crate::cli) offline: bool,
    #[command(subcommand)]
    pub(in crate::cli) command: Option<RolloutCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RolloutCommand {
    /// Tell how mixed the people of a wave are: departments, managers with their reports, executives
    ///
    /// The deployment guide asks for a pilot of mixed departments, with managers and people who report to them, and
    /// advises against executives. Compares with the whole tenant, so everybody in the directory is read, without
    /// settings; the people are those whom the wave takes in when it is in force. Executives are found by their titles,
    /// from a list (docs/measuring.md).
    #[command(after_help = "Examples:
  insightctl rollout balance --sandbox tenant.json
  insightctl rollout balance --wave widen --format markdown")]
    Balance(BalanceArgs),
}

/// Is where a timeline goes, and in which form.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct RolloutOutput {
    /// The form; by default that of the --out file's ending, else text
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::cli) format: Option<RolloutFormat>,
    /// Write to this file instead; it is replaced as a whole, or not at all
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
}

impl RolloutOutput {
    /// Gives the form that was asked for, by name or by the file's ending.
    pub(in crate::cli) fn form(&self) -> RolloutFormat {
        let ending = self.out.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
        self.format.unwrap_or(match ending {
            Some("json") => RolloutFormat::Json,
            Some("md" | "markdown") => RolloutFormat::Markdown,
            Some("svg") => RolloutFormat::Svg,
            Some("ics") => RolloutFormat::Ics,
            Some(_) | None => RolloutFormat::Text,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RolloutFormat {
    /// For a person at a terminal.
    Text,
    /// For programs.
    Json,
    /// For a pull request, with a chart.
    Markdown,
    /// A picture.
    Svg,
    /// For a calendar.
    Ics,
}
