//! Advises what to do after a wave: extend it, let the next one pass, take in more people, or wait.

use jiff::Timestamp;

use super::Timeline;
use crate::model::rollout::{Force, Goals, Hold, Measure, Percent, Phase, Rollout, Standing};

/// Is how much longer a wave is proposed to take whose goals are missed, in days.
const LONGER: u32 = 14;

/// Is what could be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Let a wave run so many days longer.
    Extend {
        /// Its index.
        wave: u32,
        /// How many more.
        days: u32,
    },
    /// Approve a wave.
    Approve {
        /// Its index.
        wave: u32,
    },
    /// Let a wave take in more of its groups.
    Adjust {
        /// Its index.
        wave: u32,
        /// How much.
        share: Percent,
    },
    /// Add a wave for everybody.
    WidenToAll,
    /// Change nothing.
    Wait,
}

/// Says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No wave has begun.
    NotBegun,
    /// The wave's time is not over.
    StillRuns {
        /// When it is.
        until: Option<Timestamp>,
    },
    /// Nobody could say where its people stand.
    NotMeasured,
    /// Too few have nothing left to be done: this share could not be changed, or is still pending.
    NotConverged {
        /// How many have nothing left to be done.
        people: u64,
        /// Of how many.
        of: u64,
    },
    /// Too few are opted in.
    TooFewIn {
        /// The goal.
        goal: Percent,
        /// How many are.
        people: u64,
        /// Of how many.
        of: u64,
    },
    /// Too many opted out by themselves.
    TooManyOut {
        /// The goal.
        goal: Percent,
        /// How many did.
        people: u64,
        /// Of how many.
        of: u64,
    },
    /// Every goal is reached.
    GoalsReached,
    /// Every goal is reached, and the next wave begins by itself.
    NextComes,
    /// Every goal is reached, and a group that holds everybody is in force.
    EverybodyIsIn,
}

/// Is an advice, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The wave that it is about, by index: the last one that has begun.
    pub about: Option<u32>,
    /// What to do.
    pub choice: Choice,
    /// Why.
    pub why: Why,
}

/// Gives the last wave that has begun.
pub fn current(timeline: &Timeline) -> Option<u32> {
    let begun = timeline.waves.iter().rposition(|wave| match wave.phase {
        Phase::Running | Phase::Done => true,
        Phase::Planned | Phase::Gated => false,
    });
    begun.and_then(|index| u32::try_from(index).ok())
}

/// Gives the wave after another one, the first where there is none, of so many.
pub fn following(current: Option<u32>, waves: usize) -> Option<u32> {
    let after = current.map_or(0, |index| index + 1);
    ((after as usize) < waves).then_some(after)
}

/// Gives the first wave after the current one that has not begun.
fn coming(timeline: &Timeline) -> Option<u32> {
    following(current(timeline), timeline.waves.len())
}

/// Advises what to do next; `everyone` are the groups that hold everybody, by index.
pub fn advise(rollout: &Rollout, everyone: &[u32], timeline: &Timeline) -> Advice {
    let about = current(timeline);
    let (choice, why) = match about {
        None => (Choice::Wait, Why::NotBegun),
        Some(index) => after(index, rollout, everyone, timeline),
    };
    Advice { about, choice, why }
}

