//! A share, as the manifest writes it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Is a share in hundredths of a percent, 0 to 10,000, so that `0.5%` is exact.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Percent(u16);

impl Percent {
    /// Is everyone.
    pub const ALL: Self = Self(10_000);

    /// Makes a share of hundredths of a percent; `None` above 10,000.
    pub fn of_hundredths(hundredths: u16) -> Option<Self> {
        (hundredths <= 10_000).then_some(Self(hundredths))
    }

    /// Gives it in hundredths of a percent.
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// Says whether `part` of `whole` is at least this share; so is nothing of nothing.
    pub fn is_reached_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 10_000 >= u128::from(whole) * u128::from(self.0)
    }

    /// Says whether `part` of `whole` is more than this share.
    pub fn is_exceeded_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 10_000 > u128::from(whole) * u128::from(self.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        match (hundredths / 10, hundredths % 10) {
            (0, 0) => write!(f, "{whole}%"),
            (tenths, 0) => write!(f, "{whole}.{tenths}%"),
            (_, _) => write!(f, "{whole}.{hundredths:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_compared_exactly() {
        let share = Percent::of_hundredths(3_333).expect("a share");
        assert!(!share.is_reached_by(33, 100) && share.is_reached_by(3_333, 10_000));
        assert!(share.is_exceeded_by(1, 3) && !Percent::ALL.is_exceeded_by(u64::MAX, u64::MAX));
        assert!(Percent::ALL.is_reached_by(0, 0) && !Percent::ALL.is_exceeded_by(0, 0));
        assert_eq!(Percent::of_hundredths(10_001), None);
    }

    #[test]
    fn they_read_as_the_manifest_writes_them() {
        let told = |hundredths| Percent::of_hundredths(hundredths).expect("a share").to_string();
        assert_eq!([told(0), told(1_000), told(50), told(3_305)], ["0%", "10%", "0.5%", "33.05%"]);
    }
}
