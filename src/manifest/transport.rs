//! Names what carries the insights settings between insightctl and the service.

use std::fmt;
use std::str::FromStr;

/// Says what carries the insights settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// PowerShell with Microsoft's own module.
    PowerShell,
    /// The Exchange REST envelope.
    ExchangeRest,
}

impl Transport {
    /// Lists every transport.
    pub const ALL: [Self; 2] = [Self::PowerShell, Self::ExchangeRest];

    /// Gives the word used for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::PowerShell => "powershell",
            Self::ExchangeRest => "exchange-rest",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|transport| transport.word().eq_ignore_ascii_case(text));
        found.ok_or_else(|| "write `powershell` or `exchange-rest`".to_owned())
    }
}
