//! Says what a waiver consents to, before somebody hands it on.

use std::io::{self, Write};

use super::page::{Line, Mark, Page};
use super::style::Meaning;
use super::{Look, inert, objection, words};
use crate::model::Waiver;
use crate::plan::guard::Objection;

/// Writes what a waiver consents to: each objection that it answers, and who consents, why and until when.
pub fn text(out: &mut dyn Write, waiver: &Waiver, objections: &[Objection], look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    page.line(0, &Line::default().with(Meaning::Quiet, format!("plan {}", waiver.plan)))?;
    for objection in objections.iter().filter(|objection| waiver.class.contains(&objection.class)) {
        let line = Line::of(format!("{}.", objection::sentence(objection, inert::quoted)));
        page.marked(2, Mark::Consent, line)?;
    }
    page.line(0, &Line::of(words::waiver(waiver, inert::quoted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::inert::acts;
    use crate::render::sample;

    fn shown(waiver: &Waiver) -> String {
        let mut out = Vec::new();
        text(&mut out, waiver, &sample::objections(), Look::default()).expect("memory");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_waiver_tells_how_many_people_it_is_about_and_what_the_limit_was() {
        insta::assert_snapshot!(shown(&sample::waiver()), @r"
        plan sha256:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a
          ! defaults: 4,312 of 5,000 people in the directory would move with the
            tenant's defaults; this always needs consent.
        defaults, by ada@contoso.com until 2026-11-30: agreed
        ");
    }

    #[test]
    fn what_somebody_gives_as_a_reason_is_inert() {
        let hostile = sample::HOSTILE.to_owned();
        let text = shown(&Waiver { reason: hostile.clone(), by: hostile, ..sample::waiver() });
        assert!(!text.contains(|c: char| c != '\n' && acts(c)), "{text:?}");
    }
}
