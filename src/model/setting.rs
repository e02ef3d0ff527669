//! The knobs that insightctl manages, and the values they take.
//!
//! A person has five: the privacy mode, three features and the service plan. A tenant has six: the defaults of the
//! three features, schedule send, the meeting survey and its sampling rate. There is no tenant privacy mode.
//! Source: the `*-MyAnalyticsFeatureConfig` and `*-DefaultTenantMyAnalyticsFeatureConfig` cmdlet pages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names whether a person takes part at all (`PrivacyMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The person's data feed aggregates and the features work: the service's own default.
    OptIn,
    /// The person's data are not used and no feature shows.
    OptOut,
}

/// Is one switch of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// The feature is hidden.
    Off,
    /// The feature shows.
    On,
}

impl From<bool> for Switch {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        switch == Switch::On
    }
}

/// Names a feature that a person can have and a tenant can default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// The web experience, formerly the dashboard (`IsDashboardEnabled`).
    Dashboard,
    /// The digest e-mail, paused by Microsoft since March 2024 (`IsDigestEmailEnabled`).
    DigestEmail,
    /// The Outlook add-in and inline suggestions (`IsAddInEnabled`).
    OutlookAddIn,
}

impl Feature {
    /// Lists every feature in display order.
    pub const ALL: [Self; 3] = [Self::Dashboard, Self::DigestEmail, Self::OutlookAddIn];

    /// Gives the person's setting of the same name.
    pub fn setting(self) -> Setting {
        match self {
            Self::Dashboard => Setting::Dashboard,
            Self::DigestEmail => Setting::DigestEmail,
            Self::OutlookAddIn => Setting::OutlookAddIn,
        }
    }

    /// Gives the tenant default of the same name.
    pub fn tenant_setting(self) -> TenantSetting {
        match self {
            Self::Dashboard => TenantSetting::Dashboard,
            Self::DigestEmail => TenantSetting::DigestEmail,
            Self::OutlookAddIn => TenantSetting::OutlookAddIn,
        }
    }
}

/// Says whether a person's licences carry personal insights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServicePlan {
    /// At least one SKU carries all of its personal-insights plans switched on.
    Assigned,
    /// Something is on, but no SKU carries all of its personal-insights plans on.
    Partial,
    /// Every SKU that could carry it has it switched off.
    Removed,
}

/// Names one knob of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// `PrivacyMode`.
    Mode,
    /// `IsDashboardEnabled`.
    Dashboard,
    /// `IsDigestEmailEnabled`.
    DigestEmail,
    /// `IsAddInEnabled`.
    OutlookAddIn,
    /// The personal-insights service plans in the person's licences.
    ServicePlan,
}

impl Setting {
    /// Lists every setting in display order.
    pub const ALL: [Self; 5] =
        [Self::Mode, Self::Dashboard, Self::DigestEmail, Self::OutlookAddIn, Self::ServicePlan];

    /// Gives the feature that this setting switches, if it is one.
    pub fn feature(self) -> Option<Feature> {
        match self {
            Self::Dashboard => Some(Feature::Dashboard),
            Self::DigestEmail => Some(Feature::DigestEmail),
            Self::OutlookAddIn => Some(Feature::OutlookAddIn),
            Self::Mode | Self::ServicePlan => None,
        }
    }

    /// Gives the word used for it in manifests, plans and results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Dashboard => "dashboard",
            Self::DigestEmail => "digest-email",
            Self::OutlookAddIn => "outlook-add-in",
            Self::ServicePlan => "service-plan",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Names one default of the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TenantSetting {
    /// What `dashboard` is for everyone who has not chosen otherwise.
    Dashboard,
    /// What `digest-email` is for everyone who has not chosen otherwise.
    DigestEmail,
    /// What `outlook-add-in` is for everyone who has not chosen otherwise.
    OutlookAddIn,
    /// Schedule-send suggestions; exists at tenant level only.
    ScheduleSend,
    /// The meeting effectiveness survey; exists at tenant level only.
    MeetingSurvey,
    /// The share of meetings that the survey samples, 0.1 to 0.7; no read field is known, so it is write-only.
    SurveySamplingRate,
}

impl TenantSetting {
    /// Lists every tenant setting in display order.
    pub const ALL: [Self; 6] = [
        Self::Dashboard,
        Self::DigestEmail,
        Self::OutlookAddIn,
        Self::ScheduleSend,
        Self::MeetingSurvey,
        Self::SurveySamplingRate,
    ];

    /// Gives the person's feature whose default this is, if it is one.
    pub fn feature(self) -> Option<Feature> {
        match self {
            Self::Dashboard => Some(Feature::Dashboard),
            Self::DigestEmail => Some(Feature::DigestEmail),
            Self::OutlookAddIn => Some(Feature::OutlookAddIn),
            Self::ScheduleSend | Self::MeetingSurvey | Self::SurveySamplingRate => None,
        }
    }

