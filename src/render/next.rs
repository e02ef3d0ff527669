//! Renders what is advised after a wave, and the edit of the manifest as a patch.

use std::path::Path;

use similar::TextDiff;

use super::inert::inert;
use super::number::{count, day};
use crate::model::rollout::Rollout;
use crate::rollout::next::{Advice, Choice, Why};

/// Writes the edit as a patch that `git apply` takes; empty where nothing changes.
///
/// `path` is the file as seen from the root of its repository, with `/`.
pub fn patch(path: &Path, before: &str, after: &str) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let (old, new) = (format!("a/{path}"), format!("b/{path}"));
    TextDiff::from_lines(before, after).unified_diff().context_radius(3).header(&old, &new).to_string()
}

/// Says what is advised, and why.
pub fn advice(advice: &Advice, rollout: &Rollout) -> String {
    let Advice { about, choice, why } = advice;
    let name = |wave: u32| {
        let wave = rollout.waves.get(wave as usize);
        format!("`{}`", wave.map(|wave| inert(&wave.name)).unwrap_or_default())
    };
    let about = about.map(name).unwrap_or_default();
    let what = match choice {
        Choice::Extend { wave, days } => format!("let {} run {days} days longer", name(*wave)),
        Choice::Approve { wave } => format!("approve {}", name(*wave)),
        Choice::Adjust { wave, share } => format!("let {} take in {share}", name(*wave)),
        Choice::WidenToAll => "add a wave for everybody".to_owned(),
        Choice::Wait => "wait".to_owned(),
    };
    let of = |people: &u64, of: &u64| format!("{} of {}", count(*people), count(*of));
    let why = match why {
        Why::NotBegun => "no wave has begun".to_owned(),
        Why::StillRuns { until: Some(until) } => format!("{about} runs until {}", day(*until)),
        Why::StillRuns { until: None } => format!("{about} still runs"),
        Why::NotMeasured => format!("nobody could say where the people of {about} stand"),
        Why::NotConverged { people, of: all } => {
            format!("only {} in {about} have nothing left to be done", of(people, all))
        }
        Why::TooFewIn { goal, people, of: all } => {
            format!("{} in {about} are opted in, where {goal} is the goal", of(people, all))
        }
        Why::TooManyOut { goal, people, of: all } => {
            format!(
                "{} in {about} opted out by themselves, where {goal} at most is the goal",
                of(people, all)
            )
        }
        Why::GoalsReached => format!("{about} has reached its goals"),
        Why::EverybodyIsIn => format!("{about} has reached its goals, and everybody is in"),
        Why::NextComes => format!("{about} has reached its goals, and the next wave begins by itself"),
    };
    format!("Advice: {what}: {why}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_names_the_file_and_keeps_its_line_ends() {
        let patch = patch(Path::new("prod/insights.yaml"), "a\r\nb\r\nc", "a\r\nB\r\nc");
        insta::assert_snapshot!(patch.replace('\r', "␍"), @r"
        --- a/prod/insights.yaml
        +++ b/prod/insights.yaml
        @@ -1,3 +1,3 @@
         a␍
        -b␍
        +B␍
         c
        \ No newline at end of file
        ");
        assert_eq!(super::patch(Path::new("x"), "a\n", "a\n"), "");
    }
}
