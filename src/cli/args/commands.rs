//! What was typed behind each command.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::Output;
use super::read::{class, duration, moment, run, setting, stale_limit, tenant_setting, words};
use crate::apply::StaleLimit;
use crate::model::{Class, Setting, TenantSetting};
use crate::store::RunId;

#[derive(Debug, Args)]
pub(in crate::cli) struct ValidateArgs {
    /// Treat warnings, and overlaps of groups with a different outcome, as errors
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct InitArgs {
    /// Which rollout to start from
    #[arg(long, value_name = "SCENARIO", required_unless_present = "pilot")]
    pub(in crate::cli) scenario: Option<ScenarioName>,
    /// Start from a pilot of 45 days, with waves, milestones, owners, goals, and templates of messages
    #[arg(long, conflicts_with = "scenario")]
    pub(in crate::cli) pilot: bool,
    /// The day on which the pilot begins; by default the first Monday that is two weeks ahead
    #[arg(long, value_name = "DATE", requires = "pilot")]
    pub(in crate::cli) starts: Option<Date>,
    /// The tenant's directory id
    #[arg(long, value_name = "GUID")]
    pub(in crate::cli) tenant_id: Option<uuid::Uuid>,
    /// The tenant's name
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) tenant_name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ScenarioName {
    /// Everyone has it; people may switch it off.
    DefaultOn,
    /// Nobody has it; people may switch it on.
    DefaultOff,
    /// Off by default, on for groups.
    Mixed,
    /// Off by default, and some opted out.
    OptionalOptIn,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SchemaArgs {
    /// Of what
    pub(in crate::cli) of: SchemaOf,
    /// Write to this file instead
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SchemaOf {
    Manifest,
    Plan,
    Report,
    Waiver,
    Adoption,
    Balance,
}

/// Is what guards and consent need.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct Consent {
    /// Consent to a class of change of the plan that is shown, where a guard objects; may be given more than once.
    /// Classes: opt-in, opt-out, features, service-plan-assigned, service-plan-removed, leaving, restore, re-opt-in,
    /// re-pin, rollback, defaults
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(in crate::cli) allow: Vec<Class>,
    /// Treat an overlap of groups with a different outcome as an error
    #[arg(long)]
    pub(in crate::cli) strict: bool,
}

/// Is whether to ask who changed what others changed.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct WhoChanged {
    /// Ask the tenant's audit log who made the changes that others made, and wait for its answer: 2 minutes, or so long.
    /// Needs the permission `AuditLogsQuery.Read.All`; without it, a note says so
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2m",
        value_parser = duration
    )]
    pub(in crate::cli) who_changed: Option<SignedDuration>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    pub(in crate::cli) output: Output,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
    /// Exit with 2 when changes are pending
    #[arg(long)]
    pub(in crate::cli) detailed_exitcode: bool,
    /// Exit with 6 when a guard objects
    #[arg(long)]
    pub(in crate::cli) enforce_guards: bool,
    #[command(flatten)]
    pub(in crate::cli) who_changed: WhoChanged,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// A saved plan
    pub(in crate::cli) plan: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

