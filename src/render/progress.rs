//! Shows how far a run has come: a bar on a terminal, plain lines elsewhere, or nothing.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::number::{about, count};

/// Is how long a step lasts before anything is shown of it; what is over sooner needs no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// Is how long plain lines stay silent, unless a tenth of the step was done meanwhile.
const SILENCE: Duration = Duration::from_secs(10);

/// Shows how far a run has come.
///
/// It is told of every advance, with the time, since it reads no clock of its own, and decides what is worth showing.
pub struct Progress {
    shown: Shown,
    step: Option<Step>,
}

enum Shown {
    Bar(ProgressDrawTarget),
    Drawn(ProgressBar),
    Lines(Box<dyn Write + Send>),
    Nothing,
}

/// Is what is under way, since when, and what was last told of it.
#[derive(Debug)]
struct Step {
    label: String,
    began: Duration,
    told_at: Duration,
    told_done: u64,
    done: u64,
    of: u64,
    told: bool,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("step", &self.step).finish_non_exhaustive()
    }
}

impl Progress {
    /// Draws a bar with the time left on the terminal behind stderr.
    pub fn bar() -> Self {
        Self { shown: Shown::Bar(ProgressDrawTarget::stderr()), step: None }
    }

    /// Writes a plain line about every ten seconds, or for every tenth that is done.
    pub fn lines(out: Box<dyn Write + Send>) -> Self {
        Self { shown: Shown::Lines(out), step: None }
    }

    /// Shows nothing.
    pub fn nothing() -> Self {
        Self { shown: Shown::Nothing, step: None }
    }

    /// Takes note that `done` of `of` are done of what `label` names, at a time since any fixed moment.
    ///
    /// A new label, or fewer done than before, begins a new step. `of` may grow while more work is found.
    pub fn advance(&mut self, label: &str, done: u64, of: u64, now: Duration) -> io::Result<()> {
        let same = self.step.as_ref().is_some_and(|step| step.label == label && step.done <= done);
        if !same {
            self.end()?;
            let label = label.to_owned();
            let step = Step { label, began: now, told_at: now, told_done: done, done, of, told: false };
            self.step = Some(step);
            return Ok(());
        }
        let Some(step) = &mut self.step else { return Ok(()) };
        (step.done, step.of) = (done, of);
        match &mut self.shown {
            Shown::Nothing => Ok(()),
            Shown::Lines(out) => {
                if step.is_worth_a_line(now) {
                    step.tell(out, now)?;
                }
                Ok(())
            }
            Shown::Bar(target) => {
                if now.saturating_sub(step.began) >= PATIENCE {
                    let target = std::mem::replace(target, ProgressDrawTarget::hidden());
                    let bar = ProgressBar::with_draw_target(Some(of), target).with_style(style());
                    step.draw(&bar, now);
                    self.shown = Shown::Drawn(bar);
                }
                Ok(())
            }
            Shown::Drawn(bar) => {
                step.draw(bar, now);
                Ok(())
            }
        }
    }

    /// Ends what is under way, and clears the bar, so that other text can follow.
    pub fn end(&mut self) -> io::Result<()> {
        self.step = None;
        match &mut self.shown {
            Shown::Drawn(bar) => {
                bar.finish_and_clear();
                self.shown = Shown::Bar(ProgressDrawTarget::stderr());
                Ok(())
            }
            Shown::Lines(out) => out.flush(),
            Shown::Bar(_) | Shown::Nothing => Ok(()),
        }
    }
}

impl Step {
    fn is_worth_a_line(&self, now: Duration) -> bool {
        if now.saturating_sub(self.began) < PATIENCE || self.done == self.told_done {
            return false;
        }
        let a_tenth = (self.done - self.told_done).saturating_mul(10) >= self.of;
        let silent = now.saturating_sub(self.told_at) >= SILENCE;
        // A step that was never told of needs no last line; one that was, does.
        a_tenth || silent || (self.told && self.done >= self.of)
    }

    fn tell(&mut self, out: &mut dyn Write, now: Duration) -> io::Result<()> {
        (self.told_at, self.told_done, self.told) = (now, self.done, true);
        writeln!(out, "{}: {}{}", self.label, self.share(), self.left(now))?;
        out.flush()
    }

    fn draw(&self, bar: &ProgressBar, now: Duration) {
        bar.set_length(self.of);
        bar.set_position(self.done);
        bar.set_message(format!("{}{}", self.share(), self.left(now)));
        bar.set_prefix(self.label.clone());
    }

    fn share(&self) -> String {
        let percent = (self.done.min(self.of) * 100).checked_div(self.of).unwrap_or(100);
        format!("{} of {} ({percent} %)", count(self.done), count(self.of))
    }

    /// Estimates the time left from the time taken so far; nothing is said before anything is done.
    fn left(&self, now: Duration) -> String {
        if self.done == 0 || self.done >= self.of {
            return String::new();
        }
        let taken = u128::from(now.saturating_sub(self.began).as_secs());
        let left = taken * u128::from(self.of - self.done) / u128::from(self.done);
        format!(", {} left", about(u64::try_from(left).unwrap_or(u64::MAX)))
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} [{bar:24}] {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one thread").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(steps: &[(&str, u64, u64, u64)]) -> String {
        let out = Shared::default();
        let mut progress = Progress::lines(Box::new(out.clone()));
        for (label, done, of, second) in steps {
            progress.advance(label, *done, *of, Duration::from_secs(*second)).expect("memory");
        }
        progress.end().expect("memory");
        let bytes = out.0.lock().expect("one thread").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn what_is_over_in_a_second_is_not_told() {
        assert_eq!(lines(&[("reading people", 0, 40, 5), ("reading people", 40, 40, 5)]), "");
    }

    #[test]
    fn plain_lines_come_every_tenth_or_every_ten_seconds_with_the_time_left() {
        let steps: Vec<_> = (0..=100).map(|second| ("writing", second * 12, 1_200, second)).collect();
        let text = lines(&steps);
        assert_eq!(text.lines().count(), 10, "{text}");
        insta::assert_snapshot!(text.lines().take(2).collect::<Vec<_>>().join("\n"), @r"
        writing: 120 of 1,200 (10 %), about 2 min left
        writing: 240 of 1,200 (20 %), about 80 s left
        ");
        assert!(text.ends_with("writing: 1,200 of 1,200 (100 %)\n"), "{text}");
    }

    #[test]
    fn a_slow_step_is_told_of_although_little_is_done() {
        let text = lines(&[("reading", 0, 1_000, 0), ("reading", 1, 1_000, 9), ("reading", 2, 1_000, 11)]);
        assert_eq!(text, "reading: 2 of 1,000 (0 %), about 2 h left\n");
    }

    #[test]
    fn each_step_has_its_own_time() {
        let text = lines(&[("a", 0, 10, 0), ("a", 5, 10, 5), ("b", 0, 10, 100), ("b", 5, 10, 105)]);
        assert_eq!(text, "a: 5 of 10 (50 %), about 5 s left\nb: 5 of 10 (50 %), about 5 s left\n");
    }

    #[test]
    fn a_step_of_nothing_does_not_divide_by_it() {
        assert_eq!(lines(&[("a", 0, 0, 0), ("a", 0, 0, 20)]), "");
    }
}
