//! Holds the rules of the settings service: what is stored for a person, and what that comes to.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::world::{Noop, OptInFlags, OptOutFlags, World};

/// The three features of a person, in the order of every array of flags.
pub(super) const FEATURES: [&str; 3] = ["dashboard", "add-in", "digest-email"];

/// The fields in which a reader finds those features.
pub(super) const FIELDS: [&str; 3] = ["IsDashboardEnabled", "IsAddInEnabled", "IsDigestEmailEnabled"];

/// Is what somebody chose for one person; what nobody chose follows the tenant's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Stored {
    /// `true` for opt-in.
    #[serde(default, with = "mode", skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dashboard: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) add_in: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest_email: Option<bool>,
}

/// Reads and writes the mode as the service spells it.
pub(super) mod mode {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "the signature is serde's")]
    pub(in crate::sandbox) fn serialize<S: Serializer>(
        mode: &Option<bool>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(super::mode_name(mode.unwrap_or(true)))
    }

    pub(in crate::sandbox) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<bool>, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "opt-in" => Ok(Some(true)),
            "opt-out" => Ok(Some(false)),
            other => Err(D::Error::custom(format!("a mode is opt-in or opt-out, not `{other}`"))),
        }
    }
}

/// Spells a mode.
pub(super) fn mode_name(opted_in: bool) -> &'static str {
    if opted_in { "opt-in" } else { "opt-out" }
}

impl Stored {
    /// Gives the three flags, in the order of [`FEATURES`].
    pub(super) fn flags(self) -> [Option<bool>; 3] {
        [self.dashboard, self.add_in, self.digest_email]
    }

    fn flag(&mut self, at: usize) -> &mut Option<bool> {
        match at {
            0 => &mut self.dashboard,
            1 => &mut self.add_in,
            _ => &mut self.digest_email,
        }
    }

    /// Says what it comes to: the stored value, else the default; opt-in unless somebody chose otherwise.
    pub(super) fn effective(self, defaults: &Defaults) -> Effective {
        let base = defaults.flags();
        let flags = self.flags();
        Effective {
            opted_in: self.mode.unwrap_or(true),
            flags: std::array::from_fn(|at| flags[at].unwrap_or(base[at])),
        }
    }

    /// Takes over what somebody asks for, by the rules of this world.
    pub(super) fn take(&mut self, asked: Self, defaults: &Defaults, world: &World) {
        let idle = |same: bool| world.noop == Noop::Ignored && same;
        if let Some(opted_in) = asked.mode
            && !idle(self.effective(defaults).opted_in == opted_in)
        {
            self.mode = Some(opted_in);
            let all = match (opted_in, world.opt_out_flags, world.opt_in_flags) {
                (false, OptOutFlags::Off, _) => Some(false),
                (true, _, OptInFlags::On) => Some(true),
                (false, OptOutFlags::Keep, _) | (true, _, OptInFlags::Keep) => None,
            };
            if all.is_some() {
                (self.dashboard, self.add_in, self.digest_email) = (all, all, all);
            }
        }
        for (at, wanted) in asked.flags().into_iter().enumerate() {
            if let Some(on) = wanted
                && !idle(self.effective(defaults).flags[at] == on)
            {
                *self.flag(at) = Some(on);
            }
        }
    }

    /// Asks for one feature by its place in [`FEATURES`].
    pub(super) fn ask(&mut self, at: usize, on: bool) {
        *self.flag(at) = Some(on);
    }
}

/// Is what a person has, stored or by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effective {
    pub(super) opted_in: bool,
    pub(super) flags: [bool; 3],
}

impl Effective {
    /// Writes the object that `Get-MyAnalyticsFeatureConfig` gives, with the envelope's annotations.
    pub(super) fn object(self, upn: &str) -> Value {
        let mut object = json!({
            "UserId": upn,
            "PrivacyMode@data.type": "System.String",
            "PrivacyMode": mode_name(self.opted_in),
        });
        for (field, on) in FIELDS.into_iter().zip(self.flags) {
            object[field] = Value::Bool(on);
        }
        object
    }
}

