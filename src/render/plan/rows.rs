//! Writes a plan as CSV: one row per person and setting, those left alone included.

use std::io::{self, Write};

use super::undone::undone;
use crate::model::Setting;
use crate::plan::{Deviation, GroupLicences, LeftOut, Plan, Target};
use crate::render::table::Table;
use crate::render::words;

/// Names the columns.
const HEADER: [&str; 8] =
    ["UserPrincipalName", "ObjectId", "Group", "Setting", "From", "To", "Action", "Reason"];

/// Writes a plan as CSV: one row per person and setting, those left alone included.
///
/// `Action` is `set` or `leave`. Rows of the tenant have no address and the group `tenant`; a licensing group that is
/// changed for all of its members has no address, its own id and name, and the reason `licensing-group`. Who is left alone as a
/// whole has one row without a setting; `From` and `To` are then empty. What of a run is not undone is left as well. Cells that a spreadsheet would read as a
/// formula begin with an apostrophe, and characters that act are shown as escapes such as `\u{1b}`.
pub fn csv(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let mut table = Table::new(out, &HEADER)?;
    for operation in &plan.operations {
        let from = operation.from.map(|value| value.to_string()).unwrap_or_default();
        let to = operation.to.to_string();
        let why = words::because_word(operation.because);
        match &operation.target {
            Target::Tenant(setting) => {
                table.row(["", "", "tenant", setting.word(), &from, &to, "set", why])?;
            }
            Target::Person(person) => {
                let id = person.id.to_string();
                let setting = person.setting.word();
                table.row([&*person.upn, &id, &*person.group, setting, &from, &to, "set", why])?;
            }
        }
    }
    for GroupLicences { id, name, to, changes: _, members: _ } in &plan.licensing_groups {
        let setting = Setting::ServicePlan.word();
        table.row(["", &id.to_string(), name, setting, "", &to.to_string(), "set", "licensing-group"])?;
    }
    for person in &plan.left_alone {
        let id = person.id.map(|id| id.to_string()).unwrap_or_default();
        if person.settings.is_empty() {
            let why = words::reason_word(person.reason);
            table.row([&*person.upn, &id, &*person.group, "", "", "", "leave", why])?;
        }
        for deviation in &person.settings {
            let Deviation { setting, want, have, reason, ours_released: _, until: _, by: _ } = deviation;
            let (from, to) = (have.to_string(), want.to_string());
            let why = words::reason_word(*reason);
            table.row([&*person.upn, &id, &*person.group, setting.word(), &from, &to, "leave", why])?;
        }
    }
    for LeftOut { target, from, wrote: _, have, why } in undone(plan).iter().flat_map(|run| &run.left_out) {
        let spelt =
            |value: &Option<crate::model::Value>| value.map(|value| value.to_string()).unwrap_or_default();
        let (have, from, why) = (spelt(have), spelt(from), words::stays_word(*why));
        match target {
            Target::Tenant(setting) => {
                table.row(["", "", "tenant", setting.word(), &have, &from, "leave", why])?;
            }
            Target::Person(person) => {
                let (id, setting) = (person.id.to_string(), person.setting.word());
                table.row([&*person.upn, &id, &*person.group, setting, &have, &from, "leave", why])?;
            }
        }
    }
    table.end()
}
