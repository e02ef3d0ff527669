//! Watches a target from beside: how long it takes over one input, and how much memory the process has.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Is the most memory that reading may take, the tests' own included, in KiB.
pub(crate) const MOST_MEMORY: u64 = 512 * 1024;

/// Is how often it looks.
const OFTEN: Duration = Duration::from_millis(10);

/// Is the input under way, since when, and how long it may take.
type Current = Option<(Arc<[u8]>, Instant, Duration)>;

/// Is told what is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guardian(Arc<Mutex<Current>>);

impl Guardian {
    /// Begins to watch; calls `found` with input and complaint, and ends the process.
    pub(crate) fn watch(&self, found: impl Fn(&[u8], &str) + Send + 'static) {
        let current = Arc::clone(&self.0);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(OFTEN);
                let Some((input, since, most)) = current.lock().unwrap().clone() else { continue };
                let memory = peak();
                let complaint = if since.elapsed() > most {
                    format!("it takes longer than {most:?}")
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
        *self.0.lock().unwrap() = Some((input.into(), Instant::now(), most));
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
