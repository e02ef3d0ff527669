//! Says beforehand what carrying out a plan costs: writes, reads and time.
//!
//! The figures of how much goes at once are the ones that the client keeps to; it takes them from here.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use super::calls::{Task, Work};
use super::{GroupLicences, Operation, Phase};

/// Is how many people the settings service takes in one batch over the Exchange REST envelope.
pub const SETTINGS_AT_ONCE: usize = 10;
/// Is how many people Microsoft Graph takes in one batch.
pub const LICENCES_AT_ONCE: usize = 20;
/// Is how many batches of people are under way at once: as many as are ever sent to one service.
pub const BATCHES: u32 = 16;
/// Is how many requests are sent to Microsoft Graph at once in the beginning: its limits are published and wide.
pub const BOLD: u32 = 4;
/// Is the same for the settings service, of whose limits nothing is known.
pub const CAREFUL: u32 = 2;
/// Is how many licences may be written at once, and in every further second: nine tenths of what Graph publishes, 3,000
/// writes in 150 s, with a tenth to begin with.
const LICENCE_WRITES: (f64, f64) = (300.0, 18.0);

/// Is how many PowerShell sessions are open at most.
///
/// Microsoft documents five open connections, for connections of the older kind ("Connect to Exchange Online
/// PowerShell", learn.microsoft.com/powershell/exchange), and no number for today's. Users met a limit of three
/// (Microsoft365DSC#359), which the pace finds by itself.
pub const MOST_SESSIONS: u32 = 5;

/// Is how long one batch, or one write of a default, is taken to last: nobody has measured it at Microsoft yet.
const ANSWER: Duration = Duration::from_millis(500);

/// Is a number of calls in a second, above 0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct CallRate(f64);

/// Says that a text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number of calls in a second, from 0.01 to 10000")]
pub struct NotARate;

impl CallRate {
    /// Gives the calls in a second.
    pub fn a_second(self) -> f64 {
        self.0
    }
}

impl FromStr for CallRate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let rate: f64 = text.trim().parse().map_err(|_| NotARate)?;
        (0.01..=10_000.0).contains(&rate).then_some(Self(rate)).ok_or(NotARate)
    }
}

/// Is how the settings service is reached, as far as it decides how long something takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// The calls in a second that the user allows, if so.
    pub rate: Option<CallRate>,
    /// How many people one request carries at most.
    pub carries: usize,
    /// How many requests are under way at once in the beginning.
    pub first: u32,
    /// And at most.
    pub most: u32,
}

impl Default for Speed {
    /// Reaches it in batches, as fast as it bears.
    fn default() -> Self {
        Self::in_batches(None)
    }
}

impl Speed {
    /// Reaches the settings service in batches over the Exchange REST envelope.
    ///
    /// No request carries more than may be called in a second, so that a slow rate is not one rush now and then; and a
    /// rate that somebody allows is sought from the start.
    pub fn in_batches(rate: Option<CallRate>) -> Self {
        let Some(CallRate(allowed)) = rate else {
            return Self { rate, carries: SETTINGS_AT_ONCE, first: CAREFUL, most: BATCHES };
        };
        let carries = (1..=SETTINGS_AT_ONCE).rev().find(|size| real(*size) <= allowed).unwrap_or(1);
        let needed = |batches: &u32| f64::from(*batches) * real(carries) >= allowed * ANSWER.as_secs_f64();
        let first = (CAREFUL..=BATCHES).find(needed).unwrap_or(BATCHES);
        Self { rate, carries, first, most: BATCHES }
    }

    /// Reaches the settings service through PowerShell, where each process runs one cmdlet after the other.
    pub fn one_by_one(rate: Option<CallRate>) -> Self {
        Self { rate, carries: 1, first: 1, most: MOST_SESSIONS }
    }
}

/// Is what carrying out a plan costs where nothing goes wrong and every write shows at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Writes, of settings and of licences; exact.
    pub writes: u64,
    /// Readings of one person or of the defaults, right before each write and after it; exact.
    ///
    /// Those of a saved plan's people before its first write come on top, and so do those of what shows late, and the
    /// readings of licensing groups, which are looked at again until Microsoft has worked them off.
    pub reads: u64,
    /// Seconds, rounded; exact only where a stated rate decides.
    pub seconds: u64,
}

impl Budget {
    /// Counts the work of a plan's operations.
    pub fn of(
        work: &[Work],
        operations: &[Operation],
        licensing_groups: &[GroupLicences],
        speed: &Speed,
    ) -> Self {
        // One for each group, whoever is in it.
        let writes = work.iter().map(|work| work.task.calls()).sum::<u64>() + licensing_groups.len() as u64;
        let reads = reads(work, operations);
        Self { writes, reads, seconds: rounded(time(work, speed)) }
    }
}

