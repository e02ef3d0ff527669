//! What was typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use super::exit::Exit;
use crate::apply::StaleLimit;
use crate::model::{Class, Setting, TenantSetting};
use crate::store::RunId;

/// Is the manifest that is read when none is named.
pub(super) const DEFAULT_FILE: &str = "insights.yaml";

/// Heads the options that every command has, so that a command's own come first.
const EVERYWHERE: &str = "Options of every command";
const SANDBOX: &str = "Sandbox";

const EXAMPLES: &str = "Examples:
  insightctl init --scenario mixed                  write a manifest to start from
  insightctl validate                               check it, without a tenant
  insightctl plan --sandbox tenant.json             what would change, and why
  insightctl apply --sandbox tenant.json            do it, after asking
  insightctl explain ada@contoso.com --sandbox tenant.json";

/// Declares who gets Microsoft Viva Insights, shows a plan, and applies exactly that plan.
///
/// Reads insights.yaml in the current folder unless --file names another. Data goes to standard output, talk to
/// standard error.
///
/// This version speaks to the sandbox tenant only: the settings service of Viva Insights is reached over the Exchange
/// REST envelope, which is verified against the sandbox and not against Microsoft.
#[derive(Debug, Parser)]
#[command(name = "insightctl", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(after_long_help = format!("{EXAMPLES}\n\nExit codes:\n{}", Exit::table()))]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Arguments {
    /// Takes an empty environment variable for one that is not set, as pipelines like to leave them.
    pub(super) fn without_blanks(mut self) -> Self {
        self.global.sandbox = self.global.sandbox.filter(|at| !at.is_empty());
        self
    }
}

/// Is what every command understands.
#[derive(Clone, Debug, Args)]
pub(super) struct Global {
    /// The manifest
    #[arg(short, long, global = true, help_heading = EVERYWHERE, value_name = "FILE", default_value = DEFAULT_FILE)]
    pub(super) file: PathBuf,
    /// Use a simulated tenant: a tenant file, or the URL of `insightctl sandbox serve`
    #[arg(long, global = true, help_heading = SANDBOX, value_name = "TENANT.json|URL", env = "INSIGHTCTL_SANDBOX")]
    pub(super) sandbox: Option<String>,
    /// How the sandbox behaves where Microsoft's documents leave it open: `key=value,…`
    #[arg(long, global = true, help_heading = SANDBOX, value_name = "WORLD", requires = "sandbox")]
    pub(super) sandbox_world: Option<String>,
    /// How long the sandbox takes to answer each request, in milliseconds
    #[arg(long, global = true, help_heading = SANDBOX, value_name = "MS", default_value_t = 0)]
    pub(super) sandbox_delay: u64,
    /// A script of faults that the sandbox plays, YAML or JSON: see docs/sandbox.md
    #[arg(long, global = true, help_heading = SANDBOX, value_name = "FILE", requires = "sandbox", visible_alias = "faults")]
    pub(super) sandbox_faults: Option<PathBuf>,
    /// Where ledger and journal are kept, instead of the manifest's `store`: `file:PATH`, `none`,
    /// `az://account/container/prefix`, `s3://bucket/prefix` or `gs://bucket/prefix`
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "STORE")]
    pub(super) store: Option<String>,
    /// Create the store if it does not exist (with the sandbox, a folder is created by itself)
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(super) new_store: bool,
    /// Plan as of this day (YYYY-MM-DD) or moment; moves expiry dates, never settle ages
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DATE", value_parser = moment)]
    pub(super) as_of: Option<Timestamp>,
    /// When to use colour
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Tell more: everybody in a plan, and with -vv every request
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Tell less: data and errors only
    #[arg(short, long, global = true, help_heading = EVERYWHERE, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Show no progress
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(super) no_progress: bool,
    /// Stand still at this moment, so that a run can be replayed
    #[arg(long, global = true, hide = true, value_name = "TIME", value_parser = moment, env = "INSIGHTCTL_NOW")]
    pub(super) now: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// Is where a value goes, and in which form.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Output {
    /// The form; by default that of the --out file's ending, else text
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
    /// Write to this file instead; it is replaced as a whole, or not at all
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
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
pub(super) enum Command {
    /// Check the manifest and its CSV files, without a tenant
    ///
    /// Tells everything that is wrong at once, with file, line and column.
    #[command(
        after_help = "Examples:\n  insightctl validate\n  insightctl validate --file prod/insights.yaml --strict"
    )]
    Validate(ValidateArgs),
    /// Write a manifest to start from
    #[command(after_help = "Examples:
  insightctl init --scenario mixed
  insightctl init --scenario default-off --tenant-id 3f2504e0-4f89-41d3-9a0c-0305e82c3301 \\
      --tenant-name contoso.onmicrosoft.com --file prod/insights.yaml")]
    Init(InitArgs),
    /// Print a JSON Schema: of the manifest, the plan, the report or a waiver
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
    /// Settings are written over the Exchange REST envelope, which is verified against the sandbox only.
    #[command(after_help = "Examples:
  insightctl apply --sandbox tenant.json
  insightctl apply --sandbox tenant.json --yes --allow defaults
  insightctl apply plan.json --sandbox tenant.json --yes --out results.csv
  insightctl apply plan.json --sandbox tenant.json --yes --waiver waiver.yaml")]
    Apply(ApplyArgs),
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
    /// Make opt-outs that an administrator's script wrote count as ours
    ///
    /// Nothing is written to the tenant. FILE is the list that the script worked through: a CSV file with a column `UserPrincipalName`. Whoever is opted in
    /// now, or was seen otherwise than that script would have left them, is refused and listed. An export of what people
    /// have is refused as a whole: it would make everybody's own choice count as ours.
    #[command(after_help = "Examples:
  insightctl record opted-out.csv --written-on 2025-11-03 --by 'Grace (IT)' --sandbox tenant.json
  insightctl record opted-out.csv --written-on 2025-11-03T14:00:00Z --by Grace --yes --format csv")]
    Record(RecordArgs),
    /// Tell what decides for one person, setting by setting
    #[command(after_help = "Examples:\n  insightctl explain ada@contoso.com --sandbox tenant.json")]
    Explain(ExplainArgs),
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
    /// Serve, reset, play with or generate a simulated tenant
    #[command(subcommand)]
    Sandbox(SandboxCommand),
}

