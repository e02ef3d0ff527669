//! What was typed behind the commands that measure.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::Output;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ReportCommand {
    /// Tell how far the rollout has come: by wave, group and department, against the goals, over runs
    ///
    /// Reads what `plan` reads, and departments; writes nothing. No row has fewer people than --min-group, and no number that
    /// is shown, nor one of a row that follows from those of the same moment, counts fewer, unless it is zero. Sums over
    /// several rows may follow.
    ///
    /// The trend is what each run of `apply` found before it changed anything. Two of its points, or two reports, do tell
    /// how many moved in between, and that may be one person: --last 0 leaves the trend out. docs/measuring.md says what
    /// else is not protected.
    ///
    /// Exits with 8 when something could not be read; the rest is told all the same.
    #[command(after_help = "Examples:
  insightctl report adoption --sandbox tenant.json
  insightctl report adoption --out adoption.html          a page with charts that needs nothing else
  insightctl report adoption --format csv --min-group 10
  insightctl report adoption --as-of 2026-05-01           the waves of another day")]
    Adoption(AdoptionArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AdoptionArgs {
    /// The form; by default that of the --out file's ending, else text
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::cli) format: Option<AdoptionFormat>,
    /// Write to this file instead; it is replaced as a whole, or not at all
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// The fewest people that a row has and that a number counts; 5 or more
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(5..))]
    pub(in crate::cli) min_group: u64,
    /// How many runs the trend reaches back; 0 leaves it out
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub(in crate::cli) last: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum AdoptionFormat {
    /// For a person at a terminal.
    Text,
    /// For programs: `insightctl schema adoption`.
    Json,
    /// For spreadsheets.
    Csv,
    /// For everybody else: one page with charts.
    Html,
}

impl AdoptionArgs {
    /// Gives the form that was asked for, by name or by the file's ending.
    pub(in crate::cli) fn form(&self) -> AdoptionFormat {
        let ending = self.out.as_deref().and_then(Path::extension).and_then(|ending| ending.to_str());
        self.format.unwrap_or(match ending {
            Some("json") => AdoptionFormat::Json,
            Some("csv") => AdoptionFormat::Csv,
            Some("html" | "htm") => AdoptionFormat::Html,
            Some(_) | None => AdoptionFormat::Text,
        })
    }

    /// Gives where it goes.
    pub(in crate::cli) fn output(&self) -> Output {
        Output { format: None, out: self.out.clone() }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BalanceArgs {
    /// The wave; by default the first of the manifest
    #[arg(long, value_name = "WAVE")]
    pub(in crate::cli) wave: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}
