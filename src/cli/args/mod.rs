//! What was typed.

mod commands;
mod import;
mod measure;
mod read;
mod rollout;
mod sandbox;
mod tenant;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::exit::Exit;
use crate::manifest::Transport;
use crate::plan::budget::CallRate;
pub(super) use commands::*;
pub(super) use import::*;
pub(super) use measure::*;
pub(super) use read::AsOf;
use read::{as_of, moment, rate};
pub(super) use rollout::*;
pub(super) use sandbox::*;
pub(super) use tenant::*;

/// Is the manifest that is read when none is named.
pub(in crate::cli) const DEFAULT_FILE: &str = "insights.yaml";

/// Heads the options that every command has, so that a command's own come first.
const EVERYWHERE: &str = "Options of every command";
const SANDBOX: &str = "Sandbox";

const EXAMPLES: &str = "Examples:
  insightctl init --scenario mixed                  write a manifest to start from
  insightctl validate                               check it, without a tenant
  insightctl plan                                   what would change, and why
  insightctl plan --sandbox tenant.json             the same, in a simulated tenant
  insightctl apply --sandbox tenant.json            do it, after asking
  insightctl explain ada@contoso.com --sandbox tenant.json";

/// Declares who gets Microsoft Viva Insights, shows a plan, and applies exactly that plan.
///
/// Reads insights.yaml in the current folder unless --file names another. Data goes to standard output, talk to
/// standard error.
///
/// Signs in to Microsoft 365 by what the environment offers, or speaks to a simulated tenant with --sandbox. Nothing of
/// this version has met a live tenant: it is verified against the sandbox only (docs/microsoft-365.md).
#[derive(Debug, Parser)]
#[command(name = "insightctl", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(after_long_help = format!("{EXAMPLES}\n\nExit codes:\n{}", Exit::table()))]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    pub(in crate::cli) global: Global,
    #[command(subcommand)]
    pub(in crate::cli) command: Command,
}

impl Arguments {
    /// Takes an empty environment variable for one that is not set, as pipelines like to leave them.
    pub(in crate::cli) fn without_blanks(mut self) -> Self {
        self.global.sandbox = self.global.sandbox.filter(|at| !at.is_empty());
        self.global.pwsh = self.global.pwsh.filter(|path| !path.as_os_str().is_empty());
        self.global.reach = self.global.reach.without_blanks();
        self
    }
}

