//! Reads the list of people that an administrator's script worked through.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::csv::{self, COLUMN, Header};
use super::folder::LARGEST;
use super::members::unreadable;
use super::people::{self, List};
use super::problem::{At, File, Problems, Reporter, quoted};
use super::results::PLAN_HASH;
use super::text::decode;
use crate::model::Selector;

/// Lists the columns that a script's list does not have, and an export of what people have does.
const OF_AN_EXPORT: [&str; 12] = [
    "UserId",
    "IsDashboardEnabled",
    "IsAddInEnabled",
    "IsDigestEmailEnabled",
    "IsMeetingEffectivenessSurveyEnabled",
    "IsScheduleSendEnabled",
    "IsDashboardOptedOut",
    "IsAddInOptedOut",
    "IsDigestEmailOptedOut",
    "IsInsightsHeadspaceEnabled",
    "TenantId",
    "ServicePlan",
];

/// Is the column in which a script may have had what it was to write.
const MODE: &str = "PrivacyMode";

/// Is the list of people that a script worked through.
#[derive(Debug)]
pub struct Script {
    list: List,
    warnings: Problems,
}

/// Reads the list that a script worked through: a CSV file with a column `UserPrincipalName`, as manifests take it.
///
/// An export of what people have is refused: recording it would make everybody's own choice count as ours. The same
/// holds for a column `PrivacyMode` in which anything but `opt-out` stands.
pub fn script(path: &Path) -> Result<Script, Problems> {
    let file = text_of(path)?;
    let mut problems = Problems::default();
    problems.know(&file);
    let read = read(&file, &mut problems);
    match read {
        Some(list) if !problems.has_errors() => Ok(Script { list, warnings: problems.without_notes() }),
        Some(_) | None => Err(problems),
    }
}

/// Reads a file of rows as text.
pub(super) fn text_of(path: &Path) -> Result<File, Problems> {
    let mut problems = Problems::default();
    let shown: Arc<Path> = path.into();
    let fail = |message: String| {
        let mut problems = Problems::default();
        problems.add(super::Severity::Error, &shown, At::TOP, message);
        problems
    };
    let about = fs::metadata(path).map_err(|error| fail(format!("the file cannot be read: {error}")))?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(fail("this is no file, or one that is larger than 1 GiB".to_owned()));
    }
    let bytes = fs::read(path).map_err(|error| fail(format!("the file cannot be read: {error}")))?;
    match decode(bytes) {
        Ok(text) => Ok(File { path: shown, text: text.into() }),
        Err(no_text) => {
            unreadable(&mut problems, &shown, no_text);
            Err(problems)
        }
    }
}

fn read(file: &File, problems: &mut Problems) -> Option<List> {
    let mut report = Reporter { problems, file: Arc::clone(&file.path) };
    let header = Header::find(&file.text, &mut report)?;
    let names: Vec<&str> = header.cells.iter().map(|cell| cell.text(&file.text)).collect();
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    if names.iter().any(|name| is(name, PLAN_HASH)) {
        report
            .error(header.at, "these are the results of a plan that was handed over")
            .hint("name that plan: `--plan plan.json`, instead of `--written-on` and `--by`");
        return None;
    }
    if let Some(name) = names.iter().find(|name| OF_AN_EXPORT.iter().any(|column| is(name, column))) {
        report
            .error(header.at, format!("the column {} belongs to an export of what people have", quoted(name)))
            .hint(
                "whoever is opted out there may have chosen so; record the list that the script worked through, \
                 with the column `UserPrincipalName` alone",
            );
        return None;
    }
    if !names.iter().any(|name| is(name, COLUMN)) {
        report
            .error(header.at, format!("there is no column `{COLUMN}`"))
            .hint("the list that the script worked through names people there");
        return None;
    }
    if let Some(at) = names.iter().position(|name| is(name, MODE)) {
        only_opt_outs(file, header.clone(), at, &mut report);
    }
    let list = csv::read(file, None, problems)?;
    if list.rows.is_empty() && !problems.has_errors() {
        let mut report = Reporter { problems, file: Arc::clone(&file.path) };
        report.error(At::TOP, "this list names nobody");
    }
    Some(list)
}

/// Refuses rows in which the mode is not the one that is recorded.
fn only_opt_outs(file: &File, header: Header<'_>, at: usize, report: &mut Reporter<'_>) {
    let mut rows = header.rows;
    let mut cells = Vec::new();
    while rows.next_into(&mut cells).is_some() {
        let Some(cell) = cells.get(at).filter(|_| cells.iter().any(|cell| cell.start < cell.end)) else {
            continue;
        };
        let mode = cell.text(&file.text);
        if !mode.eq_ignore_ascii_case("opt-out") && report.is_patient() {
            report.error(cell.place(&file.text), format!("{} is not `opt-out`", quoted(mode))).hint(
                "only opt-outs are recorded; a list with other modes is an export, or another script's",
            );
        }
    }
}

impl Script {
    /// Walks over the people: how to find them in the directory, and how the file spells them.
    pub fn people(&self) -> impl Iterator<Item = (Selector, &str)> {
        self.list.rows.iter().map(|row| {
            let spelt = self.list.spelt(*row);
            (people::person(spelt, self.list.column), spelt)
        })
    }

    /// Gives the warnings, with their places.
    pub fn warnings(&self) -> &Problems {
        &self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        fs::write(&path, text).unwrap();
        let told = |problems: Problems| {
            problems.list().iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ")
        };
        let script = script(&path).map_err(told)?;
        Ok(script.people().map(|(_, spelt)| spelt.to_owned()).collect())
    }

    #[test]
    fn the_list_of_a_script_is_read_as_members_are() {
        let people = Ok(vec!["Ada@contoso.com".to_owned(), "b@contoso.com".to_owned()]);
        for text in [
            "UserPrincipalName\nAda@contoso.com\nb@contoso.com\n",
            "\u{FEFF}#TYPE System.String\r\n\"Userprincipalname\";\"Team\"\r\n\"Ada@contoso.com\";x\r\nb@contoso.com;\r\n",
            "UserPrincipalName,PrivacyMode\nAda@contoso.com,Opt-out\nb@contoso.com,opt-out\n,\n",
        ] {
            assert_eq!(read_text(text), people, "{text}");
        }
    }

    #[test]
    fn an_export_of_what_people_have_is_refused() {
        for (text, told) in [
            (
                "UserPrincipalName,IsDashboardEnabled\na@contoso.com,True\n",
                "`IsDashboardEnabled` belongs to an export",
            ),
            ("UserId,PrivacyMode,Group\na@contoso.com,opt-out,pilot\n", "`UserId` belongs to an export"),
            (
                "UserPrincipalName,PrivacyMode\na@contoso.com,opt-out\nb@contoso.com,opt-in\n",
                "`opt-in` is not `opt-out`",
            ),
            ("UserPrincipalName,PrivacyMode\na@contoso.com,\n", "`` is not `opt-out`"),
            ("Mail\na@contoso.com\n", "no column `UserPrincipalName`"),
            ("UserPrincipalName\n", "names nobody"),
        ] {
            let refused = read_text(text).expect_err(text);
            assert!(refused.contains(told), "{text} gave {refused}");
        }
    }
}