    /// Gives the word used for it in manifests, plans and results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::DigestEmail => "digest-email",
            Self::OutlookAddIn => "outlook-add-in",
            Self::ScheduleSend => "schedule-send",
            Self::MeetingSurvey => "meeting-survey",
            Self::SurveySamplingRate => "sampling-rate",
        }
    }
}

impl fmt::Display for TenantSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Is a share between 0 and 1 in millionths, so that rates compare exactly to 1e-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u32);

impl Rate {
    /// Makes a rate from a share; `None` outside 0 to 1 and for NaN.
    pub fn new(share: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked, and a million fits"
        )]
        (0.0..=1.0).contains(&share).then(|| Self((share * 1e6).round() as u32))
    }

    /// Gives the share, 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

/// Is the value of any knob, so that one table can compare them all.
///
/// Serialised as the word that manifests use (`opt-out`, `on`, `removed`, `0.2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A privacy mode.
    Mode(Mode),
    /// A feature's switch.
    Switch(Switch),
    /// A service-plan state.
    ServicePlan(ServicePlan),
    /// A sampling rate.
    Rate(Rate),
}

impl Value {
    /// `mode: opt-in`.
    pub const OPT_IN: Self = Self::Mode(Mode::OptIn);
    /// `mode: opt-out`.
    pub const OPT_OUT: Self = Self::Mode(Mode::OptOut);
    /// A feature switched on.
    pub const ON: Self = Self::Switch(Switch::On);
    /// A feature switched off.
    pub const OFF: Self = Self::Switch(Switch::Off);
    /// `service-plan: assigned`.
    pub const ASSIGNED: Self = Self::ServicePlan(ServicePlan::Assigned);
    /// Some, but not all, of the plans.
    pub const PARTIAL: Self = Self::ServicePlan(ServicePlan::Partial);
    /// `service-plan: removed`.
    pub const REMOVED: Self = Self::ServicePlan(ServicePlan::Removed);
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(Mode::OptIn) => f.pad("opt-in"),
            Self::Mode(Mode::OptOut) => f.pad("opt-out"),
            Self::Switch(Switch::On) => f.pad("on"),
            Self::Switch(Switch::Off) => f.pad("off"),
            Self::ServicePlan(ServicePlan::Assigned) => f.pad("assigned"),
            Self::ServicePlan(ServicePlan::Partial) => f.pad("partial"),
            Self::ServicePlan(ServicePlan::Removed) => f.pad("removed"),
            Self::Rate(rate) => f.pad(&rate.share().to_string()),
        }
    }
}

/// Says that a text is no value of any knob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no value of a setting")]
pub struct NotAValue(String);

impl FromStr for Value {
    type Err = NotAValue;

    fn from_str(text: &str) -> Result<Self, NotAValue> {
        Ok(match text {
            "opt-in" => Self::OPT_IN,
            "opt-out" => Self::OPT_OUT,
            "on" => Self::ON,
            "off" => Self::OFF,
            "assigned" => Self::ASSIGNED,
            "partial" => Self::PARTIAL,
            "removed" => Self::REMOVED,
            number => {
                let share: f64 = number.parse().map_err(|_| NotAValue(number.to_owned()))?;
                Self::Rate(Rate::new(share).ok_or_else(|| NotAValue(number.to_owned()))?)
            }
        })
    }
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Value {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "opt-in, opt-out, on, off, assigned, partial, removed, or a sampling rate as a decimal number",
            "type": "string",
            "pattern": "^(opt-in|opt-out|on|off|assigned|partial|removed|[01](\\.[0-9]+)?)$"
        })
    }
}

/// Holds one `T` for each of a person's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BySetting<T> {
    /// For [`Setting::Mode`].
    pub mode: T,
    /// For [`Setting::Dashboard`].
    pub dashboard: T,
    /// For [`Setting::DigestEmail`].
    pub digest_email: T,
    /// For [`Setting::OutlookAddIn`].
    pub outlook_add_in: T,
    /// For [`Setting::ServicePlan`].
    pub service_plan: T,
}

impl<T> BySetting<T> {
    /// Gives what is held for one setting.
    pub fn get(&self, setting: Setting) -> &T {
        match setting {
            Setting::Mode => &self.mode,
            Setting::Dashboard => &self.dashboard,
            Setting::DigestEmail => &self.digest_email,
            Setting::OutlookAddIn => &self.outlook_add_in,
            Setting::ServicePlan => &self.service_plan,
        }
    }

    /// Gives what is held for one setting, to change it.
    pub fn get_mut(&mut self, setting: Setting) -> &mut T {
        match setting {
            Setting::Mode => &mut self.mode,
            Setting::Dashboard => &mut self.dashboard,
            Setting::DigestEmail => &mut self.digest_email,
            Setting::OutlookAddIn => &mut self.outlook_add_in,
            Setting::ServicePlan => &mut self.service_plan,
        }
    }

    /// Walks over every setting in display order.
    pub fn iter(&self) -> impl Iterator<Item = (Setting, &T)> {
        Setting::ALL.into_iter().map(|setting| (setting, self.get(setting)))
    }
}