/// Is what every command understands.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Global {
    /// The manifest
    #[arg(short, long, global = true, help_heading = EVERYWHERE, value_name = "FILE", default_value = DEFAULT_FILE)]
    pub(in crate::cli) file: PathBuf,
    /// Use a simulated tenant: a tenant file, or the URL of `insightctl sandbox serve`
    #[arg(long, global = true, help_heading = SANDBOX, value_name = "TENANT.json|URL", env = "INSIGHTCTL_SANDBOX")]
    pub(in crate::cli) sandbox: Option<String>,
    /// How the sandbox behaves where Microsoft's documents leave it open: `key=value,…`
    #[arg(long, global = true, help_heading = SANDBOX, value_name = "WORLD", requires = "sandbox")]
    pub(in crate::cli) sandbox_world: Option<String>,
    /// How long the sandbox takes to answer each request, in milliseconds
    #[arg(long, global = true, help_heading = SANDBOX, value_name = "MS", default_value_t = 0)]
    pub(in crate::cli) sandbox_delay: u64,
    /// A script of faults that the sandbox plays, YAML or JSON: see docs/sandbox.md
    #[arg(long, global = true, help_heading = SANDBOX, value_name = "FILE", requires = "sandbox", visible_alias = "faults")]
    pub(in crate::cli) sandbox_faults: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) reach: Reach,
    /// Where ledger and journal are kept, instead of the manifest's `store`: `file:PATH`, `none`,
    /// `az://account/container/prefix`, `s3://bucket/prefix` or `gs://bucket/prefix`
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "STORE")]
    pub(in crate::cli) store: Option<String>,
    /// What carries the insights settings, instead of the manifest's `transport`: `powershell` or `exchange-rest`
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "TRANSPORT")]
    pub(in crate::cli) transport: Option<Transport>,
    /// PowerShell 7 for `transport: powershell`; by default the one that `INSIGHTCTL_PWSH` names, else `pwsh` from the
    /// search path, and with the sandbox, whatever the variable says, a stand-in that needs no PowerShell
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "PATH")]
    pub(in crate::cli) pwsh: Option<PathBuf>,
    /// Create the store if it does not exist (with the sandbox, a folder is created by itself)
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(in crate::cli) new_store: bool,
    /// Plan as of this day (YYYY-MM-DD, where the rollout's days begin) or moment; moves waves, windows and expiry dates,
    /// never settle ages. Only a sandbox lets another day than today be applied
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DATE", value_parser = as_of)]
    pub(in crate::cli) as_of: Option<AsOf>,
    /// How many calls a second the settings service may be sent at most, a batch of ten counting as ten; reads count too
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "N", env = "INSIGHTCTL_RATE", value_parser = rate)]
    pub(in crate::cli) rate: Option<CallRate>,
    /// When to use colour
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "WHEN", default_value = "auto")]
    pub(in crate::cli) color: Color,
    /// Tell more: everybody in a plan, and with -vv every request
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = clap::ArgAction::Count)]
    pub(in crate::cli) verbose: u8,
    /// Tell less: data and errors only
    #[arg(short, long, global = true, help_heading = EVERYWHERE, conflicts_with = "verbose")]
    pub(in crate::cli) quiet: bool,
    /// Show no progress
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(in crate::cli) no_progress: bool,
    /// Stand still at this moment, so that a run can be replayed
    #[arg(long, global = true, hide = true, value_name = "TIME", value_parser = moment, env = "INSIGHTCTL_NOW")]
    pub(in crate::cli) now: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// Is where a value goes, and in which form.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct Output {
    /// The form; by default that of the --out file's ending, else text
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::cli) format: Option<Format>,
    /// Write to this file instead; it is replaced as a whole, or not at all
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// For a person at a terminal.
    Text,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
    /// One row per person and setting.
    Csv,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Check the manifest and its CSV files, without a tenant
    ///
    /// Tells everything that is wrong at once, with file, line and column.
    #[command(
        after_help = "Examples:\n  insightctl validate\n  insightctl validate --file prod/insights.yaml --strict"
    )]
    Validate(ValidateArgs),
    /// Look at everything that could be wrong, each with a remedy; writes nothing to the tenant
    ///
    /// Signs in, compares what was granted with the least that the manifest needs, reads a little of everything, and
    /// looks at PowerShell, the store, the clock and the network. Each check is made whatever another one finds; what
    /// hangs on one that failed is skipped. Says at the end what nobody has verified. With `--for apply` a trial object is
    /// created in the store and deleted again.
    ///
    /// Exits with 0 when nothing failed, else with 4 (sign-in or permission), 3 (the manifest or the command line) or
    /// 8 (something cannot be read).
    #[command(after_help = "Examples:
  insightctl doctor
  insightctl doctor --for plan                      for the application that only plans
  insightctl doctor --format json --out doctor.json
  insightctl doctor --sandbox tenant.json")]
    Doctor(DoctorArgs),
    /// Write a manifest to start from
    ///
    /// With --pilot, the pilot of Microsoft's deployment guide: a wave of 45 days and one that waits for a reviewer,
    /// milestones, owners by role, a checklist, goals, surveys, and templates of messages in English and German. `validate` says
    /// what is to be filled in.
    #[command(after_help = "Examples:
  insightctl init --scenario mixed
  insightctl init --pilot --starts 2026-03-02
  insightctl init --scenario default-off --tenant-id 3f2504e0-4f89-41d3-9a0c-0305e82c3301 \\
      --tenant-name contoso.onmicrosoft.com --file prod/insights.yaml")]
    Init(InitArgs),
    /// Write a manifest from what a tenant is, so that its plan is empty
    ///
    /// Reads the tenant's defaults and everybody's settings, and describes them with few rules: groups, departments and
    /// licences whose people have the same, and lists of those who deviate under people/. Whoever has what the tenant
    /// gives needs no rule. Nothing is written to the tenant or remembered, and nothing is said of who chose what: every
    /// group leaves people their own choice.
    ///
    /// Refuses to replace a file. People whose settings cannot be read are listed, and the exit code is 8.
    #[command(after_help = "Examples:
  insightctl import --sandbox tenant.json
  insightctl import --tenant-id 3f2504e0-4f89-41d3-9a0c-0305e82c3301 --file prod/insights.yaml
  insightctl import --group sales@contoso.com --groups 'Sales Europe,Sales Asia' --sandbox tenant.json")]
    Import(ImportArgs),
    /// Print a JSON Schema: of the manifest, of a waiver, or of what is written as JSON
    #[command(
        after_help = "Examples:\n  insightctl schema manifest --out insights.schema.json\n  insightctl schema plan"
    )]
    Schema(SchemaArgs),
    /// Show what would change, and why; writes nothing
    ///
    /// With --out the plan is saved as well: `insightctl apply FILE` then does exactly that plan.
    #[command(after_help = "Examples:
  insightctl plan --sandbox tenant.json
  insightctl plan --sandbox tenant.json --out plan.json --detailed-exitcode
  insightctl plan --sandbox tenant.json --format csv --out plan.csv")]
    Plan(PlanArgs),
    /// Show a saved plan again
    #[command(
        after_help = "Examples:\n  insightctl show plan.json\n  insightctl show plan.json --format markdown > comment.md"
    )]
    Show(ShowArgs),
    /// Write a waiver: consent to what guards object to in one saved plan
    ///
    /// A waiver names the plan by its hash: one changed byte of the plan makes it useless. Give it to `apply --waiver`.
    #[command(after_help = "Examples:
  insightctl waive plan.json --class defaults --reason \"agreed with the works council\"
  insightctl waive plan.json --class opt-out --class leaving --reason \"reorganisation\" --by ada@contoso.com")]
    Waive(WaiveArgs),
    /// Carry out a plan: plans, shows, asks, applies; or carries out a saved plan
    ///
    /// A saved plan is carried out exactly: everybody in it is read once before the first write, and the plan is refused
    /// as stale, with the difference to a fresh one, if too many are no longer as planned. Every person is read again
    /// right before the write, and whoever is no longer as planned is skipped and listed.
    /// What carries the settings (`transport` in the manifest) is verified against the sandbox only.
    #[command(after_help = "Examples:
  insightctl apply --sandbox tenant.json
  insightctl apply --sandbox tenant.json --yes --allow defaults
  insightctl apply plan.json --sandbox tenant.json --yes --out results.csv
  insightctl apply plan.json --sandbox tenant.json --yes --waiver waiver.yaml")]
    Apply(ApplyArgs),
    /// Write a saved plan as a PowerShell script that an administrator runs
    ///
    /// For whoever may not give an application the role that `apply` needs. Refuses what `apply` would refuse, with the same consent. The script does exactly that plan, with Microsoft's own
    /// cmdlets, under the account of whoever runs it: it looks before each write, leaves alone who is no longer as
    /// planned, goes on after errors, resumes from its own results file, and is to be read before it is run. `record`
    /// takes the results into the ledger; until then, what the script wrote counts as somebody else's changes. The
    /// script is checked against a grammar of PowerShell, and was never run against Microsoft 365.
    #[command(after_help = "Examples:
  insightctl handover plan.json --out handover.ps1 --sandbox tenant.json
  insightctl handover plan.json --out . --waiver waiver.yaml
  insightctl record handover.results.csv --plan plan.json --yes")]
    Handover(HandoverArgs),
    /// Undo a run: plans the inverse, shows, asks, applies
    ///
    /// What nobody has changed since goes back to what it was before the run; all else is listed with the reason why it
    /// stays. The plan passes the same guards as any other (`--allow rollback`). What was undone stays so until the manifest
    /// changes. With --plan the plan is saved and nothing is applied: `insightctl apply FILE` does it later.
    #[command(after_help = "Examples:
  insightctl rollback 4 --sandbox tenant.json
  insightctl rollback 4 --sandbox tenant.json --yes --allow rollback --allow defaults
  insightctl rollback 4 --sandbox tenant.json --plan undo.json")]
    Rollback(RollbackArgs),
    /// Take what a script wrote into the ledger
    ///
    /// That is the results of a handed-over plan, or the opt-outs that a script of your own wrote. Nothing is written to
    /// the tenant. With --plan, FILE is the results file of `insightctl handover`: row by row it
    /// counts as written by us, confirmed where the script read it back. One row that is not of this very plan, and
    /// nothing is recorded; the same file twice changes nothing, and a longer one adds what is new in it.
    ///
    /// With --written-on and --by, opt-outs that a script of your own wrote count as ours. FILE is the list that the script worked through: a CSV file with a column `UserPrincipalName`. Whoever is opted in
    /// now, or was seen otherwise than that script would have left them, is refused and listed. An export of what people
    /// have is refused as a whole: it would make everybody's own choice count as ours.
    #[command(after_help = "Examples:
  insightctl record handover.results.csv --plan plan.json --sandbox tenant.json
  insightctl record opted-out.csv --written-on 2025-11-03 --by 'Grace (IT)' --sandbox tenant.json
  insightctl record opted-out.csv --written-on 2025-11-03T14:00:00Z --by Grace --yes --format csv")]
    Record(RecordArgs),
    /// Write drafts for the people whom a milestone tells something; sends nothing
    ///
    /// For each language of the milestone's message, one draft (.eml) that mail programs open, and one table (CSV, UTF-8)
    /// for the mail merge. `to: changing` means those whose setting changes by the plan of the day on which the
    /// milestone's wave begins; `to: participants` those of the wave whose setting was changed and who have not opted out
    /// by themselves since. Whoever was told of a milestone is remembered in the store, and not told again: run it again when more people
    /// have joined, and the next drafts are for those alone. After a crash, the same command finishes what was begun.
    #[command(after_help = "Examples:
  insightctl announce --milestone welcome --list --sandbox tenant.json
  insightctl announce --milestone welcome --out drafts/welcome --sandbox tenant.json
  insightctl announce --milestone closing --out drafts/closing --yes")]
    Announce(AnnounceArgs),
    /// Tell what decides for one person, setting by setting
    #[command(after_help = "Examples:\n  insightctl explain ada@contoso.com --sandbox tenant.json")]
    Explain(ExplainArgs),
    /// Show the whole timeline: waves, windows, freezes, milestones
    ///
    /// Tells of each wave who is in it, where it stands (planned, gated, running, done) and what holds it, and whether
    /// changes may be made now. Reads whom the groups name; with --offline, neither the tenant nor the store is asked.
    /// --as-of tells of another day. The Markdown holds a Mermaid chart; the calendar (ics) can be imported again, and
    /// moves the same events.
    #[command(after_help = "Examples:
  insightctl rollout --sandbox tenant.json
  insightctl rollout --offline --as-of 2026-04-16
  insightctl rollout --sandbox tenant.json --out rollout.svg
  insightctl rollout --offline --format ics > rollout.ics")]
    Rollout(RolloutArgs),
    /// Show what differs from the manifest; read only, for a schedule
    #[command(after_help = "Examples:\n  insightctl drift --sandbox tenant.json --detailed-exitcode")]
    Drift(DriftArgs),
    /// Write everyone in scope with their settings
    ///
    /// In the columns of `Get-MyAnalyticsFeatureConfig`, with the service plan and the group that decides.
    #[command(
        after_help = "Examples:\n  insightctl export --sandbox tenant.json --format csv --out people.csv"
    )]
    Export(ExportArgs),
    /// Look again at what was written and did not show at once
    ///
    /// What shows is confirmed in the ledger; nothing is written to the tenant. A setting of a person may take 15
    /// minutes to show, a service plan an hour, a default of the tenant a day (`settle:` in the manifest).
    #[command(after_help = "Examples:
  insightctl verify --sandbox tenant.json
  insightctl verify --sandbox tenant.json --detailed-exitcode    exits with 2 while something does not show yet")]
    Verify(VerifyArgs),
    /// Let go of a setting that is quarantined, so that it is written again
    ///
    /// What was written and came back three times within 30 days is left alone, since somebody or something else
    /// changes it back. Find out who does, then release it. Exits with 0 where nothing is quarantined.
    #[command(after_help = "Examples:
  insightctl release ada@contoso.com --sandbox tenant.json
  insightctl release ada@contoso.com --setting dashboard --sandbox tenant.json
  insightctl release --tenant digest-email --sandbox tenant.json")]
    Release(ReleaseArgs),
    /// List earlier runs, or tell one of them
    ///
    /// The store holds no names: people appear by object id. Needs no tenant, only the manifest and its store.
    #[command(
        after_help = "Examples:\n  insightctl runs\n  insightctl runs --last 100 --format json\n  insightctl runs show 42"
    )]
    Runs(RunsArgs),
    /// Tell what was reached
    #[command(subcommand)]
    Report(ReportCommand),
    /// Serve, reset, play with or generate a simulated tenant
    #[command(subcommand)]
    Sandbox(SandboxCommand),
}