#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Treat warnings, and overlaps of groups with a different outcome, as errors
    #[arg(long)]
    pub(super) strict: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Which rollout to start from
    #[arg(long, value_name = "SCENARIO")]
    pub(super) scenario: ScenarioName,
    /// The tenant's directory id
    #[arg(long, value_name = "GUID")]
    pub(super) tenant_id: Option<uuid::Uuid>,
    /// The tenant's name
    #[arg(long, value_name = "NAME")]
    pub(super) tenant_name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ScenarioName {
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
pub(super) struct SchemaArgs {
    /// Of what
    pub(super) of: SchemaOf,
    /// Write to this file instead
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    Manifest,
    Plan,
    Report,
    Waiver,
}

/// Is what guards and consent need.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Consent {
    /// Consent to a class of change of the plan that is shown, where a guard objects; may be given more than once.
    /// Classes: opt-in, opt-out, features, service-plan-assigned, service-plan-removed, leaving, restore, re-opt-in,
    /// re-pin, rollback, defaults
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(super) allow: Vec<Class>,
    /// Treat an overlap of groups with a different outcome as an error
    #[arg(long)]
    pub(super) strict: bool,
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) consent: Consent,
    /// Exit with 2 when changes are pending
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
    /// Exit with 6 when a guard objects
    #[arg(long)]
    pub(super) enforce_guards: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A saved plan
    pub(super) plan: PathBuf,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// A saved plan; without one, a plan is made, shown and asked about
    pub(super) plan: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) consent: Consent,
    /// Consent in writing to classes of change of the saved plan, as `insightctl waive` writes it; may be given more
    /// than once
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub(super) waiver: Vec<PathBuf>,
    /// At the end, wait up to so long until everything that was written shows, such as 20m; without, `verify` looks later
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) wait_settled: Option<SignedDuration>,
    /// How old a saved plan may be: a duration such as 7d, 36h or 90m
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration)]
    pub(super) max_age: SignedDuration,
    /// How many people of a saved plan may have moved before it is stale: a number, or percent of its people, of whom
    /// up to 10 always may
    #[arg(long, value_name = "N|N%", default_value = "5%", value_parser = stale_limit)]
    pub(super) stale_limit: StaleLimit,
    /// Stop once this many people failed: a number, or percent of the people in the plan
    #[arg(long, value_name = "N|N%")]
    pub(super) failure_limit: Option<String>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The run: the number that its result names
    #[arg(value_parser = run)]
    pub(super) run: RunId,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Consent to a class of change that a guard objects to; may be given more than once
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(super) allow: Vec<Class>,
    /// Stop once this many people failed: a number, or percent of the people in the plan
    #[arg(long, value_name = "N|N%")]
    pub(super) failure_limit: Option<String>,
    /// Save the plan to this file and apply nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "failure_limit", "out", "format"])]
    pub(super) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// The list that the script worked through
    #[arg(value_name = "FILE")]
    pub(super) list: PathBuf,
    /// When the script wrote: a day (YYYY-MM-DD, taken as its beginning) or a moment
    #[arg(long, value_name = "DATE", value_parser = moment)]
    pub(super) written_on: Timestamp,
    /// Who says so
    #[arg(long, value_name = "WHO")]
    pub(super) by: String,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Record nothing when a row is refused
    #[arg(long)]
    pub(super) strict: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct WaiveArgs {
    /// A saved plan
    pub(super) plan: PathBuf,
    /// The class of change that is consented to; may be given more than once
    #[arg(long, value_name = "CLASS", value_parser = class, required = true)]
    pub(super) class: Vec<Class>,
    /// Why, for whoever reads the report
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Who consents; by default whoever runs this
    #[arg(long, value_name = "WHO")]
    pub(super) by: Option<String>,
    /// The last day on which it holds, to its end in UTC; by default a week from today
    #[arg(long, value_name = "DATE")]
    pub(super) until: Option<Date>,
    /// Write to this file, which must not exist yet
    #[arg(long, value_name = "FILE", default_value = "waiver.yaml")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The person: user principal name or object id
    pub(super) person: String,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// The person: user principal name or object id
    #[arg(required_unless_present = "tenant", conflicts_with = "tenant")]
    pub(super) person: Option<String>,
    /// Of the person, this setting only: mode, dashboard, digest-email, outlook-add-in, service-plan
    #[arg(long, value_name = "SETTING", requires = "person", value_parser = setting)]
    pub(super) setting: Option<Setting>,
    /// A default of the tenant: dashboard, digest-email, outlook-add-in, schedule-send, meeting-survey
    #[arg(long, value_name = "SETTING", value_parser = tenant_setting)]
    pub(super) tenant: Option<TenantSetting>,
}

