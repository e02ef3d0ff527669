//! Reads single words of the command line.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use crate::apply::StaleLimit;
use crate::model::{Class, Cloud, Percent, Setting, TenantSetting};
use crate::plan::budget::{CallRate, NotARate};
use crate::store::RunId;

/// Is the day or moment that a plan is for, before the manifest has said where its days begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum AsOf {
    Day(Date),
    Moment(Timestamp),
}

impl AsOf {
    /// Gives the moment; a day's is its beginning.
    pub(in crate::cli) fn moment(self, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Moment(at) => at,
            // The last days that can be written lie beyond the last moment that can.
            Self::Day(day) => day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |day| day.timestamp()),
        }
    }
}

pub(super) fn as_of(text: &str) -> Result<AsOf, String> {
    match text.parse() {
        Ok(day) if text.len() == "2026-03-01".len() => Ok(AsOf::Day(day)),
        Ok(_) | Err(_) => moment(text).map(AsOf::Moment),
    }
}

pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let day = |text: &str| {
        let date: Date = text.parse().ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let moment = text.parse().ok().or_else(|| day(text));
    moment.ok_or_else(|| {
        "expected a day such as 2026-03-01, or a moment such as 2026-03-01T08:00:00Z".to_owned()
    })
}

pub(super) fn rate(text: &str) -> Result<CallRate, String> {
    text.parse().map_err(|_: NotARate| "expected a number of calls a second, such as 20 or 0.5".to_owned())
}

pub(super) fn run(text: &str) -> Result<RunId, String> {
    text.parse().map_err(|_| "expected the number of a run, such as 4 or 00000004".to_owned())
}

/// Reads a duration in which a day is 24 hours.
pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    let span: Option<Span> = text.parse().ok();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    duration
        .filter(|duration| !duration.is_negative())
        .ok_or_else(|| "expected a duration such as 7d, 36h or 90m".to_owned())
}

pub(super) fn stale_limit(text: &str) -> Result<StaleLimit, String> {
    text.parse().map_err(|_| "expected a number of people such as 20, or a share such as 5%".to_owned())
}

pub(super) fn class(text: &str) -> Result<Class, String> {
    let words = Class::ALL.map(Class::word).join(", ");
    text.parse().map_err(|()| format!("expected one of {words}"))
}

pub(super) fn setting(text: &str) -> Result<Setting, String> {
    let found = Setting::ALL.into_iter().find(|setting| setting.word().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("expected one of {}", Setting::ALL.map(Setting::word).join(", ")))
}

pub(super) fn tenant_setting(text: &str) -> Result<TenantSetting, String> {
    let found = TenantSetting::ALL.into_iter().find(|setting| setting.word().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("expected one of {}", TenantSetting::ALL.map(TenantSetting::word).join(", ")))
}

pub(super) fn cloud(text: &str) -> Result<Cloud, String> {
    let found = Cloud::ALL.into_iter().find(|cloud| cloud.word().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("expected one of {}", Cloud::ALL.map(Cloud::word).join(", ")))
}

/// Reads words that must say something.
pub(super) fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        Err("expected some words, and there are none".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Reads a share such as `20%`.
pub(super) fn share(text: &str) -> Result<Percent, String> {
    let expected = || "expected a share from 1% to 100%, such as 20%".to_owned();
    let number: u16 =
        text.strip_suffix('%').and_then(|text| text.trim().parse().ok()).ok_or_else(expected)?;
    let hundredths = number.checked_mul(100).filter(|hundredths| *hundredths > 0).ok_or_else(expected)?;
    Percent::of_hundredths(hundredths).ok_or_else(expected)
}