/// Counts how often one person or the defaults are read.
fn reads(work: &[Work], operations: &[Operation]) -> u64 {
    let mut reads = 0;
    let mut settings = false;
    let mut seen = BTreeSet::new();
    for Work { phase: _, task, operations: of } in work {
        match task {
            Task::Tenant { .. } => settings = true,
            Task::Settings { id, .. } => {
                settings = true;
                seen.insert(*id);
            }
            // Whoever was read just now need not be read again to see that they are opted out.
            Task::Licences { id, .. } => {
                let waits = of.iter().any(|index| operations[*index].after_opt_out);
                reads += u64::from(waits && !seen.contains(id));
            }
        }
        reads += 2;
    }
    // People's values are compared with the defaults, which are read first.
    reads + u64::from(settings)
}

/// Says how long the work takes: in each phase, the slowest of what limits it decides.
fn time(work: &[Work], speed: &Speed) -> Duration {
    let mut settings = Window { limit: speed.first, most: speed.most };
    let mut graph = Window { limit: BOLD, most: BATCHES };
    let reads_defaults = |work: &Work| match work.task {
        Task::Tenant { .. } | Task::Settings { .. } => true,
        Task::Licences { .. } => false,
    };
    let mut total = if work.iter().any(reads_defaults) { ANSWER } else { Duration::ZERO };
    let (mut licences, mut bound) = (0, false);
    for phase in Phase::ALL {
        let (mut defaults, mut sets, mut people, mut written) = (0, Vec::new(), 0, 0);
        for work in work.iter().filter(|work| work.phase == phase) {
            match &work.task {
                Task::Tenant { .. } => defaults += 1,
                Task::Settings { sets: of_one, .. } => sets.push(of_one.len()),
                Task::Licences { changes, .. } => {
                    people += 1;
                    // What a group hands down is written to the group, once.
                    written += usize::from(!changes.is_empty());
                }
            }
        }
        let steps = Steps::of_settings(&sets, speed.carries);
        let calls = 3 * defaults + 2 * sets.len() + sets.iter().sum::<usize>();
        // Defaults follow one another, each with a look before and after.
        let answered = real(3 * defaults + settings.rounds(&steps)) * ANSWER.as_secs_f64();
        let allowed = speed.rate.map_or(0.0, |CallRate(rate)| real(calls) / rate);
        bound |= allowed > answered;
        total += span(answered.max(allowed));

        let answered = real(graph.rounds(&Steps::of_licences(people))) * ANSWER.as_secs_f64();
        let allowed = licences_take(licences + written) - licences_take(licences);
        licences += written;
        total += span(answered.max(allowed));
    }
    match speed.rate {
        // The last calls leave in time and still want an answer, and nobody waits for what they cost.
        Some(CallRate(rate)) if bound => (total + ANSWER).saturating_sub(span(real(speed.carries) / rate)),
        Some(_) | None => total,
    }
}

/// Gives the seconds in which so many licences may be written.
fn licences_take(licences: usize) -> f64 {
    let (at_once, a_second) = LICENCE_WRITES;
    ((real(licences) - at_once) / a_second).max(0.0)
}

/// Is what is to be sent in one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Steps {
    /// Requests in all.
    requests: usize,
    /// How many of them have to follow one another.
    chain: usize,
}

impl Steps {
    /// Takes the number of writes of each person: everybody is read, written once or more, and read again.
    fn of_settings(sets: &[usize], carries: usize) -> Self {
        let mut steps = Self::default();
        for group in sets.chunks(SETTINGS_AT_ONCE) {
            let rounds = group.iter().max().copied().unwrap_or_default();
            let writes: usize = (0..rounds)
                .map(|round| group.iter().filter(|sets| **sets > round).count().div_ceil(carries))
                .sum();
            steps.requests += 2 * group.len().div_ceil(carries) + writes;
            steps.chain = steps.chain.max(2 + writes);
        }
        steps
    }

    fn of_licences(people: usize) -> Self {
        let batches = people.div_ceil(LICENCES_AT_ONCE);
        Self { requests: 3 * batches, chain: 3 * batches.min(1) }
    }
}

/// Is how many requests are under way at once, one more after each round as the client does it.
#[derive(Clone, Copy, Debug)]
struct Window {
    limit: u32,
    most: u32,
}

