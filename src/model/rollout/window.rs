//! When changes may be made, and when not.

use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Is a window that comes back: on some days of the week, from one time of the day to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What people call it.
    pub name: Arc<str>,
    /// Where its clock hangs.
    pub time_zone: TimeZone,
    /// The days on which it opens; one that runs past midnight belongs to the day before.
    pub days: Weekdays,
    /// When it opens.
    pub from: Time,
    /// When it closes, that moment not included; not after `from` means on the next day.
    pub to: Time,
    /// The waves that it is for, as indices; everything, where none is named.
    pub waves: Vec<u32>,
}

/// Is a time in which nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// What people call it.
    pub name: Arc<str>,
    /// Where its clock hangs.
    pub time_zone: TimeZone,
    /// When.
    pub span: Span,
    /// The waves that it is for, as indices; everything, where none is named.
    pub waves: Vec<u32>,
}

/// Is a span of whole days, the last one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// Is a set of days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Is all of them.
    pub const ALL: Self = Self(0b111_1111);

    /// Adds a day.
    #[must_use]
    pub fn with(self, day: jiff::civil::Weekday) -> Self {
        Self(self.0 | 1 << day.to_monday_zero_offset())
    }

    /// Says whether a day is among them.
    pub fn contains(self, day: jiff::civil::Weekday) -> bool {
        self.0 & 1 << day.to_monday_zero_offset() != 0
    }

    /// Says whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}
