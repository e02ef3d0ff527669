//! Renders what a milestone tells whom: a summary, a draft for each language, and a table for the mail merge.

mod eml;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Look;
use super::inert::{elide, inert, quoted};
use super::number::{count, people};
use super::page::{Line, Page};
use super::style::Meaning;
use super::table::Table;
use crate::model::rollout::Audience;
use crate::model::{Setting, Value};
use crate::rollout::{Addressee, Announcement};

pub use eml::eml;

/// Writes who is told what, for a person who is about to agree.
pub fn text(out: &mut dyn Write, announcement: &Announcement, look: Look) -> io::Result<()> {
    let Announcement { milestone, wave, date, conditional, to, drafts, people: told, told_before } =
        announcement;
    let mut page = Page::new(out, look);
    let said = format!("Milestone {}", inert(milestone));
    let of = format!(" of the wave {}, on {date}: {}", inert(wave), audience(*to));
    page.line(0, &Line::default().with(Meaning::Heading, said).plain(of))?;
    if *conditional {
        let asked = format!(
            "the conditions of {} are asked on the day itself: it begins only if they hold then",
            quoted(wave)
        );
        page.hanging(2, 2, &Line::default().with(Meaning::Consent, asked))?;
    }
    if !drafts.is_empty() {
        page.blank()?;
    }
    for draft in drafts {
        let of = |person: &&Addressee| person.language == draft.language;
        let number = told.iter().filter(of).count() as u64;
        let line = format!("{}  {}  {}", draft.language, people(number), inert(&draft.subject));
        page.line(2, &Line::of(line))?;
        for field in &draft.open {
            let line = format!("{field} stays in it: the manifest says nothing for it");
            page.line(6, &Line::default().with(Meaning::Consent, line))?;
        }
    }
    let shown = look.details.min(told.len());
    for Addressee { upn, changes, .. } in &told[..shown] {
        let line = format!("{}  {}", inert(upn), self::changes(changes));
        page.line(4, &Line::of(elide(line.trim_end(), look.width.saturating_sub(4))))?;
    }
    if told.len() > shown {
        let more = count((told.len() - shown) as u64);
        let line = format!("… and {more} more (--verbose shows all)");
        page.line(4, &Line::default().with(Meaning::Quiet, line))?;
    }
    page.last(&format!(
        "Announcement: {} to tell, {} told before; nothing is sent.",
        people(told.len() as u64),
        count(*told_before)
    ))
}

/// Writes the table for the mail merge, with the byte order mark by which spreadsheets know UTF-8.
pub fn csv(out: &mut dyn Write, announcement: &Announcement) -> io::Result<()> {
    const HEADER: [&str; 8] =
        ["UserPrincipalName", "Mail", "DisplayName", "Language", "Department", "Wave", "Group", "Changes"];
    out.write_all("\u{feff}".as_bytes())?;
    let mut table = Table::new(out, &HEADER)?;
    for Addressee { id: _, upn, profile, language, group, changes } in &announcement.people {
        let mail = profile.mail.as_deref().unwrap_or_default();
        let name = profile.name.as_deref().unwrap_or_default();
        let department = profile.department.as_deref().unwrap_or_default();
        let changes = self::changes(changes);
        table.row([upn, mail, name, language, department, &announcement.wave, group, &changes])?;
    }
    table.end()
}

/// Says of how many people nobody could say whether they are concerned.
pub fn unknown(number: u64) -> String {
    let has = if number == 1 { "has" } else { "have" };
    format!("what {} {has} could not be read: run this again later, and they are told then", people(number))
}

fn audience(to: Audience) -> &'static str {
    match to {
        Audience::Changing => "those whose setting the plan of that day changes",
        Audience::Participants => "those whose setting was changed and who have not opted out by themselves",
    }
}

fn changes(changes: &BTreeMap<Setting, Value>) -> String {
    let changes: Vec<String> = changes.iter().map(|(setting, to)| format!("{setting} {to}")).collect();
    changes.join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;
    use crate::model::{PersonId, Profile};
    use crate::rollout::Draft;

    #[test]
    fn one_person_has_and_two_have() {
        assert!(unknown(1).starts_with("what 1 person has could"));
        assert!(unknown(2).starts_with("what 2 people have could"));
    }

    fn sample() -> Announcement {
        let person = |number: u128, name: &str, language: &str| Addressee {
            id: PersonId(Uuid::from_u128(number)),
            upn: format!("{number}@contoso.com").into(),
            profile: Profile {
                name: Some(name.into()),
                mail: Some(format!("{number}@mail.contoso.com").into()),
                ..Profile::default()
            },
            language: language.into(),
            group: "pilot".into(),
            changes: BTreeMap::from([(Setting::Mode, Value::OPT_IN), (Setting::Dashboard, Value::ON)]),
        };
        let draft = |language: &str| Draft {
            language: language.into(),
            subject: "Hello".to_owned(),
            body: "Hello {{name}}\n".to_owned(),
            open: [crate::model::rollout::Field::Training].into(),
        };
        Announcement {
            milestone: "welcome".into(),
            wave: "pilot".into(),
            date: date(2026, 2, 23),
            conditional: false,
            to: Audience::Changing,
            drafts: vec![draft("en")],
            people: vec![person(1, "=cmd()", "en"), person(2, "Zoë\u{202e}", "en")],
            told_before: 3,
        }
    }

    #[test]
    fn the_table_is_for_a_spreadsheet_and_cannot_compute() {
        let mut out = Vec::new();
        csv(&mut out, &sample()).expect("memory");
        insta::assert_snapshot!(String::from_utf8(out).expect("UTF-8").strip_prefix('\u{feff}').expect("a mark"), @r#"
        UserPrincipalName,Mail,DisplayName,Language,Department,Wave,Group,Changes
        1@contoso.com,1@mail.contoso.com,'=cmd(),en,,pilot,pilot,"mode opt-in, dashboard on"
        2@contoso.com,2@mail.contoso.com,Zoë\u{202e},en,,pilot,pilot,"mode opt-in, dashboard on"
        "#);
    }

    #[test]
    fn a_person_sees_whom_it_is_for_before_they_agree() {
        let mut out = Vec::new();
        text(&mut out, &sample(), Look { details: 1, ..Look::default() }).expect("memory");
        insta::assert_snapshot!(String::from_utf8(out).expect("UTF-8"), @"
        Milestone welcome of the wave pilot, on 2026-02-23: those whose setting the plan
          of that day changes

          en  2 people  Hello
              {{training}} stays in it: the manifest says nothing for it
            1@contoso.com  mode opt-in, dashboard on
            … and 1 more (--verbose shows all)

        Announcement: 2 people to tell, 3 told before; nothing is sent.
        ");
    }
}
