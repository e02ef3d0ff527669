//! Plays the others: a person who changes their own settings, an administrator elsewhere who moves a default.

use serde::{Deserialize, Serialize};

use super::audit::By;
use super::error::SandboxError;
use super::exchange::PLANS;
use super::settings::Stored;
use super::state::State;

/// Is a person's own click; what is not named stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Choice {
    /// `true` to opt in, `false` to opt out; `opt-in` and `opt-out` in JSON.
    #[serde(with = "super::settings::mode", skip_serializing_if = "Option::is_none")]
    pub mode: Option<bool>,
    /// The dashboard.
    pub dashboard: Option<bool>,
    /// The digest e-mail.
    #[serde(alias = "digest-email")]
    pub digest_email: Option<bool>,
    /// The Outlook add-in.
    #[serde(alias = "outlook-add-in")]
    pub outlook_add_in: Option<bool>,
}

/// Is a change of the tenant's defaults by another administrator; what is not named stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DefaultsChoice {
    /// The dashboard.
    pub dashboard: Option<bool>,
    /// The digest e-mail.
    #[serde(alias = "digest-email")]
    pub digest_email: Option<bool>,
    /// The Outlook add-in.
    #[serde(alias = "outlook-add-in")]
    pub outlook_add_in: Option<bool>,
    /// Suggestions to send later.
    #[serde(alias = "schedule-send")]
    pub schedule_send: Option<bool>,
    /// The survey about meetings.
    #[serde(alias = "meeting-survey")]
    pub meeting_survey: Option<bool>,
    /// Its sampling rate, 0.1 to 0.7.
    #[serde(alias = "sampling-rate")]
    pub sampling_rate: Option<f64>,
}

/// Is what a person has: stored, or by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "these are the five switches of the service")]
pub struct Settings {
    /// Whether the mode is opt-in.
    pub opt_in: bool,
    /// The dashboard.
    pub dashboard: bool,
    /// The digest e-mail.
    pub digest_email: bool,
    /// The Outlook add-in.
    pub outlook_add_in: bool,
}

impl Choice {
    /// Stores the choice and gives what the person has now, whatever readers still see.
    ///
    /// Only the people themselves need access to their settings.
    pub(super) fn play(
        self,
        state: &mut State,
        who: &str,
        by: &By,
        now: i64,
    ) -> Result<Settings, SandboxError> {
        let Self { mode, dashboard, digest_email, outlook_add_in } = self;
        let at = state.tenant.person_by_identity(who);
        let at = at.ok_or_else(|| SandboxError::NoSuchPerson(who.to_owned()))?;
        let person = &state.tenant.people[at];
        let lacks = match (person.mailbox, state.tenant.has_plan(at, &PLANS)) {
            (false, _) => Some("they have no mailbox"),
            (true, false) => Some("they have no service plan for personal insights"),
            (true, true) => None,
        };
        if let Some(why) = lacks.filter(|_| *by == By::Themselves) {
            return Err(SandboxError::NoAccess { who: person.upn().to_owned(), why });
        }
        let asked = Stored { mode, dashboard, add_in: outlook_add_in, digest_email };
        state.choose(at, asked, by, now)?;
        Ok(settings(state, at))
    }
}

impl DefaultsChoice {
    /// Stores the defaults.
    pub(super) fn play(&self, state: &mut State, by: &By, now: i64) -> Result<(), SandboxError> {
        let Self { dashboard, digest_email, outlook_add_in, schedule_send, meeting_survey, sampling_rate } =
            *self;
        let mut defaults = *state.tenant.defaults.truth();
        defaults.dashboard = dashboard.unwrap_or(defaults.dashboard);
        defaults.digest_email = digest_email.unwrap_or(defaults.digest_email);
        defaults.add_in = outlook_add_in.unwrap_or(defaults.add_in);
        defaults.schedule_send = schedule_send.unwrap_or(defaults.schedule_send);
        defaults.meeting_survey = meeting_survey.unwrap_or(defaults.meeting_survey);
        defaults.sampling_rate = sampling_rate.unwrap_or(defaults.sampling_rate);
        state.set_defaults(defaults, by, now)
    }
}

/// Gives what a person has in truth.
pub(super) fn settings(state: &State, at: usize) -> Settings {
    let effective = state.tenant.people[at].stored().effective(state.tenant.defaults.truth());
    let [dashboard, outlook_add_in, digest_email] = effective.flags;
    Settings { opt_in: effective.opted_in, dashboard, digest_email, outlook_add_in }
}