fn after(index: u32, rollout: &Rollout, everyone: &[u32], timeline: &Timeline) -> (Choice, Why) {
    let status = &timeline.waves[index as usize];
    if status.phase == Phase::Running && status.ends.is_some() {
        return (Choice::Wait, Why::StillRuns { until: status.ends });
    }
    let Some(measure) = status.measure.as_ref().filter(|measure| measure.in_reach() > 0) else {
        return (Choice::Wait, Why::NotMeasured);
    };
    if let Some(missed) = missed(rollout.campaign.goals, measure) {
        let ends = rollout.waves[index as usize].runs_for.is_some();
        let extend = if ends { Choice::Extend { wave: index, days: LONGER } } else { Choice::Wait };
        return (extend, missed);
    }
    let coming = coming(timeline);
    // The rest of a canary's groups may have a wave of its own.
    let groups = &rollout.waves[index as usize].groups;
    let has_them = |next: u32| groups.iter().all(|group| rollout.waves[next as usize].groups.contains(group));
    if status.canary != Percent::ALL && !coming.is_some_and(has_them) {
        let doubled = status.canary.hundredths().saturating_mul(2).min(Percent::ALL.hundredths());
        let share = Percent::of_hundredths(doubled).unwrap_or(Percent::ALL);
        return (Choice::Adjust { wave: index, share }, Why::GoalsReached);
    }
    let is_in = |group: &u32| timeline.in_force.group(*group) == Force::Whole;
    match coming {
        None if everyone.iter().any(is_in) => (Choice::Wait, Why::EverybodyIsIn),
        None => (Choice::WidenToAll, Why::GoalsReached),
        Some(next) if timeline.waves[next as usize].holds.contains(&Hold::NotApproved) => {
            (Choice::Approve { wave: next }, Why::GoalsReached)
        }
        Some(_) => (Choice::Wait, Why::NextComes),
    }
}

