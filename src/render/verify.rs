//! Renders what has become of writes that did not show when their run ended.

use std::io::{self, Write};

use super::Look;
use super::inert::{elide, inert, width};
use super::number::{count, counted, moment};
use super::page::{Line, Page};
use super::style::Meaning;
use super::table::Table;
use super::words;
use crate::plan::{Settled, Target, Verified};

/// Writes it as text: by what has become of it, whatever needs a look by name, one last line.
pub fn text(out: &mut dyn Write, rows: &[Verified], look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    for settled in Settled::ALL {
        let here: Vec<&Verified> = rows.iter().filter(|row| row.settled == settled).collect();
        if here.is_empty() {
            continue;
        }
        let title = format!("{}: {}", words::settled_word(settled), words::settled(settled));
        page.heading(&format!("{title} ({})", count(here.len() as u64)))?;
        if settled == Settled::Confirmed {
            continue;
        }
        let shown = &here[..here.len().min(look.details)];
        let longest = shown.iter().map(|row| width(&inert(who(row)))).max().unwrap_or(0);
        let columns = longest.min(page.look.width / 2 - 2).max(12);
        for row in shown {
            let have = row.have.map(|have| format!(", now {have}")).unwrap_or_default();
            let line = Line::default()
                .column(Meaning::Plain, &elide(&inert(who(row)), columns), columns + 2)
                .plain(format!("{} {}", setting(row), row.wrote))
                .with(Meaning::Quiet, format!(", written {}{have}", moment(row.at)));
            page.hanging(2, columns + 4, &line)?;
        }
        if here.len() > shown.len() {
            let more = format!("… and {} more", count((here.len() - shown.len()) as u64));
            page.line(2, &Line::default().with(Meaning::Quiet, more))?;
        }
        if let Some(hint) = words::settled_hint(settled) {
            page.line(2, &Line::default().with(Meaning::Hint, "hint: ").plain(hint))?;
        }
    }
    page.last(&last_line(rows))
}

/// Writes the last line: `Verify: …`, or that nothing was left to look at.
pub fn last_line(rows: &[Verified]) -> String {
    if rows.is_empty() {
        return "Verify: everything that was written has been read back.".to_owned();
    }
    let parts = Settled::ALL.into_iter().filter_map(|settled| {
        let number = rows.iter().filter(|row| row.settled == settled).count() as u64;
        (number > 0).then(|| format!("{} {}", count(number), words::settled_word(settled)))
    });
    let parts: Vec<_> = parts.collect();
    let all = counted(rows.len() as u64, "write", "writes");
    format!("Verify: {} of {all} that had not been read back.", parts.join(", "))
}

/// Writes it as JSON: a list with one object for each write.
pub fn json(out: &mut dyn Write, rows: &[Verified]) -> io::Result<()> {
    super::json::pretty(out, &rows)
}

/// Writes it as CSV: one row for each write.
pub fn csv(out: &mut dyn Write, rows: &[Verified]) -> io::Result<()> {
    const HEADER: [&str; 8] =
        ["UserPrincipalName", "ObjectId", "Group", "Setting", "Wrote", "Have", "Outcome", "At"];
    let mut table = Table::new(out, &HEADER)?;
    for row in rows {
        let Verified { target, wrote, at, have, settled } = row;
        let (id, group) = match target {
            Target::Tenant(_) => (String::new(), ""),
            Target::Person(person) => (person.id.to_string(), &*person.group),
        };
        let have = have.map(|have| have.to_string()).unwrap_or_default();
        let (wrote, at) = (wrote.to_string(), at.to_string());
        let outcome = words::settled_word(*settled);
        table.row([who(row), &id, group, setting(row), &wrote, &have, outcome, &at])?;
    }
    table.end()
}

fn who(row: &Verified) -> &str {
    match &row.target {
        Target::Tenant(_) => "tenant",
        Target::Person(person) => &person.upn,
    }
}

fn setting(row: &Verified) -> &'static str {
    match &row.target {
        Target::Tenant(setting) => setting.word(),
        Target::Person(person) => person.setting.word(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{PersonId, Setting, TenantSetting, Value};
    use crate::plan::PersonTarget;

    fn rows() -> Vec<Verified> {
        let at = Timestamp::from_second(1_790_000_000).expect("a moment");
        let person = |number: u128, upn: &str| {
            let id = PersonId(uuid::Uuid::from_u128(number));
            Target::Person(PersonTarget {
                upn: upn.into(),
                id,
                group: "pilot".into(),
                setting: Setting::Mode,
            })
        };
        let row = |target, wrote, have, settled| Verified { target, wrote, at, have: Some(have), settled };
        vec![
            row(Target::Tenant(TenantSetting::Dashboard), Value::OFF, Value::ON, Settled::Settling),
            row(person(1, "ada@contoso.com"), Value::OPT_OUT, Value::OPT_OUT, Settled::Confirmed),
            row(person(2, "=cmd()\u{1b}[2J"), Value::OPT_OUT, Value::OPT_IN, Settled::NotTaken),
        ]
    }

    #[test]
    fn what_needs_a_look_is_named_and_the_rest_is_counted() {
        let mut out = Vec::new();
        text(&mut out, &rows(), Look::default()).expect("memory");
        insta::assert_snapshot!(String::from_utf8(out).expect("UTF-8"), @r"
        confirmed: it shows (1)

        settling: it does not show yet; this is no failure (1)
          tenant        dashboard off, written 2026-09-21 14:13 UTC, now on
          hint: people's settings usually show within 15 minutes, service plans within
            an hour, defaults within a day

        not-taken: it did not show in its time (1)
          =cmd()\u{1b}[2J  mode opt-out, written 2026-09-21 14:13 UTC, now opt-in
          hint: plan again: it is written once more, and after that taken for somebody's
            choice

        Verify: 1 confirmed, 1 settling, 1 not-taken of 3 writes that had not been read back.
        ");
        assert_eq!(last_line(&[]), "Verify: everything that was written has been read back.");
    }

    #[test]
    fn a_table_says_for_each_write_what_is_there_now() {
        let mut out = Vec::new();
        csv(&mut out, &rows()).expect("memory");
        insta::assert_snapshot!(String::from_utf8(out).expect("UTF-8"), @r"
        UserPrincipalName,ObjectId,Group,Setting,Wrote,Have,Outcome,At
        tenant,,,dashboard,off,on,settling,2026-09-21T14:13:20Z
        ada@contoso.com,00000000-0000-0000-0000-000000000001,pilot,mode,opt-out,opt-out,confirmed,2026-09-21T14:13:20Z
        '=cmd()\u{1b}[2J,00000000-0000-0000-0000-000000000002,pilot,mode,opt-out,opt-in,not-taken,2026-09-21T14:13:20Z
        ");
    }
}
