//! Drives a target: tries what was found before, then the corpus, then damaged input until time is up.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::guardian::{Guardian, MOST_MEMORY, peak};
use crate::mutate::{Dice, mutate};

/// Reads one input, and tells what was said of it, or what is wrong with how it was read.
pub(crate) type Judge = Box<dyn FnMut(&[u8]) -> Result<String, String>>;

/// Is something that reads input.
pub(crate) struct Target {
    /// Names its files.
    pub(crate) name: &'static str,
    /// Real input to begin with.
    pub(crate) corpus: Vec<Vec<u8>>,
    /// Words of the format.
    pub(crate) words: Vec<&'static str>,
    /// Input that is huge on purpose; tried once in runs of ten seconds and more, which have time for it.
    pub(crate) giants: Vec<Vec<u8>>,
    /// Reads it.
    pub(crate) judge: Judge,
}

/// Is the longest damaged input, in bytes.
const MOST_BYTES: usize = 64 * 1024;
/// Is how long reading such an input may take.
const MOST_TIME: Duration = Duration::from_secs(5);
/// Is how long reading a giant may take, where nothing is optimised.
const GIANTS_TIME: Duration = Duration::from_mins(1);
/// Is how long a finding is made smaller.
const SHRINKING: Duration = Duration::from_secs(10);

/// Names the target to a process that was started for it.
const CHILD: &str = "FUZZ_TARGET";

/// Starts this test again in a process of its own, and drives the target there.
pub(crate) fn in_a_process_of_its_own(test: &str, target: fn() -> Target) {
    if std::env::var(CHILD).is_ok_and(|named| named == test) {
        drive(target());
        return;
    }
    let ended = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, test)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.success(), "see above what was found; {ended}");
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// Is where the last panic was.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn drive(mut target: Target) {
    let (seconds, seed) = (number("FUZZ_SECONDS", 1), number("FUZZ_SEED", 1));
    std::panic::set_hook(Box::new(|panic| *PANIC.lock().unwrap() = panic.to_string()));
    let guardian = Guardian::default();
    let name = target.name;
    guardian.watch(move |input, complaint| report(name, seed, input, complaint));
    let before = peak();

    let mut kinds = BTreeSet::new();
    let found = found_before(name);
    // They take their time where nothing is optimised.
    let giants = if seconds < 10 { Vec::new() } else { std::mem::take(&mut target.giants) };
    let first = found.iter().chain(&target.corpus).cloned().map(|input| (input, MOST_TIME));
    let first: Vec<_> = first.chain(giants.into_iter().map(|input| (input, GIANTS_TIME))).collect();
    let mut tried = 0_u64;
    for (input, time) in first {
        tried += 1;
        match judge(&mut target, &guardian, &input, time) {
            Ok(shape) => drop(kinds.insert(shape)),
            Err(complaint) => give_up(&mut target, &guardian, seed, &input, &complaint),
        }
    }

    let mut dice = Dice(seed);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) {
        // Short ones are many times faster, and long ones rarely say anything else.
        let most = if dice.below(8) == 0 { MOST_BYTES } else { MOST_BYTES / 8 };
        let input = mutate(&mut dice, &target.corpus, &target.words, most);
        tried += 1;
        match judge(&mut target, &guardian, &input, MOST_TIME) {
            // What brings new words has got somewhere new: go on from there.
            Ok(shape) if kinds.insert(shape) && target.corpus.len() < 4_096 => target.corpus.push(input),
            Ok(_) => {}
            Err(complaint) => give_up(&mut target, &guardian, seed, &input, &complaint),
        }
    }
    let (memory, answers, took) = (peak(), kinds.len(), began.elapsed());
    assert!(memory <= MOST_MEMORY, "{memory} KiB of memory");
    tell(&format!(
        "fuzz {name}: {tried} inputs in {:.0} s, {answers} kinds of answer, {} MiB at most ({} before), seed {seed}",
        took.as_secs_f64(),
        memory / 1024,
        before / 1024,
    ));
}

/// Reads one input; what comes back is a number for the kind of answer.
fn judge(target: &mut Target, guardian: &Guardian, input: &[u8], time: Duration) -> Result<u64, String> {
    guardian.begin(input, time);
    let judged = catch_unwind(AssertUnwindSafe(|| (target.judge)(input)));
    guardian.end();
    match judged {
        Ok(Ok(said)) => Ok(shape(&said)),
        Ok(Err(complaint)) => Err(complaint),
        Err(_) => Err(format!("it panicked: {}", PANIC.lock().unwrap())),
    }
}

/// Gives the same number to answers that differ only in numbers and in what they quote.
fn shape(said: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut quoted = false;
    for character in said.chars() {
        quoted ^= matches!(character, '`' | '“' | '”');
        if !quoted && !character.is_ascii_digit() {
            character.hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Makes a finding smaller as long as the complaint stays the same, reports it and ends the test.
fn give_up(target: &mut Target, guardian: &Guardian, seed: u64, input: &[u8], complaint: &str) -> ! {
    report(target.name, seed, input, complaint);
    let (mut small, mut complaint) = (input.to_vec(), complaint.to_owned());
    let wanted = shape(first_line(&complaint));
    let began = Instant::now();
    let mut step = small.len() / 2;
    while step > 0 && began.elapsed() < SHRINKING {
        let mut from = 0;
        while from < small.len() && began.elapsed() < SHRINKING {
            let mut smaller = small.clone();
            drop(smaller.drain(from..small.len().min(from + step)));
            match judge(target, guardian, &smaller, MOST_TIME) {
                Err(other) if shape(first_line(&other)) == wanted => (small, complaint) = (smaller, other),
                Ok(_) | Err(_) => from += step,
            }
        }
        step /= 2;
    }
    if small.len() < input.len() {
        report(target.name, seed, &small, &complaint);
    }
    std::process::exit(101);
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Writes a finding to a file, and says where it is.
fn report(name: &str, seed: u64, input: &[u8], complaint: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("fuzz");
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let file = folder.join(format!("{name}-{:016x}", hasher.finish()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(&file, input).unwrap();
    let shown: String = complaint.chars().take(4_000).collect();
    tell(&format!(
        "fuzz {name}: FOUND with seed {seed}: {shown}\n  {} bytes are in {}\n  once it is mended, move them to tests/fuzz/found/{name}",
        input.len(),
        file.display()
    ));
}

/// Speaks past whatever captures the output of tests.
fn tell(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Reads the inputs that were found and mended.
fn found_before(name: &str) -> Vec<Vec<u8>> {
    files(&Path::new("tests/fuzz/found").join(name))
}

/// Reads every file below a folder, in order; none where there is no folder.
pub(crate) fn files(folder: &Path) -> Vec<Vec<u8>> {
    paths(folder).iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Lists every file below a folder, in order.
pub(crate) fn paths(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut below: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    below.sort();
    below.into_iter().flat_map(|path| if path.is_dir() { paths(&path) } else { vec![path] }).collect()
}
