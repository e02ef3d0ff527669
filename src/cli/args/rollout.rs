//! What was typed behind `rollout`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use super::BalanceArgs;
use super::read::share;
use crate::model::Percent;

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
    /// Propose the edit of the manifest after a wave, as a patch for a pull request
    ///
    /// Without a choice, looks where the people of the last wave stand, compares with the goals, and advises. The patch
    /// goes to standard output, `git apply` takes it, and comments and layout stay as they are; with --write the manifest is edited
    /// itself. An edit that would change anything else, as with values repeated by anchors, is refused.
    #[command(after_help = "Examples:
  insightctl rollout next --sandbox tenant.json
  insightctl rollout next --extend 14 > extend.patch
  insightctl rollout next --widen sales --widen marketing --write
  insightctl rollout next --approve next | git apply")]
    Next(NextArgs),
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

#[derive(Debug, Args)]
pub(in crate::cli) struct NextArgs {
    #[command(flatten)]
    pub(in crate::cli) choice: NextChoice,
    /// The wave to extend or adjust, or to go on after; by default the last one that has begun
    #[arg(long, value_name = "WAVE")]
    pub(in crate::cli) wave: Option<String>,
    /// The group that the one for everybody takes after; by default the last wave's, where all of its groups ask for the
    /// same and take nothing away
    #[arg(long, value_name = "GROUP", requires = "widen_all")]
    pub(in crate::cli) like: Option<String>,
    /// Not before this day a wave begins that is added; by default the first Monday that is two weeks ahead, so that
    /// people can be told
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) starts: Option<Date>,
    /// Edit the manifest, instead of writing a patch
    #[arg(long)]
    pub(in crate::cli) write: bool,
}

/// Is what to do next; without any, what is advised.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(in crate::cli) struct NextChoice {
    /// Let the wave run so many days longer
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub(in crate::cli) extend: Option<u32>,
    /// Take in this group of the manifest: with the next wave, or with one that is added; may be given more than once
    #[arg(long, value_name = "GROUP")]
    pub(in crate::cli) widen: Vec<String>,
    /// Add a wave for everybody whom no other group holds
    #[arg(long)]
    pub(in crate::cli) widen_all: bool,
    /// Approve this wave
    #[arg(long, value_name = "WAVE")]
    pub(in crate::cli) approve: Option<String>,
    /// Let the wave take in so much of its groups, such as `20%`
    #[arg(long, value_name = "P%", value_parser = share)]
    pub(in crate::cli) adjust: Option<Percent>,
}