/// Says which goal is missed, and where none is named, whether most people have nothing left to be done.
fn missed(goals: Goals, measure: &Measure) -> Option<Why> {
    let Goals { opted_in, opted_out_at_most } = goals;
    let of = measure.in_reach();
    let out = measure.of(Standing::OptedOutThemselves);
    if let Some(goal) = opted_out_at_most.filter(|goal| goal.is_exceeded_by(out, of)) {
        return Some(Why::TooManyOut { goal, people: out, of });
    }
    let inside = measure.of(Standing::OptedIn);
    if let Some(goal) = opted_in.filter(|goal| !goal.is_reached_by(inside, of)) {
        return Some(Why::TooFewIn { goal, people: inside, of });
    }
    let people = measure.converged();
    let most = people.saturating_mul(2) > of;
    (!most).then_some(Why::NotConverged { people, of })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::rollout::{Campaign, Conditions, InForce, Then, Wave, WaveStatus};

    fn percent(share: u16) -> Percent {
        Percent::of_hundredths(share * 100).expect("a share")
    }

    fn wave(name: &str) -> Wave {
        Wave {
            name: name.into(),
            groups: vec![0],
            starts: None,
            runs_for: Some(45),
            after: None,
            approved: None,
            canary: Percent::ALL,
            when: Conditions::default(),
            then: Then::Stay,
        }
    }

    fn timeline(waves: impl IntoIterator<Item = (Phase, Percent, Vec<Hold>, Option<Measure>)>) -> Timeline {
        let status = |(phase, canary, holds, measure)| WaveStatus {
            name: Arc::from("w"),
            groups: Vec::new(),
            canary,
            phase,
            begins: None,
            ends: Some(Timestamp::UNIX_EPOCH),
            then: Then::Stay,
            gated: false,
            holds,
            measure,
        };
        let waves = waves.into_iter().map(status).collect();
        Timeline { as_of: Timestamp::UNIX_EPOCH, waves, in_force: InForce::default() }
    }

    fn measure(inside: u64, out: u64, pending: u64) -> Measure {
        let mut measure = Measure::default();
        let all =
            [(Standing::OptedIn, inside), (Standing::OptedOutThemselves, out), (Standing::Pending, pending)];
        for (standing, people) in all {
            (0..people).for_each(|_| measure.add(standing));
        }
        measure
    }

    fn advised(timeline: &Timeline) -> (Choice, Why) {
        let other = Wave { groups: vec![1], ..wave("b") };
        advised_of(vec![wave("a"), other], &[], timeline)
    }

    fn advised_of(waves: Vec<Wave>, everyone: &[u32], timeline: &Timeline) -> (Choice, Why) {
        let goals = Goals { opted_in: Some(percent(60)), opted_out_at_most: Some(percent(20)) };
        let campaign = Campaign { goals, ..Campaign::default() };
        let rollout = Rollout { waves, campaign, ..Rollout::default() };
        let Advice { about: _, choice, why } = advise(&rollout, everyone, timeline);
        (choice, why)
    }

    #[test]
    fn a_wave_whose_time_is_not_over_is_waited_for() {
        let planned = (Phase::Planned, Percent::ALL, Vec::new(), None);
        assert_eq!(advised(&timeline([planned])), (Choice::Wait, Why::NotBegun));
        let running = (Phase::Running, Percent::ALL, Vec::new(), Some(measure(10, 0, 0)));
        let until = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(advised(&timeline([running])), (Choice::Wait, Why::StillRuns { until }));
        let unknown = (Phase::Done, Percent::ALL, Vec::new(), None);
        assert_eq!(advised(&timeline([unknown])), (Choice::Wait, Why::NotMeasured));
    }

    #[test]
    fn a_wave_that_misses_a_goal_is_extended() {
        let done = |measure| timeline([(Phase::Done, Percent::ALL, Vec::new(), Some(measure))]);
        let extend = Choice::Extend { wave: 0, days: 14 };
        let too_many = Why::TooManyOut { goal: percent(20), people: 3, of: 10 };
        assert_eq!(advised(&done(measure(7, 3, 0))), (extend, too_many));
        let too_few = Why::TooFewIn { goal: percent(60), people: 5, of: 10 };
        assert_eq!(advised(&done(measure(5, 2, 3))), (extend, too_few));
    }

    #[test]
    fn a_wave_that_reaches_its_goals_makes_way_for_more_people() {
        let good = Some(measure(8, 1, 1));
        let done = (Phase::Done, Percent::ALL, Vec::new(), good.clone());
        let all = (Choice::WidenToAll, Why::GoalsReached);
        assert_eq!(advised(&timeline([done.clone()])), all);
        let held = (Phase::Gated, Percent::ALL, vec![Hold::NotApproved], None);
        let approve = (Choice::Approve { wave: 1 }, Why::GoalsReached);
        assert_eq!(advised(&timeline([done.clone(), held])), approve);
        let planned = (Phase::Planned, Percent::ALL, Vec::new(), None);
        assert_eq!(advised(&timeline([done, planned])), (Choice::Wait, Why::NextComes));
        let canary = (Phase::Done, percent(10), Vec::new(), good);
        let adjust = (Choice::Adjust { wave: 0, share: percent(20) }, Why::GoalsReached);
        assert_eq!(advised(&timeline([canary])), adjust);
    }

    #[test]
    fn where_everybody_is_in_nothing_is_left_to_be_added() {
        let done = || (Phase::Done, Percent::ALL, Vec::new(), Some(measure(8, 1, 1)));
        let (waves, is) = (vec![wave("everyone")], (Choice::Wait, Why::EverybodyIsIn));
        assert_eq!(advised_of(waves.clone(), &[0], &timeline([done()])), is);
        let mut waits = timeline([done()]);
        waits.in_force = InForce::of(vec![Force::Whole, Force::NotYet]);
        assert_eq!(advised_of(waves, &[1], &waits), (Choice::WidenToAll, Why::GoalsReached));
    }

    #[test]
    fn the_rest_of_a_canary_comes_with_the_wave_that_is_for_it() {
        let canary = || (Phase::Done, percent(10), Vec::new(), Some(measure(8, 1, 1)));
        let held = || (Phase::Gated, Percent::ALL, vec![Hold::NotApproved], None);
        let rest = vec![Wave { canary: percent(10), ..wave("a") }, wave("b")];
        let approve = (Choice::Approve { wave: 1 }, Why::GoalsReached);
        assert_eq!(advised_of(rest.clone(), &[], &timeline([canary(), held()])), approve);
        let others = vec![rest[0].clone(), Wave { groups: vec![1], ..wave("b") }];
        let adjust = (Choice::Adjust { wave: 0, share: percent(20) }, Why::GoalsReached);
        assert_eq!(advised_of(others, &[], &timeline([canary(), held()])), adjust);
    }
}
