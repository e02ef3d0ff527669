//! Which groups of a manifest are in force.

use super::Percent;
use crate::model::PersonId;

/// Says how far one group of the manifest is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It holds whom it names.
    Whole,
    /// It holds a share of those whom it names; the others wait.
    Part(Percent),
    /// Its wave has not begun: those whom it names wait.
    NotYet,
    /// Its waves are over, and it is as if absent.
    Over,
}

impl Force {
    /// Says whether a group that names a person holds them.
    pub fn holds(self, person: PersonId) -> bool {
        match self {
            Self::Whole => true,
            Self::Part(share) => share.takes_in(person),
            Self::NotYet | Self::Over => false,
        }
    }
}

/// Says which groups of a manifest are in force; by default all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce(Vec<Force>);

impl InForce {
    /// Says it for each group, in the order of the manifest; groups beyond the list are in force.
    pub fn of(groups: Vec<Force>) -> Self {
        Self(groups)
    }

    /// Says it of one group, by index.
    pub fn group(&self, index: u32) -> Force {
        self.0.get(index as usize).copied().unwrap_or(Force::Whole)
    }
}

impl Percent {
    /// Says whether a person is among the first share to be taken in.
    ///
    /// A stable hash of the object id puts everybody in a fixed order, the same for every wave and tenant, so that nobody
    /// drops out while the share grows.
    pub fn takes_in(self, person: PersonId) -> bool {
        // FNV-1a with a last mixing step (MurmurHash3's): ids that were made one after the other lie far apart.
        let folded = person.0.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mixed = (folded ^ (folded >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        (mixed ^ (mixed >> 33)) % 10_000 < u64::from(self.hundredths())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn people() -> impl Iterator<Item = PersonId> {
        (0..20_000_u128).map(|number| PersonId(Uuid::from_u128(number)))
    }

    #[test]
    fn a_share_takes_in_about_as_many_as_it_says() {
        for percent in [1_u16, 10, 50, 90] {
            let share = Percent::of_hundredths(percent * 100).expect("a share");
            let taken = people().filter(|person| share.takes_in(*person)).count();
            let meant = usize::from(percent) * 200;
            assert!(taken.abs_diff(meant) < 300, "{share} takes in {taken} of 20,000");
        }
    }

    #[test]
    fn nobody_drops_out_while_the_share_grows() {
        for person in people().take(500) {
            let mut inside = false;
            for hundredths in (0..=10_000).step_by(7).chain([10_000]) {
                let now = Percent::of_hundredths(hundredths).expect("a share").takes_in(person);
                assert!(now || !inside, "{person} at {hundredths}");
                inside = now;
            }
            assert!(inside);
        }
    }
}
