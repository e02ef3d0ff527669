//! Counts people by wave and group.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::PersonId;
use crate::model::rollout::{Measure, Rollout, Standing, Tally};

/// Is where one person in scope stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stands {
    /// Who; absent where the directory does not know them.
    pub person: Option<PersonId>,
    /// Index of the group that holds them, or that they wait for.
    pub group: u32,
    /// Where they stand.
    pub standing: Standing,
}

/// Counts people by wave and group, in the order of the manifest; those of no wave come last.
pub fn tallies(
    rollout: &Rollout,
    groups: &[Arc<str>],
    people: impl IntoIterator<Item = Stands>,
) -> Vec<Tally> {
    let last = rollout.waves.len();
    let mut counted: BTreeMap<(usize, u32), Measure> = BTreeMap::new();
    for Stands { person, group, standing } in people {
        let wave = rollout.wave_of(group, person).unwrap_or(last);
        counted.entry((wave, group)).or_default().add(standing);
    }
    let tally = |((wave, group), people): ((usize, u32), Measure)| Tally {
        wave: rollout.waves.get(wave).map(|wave| Arc::clone(&wave.name)),
        group: Arc::clone(&groups[group as usize]),
        people,
    };
    counted.into_iter().map(tally).collect()
}