impl Window {
    /// Counts the rounds that some steps take.
    fn rounds(&mut self, steps: &Steps) -> usize {
        let mut left = steps.requests;
        let mut rounds = 0;
        while left > 0 && self.limit < self.most {
            left = left.saturating_sub(self.limit as usize);
            self.limit += 1;
            rounds += 1;
        }
        (rounds + left.div_ceil(self.most as usize)).max(steps.chain)
    }
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn rounded(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_millis() >= 500)
}

/// Counts in fractions; no plan comes near four thousand million.
fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{Mode, PersonId, SkuId, TenantSetting, Value};
    use crate::plan::LicenceChange;
    use crate::plan::calls::Set;

    fn settings(people: usize, calls: usize) -> Vec<Work> {
        let set = Set { mode: Some(Mode::OptOut), feature: None };
        let work = |number: usize| Work {
            phase: Phase::Withdraw,
            task: Task::Settings {
                id: PersonId(Uuid::from_u128(number as u128)),
                upn: "ada@contoso.com".into(),
                sets: vec![set; calls],
            },
            operations: vec![number],
        };
        (0..people).map(work).collect()
    }

    fn defaults(number: usize) -> Vec<Work> {
        let task = Task::Tenant { setting: TenantSetting::Dashboard, value: Value::OFF };
        let work = |index| Work { phase: Phase::DefaultsOff, task: task.clone(), operations: vec![index] };
        (0..number).map(work).collect()
    }

    fn at(rate: &str) -> Speed {
        Speed::in_batches(Some(rate.parse().unwrap()))
    }

    fn budget(work: &[Work], speed: &Speed) -> (u64, u64, u64) {
        let Budget { writes, reads, seconds } = Budget::of(work, &[], &[], speed);
        (writes, reads, seconds)
    }

    #[test]
    fn everybody_is_read_before_and_after() {
        assert_eq!(budget(&[], &Speed::default()), (0, 0, 0));
        assert_eq!(budget(&settings(1, 1), &Speed::default()), (1, 3, 2), "and the defaults once");
        assert_eq!(budget(&settings(1, 3), &Speed::default()), (3, 3, 3));
        assert_eq!(budget(&defaults(2), &Speed::default()), (2, 5, 4));
    }

    #[test]
    fn a_stated_rate_decides_where_it_is_the_slowest() {
        let (writes, reads, seconds) = budget(&settings(1_000, 1), &at("10"));
        assert_eq!((writes, reads), (1_000, 2_001));
        assert!((299..=302).contains(&seconds), "{seconds}");
        let (_, _, seconds) = budget(&settings(1_000, 1), &at("10000"));
        assert!((10..=12).contains(&seconds), "sixteen batches at once: {seconds}");
        let (_, _, seconds) = budget(&settings(1_000, 1), &Speed::default());
        assert!((12..=16).contains(&seconds), "it takes a while to get there: {seconds}");
    }

    #[test]
    fn what_goes_at_once_never_exceeds_a_second_of_the_rate() {
        let carries = |rate| at(rate).carries;
        assert_eq!(["0.1", "1", "3.9", "10", "500"].map(carries), [1, 1, 3, 10, 10]);
        let first = |rate| at(rate).first;
        assert_eq!(["0.1", "5", "20", "50", "1000"].map(first), [2, 2, 2, 3, 16]);
    }

    #[test]
    fn a_rate_is_a_number_that_means_something() {
        for wrong in ["", "0", "-1", "nan", "inf", "1e9", "ten", "0.001"] {
            assert_eq!(wrong.parse::<CallRate>(), Err(NotARate), "{wrong}");
        }
        assert_eq!(" 0.5 ".parse::<CallRate>().map(CallRate::a_second), Ok(0.5));
    }

    #[test]
    fn many_licences_wait_for_the_budget_of_writes() {
        let change = || LicenceChange {
            sku: SkuId(Uuid::nil()),
            name: "SPE_E5".into(),
            disabled_before: Vec::new(),
            disabled_after: Vec::new(),
        };
        let licence = |number: usize| Work {
            phase: Phase::PlanRemove,
            task: Task::Licences {
                id: PersonId(Uuid::from_u128(number as u128)),
                upn: "ada@contoso.com".into(),
                changes: vec![change()],
            },
            operations: Vec::new(),
        };
        let work: Vec<Work> = (0..9_300).map(licence).collect();
        let (writes, reads, seconds) = budget(&work, &Speed::default());
        assert_eq!((writes, reads, seconds), (9_300, 18_600, 500));
    }

    #[test]
    fn a_million_people_are_counted_in_no_time() {
        let (writes, reads, seconds) = budget(&settings(1_000_000, 1), &at("100"));
        assert_eq!((writes, reads), (1_000_000, 2_000_001));
        assert!((29_990..=30_010).contains(&seconds), "{seconds}");
    }
}
