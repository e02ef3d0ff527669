//! Names the clouds in which a tenant can be.

use std::fmt;

/// Names one of Microsoft's clouds; each has services, and tokens, of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cloud {
    /// The one that nearly everybody is in.
    #[default]
    Worldwide,
    /// US Government Community Cloud, which shares the worldwide services.
    Gcc,
    /// US Government Community Cloud High (L4).
    GccHigh,
    /// US Department of Defense (L5).
    Dod,
    /// Operated by 21Vianet.
    China,
}

impl Cloud {
    /// Lists every cloud.
    pub const ALL: [Self; 5] = [Self::Worldwide, Self::Gcc, Self::GccHigh, Self::Dod, Self::China];

    /// Gives the word used for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worldwide => "worldwide",
            Self::Gcc => "gcc",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
            Self::China => "china",
        }
    }

    /// Says whether Microsoft offers personal insights there (learn.microsoft.com/viva/insights, plans and environments).
    pub fn offers_insights(self) -> bool {
        match self {
            Self::Worldwide | Self::Gcc => true,
            Self::GccHigh | Self::Dod | Self::China => false,
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