/// Is how fresh a saved plan must be.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Freshness {
    /// How old a saved plan may be: a duration such as 7d, 36h or 90m
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration)]
    pub(in crate::cli) max_age: SignedDuration,
    /// How many people of a saved plan may have moved before it is stale: a number, or percent of its people, of whom
    /// up to 10 always may
    #[arg(long, value_name = "N|N%", default_value = "5%", value_parser = stale_limit)]
    pub(in crate::cli) stale_limit: StaleLimit,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HandoverArgs {
    /// A saved plan
    pub(in crate::cli) plan: PathBuf,
    /// Where the script goes: a file that ends in .ps1, or a folder that exists; its steps go beside it, ending in .jsonl
    #[arg(long, value_name = "DIR|FILE.ps1")]
    pub(in crate::cli) out: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
    /// Consent in writing to classes of change of the plan, as `insightctl waive` writes it; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) waiver: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) freshness: Freshness,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArgs {
    /// A saved plan; without one, a plan is made, shown and asked about
    pub(in crate::cli) plan: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) consent: Consent,
    /// Consent in writing to classes of change of the saved plan, as `insightctl waive` writes it; may be given more
    /// than once
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub(in crate::cli) waiver: Vec<PathBuf>,
    /// At the end, wait up to so long until everything that was written shows, such as 20m; without, `verify` looks later
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(in crate::cli) wait_settled: Option<SignedDuration>,
    #[command(flatten)]
    pub(in crate::cli) freshness: Freshness,
    /// Stop once this many people failed: a number, or percent of the people in the plan
    #[arg(long, value_name = "N|N%")]
    pub(in crate::cli) failure_limit: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RollbackArgs {
    /// The run: the number that its result names
    #[arg(value_parser = run)]
    pub(in crate::cli) run: RunId,
    /// Do not ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// Consent to a class of change that a guard objects to; may be given more than once
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(in crate::cli) allow: Vec<Class>,
    /// Stop once this many people failed: a number, or percent of the people in the plan
    #[arg(long, value_name = "N|N%")]
    pub(in crate::cli) failure_limit: Option<String>,
    /// Save the plan to this file and apply nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "failure_limit", "out", "format"])]
    pub(in crate::cli) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AnnounceArgs {
    /// The milestone of the manifest's rollout
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) milestone: String,
    /// The folder for the drafts: made where there is none; it holds the drafts of one milestone alone
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Only show who would be told; writes and remembers nothing
    #[arg(long, conflicts_with_all = ["out", "yes"])]
    pub(in crate::cli) list: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RecordArgs {
    /// The list that the script worked through, or the results file of a plan that was handed over
    #[arg(value_name = "FILE")]
    pub(in crate::cli) list: PathBuf,
    /// The plan that was handed over; FILE is the results file of its script
    #[arg(long, value_name = "PLAN.json", conflicts_with_all = ["written_on", "by", "strict"])]
    pub(in crate::cli) plan: Option<PathBuf>,
    /// When a script of your own wrote: a day (YYYY-MM-DD, taken as its beginning) or a moment
    #[arg(long, value_name = "DATE", value_parser = moment, requires = "by")]
    pub(in crate::cli) written_on: Option<Timestamp>,
    /// Who says so
    #[arg(long, value_name = "WHO", value_parser = words, requires = "written_on")]
    pub(in crate::cli) by: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// Record nothing when a row is refused; of a results file, no row ever is refused alone
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WaiveArgs {
    /// A saved plan
    pub(in crate::cli) plan: PathBuf,
    /// The class of change that is consented to; may be given more than once
    #[arg(long, value_name = "CLASS", value_parser = class, required = true)]
    pub(in crate::cli) class: Vec<Class>,
    /// Why, for whoever reads the report
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub(in crate::cli) reason: String,
    /// Who consents; by default whoever runs this
    #[arg(long, value_name = "WHO", value_parser = words)]
    pub(in crate::cli) by: Option<String>,
    /// The last day on which it holds, to its end in UTC; by default a week from today
    #[arg(long, value_name = "DATE")]
    pub(in crate::cli) until: Option<Date>,
    /// Write to this file, which must not exist yet
    #[arg(long, value_name = "FILE", default_value = "waiver.yaml")]
    pub(in crate::cli) out: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// The person: user principal name or object id
    pub(in crate::cli) person: String,
    #[command(flatten)]
    pub(in crate::cli) who_changed: WhoChanged,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReleaseArgs {
    /// The person: user principal name or object id
    #[arg(required_unless_present = "tenant", conflicts_with = "tenant")]
    pub(in crate::cli) person: Option<String>,
    /// Of the person, this setting only: mode, dashboard, digest-email, outlook-add-in, service-plan
    #[arg(long, value_name = "SETTING", requires = "person", value_parser = setting)]
    pub(in crate::cli) setting: Option<Setting>,
    /// A default of the tenant: dashboard, digest-email, outlook-add-in, schedule-send, meeting-survey
    #[arg(long, value_name = "SETTING", value_parser = tenant_setting)]
    pub(in crate::cli) tenant: Option<TenantSetting>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DriftArgs {
    #[command(flatten)]
    pub(in crate::cli) output: Output,
    /// Exit with 2 when something differs
    #[arg(long)]
    pub(in crate::cli) detailed_exitcode: bool,
    #[command(flatten)]
    pub(in crate::cli) who_changed: WhoChanged,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArgs {
    /// What is to be done with the manifest; looking needs less than writing
    #[arg(long = "for", value_name = "WHAT", default_value = "apply")]
    pub(in crate::cli) purpose: PurposeName,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PurposeName {
    /// Looking: `plan`, `drift`, `explain`, `export`.
    Plan,
    /// Writing as well.
    Apply,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// Look at what this run wrote, read back or not; without, at everything that has not been read back
    #[arg(value_parser = run)]
    pub(in crate::cli) run: Option<RunId>,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
    /// Exit with 2 while something does not show yet
    #[arg(long)]
    pub(in crate::cli) detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct RunsArgs {
    /// How many to list, newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(in crate::cli) last: usize,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
    #[command(subcommand)]
    pub(in crate::cli) command: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RunsCommand {
    /// Tell one run: what became of each operation, by object id
    #[command(after_help = "Examples:
  insightctl runs show 42
  insightctl runs show 42 --format csv --out run-42.csv")]
    Show {
        /// The run's number
        run: RunId,
        #[command(flatten)]
        output: Output,
    },
}
