//! Renders how mixed a wave is, as text, Markdown and JSON.

use std::io::{self, Write};

use super::Look;
use super::inert::{code, elide, quoted};
use super::json;
use super::markdown::{Comment, row};
use super::number::{count, counted, people, percent};
use super::page::{Line, Mark, Page};
use super::style::Meaning;
use crate::rollout::balance::{Balance, Department, Finding, Part};

/// Is how wide the columns are: the department, its people in the wave and their share, the same of the tenant.
const WIDTHS: [usize; 3] = [34, 18, 20];

/// Writes it as JSON, indented, with a newline at its end.
pub fn json(out: &mut dyn Write, balance: &Balance) -> io::Result<()> {
    json::pretty(out, balance)
}

/// Writes it as text.
pub fn text(out: &mut dyn Write, balance: &Balance, look: Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let heading = format!("Balance of {}", title(balance, quoted));
    page.line(0, &Line::default().with(Meaning::Heading, heading))?;
    page.line(2, &Line::of(size(balance)))?;
    page.line(2, &Line::of(managers(balance)))?;
    page.line(2, &Line::of(executives(balance)))?;
    if balance.groups.len() > 1 {
        page.heading("By group")?;
        for group in &balance.groups {
            let name = elide(&quoted(&group.name), WIDTHS[0] - 1).replace(' ', "\u{a0}");
            let line = Line::default().column(Meaning::Plain, &name, WIDTHS[0]);
            page.line(0, &line.right(Meaning::Plain, &part(group.people, balance.people), WIDTHS[1]))?;
        }
    }
    page.blank()?;
    let head = Line::default()
        .column(Meaning::Heading, "Department", WIDTHS[0])
        .right(Meaning::Heading, "Takes\u{a0}part", WIDTHS[1])
        .right(Meaning::Heading, "In\u{a0}the\u{a0}tenant", WIDTHS[2]);
    page.line(0, &head)?;
    let most = look.details.max(20).min(balance.departments.len());
    for Department { of, people, tenant_people } in &balance.departments[..most] {
        let name = elide(&named(of, quoted), WIDTHS[0] - 1).replace(' ', "\u{a0}");
        let line = Line::default()
            .column(Meaning::Plain, &name, WIDTHS[0])
            .right(Meaning::Plain, &part(*people, balance.people), WIDTHS[1])
            .right(Meaning::Quiet, &part(*tenant_people, balance.tenant_people), WIDTHS[2]);
        page.line(0, &line)?;
    }
    if most < balance.departments.len() {
        let more = counted((balance.departments.len() - most) as u64, "department", "departments");
        page.line(
            0,
            &Line::default().with(Meaning::Quiet, format!("… and {more} more (--verbose shows all)")),
        )?;
    }
    if !balance.findings.is_empty() {
        page.heading("What could be better")?;
        for finding in &balance.findings {
            let [fact, advice] = words(finding, balance, quoted);
            page.marked(2, Mark::Consent, Line::of(format!("{fact}: {advice}")))?;
        }
    }
    page.last(&last_line(balance))
}

/// Writes it as Markdown, below 60,000 characters.
pub fn markdown(balance: &Balance) -> String {
    let mut comment = Comment::default();
    comment.heading(2, &format!("Balance of {}", title(balance, code)));
    comment.list([size(balance), managers(balance), executives(balance)]);
    if !balance.findings.is_empty() {
        comment.heading(3, "What could be better");
        comment.list(balance.findings.iter().map(|finding| {
            let [fact, advice] = words(finding, balance, code);
            format!("**{fact}**: {advice}")
        }));
    }
    let rows = |rows: Vec<[String; 3]>| rows.iter().map(|[a, b, c]| row(&[a, b, c])).collect::<Vec<_>>();
    let departments = balance.departments.iter().map(|Department { of, people, tenant_people }| {
        [named(of, code), part(*people, balance.people), part(*tenant_people, balance.tenant_people)]
    });
    let departments = rows(departments.collect());
    let shown = departments.len().min(100);
    comment.folded(
        "Departments",
        &["Department", "Takes part", "In the tenant"],
        &departments[..shown],
        departments.len(),
    );
    comment.add(&format!("{}\n", last_line(balance)));
    comment.end()
}

/// Writes the last line.
fn last_line(balance: &Balance) -> String {
    match balance.findings.len() as u64 {
        0 => "Balance: nothing speaks against these people.".to_owned(),
        number => format!("Balance: {} could be better.", counted(number, "thing", "things")),
    }
}

fn title(balance: &Balance, quote: fn(&str) -> String) -> String {
    let whom = balance
        .wave
        .as_ref()
        .map_or_else(|| "everybody in scope".to_owned(), |wave| format!("wave {}", quote(wave)));
    format!("{whom} at {}", quote(&balance.tenant_name))
}

fn size(balance: &Balance) -> String {
    format!("{} of {} in the tenant take part", count(balance.people), people(balance.tenant_people))
}

fn managers(balance: &Balance) -> String {
    let Balance { managers, managers_with_reports, .. } = balance;
    format!(
        "{} among them, {} with reports who take part as well",
        counted(*managers, "manager", "managers"),
        count(*managers_with_reports)
    )
}

fn executives(balance: &Balance) -> String {
    format!("{} among them, by their titles", counted(balance.executives, "executive", "executives"))
}

fn named(of: &Part, quote: fn(&str) -> String) -> String {
    match of {
        Part::Department { name } => quote(name),
        Part::NoDepartment => "(no department)".to_owned(),
        Part::Merged { parts } => {
            format!("({})", counted(*parts, "department of fewer than 5", "departments of fewer than 5"))
        }
    }
}

fn part(part: u64, of: u64) -> String {
    let share = percent(part, of).map(|share| format!(" ({share})")).unwrap_or_default();
    format!("{}{share}", count(part)).replace(' ', "\u{a0}")
}

/// Says what was found, and what to change.
fn words(finding: &Finding, balance: &Balance, quote: fn(&str) -> String) -> [String; 2] {
    let share = |part, of| percent(part, of).unwrap_or_else(|| "none".to_owned());
    match finding {
        Finding::Nobody => {
            ["nobody takes part".to_owned(), "name people in the groups of this wave".to_owned()]
        }
        Finding::Executives { people } => [
            format!("{} by title", counted(*people, "executive takes part", "executives take part")),
            "the deployment guide advises against them in a pilot; take them out with `except`".to_owned(),
        ],
        Finding::NoManagers => {
            ["no manager takes part".to_owned(), "add some, with the people who report to them".to_owned()]
        }
        Finding::NoReports { managers } => [
            format!(
                "{} take part without anybody who reports to them",
                counted(*managers, "manager", "managers")
            ),
            "add their reports as well".to_owned(),
        ],
        Finding::ManagersUnknown => [
            "the directory names nobody's manager".to_owned(),
            "make sure by other means that managers take part with their reports".to_owned(),
        ],
        Finding::TooMuch { name, people, tenant_people } => [
            format!(
                "{} is {} of those who take part and {} of the tenant",
                quote(name),
                share(*people, balance.people),
                share(*tenant_people, balance.tenant_people)
            ),
            "add people of other departments, or take fewer of this one".to_owned(),
        ],
        Finding::Missing { name, tenant_people } => [
            format!(
                "nobody of {} takes part, which is {} of the tenant",
                quote(name),
                share(*tenant_people, balance.tenant_people)
            ),
            "add some of its people".to_owned(),
        ],
        Finding::DepartmentsUnknown { people } => [
            format!("of {} of {} the directory names no department", count(*people), count(balance.people)),
            "make sure by other means that they are of several".to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests;
