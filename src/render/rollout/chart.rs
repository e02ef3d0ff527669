//! Draws a rollout as an SVG that needs nothing beside itself.

use std::fmt::Write as _;

use jiff::ToSpan;
use jiff::civil::Date;

use super::markdown::edge;
use super::{days, days_between, headcount, tenant};
use crate::model::rollout::Phase;
use crate::render::inert::{cut, inert};
use crate::render::words;
use crate::rollout::{Overview, When};

/// Is the width of the picture, in pixels.
const WIDTH: i64 = 960;
/// Is where the days begin; names stand before it.
const LEFT: i64 = 230;
/// Is where the days end.
const RIGHT: i64 = WIDTH - 24;
/// Is where the first row begins; the title and the scale stand above it.
const TOP: i64 = 92;
const ROW: i64 = 30;
/// Is how many columns of a name there is room for.
const NAME: usize = 30;

const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:13px;fill:#1f2328}\
.bg{fill:#fff}.title{font-size:17px;font-weight:600}.quiet{fill:#59636e;font-size:12px}.head{fill:#59636e;font-size:12px;\
font-weight:600}.grid{stroke:#d8dee4;stroke-width:1}.today{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:4 3}\
.now{fill:#cf222e;font-size:12px}.planned{fill:#b6c2cf}.gated{fill:#d4a72c}.running{fill:#1a7f37}.done{fill:#8c959f}\
.freeze{fill:#cf222e;fill-opacity:.45}.stone{fill:#8250df}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bg{fill:#0d1117}.quiet,.head{fill:#9198a1}.grid{stroke:#2d343c}\
.today{stroke:#ff7b72}.now{fill:#ff7b72}.planned{fill:#4d5966}.gated{fill:#d29922}.running{fill:#3fb950}.done{fill:#656c76}\
.freeze{fill:#ff7b72}.stone{fill:#a371f7}}";

/// Is one row of the picture.
struct Bar {
    name: String,
    /// Stands behind the bar.
    beside: String,
    class: &'static str,
    first: Option<Date>,
    /// The day after the last; open at the edge of the picture where there is none.
    end: Option<Date>,
    /// Drawn as a diamond instead of a bar.
    point: bool,
}

/// Is the days that the picture shows.
#[derive(Clone, Copy)]
struct Scale {
    from: Date,
    to: Date,
}

impl Scale {
    /// Gives where a day begins, in pixels.
    fn x(self, day: Date) -> i64 {
        let (from, all) = (days_between(self.from, day), days_between(self.from, self.to).max(1));
        LEFT + (RIGHT - LEFT) * from.clamp(0, all) / all
    }
}

/// Writes a rollout as an SVG, light or dark as whoever looks at it prefers.
pub fn svg(overview: &Overview) -> String {
    let sections = sections(overview);
    let rows: usize = sections.iter().map(|(_, bars)| bars.len() + 1).sum();
    let bottom = TOP + ROW * i64::try_from(rows).unwrap_or(i64::MAX / ROW / 2);
    let scale = scale(overview, &sections);
    let mut svg = Svg::default();
    let (title, told) = (format!("Rollout of {}", tenant(overview)), description(overview, &sections));
    svg.add(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{0}\" viewBox=\"0 0 {WIDTH} {0}\" role=\"img\" \
         aria-labelledby=\"title description\">",
        bottom + 20
    ));
    svg.add(&format!("<title id=\"title\">{}</title>", escape(&title)));
    svg.add(&format!("<desc id=\"description\">{}</desc>", escape(&told)));
    svg.add(&format!("<style>{STYLE}</style>"));
    svg.add("<rect class=\"bg\" width=\"100%\" height=\"100%\"/>");
    svg.text("title", 24, 34, "start", cut(&inert(&title), 90).as_ref());
    svg.text("quiet", 24, 54, "start", &format!("as of {} ({})", overview.today, overview.time_zone));
    for (day, name) in ticks(scale) {
        let x = scale.x(day);
        svg.add(&format!("<line class=\"grid\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/>", TOP - 8));
        svg.text("quiet", x + 3, TOP - 14, "start", &name);
    }
    let mut y = TOP;
    for (head, bars) in &sections {
        svg.text("head", 24, y + 20, "start", head);
        y += ROW;
        for bar in bars {
            svg.bar(bar, scale, y);
            y += ROW;
        }
    }
    let x = scale.x(overview.today);
    svg.add(&format!("<line class=\"today\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/>", TOP - 8));
    svg.text("now", x, bottom + 14, "middle", "today");
    svg.add("</svg>");
    svg.0
}

/// Gathers the rows, under their headings.
fn sections(overview: &Overview) -> Vec<(&'static str, Vec<Bar>)> {
    let waves = overview.waves.iter().map(|wave| {
        let phase = wave.status.phase;
        let people = headcount(wave.people).map(|people| format!(", {people}")).unwrap_or_default();
        Bar {
            name: wave.status.name.to_string(),
            beside: format!("{}{people}", words::rollout::phase(phase)),
            class: match phase {
                Phase::Planned => "planned",
                Phase::Gated => "gated",
                Phase::Running => "running",
                Phase::Done => "done",
            },
            first: wave.first,
            end: wave.end,
            point: false,
        }
    });
    let freezes = overview.freezes.iter().filter(|freeze| freeze.state != When::Over).map(|freeze| Bar {
        name: freeze.name.to_string(),
        beside: String::new(),
        class: "freeze",
        first: Some(freeze.first),
        end: Some(freeze.end),
        point: false,
    });
    let milestones = overview.milestones.iter().map(|stone| Bar {
        name: stone.name.to_string(),
        beside: days(stone.first, stone.end),
        class: "stone",
        first: stone.first,
        end: stone.end,
        point: stone.first.and_then(|first| first.tomorrow().ok()) == stone.end,
    });
    let all: [(_, Vec<_>); 3] =
        [("Waves", waves.collect()), ("Freezes", freezes.collect()), ("Milestones", milestones.collect())];
    all.into_iter().filter(|(_, bars)| !bars.is_empty()).collect()
}

/// Shows everything that has a date, and today.
fn scale(overview: &Overview, sections: &[(&str, Vec<Bar>)]) -> Scale {
    let firsts = sections.iter().flat_map(|(_, bars)| bars).filter_map(|bar| bar.first);
    let from = firsts.chain([overview.today]).min().unwrap_or(overview.today);
    Scale { from: from.checked_sub(3.days()).unwrap_or(from), to: edge(overview) }
}

/// Lists the days that the scale names: Mondays, months, quarters or years, about ten of them.
fn ticks(scale: Scale) -> Vec<(Date, String)> {
    let Scale { from, to } = scale;
    let all = days_between(from, to);
    let month = from.first_of_month();
    let (first, step, form) = match all {
        ..=98 => {
            let monday = from.checked_sub(i64::from(from.weekday().to_monday_zero_offset()).days());
            (monday.unwrap_or(from), if all > 49 { 2.weeks() } else { 1.week() }, "%Y-%m-%d")
        }
        99..=420 => (month, 1.month(), "%Y-%m"),
        421..=1_260 => (month, 3.months(), "%Y-%m"),
        _ => (from.first_of_year(), (all / 3_650 + 1).years(), "%Y"),
    };
    let days = (0_i64..).map_while(|index| first.checked_add(index * step).ok()).take_while(|day| *day < to);
    days.filter(|day| *day >= from).map(|day| (day, day.strftime(form).to_string())).collect()
}

/// Tells the picture to whoever does not see it.
fn description(overview: &Overview, sections: &[(&str, Vec<Bar>)]) -> String {
    let mut told = format!("As of {}.", overview.today);
    for (head, bars) in sections {
        write!(told, " {head}:").expect("writing to a string cannot fail");
        for (index, bar) in bars.iter().enumerate() {
            let gap = if index == 0 { "" } else { ";" };
            let beside = if bar.class == "stone" || bar.beside.is_empty() {
                String::new()
            } else {
                format!(", {}", bar.beside)
            };
            write!(told, "{gap} {}, {}{beside}", bar.name, days(bar.first, bar.end))
                .expect("writing to a string cannot fail");
        }
        told.push('.');
    }
    told
}

/// Is the picture in the making.
#[derive(Default)]
struct Svg(String);

impl Svg {
    fn add(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn text(&mut self, class: &str, x: i64, y: i64, anchor: &str, text: &str) {
        let text = escape(text);
        self.add(&format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    fn bar(&mut self, bar: &Bar, scale: Scale, y: i64) {
        let Bar { name, beside, class, first, end, point } = bar;
        self.text("name", 24, y + 20, "start", cut(&inert(name), NAME).as_ref());
        let Some(first) = first else {
            self.text("quiet", LEFT + 6, y + 20, "start", &format!("{beside}, no date yet"));
            return;
        };
        let (from, to) = (scale.x(*first), scale.x(end.unwrap_or(scale.to)));
        let to = if *point {
            let (x, y) = (from, y + 15);
            self.add(&format!("<path class=\"{class}\" d=\"M{x} {}l8 8l-8 8l-8-8z\"/>", y - 8));
            from + 10
        } else {
            let to = to.max(from + 4);
            let width = to - from;
            self.add(&format!(
                "<rect class=\"{class}\" x=\"{from}\" y=\"{}\" width=\"{width}\" height=\"18\" rx=\"4\"/>",
                y + 6
            ));
            to
        };
        // Behind the bar where there is room, before it where there is not.
        if to + 7 * i64::try_from(beside.chars().count()).unwrap_or(0) < RIGHT {
            self.text("quiet", to + 6, y + 19, "start", beside);
        } else {
            self.text("quiet", from - 12, y + 19, "end", beside);
        }
    }
}

/// Makes text that no markup can come out of.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for character in inert(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Half of a pair, which XML does not know either, cannot be in a text.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}
