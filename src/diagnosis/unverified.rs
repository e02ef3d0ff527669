//! Lists what nobody has verified, in one place.

/// Names something that is built by documents, and that no live service has confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unverified {
    /// That anything of this version works against a live tenant.
    LiveTenant,
    /// That the PowerShell worker works with the real module.
    PowerShell,
    /// That the Exchange REST envelope carries the insights cmdlets.
    ExchangeRest,
    /// That an application may run the insights cmdlets for itself.
    AppOnly,
    /// What opting out and in again does to features.
    FlagsAfterOptIn,
    /// Whether a changed default reaches people who chose.
    DefaultsAndChoices,
    /// How the survey's sampling rate is read.
    SamplingRate,
    /// Why the service does not speak of some people.
    ForbiddenPeople,
    /// How many requests the settings service bears.
    Limits,
    /// Whether the audit log tells what people changed themselves.
    AuditLog,
    /// The addresses of clouds other than the worldwide one.
    OtherClouds,
    /// Google Cloud Storage.
    GoogleStore,
}

impl Unverified {
    /// Lists them all.
    pub const ALL: [Self; 12] = [
        Self::LiveTenant,
        Self::PowerShell,
        Self::ExchangeRest,
        Self::AppOnly,
        Self::FlagsAfterOptIn,
        Self::DefaultsAndChoices,
        Self::SamplingRate,
        Self::ForbiddenPeople,
        Self::Limits,
        Self::AuditLog,
        Self::OtherClouds,
        Self::GoogleStore,
    ];

    /// Gives its id, a promise to scripts.
    pub fn id(self) -> &'static str {
        match self {
            Self::LiveTenant => "live-tenant",
            Self::PowerShell => "powershell",
            Self::ExchangeRest => "exchange-rest",
            Self::AppOnly => "app-only",
            Self::FlagsAfterOptIn => "flags-after-opt-in",
            Self::DefaultsAndChoices => "defaults-and-choices",
            Self::SamplingRate => "sampling-rate",
            Self::ForbiddenPeople => "forbidden-people",
            Self::Limits => "limits",
            Self::AuditLog => "audit-log",
            Self::OtherClouds => "other-clouds",
            Self::GoogleStore => "google-store",
        }
    }
}
