//! Watches a target from beside: how long it takes over one input, and how much memory the process has.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Is the most memory that reading may take, the tests' own included, in KiB.
pub(crate) const MOST_MEMORY: u64 = 512 * 1024;

/// Is how often it looks.
const OFTEN: Duration = Duration::from_millis(10);

/// Is how much longer than its own time an input may take on a machine that others keep busy, or while it waits.
const PATIENCE: u32 = 20;

/// Is what is under way.
#[derive(Clone, Debug)]
struct Current {
    input: Arc<[u8]>,
    since: Instant,
    /// The time of the processor that the process had taken by then.
    spent: Duration,
    /// How much more of it this input may take.
    most: Duration,
}

/// Is told what is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guardian(Arc<Mutex<Option<Current>>>);

impl Guardian {
    /// Begins to watch; calls `found` with input and complaint, and ends the process.
    pub(crate) fn watch(&self, found: impl Fn(&[u8], &str) + Send + 'static) {
        let current = Arc::clone(&self.0);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(OFTEN);
                let Some(Current { input, since, spent, most }) = current.lock().unwrap().clone() else {
                    continue;
                };
                let (took, memory) = (self::spent().saturating_sub(spent), peak());
                let complaint = if took > most {
                    format!("it takes longer than {most:?}")
                } else if since.elapsed() > most * PATIENCE {
                    format!("it is not done after {:?}", most * PATIENCE)
                } else if memory > MOST_MEMORY {
                    format!("it has taken {memory} KiB of memory")
                } else {
                    continue;
                };
                found(&input, &complaint);
                std::process::exit(101);
            }
        });
    }

    /// Says what is under way from now on.
    pub(crate) fn begin(&self, input: &[u8], most: Duration) {
        let current = Current { input: input.into(), since: Instant::now(), spent: spent(), most };
        *self.0.lock().unwrap() = Some(current);
    }

    /// Says that it is done.
    pub(crate) fn end(&self) {
        *self.0.lock().unwrap() = None;
    }
}

/// Gives the most memory that this process has had, in KiB; 0 where nobody tells.
pub(crate) fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// Gives the time of the processor that this process has taken; none where nobody tells.
fn spent() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold spaces; user and system time are the 14th and 15th field, in hundredths.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
