//! Says where each wave stands on a day.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::rollout::{
    Conditions, Force, Hold, InForce, Measure, Percent, Phase, Rollout, Standing, Then, Wave, WaveStatus,
};

/// Is what is known of a rollout besides what the manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// When waves with a gate began, by name, as the ledger remembers.
    pub began: BTreeMap<Arc<str>, Timestamp>,
    /// Where the people of each wave stand, by index; a wave that is missing was not measured.
    pub measures: BTreeMap<u32, Measure>,
}

/// Is where a rollout stands on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The day, or moment.
    pub as_of: Timestamp,
    /// The waves, in the order of the manifest.
    pub waves: Vec<WaveStatus>,
    /// Which groups that puts in force.
    pub in_force: InForce,
}

impl Timeline {
    /// Says whether a wave waits for nothing but a measure of the one before, which nobody has taken yet.
    pub fn waits_for_a_measure(&self) -> bool {
        self.waves.iter().any(|wave| matches!(wave.holds.as_slice(), [Hold::NotMeasured { .. }]))
    }
}

/// Says where each wave stands, and which groups are in force.
///
/// `groups` are the names of the manifest's groups, in order. A wave without a gate is a matter of the date alone. One
/// with a gate begins when it is first seen open, and the ledger remembers when, so that no condition is asked twice and
/// nobody drops out because somebody else's number changed; dates and `approved` are the manifest's, and hold it again
/// when the manifest takes them back.
pub fn timeline(rollout: &Rollout, groups: &[Arc<str>], facts: &Facts, as_of: Timestamp) -> Timeline {
    let looking = Looking { rollout, facts, as_of };
    let mut spans: Vec<Option<Spanned>> = vec![None; rollout.waves.len()];
    for start in 0..rollout.waves.len() {
        // A wave is looked at after the one that it comes after, wherever that stands.
        let mut open = vec![start];
        while let Some(at) = open.last().copied() {
            let wave = &rollout.waves[at];
            let before = wave.after.map(|before| before as usize).filter(|before| *before < spans.len());
            match before {
                // No manifest that was read has a circle; one must not keep us here either.
                Some(before) if spans[before].is_none() && open.len() <= spans.len() => open.push(before),
                Some(_) | None => {
                    open.pop();
                    if spans[at].is_none() {
                        let before = before.map(|at| (at, spans[at].clone().unwrap_or_default()));
                        spans[at] = Some(looking.at(wave, before.as_ref()));
                    }
                }
            }
        }
    }
    let spans: Vec<Spanned> = spans.into_iter().map(Option::unwrap_or_default).collect();
    let waves = (0_u32..).zip(rollout.waves.iter().zip(spans));
    let waves: Vec<WaveStatus> =
        waves.map(|(index, (wave, span))| looking.status(index, wave, span, groups)).collect();
    let in_force = in_force(groups, &waves);
    Timeline { as_of, waves, in_force }
}

/// Is when a wave begins and ends, and what holds it.
#[derive(Clone, Debug, Default)]
struct Spanned {
    begun: bool,
    begins: Option<Timestamp>,
    /// When the wave after it may begin.
    over: Option<Timestamp>,
    holds: Vec<Hold>,
}

/// Is what every wave is looked at with.
#[derive(Clone, Copy)]
struct Looking<'a> {
    rollout: &'a Rollout,
    facts: &'a Facts,
    as_of: Timestamp,
}

