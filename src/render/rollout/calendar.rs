//! Writes a rollout as an iCalendar file (RFC 5545): an all-day event for each wave, freeze, milestone and survey.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::{headcount, tenant};
use crate::model::rollout::Phase;
use crate::render::inert::{inert, quoted};
use crate::render::words;
use crate::rollout::{Overview, Wave};

/// Is how many bytes a line may have, its break not counted (RFC 5545, 3.1).
const LONGEST: usize = 75;

/// Is one event.
struct Event<'o> {
    /// What it is, beside its name; the identifier hangs on both.
    kind: &'static str,
    name: &'o str,
    summary: String,
    description: Vec<String>,
    first: Date,
    /// The day after the last.
    end: Date,
    tentative: bool,
    /// Where its days begin.
    zone: &'o str,
}

/// Writes a rollout as an iCalendar file, stamped with the moment of writing.
///
/// An event keeps its identifier as long as the tenant and its name stay the same, so that a calendar that imports the
/// file again moves the event instead of adding another.
pub fn calendar(overview: &Overview, stamp: Timestamp) -> String {
    let mut file = File::default();
    file.line("BEGIN:VCALENDAR");
    file.line("VERSION:2.0");
    file.line(concat!("PRODID:-//insightctl//insightctl ", env!("CARGO_PKG_VERSION"), "//EN"));
    file.line("CALSCALE:GREGORIAN");
    file.line("METHOD:PUBLISH");
    file.line(&format!("X-WR-CALNAME:{}", escape(&format!("Rollout of {}", tenant(overview)))));
    for event in events(overview) {
        file.event(overview, &event, stamp);
    }
    file.line("END:VCALENDAR");
    file.0
}

/// Lists what has a date.
fn events(overview: &Overview) -> Vec<Event<'_>> {
    let zone = super::zone(overview);
    let waves = overview.waves.iter().filter_map(move |wave| of_wave(wave, overview, &zone));
    let freezes = overview.freezes.iter().map(|freeze| Event {
        kind: "freeze",
        name: &freeze.name,
        summary: format!("Freeze {}", freeze.name),
        description: vec!["Nothing is changed, whatever the windows say.".to_owned()],
        first: freeze.first,
        end: freeze.end,
        tentative: false,
        zone: &freeze.time_zone,
    });
    let milestones = overview.milestones.iter().filter_map(|stone| {
        let mut description = vec![format!("Day {} of the wave {}.", stone.day, stone.wave)];
        description.extend(stone.what.iter().map(ToString::to_string));
        description.extend(stone.owner.iter().map(|owner| format!("Who sees to it: {owner}.")));
        let wave = overview.waves.iter().find(|wave| wave.status.name == stone.wave);
        Some(Event {
            kind: "milestone",
            name: &stone.name,
            summary: format!("Milestone {}", stone.name),
            description,
            first: stone.first?,
            end: stone.end?,
            tentative: wave.is_some_and(|wave| !wave.status.has_begun()),
            zone: &overview.time_zone,
        })
    });
    let surveys = overview.surveys.iter().filter_map(|survey| {
        let mut description = vec![format!("Day {} of the wave {}.", survey.day, survey.wave)];
        description.extend(survey.link.iter().map(ToString::to_string));
        let wave = overview.waves.iter().find(|wave| wave.status.name == survey.wave);
        Some(Event {
            kind: "survey",
            name: &survey.name,
            summary: format!("Survey {}", survey.name),
            description,
            first: survey.date?,
            end: survey.date?.tomorrow().ok()?,
            tentative: wave.is_some_and(|wave| !wave.status.has_begun()),
            zone: &overview.time_zone,
        })
    });
    waves.chain(freezes).chain(milestones).chain(surveys).collect()
}

/// Makes the event of a wave; one without an end is marked on its first day.
fn of_wave<'o>(wave: &'o Wave, overview: &'o Overview, zone: &TimeZone) -> Option<Event<'o>> {
    let status = &wave.status;
    let first = wave.first?;
    let end = wave.end.or_else(|| first.tomorrow().ok())?;
    let begins = if wave.end.is_none() { " begins" } else { "" };
    let mut description = vec![format!("State: {}.", words::rollout::phase(status.phase))];
    let groups: Vec<_> = status.groups.iter().map(ToString::to_string).collect();
    if !groups.is_empty() {
        description.push(format!("Groups: {}.", groups.join(", ")));
    }
    description.extend(headcount(wave).map(|people| format!("{people}.")));
    description.extend(
        status.holds.iter().map(|hold| format!("Held: {}.", words::rollout::hold(hold, zone, quoted))),
    );
    let tentative = match status.phase {
        Phase::Planned | Phase::Gated => true,
        Phase::Running | Phase::Done => false,
    };
    let summary = format!("Wave {}{begins}", status.name);
    Some(Event {
        kind: "wave",
        name: &status.name,
        summary,
        description,
        first,
        end,
        tentative,
        zone: &overview.time_zone,
    })
}

/// Is the file in the making.
#[derive(Default)]
struct File(String);

impl File {
    fn event(&mut self, overview: &Overview, event: &Event<'_>, stamp: Timestamp) {
        let Event { kind, name, summary, description, first, end, tentative, zone } = event;
        let id = Uuid::new_v5(&overview.tenant.0, format!("rollout/{kind}/{name}").as_bytes());
        let mut description = description.clone();
        description.push(format!("Days are those of {zone}."));
        let day = |day: &Date| day.strftime("%Y%m%d").to_string();
        self.line("BEGIN:VEVENT");
        self.line(&format!("UID:{id}@insightctl"));
        self.line(&format!("DTSTAMP:{}", stamp.strftime("%Y%m%dT%H%M%SZ")));
        self.line(&format!("DTSTART;VALUE=DATE:{}", day(first)));
        self.line(&format!("DTEND;VALUE=DATE:{}", day(end)));
        self.line(&format!("SUMMARY:{}", escape(summary)));
        self.line(&format!("DESCRIPTION:{}", escape(&description.join("\n"))));
        self.line(if *tentative { "STATUS:TENTATIVE" } else { "STATUS:CONFIRMED" });
        self.line("TRANSP:TRANSPARENT");
        self.line("END:VEVENT");
    }

    /// Writes a line, folded where it is too long, at no place inside a character.
    fn line(&mut self, line: &str) {
        let mut rest = line;
        let mut room = LONGEST;
        while rest.len() > room {
            let cut = rest.floor_char_boundary(room);
            self.0.push_str(&rest[..cut]);
            // The space that begins what follows counts too.
            self.0.push_str("\r\n ");
            rest = &rest[cut..];
            room = LONGEST - 1;
        }
        self.0.push_str(rest);
        self.0.push_str("\r\n");
    }
}

/// Escapes what a text of a calendar may not hold as it is (RFC 5545, 3.3.11); line breaks of ours stay breaks.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            safe.push_str("\\n");
        }
        for character in inert(line).chars() {
            if matches!(character, '\\' | ';' | ',') {
                safe.push('\\');
            }
            safe.push(character);
        }
    }
    safe
}