#[derive(Debug, Args)]
pub(super) struct DriftArgs {
    #[command(flatten)]
    pub(super) output: Output,
    /// Exit with 2 when something differs
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Look at what this run wrote, read back or not; without, at everything that has not been read back
    #[arg(value_parser = run)]
    pub(super) run: Option<RunId>,
    #[command(flatten)]
    pub(super) output: Output,
    /// Exit with 2 while something does not show yet
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct RunsArgs {
    /// How many to list, newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) last: usize,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(subcommand)]
    pub(super) command: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum RunsCommand {
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

#[derive(Debug, Subcommand)]
pub(super) enum SandboxCommand {
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
    /// Play a person who changes their own settings
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
pub(super) enum ModeName {
    OptIn,
    OptOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SwitchName {
    On,
    Off,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let day = |text: &str| {
        let date: Date = text.parse().ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let moment = text.parse().ok().or_else(|| day(text));
    moment.ok_or_else(|| {
        "expected a day such as 2026-03-01, or a moment such as 2026-03-01T08:00:00Z".to_owned()
    })
}

fn run(text: &str) -> Result<RunId, String> {
    text.parse().map_err(|_| "expected the number of a run, such as 4 or 00000004".to_owned())
}

/// Reads a duration in which a day is 24 hours.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let span: Option<Span> = text.parse().ok();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    duration
        .filter(|duration| !duration.is_negative())
        .ok_or_else(|| "expected a duration such as 7d, 36h or 90m".to_owned())
}

fn stale_limit(text: &str) -> Result<StaleLimit, String> {
    text.parse().map_err(|_| "expected a number of people such as 20, or a share such as 5%".to_owned())
}

fn class(text: &str) -> Result<Class, String> {
    let words = Class::ALL.map(Class::word).join(", ");
    text.parse().map_err(|()| format!("expected one of {words}"))
}

fn setting(text: &str) -> Result<Setting, String> {
    let found = Setting::ALL.into_iter().find(|setting| setting.word().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("expected one of {}", Setting::ALL.map(Setting::word).join(", ")))
}

fn tenant_setting(text: &str) -> Result<TenantSetting, String> {
    let found = TenantSetting::ALL.into_iter().find(|setting| setting.word().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("expected one of {}", TenantSetting::ALL.map(TenantSetting::word).join(", ")))
}