impl Looking<'_> {
    /// Looks at a wave, given the one that it comes after.
    fn at(&self, wave: &Wave, before: Option<&(usize, Spanned)>) -> Spanned {
        let mut holds = Vec::new();
        if let Some(at) = wave.starts.filter(|starts| *starts > self.as_of) {
            holds.push(Hold::Starts { at });
        }
        if let Some((index, before)) = &before
            && !(before.begun && before.over.is_some_and(|over| over <= self.as_of))
        {
            let wave = Arc::clone(&self.rollout.waves[*index].name);
            holds.push(Hold::After { wave, until: before.over });
        }
        // What dates say; unknown where the wave before hangs on something without one.
        let by_date = match &before {
            Some((_, before)) => before.over.map(|over| wave.starts.map_or(over, |starts| starts.max(over))),
            None => wave.starts,
        };
        let by_date = by_date.filter(|_| wave.after.is_none() || before.is_some());
        if wave.approved == Some(false) {
            holds.push(Hold::NotApproved);
        }
        let remembered = self.facts.began.get(&wave.name).copied().filter(|_| wave.has_gate());
        match remembered {
            // Planning an earlier day than that on which it began.
            Some(at) if at > self.as_of && holds.is_empty() => holds.push(Hold::Starts { at }),
            Some(_) => {}
            None => {
                if let Some((index, _)) = &before {
                    self.ask(&wave.when, *index, &mut holds);
                }
            }
        }
        let begun = holds.is_empty();
        let begins = if !wave.has_gate() {
            by_date
        } else if begun {
            let since = remembered.unwrap_or(self.as_of);
            Some(by_date.map_or(since, |date| date.max(since)))
        } else {
            // A gate that is shut today opens on nobody knows which day.
            let at = remembered.into_iter().chain(by_date).max();
            at.filter(|at| *at > self.as_of)
        };
        let over = begins.and_then(|begins| wave.over(begins, &self.rollout.time_zone));
        Spanned { begun, begins, over, holds }
    }

    /// Asks what must hold of the wave before; what could not be measured lets nothing pass that is not held anyway.
    fn ask(&self, when: &Conditions, before: usize, holds: &mut Vec<Hold>) {
        let Conditions { converged, failed_at_most, opted_out_at_most } = *when;
        if *when == Conditions::default() {
            return;
        }
        let index = u32::try_from(before).unwrap_or(u32::MAX);
        let measure = self.facts.measures.get(&index).filter(|measure| measure.in_reach() > 0);
        let Some(measure) = measure else {
            if holds.is_empty() {
                holds.push(Hold::NotMeasured { wave: Arc::clone(&self.rollout.waves[before].name) });
            }
            return;
        };
        let of = measure.in_reach();
        let people = measure.converged();
        if let Some(want) = converged.filter(|want| !want.is_reached_by(people, of)) {
            holds.push(Hold::Converged { want, people, of });
        }
        let people = measure.of(Standing::Failed);
        if let Some(at_most) = failed_at_most.filter(|at_most| at_most.is_exceeded_by(people, of)) {
            holds.push(Hold::Failed { at_most, people, of });
        }
        let people = measure.of(Standing::OptedOutThemselves);
        if let Some(at_most) = opted_out_at_most.filter(|at_most| at_most.is_exceeded_by(people, of)) {
            holds.push(Hold::OptedOut { at_most, people, of });
        }
    }

    fn status(&self, index: u32, wave: &Wave, spanned: Spanned, groups: &[Arc<str>]) -> WaveStatus {
        let Spanned { begun, begins, over, holds } = spanned;
        let ends = over.filter(|_| wave.runs_for.is_some());
        let by_date = |hold: &Hold| match hold {
            Hold::Starts { .. } | Hold::After { .. } => true,
            Hold::NotApproved
            | Hold::NotMeasured { .. }
            | Hold::Converged { .. }
            | Hold::Failed { .. }
            | Hold::OptedOut { .. } => false,
        };
        let phase = match begun {
            true if ends.is_some_and(|ends| ends <= self.as_of) => Phase::Done,
            true => Phase::Running,
            false if holds.iter().any(by_date) => Phase::Planned,
            false => Phase::Gated,
        };
        let named = wave.groups.iter().filter_map(|group| groups.get(*group as usize));
        WaveStatus {
            name: Arc::clone(&wave.name),
            groups: named.cloned().collect(),
            canary: wave.canary,
            phase,
            begins,
            ends,
            then: wave.then,
            gated: wave.has_gate(),
            holds,
            measure: self.facts.measures.get(&index).cloned(),
        }
    }
}

/// Says which groups are in force: of several waves of a group, the one that takes in most decides.
pub fn in_force(groups: &[Arc<str>], waves: &[WaveStatus]) -> InForce {
    let mut force: BTreeMap<&Arc<str>, Force> = BTreeMap::new();
    for wave in waves {
        let over = wave.phase == Phase::Done && wave.then == Then::Leave;
        let is = match (wave.has_begun(), over) {
            (_, true) => Force::Over,
            (false, false) => Force::NotYet,
            (true, false) if wave.canary == Percent::ALL => Force::Whole,
            (true, false) => Force::Part(wave.canary),
        };
        for group in &wave.groups {
            let slot = force.entry(group).or_insert(is);
            *slot = stronger(*slot, is);
        }
    }
    InForce::of(groups.iter().map(|group| force.get(group).copied().unwrap_or(Force::Whole)).collect())
}

/// Gives the one of two that takes in more; whoever only waits still waits beside a wave that is over.
fn stronger(one: Force, other: Force) -> Force {
    let rank = |force: Force| match force {
        Force::Over => (0, 0),
        Force::NotYet => (1, 0),
        Force::Part(share) => (2, share.hundredths()),
        Force::Whole => (3, 0),
    };
    if rank(other) > rank(one) { other } else { one }
}
