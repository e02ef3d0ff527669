//! Writes a report as CSV: one row per operation.

use std::io::{self, Write};

use crate::apply::{GroupRow, Report};
use crate::model::Setting;
use crate::plan::Target;
use crate::render::table::Table;
use crate::render::{licensing, words};

/// Names the columns.
const HEADER: [&str; 11] = [
    "UserPrincipalName",
    "ObjectId",
    "Group",
    "Setting",
    "From",
    "To",
    "Outcome",
    "Attempts",
    "RequestId",
    "Message",
    "At",
];

/// Writes a report as CSV: one row per operation, in the plan's order.
///
/// Rows of the tenant have no address and the group `tenant`; those of licensing groups, at the end, have no address
/// and their own id and name. `At` is RFC 3339, in UTC. Cells that a spreadsheet
/// would read as a formula begin with an apostrophe, and characters that act are shown as escapes such as `\u{1b}`.
pub fn csv(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut table = Table::new(out, &HEADER)?;
    for row in &report.rows {
        let from = row.operation.from.map(|value| value.to_string()).unwrap_or_default();
        let (to, at, attempts) = (row.operation.to.to_string(), row.at.to_string(), row.attempts.to_string());
        let (upn, id, group, setting) = match &row.operation.target {
            Target::Tenant(setting) => ("", String::new(), "tenant", setting.word()),
            Target::Person(person) => {
                (&*person.upn, person.id.to_string(), &*person.group, person.setting.word())
            }
        };
        let request = row.request_id.as_deref().unwrap_or_default();
        // Each cell is made inert as a whole.
        let message = row.why.as_ref().map(|why| words::why(why, str::to_owned)).unwrap_or_default();
        let outcome = row.outcome.word();
        table.row([upn, &id, group, setting, &from, &to, outcome, &attempts, request, &message, &at])?;
    }
    for group in &report.licensing_groups {
        let GroupRow { id, name, to, outcome, attempts, request_id, at, .. } = group;
        let (id, to, attempts, at) = (id.to_string(), to.to_string(), attempts.to_string(), at.to_string());
        let message = licensing::message(group, str::to_owned).unwrap_or_default();
        let (setting, request) = (Setting::ServicePlan.word(), request_id.as_deref().unwrap_or_default());
        table.row(["", &id, name, setting, "", &to, outcome.word(), &attempts, request, &message, &at])?;
    }
    table.end()
}