/// Is what the tenant gives everyone who has not chosen otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "these are the switches of the service")]
pub(super) struct Defaults {
    pub(super) dashboard: bool,
    pub(super) add_in: bool,
    pub(super) digest_email: bool,
    pub(super) schedule_send: bool,
    pub(super) meeting_survey: bool,
    pub(super) sampling_rate: f64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            dashboard: true,
            add_in: true,
            digest_email: true,
            schedule_send: true,
            meeting_survey: true,
            sampling_rate: 0.2,
        }
    }
}

impl Defaults {
    /// Gives the three that people inherit, in the order of [`FEATURES`].
    pub(super) fn flags(&self) -> [bool; 3] {
        [self.dashboard, self.add_in, self.digest_email]
    }

    /// Writes the object that `Get-DefaultTenantMyAnalyticsFeatureConfig` gives.
    ///
    /// The survey is a string, and no field shows the sampling rate: none is documented.
    pub(super) fn object(&self, tenant: &str) -> Value {
        json!({
            "TenantId": tenant,
            "IsDashboardEnabled": self.dashboard,
            "IsAddInEnabled": self.add_in,
            "IsDigestEmailEnabled": self.digest_email,
            "IsScheduleSendEnabled": self.schedule_send,
            "IsMeetingEffectivenessSurveyEnabled@data.type": "System.String",
            "IsMeetingEffectivenessSurveyEnabled": if self.meeting_survey { "opted-in" } else { "opted-out" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(text: &str) -> World {
        text.parse().expect("the test names switches that exist")
    }

    fn mode(opted_in: bool) -> Stored {
        Stored { mode: Some(opted_in), ..Stored::default() }
    }

    #[test]
    fn what_nobody_chose_follows_the_default() {
        let mut stored = Stored::default();
        stored.ask(2, false);
        let off = Defaults { dashboard: false, ..Defaults::default() };
        assert_eq!(stored.effective(&Defaults::default()).flags, [true, true, false]);
        assert_eq!(stored.effective(&off).flags, [false, true, false]);
        assert!(stored.effective(&off).opted_in);
    }

    #[test]
    fn opting_out_keeps_the_features_or_switches_them_off() {
        for (text, flags) in [("", [None; 3]), ("opt-out-flags=off", [Some(false); 3])] {
            let mut stored = Stored::default();
            stored.take(mode(false), &Defaults::default(), &world(text));
            assert_eq!((stored.mode, stored.flags()), (Some(false), flags), "{text}");
        }
    }

    #[test]
    fn opting_in_keeps_the_features_or_switches_them_on() {
        for (text, flags) in [("", [None; 3]), ("opt-in-flags=on", [Some(true); 3])] {
            let mut stored = mode(false);
            stored.take(mode(true), &Defaults::default(), &world(text));
            assert_eq!((stored.mode, stored.flags()), (Some(true), flags), "{text}");
        }
    }

    #[test]
    fn a_write_that_changes_nothing_is_stored_or_forgotten() {
        let asked = Stored { mode: Some(true), dashboard: Some(true), ..Stored::default() };
        for (text, kept) in [("", asked), ("noop=ignored", Stored::default())] {
            let mut stored = Stored::default();
            stored.take(asked, &Defaults::default(), &world(text));
            assert_eq!(stored, kept, "{text}");
        }
    }

    #[test]
    fn the_feature_of_a_call_is_taken_after_its_mode() {
        let asked = Stored { mode: Some(true), digest_email: Some(false), ..Stored::default() };
        let mut stored = mode(false);
        stored.take(asked, &Defaults::default(), &world("opt-in-flags=on"));
        assert_eq!(stored.flags(), [Some(true), Some(true), Some(false)]);
    }
}
